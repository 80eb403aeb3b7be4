package store

import "github.com/smartretriever/smartretriever/rag"

// Listing is a page of a listing in the making: rows are added in the order of the
// listing until it has enough of them. It is for one goroutine.
type Listing[T any] struct {
	Page  rag.Page[T]
	Limit int    // the most items of the page
	After Cursor // the place after which it begins
	Begun bool   // whether it begins after a place, not with the first row
	last  Cursor // the place of the last item
}

// NewListing begins the page that opt asks for of the named listing. KindInvalid says
// that the limit is negative, or the cursor not one of this listing in this
// direction. opt.Filter is left to the caller.
func NewListing[T any](list string, opt rag.ListOptions) (*Listing[T], error) {
	limit, err := Limit(opt)
	if err != nil {
		return nil, err
	}
	after, begun, err := ParseCursor(list, opt)
	if err != nil {
		return nil, err
	}
	return &Listing[T]{Limit: limit, After: after, Begun: begun, last: after}, nil
}

// Restart forgets what was added, for a transaction that is begun again.
func (l *Listing[T]) Restart() { l.Page, l.last = rag.Page[T]{}, l.After }

// Add adds the next row's item, and reports whether there is room for what is after
// it. The row is named by its number, or by its name where the listing is in the order
// of names. One that comes when the page is full is not added: it shows that there is
// another page.
func (l *Listing[T]) Add(item T, id int64, name string) (more bool) {
	if len(l.Page.Items) == l.Limit {
		l.Page.Next = l.last.String()
		return false
	}
	l.last.ID, l.last.Name = id, name
	l.Page.Items = append(l.Page.Items, item)
	return true
}
