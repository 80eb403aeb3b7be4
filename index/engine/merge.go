package engine

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/rag"
)

// How segments are merged. Segments of like size are merged once there are enough of them, so that a row is written again as
// often as the logarithm of the index's size says.
const (
	tidyFanIn = 8    // young segments of one size that are merged at once
	tidyRows  = 4096 // most rows that Apply merges itself
	tidyDead  = 256  // dead rows of young segments that are worth a merge, if they are more than the live ones
	fanIn     = 4    // files of one size that are merged
	backlog   = 4    // times FlushRows and FlushBytes that memory may hold before Apply waits
	deadShare = 5    // a file with more than one dead row in so many is written again
)

// tidy keeps the number of small segments in memory low, and sees to it that what has grown is merged in the background.
func (ix *Index) tidy() error {
	for {
		s := ix.acquire()
		group := ix.claim(young(s.views))
		if group == nil {
			s.release()
			break
		}
		err := ix.mergeViews(ix.ctx, group, nil)
		s.release()
		if err != nil {
			return err
		}
	}
	ix.wake()
	return nil
}

// claim marks the segments of views as taken by a merge and returns views, or nil if one of them is taken already or they
// are none.
func (ix *Index) claim(views []*view) []*view {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	if len(views) == 0 || ix.closed {
		return nil
	}
	for _, v := range views {
		if ix.busy[v.seg] {
			return nil
		}
	}
	for _, v := range views {
		ix.busy[v.seg] = true
	}
	return views
}

func (ix *Index) unclaim(views []*view) {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	for _, v := range views {
		delete(ix.busy, v.seg)
	}
	ix.room.Broadcast()
}

// level is the size class of a segment: rows by powers of 8.
func level(rows int) int { return (bits.Len(uint(rows)) - 1) / 3 }

// young returns segments in memory that are worth merging at once, nil if there are none: many of one size class, or those with
// mostly dead rows.
func young(views []*view) []*view {
	var classes [32][]*view
	var rows [32]int
	var worn []*view
	dead, live := 0, 0
	for _, v := range views {
		if v.seg.name != "" || v.seg.rows() > tidyRows {
			continue
		}
		l := level(v.rows())
		classes[l] = append(classes[l], v)
		rows[l] += v.rows()
		if v.dead > 0 {
			worn = append(worn, v)
			dead, live = dead+v.dead, live+v.rows()
		}
	}
	for l, c := range classes {
		if len(c) >= tidyFanIn && rows[l] <= tidyRows {
			return c
		}
	}
	if dead > tidyDead && dead > live && live <= tidyRows {
		return worn
	}
	return nil
}

// inMemory returns the views that have no file, and their rows and bytes.
func inMemory(views []*view) (out []*view, rows int, size int64) {
	for _, v := range views {
		if v.seg.name == "" {
			out = append(out, v)
			rows += v.rows()
			size += v.seg.file.Size()
		}
	}
	return out, rows, size
}

// full memory is to be written to a file.
func (ix *Index) overfull(rows int, size int64, times int) bool {
	return rows >= times*ix.cfg.FlushRows || size >= int64(times)*ix.cfg.FlushBytes
}

// waitForRoom waits until memory holds not much more than it should.
func (ix *Index) waitForRoom() error {
	if !ix.Owner() {
		return nil
	}
	ix.writing.Lock()
	defer ix.writing.Unlock()
	for {
		_, rows, size := inMemory(ix.current.Load().views)
		switch {
		case ix.closed:
			return ErrClosed
		case !ix.overfull(rows, size, backlog):
			return nil
		case ix.failed != nil:
			err := ix.failed
			ix.failed = nil // the next call tries again
			ix.startFlush()
			return err
		}
		ix.startFlush()
		ix.room.Wait()
	}
}

// wake starts the merges in the background that are due.
func (ix *Index) wake() {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	if ix.closed {
		return
	}
	ix.startFlush()
	ix.startMerge()
}

// startFlush starts writing memory to a file if it is due. The caller holds ix.writing.
func (ix *Index) startFlush() {
	if ix.flushing || ix.closed || !ix.settles() {
		return
	}
	// What a merge has taken is on its way already.
	idle := slices.DeleteFunc(slices.Clone(ix.current.Load().views), func(v *view) bool { return ix.busy[v.seg] })
	if _, rows, size := inMemory(idle); !ix.overfull(rows, size, 1) {
		return
	}
	ix.flushing = true
	ix.wg.Go(func() {
		err := ix.flush(ix.ctx)
		ix.writing.Lock()
		ix.flushing, ix.failed = false, err
		ix.room.Broadcast()
		ix.writing.Unlock()
		if err == nil {
			ix.wake()
		} else if ix.ctx.Err() == nil {
			ix.cfg.Logger.Error("index: what is in memory cannot be written", "err", err)
		}
	})
}

