// Command tokens prints the tokens of the texts that it reads, for tokens.py to
// compare with OpenAI's library.
//
//	tokens ENCODING   reads a JSON string a line, writes a JSON list of tokens a line
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/smartretriever/smartretriever/model/token/bpe"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "tokens:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("give the name of an encoding")
	}
	var answer func(text string) any
	for _, e := range []*bpe.Encoding{bpe.Cl100k, bpe.O200k} {
		if e.Name() == args[0] {
			answer = func(text string) any { return e.Append([]uint32{}, text) }
		}
	}
	if answer == nil {
		return fmt.Errorf("%q is not known", args[0])
	}
	w := bufio.NewWriter(out)
	lines, encoder := json.NewDecoder(in), json.NewEncoder(w)
	for {
		var text string
		if err := lines.Decode(&text); err == io.EOF {
			return w.Flush()
		} else if err != nil {
			return err
		}
		if err := encoder.Encode(answer(text)); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
}
