// Command vocabulary packs the published vocabularies of OpenAI's encodings into
// the form that package model/token/vocabulary reads.
//
//	vocabulary -from FOLDER -out FOLDER     write cl100k_base.bpe and o200k_base.bpe
//	vocabulary -from FOLDER -verify FOLDER  make them in memory and compare what both hold
//
// The folder has the files cl100k_base.tiktoken and o200k_base.tiktoken; the
// README beside this file says how they are fetched. They are known by their
// SHA-256, which are those that OpenAI's own library holds them to, so another
// file is refused, and the same input gives the same bytes on every machine.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/smartretriever/smartretriever/model/token/vocabulary"
)

// published are the files and what they must be.
var published = []struct{ name, sha256 string }{
	{"cl100k_base", "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"},
	{"o200k_base", "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"},
}

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "vocabulary:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("vocabulary", flag.ContinueOnError)
	from := flags.String("from", "", "the `folder` with the published files")
	out := flags.String("out", "", "the `folder` to write to")
	verify := flags.String("verify", "", "a `folder` whose files are compared")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *from == "" || (*out == "") == (*verify == "") {
		return fmt.Errorf("give -from, and one of -out and -verify")
	}
	for _, p := range published {
		packed, err := pack(filepath.Join(*from, p.name+".tiktoken"), p.sha256)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(packed)
		fmt.Fprintf(stdout, "%s.bpe: %d bytes, sha256 %x\n", p.name, len(packed), sum)
		if *out != "" {
			if err := os.WriteFile(filepath.Join(*out, p.name+".bpe"), packed, 0o644); err != nil {
				return err
			}
			continue
		}
		have, err := os.ReadFile(filepath.Join(*verify, p.name+".bpe"))
		if err != nil {
			return err
		}
		if err := compare(have, packed); err != nil {
			return fmt.Errorf("%s.bpe: %w", p.name, err)
		}
	}
	return nil
}

// compare compares what two packed files unfold to: another release of Go may
// compress otherwise.
func compare(have, want []byte) error {
	haveText, haveBegins, err := vocabulary.Unpack(have)
	if err != nil {
		return err
	}
	wantText, wantBegins, err := vocabulary.Unpack(want)
	if err != nil {
		return err
	}
	if !bytes.Equal(haveText, wantText) || !slices.Equal(haveBegins, wantBegins) {
		return fmt.Errorf("is not what the published file gives")
	}
	return nil
}

// pack reads a published file, of the given SHA-256 in hexadecimal, and packs it.
func pack(path, want string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != want {
		return nil, fmt.Errorf("%s: the SHA-256 is %x instead of %s", path, sum, want)
	}
	tokens, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return vocabulary.Pack(tokens)
}

// parse reads lines of a token in base64 and its rank, which count up from 0.
func parse(data []byte) ([][]byte, error) {
	var tokens [][]byte
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		text, rank, _ := bytes.Cut(lines.Bytes(), []byte(" "))
		if n, err := strconv.Atoi(string(rank)); err != nil || n != len(tokens) {
			return nil, fmt.Errorf("line %d: the rank is %q", len(tokens)+1, rank)
		}
		token, err := base64.StdEncoding.DecodeString(string(text))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", len(tokens)+1, err)
		}
		tokens = append(tokens, token)
	}
	return tokens, lines.Err()
}
