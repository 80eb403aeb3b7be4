package store_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// TestListing walks rows of numbers page by page, and each page twice, as a
// transaction does that is begun again.
func TestListing(t *testing.T) {
	rows := []int64{3, 4, 9, 10, 12}
	for limit, pages := range map[int]int{1: 5, 2: 3, 4: 2, 5: 1, 6: 1} {
		for _, named := range []bool{false, true} {
			var all []int64
			n := 0
			for opt := (rag.ListOptions{Limit: limit}); n == 0 || opt.Cursor != ""; n++ {
				list, err := store.NewListing[int64]("rows", opt)
				if err != nil {
					t.Fatal(err)
				}
				if list.Begun != (n > 0) || list.Limit != limit {
					t.Fatalf("page %d of %d rows: begun %v, at most %d", n, limit, list.Begun, list.Limit)
				}
				for range 2 {
					list.Restart()
					for _, row := range rows {
						after, name := row <= list.After.ID, ""
						if named {
							name = string(rune('a' + row))
							after = name <= list.After.Name
						}
						if !after && !list.Add(row, row, name) {
							break
						}
					}
				}
				if len(list.Page.Items) > limit {
					t.Errorf("a page of %d has %d", limit, len(list.Page.Items))
				}
				all, opt.Cursor = append(all, list.Page.Items...), list.Page.Next
			}
			if !slices.Equal(all, rows) || n != pages {
				t.Errorf("%d pages of %d have %v", n, limit, all)
			}
		}
	}
}

func TestListingRefuses(t *testing.T) {
	of := func(list string) string { return store.Cursor{List: list, ID: 1}.String() }
	for _, opt := range []rag.ListOptions{{Limit: -1}, {Cursor: of("others")}, {Cursor: of("rows"), Descending: true}} {
		if list, err := store.NewListing[int]("rows", opt); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%+v: %+v, %v", opt, list, err)
		}
	}
}
