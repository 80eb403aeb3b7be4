package pinecone

import (
	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/normal"
)

// filter is a metadata filter of Pinecone.
type filter map[string]any

// The fields of a record's metadata.
const (
	idField       = "id"
	tagsField     = "tags"
	documentField = "document"
)

// everyTag is in the list of every record, so that none lacks it.
const everyTag = "*"

// filterOf returns the filter of a form that some items meet and some do not.
func filterOf(f normal.Form) filter {
	switch f.Op {
	case normal.IDs:
		return filter{idField: filter{"$in": names(f.IDs)}}
	case normal.NotIDs:
		return filter{idField: filter{"$nin": names(f.IDs)}}
	case normal.Tags:
		return filter{tagsField: filter{"$in": tagNames(f.Tags)}}
	case normal.NotTags:
		return filter{tagsField: filter{"$nin": tagNames(f.Tags)}}
	}
	parts := make([]filter, len(f.Forms))
	for n, sub := range f.Forms {
		parts[n] = filterOf(sub)
	}
	if f.Op == normal.All {
		return filter{"$and": parts}
	}
	return filter{"$or": parts}
}

func tagNames(tags []external.Tag) []string {
	out := make([]string, len(tags))
	for n, t := range tags {
		out[n] = t.String()
	}
	return out
}

// negates reports whether a form asks for tags that are not there.
func negates(f normal.Form) bool {
	for _, sub := range f.Forms {
		if negates(sub) {
			return true
		}
	}
	return f.Op == normal.NotTags
}
