package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
)

// Deleted must mean gone. PRAGMA secure_delete overwrites what is deleted with
// zeros; but it knows only the place where a row was last. When SQLite splits or
// merges the pages of a B-tree it moves rows, and the bytes of a row that moved
// stay behind in the unused middle of its old page until another row happens to
// come there. So a purge also writes zeros over the unused middle of every page.
//
// The alternative, VACUUM, writes the whole database anew and keeps everyone else
// from writing meanwhile. This reads the pages in small transactions, and writes
// those that need it.

// owesErasure notes, in the transaction that removes content, that the file has
// bytes to be overwritten. It stays noted until it is done.
func owesErasure(ctx context.Context, c *conn) error {
	_, err := c.exec(ctx, "INSERT OR IGNORE INTO meta (key, value) VALUES ('erasure_owed', '')")
	return err
}

// erase overwrites what is left of deleted content in the database file and in
// its log, if there is any. done is false if that has to wait for a reader of the
// log.
func (s *Store) erase(ctx context.Context) (done bool, err error) {
	const doing = "erase deleted content"
	owed := false
	err = s.view(ctx, doing, func(c *conn) error {
		var key string
		err := c.row(ctx, "SELECT key FROM meta WHERE key = 'erasure_owed'", nil, &key)
		owed = err == nil
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil || !owed {
		return err == nil, err
	}
	if pages, err := s.pageCount(ctx); err != nil || pages >= mostPages {
		return false, err
	}
	for page, more := int64(1), true; more; page += eraseBatch {
		err := s.update(ctx, doing, func(ctx context.Context, c *conn) (err error) {
			more, err = erasePages(ctx, c, page)
			return err
		})
		if err != nil {
			return false, err
		}
	}
	// Before the log is emptied for good, the note must be in the file, or the
	// log would hold it.
	err = s.update(ctx, doing, func(ctx context.Context, c *conn) error {
		_, err := c.exec(ctx, "DELETE FROM meta WHERE key = 'erasure_owed'")
		return err
	})
	if err != nil {
		return false, err
	}
	if done, err = s.emptyLog(ctx); done || err != nil {
		return done, err
	}
	// Old pages are still in the log: the next purge has to come back for them.
	return false, s.update(ctx, doing, owesErasure)
}

// mostPages is where erasing ends, see unused: 256 GB of pages of 8 KiB.
const mostPages = 1 << 25

func (s *Store) pageCount(ctx context.Context) (pages int64, err error) {
	err = s.view(ctx, "read the store's size", func(c *conn) error { return c.row(ctx, "PRAGMA page_count", nil, &pages) })
	return pages, err
}

// eraseBatch is how many pages are looked at in one transaction.
const eraseBatch = 512

// erasePages clears the unused bytes of the pages from first on, and reports
// whether there are pages after them.
func erasePages(ctx context.Context, c *conn, first int64) (more bool, err error) {
	var pages int64
	if err := c.row(ctx, "PRAGMA page_count", nil, &pages); err != nil {
		return false, err
	}
	type page struct {
		number int64
		data   []byte
	}
	var changed []page
	err = c.each(ctx, "SELECT pgno, data FROM sqlite_dbpage WHERE pgno BETWEEN ? AND ?", []any{first, min(first+eraseBatch-1, pages)},
		func(r *sql.Rows) error {
			var number int64
			var data sql.RawBytes
			if err := r.Scan(&number, &data); err != nil {
				return err
			}
			if from, to := unused(number, data); to > from && !zero(data[from:to]) {
				clean := append([]byte(nil), data...)
				clear(clean[from:to])
				changed = append(changed, page{number, clean})
			}
			return nil
		})
	if err != nil {
		return false, err
	}
	for _, p := range changed {
		if _, err := c.exec(ctx, "UPDATE sqlite_dbpage SET data = ? WHERE pgno = ?", p.data, p.number); err != nil {
			return false, err
		}
	}
	return first+eraseBatch <= pages, nil
}

// unused returns the range of a B-tree page between its list of cells and its
// cells, which belongs to nobody, and an empty one for any other page. The format
// is https://www.sqlite.org/fileformat2.html#b_tree_pages: a page begins with its
// type; bytes 3 and 4 are the number of cells, 5 and 6 the offset of the first
// one; the list of cells follows after 8 bytes, or 12 in an inner page. Page 1 has
// the file's header of 100 bytes before that.
//
// Overflow and free pages begin with the number of another page, whose first byte
// is 0 or 1 in a file of less than mostPages, and so is no type.
func unused(number int64, data []byte) (from, to int) {
	head := 0
	if number == 1 {
		head = 100
	}
	if len(data) < head+12 {
		return 0, 0
	}
	list := head + 8
	switch data[head] {
	case 0x0a, 0x0d: // leaves of an index, of a table
	case 0x02, 0x05: // inner pages
		list = head + 12
	default:
		return 0, 0
	}
	from = list + 2*int(binary.BigEndian.Uint16(data[head+3:]))
	to = int(binary.BigEndian.Uint16(data[head+5:]))
	if to == 0 {
		to = 1 << 16
	}
	if to > len(data) || from > to {
		return 0, 0
	}
	return from, to
}

func zero(data []byte) bool {
	for _, b := range data {
		if b != 0 {
			return false
		}
	}
	return true
}
