package chunk

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
)

// mostGo bounds the bytes of Go source that are parsed: a syntax tree takes some
// twenty times as much.
const mostGo = 4 << 20

// goUnits finds the declarations of Go source with the language's own parser, and
// of what that refuses, or is too long for it, by the beginnings of lines.
func goUnits(src string) []unit {
	if len(src) > mostGo {
		return goLines(src)
	}
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, "", src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return goLines(src)
	}
	at := func(p token.Pos) int { return files.Position(p).Offset }
	var pkg []string
	if f.Name.Name != "" && f.Name.Name != "_" {
		pkg = []string{f.Name.Name}
	}
	units := []unit{{under: pkg}} // the package clause
	for _, d := range f.Decls {
		u := unit{start: at(d.Pos()), end: at(d.End()), under: pkg}
		var doc *ast.CommentGroup
		switch d := d.(type) {
		case *ast.FuncDecl:
			doc, u.name = d.Doc, d.Name.Name
			if d.Recv != nil && len(d.Recv.List) > 0 {
				if of := receiver(d.Recv.List[0].Type); of != "" {
					u.under = join(pkg, []string{of})
				}
			}
		case *ast.GenDecl:
			doc = d.Doc
			if d.Tok == token.TYPE && len(d.Specs) == 1 {
				if s, ok := d.Specs[0].(*ast.TypeSpec); ok {
					u.name = s.Name.Name
				}
			}
		}
		if doc != nil {
			u.start = at(doc.Pos())
		}
		if n := len(units); u.name == "" && units[n-1].name == "" {
			continue // imports, constants and variables in a row are one
		}
		units = append(units, u)
	}
	return units
}

var goDeclaration = regexp.MustCompile(`^(?:package (\w+)|func (?:\([^)]*?(\w+)(?:\[[^\]]*\])?\) ?)?(\w+)|type (\w+)|(?:import|var|const|type)\b)`)

// goLines finds the declarations of Go that does not parse: they begin at the
// margin, which is where gofmt puts them and nothing else.
func goLines(src string) []unit {
	var units []unit
	var pkg []string
	lead, pos := -1, 0 // lead is the beginning of the comments right above
	for line := range strings.Lines(src) {
		start := pos
		pos += len(line)
		if strings.HasPrefix(line, "//") {
			if lead < 0 {
				lead = start
			}
			continue
		}
		m := goDeclaration.FindStringSubmatch(line[:min(len(line), longestLine)])
		if m == nil {
			lead = -1
			continue
		}
		if lead >= 0 {
			start = lead
		}
		lead = -1
		if m[1] != "" {
			pkg = []string{m[1]}
		}
		u := unit{start: start, under: pkg, name: m[3] + m[4]}
		if m[2] != "" {
			u.under = join(pkg, []string{m[2]})
		}
		if n := len(units); n == 0 || u.name != "" || units[n-1].name != "" {
			units = append(units, u)
		}
	}
	return units
}

// receiver returns the name of the type that a method belongs to.
func receiver(e ast.Expr) string {
	for depth := 0; depth < 8; depth++ {
		switch t := e.(type) {
		case *ast.StarExpr:
			e = t.X
		case *ast.ParenExpr:
			e = t.X
		case *ast.IndexExpr:
			e = t.X
		case *ast.IndexListExpr:
			e = t.X
		case *ast.Ident:
			return t.Name
		default:
			return ""
		}
	}
	return ""
}
