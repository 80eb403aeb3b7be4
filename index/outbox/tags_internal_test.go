package outbox

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/smartretriever/smartretriever/rag"
)

// TestConditionsLetThrough draws filters, scopes and documents: whatever a query may see meets its condition, and, where the filter speaks of
// equality and presence only and has no negation of a list, nothing else does.
func TestConditionsLetThrough(t *testing.T) {
	scalar := rapid.SampledFrom([]rag.Value{rag.Str("red"), rag.Str("reddish"), rag.Str(""), rag.Str("1"), rag.Num(1), rag.Num(-2.5), rag.Num(0), rag.Bool(true), rag.Bool(false)})
	value := rapid.Custom(func(t *rapid.T) rag.Value {
		if rapid.Bool().Draw(t, "list") {
			return rag.List(rapid.SliceOfN(scalar, 0, 3).Draw(t, "values")...)
		}
		return scalar.Draw(t, "value")
	})
	key := rapid.SampledFrom([]string{"color", "size", "tags", "absent", rag.KeyExternalID, rag.KeyTitle})
	var filter func(depth int, ops []rag.Op) *rapid.Generator[rag.Filter]
	filter = func(depth int, ops []rag.Op) *rapid.Generator[rag.Filter] {
		return rapid.Custom(func(t *rapid.T) rag.Filter {
			if depth > 0 && rapid.Bool().Draw(t, "deeper") {
				f := rag.Filter{Type: rapid.SampledFrom([]rag.Op{rag.OpAnd, rag.OpOr, rag.OpNot}).Draw(t, "join")}
				most := 3
				if f.Type == rag.OpNot {
					most = 1
				}
				f.Filters = rapid.SliceOfN(filter(depth-1, ops), 1, most).Draw(t, "filters")
				return f
			}
			f := rag.Filter{Type: rapid.SampledFrom(ops).Draw(t, "op"), Key: key.Draw(t, "key")}
			switch f.Type {
			case rag.OpIn, rag.OpNin:
				f.Value = rag.List(rapid.SliceOfN(scalar, 0, 3).Draw(t, "values")...)
			case rag.OpPrefix:
				f.Value = rag.Str(rapid.SampledFrom([]string{"r", "red", ""}).Draw(t, "prefix"))
			case rag.OpExists:
				f.Value = rapid.SampledFrom([]rag.Value{{}, rag.Bool(true), rag.Bool(false)}).Draw(t, "exists")
			case rag.OpGt, rag.OpGte, rag.OpLt, rag.OpLte:
				f.Value = rapid.SampledFrom([]rag.Value{rag.Num(1), rag.Str("red")}).Draw(t, "bound")
			default:
				f.Value = scalar.Draw(t, "value")
			}
			return f
		})
	}
	principals := rapid.SliceOfN(rapid.SampledFrom([]string{"anna", "ben", "team"}), 0, 2)
	document := rapid.Custom(func(t *rapid.T) *rag.Document {
		d := &rag.Document{ID: "d", ExternalID: rapid.SampledFrom([]string{"red", "x"}).Draw(t, "id"), Metadata: rag.Metadata{}}
		for _, key := range []string{"color", "size", "tags"} {
			if rapid.Bool().Draw(t, key) {
				d.Metadata[key] = value.Draw(t, key)
			}
		}
		d.ACL = principals.Draw(t, "acl")
		return d
	})
	exact := []rag.Op{rag.OpEq, rag.OpNe, rag.OpIn, rag.OpNin, rag.OpExists}
	all := append([]rag.Op{rag.OpGt, rag.OpGte, rag.OpLt, rag.OpLte, rag.OpPrefix}, exact...)
	draw := func(t *rapid.T, ops []rag.Op) (seen, met bool) {
		q := rag.IndexQuery{Filter: filter(3, ops).Draw(t, "filter"), Scope: rag.Scope{Admin: rapid.Bool().Draw(t, "admin"), Principals: principals.Draw(t, "principals")}}
		if err := q.Filter.Validate(); err != nil {
			t.Fatal(err)
		}
		d := document.Draw(t, "document")
		seen = q.Scope.May(d.ACL) && q.Filter.Match(d.Lookup)
		return seen, conditionOf(q).Match(1, tagsOf(d, 1))
	}
	rapid.Check(t, func(t *rapid.T) {
		if seen, met := draw(t, all); seen && !met {
			t.Fatal("a document that the query may see does not meet its condition")
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		if seen, met := draw(t, exact); seen != met {
			t.Fatalf("the document is seen: %v, and meets the condition: %v", seen, met)
		}
	})
}
