package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/ocr"
)

// open checks an input, settles its external id and reads its bytes. The input is
// closed afterwards.
func (p *Pipeline) open(ctx context.Context, in *rag.Input) ([]byte, error) {
	defer closeContent(*in)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := validate(in); err != nil {
		return nil, err
	}
	return p.read(*in)
}

// prepare takes one document as far as it goes without the embedder and the store's
// writer: compared with what is stored, extracted, cut. err is what came of opening
// it.
func (p *Pipeline) prepare(ctx context.Context, at *plan, n numbered, content []byte, err error, begun time.Time) prepared {
	d := prepared{index: n.index, from: n.from}
	d.result = rag.AddResult{ExternalID: n.in.ExternalID, Source: n.in.Source, Title: n.in.Title}
	if err == nil {
		err = p.cut(ctx, at, n.in, content, begun, &d)
	}
	if err != nil {
		d.final = true
		d.result.Err = err
		if d.result.State != rag.Skipped {
			d.result.State = rag.Failed
		}
	}
	if d.final {
		d.result.Took = p.cfg.Clock().Sub(begun)
	}
	return d
}

func (p *Pipeline) cut(ctx context.Context, at *plan, in rag.Input, content []byte, begun time.Time, d *prepared) error {
	d.result.Bytes = int64(len(content))
	sum := sha256.Sum256(content)
	doc := rag.Document{
		ExternalID: in.ExternalID,
		Source:     in.Source,
		SHA256:     hex.EncodeToString(sum[:]),
		InputHash:  inputHash(in, at.col.Generation.Chunker, p.cfg.Enrich.Settings()),
		Bytes:      int64(len(content)),
		ACL:        in.ACL,
		State:      rag.StateReady,
		UpdatedAt:  begun,
	}
	known, err := p.known(ctx, at.col, in)
	if err != nil {
		return err
	}
	if known != nil && in.MayReplace != nil {
		if err := in.MayReplace(*known); err != nil {
			return err
		}
	}
	if known != nil && !in.Force && known.SHA256 == doc.SHA256 && p.sameInput(ctx, known.InputHash, doc.InputHash) {
		d.final = true
		d.result.ID, d.result.Title, d.result.Version = known.ID, known.Title, known.Version
		d.result.Pages, d.result.Chunks, d.result.State = known.Pages, known.Chunks, rag.Unchanged
		return nil
	}

	text, err := p.extract(ctx, in, content)
	if err != nil {
		if errors.Is(err, ocr.ErrUnread) && known == nil {
			d.result.State = rag.Skipped // no fault of the file
		}
		return err
	}
	doc.InputHash += p.scansMark(ctx, text)
	d.result.Warnings = slices.Clone(text.Warnings)
	doc.Title = title(in, text)
	doc.MediaType, doc.Pages, doc.Language = text.MediaType, text.Pages, text.Language
	about, err := p.enrich(ctx, at, text, in.Metadata, &doc, d)
	if err != nil {
		return err
	}
	if err := doc.Metadata.Validate(); err != nil {
		return err
	}
	d.result.Title, d.result.Pages = doc.Title, doc.Pages

	titled := text
	titled.Title = doc.Title // what is embedded with the chunks
	chunks, err := at.chunker.Chunk(ctx, titled)
	if err != nil {
		d.stop = ctx.Err() == nil // a chunker fails with its model, which is no verdict on the document
		return err
	}
	if len(chunks) == 0 {
		if known == nil {
			d.result.State = rag.Skipped
			return rag.Errorf(rag.KindInvalid, "%s", emptyReason(text, len(content)))
		}
		// What it held before must not go on answering.
		d.result.Warnings = append(d.result.Warnings, emptyReason(text, len(content)))
	}
	if err := p.annotate(ctx, at, about, chunks, &doc, d); err != nil {
		return err
	}
	d.texts = make([]string, len(chunks))
	for i := range chunks {
		d.texts[i] = chunks[i].EmbedText(doc.Title)
		chunks[i].Ordinal = i
		chunks[i].Hash = sha256.Sum256([]byte(d.texts[i]))
	}
	d.content = content
	doc.Chunks = len(chunks)
	d.result.Chunks = len(chunks)
	d.put = rag.Put{CollectionID: at.col.ID, Document: doc, Text: text, Chunks: chunks, Vectors: map[rag.Hash][]float32{}}
	return nil
}

