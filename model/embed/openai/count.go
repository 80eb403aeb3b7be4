package openai

// CountTokens returns the number of tokens of text: exactly for models of OpenAI,
// and else an estimate, which errs on the high side: a chunk that is too long is
// refused by the server. See package token.
func (e *Embedder) CountTokens(text string) int { return e.counter.Count(text) }

// ExactTokens reports whether CountTokens is what the model counts.
func (e *Embedder) ExactTokens() bool { return e.counter.Exact() }
