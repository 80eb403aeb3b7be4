// Package llm says what a chat model is and wraps one with what a call over a
// network needs. The providers are packages below it (openai, anthropic, ollama and
// so on), over what package remote/chat has for all of them; package llmtest holds a
// scripted model, doubles of the providers' servers and the suite that every client
// passes.
//
// Wrappers are again Models and compose from the outside in:
//
//	Chain( Breaker( Retry( openai.Client ) ), Breaker( Retry( ollama.Client ) ) )
//
// Retry tries a busy or failing server again, Breaker leaves a server alone that
// has failed several times in a row, Chain goes on to the next model. A Model never repeats itself: once a piece of
// text has been handed to onDelta, no wrapper tries again, because the reader has
// seen it.
package llm