// validate checks what the caller gave and settles the external id.
func validate(in *rag.Input) error {
	if in.Content == nil && in.Text == "" && in.Name == "" && in.Source == "" && in.Title == "" {
		return rag.Errorf(rag.KindInvalid, "the document has neither text nor content")
	}
	if in.Content != nil && in.Text != "" {
		return rag.Errorf(rag.KindInvalid, "the document has both text and content; give one")
	}
	if in.ExternalID == "" {
		in.ExternalID = in.Source
	}
	const maxID, maxTitle, maxACL, maxPrincipal = 1024, 4096, 256, 256
	if len(in.ExternalID) > maxID {
		return rag.Errorf(rag.KindInvalid, "external_id has %d bytes; at most %d are kept", len(in.ExternalID), maxID)
	}
	if len(in.Title) > maxTitle {
		return rag.Errorf(rag.KindInvalid, "title has %d bytes; at most %d are kept", len(in.Title), maxTitle)
	}
	if len(in.ACL) > maxACL {
		return rag.Errorf(rag.KindInvalid, "acl names %d principals; at most %d are kept", len(in.ACL), maxACL)
	}
	for _, a := range in.ACL {
		if a == "" || len(a) > maxPrincipal {
			return rag.Errorf(rag.KindInvalid, "acl entry %.40q must have 1 to %d bytes", a, maxPrincipal)
		}
	}
	in.ACL = slices.Clone(in.ACL)
	slices.Sort(in.ACL)
	in.ACL = slices.Compact(in.ACL)
	return in.Metadata.Validate()
}

// read returns the input's bytes, refusing more than the limit while reading.
func (p *Pipeline) read(in rag.Input) ([]byte, error) {
	if in.Content == nil {
		if int64(len(in.Text)) > p.cfg.MaxBytes {
			return nil, tooLarge(p.cfg.MaxBytes)
		}
		return []byte(in.Text), nil
	}
	content, err := io.ReadAll(io.LimitReader(in.Content, p.cfg.MaxBytes+1))
	if err != nil {
		var kinded *rag.Error
		if errors.As(err, &kinded) {
			return nil, err
		}
		return nil, rag.Wrap(rag.KindInvalid, err, "cannot be read")
	}
	if int64(len(content)) > p.cfg.MaxBytes {
		return nil, tooLarge(p.cfg.MaxBytes)
	}
	return content, nil
}

func tooLarge(limit int64) error {
	if limit < 1<<20 {
		return rag.Errorf(rag.KindExhausted, "is larger than the limit of %d bytes", limit)
	}
	return rag.Errorf(rag.KindExhausted, "is larger than the limit of %d MiB", limit>>20)
}

