package syncer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source"
)

// sameAsRemoved compares an item with its document that somebody deleted. It returns
// nil if it is the same, else the input, whose content may have been read.
func (r *reading) sameAsRemoved(e source.Event, row rag.SourceItem) (*rag.Input, error) {
	if e.Fingerprint != "" && e.Fingerprint == row.Fingerprint {
		return nil, nil
	}
	in := e.Input
	if in.Content == nil {
		if sum := sha256.Sum256([]byte(in.Text)); hex.EncodeToString(sum[:]) == row.Removed {
			return nil, nil
		}
		return &in, nil
	}
	content, err := io.ReadAll(io.LimitReader(in.Content, r.s.cfg.MaxBytes+1))
	if err != nil {
		return nil, err
	}
	closeContent(in)
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) == row.Removed {
		return nil, nil
	}
	in.Content = bytes.NewReader(content) // one that is too large is refused by ingestion
	return &in, nil
}

// removedByHand is why an item that is the same as its deleted document stays away.
var removedByHand = rag.Errorf(rag.KindInvalid, "its document was deleted by hand and it has not changed since")

func (r *reading) stayAway(ctx context.Context, w *work) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verdict(w.event.ID, w.path, rag.AddResult{State: rag.Skipped, Err: removedByHand})
	row := w.before
	row.Fingerprint = w.event.Fingerprint
	return r.keepItem(ctx, row)
}
