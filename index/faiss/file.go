//go:build faiss

package faiss

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/engine"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/vector"
	"github.com/smartretriever/smartretriever/rag"
)

const (
	formatVersion = 1
	fileSuffix    = ".faiss"
)

// info says what the sections of a file are.
type info struct {
	Format   int             `json:"format"`
	Identity engine.Identity `json:"identity"`
	Settings settings        `json:"settings"`
	Seq      int64           `json:"seq"`
	Kind     kind            `json:"kind"` // which may be flat while there are too few vectors for another
	Count    int             `json:"count"`
	Trained  int             `json:"trained"`
	Lists    int             `json:"lists,omitempty"`
	Entry    int32           `json:"entry,omitempty"`
}

// settings are what files depend on.
type settings struct {
	Type       string `json:"type"`
	Dimensions int    `json:"dimensions"`
	NList      int    `json:"nlist"`
	M          int    `json:"m"`
}

func (c *Config) settings() settings {
	return settings{Type: c.Type, Dimensions: c.Engine.Dimensions, NList: c.NList, M: c.M}
}

// fileName is the name of the file of a sequence number.
func fileName(seq int64) string { return fmt.Sprintf("%d%s", seq, fileSuffix) }

// write makes a durable file of v, and returns its size. Nothing of a chunk that is gone gets into it: the position is there, as lists and links count on it,
// without chunk and document, and with another vector.
func (v *vectors) write(fsys section.FS, dir string, seq int64) (size int64, err error) {
	m := info{
		Format: formatVersion, Identity: v.cfg.Engine.Identity, Settings: v.cfg.settings(), Seq: seq,
		Kind: v.native.kind, Count: len(v.ids), Trained: v.trained, Lists: v.native.lists,
	}
	var centers []float32
	var lists, levels, links []int32
	switch {
	case m.Kind == ivf:
		if centers, lists, err = v.native.inverted(); err == nil {
			err = v.forget(centers, lists)
		}
	case m.Kind == hnsw && m.Count > 0:
		levels, links, m.Entry, err = v.native.graph()
	}
	if err != nil {
		return 0, err
	}
	text, err := json.Marshal(m)
	if err != nil {
		return 0, fmt.Errorf("faiss: write a file: %w", err)
	}
	ids, docs, names := v.kept()
	size, err = section.WriteFile(fsys, filepath.Join(dir, fileName(seq)), func(w *section.Writer) error {
		for _, s := range []struct {
			name string
			data []byte
		}{
			{"info", text}, {"ids", section.Bytes(ids)}, {"live", section.Bytes(v.live)},
			{"docs", section.Bytes(docs)}, {"names", packNames(names)},
			{"centers", section.Bytes(centers)}, {"lists", section.Bytes(lists)},
			{"levels", section.Bytes(levels)}, {"links", section.Bytes(links)},
		} {
			if _, err := w.Begin(s.name).Write(s.data); err != nil {
				return err
			}
		}
		return v.writeVectors(w.Begin("vectors"), levels, links)
	})
	if err != nil {
		return 0, err
	}
	return size, rag.Wrap(rag.KindUnavailable, fsys.SyncDir(dir), "faiss: make a file durable")
}

// forget takes out of the lists of an inverted file what they know of dead vectors: these go to any list, and the center of a list that one was in, which is the
// vector itself where it was alone, becomes the middle of those that live.
func (v *vectors) forget(centers []float32, lists []int32) error {
	dims := v.native.dims
	touched := make([]bool, v.native.lists)
	for p, list := range lists {
		if !v.live.Has(uint32(p)) {
			touched[list] = true
			lists[p] = int32(p % len(touched))
		}
	}
	center := func(list int32) []float32 { return centers[int(list)*dims : (int(list)+1)*dims] }
	for list, yes := range touched {
		if yes {
			clear(center(int32(list)))
		}
	}
	positions := make([]int64, 0, rebuildBatch)
	add := func() error {
		es, err := v.entries(positions)
		for i, e := range es {
			c := center(lists[positions[i]])
			for j, x := range e.vector {
				c[j] += x
			}
		}
		positions = positions[:0]
		return err
	}
	for p, list := range lists {
		if !touched[list] || !v.live.Has(uint32(p)) {
			continue
		}
		if positions = append(positions, int64(p)); len(positions) == rebuildBatch {
			if err := add(); err != nil {
				return err
			}
		}
	}
	if err := add(); err != nil {
		return err
	}
	for list, yes := range touched {
		switch c := center(int32(list)); {
		case !yes:
		case vector.Check(c, dims, vector.Cosine) == nil:
			vector.Normalize(c)
		default:
			clear(c) // nothing lives there, or it has no middle: it is looked into last
		}
	}
	return nil
}

