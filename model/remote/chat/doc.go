// Package chat is what calls of chat models have in common whatever protocol they
// speak: one request with all its time limits, a stream of events that is read as
// it comes, and one explanation for each way in which that can fail. The protocols
// themselves are the packages below model/llm; each is a Protocol and little else.
//
//	llm.Request -> Protocol.Request -> POST -> stream -> Protocol.Event -> Answer -> llm.Result
//
// Three clocks run: connecting has its own limit, the server may be silent for no
// longer than FirstTokenTimeout, and the whole call ends after Timeout. The time
// that the reader of the answer takes does not count as silence.
package chat
