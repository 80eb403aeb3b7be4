package rag

import "time"

// Version is one of the versions of a document that are kept.
type Version struct {
	Version   int       `json:"version"`
	Current   bool      `json:"current"`
	CreatedAt time.Time `json:"created_at"`
	SHA256    string    `json:"sha256"` // of the original bytes
	Title     string    `json:"title"`  // found in the document
	MediaType string    `json:"media_type"`
	Pages     int       `json:"pages,omitempty"`
	TextBytes int       `json:"text_bytes"`
}

// Comparison is what differs between the texts of two versions of a document.
type Comparison struct {
	From    int    `json:"from"`
	To      int    `json:"to"`
	Added   int    `json:"added"`   // lines of To that From does not have
	Removed int    `json:"removed"` // lines of From that To does not have
	Diff    string `json:"diff"`    // in the unified format, "" where nothing differs
}
