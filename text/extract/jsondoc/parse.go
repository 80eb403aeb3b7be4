package jsondoc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// Limits on a value. Crossing one is KindExhausted.
const (
	maxDepth = 200
	maxNodes = 2_000_000
)

// kind is what a node is.
type kind uint8

const (
	null kind = iota
	scalar
	text
	object
	array
)

// node is a JSON value with the members of objects in their order.
type node struct {
	kind  kind
	text  string   // of a scalar as it is written, of a text unquoted
	keys  []string // of an object
	items []node
}

// member returns the value of a key, null if there is none.
func (n node) member(key string) node {
	for i, k := range n.keys {
		if k == key {
			return n.items[i]
		}
	}
	return node{}
}

// syntaxError says where a text stops being JSON.
type syntaxError struct {
	line int
	err  error
}

func (e *syntaxError) Error() string {
	return fmt.Sprintf("it is no valid JSON (line %d: %v)", e.line, e.err)
}

// parse reads all values of a source, one behind the other.
func parse(ctx context.Context, source string) ([]node, error) {
	p := &parser{ctx: ctx, dec: json.NewDecoder(strings.NewReader(source))}
	p.dec.UseNumber()
	var top []node
	for {
		v, err := p.value(nil, 0)
		switch {
		case err == io.EOF && len(top) > 0:
			return top, nil
		case err == nil:
			top = append(top, v)
			continue
		case err == io.EOF:
			err = errors.New("it is empty")
		case errors.Is(err, rag.ErrExhausted) || ctx.Err() != nil:
			return nil, err
		}
		at := min(int(p.dec.InputOffset()), len(source))
		return nil, &syntaxError{1 + strings.Count(source[:at], "\n"), err}
	}
}

type parser struct {
	ctx   context.Context
	dec   *json.Decoder
	nodes int
}

// value reads the value that begins with t, or with the next token if t is nil.
// io.EOF is the end before a value; within one it is an error of syntax.
func (p *parser) value(t json.Token, depth int) (node, error) {
	if t == nil {
		var err error
		if t, err = p.dec.Token(); err != nil {
			return node{}, err
		}
	}
	if p.nodes++; p.nodes > maxNodes {
		return node{}, rag.Errorf(rag.KindExhausted, "it holds more than %d JSON values", maxNodes)
	}
	if p.nodes%4096 == 0 && p.ctx.Err() != nil {
		return node{}, p.ctx.Err()
	}
	switch x := t.(type) {
	case string:
		return node{kind: text, text: x}, nil
	case json.Number:
		return node{kind: scalar, text: x.String()}, nil
	case bool:
		return node{kind: scalar, text: fmt.Sprint(x)}, nil
	case json.Delim:
		if depth >= maxDepth {
			return node{}, rag.Errorf(rag.KindExhausted, "it is nested deeper than %d values", maxDepth)
		}
		n, err := p.container(x, depth)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return n, err
	}
	return node{}, nil
}

func (p *parser) container(open json.Delim, depth int) (node, error) {
	n := node{kind: array}
	if open == '{' {
		n.kind = object
	}
	for {
		t, err := p.dec.Token()
		if err != nil {
			return node{}, err
		}
		if d, is := t.(json.Delim); is && (d == '}' || d == ']') {
			return n, nil
		}
		if n.kind == object {
			key, _ := t.(string) // the decoder lets nothing else pass
			n.keys = append(n.keys, key)
			if t, err = p.dec.Token(); err != nil {
				return node{}, err
			}
		}
		if t == nil { // null
			p.nodes++
			n.items = append(n.items, node{})
			continue
		}
		v, err := p.value(t, depth+1)
		if err != nil {
			return node{}, err
		}
		n.items = append(n.items, v)
	}
}
