package feed

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
)

// jsonFeed is JSON Feed (jsonfeed.org/version/1.1). Identifiers are to be strings,
// and are numbers in some.
type jsonFeed struct {
	Version string     `json:"version"`
	Title   string     `json:"title"`
	Author  jsonAuthor `json:"author"`
	Items   []struct {
		ID          any          `json:"id"`
		URL         string       `json:"url"`
		ExternalURL string       `json:"external_url"`
		Title       string       `json:"title"`
		HTML        string       `json:"content_html"`
		Text        string       `json:"content_text"`
		Summary     string       `json:"summary"`
		Published   string       `json:"date_published"`
		Modified    string       `json:"date_modified"`
		Author      jsonAuthor   `json:"author"`
		Authors     []jsonAuthor `json:"authors"`
		Tags        []string     `json:"tags"`
	} `json:"items"`
}

type jsonAuthor struct {
	Name string `json:"name"`
}

// maxObjects bounds the braces in a feed, of which an entry takes a few: an empty
// object is a hundred times as large when it has been read.
const maxObjects = 200_000

func parseJSON(body []byte, base *url.URL, most int) (feed, error) {
	if n := bytes.Count(body, []byte("{")); n > maxObjects {
		return feed{}, rag.Errorf(rag.KindExhausted, "the JSON holds more than %d objects", maxObjects)
	}
	var j jsonFeed
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&j); err != nil {
		return feed{}, rag.Wrap(rag.KindInvalid, err, "the JSON is damaged or no feed")
	}
	if !strings.Contains(j.Version, "jsonfeed.org/version/") && j.Items == nil {
		return feed{}, rag.Errorf(rag.KindInvalid, "it is no feed: JSON without a version of JSON Feed and without items")
	}
	f := feed{title: clean.Line(j.Title)}
	for _, i := range j.Items[:min(len(j.Items), most)] {
		e := entry{
			Title: clean.Line(i.Title), Link: resolve(base, i.URL), HTML: i.HTML, Text: i.Text,
			Published: when(i.Published), Updated: when(i.Modified), Author: clean.Line(i.Author.Name),
		}
		if e.Link == "" {
			e.Link = resolve(base, i.ExternalURL)
		}
		switch id := i.ID.(type) {
		case string:
			e.ID = clean.Line(id)
		case json.Number:
			e.ID = id.String()
		}
		if len(i.Authors) > 0 {
			e.Author = clean.Line(i.Authors[0].Name)
		}
		if e.HTML == "" && e.Text == "" {
			e.Text = i.Summary
		}
		if e.HTML != "" {
			e.Text = ""
		}
		for _, t := range i.Tags[:min(len(i.Tags), maxTags)] {
			e.Tags = append(e.Tags, clean.Line(t))
		}
		if e.ID != "" || e.Link != "" || e.Title != "" || e.HTML != "" || e.Text != "" {
			f.entries = append(f.entries, e)
		}
	}
	return f, nil
}
