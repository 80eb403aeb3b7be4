package rag

import (
	"math"
	"strings"
)

// Op is what a Filter node does.
type Op string

const (
	OpEq     Op = "eq"     // the key's value, or one element of its list, equals Value
	OpNe     Op = "ne"     // not eq; true where the key is absent
	OpGt     Op = "gt"     // greater than Value; false for another kind or an absent key
	OpGte    Op = "gte"    // greater than or equal
	OpLt     Op = "lt"     // less than
	OpLte    Op = "lte"    // less than or equal
	OpIn     Op = "in"     // eq to one of Value's elements
	OpNin    Op = "nin"    // not in; true where the key is absent
	OpPrefix Op = "prefix" // a string, or one string of the list, begins with Value
	OpExists Op = "exists" // the key is present (Value true or null) or absent (Value false)
	OpAnd    Op = "and"    // all of Filters
	OpOr     Op = "or"     // one of Filters
	OpNot    Op = "not"    // not the only one of Filters
)

// Filter is a condition on document metadata, as a tree. It is the filter of
// OpenAI's vector stores, extended by not, exists and prefix, and it is the same
// in Go, in JSON and (through ParseFilter) on the command line. The zero Filter
// matches everything. Filters are immutable values, safe to share.
//
// The keys in SystemKeys name properties of the document itself rather than
// metadata.
type Filter struct {
	Type    Op       `json:"type,omitempty"`
	Key     string   `json:"key,omitempty"`
	Value   Value    `json:"value,omitzero"`
	Filters []Filter `json:"filters,omitempty"`
}

// System keys can be filtered on without being in the metadata.
const (
	KeyDocumentID = "$document_id" // the document's id
	KeyExternalID = "$external_id" // the caller's own id
	KeyTitle      = "$title"
	KeyMediaType  = "$media_type"
	KeySource     = "$source"     // path or URL
	KeyCreatedAt  = "$created_at" // Unix seconds
	KeyUpdatedAt  = "$updated_at" // Unix seconds
)

// SystemKeys lists every key that names a property of the document itself.
var SystemKeys = []string{KeyDocumentID, KeyExternalID, KeyTitle, KeyMediaType, KeySource, KeyCreatedAt, KeyUpdatedAt}

// Limits on filters, held by Validate.
const (
	MaxFilterDepth = 16
	MaxFilterNodes = 512
)

// Eq, In, And and Or are shorthands for the commonest nodes; the others are
// written as Filter{Type: ...}.
func Eq(key string, v Value) Filter     { return Filter{Type: OpEq, Key: key, Value: v} }
func In(key string, vs ...Value) Filter { return Filter{Type: OpIn, Key: key, Value: List(vs...)} }
func And(fs ...Filter) Filter           { return Filter{Type: OpAnd, Filters: fs} }
func Or(fs ...Filter) Filter            { return Filter{Type: OpOr, Filters: fs} }
func Not(f Filter) Filter               { return Filter{Type: OpNot, Filters: []Filter{f}} }

// IsZero reports whether the filter is absent and so matches everything.
func (f Filter) IsZero() bool {
	return f.Type == "" && f.Key == "" && len(f.Filters) == 0 && f.Value.kind == NullValue
}

// Validate reports the first fault with the path to it, as KindInvalid.
func (f Filter) Validate() error {
	if f.IsZero() {
		return nil
	}
	nodes := 0
	return f.validate("filter", 1, &nodes)
}

