package store

import (
	"encoding/base64"
	"encoding/json"

	"github.com/smartretriever/smartretriever/rag"
)

// Bounds of a page of a listing.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Limit returns the page size that opt asks for, within the bounds. A negative
// one is KindInvalid.
func Limit(opt rag.ListOptions) (int, error) {
	switch {
	case opt.Limit < 0:
		return 0, rag.Errorf(rag.KindInvalid, "limit %d is negative", opt.Limit)
	case opt.Limit == 0:
		return DefaultLimit, nil
	}
	return min(opt.Limit, MaxLimit), nil
}

// Cursor is the place after which a page of a listing begins: the key of the last
// item of the page before it. Rows that come and go between two pages neither
// repeat nor hide others.
type Cursor struct {
	List string `json:"l"`           // which listing: a cursor of one is no cursor of another
	ID   int64  `json:"i,omitempty"` // the last row's number
	Name string `json:"n,omitempty"` // the last row's name, where rows are ordered by name
	Desc bool   `json:"d,omitempty"`
}

// String returns the opaque form that callers hand back.
func (c Cursor) String() string {
	data, err := json.Marshal(c)
	if err != nil {
		panic("store: a cursor holds plain values: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// ParseCursor reads opt's cursor for the named listing. An absent one is the
// start: ID and Name are zero and ok is false. A cursor that was not made for
// this listing in this direction is KindInvalid.
func ParseCursor(list string, opt rag.ListOptions) (c Cursor, ok bool, err error) {
	if opt.Cursor == "" {
		return Cursor{List: list, Desc: opt.Descending}, false, nil
	}
	data, err := base64.RawURLEncoding.DecodeString(opt.Cursor)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil || c.List != list || c.Desc != opt.Descending {
		return Cursor{}, false, rag.Errorf(rag.KindInvalid, "cursor %.80q is not one of this listing", opt.Cursor)
	}
	return c, true, nil
}
