// Package chunk cuts extracted text into the pieces that are embedded, searched
// and cited.
//
// Four chunkers stand behind one method, Chunk(rag.Text) []rag.Chunk:
//
//	structure  (default) sections, with lists, tables and code kept whole where they fit
//	semantic   paragraphs and sentences packed up to a token limit
//	recursive  1000 characters with 200 overlap, cut at the strongest separator there is
//	fixed      1000 characters with 200 overlap, cut where the count ends
//
// What all of them promise: chunks come in reading order; a chunk's Text is
// exactly the bytes of its Span, without white space at its ends; borders lie
// between runes, and between graphemes wherever those are not absurdly long;
// every byte of the text that is neither white space nor part of a running
// header or footer is in at least one chunk; no chunk is longer than the limit;
// the time is linear in the length of the text.
//
// The way through the package: outline.go brings the blocks of a text into order
// and answers which page and which headings a position lies under; atom.go cuts
// blocks into the smallest pieces worth keeping whole and counts their tokens
// once; pack.go fills chunks with them; structure.go, semantic.go, recursive.go
// and fixed.go are the chunkers. DESIGN.md says why it is done so.
package chunk

import (
	"slices"
	"strings"
	"unicode"

	"github.com/smartretriever/smartretriever/rag"
)

// Chunker cuts a text. It satisfies ingest.Chunker and is goroutine-safe as long
// as the token counter that it was made with is.
type Chunker interface {
	Chunk(t rag.Text) []rag.Chunk
}

// Names of the chunkers.
const (
	Structure = "structure"
	Semantic  = "semantic"
	Recursive = "recursive"
	Fixed     = "fixed"
)

// Names lists the chunkers that New knows, the default first.
var Names = []string{Structure, Semantic, Recursive, Fixed}

// Defaults of rag.ChunkerOptions. Sizes of structure and semantic are tokens,
// those of recursive and fixed characters (Unicode code points).
// docs/chunking.md shows the measurement behind DefaultTokens.
const (
	DefaultTokens     = 320
	DefaultCharacters = 1000
	DefaultOverlap    = 200 // characters; structure and semantic overlap by nothing
)

// Limits on rag.ChunkerOptions.
const (
	MinSize       = 16
	MaxCharacters = 100_000
)

// DefaultMaxTokens is the input length of the built-in embedding model.
const DefaultMaxTokens = 512

// Room that a chunk's text leaves to what is embedded with it (rag.Chunk.EmbedText).
const (
	special     = 2  // the model's own tokens at both ends
	titleRoom   = 30 // a usual document title
	minPathRoom = 20 // headings above the chunk, when the chunk is as long as can be
	maxPathRoom = 64 // when there is room enough
)

// New returns the chunker that opt names, for an embedding model that takes
// DefaultMaxTokens tokens; count is the model's token counter, without special
// tokens. An unknown name, or a size or overlap out of range, is KindInvalid.
func New(opt rag.ChunkerOptions, count func(string) int) (Chunker, error) {
	return NewFor(opt, DefaultMaxTokens, count)
}

// NewFor is New for a model that takes maxTokens tokens; 0 is DefaultMaxTokens.
// The chunks of fixed and recursive are measured in characters, but one whose
// tokens would exceed the model's is cut again, because the model would not see
// its end.
func NewFor(opt rag.ChunkerOptions, maxTokens int, count func(string) int) (Chunker, error) {
	if count == nil {
		return nil, rag.Errorf(rag.KindInvalid, "chunker: the token counter is missing")
	}
	if maxTokens == 0 {
		maxTokens = DefaultMaxTokens
	}
	ceiling := maxTokens - special - titleRoom - minPathRoom
	if ceiling < MinSize {
		return nil, rag.Errorf(rag.KindInvalid, "chunker: a model of %d tokens leaves no room for chunks; it needs at least %d", maxTokens, MinSize+special+titleRoom+minPathRoom)
	}
	opt, err := withDefaults(opt, ceiling)
	if err != nil {
		return nil, err
	}
	m := measure{count: count, size: opt.Size, overlap: opt.Overlap, ceiling: ceiling}
	if opt.Name == Recursive || opt.Name == Fixed {
		m.pathRoom = maxPathRoom
		m.ceiling = max(MinSize, ceiling+minPathRoom-maxPathRoom)
	} else {
		m.pathRoom = min(maxPathRoom, minPathRoom+ceiling-opt.Size)
	}
	switch opt.Name {
	case Structure:
		return structure{m}, nil
	case Semantic:
		return semantic{m}, nil
	case Recursive:
		return recursive{m}, nil
	}
	return fixed{m}, nil
}

// withDefaults fills in what opt leaves open and validates the rest.
func withDefaults(opt rag.ChunkerOptions, ceiling int) (rag.ChunkerOptions, error) {
	if opt.Name == "" {
		opt.Name = Structure
	}
	if !slices.Contains(Names, opt.Name) {
		return opt, rag.Errorf(rag.KindInvalid, "chunker %q is not known; known are %s", opt.Name, strings.Join(Names, ", "))
	}
	unit, most, size, overlap := "tokens", ceiling, min(DefaultTokens, ceiling), 0
	if opt.Name == Recursive || opt.Name == Fixed {
		unit, most, size, overlap = "characters", MaxCharacters, DefaultCharacters, DefaultOverlap
	}
	switch {
	case opt.Size == 0:
		opt.Size = size
	case opt.Size < MinSize || opt.Size > most:
		return opt, rag.Errorf(rag.KindInvalid, "chunker %s: size %d is out of range; it is %d to %d %s", opt.Name, opt.Size, MinSize, most, unit)
	}
	switch {
	case opt.Overlap < 0:
		opt.Overlap = 0
	case opt.Overlap == 0:
		opt.Overlap = min(overlap, opt.Size/5)
	case opt.Overlap > opt.Size/2:
		return opt, rag.Errorf(rag.KindInvalid, "chunker %s: overlap %d is out of range; it is at most half the size, %d %s", opt.Name, opt.Overlap, opt.Size/2, unit)
	}
	return opt, nil
}

// measure is what the chunkers know of lengths.
type measure struct {
	count    func(string) int
	size     int // of a chunk, in the chunker's own unit
	overlap  int // in the same unit
	ceiling  int // most tokens of a chunk that is measured in characters
	pathRoom int // most tokens of the heading path
}

// bytesPerToken bounds the bytes of a chunk. A tokenizer makes one unknown token
// of a long word, so tokens alone would let a megabyte pass as one.
const bytesPerToken = 16

// fits reports whether a text of that many tokens and bytes is within limit tokens.
func fits(tokens, bytes, limit int) bool {
	return tokens <= limit && bytes <= limit*bytesPerToken
}

// trim takes the white space off both ends of a span.
func trim(text string, s rag.Span) rag.Span {
	body := strings.TrimLeftFunc(s.Of(text), unicode.IsSpace)
	s.Start = s.End - len(body)
	s.End = s.Start + len(strings.TrimRightFunc(body, unicode.IsSpace))
	return s
}
