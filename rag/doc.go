// Package rag holds the nouns of SmartRetriever: what a document, a chunk, a
// filter, a hit, a citation and an answer are, and the few kinds of error.
//
// Every other package is said in these words, so this one imports the standard
// library only and does no work beyond validating, comparing and printing its
// own values. The way they follow from each other:
//
//	Input --extract--> Text --chunk--> Chunk --embed--> Record (in an index)
//	Question --search--> Hit --verify--> Citation --> Answer
//
// A Scope (tenant, collection, principals) goes with every call, so that no
// search, count, cache key or export can forget whose data it is about.
package rag
