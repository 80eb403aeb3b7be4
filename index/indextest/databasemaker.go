package indextest

import (
	"fmt"
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/rag"
)

// itemMaker draws items, conditions and queries.
type itemMaker struct {
	maker
	texts bool // items have them
}

// suiteTags are what random items have and random conditions ask for. Some of them are equal where numbers have 53 bits, or where there is no sign.
var suiteTags = []external.Tag{
	1, -1, 2, 1 << 53, 1<<53 + 1, 1<<53 + 2, math.MaxInt64, math.MaxInt64 - 1, math.MinInt64, math.MinInt64 + 1,
	0x5bd1e9955bd1e995, -0x61c8864680b583eb,
}

// absentTag is a tag that no item of the suite has.
const absentTag external.Tag = 0x0123456789abcdef

// itemDocument returns the id of the suite's document n.
func itemDocument(n int) rag.DocumentID {
	return rag.DocumentID(fmt.Sprintf("01890a5d-ac96-774b-bcce-%012x", n))
}

// tags draws up to six tags; one item in six has none.
func (m itemMaker) tags() []external.Tag {
	var tags []external.Tag
	for range m.IntN(6) {
		tags = append(tags, suiteTags[m.IntN(len(suiteTags))])
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

func (m itemMaker) item(id rag.ChunkID) external.Item {
	i := external.Item{ID: id, Document: itemDocument(m.IntN(1000)), Vector: m.vector(), Tags: m.tags()}
	if m.texts && m.IntN(10) > 0 {
		i.Text = m.maker.text(1+m.IntN(30)) + privateText
	}
	return i
}

// condition draws a tree over the suite's tags and the ids from 1 to most. None has more than three ids in a list.
func (m itemMaker) condition(depth int, most rag.ChunkID) external.Condition {
	if depth > 0 && m.IntN(3) > 0 {
		var subs []external.Condition
		for range 1 + m.IntN(3) {
			subs = append(subs, m.condition(depth-1, most))
		}
		switch m.IntN(3) {
		case 0:
			return external.Condition{All: subs}
		case 1:
			return external.Condition{Any: subs}
		}
		return external.Condition{Not: &subs[0]}
	}
	switch m.IntN(12) {
	case 0:
		return external.Condition{}
	case 1:
		return external.Condition{Has: []external.Tag{absentTag}}
	case 2, 3:
		var ids []rag.ChunkID
		for range 1 + m.IntN(3) {
			ids = append(ids, 1+rag.ChunkID(m.Int64N(int64(most))))
		}
		return external.Condition{IDs: ids}
	}
	var tags []external.Tag
	for range 1 + m.IntN(3) {
		tags = append(tags, suiteTags[m.IntN(len(suiteTags))])
	}
	return external.Condition{Has: tags}
}

// query draws a query; in a space with texts it asks for either side or both.
func (m itemMaker) query(most rag.ChunkID, topK int) external.Query {
	q := external.Query{K: min(1+m.IntN(30), topK), Vector: m.vector()}
	if m.IntN(4) > 0 {
		q.Where = m.condition(3, most)
	}
	if m.texts && m.IntN(4) > 0 {
		q.Text = m.maker.text(1 + m.IntN(5))
		if m.IntN(2) == 0 {
			q.Vector = nil
		}
	}
	return q
}

// negated returns -v.
func negated(v []float32) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = -x
	}
	return out
}

func not(c external.Condition) external.Condition { return external.Condition{Not: &c} }
