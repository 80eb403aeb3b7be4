package openai

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/api"
)

// annotation is a citation. OpenAI's chat annotations know web pages only, so
// each is given twice: as the file citation that it is, and as a page, the one
// that shows the passage, for programs that look for no other kind.
type annotation struct {
	Type         string       `json:"type"`
	FileCitation fileCitation `json:"file_citation"`
	URLCitation  urlCitation  `json:"url_citation"`
}

type fileCitation struct {
	FileID     string         `json:"file_id"`
	Filename   string         `json:"filename"`
	Index      int            `json:"index"` // of the marker in the content, in characters
	Quote      string         `json:"quote"`
	Number     int            `json:"number"` // as in the marker
	DocumentID rag.DocumentID `json:"document_id"`
	Version    int            `json:"version"`
	Page       *int           `json:"page"`
	Heading    []string       `json:"heading"`
	Start      int            `json:"start"` // bytes in the document's extracted text
	End        int            `json:"end"`
	SHA256     string         `json:"sha256"` // of the quote
}

type urlCitation struct {
	StartIndex int    `json:"start_index"` // of the marker in the content, in characters
	EndIndex   int    `json:"end_index"`
	Title      string `json:"title"`
	URL        string `json:"url"`
}

func annotations(a rag.Answer, collection, base string) []annotation {
	out := make([]annotation, len(a.Citations))
	for i, c := range a.Citations {
		start, end := marker(a.Text, c.Number)
		heading := c.Heading
		if heading == nil {
			heading = []string{}
		}
		out[i] = annotation{
			Type: "file_citation",
			FileCitation: fileCitation{
				FileID: fileID(c.Document), Filename: api.FileName(c.Document), Index: start, Quote: c.Quote, Number: c.Number,
				DocumentID: c.Document.ID, Version: c.Version, Heading: heading, Start: c.Span.Start, End: c.Span.End, SHA256: c.SHA256,
			},
			URLCitation: urlCitation{
				StartIndex: start, EndIndex: end, Title: c.Document.Title,
				URL: fmt.Sprintf("%s/ui/collections/%s/documents/%s?version=%d&start=%d&end=%d", base,
					url.PathEscape(collection), url.PathEscape(string(c.Document.ID)), c.Version, c.Span.Start, c.Span.End),
			},
		}
		if c.Page > 0 {
			out[i].FileCitation.Page = &c.Page
		}
	}
	return out
}

// marker returns where [n] first stands in text, in characters; the text's end if
// it does not.
func marker(text string, n int) (start, end int) {
	m := "[" + strconv.Itoa(n) + "]"
	i := strings.Index(text, m)
	if i < 0 {
		l := utf8.RuneCountInString(text)
		return l, l
	}
	start = utf8.RuneCountInString(text[:i])
	return start, start + len(m)
}
