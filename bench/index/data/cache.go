package data

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Cache makes parts and remembers them.
type Cache struct {
	Root    string // folder of the parts
	Data    string // folder with retrieval and models, ../shared/data
	Threads int    // the most used at once, where that can be chosen
	Log     func(format string, args ...any)

	docs      []document
	questions []string
	textsHash string
}

// errEnough says that a part holds what was asked for, and not all of its rows.
var errEnough = errors.New("the rows that were asked for are there")

// read reads the texts once.
func (c *Cache) read() error {
	if c.docs != nil {
		return nil
	}
	retrieval := filepath.Join(c.Data, "retrieval")
	docs, err := readDocuments(retrieval)
	if err != nil {
		return err
	}
	questions, err := readQuestions(retrieval)
	if err != nil {
		return err
	}
	h := sha256.New()
	for _, d := range docs {
		fmt.Fprintf(h, "%q\n", d)
	}
	fmt.Fprintf(h, "%q\n", questions)
	c.docs, c.questions, c.textsHash = docs, questions, hex.EncodeToString(h.Sum(nil))
	return nil
}

// part returns the folder of a part, made by fill unless it is complete. What fill
// leaves behind when it is cut short is found by the next one; it returns errEnough
// where that was wanted.
func (c *Cache) part(name string, fill func(dir string) error, recipe ...string) (string, error) {
	h := sha256.Sum256(fmt.Appendf(nil, "%q", recipe))
	dir := filepath.Join(c.Root, name+"-"+hex.EncodeToString(h[:6]))
	done := filepath.Join(dir, "done")
	if _, err := os.Stat(done); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	start := time.Now()
	switch err := fill(dir); {
	case errors.Is(err, errEnough):
		return dir, nil
	case err != nil:
		return "", fmt.Errorf("make %s: %w", name, err)
	}
	c.Log("%s: made in %s", name, time.Since(start).Round(time.Second/10))
	return dir, os.WriteFile(done, nil, 0o644)
}
