package chroma

import (
	"github.com/smartretriever/smartretriever/index/external/normal"
)

// where is a filter of Chroma.
type where map[string]any

// The members of a record's metadata.
const (
	idKey   = "id"
	tagsKey = "tags"
)

// everyRecord is met by all records: an empty filter is none to Chroma.
var everyRecord = where{idKey: where{"$gt": 0}}

// whereOf returns the filter of a form that some items meet and some do not.
func whereOf(f normal.Form) where {
	var parts []where
	join := "$or"
	switch f.Op {
	case normal.IDs:
		return where{idKey: where{"$in": f.IDs}}
	case normal.NotIDs:
		return where{idKey: where{"$nin": f.IDs}}
	case normal.Tags:
		for _, t := range f.Tags {
			parts = append(parts, where{tagsKey: where{"$contains": t}})
		}
	case normal.NotTags:
		join = "$and"
		for _, t := range f.Tags {
			parts = append(parts, where{tagsKey: where{"$not_contains": t}})
		}
	default:
		if f.Op == normal.All {
			join = "$and"
		}
		for _, sub := range f.Forms {
			parts = append(parts, whereOf(sub))
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return where{join: parts}
}