func (f Filter) validate(path string, depth int, nodes *int) error {
	if *nodes++; *nodes > MaxFilterNodes {
		return Errorf(KindInvalid, "the filter has more than %d nodes", MaxFilterNodes)
	}
	if depth > MaxFilterDepth {
		return Errorf(KindInvalid, "%s: nested deeper than %d", path, MaxFilterDepth)
	}
	switch f.Type {
	case OpAnd, OpOr, OpNot:
		if f.Key != "" || f.Value.kind != NullValue {
			return Errorf(KindInvalid, "%s: %q takes filters, not a key and a value", path, f.Type)
		}
		if len(f.Filters) == 0 {
			return Errorf(KindInvalid, "%s: %q needs at least one entry in \"filters\"", path, f.Type)
		}
		if f.Type == OpNot && len(f.Filters) != 1 {
			return Errorf(KindInvalid, "%s: \"not\" takes exactly one filter, got %d", path, len(f.Filters))
		}
		for i, sub := range f.Filters {
			if err := sub.validate(path+"."+string(f.Type)+"["+Num(float64(i)).String()+"]", depth+1, nodes); err != nil {
				return err
			}
		}
		return nil
	case OpEq, OpNe, OpGt, OpGte, OpLt, OpLte, OpIn, OpNin, OpPrefix, OpExists:
	case "":
		return Errorf(KindInvalid, "%s: \"type\" is missing", path)
	default:
		return Errorf(KindInvalid, "%s: unknown type %q; known are eq, ne, gt, gte, lt, lte, in, nin, prefix, exists, and, or, not", path, f.Type)
	}
	if f.Key == "" {
		return Errorf(KindInvalid, "%s: %q needs a \"key\"", path, f.Type)
	}
	if len(f.Filters) > 0 {
		return Errorf(KindInvalid, "%s: %q takes a key and a value, not filters", path, f.Type)
	}
	for _, v := range f.Value.Items() {
		if v.kind == NumberValue && (math.IsNaN(v.num) || math.IsInf(v.num, 0)) {
			return Errorf(KindInvalid, "%s: the number in \"value\" is not finite", path)
		}
	}
	k := f.Value.kind
	switch f.Type {
	case OpIn, OpNin:
		if k != ListValue {
			return Errorf(KindInvalid, "%s: %q needs a list as \"value\"", path, f.Type)
		}
		if len(f.Value.list) > MaxMetadataItems {
			return Errorf(KindInvalid, "%s: %q lists %d values; at most %d are allowed", path, f.Type, len(f.Value.list), MaxMetadataItems)
		}
	case OpPrefix:
		if k != StringValue {
			return Errorf(KindInvalid, "%s: \"prefix\" needs a string as \"value\"", path)
		}
	case OpExists:
		if k != NullValue && k != BoolValue {
			return Errorf(KindInvalid, "%s: \"exists\" takes true, false or no value", path)
		}
	case OpGt, OpGte, OpLt, OpLte:
		if k != NumberValue && k != StringValue {
			return Errorf(KindInvalid, "%s: %q needs a number or a string as \"value\"", path, f.Type)
		}
	default:
		if k == NullValue || k == ListValue {
			return Errorf(KindInvalid, "%s: %q needs a string, a number or a boolean as \"value\"", path, f.Type)
		}
	}
	return nil
}

// Match reports whether a document satisfies the filter. lookup gives the value
// of a key, null where it is absent; Document.Lookup is one. Match is the meaning
// of a filter: backends that compile filters are tested against it.
func (f Filter) Match(lookup func(key string) Value) bool {
	switch f.Type {
	case "":
		return true
	case OpAnd:
		for _, sub := range f.Filters {
			if !sub.Match(lookup) {
				return false
			}
		}
		return true
	case OpOr:
		for _, sub := range f.Filters {
			if sub.Match(lookup) {
				return true
			}
		}
		return false
	case OpNot:
		return !f.Filters[0].Match(lookup)
	}
	return f.Test(lookup(f.Key))
}

// Test applies a leaf node to the value of its key (null where absent).
func (f Filter) Test(v Value) bool {
	switch f.Type {
	case OpExists:
		want := f.Value.kind == NullValue || f.Value.True()
		return (v.kind != NullValue) == want
	case OpNe:
		return !anyItem(v, f.Value.Equal)
	case OpNin:
		return !anyItem(v, func(e Value) bool { return anyItem(f.Value, e.Equal) })
	case OpEq:
		return anyItem(v, f.Value.Equal)
	case OpIn:
		return anyItem(v, func(e Value) bool { return anyItem(f.Value, e.Equal) })
	case OpPrefix:
		return anyItem(v, func(e Value) bool {
			return e.kind == StringValue && strings.HasPrefix(e.str, f.Value.str)
		})
	}
	return anyItem(v, func(e Value) bool {
		c, ok := e.Compare(f.Value)
		if !ok {
			return false
		}
		switch f.Type {
		case OpGt:
			return c > 0
		case OpGte:
			return c >= 0
		case OpLt:
			return c < 0
		case OpLte:
			return c <= 0
		}
		return false
	})
}

func anyItem(v Value, ok func(Value) bool) bool {
	for _, e := range v.Items() {
		if ok(e) {
			return true
		}
	}
	return false
}
