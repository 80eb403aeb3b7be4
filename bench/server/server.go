// Package server starts bin/smartretriever as a process for the benchmarks and
// talks to it over HTTP, as a client would.
package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Server is a running process.
type Server struct {
	URL   string
	Ready time.Duration // from start to the first 200 of /ready
	cmd   *exec.Cmd
	log   *os.File
}

// Start runs the binary on a free port over the data folder and waits until it
// is ready. Its log goes to log in that folder.
func Start(ctx context.Context, binary, data string) (*Server, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	l.Close()
	log, err := os.Create(filepath.Join(data, "log"))
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + addr, log: log}
	s.cmd = exec.CommandContext(ctx, binary, "serve", "--addr", addr, "--data", data)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	begun := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for time.Since(begun) < 30*time.Second {
		resp, err := http.Get(s.URL + "/ready")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				s.Ready = time.Since(begun)
				return s, nil
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	s.Stop()
	text, _ := os.ReadFile(log.Name())
	return nil, fmt.Errorf("the server was not ready after 30 s; its log:\n%s", text)
}

// Stop ends the process in good order and waits for it.
func (s *Server) Stop() error {
	s.cmd.Process.Signal(syscall.SIGTERM)
	err := s.cmd.Wait()
	s.log.Close()
	return err
}

// ResidentMiB returns the resident memory of the process now and at its peak.
func (s *Server) ResidentMiB() (now, peak float64, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for _, line := range strings.Split(string(data), "\n") {
		var kib float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kib); n == 1 {
			now = kib / 1024
		}
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kib); n == 1 {
			peak = kib / 1024
		}
	}
	return now, peak, nil
}

// Call sends a JSON request and reads a JSON answer into out.
func (s *Server) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.URL+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %.500s", method, path, resp.Status, data)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(data, out)
}

// Document is one document to add.
type Document struct {
	ExternalID string `json:"external_id"`
	Title      string `json:"title"`
	Text       string `json:"text"`
}

// Add puts documents into a collection and fails if one was not taken.
func (s *Server) Add(ctx context.Context, collection string, docs []Document) error {
	var out struct {
		Documents []struct {
			ExternalID string `json:"external_id"`
			State      string `json:"state"`
			Error      any    `json:"error"`
		} `json:"documents"`
	}
	err := s.Call(ctx, "POST", "/api/v1/collections/"+collection+"/documents", map[string]any{"documents": docs}, &out)
	if err != nil {
		return err
	}
	for _, d := range out.Documents {
		if d.State == "failed" {
			return fmt.Errorf("document %s: %v", d.ExternalID, d.Error)
		}
	}
	return nil
}

// Found is one hit.
type Found struct {
	Score    float64 `json:"score"`
	Document struct {
		ExternalID string `json:"external_id"`
	} `json:"document"`
}

// Search returns the best k documents.
func (s *Server) Search(ctx context.Context, collection, query, mode string, k int) ([]Found, error) {
	var out struct {
		Hits []Found `json:"hits"`
	}
	err := s.Call(ctx, "POST", "/api/v1/collections/"+collection+"/search",
		map[string]any{"query": query, "k": k, "mode": mode, "group_by": "document"}, &out)
	return out.Hits, err
}
