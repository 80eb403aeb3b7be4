// Command embed serves the scripts beside it that compare the built-in embedder
// with others. Each verb is a filter: a JSON value a line in, one a line out.
//
//	embed tokens    a text in, its token ids out
//	embed vectors   a text in, its vector out
//	embed scores    a question and a passage in (a list of two), a cross-encoder's score out
//	embed speed     a job in (see speed.go), its times out
//
// A weight file may follow the verb; without one the built-in model is used.
//
// bench.sh fetches the rivals, calls the scripts and writes
// bench/results/embed.json.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/smartretriever/smartretriever/model/bert"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/model/bert/weights"
	"github.com/smartretriever/smartretriever/model/embed/static"
	"github.com/smartretriever/smartretriever/rag"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "embed:", err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	file := weights.BGESmallEnV15()
	if len(args) == 2 {
		var err error
		if file, err = os.ReadFile(args[1]); err != nil {
			return err
		}
		args = args[:1]
	}
	if f, err := weightfile.Parse(file); err == nil && f.Model.Architecture == static.Architecture {
		return table(file, args, stdin, stdout)
	}
	model, err := bert.Open(file)
	if err != nil {
		return err
	}
	encoder, err := bert.NewEncoder(model, bert.Config{})
	if err != nil {
		return err
	}
	if len(args) != 1 {
		args = []string{""}
	}
	switch args[0] {
	case "speed":
		return speed(model, stdin, stdout)
	case "tokens":
		return filter(stdin, stdout, func(text string) (any, error) {
			return model.Tokenizer().Append([]int32{}, text, -1), nil
		})
	case "vectors":
		vector := make([]float32, model.Hidden)
		return filter(stdin, stdout, func(text string) (any, error) {
			return vector, encoder.Encode(context.Background(), vector, "", []string{text})
		})
	}
	if args[0] == "scores" {
		score := make([]float32, 1)
		return filter(stdin, stdout, func(pair [2]string) (any, error) {
			_, err := encoder.Score(context.Background(), score, []bert.Pair{{Question: pair[0], Passage: pair[1]}})
			return score[0], err
		})
	}
	return fmt.Errorf("say what to do: tokens, vectors, scores or speed")
}

// table answers for a static model.
func table(file []byte, args []string, stdin io.Reader, stdout io.Writer) error {
	e, err := static.New(static.Config{Weights: file})
	if err != nil {
		return err
	}
	if len(args) != 1 || args[0] != "vectors" {
		return fmt.Errorf("a static model has vectors only")
	}
	return filter(stdin, stdout, func(text string) (any, error) {
		vectors, err := e.Embed(context.Background(), rag.PassageText, []string{text})
		if err != nil {
			return nil, err
		}
		return vectors[0], nil
	})
}

// filter answers each line of r with one line. Output is flushed whenever no
// further input is at hand, so that a peer may write a line and wait.
func filter[T any](r io.Reader, w io.Writer, f func(in T) (any, error)) error {
	in, out := bufio.NewReaderSize(r, 1<<20), bufio.NewWriterSize(w, 1<<20)
	encoder := json.NewEncoder(out)
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return out.Flush()
		}
		if err != nil {
			return err
		}
		var value T
		if err := json.Unmarshal(line, &value); err != nil {
			return fmt.Errorf("cannot read a line of input: %w", err)
		}
		answer, err := f(value)
		if err != nil {
			return err
		}
		if err := encoder.Encode(answer); err != nil {
			return err
		}
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}
