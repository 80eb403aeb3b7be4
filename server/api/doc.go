// Package api is the native HTTP interface: collections, documents, search and
// questions as JSON, described by an OpenAPI document that is made from the same
// Go types that the handlers use.
//
// Requests are checked against that description before a handler runs, so that
// handlers hold no checks of shape. A handler turns the request into the nouns of
// package rag, calls the Service once, and turns the result into the types in
// types.go, which are the promise to clients; rag's own types may change, these
// may not. Errors leave as the problem documents of package problem.
//
// Handlers that read or write something else than one JSON value (uploads,
// original files, event streams) are plain net/http handlers; raw.go adds them to
// the router and to the description.
package api
