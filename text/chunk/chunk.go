// Package chunk cuts extracted text into the pieces that are embedded, searched
// and cited.
//
// All chunkers stand behind one method, Chunk(ctx, rag.Text) ([]rag.Chunk, error):
//
//	structure     (default) sections, with lists, tables and code kept whole where they fit
//	sentence      whole sentences, one after the other until a chunk is full
//	paragraph     whole paragraphs, likewise, and sentences of those that are too long
//	semantic      breaks where the embeddings of neighbouring sentences turn
//	recursive     cut at the strongest separator there is, with overlap
//	fixed         cut where the count ends, with overlap
//	code          functions, methods and types of source code with their comments
//	legal         articles, sections and clauses by their numbering, definitions one by one
//	medical       the sections of clinical notes
//	table         rows of tables, with the header repeated
//	conversation  messages of mail threads, turns of speakers
//	auto          whichever of structure, code, legal, medical, table and conversation a text asks for
//
// What all of them promise: chunks come in reading order; a chunk's Text is
// exactly the bytes of its Span, without white space at its ends; borders lie
// between runes, and between graphemes wherever those are not absurdly long;
// every byte of the text that is neither white space nor part of a running
// header or footer is in at least one chunk; no chunk is longer than the limit;
// the time is linear in the length of the text; a Parent contains its chunk and
// holds no running header or footer.
//
// The way through the package: outline.go brings the blocks of a text into order
// and answers which page and which headings a position lies under; atom.go cuts
// blocks into the smallest pieces worth keeping whole and counts their tokens
// once; pack.go fills chunks with them; section.go makes sections of the parts
// that structure.go, legal.go, medical.go, conversation.go, table.go and code.go
// find, each in a file of its own; parent.go widens what came out. DESIGN.md says
// why it is done so.
package chunk

import (
	"context"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/smartretriever/smartretriever/rag"
)

// Chunker cuts a text. It satisfies ingest.Chunker and is goroutine-safe as long
// as the model that it was made with is.
type Chunker interface {
	// Chunk returns the chunks of t in reading order; none is not an error. Errors:
	// that of ctx, and of semantic those of its embedder.
	Chunk(ctx context.Context, t rag.Text) ([]rag.Chunk, error)
}

// Model is the embedding model that chunks are made for.
type Model interface {
	Model() rag.Model
	// CountTokens counts without the special tokens.
	CountTokens(text string) int
	// Embed returns unit-length vectors, one each, in order. Only semantic asks for
	// them; what they cost is the embedder's own to count.
	Embed(ctx context.Context, kind rag.EmbedKind, texts []string) ([][]float32, error)
}

// Names of the chunkers.
const (
	Structure    = "structure"
	Sentence     = "sentence"
	Paragraph    = "paragraph"
	Semantic     = "semantic"
	Recursive    = "recursive"
	Fixed        = "fixed"
	Code         = "code"
	Legal        = "legal"
	Medical      = "medical"
	Table        = "table"
	Conversation = "conversation"
	Auto         = "auto"
)

// Names lists the chunkers that New knows, the default first.
var Names = []string{Structure, Sentence, Paragraph, Semantic, Recursive, Fixed, Code, Legal, Medical, Table, Conversation, Auto}

// Units of rag.ChunkerOptions.Unit.
const (
	Tokens     = "tokens"
	Characters = "characters" // Unicode code points
)

// Ways to tell a turn of the subject, rag.ChunkerOptions.Break.
const (
	ByPercentile = "percentile" // the distance of two neighbours is among the largest of the text
	ByGradient   = "gradient"   // the distance grows as fast as it does anywhere in the text
)

// Defaults of rag.ChunkerOptions. docs/chunking.md shows the measurement behind
// DefaultTokens.
const (
	DefaultTokens            = 320
	DefaultTokenOverlap      = 64 // of fixed and recursive; the others overlap by nothing
	DefaultCharacters        = 1000
	DefaultCharactersOverlap = 200
	DefaultPercentile        = 90
	DefaultWindow            = 3
)

// Limits on rag.ChunkerOptions.
const (
	MinSize       = 16
	MaxCharacters = 100_000
	MaxParent     = 100_000 // tokens
	MaxWindow     = 20      // sentences
)

// DefaultMaxTokens is the input length of the built-in embedding model.
const DefaultMaxTokens = 512

// Room that a chunk's text leaves to what is embedded with it (rag.Chunk.EmbedText).
const (
	special     = 2  // the model's own tokens at both ends
	titleRoom   = 30 // a usual document title; a longer one takes from the path, then from the text
	minPathRoom = 20 // headings above the chunk, when the chunk is as long as can be
	maxPathRoom = 64 // when there is room enough
)

