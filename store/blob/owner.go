package blob

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// ownerFile holds the id of the store that the originals belong to.
const ownerFile = "store"

// BelongTo says of which store of documents the originals are: two of them in one folder would each sweep away what the other one has. The first
// writes its id there; another one is KindConflict.
func (s *Store) BelongTo(storeID string) error {
	path := filepath.Join(s.dir, ownerFile)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = f.WriteString(storeID)
		return rag.Wrap(rag.KindUnavailable, errors.Join(err, f.Sync(), f.Close()), "mark the folder of original files")
	}
	if !errors.Is(err, fs.ErrExist) {
		return rag.Wrap(rag.KindUnavailable, err, "mark the folder of original files")
	}
	found, err := os.ReadFile(path)
	if err != nil {
		return rag.Wrap(rag.KindUnavailable, err, "mark the folder of original files")
	}
	switch id := strings.TrimSpace(string(found)); id {
	case storeID:
		return nil
	case "": // whoever began to write it died, or is at it
		return rag.Wrap(rag.KindUnavailable, os.WriteFile(path, []byte(storeID), 0o600), "mark the folder of original files")
	}
	return rag.Errorf(rag.KindConflict, "the folder %s holds the originals of another store of documents; give each a folder of its own", s.dir)
}
