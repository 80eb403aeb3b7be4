package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/enrich"
)

// enrich gives doc its metadata: what the caller says, over what enrichment found, over
// what the file says of itself. What does not fit beside the rest is left out of what was
// found. A stage that failed is a warning; the error is the end of ctx.
func (p *Pipeline) enrich(ctx context.Context, at *plan, text rag.Text, caller rag.Metadata, doc *rag.Document, d *prepared) (*enrich.Document, error) {
	about := &enrich.Document{Text: text, Title: doc.Title, Embed: at.embed.Embed, Model: at.embed.Model().ID}
	found, err := at.enrich.Run(ctx, about)
	if err != nil {
		return nil, err
	}
	d.enriched(found, doc)
	stated := merge(text.Metadata, caller)
	left := 0
	for _, key := range slices.Sorted(maps.Keys(found.Metadata)) {
		if _, there := stated[key]; there || len(stated) < rag.MaxMetadataKeys {
			if _, given := caller[key]; !given {
				stated[key] = found.Metadata[key]
			}
			continue
		}
		left++
	}
	if left > 0 {
		d.result.Warnings = append(d.result.Warnings, "enrichment: "+strconv.Itoa(left)+" keys do not fit beside the metadata that the document has; "+strconv.Itoa(rag.MaxMetadataKeys)+" are kept")
	}
	doc.Metadata = stated
	return about, nil
}

// annotate gives chunks the text that is embedded with them.
func (p *Pipeline) annotate(ctx context.Context, at *plan, about *enrich.Document, chunks []rag.Chunk, doc *rag.Document, d *prepared) error {
	headers := make([]string, len(chunks))
	for i := range chunks {
		headers[i] = chunks[i].Prefix
	}
	found, err := at.enrich.Annotate(ctx, about, chunks)
	if err != nil {
		return err
	}
	for i := range chunks {
		fit(&chunks[i], headers[i], doc.Title, at.embed)
	}
	d.enriched(found, doc)
	return nil
}

// enriched takes the warnings of a report. A document on which a stage failed for a
// reason that may pass is not known the next time: adding it again tries again.
func (d *prepared) enriched(found enrich.Report, doc *rag.Document) {
	d.result.Warnings = append(d.result.Warnings, found.Warnings...)
	if found.Again {
		sum := sha256.Sum256([]byte("again " + doc.InputHash))
		doc.InputHash = hex.EncodeToString(sum[:16])
	}
}
