package store

import (
	"strings"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// Limits on what is kept of a document besides its text, held by CheckPut and
// CheckChange.
const (
	MaxExternalID = 4 << 10  // bytes
	MaxSource     = 16 << 10 // bytes
	MaxTitle      = 64 << 10 // bytes
	MaxACL        = 1024     // principals
	MaxPrincipal  = 1 << 10  // bytes of one
)

// CheckPut reports, as KindInvalid, the first reason why a document cannot be
// stored: something too long, blocks out of order, or a chunk that is not the
// text of its span.
func CheckPut(p *rag.Put) error {
	d := &p.Document
	if err := checkText("external id", d.ExternalID, MaxExternalID); err != nil {
		return err
	}
	if err := checkText("source", d.Source, MaxSource); err != nil {
		return err
	}
	if err := checkText("title", d.Title, MaxTitle); err != nil {
		return err
	}
	if err := d.Metadata.Validate(); err != nil {
		return err
	}
	if err := CheckACL(d.ACL); err != nil {
		return err
	}
	switch d.State {
	case "", rag.StateReady, rag.StateFailed:
	default:
		return rag.Errorf(rag.KindInvalid, "document state %q is not known", d.State)
	}
	if d.Bytes < 0 || d.Pages < 0 {
		return rag.Errorf(rag.KindInvalid, "a document's size and pages cannot be negative")
	}
	if err := checkBlocks(&p.Text); err != nil {
		return err
	}
	return checkChunks(p.Text.Content, p.Chunks)
}

// CheckChange reports, as KindInvalid, why a document's title, metadata or access
// list cannot be changed so.
func CheckChange(c rag.DocumentChange) error {
	if c.Title != nil {
		if err := checkText("title", *c.Title, MaxTitle); err != nil {
			return err
		}
	}
	if c.Metadata != nil {
		if err := c.Metadata.Validate(); err != nil {
			return err
		}
	}
	if c.ACL != nil {
		return CheckACL(*c.ACL)
	}
	return nil
}

// CheckACL reports, as KindInvalid, an access list that is too long or names
// nobody in one of its entries.
func CheckACL(acl []string) error {
	if len(acl) > MaxACL {
		return rag.Errorf(rag.KindInvalid, "the access list names %d principals; at most %d are kept", len(acl), MaxACL)
	}
	for i, p := range acl {
		if p == "" {
			return rag.Errorf(rag.KindInvalid, "entry %d of the access list is empty", i)
		}
		if err := checkText("principal", p, MaxPrincipal); err != nil {
			return err
		}
	}
	return nil
}

func checkText(what, s string, most int) error {
	switch {
	case len(s) > most:
		return rag.Errorf(rag.KindInvalid, "%s %.40q has %d bytes; at most %d are kept", what, s, len(s), most)
	case !utf8.ValidString(s):
		return rag.Errorf(rag.KindInvalid, "%s %.40q is not valid UTF-8", what, s)
	case strings.IndexByte(s, 0) >= 0:
		return rag.Errorf(rag.KindInvalid, "%s %.40q holds a NUL character", what, s)
	}
	return nil
}

func checkBlocks(t *rag.Text) error {
	end := 0
	for i, b := range t.Blocks {
		if b.Span.Start < end || b.Span.End < b.Span.Start || b.Span.End > len(t.Content) {
			return rag.Errorf(rag.KindInvalid, "block %d covers bytes %d to %d: out of order, or outside the text of %d bytes", i, b.Span.Start, b.Span.End, len(t.Content))
		}
		end = b.Span.End
	}
	return nil
}

func checkChunks(content string, chunks []rag.Chunk) error {
	for i := range chunks {
		c := &chunks[i]
		if c.Span.Start < 0 || c.Span.End <= c.Span.Start || c.Span.End > len(content) {
			return rag.Errorf(rag.KindInvalid, "chunk %d covers bytes %d to %d: empty, or outside the text of %d bytes", i, c.Span.Start, c.Span.End, len(content))
		}
		if c.Text != content[c.Span.Start:c.Span.End] {
			return rag.Errorf(rag.KindInvalid, "chunk %d is not the text of its span, bytes %d to %d", i, c.Span.Start, c.Span.End)
		}
		if c.Parent != (rag.Span{}) && (!c.Parent.Contains(c.Span) || c.Parent.Start < 0 || c.Parent.End > len(content)) {
			return rag.Errorf(rag.KindInvalid, "chunk %d has the parent %d to %d, which does not contain it or lies outside the text of %d bytes", i, c.Parent.Start, c.Parent.End, len(content))
		}
		if c.Hash == (rag.Hash{}) {
			return rag.Errorf(rag.KindInvalid, "chunk %d has no hash", i)
		}
	}
	return nil
}
