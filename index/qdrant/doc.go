// Package qdrant keeps vectors in Qdrant, over its gRPC API. It is an adapter for index/external.
//
// A space is a collection with one vector a point. A point's number is the id of the chunk; its payload is the document's id and the list of tags, which has
// an integer index, so that conditions are tested while the graph is walked. Changes wait until they are applied, and are ordered strongly; a
// collection that is replicated is written to and read from by majority. So a change that has been acknowledged is seen by every later search.
//
// Written by the protocol of version 1.17 and asked of servers from 1.13 on, which know vectors in this form; not run against the real server, which no
// package registry has: the suite runs on indextest/qdranttest, which answers through the interfaces that Qdrant's own tools generate.
//
//	config.go   where and how
//	qdrant.go   collections
//	table.go    points
//	message.go  what is sent, by the numbers of its fields
//	answer.go   what comes back
package qdrant
