package engine

import (
	"strconv"

	"github.com/smartretriever/smartretriever/rag"
)

// Shards are where rows are put, not what is true of them: a document whose metadata changes may stay among others until it is merged again, and a
// filter asks the columns, as ever. So nothing can be lost by a shard, and Config.ShardBy may change at any time.

// shardRows is how many rows of a shard are worth segments of its own. Fewer stay with those of other small shards, so that thousands of
// values of the key do not make thousands of files.
func (ix *Index) shardRows() int { return ix.cfg.FlushRows }

// shardOf returns the shard of a document.
func (ix *Index) shardOf(d *rag.Document) string {
	v, ok := d.Metadata[ix.cfg.ShardBy]
	if !ok {
		return ""
	}
	switch v.Kind() {
	case rag.StringValue:
		return v.Text()
	case rag.NumberValue:
		return strconv.FormatFloat(v.Number(), 'g', -1, 64)
	case rag.BoolValue:
		return strconv.FormatBool(v.True())
	}
	return ""
}

// part is a segment that takes rows of merged ones.
type part struct {
	*plan
	shard string
	seg   *segment // nil without rows
}

// partition divides the rows of a merge among the shards that have enough of them.
func (ix *Index) partition(p *plan) []part {
	young := p.to == nil && p.rows() <= tidyRows // which only tidy merges, and would again if it were divided
	if ix.cfg.ShardBy == "" || young || p.rows() < ix.shardRows() {
		return []part{{plan: p}}
	}
	numbers, names := map[string]uint32{"": 0}, []string{""}
	of := make([][]uint32, len(p.views)) // by view and document
	for i, v := range p.views {
		of[i] = make([]uint32, v.seg.documents.Len())
		for o := range of[i] {
			name := ix.shardOf(v.document(uint32(o)))
			n, ok := numbers[name]
			if !ok {
				n = uint32(len(names))
				numbers[name], names = n, append(names, name)
			}
			of[i][o] = n
		}
	}
	shard := func(o origin) uint32 { return of[o.view][p.views[o.view].seg.documents.DocOf(o.row)] }
	rows := make([]int, len(names))
	for _, o := range p.from {
		rows[shard(o)]++
	}
	// The parts by shard. What is too small goes to the first, which has no name.
	parts, at := []part{{plan: &plan{to: p.to, views: p.views}}}, make([]int, len(names))
	for n, name := range names {
		if name != "" && rows[n] >= ix.shardRows() {
			at[n] = len(parts)
			parts = append(parts, part{plan: &plan{to: p.to, views: p.views}, shard: name})
		}
	}
	if len(parts) == 1 {
		return []part{{plan: p}}
	}
	for _, o := range p.from {
		to := parts[at[shard(o)]].plan
		to.from = append(to.from, o)
	}
	filled := parts[:0]
	for _, one := range parts {
		if one.rows() > 0 {
			one.number()
			filled = append(filled, one)
		}
	}
	return filled
}

// placed reports whether a segment that no partition made may stay as it is.
func (ix *Index) placed(rows int) bool { return ix.cfg.ShardBy == "" || rows < ix.shardRows() }