// settles reports whether memory is written to files.
func (ix *Index) settles() bool { return ix.Owner() }

// files is where merged segments go that somebody waits for; nil is memory.
func (ix *Index) files() section.FS {
	if !ix.settles() {
		return nil
	}
	return ix.cfg.FS
}

// flush merges what is in memory, and not taken by a merge, into one file.
func (ix *Index) flush(ctx context.Context) error {
	s := ix.acquire()
	defer s.release()
	views, _, _ := inMemory(s.views)
	group := ix.claim(ix.idle(views))
	if group == nil {
		return nil
	}
	return ix.mergeViews(ctx, group, ix.cfg.FS)
}

// idle returns the views that no merge has taken.
func (ix *Index) idle(views []*view) []*view {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	var out []*view
	for _, v := range views {
		if !ix.busy[v.seg] {
			out = append(out, v)
		}
	}
	return out
}

// startMerge starts merging files if there are enough of one size. The caller holds ix.writing.
func (ix *Index) startMerge() {
	if ix.merging || ix.closed || time.Now().Before(ix.mergeAgain) || len(ix.due(ix.current.Load().views)) == 0 {
		return
	}
	ix.merging = true
	ix.wg.Go(func() {
		err := ix.mergeDue(ix.ctx)
		ix.writing.Lock()
		ix.merging = false
		if err != nil {
			ix.mergeAgain = time.Now().Add(mergePause)
		}
		ix.writing.Unlock()
		if err == nil {
			ix.wake()
		} else if ix.ctx.Err() == nil {
			ix.cfg.Logger.Error("index: segments cannot be merged; it will be tried again", "err", err, "in", mergePause)
		}
	})
}

// mergePause is how long merging rests after it has failed, as on a full disk. Searches go on over more segments meanwhile.
const mergePause = 10 * time.Second

func (ix *Index) mergeDue(ctx context.Context) error {
	s := ix.acquire()
	defer s.release()
	ix.writing.Lock()
	due := ix.due(s.views)
	ix.writing.Unlock()
	group := ix.claim(due)
	if group == nil {
		return nil
	}
	return ix.mergeViews(ctx, group, ix.background)
}

// class is what segments have in common that are merged with each other.
type class struct {
	level int
	shard string
}

// due returns the settled segments to merge next: of the smallest size class that has enough of them, or one with many dead rows. The
// caller holds ix.writing.
func (ix *Index) due(views []*view) []*view {
	classes := map[class][]*view{}
	var order []class // as they come
	for _, v := range views {
		if !ix.settled(v) || ix.busy[v.seg] || ix.guest() && v.seg.name != "" {
			continue
		}
		if v.dead*deadShare > v.seg.rows() || !v.seg.placed {
			return []*view{v}
		}
		c := class{bits.Len(uint(v.rows()/ix.cfg.FlushRows)) / 2, v.seg.shard} // powers of 4
		if len(classes[c]) == 0 {
			order = append(order, c)
		}
		classes[c] = append(classes[c], v)
	}
	slices.SortStableFunc(order, func(a, b class) int { return cmp.Compare(a.level, b.level) })
	for _, c := range order {
		if group := ix.affordable(classes[c]); len(group) >= fanIn {
			return group
		}
	}
	for _, c := range order {
		for _, v := range classes[c] {
			if n := v.seg.vectorCount(); v.seg.lists == nil && ix.wantsLists(n) || v.seg.graph == nil && ix.wantsGraph(n) {
				return []*view{v}
			}
		}
	}
	return nil
}

// affordable returns as many views, the smallest first, as may be merged at once.
func (ix *Index) affordable(views []*view) []*view {
	size := func(v *view) int64 { return v.seg.file.Size() }
	total := int64(0)
	for _, v := range views {
		total += size(v)
	}
	if total <= ix.cfg.MergeBytes {
		return views
	}
	views = slices.SortedFunc(slices.Values(views), func(a, b *view) int { return cmp.Compare(size(a), size(b)) })
	for len(views) > 0 && total > ix.cfg.MergeBytes {
		total -= size(views[len(views)-1])
		views = views[:len(views)-1]
	}
	return views
}

// settled reports whether a segment is none of the young ones.
func (ix *Index) settled(v *view) bool {
	return v.seg.name != "" || !ix.settles() && v.rows() > tidyRows
}

// Optimize merges all segments into one, or one for each shard. Searches are fastest then. It does nothing where another process writes the folder.
func (ix *Index) Optimize(ctx context.Context) error {
	if ix.guest() {
		return nil
	}
	return ix.rewrite(ctx, func(views []*view) []*view {
		shards := map[string]bool{}
		for _, v := range views {
			if v.dead > 0 || shards[v.seg.shard] || !v.seg.placed || v.seg.name == "" && ix.settles() {
				return views
			}
			shards[v.seg.shard] = true
		}
		return nil
	})
}

