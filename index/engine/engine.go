package engine

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/rag"
)

// Index is the index of one collection. Goroutine-safe.
type Index struct {
	cfg Config

	current atomic.Pointer[state]
	effort  atomic.Uint64 // bits of a float64; 0 is the default
	damage  atomic.Pointer[error]
	unlock  func() error // of Dir; nil if there is none, or another process has it

	background section.FS     // by way of which files are merged in the background; nil is memory
	paced      *section.Paced // the same, nil if it has no bound

	applying sync.Mutex // held by Apply
	filing   sync.Mutex // held while the manifest is written or files are removed

	writing           sync.Mutex        // guards what follows, and every change of current
	busy              map[*segment]bool // taken by a merge
	writes            map[string]bool   // files that are being written
	next              uint64            // number of the next file
	filed             *state            // what the manifest says, nil if nothing; held
	filedEffort       float64           // what it says of the effort
	room              *sync.Cond        // on writing: rows in memory became fewer, or merging failed
	failed            error             // of the last try to write what is in memory
	flushing, merging bool              // in the background
	mergeAgain        time.Time         // not before it, after a merge that failed
	closed            bool

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup // of merges in the background
}

const (
	lockName     = "lock"
	manifestName = "manifest"
	fileSuffix   = ".seg"
)

// Create returns an empty index at sequence number 0. What its folder holds is removed, unless another process writes it.
func Create(cfg Config) (*Index, error) {
	ix, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	ix.current.Store(newState(nil, 0))
	if ix.Owner() {
		if err := ix.forget(); err != nil {
			return nil, closing(ix, err)
		}
	}
	return ix, nil
}

// Open returns the index that its folder holds, as of the last Commit. KindNotFound says that there is none, KindConflict
// that what is there is of another collection, generation or store, or was made with other settings, KindInvalid that it is
// damaged: in each case Create begins anew.
func Open(cfg Config) (*Index, error) {
	ix, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	if ix.cfg.Dir == "" {
		return nil, closing(ix, rag.Errorf(rag.KindNotFound, "index: there is no folder to open"))
	}
	if err := ix.load(); err != nil {
		return nil, closing(ix, err)
	}
	return ix, nil
}

// prepare makes an index without a state.
func prepare(cfg Config) (*Index, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	ix := &Index{cfg: cfg, busy: map[*segment]bool{}, writes: map[string]bool{}, next: 1}
	ix.room = sync.NewCond(&ix.writing)
	ix.ctx, ix.stop = context.WithCancel(context.Background())
	if cfg.Dir == "" {
		return ix, nil
	}
	if err := cfg.FS.MakeDir(cfg.Dir); err != nil {
		return nil, rag.Wrap(rag.KindUnavailable, err, "index: make a folder")
	}
	unlock, held, err := cfg.FS.Lock(ix.path(lockName))
	if err != nil {
		return nil, rag.Wrap(rag.KindUnavailable, err, "index: lock the folder")
	}
	if held {
		ix.unlock = unlock
		ix.background = cfg.FS
		if cfg.MergeBytesPerSecond > 0 {
			ix.paced = section.NewPaced(ix.ctx, cfg.FS, cfg.MergeBytesPerSecond)
			ix.background = ix.paced
		}
	}
	return ix, nil
}

// closing gives back what an index holds that was not opened.
func closing(ix *Index, err error) error {
	ix.stop()
	if ix.unlock != nil {
		_ = ix.unlock() // the first error is the one that matters
	}
	return err
}

// Owner reports whether the index writes the files of its folder. Where another process does, this one reads what that
// has committed and keeps what is new in memory.
func (ix *Index) Owner() bool { return ix.unlock != nil }

// guest reports whether another process writes the folder: what it has put into files stays in files, and is its to merge.
func (ix *Index) guest() bool { return ix.cfg.Dir != "" && !ix.Owner() }

// Orphaned reports whether another process wrote the folder when the index was opened, and none does now: opened again, the index is the Owner.
func (ix *Index) Orphaned() bool {
	if !ix.guest() {
		return false
	}
	unlock, held, err := ix.cfg.FS.Lock(ix.path(lockName))
	if err != nil || !held {
		return false
	}
	return unlock() == nil
}

func (ix *Index) path(name string) string { return filepath.Join(ix.cfg.Dir, name) }

// Seq returns the number of the last change that searches see.
func (ix *Index) Seq() int64 { return ix.current.Load().seq }

