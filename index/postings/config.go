package postings

import (
	"math"

	"github.com/smartretriever/smartretriever/rag"
)

// Default parameters of BM25, those of Lucene.
const (
	DefaultK1 = 1.2
	DefaultB  = 0.75
)

// Config says how an index ranks. All segments of an index have the same; it is stored in each.
type Config struct {
	K1 float64 // how soon more occurrences count no more; 0 is DefaultK1, at most 100
	B  float64 // how much length counts, up to 1; 0 is DefaultB, negative is none
}

// WithDefaults fills in the zero fields, and makes 0 of a negative B. It is meant to be called once.
func (c Config) WithDefaults() Config {
	if c.K1 == 0 {
		c.K1 = DefaultK1
	}
	switch {
	case c.B == 0:
		c.B = DefaultB
	case c.B < 0:
		c.B = 0
	}
	return c
}

// Validate reports what is out of range. It takes the configuration as it is written, before WithDefaults.
func (c Config) Validate() error {
	switch {
	case !(c.K1 >= 0 && c.K1 <= 100):
		return rag.Errorf(rag.KindInvalid, "postings: k1 is %v; it must lie between 0 and 100", c.K1)
	case !(c.B <= 1) || math.IsInf(c.B, 0):
		return rag.Errorf(rag.KindInvalid, "postings: b is %v; it must be at most 1", c.B)
	}
	return nil
}

// Limits of what a row can hold.
const (
	MaxTF        = 255     // larger term frequencies count as this; beyond it another occurrence changes a score by less than 1 in 200
	MaxWeight    = 8       // of a field
	MaxPositions = 255     // occurrences of a term in a row whose positions are kept: the first ones
	MaxPosition  = 1 << 24 // positions beyond it are not kept
	MaxTermBytes = 1 << 10 // terms are cut there
	FieldGap     = 100     // positions between the last term of a field and the first of the next
	MaxRows      = 1 << 28
	MaxTerms     = 1024 // distinct terms of a query; the rest is ignored
)
