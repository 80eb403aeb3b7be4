package openai

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/smartretriever/smartretriever/rag"
)

const (
	storePrefix = "vs_"
	filePrefix  = "file-"
	batchPrefix = "vsfb_"
)

func storeID(collection string) string { return storePrefix + collection }

// newID returns the prefix and a time-ordered random id of 32 hexadecimal digits.
func newID(prefix string) string {
	id, err := uuid.NewV7()
	if err != nil {
		panic("crypto/rand failed: " + err.Error()) // documented never to happen
	}
	return prefix + hex.EncodeToString(id[:])
}

// slug makes a collection name of a display name.
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == 40 {
			break
		}
	}
	if b.Len() == 0 {
		b.WriteString("store")
	}
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails (crypto/rand)
	return strings.TrimSuffix(b.String(), "-") + "-" + hex.EncodeToString(random[:])
}

// fileID is the id under which a document is a file.
func fileID(d rag.Document) string {
	if _, ok := uuidOf(d.ExternalID, filePrefix); ok {
		return d.ExternalID
	}
	return filePrefix + strings.ReplaceAll(string(d.ID), "-", "")
}

// uuidOf returns the id behind the prefix.
func uuidOf(id, prefix string) (uuid.UUID, bool) {
	digits, ok := strings.CutPrefix(id, prefix)
	if !ok || len(digits) != 32 || digits != strings.ToLower(digits) {
		return uuid.UUID{}, false
	}
	u, err := uuid.Parse(digits)
	return u, err == nil
}

// document finds a file of scope's collection: one that was uploaded here by its
// external id, any other by the document id that its file id is made of.
func (h *handlers) document(ctx context.Context, scope rag.Scope, id string) (rag.Document, error) {
	u, ok := uuidOf(id, filePrefix)
	if !ok {
		return rag.Document{}, noFile(id)
	}
	doc, err := h.svc.FindDocument(ctx, scope, id)
	if errors.Is(err, rag.ErrNotFound) {
		doc, err = h.svc.Document(ctx, scope, rag.DocumentID(u.String()))
	}
	if errors.Is(err, rag.ErrNotFound) {
		return rag.Document{}, noFile(id)
	}
	return doc, err
}

func noFile(id string) error {
	return coded(rag.Errorf(rag.KindNotFound, "No such File object: %.80s", id), "file_id", "")
}
