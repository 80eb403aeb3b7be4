package rag

import (
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Scope says whose data a call is about and who asks. It is part of every
// search, count, cache key and export.
type Scope struct {
	Tenant     string   // "" is DefaultTenant
	Collection string   // "" is DefaultCollection
	Principals []string // who asks: users, groups; a document with an access list is seen by those it names
	Admin      bool     // sees every document of the tenant, whatever its access list
}

const (
	DefaultTenant     = "default"
	DefaultCollection = "default"
)

// WithDefaults fills in the default tenant and collection, and sorts and
// deduplicates the principals, so that equal scopes compare equal.
func (s Scope) WithDefaults() Scope {
	if s.Tenant == "" {
		s.Tenant = DefaultTenant
	}
	if s.Collection == "" {
		s.Collection = DefaultCollection
	}
	s.Principals = slices.Clone(s.Principals)
	slices.Sort(s.Principals)
	s.Principals = slices.Compact(s.Principals)
	return s
}

// In returns the scope moved to another collection.
func (s Scope) In(collection string) Scope {
	s.Collection = collection
	return s
}

// May reports whether the scope's principals may see a document with this
// access list. An empty list is open to the whole tenant.
func (s Scope) May(acl []string) bool {
	if s.Admin || len(acl) == 0 {
		return true
	}
	for _, p := range s.Principals {
		if slices.Contains(acl, p) {
			return true
		}
	}
	return false
}

// DocumentID is a time-ordered UUID (version 7, RFC 9562) in text form.
type DocumentID string

// ChunkID is given by the store, unique in a deployment, and what every index
// returns. It is positive.
type ChunkID int64

// Hash is a SHA-256 digest. Its text form is 64 lower-case hexadecimal digits.
type Hash [32]byte

// Collection is a named set of documents of one tenant that is searched together.
type Collection struct {
	ID          int64      `json:"-"` // the store's own number
	Tenant      string     `json:"tenant,omitempty"`
	Name        string     `json:"name"`
	Description string     `json:"description,omitempty"`
	Metadata    Metadata   `json:"metadata,omitempty"`
	Generation  Generation `json:"generation"`
	CreatedAt   time.Time  `json:"created_at"`
	Seq         int64      `json:"seq"` // the number of its last change, 0 if none
	Documents   int        `json:"documents"`
	Chunks      int        `json:"chunks"`
	Bytes       int64      `json:"bytes"` // of original files
}

// Generation fixes what may not vary within one index: how text was cut and by
// which model it was embedded. Vectors of different models are never compared.
type Generation struct {
	Number     int            `json:"number"` // from 1
	Chunker    ChunkerOptions `json:"chunker"`
	Model      string         `json:"model"` // the embedding model's id
	Dimensions int            `json:"dimensions"`
}

// ChunkerOptions choose how text is cut. Zero fields take the chunker's
// defaults (see package text/chunk). They are comparable, and stored with each
// generation: what a stored value means must not change, or a migration writes out
// what it meant.
type ChunkerOptions struct {
	Name string `json:"name,omitempty"` // one of chunk.Names; "" is structure
	// Unit is what Size and Overlap of fixed and recursive count: "tokens" of the
	// embedding model (also ""), or "characters". The others count tokens.
	Unit    string `json:"unit,omitempty"`
	Size    int    `json:"size,omitempty"`    // most units a chunk
	Overlap int    `json:"overlap,omitempty"` // shared with the chunk before, in the same unit; negative for none
	// Parent is the most tokens of the wider text that is read with a chunk when an
	// answer is written; 0 for none. Chunks stay what is searched and cited.
	Parent int `json:"parent,omitempty"`
	// Min, Break, Percentile and Window are of semantic: the least tokens of a chunk
	// (0: a quarter of Size), how a turn of the subject is told ("percentile", also
	// "", or "gradient"), the percentile of all distances in a text from which on one
	// is a turn (0: 90), and how many sentences on each side are compared (0: 3).
	Min        int     `json:"min,omitempty"`
	Break      string  `json:"break,omitempty"`
	Percentile float64 `json:"percentile,omitempty"`
	Window     int     `json:"window,omitempty"`
}

// Input is one document as a caller hands it in: either Text, or Content with a
// name to help recognise its format. Content may be an archive; each of its files is
// a document then, with the external id ArchiveMember(ExternalID, path), the same
// for Source, the archive's name as metadata "archive", and all else inherited.
type Input struct {
	ExternalID string    // the caller's own id, unique in the collection; "" takes Source, and failing that a new id
	Title      string    // "" takes the title found in the content
	Source     string    // where it came from: a path or URL, for people to read
	Name       string    // file name, a hint at the format; content decides
	Text       string    // plain text (Markdown is recognised by MediaType text/markdown)
	MediaType  string    // of Text; "" is text/plain. Ignored with Content, whose bytes decide
	Content    io.Reader // the original file, read to its end or to the limit, closed if it is an io.Closer; nil when Text is given
	Extracted  *Text     // of Content, where the caller has it already; nil has it read
	Password   string    // for encrypted files; never stored
	// MainContent takes of a web page what it is about, without menus, advertisements
	// and footers. Other formats know no difference.
	MainContent bool
	Metadata    Metadata
	ACL         []string // principals that may see it; empty: the whole tenant
	ModifiedAt  time.Time
	Force       bool // read and cut it again even if nothing changed
	Whole       bool // one document in any case: an archive is not taken apart
	// MayReplace is asked before a stored document is replaced, or deleted because it
	// is gone from a new version of its archive; an error keeps it. nil allows it.
	// It is called from several goroutines.
	MayReplace func(Document) error
}

// ArchiveMember is the external id, or the source, of a file of an archive.
func ArchiveMember(archive, path string) string { return archive + MemberMark + path }

// MemberMark stands between the external id of a document that holds others (an
// archive, a mailbox) and the path of one of these.
const MemberMark = "!/"

// File is the bytes of a document with what helps to read them.
type File struct {
	Name        string // a hint at the format, and what errors call it; may be empty
	Content     []byte
	Password    string
	MainContent bool // see Input.MainContent
}

// DocumentState tells how far a document has come.
type DocumentState string

const (
	StateReady  DocumentState = "ready"  // stored, embedded, and in the change feed
	StateFailed DocumentState = "failed" // could not be read; Error says why
)

// Document is a stored document without its text.
type Document struct {
	ID         DocumentID    `json:"id"`
	ExternalID string        `json:"external_id"`
	Title      string        `json:"title"`
	Source     string        `json:"source,omitempty"`
	MediaType  string        `json:"media_type"`
	Metadata   Metadata      `json:"metadata"`
	ACL        []string      `json:"acl,omitempty"`
	Version    int           `json:"version"` // from 1, up by one with each change of content
	SHA256     string        `json:"sha256"`  // of the original bytes
	InputHash  string        `json:"-"`       // of everything else the caller gave; stores keep it so that an unchanged input is known
	Bytes      int64         `json:"bytes"`   // of the original
	Pages      int           `json:"pages,omitempty"`
	Chunks     int           `json:"chunks"`
	Language   string        `json:"language,omitempty"` // ISO 639-1, "" when unknown
	State      DocumentState `json:"state"`
	Error      string        `json:"error,omitempty"`
	CreatedAt  time.Time     `json:"created_at"`
	UpdatedAt  time.Time     `json:"updated_at"`
}

// Lookup returns the value of a filter key: metadata, or a property for one of
// SystemKeys.
func (d *Document) Lookup(key string) Value {
	if !strings.HasPrefix(key, "$") {
		return d.Metadata[key]
	}
	switch key {
	case KeyDocumentID:
		return Str(string(d.ID))
	case KeyExternalID:
		return Str(d.ExternalID)
	case KeyTitle:
		return Str(d.Title)
	case KeyMediaType:
		return Str(d.MediaType)
	case KeySource:
		return Str(d.Source)
	case KeyCreatedAt:
		return Num(float64(d.CreatedAt.Unix()))
	case KeyUpdatedAt:
		return Num(float64(d.UpdatedAt.Unix()))
	}
	return d.Metadata[key]
}

// Span is a range of bytes [Start, End) in the extracted text of one version of
// a document.
type Span struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

// Len returns the number of bytes.
func (s Span) Len() int { return s.End - s.Start }

// Contains reports whether t lies within s.
func (s Span) Contains(t Span) bool { return s.Start <= t.Start && t.End <= s.End }

// Overlaps reports whether the two share a byte.
func (s Span) Overlaps(t Span) bool { return s.Start < t.End && t.Start < s.End }

// Of returns the bytes of text that the span covers, "" if it lies outside.
func (s Span) Of(text string) string {
	if s.Start < 0 || s.End < s.Start || s.End > len(text) {
		return ""
	}
	return text[s.Start:s.End]
}

// BlockKind is what a piece of a document is.
type BlockKind string

const (
	Heading   BlockKind = "heading"
	Paragraph BlockKind = "paragraph"
	ListItem  BlockKind = "list_item"
	Table     BlockKind = "table" // its text is a Markdown pipe table
	Code      BlockKind = "code"
	Quote     BlockKind = "quote"
	Caption   BlockKind = "caption"
	Footnote  BlockKind = "footnote"
	Header    BlockKind = "header" // running header or page number: kept out of chunks
	Footer    BlockKind = "footer"
)

// Box is a rectangle on a page, in points (1/72 inch). The origin is the top left
// corner of the page as it is shown, turned pages included; x grows to the right
// and y downwards, x0 <= x1 and y0 <= y1. The zero Box is none.
type Box struct {
	X0 float32 `json:"x0"`
	Y0 float32 `json:"y0"`
	X1 float32 `json:"x1"`
	Y1 float32 `json:"y1"`
}

// Union returns the smallest box that holds both; one that is none adds nothing.
func (b Box) Union(c Box) Box {
	switch {
	case b == Box{}:
		return c
	case c == Box{}:
		return b
	}
	return Box{min(b.X0, c.X0), min(b.Y0, c.Y0), max(b.X1, c.X1), max(b.Y1, c.Y1)}
}

// Block is one piece of a document in reading order.
type Block struct {
	Kind  BlockKind `json:"kind"`
	Level int       `json:"level,omitempty"` // of a heading 1 to 6, of a list item from 1
	Page  int       `json:"page,omitempty"`  // from 1; 0 where there are no pages
	Box   Box       `json:"box,omitzero"`    // on its page, in tenths of a point; none where places are not known
	Span  Span      `json:"span"`            // of its text in Text.Content
	// HeaderEnd is, for a table, the offset in Text.Content at which its header
	// rows (with the rule below them) end, so that a split table can repeat them.
	HeaderEnd int `json:"header_end,omitempty"`
}

// Text is the extracted form of a document: one UTF-8 string and the blocks
// that stand in it, in order, without overlap. Bytes between blocks are white
// space. Chunks, citations and highlights are spans of Content.
type Text struct {
	Content   string   `json:"content"`
	Blocks    []Block  `json:"blocks"`
	Title     string   `json:"title,omitempty"`      // found in the document, "" if none
	MediaType string   `json:"media_type,omitempty"` // as recognised from the content
	Language  string   `json:"language,omitempty"`   // ISO 639-1, "" when unknown
	Pages     int      `json:"pages,omitempty"`
	Metadata  Metadata `json:"metadata,omitempty"` // author, dates: what the file says of itself
	Warnings  []string `json:"warnings,omitempty"` // what could not be read, for people
	// ReadAs says how pictures of it were read, the languages by the program's names
	// ("deu+eng"); "" if none was. It is not stored.
	ReadAs string `json:"-"`
}

// Chunk is a piece of a document: the unit that is embedded, searched and cited.
type Chunk struct {
	ID         ChunkID    `json:"id"`
	DocumentID DocumentID `json:"document_id"`
	Version    int        `json:"version"`
	Ordinal    int        `json:"ordinal"` // from 0, in reading order
	Span       Span       `json:"span"`
	Text       string     `json:"text"`              // Content[Span]
	Prefix     string     `json:"prefix,omitempty"`  // stands before Text where it is embedded and indexed: what enrichment wrote about the chunk, the header rows of a split table; in no span
	Page       int        `json:"page,omitempty"`    // of its first byte
	Heading    []string   `json:"heading,omitempty"` // path of headings above it, outermost first
	Tokens     int        `json:"tokens"`            // of Text, by the embedding model's tokenizer
	// Parent is the wider text that is read with the chunk when an answer is written:
	// a span of the same text that contains Span. Zero for none.
	Parent Span `json:"parent,omitzero"`
	Hash   Hash `json:"-"` // SHA-256 of EmbedText: the key of its embedding
}

// maxEmbeddedTitle is the most bytes of a title that are embedded with each chunk:
// about 90 tokens of a Latin script. A document may come with a title of any length,
// which must not crowd out the text.
const maxEmbeddedTitle = 400

// EmbeddedTitle is what of a document's title EmbedText takes: all of it but for very
// long ones, which end after a whole word.
func EmbeddedTitle(title string) string {
	title = strings.TrimSpace(title)
	if len(title) <= maxEmbeddedTitle {
		return title
	}
	end := maxEmbeddedTitle
	for !utf8.RuneStart(title[end]) {
		end--
	}
	if i := strings.LastIndexByte(title[:end], ' '); i > maxEmbeddedTitle/2 {
		end = i
	}
	return strings.TrimSpace(title[:end])
}

// EmbedText is what a chunk is embedded and indexed by: the document's title,
// the heading path, the prefix, and the text, a line each. A heading that repeats the
// title, or with which the text begins, is left out, and so is a title with which the
// text begins.
func (c *Chunk) EmbedText(title string) string {
	var b strings.Builder
	line := func(s string) {
		if s = strings.TrimSpace(s); s != "" {
			b.WriteString(s)
			b.WriteByte('\n')
		}
	}
	body := strings.TrimSpace(c.Text)
	if !strings.HasPrefix(body, strings.TrimSpace(title)) {
		line(EmbeddedTitle(title))
	}
	var path []string
	rest := body
	for _, h := range c.Heading {
		after, begins := strings.CutPrefix(strings.TrimLeft(rest, "# \t\r\n"), h)
		switch {
		case begins && (after == "" || strings.HasPrefix(strings.TrimLeft(after, " \t\r"), "\n")):
			rest = after
		case h != title:
			path = append(path, h)
		}
	}
	line(strings.Join(path, " > "))
	line(c.Prefix)
	b.WriteString(body)
	return b.String()
}
