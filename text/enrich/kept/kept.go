// Package kept keeps what language models wrote about documents in a folder, a file an
// entry, so that the same question is not paid for twice.
//
// An entry is found by a hash of its key and sealed with another hash of it. The key is
// itself made of the whole text of the document that the entry is about (enrich.Keeper),
// and is not stored: once the document is gone, its entries can be neither found nor
// read by who has the folder and not the document. Files that nobody has asked for in 90
// days are removed.
package kept

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/enrich"
)

// maxAge is how long an entry stays that nobody asks for, and maxEntry how large one is.
const (
	maxAge   = 90 * 24 * time.Hour
	maxEntry = 64 << 10
)

// Folder is a folder of entries. Goroutine-safe; several processes may share it.
type Folder struct {
	dir   string
	clock func() time.Time
	swept sync.Once
}

var _ enrich.Keeper = (*Folder)(nil)

// In returns the entries of a folder, which is made with the first of them. clock may be
// nil.
func In(dir string, clock func() time.Time) *Folder {
	if clock == nil {
		clock = time.Now
	}
	return &Folder{dir: dir, clock: clock}
}

// place returns the file of an entry and the cipher that it is sealed with.
func (f *Folder) place(key [32]byte) (path string, seal cipher.AEAD, err error) {
	name := sha256.Sum256(append([]byte("smartretriever written name "), key[:]...))
	secret := sha256.Sum256(append([]byte("smartretriever written seal "), key[:]...))
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		return "", nil, err
	}
	seal, err = cipher.NewGCMWithRandomNonce(block)
	text := hex.EncodeToString(name[:])
	return filepath.Join(f.dir, text[:2], text[2:]), seal, err
}

// Kept implements enrich.Keeper. An entry that is damaged is not there.
func (f *Folder) Kept(key [32]byte) (string, bool) {
	path, seal, err := f.place(key)
	if err != nil {
		return "", false
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > maxEntry+64 {
		return "", false
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", false
	}
	text, err := seal.Open(nil, nil, data, nil)
	if err != nil {
		return "", false
	}
	now := f.clock()
	_ = os.Chtimes(path, now, now) // an entry that looks older than it is costs a call
	return string(text), true
}

// Keep implements enrich.Keeper. More than 64 KiB is KindExhausted.
func (f *Folder) Keep(key [32]byte, text string) error {
	if len(text) > maxEntry {
		return rag.Errorf(rag.KindExhausted, "%d bytes are more than the %d that are kept", len(text), maxEntry)
	}
	f.swept.Do(f.sweep)
	path, seal, err := f.place(key)
	if err != nil {
		return rag.Wrap(rag.KindInternal, err, "keep what was written")
	}
	if err := write(path, seal.Seal(nil, nil, []byte(text), nil)); err != nil {
		return rag.Wrap(rag.KindInternal, err, "keep what was written")
	}
	return nil
}

// write makes a file appear whole or not at all.
func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // what is left of it is removed by its age otherwise
	}
	return err
}

// sweep removes what is too old, once in the life of a Folder. What cannot be removed
// stays until the next time.
func (f *Folder) sweep() {
	limit := f.clock().Add(-maxAge)
	_ = filepath.WalkDir(f.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil && info.ModTime().Before(limit) {
			_ = os.Remove(path)
		}
		return nil
	})
}
