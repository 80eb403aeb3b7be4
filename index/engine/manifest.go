package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"strconv"
	"strings"

	"github.com/smartretriever/smartretriever/index"
	"github.com/smartretriever/smartretriever/index/column"
	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/rag"
)

// formatVersion goes up when older files cannot be read any more.
const formatVersion = 2

// info is what a manifest says beside the bitmaps and overlays of its segments.
type info struct {
	Format   int           `json:"format"`
	Identity Identity      `json:"identity"`
	Settings settings      `json:"settings"`
	Seq      int64         `json:"seq"`
	Next     uint64        `json:"next"`
	Effort   float64       `json:"effort,omitempty"` // 0 is the default
	ShardBy  string        `json:"shard_by,omitempty"`
	Segments []segmentInfo `json:"segments"`
}

// settings are what files depend on.
type settings struct {
	Dimensions int     `json:"dimensions"`
	Metric     string  `json:"metric"`
	Analyzer   string  `json:"analyzer"`
	Storage    string  `json:"storage"`
	Title      int     `json:"title_weight"`
	Heading    int     `json:"heading_weight"`
	K1         float64 `json:"k1"`
	B          float64 `json:"b"`
	VectorsIn  string  `json:"vectors_in,omitempty"`
}

type segmentInfo struct {
	File string `json:"file"`
	Size int64  `json:"size"`
	Dead int    `json:"dead"`

	Shard  string `json:"shard,omitempty"`
	Placed bool   `json:"placed"`
}

func (c Config) settings() settings {
	ranking := c.ranking().WithDefaults()
	return settings{Dimensions: c.Dimensions, Metric: c.Metric.String(), Analyzer: c.Analyzer.Name(), Storage: c.Storage.String(), Title: c.TitleWeight, Heading: c.HeadingWeight, K1: ranking.K1, B: ranking.B, VectorsIn: c.VectorsIn}
}

// Commit makes the index durable as it is, or newer: what is in memory is written to a file, then the manifest is
// replaced in one step, then files that nobody needs any more are removed. On an error the folder holds what it held before.
// It does nothing where the index is not the Owner.
func (ix *Index) Commit(ctx context.Context) error {
	if !ix.Owner() {
		return nil
	}
	if err := ix.Damaged(); err != nil {
		return err
	}
	ix.filing.Lock()
	defer ix.filing.Unlock()
	s, err := ix.onFiles(ctx)
	if err != nil {
		return err
	}
	defer s.release()
	if ix.isFiled(s) {
		return nil
	}
	effort := math.Float64frombits(ix.effort.Load())
	if err := ix.writeManifest(s, effort); err != nil {
		return err
	}
	ix.writing.Lock()
	ix.filedEffort = effort
	s.refs.Add(1)
	if ix.filed != nil {
		ix.filed.release()
	}
	ix.filed = s
	ix.writing.Unlock()
	return ix.sweep()
}

// isFiled reports whether the manifest says what s says.
func (ix *Index) isFiled(s *state) bool {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	f := ix.filed
	if ix.filedEffort != math.Float64frombits(ix.effort.Load()) {
		return false
	}
	if f == nil || f.seq != s.seq || len(f.views) != len(s.views) {
		return false
	}
	for i := range f.views {
		// Rows of a segment only ever die: equally many dead ones are the same.
		a, b := f.views[i], s.views[i]
		if a.seg != b.seg || a.dead != b.dead || !maps.Equal(a.overrides, b.overrides) {
			return false
		}
	}
	return true
}

