package chat

import (
	"io"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/model/remote"
)

// Protocol is how one kind of server is spoken to. Its methods are goroutine-safe.
type Protocol interface {
	// Request returns the path below the server's address and the body, which
	// becomes JSON. lacks reports parameters that this server was found not to take.
	Request(r llm.Request, lacks func(parameter string) bool) (path string, body any)
	// Event takes one event of a streamed answer. Errors: Malformed, Failed, or one
	// of a.
	Event(a *Answer, data []byte) error
	// Refused explains a refusal that is peculiar to the protocol or depends on what
	// was asked. nil leaves it to remote.Refusal.Err.
	Refused(r remote.Refusal) error
}

// Whole is a Protocol some of whose servers answer with one JSON document though
// a stream was asked for.
type Whole interface {
	Whole(a *Answer, data []byte) error
}

// Framing is how events follow each other in a stream.
type Framing struct {
	Media string // type of the stream
	Each  func(r io.Reader, take func(data []byte) (last bool, err error)) error
}

// The framings there are.
var (
	Events = Framing{"text/event-stream", remote.EachEvent}
	Lines  = Framing{"application/x-ndjson", remote.EachLine}
)

// Config says which server is called and how long it may take.
type Config struct {
	Provider string // name of the protocol, for llm.Result
	Server   remote.Config
	Framing  Framing

	FirstTokenTimeout time.Duration // of silence before the first event of the answer, and between events; 0 is 60 s
	Timeout           time.Duration // of the whole call; 0 is 2 min
}

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	c.Server.Part, c.Server.Noun = "llm", "language model"
	if c.Server.ConnectTimeout == 0 {
		c.Server.ConnectTimeout = 10 * time.Second
	}
	if c.FirstTokenTimeout == 0 {
		c.FirstTokenTimeout = 60 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = 2 * time.Minute
	}
	return c
}
