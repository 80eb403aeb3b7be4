//go:build onnx

package backends

import (
	"context"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/embed/onnx"
)

// openONNX makes the embedder that runs a model with ONNX Runtime.
func openONNX(cfg config.Embedder, c *root.Config) error {
	o := onnx.Config{
		Library: cfg.ONNX.Library, Path: cfg.Model, Device: cfg.ONNX.Device, Threads: cfg.Threads, Pooling: cfg.ONNX.Pooling, MaxTokens: cfg.MaxTokens,
	}
	if cfg.QueryPrefix != "" {
		o.QueryPrefix = &cfg.QueryPrefix
	}
	if cfg.PassagePrefix != "" {
		o.PassagePrefix = &cfg.PassagePrefix
	}
	e, err := onnx.New(context.Background(), o)
	if err != nil {
		return err
	}
	c.Embedder = e
	return nil
}
