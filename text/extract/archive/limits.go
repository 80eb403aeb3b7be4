package archive

import (
	"bytes"
	"errors"
	"io"

	"github.com/smartretriever/smartretriever/rag"
)

// What may be unpacked where the caller says nothing. A text packs to a tenth, a
// log to a fiftieth; what packs hundreds of megabytes to less than a
// two-hundredth is made to fill memory. What is read of an archive counts too, and
// what a packed tar file holds counts twice: no member is read for nothing.
const (
	defaultMember  = 100 << 20
	defaultRatio   = 200
	leastTotal     = 512 << 20
	mostTotal      = 8 << 30
	defaultMembers = 100_000
	defaultDepth   = 3
)

// budget is what is left of the limits, shared by an archive and those within it.
type budget struct {
	most    Options
	left    int64 // bytes
	members int
}

func newBudget(opt Options, size int64) *budget {
	if opt.Member <= 0 {
		opt.Member = defaultMember
	}
	if opt.Total <= 0 {
		opt.Total = min(max(leastTotal, defaultRatio*size), mostTotal)
	}
	if opt.Members <= 0 {
		opt.Members = defaultMembers
	}
	if opt.Depth <= 0 {
		opt.Depth = defaultDepth
	}
	return &budget{most: opt, left: opt.Total, members: opt.Members}
}

// errSpent marks the errors that end the whole archive and not one within it only.
var errSpent = errors.New("limit")

// spent is an error of a limit that holds for all.
type spent struct{ err error }

func (s spent) Error() string        { return s.err.Error() }
func (s spent) Unwrap() error        { return s.err }
func (s spent) Is(target error) bool { return target == errSpent }

func exhausted(format string, args ...any) error {
	return spent{rag.Errorf(rag.KindExhausted, format, args...)}
}

// count takes a member, or a folder, off the number that is allowed.
func (b *budget) count() error {
	if b.members--; b.members < 0 {
		return exhausted("it holds more than %d files; the rest was not read", b.most.Members)
	}
	return nil
}

// errTooLarge is the fault of one member.
func (b *budget) errTooLarge() error {
	if b.most.Member < 1<<20 {
		return rag.Errorf(rag.KindExhausted, "is larger than the limit of %d bytes", b.most.Member)
	}
	return rag.Errorf(rag.KindExhausted, "is larger than the limit of %d MiB", b.most.Member>>20)
}

func (b *budget) errBomb() error {
	return exhausted("it unpacks to more than %d MiB (a zip bomb?); the rest was not read", b.most.Total>>20)
}

// metered counts what is unpacked through it against the budget of the whole.
type metered struct {
	r io.Reader
	b *budget
}

func (m metered) Read(p []byte) (int, error) {
	if m.b.left <= 0 {
		return 0, m.b.errBomb()
	}
	if int64(len(p)) > m.b.left {
		p = p[:m.b.left]
	}
	n, err := m.r.Read(p)
	m.b.left -= int64(n)
	return n, err
}

// read unpacks a member. stated is how many bytes it is said to have, of which few are
// believed before they are there.
func (b *budget) read(r io.Reader, stated int64) ([]byte, error) {
	if stated > b.most.Member {
		return nil, b.errTooLarge()
	}
	var buf bytes.Buffer
	if stated > 0 {
		buf.Grow(int(min(stated, 1<<20)))
	}
	if _, err := buf.ReadFrom(io.LimitReader(r, b.most.Member+1)); err != nil {
		return nil, err
	}
	if int64(buf.Len()) > b.most.Member {
		return nil, b.errTooLarge()
	}
	return buf.Bytes(), nil
}
