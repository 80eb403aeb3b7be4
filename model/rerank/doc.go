// Package rerank has passages scored against a question by a model behind an HTTP
// API. It does what all providers need and knows none of them: a provider is a
// package below it (cohere, jina, voyage, tei, compatible) that brings a Protocol,
// which says how a request is written and an answer read.
//
//	Rerank:  question and passages -> batches -> at most so many requests at once -> a score for each passage
//	batch:   breaker( retry( request -> read, bounded -> check every score ) )
//
// A reranker is a luxury: whatever is wrong with its server, a search goes on
// without it. So every error of Rerank is KindUnavailable or KindExhausted. And it
// must not be trusted more than it deserves: each passage has exactly one score,
// which is a number, or the whole answer is not used.
//
// A passage that is longer than the model takes beside the question is scored in
// parts and has the best of their scores. It is the words that answer that count, and
// where they stand is not known before.
package rerank
