package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFileBytes bounds the configuration file and the files that hold secrets.
const maxFileBytes = 1 << 20

// readBounded reads a small file.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFileBytes {
		return nil, fmt.Errorf("is larger than %s", Size(maxFileBytes))
	}
	return data, nil
}

// applyFile lays the settings of a YAML document over c.
func (l *loader) applyFile(name string, data []byte) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		l.fault(yamlPlace(name, err), "", yamlMessage(err))
		return
	}
	if len(file.Docs) > 1 {
		l.fault(name, "", "holds more than one YAML document")
		return
	}
	for _, doc := range file.Docs {
		f := fileLayer{loader: l, name: name}
		f.mapping(doc.Body, "")
	}
}

// fileLayer walks the YAML tree of one file.
type fileLayer struct {
	*loader
	name string
}

func (f *fileLayer) place(n ast.Node) string {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return f.name + ":" + strconv.Itoa(t.Position.Line)
	}
	return f.name
}

// entries returns the pairs of a mapping, or false when n is none. Anchors,
// aliases and merge keys are not resolved: a configuration is short enough to be
// written out, and a reader should not have to follow references in it.
func entries(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case nil, *ast.NullNode, *ast.CommentGroupNode:
		return nil, true
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// mapping applies a section; prefix is "" for the whole file, or "llm.".
func (f *fileLayer) mapping(n ast.Node, prefix string) {
	pairs, ok := entries(n)
	if !ok {
		what := "the file"
		if prefix != "" {
			what = strings.TrimSuffix(prefix, ".")
		}
		f.fault(f.place(n), "", what+" must hold settings, written \"name: value\", a line each")
		return
	}
	for _, pair := range pairs {
		name := prefix + scalarText(pair.Key)
		if isSection(name) {
			f.mapping(pair.Value, name+".")
			continue
		}
		s := find(settings, name)
		if s == nil {
			f.fault(f.place(pair.Key), "", "unknown setting "+name+didYouMean(name, names(settings)))
			continue
		}
		if _, null := pair.Value.(*ast.NullNode); null {
			continue // "model:" with nothing behind it leaves the default
		}
		before := len(f.faults)
		f.set(s, f.field(s), pair.Value, s.name)
		if len(f.faults) == before {
			f.origins[s.name] = Origin{FromFile, f.place(pair.Key)}
		}
	}
}

// set reads a node into a field.
func (f *fileLayer) set(s *setting, field reflect.Value, n ast.Node, name string) {
	if fields := entrySettings(s.typ); fields != nil {
		f.entries(fields, field, n, name)
		return
	}
	if seq, ok := n.(*ast.SequenceNode); ok && s.typ == reflect.TypeFor[[]string]() {
		list := make([]string, 0, len(seq.Values))
		for _, item := range seq.Values {
			if !isScalar(item) {
				f.fault(f.place(item), name, "wants a list of plain values")
				return
			}
			list = append(list, scalarText(item))
		}
		field.Set(reflect.ValueOf(list))
		return
	}
	if !isScalar(n) {
		f.fault(f.place(n), name, "wants "+wants(s.typ))
		return
	}
	if err := s.setText(field, scalarText(n)); err != nil {
		f.fault(f.place(n), name, err.Error())
	}
}

// entries reads a list of entries with these fields.
func (f *fileLayer) entries(fields []setting, field reflect.Value, n ast.Node, name string) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		f.fault(f.place(n), name, "wants a list of entries, each with "+entryHint(fields))
		return
	}
	list := reflect.MakeSlice(field.Type(), len(seq.Values), len(seq.Values))
	for i, item := range seq.Values {
		at := name + "[" + strconv.Itoa(i) + "]"
		pairs, ok := entries(item)
		if !ok {
			f.fault(f.place(item), at, "wants "+entryHint(fields))
			continue
		}
		setDefaults(list.Index(i), fields)
		f.entry(fields, list.Index(i), pairs, at, "")
	}
	field.Set(list)
}

// entry reads the settings of an entry at a place, or those of a section of it, whose
// names then begin with prefix.
func (f *fileLayer) entry(fields []setting, v reflect.Value, pairs []*ast.MappingValueNode, at, prefix string) {
	for _, pair := range pairs {
		part := prefix + scalarText(pair.Key)
		s := find(fields, part)
		inner, isMapping := entries(pair.Value)
		switch {
		case s != nil:
			f.set(s, v.FieldByIndex(s.index), pair.Value, at+"."+part)
		case isMapping && sectionOf(fields, part):
			f.entry(fields, v, inner, at, part+".")
		default:
			f.fault(f.place(pair.Key), at, "unknown setting "+part+didYouMean(part, names(fields)))
		}
	}
}

// entryHint says what an entry is made of.
func entryHint(fields []setting) string {
	if find(fields, "key_file") != nil {
		return "name and key (or key_file)"
	}
	return "name and the settings described in docs/configuration.md"
}

func isSection(name string) bool { return sectionOf(settings, name) }

// sectionOf reports whether a name is a section of these settings.
func sectionOf(list []setting, name string) bool {
	for i := range list {
		if strings.HasPrefix(list[i].name, name+".") {
			return true
		}
	}
	return false
}

func isScalar(n ast.Node) bool {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return true
	}
	return false
}

// scalarText returns a scalar as it was written, without its quotes, so that
// "model: 4" and "model: '4'" both name the model 4.
func scalarText(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.NullNode:
		return ""
	}
	if t := n.GetToken(); t != nil {
		return t.Value
	}
	return ""
}

// wants names a type for people.
func wants(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[int]():
		return "a whole number"
	case reflect.TypeFor[float64]():
		return "a number"
	case reflect.TypeFor[bool]():
		return "true or false"
	case reflect.TypeFor[Size]():
		return "a size like 100MiB"
	case reflect.TypeFor[time.Duration]():
		return "a duration like 30s"
	case reflect.TypeFor[[]string]():
		return "a list of plain values"
	}
	return "a plain value"
}

// yamlMessage returns the parser's own words without the excerpt of the file that
// it appends: a line of the file may hold a secret.
func yamlMessage(err error) string {
	if e, ok := errors.AsType[yaml.Error](err); ok {
		return "not valid YAML: " + e.GetMessage()
	}
	return "not valid YAML"
}

func yamlPlace(name string, err error) string {
	if e, ok := errors.AsType[yaml.Error](err); ok {
		if t := e.GetToken(); t != nil && t.Position != nil {
			return name + ":" + strconv.Itoa(t.Position.Line)
		}
	}
	return name
}

// parseNode parses one YAML value.
func parseNode(text string) (ast.Node, error) {
	file, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		return nil, err
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return &ast.NullNode{BaseNode: &ast.BaseNode{}}, nil
	}
	return file.Docs[0].Body, nil
}
