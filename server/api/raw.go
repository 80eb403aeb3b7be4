package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/smartretriever/smartretriever/server/problem"
	"github.com/smartretriever/smartretriever/server/request"
)

// raw adds an operation whose handler reads the request and writes the response
// itself. An error that it returns is sent as a problem; one returned after the
// response has begun cannot be.
func (h *handlers) raw(op huma.Operation, handle func(http.ResponseWriter, *http.Request) error) {
	h.api.OpenAPI().AddOperation(&op)
	h.api.Adapter().Handle(&op, func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		if err := handle(w, r); err != nil {
			writeProblem(r.Context(), w, err)
		}
	})
}

func writeProblem(ctx context.Context, w http.ResponseWriter, err error) {
	p := problem.Of(err)
	if p.Status >= http.StatusInternalServerError {
		request.Note(ctx, err)
	}
	stamp(ctx, p).Write(w)
}

// schemaOf returns a reference to T's schema, which is added to the description.
func schemaOf[T any](h *handlers) *huma.Schema {
	t := reflect.TypeFor[T]()
	return h.api.OpenAPI().Components.Schemas.Schema(t, true, t.Name())
}

func jsonContent(s *huma.Schema) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: s}}
}

// pathParam describes a path parameter of a raw operation.
func pathParam(name, doc string) *huma.Param {
	return &huma.Param{Name: name, In: "path", Required: true, Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
}
