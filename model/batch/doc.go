// Package batch sends many texts to a model behind an API in requests that the
// server takes: bounded in texts, tokens and bytes, so many at once, each with its
// retries behind one breaker.
//
//	Items:  text -> itself, or parts of it that fit the model
//	Send:   batches -> at most so many requests at once; each: breaker( retry( request ) )
//
// A server that takes fewer texts at once than were sent is given halves, and that
// is remembered. A batch with a text that the server finds too long is halved until
// the text is found, and then that is halved, too: an estimate of its tokens was too
// low. What is asked of the model, and how the results of parts become one, is the
// caller's.
package batch
