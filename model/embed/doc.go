// Package embed turns texts into vectors with a model behind an HTTP API. It does
// what all providers need and knows none of them: a provider is a package below it
// (openai, cohere, tei ...) that brings a Protocol, which says how a request is
// written and an answer read, and the limits of the models that it knows.
//
//	Embed:  prefix -> cut what is too long -> look up what is paid for -> batches -> at most so many requests at once -> join
//	batch:  breaker( retry( request -> read, bounded -> check every vector -> unit length ) )
//
// Nothing that a server answers is taken on trust: the number of vectors, their
// place, their dimensions and every number in them are checked, because a wrong
// vector that is stored spoils searches without a sign.
//
// A text that is longer than the model takes is never cut off. It is divided at
// spaces into parts that fit, and its vector is the mean of theirs, weighted by
// their tokens and brought to unit length. What counts is CountTokens, an estimate
// unless another is configured; a text that the server still finds too long is
// divided further.
//
// When a call fails, the vectors that had come by then are kept, within bounds,
// until they are asked for again: a batch that is tried once more as a whole is
// not paid for as a whole.
//
// The API key goes into a header of requests to the configured address and nowhere
// else; see package remote.
package embed
