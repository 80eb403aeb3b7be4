package price

import (
	"math"
	"math/bits"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// Rate is a price in millionths of a currency's unit, for a million tokens or for
// a thousand searches. Unset is not known, which is not the same as free.
type Rate int64

// Unset is the Rate of what has no price.
const Unset Rate = -1

// rateDigits is how many decimals a Rate has.
const rateDigits = 6

// maxRate bounds a rate: a million for a million tokens.
const maxRate Rate = 1e12

// ParseRate reads a rate as people write it: 0.15 for a million tokens.
func ParseRate(text string) (Rate, error) {
	v, err := rag.ParseDecimal(text, rateDigits)
	if err != nil {
		return Unset, err
	}
	if Rate(v) > maxRate {
		return Unset, rag.Errorf(rag.KindInvalid, "%.40q is more than 1000000", text)
	}
	return Rate(v), nil
}

// String writes the rate as ParseRate reads it, "" for one that is not known.
func (r Rate) String() string {
	if r < 0 {
		return ""
	}
	return rag.Money(int64(r) * 1000).String() // maxRate is far from overflow
}

// MarshalJSON writes a number, or null where the rate is not known.
func (r Rate) MarshalJSON() ([]byte, error) {
	if r < 0 {
		return []byte("null"), nil
	}
	return []byte(r.String()), nil
}

// tokens returns what n tokens cost in 1e-12 of the unit, as 128 bits.
func (r Rate) tokens(n int64) (hi, lo uint64) {
	return bits.Mul64(uint64(max(0, r)), uint64(max(0, n)))
}

// Price is what one model costs.
type Price struct {
	Provider    string `json:"provider"`
	Model       string `json:"model"` // a pattern: * stands for any letters
	Embedding   Rate   `json:"embedding"`
	Input       Rate   `json:"input"`
	CachedInput Rate   `json:"cached_input"` // Unset: as Input
	Output      Rate   `json:"output"`
	Search      Rate   `json:"search"` // for a thousand
	Currency    string `json:"currency"`
	AsOf        string `json:"as_of"`  // 2026-01-31
	Source      string `json:"source"` // BuiltIn, or the file it is from
}

// Unknown is the price of a model of which none is known.
func Unknown(provider, model string) Price {
	return Price{Provider: provider, Model: model, Embedding: Unset, Input: Unset, CachedInput: Unset, Output: Unset, Search: Unset}
}

// Free reports whether everything that is known costs nothing, and something is
// known.
func (p *Price) Free() bool {
	known := false
	for _, r := range []Rate{p.Embedding, p.Input, p.CachedInput, p.Output, p.Search} {
		if r > 0 {
			return false
		}
		known = known || r == 0
	}
	return known
}

// Knows reports whether the price says what an operation costs.
func (p *Price) Knows(op rag.Operation) bool {
	switch op {
	case rag.OpEmbedPassages, rag.OpEmbedQuestion:
		return p.Embedding != Unset
	case rag.OpChat, rag.OpEnrich:
		return p.Input != Unset && p.Output != Unset
	case rag.OpRerank:
		return p.Search != Unset || p.Input != Unset
	}
	return false
}

// Cost returns what an operation that took c costs, rounded up to the next
// billionth. What has no price costs nothing; see Knows.
func (p *Price) Cost(op rag.Operation, c rag.Consumption) rag.Money {
	in := p.Input
	if op == rag.OpEmbedPassages || op == rag.OpEmbedQuestion {
		in = p.Embedding
	}
	cached := p.CachedInput
	if cached == Unset {
		cached = in
	}
	var hi, lo uint64
	add := func(h, l uint64) {
		var carry uint64
		lo, carry = bits.Add64(lo, l, 0)
		hi, _ = bits.Add64(hi, h, carry)
	}
	kept := min(max(0, c.Cached), c.Input)
	add(in.tokens(c.Input - kept))
	add(cached.tokens(kept))
	add(p.Output.tokens(c.Output))
	if op == rag.OpRerank && p.Search > 0 {
		// A millionth for a thousand searches is a billionth for one.
		add(bits.Mul64(uint64(p.Search)*1000, uint64(max(0, c.Searches))))
	}
	if hi >= 1000 {
		return math.MaxInt64
	}
	nano, rest := bits.Div64(hi, lo, 1000)
	if rest > 0 {
		nano++
	}
	if nano > math.MaxInt64 {
		return math.MaxInt64
	}
	return rag.Money(nano)
}

// matches reports whether a name fits a pattern in which * stands for any letters,
// also none. Case does not count.
func matches(pattern, name string) bool {
	pattern, name = strings.ToLower(pattern), strings.ToLower(name)
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, first)
	if !ok {
		return false
	}
	parts := strings.Split(rest, "*")
	for _, part := range parts[:len(parts)-1] {
		at := strings.Index(name, part)
		if at < 0 {
			return false
		}
		name = name[at+len(part):]
	}
	return strings.HasSuffix(name, parts[len(parts)-1])
}

// letters counts what a pattern says literally: the more, the closer it fits.
func letters(pattern string) int { return len(pattern) - strings.Count(pattern, "*") }