// New returns the chunker that opt names, for an embedding model. The chunks of
// fixed and recursive may be measured in characters, but one whose tokens would
// exceed the model's is cut again, because the model would not see its end. An
// unknown name, or an option that is out of range or that the chunker does not
// know, is KindInvalid.
//
// Chunks are shorter than the size says in a document whose title is so long that the
// model would not see their end: for a model of 512 tokens and the default size, one
// of more than 126 tokens.
func New(opt rag.ChunkerOptions, model Model) (Chunker, error) { return NewLeaving(opt, model, 0) }

// NewLeaving is New with so many tokens of the model's input kept free for what
// enrichment writes before a chunk; at most a third of what a chunk may have is. Where
// the size that opt names does not leave them, chunks are shorter than it says.
func NewLeaving(opt rag.ChunkerOptions, model Model, leave int) (Chunker, error) {
	if model == nil {
		return nil, rag.Errorf(rag.KindInvalid, "chunker: the embedding model is missing")
	}
	opt, ceiling, err := settle(opt, model.Model().MaxTokens)
	if err != nil {
		return nil, err
	}
	return cutter{opt: opt, model: model, most: ceiling - min(max(0, leave), ceiling/3)}, nil
}

// way returns what a chunker does with a text.
func way(opt rag.ChunkerOptions, m measure, model Model) func(context.Context, rag.Text) ([]rag.Chunk, error) {
	switch opt.Name {
	case Structure:
		return m.sectioned(structureParts)
	case Code:
		return m.sectioned(m.codeParts)
	case Legal:
		return m.sectioned(legalParts)
	case Medical:
		return m.sectioned(medicalParts)
	case Table:
		return m.sectioned(tableParts)
	case Conversation:
		return m.sectioned(conversationParts)
	case Auto:
		return m.sectioned(m.autoParts)
	case Sentence:
		return packed{m, true}.cut
	case Paragraph:
		return packed{m, false}.cut
	case Semantic:
		return semantic{m: m, min: opt.Min, gradient: opt.Break == ByGradient, percentile: opt.Percentile, window: opt.Window, embed: model.Embed}.cut
	case Recursive:
		return recursive{m, opt.Unit == Characters}.cut
	}
	if opt.Unit == Characters {
		return fixedCharacters{m}.cut
	}
	return fixedTokens{m}.cut
}

// cutter is a chunker: a way to cut, and the parents around what comes out.
type cutter struct {
	opt   rag.ChunkerOptions // settled
	model Model
	most  int // tokens of a chunk under a usual title
}

func (c cutter) Chunk(ctx context.Context, t rag.Text) ([]rag.Chunk, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	opt, m := c.under(t.Title)
	chunks, err := way(opt, m, c.model)(ctx, t)
	if err == nil && opt.Parent > 0 {
		m.widen(t, chunks, opt.Parent)
	}
	return chunks, err
}

// under returns the options and measures of a document with that title.
func (c cutter) under(title string) (rag.ChunkerOptions, measure) {
	opt := c.opt
	ceiling := c.most
	if title = rag.EmbeddedTitle(title); title != "" {
		ceiling = max(MinSize, ceiling-max(0, c.model.CountTokens(title)-titleRoom))
	}
	m := measure{count: c.model.CountTokens, pathRoom: maxPathRoom}
	if opt.Unit == Characters {
		m.ceiling = max(MinSize, ceiling+minPathRoom-maxPathRoom)
	} else {
		opt.Size = min(opt.Size, ceiling)
		opt.Overlap = min(opt.Overlap, opt.Size/2)
		opt.Min = min(opt.Min, opt.Size/2)
		m.ceiling = opt.Size
		m.pathRoom = min(maxPathRoom, minPathRoom+ceiling-opt.Size)
	}
	m.size, m.overlap = opt.Size, opt.Overlap
	return opt, m
}

// Check reports, as KindInvalid, why New would refuse opt for a model that takes
// maxTokens tokens; 0 is DefaultMaxTokens.
func Check(opt rag.ChunkerOptions, maxTokens int) error {
	_, _, err := settle(opt, maxTokens)
	return err
}

// settle fills in what opt leaves open, validates the rest, and returns the most
// tokens that a chunk may have for the model.
func settle(opt rag.ChunkerOptions, maxTokens int) (rag.ChunkerOptions, int, error) {
	if maxTokens == 0 {
		maxTokens = DefaultMaxTokens
	}
	ceiling := maxTokens - special - titleRoom - minPathRoom
	if ceiling < MinSize {
		return opt, 0, rag.Errorf(rag.KindInvalid, "chunker: a model of %d tokens leaves no room for chunks; it needs at least %d", maxTokens, MinSize+special+titleRoom+minPathRoom)
	}
	opt, err := withDefaults(opt, ceiling)
	return opt, ceiling, err
}