// rewrite merges what pick names, once no other merge has it, until pick names nothing. A merge in the background that has it is in a hurry then.
func (ix *Index) rewrite(ctx context.Context, pick func([]*view) []*view) error {
	if ix.paced != nil {
		defer ix.paced.Hurry()()
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := ix.acquire()
		picked := pick(s.views)
		if len(picked) == 0 {
			s.release()
			return nil
		}
		group := ix.claim(picked)
		if group == nil {
			s.release()
			if err := ix.waitForMerge(ctx); err != nil {
				return err
			}
			continue
		}
		err := ix.mergeViews(ctx, group, ix.files())
		s.release()
		if err != nil {
			return err
		}
	}
}

// waitForMerge waits until a merge has ended.
func (ix *Index) waitForMerge(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		ix.writing.Lock()
		defer ix.writing.Unlock()
		ix.room.Broadcast()
	})
	defer stop()
	ix.writing.Lock()
	defer ix.writing.Unlock()
	if ix.closed {
		return ErrClosed
	}
	if len(ix.busy) > 0 && ctx.Err() == nil {
		ix.room.Wait()
	}
	return ctx.Err()
}

// mergeViews puts one segment, or one for each shard, in the place of claimed views, and gives up the claim. to is where they are written, nil for memory. The caller
// holds the state they are of.
func (ix *Index) mergeViews(ctx context.Context, views []*view, to section.FS) error {
	defer ix.unclaim(views)
	if err := ix.whole(ctx, views); err != nil {
		return err
	}
	parts := ix.partition(planMerge(views, to))
	for i := range parts {
		err := ix.writePart(ctx, &parts[i])
		if err == nil {
			continue
		}
		for _, done := range parts[:i] { // nobody has seen them; the files go with the next sweep
			_ = done.seg.file.Close()
			ix.forgetName(done.seg.name)
		}
		return fmt.Errorf("index: merge %d segments: %w", len(views), err)
	}
	ix.replace(parts)
	return nil
}

// writePart makes the segment of a part, if it has rows.
func (ix *Index) writePart(ctx context.Context, p *part) (err error) {
	if p.rows() == 0 {
		return nil
	}
	if p.seg, err = ix.writeMerge(ctx, p.plan); err == nil {
		p.seg.shard, p.seg.placed = p.shard, true
	}
	return err
}

// whole verifies what is going to be merged: what is damaged must not be written again under a new checksum.
func (ix *Index) whole(ctx context.Context, views []*view) error {
	for _, v := range views {
		if err := v.seg.file.Verify(ctx); err != nil {
			if rag.KindOf(err) == rag.KindInvalid {
				ix.spoil(err)
			}
			return err
		}
	}
	return nil
}

// writeMerge makes the segment of a plan.
func (ix *Index) writeMerge(ctx context.Context, p *plan) (*segment, error) {
	return ix.makeSegment(p.to, func(w *section.Writer) error { return ix.writeSections(ctx, w, p) })
}

// makeSegment makes a segment of the sections that fill writes: in a file of the folder, written by way of to, or in memory if that is nil. The file's name is kept from being swept
// away until the segment is in a state.
func (ix *Index) makeSegment(to section.FS, fill func(*section.Writer) error) (*segment, error) {
	if to == nil {
		f, err := section.Build(fill)
		if err != nil {
			return nil, err
		}
		return ix.parse(f, "")
	}
	name := ix.newName()
	if _, err := section.WriteFile(to, ix.path(name), fill); err != nil {
		ix.forgetName(name)
		return nil, err
	}
	seg, err := ix.openSegment(name)
	if err != nil {
		ix.forgetName(name)
	}
	return seg, err
}

// newName names a file that is going to be written, and keeps it from being swept away.
func (ix *Index) newName() string {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	name := fmt.Sprintf("%08d%s", ix.next, fileSuffix)
	ix.next++
	ix.writes[name] = true
	return name
}

func (ix *Index) forgetName(name string) {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	delete(ix.writes, name)
}

// replace puts merged segments in the place of those of their plan, with what has happened to these in the meantime.
func (ix *Index) replace(parts []part) {
	ix.writing.Lock()
	defer ix.writing.Unlock()
	old := ix.current.Load()
	var next []*view
	for _, p := range parts {
		if p.seg == nil {
			continue
		}
		next = append(next, ix.caughtUp(p.plan, p.seg, old))
		delete(ix.writes, p.seg.name)
	}
	var views []*view
	for _, v := range old.views {
		if !parts[0].has(v.seg) {
			views = append(views, v)
			continue
		}
		for _, n := range next { // in the place of the first
			if n.rows() > 0 {
				views = append(views, n)
			}
		}
		next = nil
	}
	for _, p := range parts {
		if p.seg == nil || slices.ContainsFunc(views, func(v *view) bool { return v.seg == p.seg }) {
			continue
		}
		if p.seg.refs.Load() == 0 {
			_ = p.seg.file.Close() // all of it was deleted meanwhile, or the index was built anew
		}
	}
	ix.install(newState(views, old.seq))
	ix.room.Broadcast()
}

