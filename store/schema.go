package store

import (
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// Schema says which migrations were applied to a database, or which a program knows. The
// zero one is that of a new database.
type Schema struct {
	Newest int64 // number of the newest migration
	Count  int   // of migrations
}

// KnownSchema is that of a program with the migrations of a folder, which are all that is in
// it: files whose names begin with their numbers.
func KnownSchema(folder fs.FS) (Schema, error) {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return Schema{}, err
	}
	s := Schema{Count: len(entries)}
	for _, e := range entries {
		number, _, _ := strings.Cut(path.Base(e.Name()), "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return Schema{}, err
		}
		s.Newest = max(s.Newest, n)
	}
	return s, nil
}

// Check reports, as KindInvalid, that what was found at a place was made by a newer version of
// the program that knows s.
func (s Schema) Check(found Schema, place string) error {
	if found.Newest > s.Newest {
		return rag.Errorf(rag.KindInvalid, "%s has schema version %d, made by a newer version of this program, which knows versions up to %d", place, found.Newest, s.Newest)
	}
	return nil
}
