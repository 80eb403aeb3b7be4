package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/clean"
	"github.com/smartretriever/smartretriever/text/extract/mail"
)

// mailbox yields the messages of a mailbox. A message is called by its id, failing
// that by the hash of its bytes: so it is known again when others before it are gone.
func (b *box) mailbox(content []byte) error {
	times := map[string]int{}
	for raw := range mail.Split(content) {
		name, modified := messageName(raw), mail.Date(raw)
		if times[name]++; times[name] > 1 {
			name += " (" + strconv.Itoa(times[name]) + ")"
		}
		path, skip, err := b.begin(name + ".eml")
		if err != nil {
			return err
		}
		if skip {
			continue
		}
		m := Member{Path: path, Modified: modified, Content: raw}
		switch b.left -= int64(len(raw)); {
		case b.left < 0:
			return b.errBomb()
		case int64(len(raw)) > b.most.Member:
			m.Content, m.Err = nil, b.errTooLarge()
		}
		if !b.yield(Member{b.prefix + m.Path, m.Modified, m.Content, m.Err}, nil) {
			return errStopped
		}
	}
	if len(times) == 0 {
		return rag.Errorf(rag.KindInvalid, "the mailbox holds no messages")
	}
	return nil
}

func messageName(raw []byte) string {
	id := mail.ID(raw)
	id = strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r == '!' || clean.Invisible(r) {
			return '_'
		}
		return r
	}, id)
	if strings.HasPrefix(id, ".") { // would be hidden
		id = "_" + id[1:]
	}
	if id = clean.Line(id); id == "" || len(id) > 200 || strings.Trim(id, ".") == "" {
		sum := sha256.Sum256(raw)
		return hex.EncodeToString(sum[:8])
	}
	return id
}
