package engine

import (
	"io"

	"github.com/smartretriever/smartretriever/index/column"
)

// mergeDocuments writes the documents of a merged segment.
func mergeDocuments(w io.Writer, p *plan) error {
	parts := make([]column.Part, len(p.views))
	for i, v := range p.views {
		parts[i] = column.Part{Table: v.seg.documents, Rows: p.maps[i], Overrides: v.overrides}
	}
	_, err := column.Merge(w, parts, p.rows())
	return err
}
