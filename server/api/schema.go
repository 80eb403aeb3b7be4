package api

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server/problem"
)

// schemas returns a registry that knows the types whose JSON is not what their Go
// fields look like.
func schemas() huma.Registry {
	r := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	r.RegisterTypeAlias(reflect.TypeFor[rag.Value](), reflect.TypeFor[valueSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[rag.Filter](), reflect.TypeFor[filterSchema]())
	return r
}

// valueSchema describes rag.Value.
type valueSchema struct{}

func (valueSchema) Schema(huma.Registry) *huma.Schema {
	scalars := func() []*huma.Schema {
		return []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeNumber}, {Type: huma.TypeBoolean}}
	}
	return &huma.Schema{
		Description: "A string, a number, a boolean, or a list of these",
		AnyOf:       append(scalars(), &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{AnyOf: scalars()}}),
	}
}

// filterSchema describes rag.Filter, which is recursive. It names the members and
// refuses others, so that a misspelt one is found; which members go together is
// said by rag.Filter.Validate, with the path to the fault.
type filterSchema struct{}

func (filterSchema) Schema(r huma.Registry) *huma.Schema {
	if m := r.Map(); m["Filter"] == nil {
		node := &huma.Schema{}
		m["Filter"] = node
		*node = huma.Schema{
			Type:        huma.TypeObject,
			Description: "A condition on document metadata: the filter of OpenAI's vector stores, extended by not, exists and prefix. Keys that begin with $ name properties of the document: " + strings.Join(rag.SystemKeys, ", ") + ".",
			Properties: map[string]*huma.Schema{
				"type": {Type: huma.TypeString, Description: "eq, ne, gt, gte, lt, lte, in, nin, prefix and exists take key and value; and, or and not take filters",
					Enum: []any{"eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "prefix", "exists", "and", "or", "not"}},
				"key":     {Type: huma.TypeString, Description: "Metadata key"},
				"value":   valueSchema{}.Schema(r),
				"filters": {Type: huma.TypeArray, Items: &huma.Schema{Ref: "#/components/schemas/Filter"}},
			},
			Required:             []string{"type"},
			AdditionalProperties: false,
			Examples:             []any{map[string]any{"type": "and", "filters": []any{map[string]any{"type": "eq", "key": "year", "value": 2024}}}},
		}
		node.PrecomputeMessages()
		node.Properties["value"].PrecomputeMessages()
		for _, p := range node.Properties {
			p.PrecomputeMessages()
		}
	}
	return &huma.Schema{Ref: "#/components/schemas/Filter"}
}

// jsonFormat is JSON in which a null member of the request's object is the same
// as an absent one, which is what clients with optional fields send.
var jsonFormat = huma.Format{
	Marshal: huma.DefaultJSONFormat.Marshal,
	Unmarshal: func(data []byte, v any) error {
		err := json.Unmarshal(data, v)
		if generic, ok := v.(*any); ok && err == nil {
			if object, ok := (*generic).(map[string]any); ok {
				for k, x := range object {
					if x == nil {
						delete(object, k)
					}
				}
			}
		}
		return err
	},
}

// asProblem turns the framework's own errors into our problem documents. The
// offending values are left out: they may be secrets, and as long as the body.
func asProblem(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		if p, ok := v.(*problem.Problem); ok {
			return stamp(ctx.Context(), p), nil
		}
		return v, nil
	}
	p := problem.New(m.Status, m.Detail)
	for _, d := range m.Errors {
		p.Errors = append(p.Errors, problem.Fault{Message: d.Message, Location: d.Location})
	}
	if len(p.Errors) > 0 {
		first := p.Errors[0]
		p.Detail = strings.TrimPrefix(first.Location+": ", ": ") + first.Message
	}
	return stamp(ctx.Context(), p), nil
}
