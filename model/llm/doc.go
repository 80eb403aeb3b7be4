// Package llm says what a chat model is and wraps one with what a call over a
// network needs. The providers are packages below it (openai); package llmtest
// holds a scripted model for tests.
//
// Wrappers are again Models and compose from the outside in:
//
//	Breaker( Retry( openai.Client ) )
//
// Retry tries a busy or failing server again, Breaker leaves a server alone that
// has failed several times in a row. A Model never repeats itself: once a piece of
// text has been handed to onDelta, no wrapper tries again, because the reader has
// seen it.
package llm
