package rag

import (
	"context"
	"errors"
	"fmt"
)

// Kind sorts errors by what the caller can do about them. Backends translate
// their drivers' errors to a Kind at their edge; servers and commands translate
// a Kind to an HTTP status or an exit code at theirs, once.
type Kind string

const (
	KindInvalid      Kind = "invalid"      // the request is wrong; the message says which field
	KindNotFound     Kind = "not_found"    // no such collection, document, chunk or file
	KindConflict     Kind = "conflict"     // exists already, or changed meanwhile
	KindUnauthorized Kind = "unauthorized" // who asks is not known, or may not
	KindRefused      Kind = "refused"      // understood and declined: policy, budget, unsafe input
	KindExhausted    Kind = "exhausted"    // a limit of size, time, rate or money was met
	KindUnavailable  Kind = "unavailable"  // a dependency is down; trying later may help
	KindInternal     Kind = "internal"     // a fault of ours
)

// Sentinels, one a kind, for errors.Is: errors.Is(err, rag.ErrNotFound) holds
// for every error whose kind is KindNotFound, however deeply it is wrapped.
var (
	ErrInvalid      = &Error{Kind: KindInvalid}
	ErrNotFound     = &Error{Kind: KindNotFound}
	ErrConflict     = &Error{Kind: KindConflict}
	ErrUnauthorized = &Error{Kind: KindUnauthorized}
	ErrRefused      = &Error{Kind: KindRefused}
	ErrExhausted    = &Error{Kind: KindExhausted}
	ErrUnavailable  = &Error{Kind: KindUnavailable}
	ErrInternal     = &Error{Kind: KindInternal}
)

// Error is an error with a kind. Message is meant for the person who asked: it
// names the field, file or row and holds no secret. Err is the cause, if any.
type Error struct {
	Kind    Kind
	Message string
	Err     error
}

// Error returns the message, followed by the cause where there is one.
func (e *Error) Error() string {
	switch {
	case e.Message == "" && e.Err == nil:
		return string(e.Kind)
	case e.Message == "":
		return e.Err.Error()
	case e.Err == nil:
		return e.Message
	}
	if _, said := e.Err.(quiet); said {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the sentinel of e's kind.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Message == "" && t.Err == nil && t.Kind == e.Kind
}

// Errorf builds an Error of the given kind. A %w verb sets the cause's place in
// the chain, as in fmt.Errorf.
func Errorf(kind Kind, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Message: err.Error(), Err: hidden(errors.Unwrap(err))}
}

// hidden keeps a wrapped cause reachable for errors.Is and errors.As without
// printing it twice: Errorf's message holds its text already.
func hidden(err error) error {
	if err == nil {
		return nil
	}
	return quiet{err}
}

type quiet struct{ error }

func (q quiet) Error() string { return "" }
func (q quiet) Unwrap() error { return q.error }

// Wrap gives err a kind and says what was being done. It returns nil for nil.
func Wrap(kind Kind, err error, doing string) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: kind, Message: doing, Err: err}
}

// KindOf returns the kind of the outermost Error in err's chain. A deadline is
// KindExhausted, a cancelled context KindUnavailable, anything else without a
// kind KindInternal. KindOf(nil) is "".
func KindOf(err error) Kind {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.DeadlineExceeded):
		return KindExhausted
	case errors.Is(err, context.Canceled):
		return KindUnavailable
	}
	return KindInternal
}