// kept returns which chunk of which document is where, and nothing of positions that are dead.
func (v *vectors) kept() (ids []rag.ChunkID, docs []uint32, names []rag.DocumentID) {
	ids, docs = make([]rag.ChunkID, len(v.ids)), make([]uint32, len(v.ids))
	places := make(map[uint32]uint32, len(v.names))
	for p, id := range v.ids {
		if !v.live.Has(uint32(p)) {
			continue
		}
		place, ok := places[v.docs[p]]
		if !ok {
			place = uint32(len(names))
			places[v.docs[p]] = place
			names = append(names, v.names[v.docs[p]])
		}
		ids[p], docs[p] = id, place
	}
	return ids, docs, names
}

// standIn returns the position whose vector is written for p: its own while it is live; where it is not, that of a neighbour in the graph, so that walks go on to lead
// where they did; or -1.
func (v *vectors) standIn(p int, neighbours []int32) int64 {
	if v.live.Has(uint32(p)) {
		return int64(p)
	}
	for _, n := range neighbours {
		if n >= 0 && v.live.Has(uint32(n)) {
			return int64(n)
		}
	}
	return -1
}

// writeVectors writes every vector by position. levels and links are of a graph.
func (v *vectors) writeVectors(w io.Writer, levels, links []int32) error {
	at0 := 2 * v.cfg.M // links of a vector at the lowest level; at each above there are half as many
	positions := make([]int64, 0, rebuildBatch)
	buf := make([]float32, rebuildBatch*v.native.dims)
	for at := 0; at < len(v.ids); at += len(positions) {
		positions = positions[:0]
		var none []int
		for p := at; p < min(at+rebuildBatch, len(v.ids)); p++ {
			var neighbours []int32
			if len(levels) > 0 {
				neighbours = links[:at0]
				links = links[at0+(int(levels[p])-1)*v.cfg.M:]
			}
			from := v.standIn(p, neighbours)
			if from < 0 {
				none = append(none, p-at)
				from = int64(p)
			}
			positions = append(positions, from)
		}
		some := buf[:len(positions)*v.native.dims]
		if err := v.native.vectors(positions, some); err != nil {
			return err
		}
		for _, i := range none {
			clear(some[i*v.native.dims : (i+1)*v.native.dims])
		}
		if _, err := w.Write(section.Bytes(some)); err != nil {
			return err
		}
	}
	return nil
}

// packNames returns the documents' ids, each after its length.
func packNames(names []rag.DocumentID) []byte {
	var b []byte
	for _, n := range names {
		b = append(binary.AppendUvarint(b, uint64(len(n))), n...)
	}
	return b
}

func (v *vectors) unpackNames(b []byte) error {
	for len(b) > 0 {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return damaged("the documents' ids")
		}
		id := rag.DocumentID(b[size : size+int(n)])
		if v.name(id) != uint32(len(v.names)-1) {
			return damaged("the documents' ids")
		}
		b = b[size+int(n):]
	}
	return nil
}

func damaged(what string) error {
	return rag.Errorf(rag.KindInvalid, "faiss: the file is damaged: %s", what)
}

// read returns what the file of a sequence number holds, and its size. KindNotFound says that there is no such file, KindConflict that it is of something
// else, KindInvalid that it is damaged.
func read(cfg *Config, seq int64) (v *vectors, size int64, err error) {
	f, err := section.Open(cfg.Engine.FS, filepath.Join(cfg.Engine.Dir, fileName(seq)))
	if err != nil {
		return nil, 0, err
	}
	v, err = parse(cfg, f, seq)
	return v, f.Size(), errors.Join(err, f.Close())
}

// verify compares the checksums of the file of a sequence number.
func verify(ctx context.Context, cfg *Config, seq int64) error {
	f, err := section.Open(cfg.Engine.FS, filepath.Join(cfg.Engine.Dir, fileName(seq)))
	if err != nil {
		return err
	}
	return errors.Join(f.Verify(ctx), f.Close())
}

