package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/observe"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server"
)

// Exit codes.
const (
	ExitOK          = 0
	ExitFailure     = 1   // something could not be done; of add: at least one file failed
	ExitUsage       = 2   // the command line or the configuration is wrong
	ExitNotFound    = 3   // no such document, collection or file
	ExitRefused     = 4   // not permitted, or declined
	ExitBudget      = 5   // a budget has no room; the message says until when
	ExitInterrupted = 130 // ended by Ctrl-C, as shells number it
)

// Program is the command with what it does not make itself.
type Program struct {
	Version string
	// Open opens the data folder that cfg names. The caller closes it.
	Open func(ctx context.Context, cfg config.Config, deps Deps) (Retriever, error)
	// Worker serves the hidden verb extract-worker and returns its exit code.
	Worker func(stdin io.Reader, stdout io.Writer) int
}

// Deps are handed to Program.Open.
type Deps struct {
	Logger   *slog.Logger
	Observer *observe.Observer
	// Waiting is told when documents wait for an embedding model that is down; nil logs
	// it.
	Waiting func(err error, wait time.Duration)
}

// Retriever is everything that the verbs call. smartretriever.Retriever is one.
// Each verb declares the part that it needs.
type Retriever interface {
	server.Service
	adder
	estimator
	asker
	searcher
	lister
	shower
	remover
	collectioner
	duplicator
	checked
	evaluated
	reembedder
	indexer
	verifier
	migrated
	Warm(ctx context.Context, scope rag.Scope) error
	Replicas(ctx context.Context) ([]rag.ReplicaState, error)
	jobber
	historian
	Close() error
}

// Run runs one command line (without the program's name) and returns the exit
// code. When ctx ends, the verb stops at the next safe point.
func (p Program) Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env config.Env) int {
	a := &app{
		program: p, stdin: stdin, env: env,
		out: newScreen(stdout, env), err: newScreen(stderr, env),
	}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	return a.finish(ctx, cmd, err)
}

// app is one run of the command.
type app struct {
	program Program
	stdin   io.Reader
	out     *screen
	err     *screen
	env     config.Env
	answers *bufio.Reader // of stdin, once something has been asked

	flags globalFlags
	cfg   config.Config
	code  int // set by verbs that worker processes or partial failures end
}

// usageError is a fault of the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usagef returns a fault of the command line.
func usagef(format string, args ...any) error {
	return usageError{rag.Errorf(rag.KindInvalid, format, args...)}
}

// errReported ends a verb that has said itself what went wrong.
type errReported struct{ code int }

func (errReported) Error() string { return "reported" }

// finish prints err and returns the exit code.
func (a *app) finish(ctx context.Context, cmd *cobra.Command, err error) int {
	if err == nil {
		return a.code
	}
	if r, ok := errors.AsType[errReported](err); ok {
		return r.code
	}
	code := exitCode(err)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		code = ExitInterrupted
		err = errors.New("interrupted")
	}
	if a.flags.json {
		a.out.json(struct {
			Error errorJSON `json:"error"`
		}{toErrorJSON(err)})
		return code
	}
	a.err.line("%s %s", a.err.red("error:"), a.err.clean(err.Error()))
	if _, usage := errors.AsType[usageError](err); usage && cmd != nil {
		a.err.line("Run '%s --help' for usage.", cmd.CommandPath())
	}
	return code
}

// exitCode maps the kind of an error to an exit code, the one place that does.
func exitCode(err error) int {
	if _, usage := errors.AsType[usageError](err); usage {
		return ExitUsage
	}
	if _, budget := errors.AsType[*rag.Exceeded](err); budget {
		return ExitBudget
	}
	switch rag.KindOf(err) {
	case rag.KindInvalid:
		return ExitUsage
	case rag.KindNotFound:
		return ExitNotFound
	case rag.KindUnauthorized, rag.KindRefused:
		return ExitRefused
	}
	return ExitFailure
}

// errorJSON is how an error looks in JSON output.
type errorJSON struct {
	Kind    rag.Kind `json:"kind"`
	Message string   `json:"message"`
}

func toErrorJSON(err error) errorJSON {
	return errorJSON{rag.KindOf(err), strings.TrimSpace(err.Error())}
}
