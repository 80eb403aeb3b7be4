package llmtest

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/model/llm"
	"github.com/smartretriever/smartretriever/rag"
)

// Asked is what a request asks for, whatever protocol it came in.
type Asked struct {
	Model       string // "" where the protocol names it nowhere
	System      string
	Turns       []rag.Message // of user and assistant
	MaxTokens   int
	Temperature *float64
	Stop        []string
	Body        map[string]any // as it came
}

// Wire is a provider's protocol as its server speaks it.
type Wire interface {
	// Key returns the key of a request, "" for none.
	Key(h http.Header) string
	// Models answers a request that is no chat, which is how clients check a server's
	// health. ok is false for addresses that the server does not have.
	Models(r *http.Request, model string) (body string, ok bool)
	// Read reads a chat request. An error is one of the request.
	Read(r *http.Request, body []byte) (Asked, error)

	// Begin, Piece and End write a stream; reply is what is answered.
	Media() string
	Begin(model string, reply *Script) string
	Piece(model, text string) string
	End(model string, reply *Script) string
	// Failure writes an error inside a stream.
	Failure(p Problem, message string) string
	// Refuse returns the status and the body of a problem.
	Refuse(p Problem, message string) (status int, body string)
}

// Problem is why a server refuses.
type Problem int

// The problems that every provider has in some form.
const (
	NoProblem  Problem = iota
	Busy               // too many requests
	UsedUp             // the account has no money or quota left
	Failing            // a fault of the server
	Overloaded         // too much to do for everyone
	WrongKey
	NoModel
	TooLong    // the conversation is longer than the model takes
	Declined   // the provider's policy
	BadRequest // a field is wrong
)

// Break is how a stream goes wrong.
type Break int

// The ways in which a stream goes wrong.
const (
	Whole     Break = iota
	Cut             // the connection ends
	CutInside       // the connection ends inside an event
	Garbage         // an event is not JSON
	Fails           // an event is an error of the server
	Silence         // nothing more comes
	LongLine        // an event does not end
	EndlessAt       // pieces go on for ever
)

// Script is what a Server answers to one request. The zero value is an empty text.
type Script struct {
	Pieces   []string
	Finish   llm.FinishReason // "" is FinishStop
	Filtered bool             // the provider's filter stops the answer after the pieces
	Usage    llm.Usage

	Problem Problem // instead of an answer
	Message string  // of the problem, or of the event that is an error
	Status  int     // instead of 200, or of the problem's own
	Header  http.Header
	Body    string // instead of anything else
	Media   string // instead of the stream's own

	Thinks int // events without text before the first piece, each after Pace
	After  int // pieces before Break
	Break  Break
	Pace   time.Duration // before each piece
}

// Server is a double of a provider's server. It is a http.Handler, for a real
// connection, and a http.RoundTripper, for tests in which time is not to pass. It is
// goroutine-safe; fields are set before its first use.
type Server struct {
	Wire   Wire
	Model  string
	Key    string                          // "" takes requests with any key or none
	Answer func(n int, asked Asked) Script // of the n-th request, from 1

	mu    sync.Mutex
	asked []Asked
}

// Asked returns the chat requests so far that were in order.
func (s *Server) Asked() []Asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Asked(nil), s.asked...)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	reply := s.reply(r, body)
	if reply.Problem != NoProblem {
		status, text := s.Wire.Refuse(reply.Problem, reply.Message)
		if reply.Status == 0 {
			reply.Status = status
		}
		if reply.Body = text; reply.Status >= 300 {
			reply.Media = "application/json"
		}
	}
	maps.Copy(w.Header(), reply.Header)
	media := reply.Media
	if media == "" {
		media = s.Wire.Media()
	}
	w.Header().Set("Content-Type", media)
	w.WriteHeader(max(200, reply.Status))
	if reply.Body != "" || reply.Status >= 300 {
		_, _ = io.WriteString(w, reply.Body)
		return
	}
	s.stream(r.Context(), w, &reply)
}

