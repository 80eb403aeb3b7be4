// Package s3 keeps original files by their content in a bucket behind the S3 protocol,
// as package blob does in a folder: at Amazon, or at any of the many servers that
// speak it.
//
//	PREFIXab/cdef...           a file whose digest begins with ab
//	PREFIXtmp/put/SHA/...      it was put again: empty, its age is what counts
//	PREFIXtmp/swept/SHA/...    a clean-up is deciding about it
//
// The digest of a file, which is its key, is known only when all of it has been read.
// It is read once before it is sent: what is in memory already stays there, anything
// else goes to memory up to 1 MiB and to a temporary file beyond. Then it goes up
// under its own key at once, on the condition that there is nothing (If-None-Match).
// The other way, to send while reading to a key that is temporary and to copy on the
// server, needs no disk; but it sends files that are there already, copies each that is
// new, cannot tell the server a checksum beforehand, and leaves whole files behind when
// it is killed. So two uploads of a file cost one, memory is bounded whatever the size,
// and an object appears whole or not at all: large files go up in parts, which the
// server puts together when all are there.
//
// The SHA-256 of everything that is sent goes with it and is compared by the server;
// what is read is compared with its key while it is read.
//
// How Sweep keeps out of the way of writers without renaming, without locks and
// without clocks is told in DESIGN.md.
//
//	config.go     settings
//	transport.go  connections: TLS, silence, the circuit
//	errors.go     what an error of the server means
//	store.go      keys, looks at objects, lists
//	spool.go      a file between its reading and its upload
//	put.go        uploads
//	read.go       downloads
//	sweep.go      the clean-up; leftover.go what processes that died have left
//	erase.go      deletion, of all versions
//	presign.go    addresses for downloads past this program
package s3
