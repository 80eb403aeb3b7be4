package qdranttest

import (
	"slices"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// check refuses a filter that lacks a part or asks for a key that has no index, as a collection in strict mode does.
func (c *collection) check(f *qdrant.Filter) error {
	if f.GetMinShould() != nil {
		return status.Error(codes.Unimplemented, "this double does not know min_should")
	}
	for _, cond := range slices.Concat(f.GetShould(), f.GetMust(), f.GetMustNot()) {
		if err := c.checkCondition(cond); err != nil {
			return err
		}
	}
	return nil
}

func (c *collection) checkCondition(cond *qdrant.Condition) error {
	switch one := cond.GetConditionOneOf().(type) {
	case *qdrant.Condition_Filter:
		return c.check(one.Filter)
	case *qdrant.Condition_HasId:
		for _, id := range one.HasId.GetHasId() {
			if id.GetPointIdOptions() == nil {
				return invalid("Malformed PointId type")
			}
		}
		return nil
	case *qdrant.Condition_Field:
		want := qdrant.PayloadSchemaType_Integer
		switch one.Field.GetMatch().GetMatchValue().(type) {
		case *qdrant.Match_Integers, *qdrant.Match_Integer:
		case *qdrant.Match_Keywords, *qdrant.Match_Keyword:
			want = qdrant.PayloadSchemaType_Keyword
		default:
			return status.Error(codes.Unimplemented, "this double does not know this condition")
		}
		if index := c.indexes[one.Field.GetKey()]; index.GetDataType() != want {
			return invalid("Bad request: Index required but not found for \"%s\" of one of the following types: [%s]. Help: Create an index for this key or use a different filter.", one.Field.GetKey(), want)
		}
		return nil
	case nil:
		return invalid("Malformed Condition type")
	}
	return status.Error(codes.Unimplemented, "this double does not know this condition")
}

// meets reports whether a point meets a filter: all of must, none of must_not and, where there are any, one of should.
func meets(f *qdrant.Filter, id uint64, p *point) bool {
	is := func(cond *qdrant.Condition) bool { return meetsCondition(cond, id, p) }
	if len(f.GetShould()) > 0 && !slices.ContainsFunc(f.GetShould(), is) {
		return false
	}
	for _, cond := range f.GetMust() {
		if !is(cond) {
			return false
		}
	}
	return !slices.ContainsFunc(f.GetMustNot(), is)
}

func meetsCondition(cond *qdrant.Condition, id uint64, p *point) bool {
	switch one := cond.GetConditionOneOf().(type) {
	case *qdrant.Condition_Filter:
		return meets(one.Filter, id, p)
	case *qdrant.Condition_HasId:
		return slices.ContainsFunc(one.HasId.GetHasId(), func(want *qdrant.PointId) bool { return want.GetUuid() == "" && want.GetNum() == id })
	case *qdrant.Condition_Field:
		values := []*qdrant.Value{p.payload[one.Field.GetKey()]}
		if list := values[0].GetListValue(); list != nil { // of a list, one has to match
			values = list.GetValues()
		}
		return slices.ContainsFunc(values, func(v *qdrant.Value) bool { return matches(one.Field.GetMatch(), v) })
	}
	return false
}

func matches(m *qdrant.Match, v *qdrant.Value) bool {
	number, isNumber := v.GetKind().(*qdrant.Value_IntegerValue)
	text, isText := v.GetKind().(*qdrant.Value_StringValue)
	switch want := m.GetMatchValue().(type) {
	case *qdrant.Match_Integer:
		return isNumber && number.IntegerValue == want.Integer
	case *qdrant.Match_Integers:
		return isNumber && slices.Contains(want.Integers.GetIntegers(), number.IntegerValue)
	case *qdrant.Match_Keyword:
		return isText && text.StringValue == want.Keyword
	case *qdrant.Match_Keywords:
		return isText && slices.Contains(want.Keywords.GetStrings(), text.StringValue)
	}
	return false
}
