package memory

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math/bits"
	"os"
	"path/filepath"

	"github.com/smartretriever/smartretriever/rag"
)

// Save writes a snapshot file of the index: to a temporary file beside path, then
// to the disk, then in place of what was at path, so that path holds the old
// snapshot or the new one whatever happens. Searches go on meanwhile; Apply
// waits. It returns the seq of what was saved.
func (ix *Index) Save(path string, of Identity) (seq int64, err error) {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	fail := func(err error) (int64, error) {
		return 0, rag.Wrap(rag.KindUnavailable, err, "index snapshot "+path+": save")
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+TempSuffix+"*")
	if err != nil {
		return fail(err)
	}
	err = ix.write(f, of)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the error that counts is the first
		return fail(err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fail(err)
	}
	return ix.seq, nil
}

// TempSuffix follows the name of a snapshot in the name of a file that was not
// finished; any digits follow it.
const TempSuffix = ".tmp"

// Remove deletes a snapshot file, so that nothing of what it holds is left in
// its folder. That there is none is no error.
func Remove(path string) error {
	err := os.Remove(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	return rag.Wrap(rag.KindUnavailable, err, "index snapshot "+path+": remove")
}

// syncDir makes what happened in a folder last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}

// write writes the file. The caller holds writing.
func (ix *Index) write(file io.Writer, of Identity) error {
	out := bufio.NewWriterSize(file, 1<<18)
	if _, err := out.WriteString(magic); err != nil {
		return err
	}
	rows := ix.liveRows()
	numbers, documents := ix.numberDocuments(rows)
	section := newCounted(out)
	offset := int64(len(magic))
	table := make([]byte, 0, tableSize)
	for i := range sections {
		var err error
		switch i {
		case identitySection:
			_, err = section.Write(of.append(nil, ix.cfg, ix.seq))
		case rowsSection:
			err = ix.writeRows(section, rows, numbers)
		case documentsSection:
			err = writeDocuments(section, documents)
		case vectorsSection:
			err = ix.vectors.Save(section, rows)
		case wordsSection:
			err = ix.words.Save(section, rows)
		}
		if err != nil {
			return err
		}
		var entry []byte
		entry, offset = section.next(offset)
		table = append(table, entry...)
	}
	table = binary.LittleEndian.AppendUint32(table, crc32.Checksum(table, castagnoli))
	table = binary.LittleEndian.AppendUint64(table, uint64(offset))
	table = append(table, magic...)
	if _, err := out.Write(table); err != nil {
		return err
	}
	return out.Flush()
}

// liveRows lists the live rows in ascending order: their places in the list are
// the rows of the file.
func (ix *Index) liveRows() []uint32 {
	rows := make([]uint32, 0, len(ix.rows))
	for b, word := range ix.live {
		for ; word != 0; word &= word - 1 {
			rows = append(rows, uint32(b*64+bits.TrailingZeros64(word)))
		}
	}
	return rows
}

// numberDocuments numbers documents in the order of their first row.
func (ix *Index) numberDocuments(rows []uint32) (map[*document]uint32, []*document) {
	numbers := make(map[*document]uint32, len(ix.documents))
	list := make([]*document, 0, len(ix.documents))
	for _, row := range rows {
		d := ix.owner[row].document
		if _, ok := numbers[d]; !ok {
			numbers[d] = uint32(len(list))
			list = append(list, d)
		}
	}
	return numbers, list
}

// writeRows writes the number of rows, and for each its chunk id and the number
// of its document.
func (ix *Index) writeRows(w io.Writer, rows []uint32, numbers map[*document]uint32) error {
	ids := make([]rag.ChunkID, len(ix.owner))
	for id, row := range ix.rows {
		ids[row] = id
	}
	buf := binary.LittleEndian.AppendUint64(make([]byte, 0, 8+12*len(rows)), uint64(len(rows)))
	for _, row := range rows {
		buf = binary.LittleEndian.AppendUint64(buf, uint64(ids[row]))
		buf = binary.LittleEndian.AppendUint32(buf, numbers[ix.owner[row].document])
	}
	_, err := w.Write(buf)
	return err
}

func writeDocuments(w io.Writer, documents []*document) error {
	buf := binary.AppendUvarint(nil, uint64(len(documents)))
	for _, d := range documents {
		buf = appendDocument(buf, d.Document)
		if len(buf) > 1<<16 {
			if _, err := w.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	_, err := w.Write(buf)
	return err
}
