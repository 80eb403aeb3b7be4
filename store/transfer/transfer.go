// Package transfer copies a whole store into another of any kind, through the neutral
// form of package store: with all ids, numbers and times, and the store's id, so that
// indexes, caches and citations stay good, and without embedding anything.
//
// Nobody can write to the source meanwhile (TransferFrom), so that what is copied is of
// one moment. Tables are copied one after the other, rows in the order of their keys,
// some thousand in one transaction. What a copy that was broken off has left in the
// target is therefore a beginning of each table. The next copy reads both side by side,
// row by row, and goes on where the target ends; where a row of the target differs, as
// the source has changed since, or the target, it empties the target and begins anew.
//
// At the end the target is read once more: counts and digests of all tables have to be
// the source's, and its own rules have to hold. Until then the target says of itself
// that it is unfinished, and no program opens it.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store"
)

// Store is what is copied, or copied into. A target is opened with Config.Receiving.
type Store interface {
	ID() string
	// Transfer returns what is known of another store's copy in this one, and whether
	// there is nothing in this one.
	Transfer(ctx context.Context) (known store.Transfer, empty bool, err error)
	// TransferFrom calls fn with a reader of the store, to which nobody writes until fn
	// returns.
	TransferFrom(ctx context.Context, fn func(context.Context, store.TransferReader) error) error
	// TransferView calls fn with a reader of what is in the store at this moment.
	TransferView(ctx context.Context, fn func(context.Context, store.TransferReader) error) error
	// BeginTransfer empties the store and gives it the id of the one that is copied.
	BeginTransfer(ctx context.Context, t store.Transfer) error
	// PutRows adds rows to a table, all or none.
	PutRows(ctx context.Context, t *store.Table, rows []store.Row) error
	// EndTransfer makes the store one like any other, which gives no id up to those of
	// highest again.
	EndTransfer(ctx context.Context, t store.Transfer, highest map[string]int64) error
	// Verify returns a sentence for each of the store's rules that is violated.
	Verify(ctx context.Context) ([]string, error)
}

// gatherer is what a Store may be besides: one that has to be told that tables were
// filled, before all of them are read.
type gatherer interface {
	GatherStatistics(ctx context.Context) error
}

// Options of a copy.
type Options struct {
	// Replace lets a target be compared that is a finished copy of the same source, and
	// emptied and copied again where it differs: it may have been used since.
	Replace bool
	// Progress is told how far the copy is, often; nil is nobody.
	Progress func(Progress)
	// Beside is done after the rows, while nobody can write to the source: for what is
	// kept outside of it. Its error ends the copy, unfinished.
	Beside func(ctx context.Context) error
	// Clock tells the time; nil is time.Now.
	Clock func() time.Time
}

// Stage is what a copy is doing.
type Stage string

// Stages, in their order.
const (
	Copying   Stage = "copy"
	Comparing Stage = "compare"
)

// Progress is how far a stage has come with a table.
type Progress struct {
	Stage Stage  `json:"stage"`
	Table string `json:"table"`
	Rows  int64  `json:"rows"` // of the table, done
	Of    int64  `json:"of"`   // rows that the table has, about; embeddings can be more
	Kept  int64  `json:"kept"` // of rows, those that were there from an earlier copy
}

// Report is what was copied.
type Report struct {
	Store    string        `json:"store"`              // id
	Resumed  bool          `json:"resumed,omitempty"`  // an earlier copy was gone on with
	Emptied  string        `json:"emptied,omitempty"`  // table by which an earlier copy was found to be no beginning of the source, and begun anew
	Tables   []TableReport `json:"tables"`             // in the order of store.Tables
	Replaced int64         `json:"replaced,omitempty"` // texts of which bytes that are no text were replaced by U+FFFD
	Faults   []string      `json:"faults,omitempty"`   // rules that both stores violate
	Took     time.Duration `json:"took"`               // nanoseconds

	// Collections are the tenants and names of all collections.
	Collections []rag.Scope `json:"-"`
}

// TableReport is what was copied of a table. Both stores have the same rows.
type TableReport struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	Kept   int64  `json:"kept,omitempty"` // of them, there from an earlier copy
	Digest string `json:"digest"`         // of all rows, whatever their order
}

// Plan says what Copy will find in the target.
type Plan int

// What a target can be.
const (
	Empty    Plan = iota // nothing is in it
	Begun                // a part of the source is: the copy goes on
	Finished             // a finished copy of the source, which may have been used since
)

