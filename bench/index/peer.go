package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// request is what a peer is asked, one JSON value a line. Which fields count
// depends on the operation: build, load or search.
type request struct {
	Op      string         `json:"op"`
	Base    string         `json:"base,omitempty"`    // file of vectors
	Docs    string         `json:"docs,omitempty"`    // file of documents
	Index   string         `json:"index,omitempty"`   // file or folder of the index
	Dims    int            `json:"dims,omitempty"`    //
	Rows    int            `json:"rows,omitempty"`    //
	Threads int            `json:"threads,omitempty"` //
	Words   bool           `json:"positions"`         // keep the places of words
	Queries string         `json:"queries,omitempty"`
	Count   int            `json:"count,omitempty"` // of the queries, from the first on
	K       int            `json:"k,omitempty"`
	Param   map[string]int `json:"param"`
	Filter  string         `json:"filter"`            // file of a set of rows; empty: all
	Answers string         `json:"answers,omitempty"` // file for the rows found
	Scores  string         `json:"scores,omitempty"`  // file for their scores
	Times   string         `json:"times,omitempty"`   // file for the nanoseconds of each query
	Spent   string         `json:"spent,omitempty"`   // file for its nanoseconds of processor time
}

// reply is a peer's answer.
type reply struct {
	Wall      float64 `json:"wall_s,omitempty"` // of building or loading
	CPU       float64 `json:"cpu_s,omitempty"`
	Bytes     float64 `json:"bytes,omitempty"`
	Docs      int     `json:"docs,omitempty"`
	Resident  float64 `json:"resident_bytes,omitempty"` // more memory in use after loading than before
	Overhead  float64 `json:"overhead_us,omitempty"`    // of a call that has nothing to do
	WallEach  float64 `json:"wall_us,omitempty"`        // of a query
	CPUEach   float64 `json:"cpu_us,omitempty"`
	P50       float64 `json:"p50_us,omitempty"`
	P99       float64 `json:"p99_us,omitempty"`
	BatchEach float64 `json:"batch_us,omitempty"` // processor time of a query, all given in one call
	Fault     string  `json:"error,omitempty"`
}

// peer is a running program that serves one index.
type peer struct {
	title string
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
}

// start runs a peer. It ends with ctx, or when it is closed.
func start(ctx context.Context, name string, argv []string) (*peer, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stderr = os.Stderr
	cmd.WaitDelay = 5 * time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &peer{title: name, cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

// ask puts a request and waits for its answer.
func (p *peer) ask(r request) (reply, error) {
	var a reply
	line, err := json.Marshal(r)
	if err != nil {
		return a, err
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return a, fmt.Errorf("%s: %w", p.title, err)
	}
	answer, err := p.out.ReadBytes('\n')
	if err != nil {
		return a, fmt.Errorf("%s ended while it was asked to %s: %w", p.title, r.Op, err)
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return a, fmt.Errorf("%s: %w in %q", p.title, err, answer)
	}
	if a.Fault != "" {
		return a, fmt.Errorf("%s: %s", p.title, a.Fault)
	}
	return a, nil
}

// close ends the peer.
func (p *peer) close() {
	p.in.Close()
	p.cmd.Wait() // an error of a program that has answered everything says nothing
}
