package token

import (
	"strings"

	"github.com/smartretriever/smartretriever/model/token/bpe"
)

// Counter counts the tokens of a text. It is goroutine-safe.
type Counter interface {
	Count(text string) int
	// Exact reports whether Count is the model's own count rather than an estimate.
	Exact() bool
}

// Tokenizer is the Counter of a model whose own tokenizer is at hand.
type Tokenizer func(text string) int

// Count returns what the tokenizer counts.
func (t Tokenizer) Count(text string) int { return t(text) }

// Exact reports that the count is the model's own.
func (t Tokenizer) Exact() bool { return true }

// For returns the counter of a model by the name that its vendor gives it. A
// router's prefix ("openai/gpt-4o") and the case of letters do not matter. A name
// that is not known has an estimate.
func For(model string) Counter {
	name := plain(model)
	for _, m := range encodings {
		if m.matches(name) {
			return m.encoding
		}
	}
	return estimateFor(name)
}

// plain returns a model's name in small letters and without a router's prefix.
func plain(model string) string {
	model = strings.ToLower(strings.TrimSpace(model))
	return model[strings.LastIndexByte(model, '/')+1:]
}

// encodings maps models to their encoding as tiktoken 0.14 does (its model.py). An
// entry stands for the name itself and for what continues it after a hyphen, a dot
// or a colon: gpt-4o-mini, gpt-5.1. The first that matches counts.
var encodings = []struct {
	name
	encoding *bpe.Encoding
}{
	{"gpt-5", bpe.O200k},
	{"gpt-4.5", bpe.O200k},
	{"gpt-4.1", bpe.O200k},
	{"gpt-4o", bpe.O200k},
	{"chatgpt-4o", bpe.O200k},
	{"gpt-oss", bpe.O200k}, // o200k_harmony has other control tokens only
	{"o1", bpe.O200k},
	{"o3", bpe.O200k},
	{"o4", bpe.O200k},
	{"ft:gpt-4.1", bpe.O200k},
	{"ft:gpt-4o", bpe.O200k},
	{"gpt-4", bpe.Cl100k},
	{"gpt-3.5", bpe.Cl100k},
	{"gpt-35", bpe.Cl100k}, // as Azure writes it
	{"ft:gpt-4", bpe.Cl100k},
	{"ft:gpt-3.5", bpe.Cl100k},
	{"text-embedding-3", bpe.Cl100k},
	{"text-embedding-ada-002", bpe.Cl100k},
}

// name is the beginning of a model's name.
type name string

// matches reports whether model is the name or one that continues it.
func (n name) matches(model string) bool {
	rest, ok := strings.CutPrefix(model, string(n))
	return ok && (rest == "" || strings.ContainsRune("-.:", rune(rest[0])))
}