// Look returns what the target is. KindConflict says that it holds something else, which
// no copy takes the place of.
func Look(ctx context.Context, from, to Store) (Plan, store.Transfer, error) {
	known, empty, err := to.Transfer(ctx)
	if err != nil {
		return 0, known, err
	}
	source, _, err := from.Transfer(ctx)
	switch {
	case err != nil:
		return 0, known, err
	case source.Unfinished():
		return 0, known, source.ErrUnfinished()
	case known.From == from.ID() && known.Unfinished():
		return Begun, known, nil
	case empty:
		return Empty, known, nil
	case known.From == from.ID() && to.ID() == from.ID():
		return Finished, known, nil
	case to.ID() == from.ID():
		return 0, known, rag.Errorf(rag.KindConflict, "the target is the same store (%s) as the source, or what it was copied from: choose an empty one", to.ID())
	case known.Unfinished():
		return 0, known, rag.Errorf(rag.KindConflict, "the target holds a part of another store (%s): choose an empty one", known.From)
	}
	return 0, known, rag.Errorf(rag.KindConflict, "the target holds another store (%s), and it is not emptied: choose an empty one", to.ID())
}

// Copy makes to what from is, or goes on with doing that. It may be called again after
// any end of an earlier call, also that of its process. A target that holds another
// store's data, or without Options.Replace a finished copy, is KindConflict; one that
// is not the same as the source in the end is KindInternal, and stays unfinished.
func Copy(ctx context.Context, from, to Store, opt Options) (Report, error) {
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	if opt.Progress == nil {
		opt.Progress = func(Progress) {}
	}
	began := opt.Clock()
	c := &copier{from: from, to: to, opt: opt, report: Report{Store: from.ID()}}
	err := from.TransferFrom(ctx, c.run)
	c.report.Took = opt.Clock().Sub(began)
	return c.report, err
}

// copier is one call of Copy.
type copier struct {
	from, to Store
	opt      Options
	source   store.TransferReader
	finished bool // the target is a finished copy, to which nothing is written unless it is begun anew
	report   Report
	sums     []sum // of the source's tables
}

// errDiffers says that the target holds no beginning of a table of the source.
type errDiffers struct{ table string }

func (e errDiffers) Error() string { return "table " + e.table + " differs" }

func (c *copier) run(ctx context.Context, source store.TransferReader) error {
	c.source = source
	// Asked now that nobody else can copy from the same source.
	plan, transfer, err := Look(ctx, c.from, c.to)
	if err != nil {
		return err
	}
	switch {
	case plan == Finished && !c.opt.Replace:
		return rag.Errorf(rag.KindConflict, "the target is a copy of this store since %s, and may have been used since", transfer.Done.UTC().Format(time.DateTime))
	case plan == Empty:
		transfer, err = c.begin(ctx)
	}
	if err != nil {
		return err
	}
	c.report.Resumed, c.finished = plan != Empty, plan == Finished
	err = c.copyTables(ctx)
	if differs, ok := errors.AsType[errDiffers](err); ok && plan != Empty {
		c.report.Emptied, c.report.Resumed, c.finished = differs.table, false, false
		if transfer, err = c.begin(ctx); err == nil {
			err = c.copyTables(ctx)
		}
	}
	if err != nil {
		return err
	}
	if c.opt.Beside != nil {
		if err := c.opt.Beside(ctx); err != nil {
			return err
		}
	}
	if g, ok := c.to.(gatherer); ok {
		if err := g.GatherStatistics(ctx); err != nil {
			return err
		}
	}
	if err := c.compare(ctx); err != nil {
		return err
	}
	if err := c.verify(ctx); err != nil {
		return err
	}
	highest, err := source.Highest(ctx)
	if err != nil {
		return err
	}
	transfer.Done = c.opt.Clock().UTC()
	return c.to.EndTransfer(ctx, transfer, highest)
}

// begin empties the target.
func (c *copier) begin(ctx context.Context) (store.Transfer, error) {
	t := store.Transfer{From: c.from.ID(), Begun: c.opt.Clock().UTC()}
	return t, c.to.BeginTransfer(ctx, t)
}

