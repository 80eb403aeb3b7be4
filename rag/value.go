package rag

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ValueKind is the type of a metadata value.
type ValueKind uint8

const (
	NullValue ValueKind = iota
	StringValue
	NumberValue
	BoolValue
	ListValue // of strings, numbers and booleans; never nested
)

// Value is one metadata value: a string, a number, a boolean or a flat list of
// these. The zero Value is null, which no document holds. In JSON it is the
// plain value. Values are immutable and safe to share.
type Value struct {
	kind ValueKind
	str  string
	num  float64
	list []Value
}

// Str returns a string value.
func Str(s string) Value { return Value{kind: StringValue, str: s} }

// Num returns a number value. Times are compared as numbers (Unix seconds) or as
// RFC 3339 strings, whose order is the order of time within one time zone.
func Num(f float64) Value { return Value{kind: NumberValue, num: f} }

// Bool returns a boolean value.
func Bool(b bool) Value {
	v := Value{kind: BoolValue}
	if b {
		v.num = 1
	}
	return v
}

// List returns a list value.
func List(vs ...Value) Value { return Value{kind: ListValue, list: vs} }

// Strs returns a list of strings.
func Strs(ss ...string) Value {
	vs := make([]Value, len(ss))
	for i, s := range ss {
		vs[i] = Str(s)
	}
	return List(vs...)
}

// ValueOf converts a plain Go value as encoding/json makes it (string, bool,
// any integer or float, []any, []string). Other types, nested lists and numbers
// that are not finite are KindInvalid.
func ValueOf(v any) (Value, error) {
	switch x := v.(type) {
	case Value:
		return x, nil
	case string:
		return Str(x), nil
	case bool:
		return Bool(x), nil
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return Value{}, Errorf(KindInvalid, "number is not finite")
		}
		return Num(x), nil
	case float32:
		return ValueOf(float64(x))
	case int:
		return Num(float64(x)), nil
	case int64:
		return Num(float64(x)), nil
	case json.Number:
		f, err := x.Float64()
		if err != nil {
			return Value{}, Errorf(KindInvalid, "number %q is out of range", x)
		}
		return Num(f), nil
	case []string:
		return Strs(x...), nil
	case []any:
		vs := make([]Value, len(x))
		for i, e := range x {
			w, err := ValueOf(e)
			if err != nil {
				return Value{}, err
			}
			if w.kind == ListValue {
				return Value{}, Errorf(KindInvalid, "a list inside a list is not supported")
			}
			vs[i] = w
		}
		return List(vs...), nil
	}
	return Value{}, Errorf(KindInvalid, "a value of type %T is not supported: use a string, a number, a boolean or a list of these", v)
}

// Kind returns the value's type.
func (v Value) Kind() ValueKind { return v.kind }

// Text returns the string of a StringValue, and "" for any other kind.
func (v Value) Text() string { return v.str }

// Number returns the number of a NumberValue, and 0 for any other kind.
func (v Value) Number() float64 {
	if v.kind != NumberValue {
		return 0
	}
	return v.num
}

// True reports whether v is the boolean true.
func (v Value) True() bool { return v.kind == BoolValue && v.num == 1 }

// Items returns the elements of a list, and v itself for any other kind but null.
func (v Value) Items() []Value {
	switch v.kind {
	case ListValue:
		return v.list
	case NullValue:
		return nil
	}
	return []Value{v}
}

// Any returns the plain Go value: string, float64, bool, []any or nil.
func (v Value) Any() any {
	switch v.kind {
	case StringValue:
		return v.str
	case NumberValue:
		return v.num
	case BoolValue:
		return v.num == 1
	case ListValue:
		out := make([]any, len(v.list))
		for i, e := range v.list {
			out[i] = e.Any()
		}
		return out
	}
	return nil
}

// Compare orders two values of the same scalar kind and reports whether they
// could be compared: strings by bytes, numbers by size, false before true.
func (v Value) Compare(w Value) (order int, ok bool) {
	if v.kind != w.kind {
		return 0, false
	}
	switch v.kind {
	case StringValue:
		return strings.Compare(v.str, w.str), true
	case NumberValue, BoolValue:
		switch {
		case v.num < w.num:
			return -1, true
		case v.num > w.num:
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// Equal reports whether both have the same kind and content.
func (v Value) Equal(w Value) bool {
	if v.kind == ListValue && w.kind == ListValue {
		return slices.EqualFunc(v.list, w.list, Value.Equal)
	}
	c, ok := v.Compare(w)
	return (ok && c == 0) || (v.kind == NullValue && w.kind == NullValue)
}

// String prints the value as JSON does, without quotes around a lone string.
func (v Value) String() string {
	switch v.kind {
	case StringValue:
		return v.str
	case NumberValue:
		return strconv.FormatFloat(v.num, 'f', -1, 64)
	case BoolValue:
		return strconv.FormatBool(v.num == 1)
	case ListValue:
		parts := make([]string, len(v.list))
		for i, e := range v.list {
			parts[i] = e.String()
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return "null"
}

// MarshalJSON writes the plain value.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.Any()) }

// UnmarshalJSON reads a plain value; objects and nested lists are refused.
func (v *Value) UnmarshalJSON(data []byte) error {
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		*v = Value{}
		return nil
	}
	var x any
	if err := json.Unmarshal(data, &x); err != nil {
		return err
	}
	w, err := ValueOf(x)
	if err != nil {
		return err
	}
	*v = w
	return nil
}

// Metadata is what a user attaches to a document and filters by.
type Metadata map[string]Value

// Limits on metadata, held by Validate.
const (
	MaxMetadataKeys   = 64
	MaxMetadataKey    = 128     // bytes
	MaxMetadataString = 8 << 10 // bytes of one string
	MaxMetadataItems  = 1024    // elements of one list
)

// Validate reports the first fault: too many keys, an empty or long key, an
// over-long string or list, a null.
func (m Metadata) Validate() error {
	if len(m) > MaxMetadataKeys {
		return Errorf(KindInvalid, "metadata has %d keys; at most %d are kept", len(m), MaxMetadataKeys)
	}
	for k, v := range m {
		if k == "" || len(k) > MaxMetadataKey {
			return Errorf(KindInvalid, "metadata key %.40q must have 1 to %d bytes", k, MaxMetadataKey)
		}
		items := v.Items()
		if len(items) > MaxMetadataItems {
			return Errorf(KindInvalid, "metadata %q has %d items; at most %d are kept", k, len(items), MaxMetadataItems)
		}
		if v.kind == NullValue {
			return Errorf(KindInvalid, "metadata %q is null; leave the key out instead", k)
		}
		for _, e := range items {
			if len(e.str) > MaxMetadataString {
				return Errorf(KindInvalid, "metadata %q holds a string of %d bytes; at most %d are kept", k, len(e.str), MaxMetadataString)
			}
			if e.kind == NumberValue && (math.IsNaN(e.num) || math.IsInf(e.num, 0)) {
				return Errorf(KindInvalid, "metadata %q holds a number that is not finite", k)
			}
		}
	}
	return nil
}

// MetadataOf converts a plain map, as encoding/json makes it, and validates it.
func MetadataOf(m map[string]any) (Metadata, error) {
	out := make(Metadata, len(m))
	for k, x := range m {
		v, err := ValueOf(x)
		if err != nil {
			return nil, fmt.Errorf("metadata %q: %w", k, err)
		}
		out[k] = v
	}
	return out, out.Validate()
}
