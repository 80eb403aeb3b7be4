// Package rest makes calls of HTTP APIs that take and give JSON, for adapters of databases that are reached so (index/chroma, index/pinecone,
// index/opensearch).
//
// Client sends a Request, reads an answer of bounded size, and turns what goes wrong into errors of rag's kinds: a Refusal where the server
// answered, KindUnavailable where it did not. It makes one try; who calls an adapter decides on more. What was sent to be kept private, keys and
// the contents of a request, is in no error.
//
//	client.go   a call
//	refusal.go  errors
package rest
