// Command smartretriever reads documents, finds the passages that matter to a
// question and answers with citations. Package cli holds its verbs; this file
// gives them the process: arguments, streams, environment, signals, and the
// Retriever with the parts that the configuration names.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/cmd/smartretriever/cli"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/text/extract/sandbox"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

func main() {
	// The first signal asks the verb to stop at a safe point. From then on signals
	// have their usual effect, so that a second Ctrl-C ends the program at once; the
	// store survives that as it survives a power cut.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, config.Environ())
	stop()
	os.Exit(code)
}

// run is the program without the process: everything that a test can give.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env config.Env) int {
	return cli.Program{Version: version, Open: open, Worker: sandbox.Main}.Run(ctx, args, stdin, stdout, stderr, env)
}

// open opens the data folder with the parts that cfg names. Files are read by
// child processes of this program.
func open(ctx context.Context, cfg config.Config, deps cli.Deps) (cli.Retriever, error) {
	var worker []string
	if self, err := os.Executable(); err == nil {
		worker = []string{self, "extract-worker"}
	}
	c, err := backends.Open(cfg, backends.Deps{Logger: deps.Logger, Observer: deps.Observer, Waiting: deps.Waiting, Worker: worker, Version: version})
	if err != nil {
		return nil, err
	}
	r, err := root.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	return r, nil
}