func (c *copier) copyTables(ctx context.Context) error {
	c.sums, c.report.Tables, c.report.Collections, c.report.Replaced = nil, nil, nil, 0
	for _, t := range store.Tables {
		if err := c.copyTable(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// What is written in one transaction, and how many rows lie between two reports.
const (
	batchRows   = 2000
	batchBytes  = 4 << 20
	reportEvery = 1000
)

func (c *copier) copyTable(ctx context.Context, t *store.Table) error {
	total, err := c.source.Count(ctx, t)
	if err != nil {
		return err
	}
	there, stop := iter.Pull2(rowsOf(ctx, c.to, t))
	defer stop()
	var s sum
	var batch []store.Row
	bytes, kept, more := 0, int64(0), true
	tell := func() {
		c.opt.Progress(Progress{Copying, t.Name, s.rows - int64(len(batch)), max(total, s.rows), kept})
	}
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		if c.finished {
			return errDiffers{t.Name}
		}
		if err := c.to.PutRows(ctx, t, batch); err != nil {
			return err
		}
		batch, bytes = nil, 0
		tell()
		return ctx.Err()
	}
	tell()
	err = c.source.Rows(ctx, t, func(row store.Row) error {
		c.plain(t, row)
		digest, size := digestOf(row)
		s.add(digest)
		if t.Name == "collections" {
			c.report.Collections = append(c.report.Collections, rag.Scope{Tenant: row[1].(string), Collection: row[2].(string)})
		}
		if more {
			old, err, ok := there()
			if err != nil {
				return err
			}
			if more = ok; ok {
				if found, _ := digestOf(old); found != digest {
					return errDiffers{t.Name}
				}
				kept++
				if kept%reportEvery == 0 {
					tell()
				}
				return nil
			}
		}
		batch, bytes = append(batch, row), bytes+size
		if len(batch) >= batchRows || bytes >= batchBytes {
			return flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if more {
		if _, err, ok := there(); err != nil {
			return err
		} else if ok {
			return errDiffers{t.Name}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	total = s.rows
	tell()
	c.sums = append(c.sums, s)
	c.report.Tables = append(c.report.Tables, TableReport{Name: t.Name, Rows: s.rows, Kept: kept, Digest: s.String()})
	return nil
}

var errEnough = errors.New("transfer: no more rows are wanted")

// rowsOf are the rows that are in a table now. The view of them ends with the last.
func rowsOf(ctx context.Context, s Store, t *store.Table) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		enough := false
		err := s.TransferView(ctx, func(ctx context.Context, r store.TransferReader) error {
			return r.Rows(ctx, t, func(row store.Row) error {
				if enough = !yield(row, nil); enough {
					return errEnough
				}
				return nil
			})
		})
		if err != nil && !enough {
			yield(nil, err)
		}
	}
}

// plain replaces what is no text in a row's texts: not every database takes it.
func (c *copier) plain(t *store.Table, row store.Row) {
	for i, column := range t.Columns {
		if column.Kind != store.Text {
			continue
		}
		if text := row[i].(string); !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
			row[i] = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
			c.report.Replaced++
		}
	}
}

// compare reads the target, which has to be what the source is.
func (c *copier) compare(ctx context.Context) error {
	return c.to.TransferView(ctx, func(ctx context.Context, r store.TransferReader) error {
		for i, t := range store.Tables {
			var s sum
			of := c.sums[i].rows
			err := r.Rows(ctx, t, func(row store.Row) error {
				digest, _ := digestOf(row)
				s.add(digest)
				if s.rows%reportEvery == 0 {
					c.opt.Progress(Progress{Stage: Comparing, Table: t.Name, Rows: s.rows, Of: of})
				}
				return nil
			})
			if err != nil {
				return err
			}
			c.opt.Progress(Progress{Stage: Comparing, Table: t.Name, Rows: s.rows, Of: of})
			if s != c.sums[i] {
				return rag.Errorf(rag.KindInternal, "table %s has %d rows with digest %s in the target, and %d with digest %s in the source: somebody writes to the target; run it again", t.Name, s.rows, s, of, c.sums[i])
			}
		}
		return nil
	})
}

// verify asks the target for its own rules, and where they are violated whether they are
// in the source.
func (c *copier) verify(ctx context.Context) error {
	faults, err := c.to.Verify(ctx)
	if err != nil || len(faults) == 0 {
		return err
	}
	before, err := c.from.Verify(ctx)
	if err != nil {
		return err
	}
	if len(before) == 0 {
		return rag.Errorf(rag.KindInternal, "the source is sound and the target is not: %s", strings.Join(faults, "; "))
	}
	for _, f := range before {
		c.report.Faults = append(c.report.Faults, fmt.Sprintf("in the source already: %s", f))
	}
	return nil
}