func withDefaults(opt rag.ChunkerOptions, ceiling int) (rag.ChunkerOptions, error) {
	if opt.Name == "" {
		opt.Name = Structure
	}
	if !slices.Contains(Names, opt.Name) {
		return opt, rag.Errorf(rag.KindInvalid, "chunker %q is not known; known are %s", opt.Name, strings.Join(Names, ", "))
	}
	wrong := func(format string, args ...any) (rag.ChunkerOptions, error) {
		return opt, rag.Errorf(rag.KindInvalid, "chunker "+opt.Name+": "+format, args...)
	}
	counts := opt.Name == Fixed || opt.Name == Recursive
	most, size, overlap := ceiling, min(DefaultTokens, ceiling), 0
	switch {
	case opt.Unit == Characters && counts:
		most, size, overlap = MaxCharacters, DefaultCharacters, DefaultCharactersOverlap
	case opt.Unit == "" || opt.Unit == Tokens:
		opt.Unit = Tokens
		if counts {
			overlap = DefaultTokenOverlap
		}
	case opt.Unit == Characters:
		return wrong("sizes are in tokens; only fixed and recursive count characters")
	default:
		return wrong("unit %q is not known; use tokens or characters", opt.Unit)
	}
	switch {
	case opt.Size == 0:
		opt.Size = size
	case opt.Size < MinSize || opt.Size > most:
		hint := ""
		if counts && opt.Unit == Tokens && opt.Size > most {
			hint = " (unit characters measures in characters)"
		}
		return wrong("size %d is out of range; it is %d to %d %s%s", opt.Size, MinSize, most, opt.Unit, hint)
	}
	switch {
	case opt.Overlap < 0:
		opt.Overlap = 0
	case opt.Overlap == 0:
		opt.Overlap = min(overlap, opt.Size/5)
	case opt.Overlap > opt.Size/2:
		return wrong("overlap %d is out of range; it is at most half the size, %d %s", opt.Overlap, opt.Size/2, opt.Unit)
	}
	if opt.Parent != 0 && (opt.Parent < MinSize || opt.Parent > MaxParent || opt.Unit == Tokens && opt.Parent <= opt.Size) {
		return wrong("parent %d is out of range; it is more than the size, and at most %d tokens", opt.Parent, MaxParent)
	}
	if opt.Name != Semantic {
		if opt.Min != 0 || opt.Break != "" || opt.Percentile != 0 || opt.Window != 0 {
			return wrong("min, break, percentile and window are options of semantic")
		}
		return opt, nil
	}
	return semanticDefaults(opt, wrong)
}

func semanticDefaults(opt rag.ChunkerOptions, wrong func(string, ...any) (rag.ChunkerOptions, error)) (rag.ChunkerOptions, error) {
	if opt.Min == 0 {
		opt.Min = opt.Size / 4
	}
	if opt.Break == "" {
		opt.Break = ByPercentile
	}
	if opt.Percentile == 0 {
		opt.Percentile = DefaultPercentile
	}
	if opt.Window == 0 {
		opt.Window = DefaultWindow
	}
	switch {
	case opt.Min < 1 || opt.Min > opt.Size/2:
		return wrong("min %d is out of range; it is 1 to half the size, %d tokens", opt.Min, opt.Size/2)
	case opt.Break != ByPercentile && opt.Break != ByGradient:
		return wrong("break %q is not known; use percentile or gradient", opt.Break)
	case math.IsNaN(opt.Percentile) || opt.Percentile < 1 || opt.Percentile > 100:
		return wrong("percentile %g is out of range 1 to 100", opt.Percentile)
	case opt.Window < 1 || opt.Window > MaxWindow:
		return wrong("window %d is out of range; it is 1 to %d sentences", opt.Window, MaxWindow)
	}
	return opt, nil
}

// measure is what the chunkers know of lengths.
type measure struct {
	count    func(string) int
	size     int // of a chunk, in the chunker's own unit
	overlap  int // in the same unit
	ceiling  int // most tokens of a chunk, whatever the unit
	pathRoom int // most tokens of the heading path
}

// bytesPerToken bounds the bytes of a chunk. A tokenizer makes one unknown token
// of a long word, so tokens alone would let a megabyte pass as one.
const bytesPerToken = 16

// fits reports whether a text of that many tokens and bytes is within limit tokens.
func fits(tokens, bytes, limit int) bool {
	return tokens <= limit && bytes <= limit*bytesPerToken
}

// within counts the tokens of s, unless s is too long to be within limit tokens at
// all: then it returns more than limit.
func (m measure) within(s string, limit int) int {
	if len(s) > limit*bytesPerToken {
		return limit + 1
	}
	return m.count(s)
}

// trim takes the white space off both ends of a span.
func trim(text string, s rag.Span) rag.Span {
	body := strings.TrimLeftFunc(s.Of(text), unicode.IsSpace)
	s.Start = s.End - len(body)
	s.End = s.Start + len(strings.TrimRightFunc(body, unicode.IsSpace))
	return s
}
