// Package rpc makes calls of services of gRPC that have one message either way, for adapters of databases that are reached so (index/qdrant).
//
// Client frames a call, sends it over net/http's HTTP/2 and turns statuses into errors of rag's kinds; the Append functions write messages and Fields
// reads them, by the numbers of their fields. Google's library would do the same for two megabytes of the binary, and a product's generated code
// for one more, of which an adapter uses some ten messages.
//
//	client.go   a call
//	status.go   errors
//	message.go  messages
package rpc