// caughtUp returns a view of a merged segment with the deletions and overlays that came since the merge began.
func (ix *Index) caughtUp(p *plan, merged *segment, now *state) *view {
	v := &view{seg: merged}
	var gone []uint32
	overrides := map[uint32]*rag.Document{}
	for i, before := range p.views {
		at := slices.IndexFunc(now.views, func(n *view) bool { return n.seg == before.seg })
		if at < 0 { // all its rows are gone
			for _, row := range p.maps[i] {
				if row != dropped {
					gone = append(gone, row)
				}
			}
			continue
		}
		after := now.views[at]
		if after == before {
			continue
		}
		for row, to := range p.maps[i] {
			if to != dropped && !after.isLive(uint32(row)) {
				gone = append(gone, to)
			}
		}
		for o, d := range after.overrides {
			if before.overrides[o] == d {
				continue
			}
			if to, ok := merged.documents.Find(d.ID); ok {
				overrides[to] = d
			}
		}
	}
	slices.Sort(gone)
	return v.hide(gone).override(overrides)
}

// onFiles returns the current state, or a newer one, with every segment in a file. The caller releases it.
func (ix *Index) onFiles(ctx context.Context) (*state, error) {
	const patience = 10
	for try := 0; ; try++ {
		s := ix.acquire()
		views, _, _ := inMemory(s.views)
		if len(views) == 0 {
			return s, nil
		}
		group := ix.claim(views)
		if group == nil && try < patience { // being merged: that comes first
			s.release()
			if err := ix.waitForMerge(ctx); err != nil {
				return nil, err
			}
			continue
		}
		// What comes in the meantime is not waited for: this state is written, on its own. Two merges of one segment only do
		// some work twice: the one that ends later finds the rows gone.
		filed, err := ix.mergeAside(ctx, s, views)
		ix.unclaim(group)
		s.release()
		return filed, err
	}
}

// mergeAside writes views of s to a file, puts it into the current state and returns s with it. The caller releases what is
// returned.
func (ix *Index) mergeAside(ctx context.Context, s *state, group []*view) (*state, error) {
	if err := ix.whole(ctx, group); err != nil {
		return nil, err
	}
	p := planMerge(group, ix.cfg.FS)
	merged, err := ix.writeMerge(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("index: write what is in memory: %w", err)
	}
	merged.placed = ix.placed(merged.rows())
	views := make([]*view, 0, len(s.views))
	for _, v := range s.views {
		if !p.has(v.seg) {
			views = append(views, v)
		}
	}
	filed := newState(append(views, &view{seg: merged}), s.seq)
	ix.replace([]part{{plan: p, seg: merged}})
	return filed, nil
}

// plan says which rows of which segments become which rows of a merged one.
type plan struct {
	to    section.FS // where the merged segment is written; nil is memory
	views []*view
	maps  [][]uint32 // by view: the new row of each old one, or dropped
	from  []origin   // by new row
}

// origin is where a row comes from.
type origin struct {
	view uint32
	row  uint32
}

const dropped = ^uint32(0)

func (p *plan) rows() int { return len(p.from) }

func (p *plan) has(seg *segment) bool {
	return slices.ContainsFunc(p.views, func(v *view) bool { return v.seg == seg })
}

// planMerge puts the live rows of views in ascending order of chunk id.
func planMerge(views []*view, to section.FS) *plan {
	p := &plan{to: to, views: views}
	total := 0
	for _, v := range views {
		total += v.rows()
	}
	p.from = make([]origin, 0, total)
	for i, v := range views {
		for row := range uint32(v.seg.rows()) {
			if v.isLive(row) {
				p.from = append(p.from, origin{uint32(i), row})
			}
		}
	}
	byID := func(a, b origin) int {
		return cmp.Compare(views[a.view].seg.ids[a.row], views[b.view].seg.ids[b.row])
	}
	if !slices.IsSortedFunc(p.from, byID) {
		slices.SortFunc(p.from, byID)
	}
	p.number()
	return p
}

// number makes the maps of a plan whose rows are known.
func (p *plan) number() {
	for _, v := range p.views {
		m := make([]uint32, v.seg.rows())
		for r := range m {
			m[r] = dropped
		}
		p.maps = append(p.maps, m)
	}
	for to, o := range p.from {
		p.maps[o.view][o.row] = uint32(to)
	}
}
