// Command quantize makes the weight file of the built-in text encoder out of the
// published 32-bit model.
//
//	quantize -jar FILE -out FILE     write the weight file
//	quantize -jar FILE -verify FILE  make it in memory and compare
//
// The jar is the Maven package that carries the model as ONNX; the README beside
// this file says how it is fetched. The ONNX file and the tokenizer are known by
// their SHA-256, so another file is refused, and the same input always gives the
// same bytes, on every machine. The file's form is that of package weightfile.
//
// What is done to the numbers: the weights of every linear layer become 8-bit
// integers with one scale for each output (the largest magnitude is 127), the
// word embeddings the same with one scale for each word; biases, layer
// normalisation, positions and segments stay as they are.
package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quantize:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("quantize", flag.ContinueOnError)
	jar := flags.String("jar", "", "the Maven `package` with the 32-bit model")
	out := flags.String("out", "", "the `file` to write")
	verify := flags.String("verify", "", "a `file` to compare with, byte by byte")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *jar == "" || (*out == "") == (*verify == "") {
		return fmt.Errorf("give -jar and one of -out and -verify")
	}
	file, err := build(*jar)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(file)
	if *verify != "" {
		have, err := os.ReadFile(*verify)
		if err != nil {
			return err
		}
		if !bytes.Equal(have, file) {
			return fmt.Errorf("%s has sha256 %x; what was made now has %x", *verify, sha256.Sum256(have), sum)
		}
	} else if err := os.WriteFile(*out, file, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%x  %d bytes\n", sum, len(file))
	return nil
}

// build reads the model out of the jar and returns the weight file.
func build(jar string) ([]byte, error) {
	z, err := zip.OpenReader(jar)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", jar, err)
	}
	defer z.Close()
	model, err := member(&z.Reader, bge.onnx, bge.onnxSHA256)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", jar, err)
	}
	tokenizer, err := member(&z.Reader, bge.tokenizer, bge.tokenizerSHA256)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", jar, err)
	}
	graph, err := parseONNX(model)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", bge.onnx, err)
	}
	vocabulary, err := readVocabulary(tokenizer)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", bge.tokenizer, err)
	}
	return convert(graph, vocabulary)
}

// member reads a file of the archive whose SHA-256 is known.
func member(z *zip.Reader, name, want string) ([]byte, error) {
	f, err := z.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 1<<30))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); got != want {
		return nil, fmt.Errorf("%s has sha256 %s; %s is expected", name, got, want)
	}
	return data, nil
}
