// Package token counts the tokens of texts as the model does that they are for,
// fits texts to a number of tokens, and knows how many a model takes.
//
//	For(model)           a Counter: exact where the model's vocabulary is here, else an estimate that says so
//	Messages(c, turns)   the tokens of a conversation, with what each turn costs besides
//	Window(model)        what a hosted model takes at once, question and answer together
//	Split(c, text, n)    spans of a text that a model takes
//
// Exact are OpenAI's encodings (package bpe) and the tokenizers of local models,
// which come with their weights (Tokenizer). Vendors that do not publish their
// vocabulary are estimated from the count of o200k_base; estimate.go has the
// measurements behind it.
package token