func (ix *Index) writeManifest(s *state, effort float64) error {
	ix.writing.Lock()
	m := info{Format: formatVersion, Identity: ix.cfg.Identity, Settings: ix.cfg.settings(), Seq: s.seq, Next: ix.next, Effort: effort, ShardBy: ix.cfg.ShardBy}
	ix.writing.Unlock()
	for _, v := range s.views {
		m.Segments = append(m.Segments, segmentInfo{File: v.seg.name, Size: v.seg.file.Size(), Dead: v.dead, Shard: v.seg.shard, Placed: v.seg.placed})
	}
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("index: write the manifest: %w", err)
	}
	// The segments' names must be durable before a manifest that needs them is.
	if err := ix.cfg.FS.SyncDir(ix.cfg.Dir); err != nil {
		return rag.Wrap(rag.KindUnavailable, err, "index: make files durable")
	}
	_, err = section.WriteFile(ix.cfg.FS, ix.path(manifestName), func(w *section.Writer) error {
		if _, err := w.Begin("info").Write(text); err != nil {
			return err
		}
		for i, v := range s.views {
			if err := writeView(w, strconv.Itoa(i), v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := ix.cfg.FS.SyncDir(ix.cfg.Dir); err != nil {
		return rag.Wrap(rag.KindUnavailable, err, "index: make the manifest durable")
	}
	return nil
}

// writeView writes what has happened to a segment since it was built.
func writeView(w *section.Writer, number string, v *view) error {
	if v.dead > 0 {
		if _, err := w.Begin("live." + number).Write(section.Bytes(v.live)); err != nil {
			return err
		}
	}
	if len(v.overrides) == 0 {
		return nil
	}
	var ordinals []uint32
	var b column.Builder
	for o, d := range v.overrides {
		ordinals = append(ordinals, o)
		if _, err := b.Add(d); err != nil {
			return err
		}
	}
	b.SetRows(nil)
	if _, err := w.Begin("docs." + number).Write(section.Bytes(ordinals)); err != nil {
		return err
	}
	_, err := b.WriteTo(w.Begin("over." + number))
	return err
}

// load makes the state that the manifest describes the current one.
func (ix *Index) load() error {
	// The process that owns the folder may replace the manifest, and remove a file of the old one, between our opening the one and the other.
	const tries = 5
	for try := 1; ; try++ {
		err := ix.tryLoad()
		if err == nil || ix.Owner() || try == tries || !errors.Is(err, errVanished) {
			return err
		}
	}
}

var errVanished = errors.New("a file of the manifest is not there")

func (ix *Index) tryLoad() error {
	f, err := section.Open(ix.cfg.FS, ix.path(manifestName))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Verify(ix.ctx); err != nil {
		return err
	}
	text, _ := f.Section("info")
	var m info
	if err := json.Unmarshal(text, &m); err != nil {
		return rag.Wrap(rag.KindInvalid, err, "index: read the manifest")
	}
	switch {
	case m.Format != formatVersion:
		return rag.Errorf(rag.KindConflict, "index: the files have format %d, this program reads %d", m.Format, formatVersion)
	case m.Identity != ix.cfg.Identity:
		return rag.Errorf(rag.KindConflict, "index: the files are of %+v, not of %+v", m.Identity, ix.cfg.Identity)
	case m.Settings != ix.cfg.settings():
		return rag.Errorf(rag.KindConflict, "index: the files were made with %+v; the settings are %+v now", m.Settings, ix.cfg.settings())
	}
	var views []*view
	drop := func() {
		for _, v := range views {
			_ = v.seg.file.Close() // nobody has seen it
		}
	}
	for i, si := range m.Segments {
		v, err := ix.loadView(f, strconv.Itoa(i), si)
		if err != nil {
			drop()
			return err
		}
		if m.ShardBy == ix.cfg.ShardBy {
			v.seg.shard, v.seg.placed = si.Shard, si.Placed
		} else {
			v.seg.placed = ix.placed(v.rows())
		}
		views = append(views, v)
	}
	s := newState(views, m.Seq)
	ix.current.Store(s)
	s.refs.Add(1)
	ix.filed = s
	ix.next = m.Next
	if err := ix.SetEffort(m.Effort); err != nil {
		return err
	}
	ix.filedEffort = m.Effort
	if ix.Owner() {
		if err := ix.sweep(); err != nil {
			ix.cfg.Logger.Warn("index: files that nobody needs stay", "err", err)
		}
	}
	ix.verifyLater(s)
	return nil
}

func (ix *Index) loadView(f *section.File, number string, si segmentInfo) (*view, error) {
	if !strings.HasSuffix(si.File, fileSuffix) || strings.ContainsAny(si.File, `/\`) {
		return nil, rag.Errorf(rag.KindInvalid, "index: the manifest names a file %q", si.File)
	}
	seg, err := ix.openSegment(si.File)
	if errors.Is(err, rag.ErrNotFound) {
		return nil, rag.Errorf(rag.KindInvalid, "index: %w: %s", errVanished, si.File)
	}
	if err != nil {
		return nil, err
	}
	v := &view{seg: seg}
	if err := v.restore(f, number, si); err != nil {
		_ = seg.file.Close() // nobody has seen it
		return nil, err
	}
	return v, nil
}

// restore reads what writeView wrote.
func (v *view) restore(f *section.File, number string, si segmentInfo) error {
	damaged := func(what string) error {
		return rag.Errorf(rag.KindInvalid, "index: the manifest does not fit %s: %s", si.File, what)
	}
	if v.seg.file.Size() != si.Size {
		return damaged("another size")
	}
	if data, ok := f.Section("live." + number); ok {
		n := v.seg.rows()
		if len(data) != (n+63)/64*8 {
			return damaged("another number of rows")
		}
		live := append(index.Bitmap(nil), section.View[uint64](data)...)
		var dead []uint32
		for r := range uint32(n) {
			if !live.Has(r) {
				dead = append(dead, r)
			}
		}
		if len(dead) != si.Dead {
			return damaged("another number of deleted rows")
		}
		*v = *v.hide(dead)
	} else if si.Dead != 0 {
		return damaged("no list of deleted rows")
	}
	data, ok := f.Section("over." + number)
	if !ok {
		return nil
	}
	t, err := column.Open(data)
	if err != nil {
		return err
	}
	list, _ := f.Section("docs." + number)
	if len(list) != 4*t.Len() {
		return damaged("overlays without a place")
	}
	overrides := make(map[uint32]*rag.Document, t.Len())
	for i, o := range section.View[uint32](list) {
		if int(o) >= v.seg.documents.Len() {
			return damaged("an overlay of no document")
		}
		overrides[o] = t.Document(uint32(i))
	}
	*v = *v.override(overrides)
	return nil
}

// forget empties the folder, also of what another kind of index has left in it.
func (ix *Index) forget() error {
	names, err := ix.cfg.FS.List(ix.cfg.Dir)
	if err != nil {
		return rag.Wrap(rag.KindUnavailable, err, "index: list the folder")
	}
	for _, n := range names { // new files must not take a name that a running search may have open
		if number, err := strconv.ParseUint(strings.TrimSuffix(n, fileSuffix), 10, 64); err == nil {
			ix.next = max(ix.next, number+1)
		}
	}
	if err := ix.cfg.FS.Remove(ix.path(manifestName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return rag.Wrap(rag.KindUnavailable, err, "index: remove the manifest")
	}
	return ix.remove(names, func(n string) bool { return n != lockName })
}

// sweep removes the files that neither the manifest nor the current state needs. The caller holds ix.filing, or is alone.
func (ix *Index) sweep() error {
	// First what there is, then what is needed: a file that a merge finishes in between must not be taken for one that nobody needs.
	names, err := ix.cfg.FS.List(ix.cfg.Dir)
	if err != nil {
		return rag.Wrap(rag.KindUnavailable, err, "index: list the folder")
	}
	needed := map[string]bool{}
	ix.writing.Lock()
	for n := range ix.writes {
		needed[n], needed[n+section.TempSuffix] = true, true
	}
	for _, s := range []*state{ix.filed, ix.current.Load()} {
		if s == nil {
			continue
		}
		for _, v := range s.views {
			needed[v.seg.name] = true
		}
	}
	ix.writing.Unlock()
	return ix.remove(names, func(n string) bool {
		// What is not named as the engine names its files is of whoever keeps the vectors.
		own := strings.TrimSuffix(n, section.TempSuffix)
		return !needed[n] && n != manifestName && (own == manifestName || strings.HasSuffix(own, fileSuffix))
	})
}

// remove removes those of the files of the folder that are of no use.
func (ix *Index) remove(names []string, useless func(name string) bool) error {
	var errs []error
	removed := false
	for _, n := range names {
		if !useless(n) {
			continue
		}
		if err := ix.cfg.FS.Remove(ix.path(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, rag.Wrap(rag.KindUnavailable, err, "index: remove a file"))
		}
		removed = true
	}
	if removed && len(errs) == 0 {
		if err := ix.cfg.FS.SyncDir(ix.cfg.Dir); err != nil {
			errs = append(errs, rag.Wrap(rag.KindUnavailable, err, "index: make the removal durable"))
		}
	}
	return errors.Join(errs...)
}
