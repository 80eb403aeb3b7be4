//go:build onnx

package onnx

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// Config says which model is run, and by what. Library and Path must be given.
type Config struct {
	// Library is the path of ONNX Runtime's shared library, libonnxruntime.so. A
	// process can load one.
	Library string
	// Path is an .onnx file with its tokenizer beside or above it, or the folder of
	// a model that has one.
	Path string
	// Device is "cpu", or "cuda" or "cuda:N" for an NVIDIA GPU, which needs the
	// library's CUDA build. Default: "cpu".
	Device string
	// Threads of one run. Default: the runtime's choice, one a core.
	Threads int
	// Pooling, QueryPrefix, PassagePrefix and MaxTokens override what the model's
	// files say; see convert.Options.
	Pooling                    string
	QueryPrefix, PassagePrefix *string
	MaxTokens                  int
	// BatchTokens bounds a batch, padding included. Default: 8,192.
	BatchTokens int
}

// withDefaults fills in the zero fields.
func (c Config) withDefaults() Config {
	if c.Device == "" {
		c.Device = "cpu"
	}
	if c.BatchTokens == 0 {
		c.BatchTokens = 8192
	}
	return c
}

// gpu returns the number of the CUDA device, and whether one is wanted.
func (c Config) gpu() (int, bool, error) {
	if c.Device == "cpu" {
		return 0, false, nil
	}
	kind, number, numbered := strings.Cut(c.Device, ":")
	n, err := strconv.Atoi(number)
	if !numbered {
		n, err = 0, nil
	}
	if kind != "cuda" || err != nil || n < 0 {
		return 0, false, rag.Errorf(rag.KindInvalid, "embedder: device %q is not known; cpu, cuda and cuda:N are", c.Device)
	}
	return n, true, nil
}

// graph returns the path of the .onnx file.
func (c Config) graph() (string, error) {
	info, err := os.Stat(c.Path)
	switch {
	case os.IsNotExist(err):
		return "", rag.Errorf(rag.KindNotFound, "embedder: there is no model at %s", c.Path)
	case err != nil:
		return "", rag.Wrap(rag.KindInvalid, err, "embedder: read the model")
	case !info.IsDir():
		return c.Path, nil
	}
	for _, name := range []string{"model.onnx", "onnx/model.onnx"} {
		file := filepath.Join(c.Path, filepath.FromSlash(name))
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file, nil
		}
	}
	return "", rag.Errorf(rag.KindInvalid, "embedder: %s has no model.onnx and no onnx/model.onnx; name the .onnx file", c.Path)
}