// known returns the stored document that the input would replace, nil if none.
func (p *Pipeline) known(ctx context.Context, col rag.Collection, in rag.Input) (*rag.Document, error) {
	if in.ExternalID == "" || col.ID == 0 { // an estimate is made for a collection that is not there yet, too
		return nil, nil
	}
	doc, err := p.cfg.Store.FindDocument(ctx, col.ID, in.ExternalID)
	switch {
	case errors.Is(err, rag.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &doc, nil
}

// extract gives the text of an input, unless it came with it. Text that a caller hands in as a string is
// told its format by its media type, as there is no file whose bytes could.
func (p *Pipeline) extract(ctx context.Context, in rag.Input, content []byte) (rag.Text, error) {
	if in.Extracted != nil {
		return *in.Extracted, nil
	}
	name := fileName(in)
	if in.Content == nil {
		switch in.MediaType {
		case "text/markdown":
			name = "text.md"
		case "text/html":
			name = "text.html"
		case "", "text/plain":
			name = "text.txt"
		default:
			return rag.Text{}, rag.Errorf(rag.KindInvalid, "media type %q of a text: use text/plain, text/markdown or text/html", in.MediaType)
		}
	}
	return p.cfg.Extract.Extract(ctx, rag.File{Name: name, Content: content, Password: in.Password, MainContent: in.MainContent})
}

// fileName is the name that hints at an input's format.
func fileName(in rag.Input) string {
	if in.Name == "" {
		return filepath.Base(in.Source)
	}
	return in.Name
}

// title prefers what the caller says over what the document says over its name.
func title(in rag.Input, text rag.Text) string {
	for _, t := range []string{in.Title, text.Title} {
		if t = strings.TrimSpace(t); t != "" {
			return t
		}
	}
	name := in.Name
	if name == "" {
		name = in.Source
	}
	if name == "" {
		return in.ExternalID
	}
	base := filepath.Base(name)
	if stem := strings.TrimSuffix(base, filepath.Ext(base)); stem != "" {
		return stem
	}
	return base
}

// merge lays metadata one over the other, the last on top.
func merge(layers ...rag.Metadata) rag.Metadata {
	out := rag.Metadata{}
	for _, m := range layers {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

// inputHash covers everything beside the bytes that a stored document depends
// on, so that a changed title, label, chunker or enrichment makes the input a changed one. The
// model is not among it: a collection that moves to another keeps its documents.
func inputHash(in rag.Input, chunker rag.ChunkerOptions, enrichments string) string {
	sum := sha256.New()
	parts := []any{in.Title, in.Source, in.MediaType, in.Metadata, in.ACL, asBefore(chunker)}
	if in.MainContent {
		parts = append(parts, "main content")
	}
	if enrichments != "" { // without any, documents are known by the hash that they had before there were some
		parts = append(parts, enrichments)
	}
	// Encoding to a hash cannot fail: all fields are plain values.
	_ = json.NewEncoder(sum).Encode(parts)
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// asBefore returns the options as they were written when fixed and recursive knew
// characters only, and semantic was the name of paragraph: documents that were
// stored then are still known, though what their collection says has been made
// explicit since.
func asBefore(o rag.ChunkerOptions) rag.ChunkerOptions {
	if o.Unit == "characters" {
		o.Unit = ""
	}
	if o.Name == "paragraph" {
		o.Name = "semantic"
	}
	return o
}

// Settings identifies how documents are read, as far as stored documents are read
// anew when it changes: what is found out about them, and in which languages pictures are
// read. It is never "".
func (p *Pipeline) Settings(ctx context.Context) string {
	as, _ := p.scansReadAs(ctx)
	sum := sha256.Sum256([]byte(p.cfg.Enrich.Settings() + "\n" + as))
	return hex.EncodeToString(sum[:8])
}

// unread ends the input hash of a document with pages that may be pictures of text
// and were stored while no pictures were read. It is another document once they are.
const unread = "-unread"

// readAs stands at the end of the input hash of a document with pictures that were
// read, before the languages that they were read in. In others it is another document.
const readAs = "-read-as-"

// scanReader is what an Extractor is that can read pages which are pictures, if all
// that it needs is there.
type scanReader interface {
	// ReadsScans returns the languages in which they are read, as rag.Text.ReadAs has
	// them; "" where they are not read.
	ReadsScans(ctx context.Context) string
}

// scansReadAs returns the languages in which pictures are read, "" where they are not;
// ok says that the extractor knows of pictures at all.
func (p *Pipeline) scansReadAs(ctx context.Context) (languages string, ok bool) {
	r, ok := p.cfg.Extract.(scanReader)
	if !ok {
		return "", false
	}
	return r.ReadsScans(ctx), true
}

// scansMark is what the input hash of a document ends with for how its pictures were
// read, or that they were not.
func (p *Pipeline) scansMark(ctx context.Context, text rag.Text) string {
	if text.ReadAs != "" {
		return readAs + text.ReadAs
	}
	if text.MediaType != "application/pdf" || len(ocr.Wanted(text)) == 0 {
		return ""
	}
	if as, ok := p.scansReadAs(ctx); ok && as == "" {
		return unread
	}
	return ""
}

// sameInput reports whether a document that was stored with an input hash would be
// stored from the same bytes with another but for its mark, and its pictures be read as
// they were. What was read stays where pictures are not read any more.
func (p *Pipeline) sameInput(ctx context.Context, known, inputHash string) bool {
	mark, ok := strings.CutPrefix(known, inputHash)
	if !ok || mark == "" {
		return ok
	}
	as, ok := p.scansReadAs(ctx)
	if mark == unread {
		return ok && as == ""
	}
	was, marked := strings.CutPrefix(mark, readAs)
	return marked && (as == "" || as == was)
}

func emptyReason(t rag.Text, bytes int) string {
	switch {
	case bytes == 0:
		return "is empty (0 bytes)"
	case strings.HasPrefix(t.MediaType, "image/"):
		return "is a picture in which no text was found"
	case t.Pages > 0:
		return "has pages but no text: a scan without a text layer"
	}
	return "holds no text"
}

func closeContent(in rag.Input) {
	if c, ok := in.Content.(io.Closer); ok {
		c.Close() // only read from: nothing can be lost
	}
}