// parse makes vectors of a file. Nothing of it is kept; FAISS's own reader, which trusts what it reads, is not used.
func parse(cfg *Config, f *section.File, seq int64) (*vectors, error) {
	if err := f.Verify(context.Background()); err != nil {
		return nil, err
	}
	get := func(name string) []byte { data, _ := f.Section(name); return data }
	var m info
	if err := json.Unmarshal(get("info"), &m); err != nil {
		return nil, rag.Wrap(rag.KindInvalid, err, "faiss: read a file")
	}
	switch {
	case m.Format != formatVersion:
		return nil, rag.Errorf(rag.KindConflict, "faiss: the file has format %d, this program reads %d", m.Format, formatVersion)
	case m.Identity != cfg.Engine.Identity:
		return nil, rag.Errorf(rag.KindConflict, "faiss: the file is of %+v, not of %+v", m.Identity, cfg.Engine.Identity)
	case m.Settings != cfg.settings():
		return nil, rag.Errorf(rag.KindConflict, "faiss: the file was made with %+v; the settings are %+v now", m.Settings, cfg.settings())
	case m.Seq != seq:
		return nil, damaged("it is of another sequence number")
	case m.Kind != flat && m.Kind != kinds[cfg.Type]:
		return nil, damaged("it has another type")
	}
	if err := m.fits(cfg, get); err != nil {
		return nil, err
	}
	v := &vectors{cfg: cfg, byName: map[rag.DocumentID]uint32{}, where: map[rag.ChunkID]uint32{}, trained: m.Trained}
	if err := v.readChunks(get); err != nil {
		return nil, err
	}
	var err error
	if v.native, err = newNative(m.Kind, cfg.Engine.Dimensions, m.Lists, cfg); err != nil {
		return nil, err
	}
	if err := v.readVectors(&m, get); err != nil {
		v.native.free()
		return nil, rag.Wrap(rag.KindInvalid, err, "faiss: read a file")
	}
	return v, nil
}

// fits reports whether the sections are as long as they must be.
func (m *info) fits(cfg *Config, get func(string) []byte) error {
	n, dims := m.Count, cfg.Engine.Dimensions
	if n < 0 || n > maxPositions || m.Lists < 0 || m.Lists > maxPositions || (m.Kind == ivf) != (m.Lists > 0) {
		return damaged("impossible numbers")
	}
	for name, want := range map[string]int{
		"ids": 8 * n, "docs": 4 * n, "live": (n + 63) / 64 * 8, "vectors": 4 * n * dims, "centers": 4 * m.Lists * dims,
		"lists": 4 * n * count(m.Kind == ivf), "levels": 4 * n * count(m.Kind == hnsw),
	} {
		if len(get(name)) != want {
			return damaged("section " + name + " has another length than it must")
		}
	}
	if links := len(get("links")); links%4 != 0 || links > 0 && m.Kind != hnsw {
		return damaged("section links has another length than it must")
	}
	return nil
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// readChunks reads which chunk is where.
func (v *vectors) readChunks(get func(string) []byte) error {
	if err := v.unpackNames(get("names")); err != nil {
		return err
	}
	v.ids = append(v.ids, section.View[rag.ChunkID](get("ids"))...)
	v.docs = append(v.docs, section.View[uint32](get("docs"))...)
	v.live = append(v.live, index.Bitmap(section.View[uint64](get("live")))...)
	for p, id := range v.ids {
		if !v.live.Has(uint32(p)) {
			continue
		}
		if id <= 0 || int(v.docs[p]) >= len(v.names) {
			return damaged("a chunk or its document is impossible")
		}
		v.where[id] = uint32(p)
	}
	if v.live.Count() != len(v.where) { // a chunk is live twice, or a position that is not there
		return damaged("the live positions")
	}
	return nil
}

// readVectors fills FAISS's index.
func (v *vectors) readVectors(m *info, get func(string) []byte) error {
	all := section.View[float32](get("vectors"))
	centers := section.View[float32](get("centers"))
	for _, part := range [][]float32{all, centers} {
		for _, x := range part {
			if x-x != 0 {
				return damaged("a value of a vector is no number")
			}
		}
	}
	numbers := func(name string) []int32 { return section.View[int32](get(name)) }
	switch {
	case m.Kind == ivf:
		return v.native.setInverted(centers, all, numbers("lists"))
	case m.Kind == hnsw && m.Count > 0:
		return v.native.setGraph(all, numbers("levels"), numbers("links"), m.Entry)
	}
	return v.native.add(all, v.cfg.Threads)
}

// sweep removes the files of vectors in a folder but one; keep "" keeps none.
func sweep(fsys section.FS, dir, keep string) error {
	names, err := fsys.List(dir)
	var errs []error
	for _, n := range names {
		if n == keep || !strings.HasSuffix(n, fileSuffix) && !strings.HasSuffix(n, fileSuffix+section.TempSuffix) {
			continue
		}
		if err := fsys.Remove(filepath.Join(dir, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if err == nil && len(names) > 0 {
		err = fsys.SyncDir(dir)
	}
	return rag.Wrap(rag.KindUnavailable, errors.Join(append(errs, err)...), "faiss: remove old files")
}
