package store

import (
	"encoding/json"

	"github.com/smartretriever/smartretriever/rag"
)

// What has no columns of its own is kept as JSON in a column of text.

// JSON writes values that JSON can always hold: validated metadata, strings,
// numbers that are finite.
func JSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic("store: a checked value is not JSON: " + err.Error())
	}
	return string(data)
}

// FormatMetadata writes metadata that has been validated.
func FormatMetadata(m rag.Metadata) string {
	if len(m) == 0 {
		return "{}"
	}
	return JSON(m)
}

// ParseMetadata reads what FormatMetadata wrote, never nil. Anything else is
// KindInternal.
func ParseMetadata(s string) (rag.Metadata, error) {
	m := rag.Metadata{}
	if s == "{}" {
		return m, nil
	}
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		return nil, rag.Errorf(rag.KindInternal, "stored metadata is damaged: %v", err)
	}
	return m, nil
}

// FormatStrings writes a list, the empty one as nothing.
func FormatStrings(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return JSON(list)
}

// ParseStrings reads what FormatStrings wrote. Anything else is KindInternal.
func ParseStrings(s string) (list []string, err error) {
	if s == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(s), &list); err != nil {
		return nil, rag.Errorf(rag.KindInternal, "a stored list is damaged: %v", err)
	}
	return list, nil
}

// FormatPrincipals writes the principals of a question or a job, by which those who
// are no administrators find it again.
func FormatPrincipals(scope rag.Scope) string { return FormatList(scope.Principals) }

// FormatList writes a list as JSON, the empty one as an empty array.
func FormatList[T any](list []T) string {
	if len(list) == 0 {
		return "[]"
	}
	return JSON(list)
}

// textInfo is what a column of facts holds.
type textInfo struct {
	Title     string       `json:"title,omitempty"`
	MediaType string       `json:"media_type,omitempty"`
	Language  string       `json:"language,omitempty"`
	Pages     int          `json:"pages,omitempty"`
	Metadata  rag.Metadata `json:"metadata,omitempty"`
	Warnings  []string     `json:"warnings,omitempty"`
}

// FormatFacts writes what is known of a text besides its content and blocks. Its
// metadata have been validated.
func FormatFacts(t *rag.Text) string {
	return JSON(textInfo{t.Title, t.MediaType, t.Language, t.Pages, t.Metadata, t.Warnings})
}

// ParseFacts reads what FormatFacts wrote, into a text without content and blocks.
// Anything else is KindInternal.
func ParseFacts(s string) (rag.Text, error) {
	var info textInfo
	if err := json.Unmarshal([]byte(s), &info); err != nil {
		return rag.Text{}, rag.Errorf(rag.KindInternal, "the stored facts of a text are damaged: %v", err)
	}
	return rag.Text{Title: info.Title, MediaType: info.MediaType, Language: info.Language, Pages: info.Pages, Metadata: info.Metadata, Warnings: info.Warnings}, nil
}