// Damaged returns why the index must be built anew, nil if nothing is wrong with it: a file does not hold any more what was written.
func (ix *Index) Damaged() error {
	if p := ix.damage.Load(); p != nil {
		return *p
	}
	return nil
}

// spoil notes that a file is damaged.
func (ix *Index) spoil(err error) {
	if ix.damage.CompareAndSwap(nil, &err) {
		ix.cfg.Logger.Error("index: a file is damaged; the index is built again from the store", "err", err)
	}
}

// ErrDamaged says that a file of the index does not hold any more what was written; see Index.Damaged.
var ErrDamaged = rag.Errorf(rag.KindUnavailable, "index: a file is damaged")

// ErrClosed says that the index was closed.
var ErrClosed = rag.Errorf(rag.KindUnavailable, "index: closed")

// Close ends merging and lets go of the files. What was not committed is lost, and comes back from the change feed. Searches that run end
// on their own; later ones return ErrClosed.
func (ix *Index) Close() error {
	ix.writing.Lock()
	if ix.closed {
		ix.writing.Unlock()
		return nil
	}
	ix.closed = true
	ix.stop()
	ix.room.Broadcast()
	ix.writing.Unlock()
	ix.wg.Wait()

	ix.writing.Lock()
	defer ix.writing.Unlock()
	last := newState(nil, ix.Seq())
	last.ended = true
	ix.install(last)
	if ix.filed != nil {
		ix.filed.release()
	}
	if ix.unlock != nil {
		return ix.unlock()
	}
	return nil
}

// Stats counts what an index holds.
type Stats struct {
	Chunks   int   `json:"chunks"`
	Dead     int   `json:"dead"` // chunks that are gone, and still take room
	Vectors  int   `json:"vectors"`
	Postings int64 `json:"postings"` // pairs of a term and a chunk, of dead chunks as well
	Segments int   `json:"segments"`
	Files    int   `json:"files"` // segments that have one
	Bytes    int64 `json:"bytes"` // of files and memory
	Memory   int64 `json:"memory"`
	Seq      int64 `json:"seq"`
}

// Stats counts. It takes no longer for a large index than for a small one.
func (ix *Index) Stats() Stats {
	s := ix.acquire()
	defer s.release()
	st := Stats{Seq: s.seq, Segments: len(s.views)}
	for _, v := range s.views {
		st.Chunks += v.rows()
		st.Dead += v.dead
		st.Vectors += v.seg.vectorCount()
		st.Postings += int64(v.seg.words.Postings())
		st.Bytes += v.seg.file.Size()
		if v.seg.name != "" {
			st.Files++
		} else {
			st.Memory += v.seg.file.Size()
		}
		st.Memory += int64(len(v.live)) * 8
	}
	return st
}

// smallFile is the size up to which a file is verified before it is used. Tests take small files for large ones.
var smallFile int64 = 32 << 20

// openSegment opens a file of the folder. Small ones are verified at once, others in the background.
func (ix *Index) openSegment(name string) (*segment, error) {
	f, err := section.Open(ix.cfg.FS, ix.path(name))
	if err != nil {
		return nil, err
	}
	if f.Size() <= smallFile {
		if err := f.Verify(ix.ctx); err != nil {
			_ = f.Close() // nobody has seen it
			return nil, err
		}
	}
	seg, err := ix.parse(f, name)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return seg, nil
}

// verifyLater verifies the large segments of s.
func (ix *Index) verifyLater(s *state) {
	var large []*segment
	for _, v := range s.views {
		if v.seg.file.Size() > smallFile {
			v.seg.refs.Add(1)
			large = append(large, v.seg)
		}
	}
	if len(large) == 0 {
		return
	}
	ix.wg.Go(func() {
		for _, seg := range large {
			if err := seg.file.Verify(ix.ctx); err != nil && ix.ctx.Err() == nil {
				ix.spoil(err)
			}
			seg.release()
		}
	})
}

// Verify reads every file and compares its checksums. KindInvalid names what is damaged.
func (ix *Index) Verify(ctx context.Context) error {
	s := ix.acquire()
	defer s.release()
	for _, v := range s.views {
		if err := v.seg.file.Verify(ctx); err != nil {
			if rag.KindOf(err) == rag.KindInvalid {
				ix.spoil(err)
			}
			return err
		}
	}
	return nil
}