// reply decides what is answered.
func (s *Server) reply(r *http.Request, body []byte) Script {
	if key := s.Wire.Key(r.Header); s.Key != "" && key != s.Key {
		return Script{Problem: WrongKey, Message: "the key " + key + " is wrong"}
	}
	if text, ok := s.Wire.Models(r, s.Model); ok {
		return Script{Body: text, Media: "application/json"}
	}
	asked, err := s.Wire.Read(r, body)
	switch {
	case errors.Is(err, errNoAddress):
		return Script{Status: http.StatusNotFound, Body: "404 page not found", Media: "text/plain"}
	case err != nil:
		return Script{Problem: BadRequest, Message: err.Error()}
	case asked.Model != "" && asked.Model != s.Model:
		return Script{Problem: NoModel, Message: "there is no model " + asked.Model}
	}
	s.mu.Lock()
	s.asked = append(s.asked, asked)
	n := len(s.asked)
	s.mu.Unlock()
	return s.Answer(n, asked)
}

// errNoAddress is the error of a request to a path that the provider does not have.
var errNoAddress = errors.New("no such address")

// stream writes the reply, as far as it goes.
func (s *Server) stream(ctx context.Context, w http.ResponseWriter, reply *Script) {
	write := func(text string) bool {
		_, err := io.WriteString(w, text)
		if f, ok := w.(http.Flusher); ok && err == nil {
			f.Flush()
		}
		return err == nil && ctx.Err() == nil
	}
	if !write(s.Wire.Begin(s.Model, reply)) {
		return
	}
	for range reply.Thinks {
		if !pause(ctx, reply.Pace) || !write(s.Wire.Begin(s.Model, reply)) {
			return
		}
	}
	for i, piece := range reply.Pieces {
		if reply.Break != Whole && i == reply.After {
			break
		}
		if !pause(ctx, reply.Pace) || !write(s.Wire.Piece(s.Model, piece)) {
			return
		}
	}
	switch reply.Break {
	case Whole:
		write(s.Wire.End(s.Model, reply))
	case Cut:
		panic(http.ErrAbortHandler)
	case CutInside:
		piece := s.Wire.Piece(s.Model, "never seen")
		write(piece[:len(piece)-8])
		panic(http.ErrAbortHandler)
	case Garbage:
		garbage := "{\"choices\":[{\"delta\":\n"
		if s.Wire.Media() == "text/event-stream" {
			garbage = "data: " + garbage + "\n"
		}
		write(garbage)
	case Fails:
		write(s.Wire.Failure(Overloaded, reply.Message))
	case Silence:
		<-ctx.Done()
	case LongLine:
		line := strings.Repeat("x", 1<<16)
		for write("data: ") {
			for range 64 {
				if !write(line) {
					return
				}
			}
		}
	case EndlessAt:
		piece := strings.Repeat("and on ", 1<<12)
		for pause(ctx, reply.Pace) && write(s.Wire.Piece(s.Model, piece)) {
		}
	}
}

// pause waits and reports whether the caller is still there.
func pause(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// RoundTrip implements http.RoundTripper: the server answers without a connection.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	read, write := io.Pipe()
	w := &pipeWriter{header: http.Header{}, pipe: write, begun: make(chan int, 1)}
	context.AfterFunc(r.Context(), func() { _ = read.CloseWithError(r.Context().Err()) })
	go func() {
		defer func() {
			if recover() != nil {
				_ = write.CloseWithError(io.ErrUnexpectedEOF)
			}
			_ = write.Close()
			w.WriteHeader(http.StatusOK)
		}()
		s.ServeHTTP(w, r)
	}()
	select {
	case status := <-w.begun:
		return &http.Response{StatusCode: status, Header: w.header, Body: read, Request: r}, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// pipeWriter is a http.ResponseWriter whose body is read at the other end of a pipe.
type pipeWriter struct {
	header http.Header
	pipe   *io.PipeWriter
	once   sync.Once
	begun  chan int
}

func (w *pipeWriter) Header() http.Header         { return w.header }
func (w *pipeWriter) Write(p []byte) (int, error) { return w.pipe.Write(p) }
func (w *pipeWriter) WriteHeader(status int)      { w.once.Do(func() { w.begun <- status }) }
