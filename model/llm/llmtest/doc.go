// Package llmtest holds what tests of chat models need: Scripted, a model that says
// what it is told to; Run, the suite that every client of a provider passes; and
// Server, a double of a provider's server with faults by script, which speaks the
// protocols of OpenAI, Azure, Anthropic, Gemini, Ollama and Cohere.
//
// The doubles know the protocols from their descriptions and share no code with the
// clients: a request with a field that the protocol does not have is refused.
package llmtest
