package fetch

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// Digest returns a digest of values that JSON can hold, for fingerprints and to
// recognise settings: 43 characters of the URL's alphabet.
func Digest(values ...any) string {
	b, err := json.Marshal(values)
	if err != nil {
		panic(err) // the sources digest texts, numbers, their settings and what came of JSON
	}
	h := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(h[:])
}

// Metadata returns the metadata that settings give to each item.
func Metadata(m map[string]string) rag.Metadata {
	out := rag.Metadata{}
	for k, v := range m {
		out[k] = rag.Str(v)
	}
	return out
}

// Cut returns at most so many bytes of s.
func Cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
