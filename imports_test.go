package smartretriever_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/smartretriever/smartretriever"

// tiers is the import table: a room may import rooms of lower tiers only, and
// whatever lies within itself. "" is the root package. Rooms that are not named
// (tools, bench, e2e) are programs of the project itself and may import anything.
var tiers = [][]string{
	{"rag"},
	{"observe"},
	{"text", "model", "index", "store", "cache", "source"},
	{"ingest", "answer", "eval"},
	{""},
	{"server", "backends", "config"},
	{"cmd"},
}

// sameTier lists the edges within a tier that the design asks for.
var sameTier = map[[2]string]bool{
	{"index", "text"}:      true, // keyword search analyses text
	{"source", "text"}:     true, // which files of a folder are documents, what of a page is its content
	{"backends", "config"}: true, // names from a configuration to parts
}

// backendRooms hold one package a technology; these do not know each other.
var backendRooms = []string{"store", "cache", "model/llm", "model/embed", "model/rerank"}

// databaseRooms hold one vector database each, beside the other packages of index; these do not know each other.
var databaseRooms = []string{"chroma", "milvus", "opensearch", "pgvector", "pinecone", "qdrant", "weaviate", "faiss"}

// environmentRooms may read the process environment.
var environmentRooms = []string{"config", "tools", "bench", "e2e"}

type goFile struct {
	path string // relative to the root, with slashes
	pkg  string // folder, "" for the root
	ast  *ast.File
}

func projectFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	set := token.NewFileSet()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(set, p, nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return err
		}
		dir := path.Dir(filepath.ToSlash(p))
		if dir == "." {
			dir = ""
		}
		files = append(files, goFile{filepath.ToSlash(p), dir, f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("found %d Go files; the test looks in the wrong place", len(files))
	}
	return files
}

// room is the first element of a package's folder.
func room(pkg string) string {
	first, _, _ := strings.Cut(pkg, "/")
	return first
}

func tier(pkg string) int {
	for i, rooms := range tiers {
		if slices.Contains(rooms, room(pkg)) {
			return i
		}
	}
	return -1
}

func TestImportsGoDown(t *testing.T) {
	for _, f := range projectFiles(t) {
		from := tier(f.pkg)
		if from < 0 {
			continue
		}
		for _, imp := range f.ast.Imports {
			target, _ := strconv.Unquote(imp.Path.Value)
			inside := target == module || strings.HasPrefix(target, module+"/")
			if !inside {
				if room(f.pkg) == "rag" && strings.Contains(strings.Split(target, "/")[0], ".") {
					t.Errorf("%s imports %s: rag takes the standard library only", f.path, target)
				}
				continue
			}
			pkg := strings.TrimPrefix(strings.TrimPrefix(target, module), "/")
			to := tier(pkg)
			switch {
			case room(f.pkg) == room(pkg):
				checkSiblings(t, f, pkg)
			case to < 0:
				t.Errorf("%s imports %s, which is not part of the product", f.path, pkg)
			case to > from, to == from && !sameTier[[2]string{room(f.pkg), room(pkg)}]:
				t.Errorf("%s imports %q: imports go down only", f.path, pkg)
			}
		}
	}
}

func checkSiblings(t *testing.T, f goFile, pkg string) {
	t.Helper()
	from, to := strings.TrimPrefix(f.pkg, "index/"), strings.TrimPrefix(pkg, "index/")
	if from != to && slices.Contains(databaseRooms, from) && slices.Contains(databaseRooms, to) {
		t.Errorf("%s imports its sibling %s: vector databases do not know each other", f.path, pkg)
	}
	for _, backends := range backendRooms {
		from, isFrom := strings.CutPrefix(f.pkg, backends+"/")
		to, isTo := strings.CutPrefix(pkg, backends+"/")
		if isFrom && isTo && room(from) != room(to) && !strings.HasSuffix(room(from), "test") {
			t.Errorf("%s imports its sibling %s: backends do not know each other", f.path, pkg)
		}
	}
}

func TestOnlyConfigReadsTheEnvironment(t *testing.T) {
	readers := []string{"Getenv", "LookupEnv", "Environ", "ExpandEnv"}
	for _, f := range projectFiles(t) {
		if slices.Contains(environmentRooms, room(f.pkg)) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "os" && slices.Contains(readers, sel.Sel.Name) {
				t.Errorf("%s calls os.%s: only config reads the environment", f.path, sel.Sel.Name)
			}
			return true
		})
	}
}

func TestPackagesSayWhatTheyAreFor(t *testing.T) {
	said := map[string]bool{}
	for _, f := range projectFiles(t) {
		if f.ast.Doc != nil {
			said[f.pkg] = true
		} else if _, seen := said[f.pkg]; !seen {
			said[f.pkg] = false
		}
	}
	for pkg, ok := range said {
		if !ok {
			t.Errorf("package in folder %q has no package comment", pkg)
		}
	}
}
