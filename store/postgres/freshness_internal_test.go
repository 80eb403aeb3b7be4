package postgres

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
)

// answer is what a server says to a freshness.
type answer struct {
	pgx.BatchResults
	revision int64
}

func (a answer) QueryRow() pgx.Row      { return a }
func (a answer) Scan(dest ...any) error { *dest[0].(*int64) = a.revision; return nil }

// A server that is behind is not read, and how far the one is that is read counts for the
// next: on the primary, too, which is asked with -1.
func TestFreshness(t *testing.T) {
	for _, test := range []struct {
		least, revision, known int64
		behind                 bool
	}{
		{least: 5, revision: 4, behind: true},
		{least: 0, revision: -1, behind: true}, // a collection that the replica does not have
		{least: 5, revision: 5, known: 5},
		{least: 5, revision: 9, known: 9},
		{least: -1, revision: 7, known: 7},
		{least: -1, revision: -1},
	} {
		s := &Store{}
		f := &freshness{collection: 3, least: test.least, seen: s.seen}
		err := f.check(answer{revision: test.revision})
		if errors.Is(err, errBehind) != test.behind || s.known(3) != test.known {
			t.Errorf("%+v: %v, known %d", test, err, s.known(3))
		}
	}
}
