package jsondoc_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/jsondoc"
)

func extract(t testing.TB, content string) rag.Text {
	t.Helper()
	text, err := jsondoc.Extract(t.Context(), []byte(content), jsondoc.Options{})
	return extracttest.Checked(t, text, err)
}

func TestExtract(t *testing.T) {
	long := strings.Repeat("A long sentence about a thing. ", 12)
	for _, c := range []struct{ name, content, want, title string }{
		{"members", `{"name":"Pump","size":3.50,"on":true,"none":null,"empty":"","tags":["a","b"],"at":{"city":"Graz","geo":{"x":1,"y":-2e3}}}`,
			"paragraph: name: Pump / size: 3.50 / on: true / tags: a, b / at.city: Graz / at.geo.x: 1 / at.geo.y: -2e3", "Pump"},
		{"a table", `{"rows":[{"a":1,"b":"x|y"},{"b":"z","a":2,"c":["p","q"]}]}`,
			`paragraph: rows: / table: | a | b | c | / | --- | --- | --- | / | 1 | x\|y |  | / | 2 | z | p, q |`, ""},
		{"long text", `{"title":"T","body":"` + long + `\n\nSecond.","end":1}`,
			"paragraph: title: T\nparagraph: body: " + strings.TrimSpace(long) + "\nparagraph: Second.\nparagraph: end: 1", "T"},
		{"a list", `{"steps":["` + strings.Repeat("first do this ", 10) + `","` + strings.Repeat("then do that ", 10) + `"]}`,
			"paragraph: steps:\nlist_item 1: - " + strings.TrimSpace(strings.Repeat("first do this ", 10)) + "\nlist_item 1: - " + strings.TrimSpace(strings.Repeat("then do that ", 10)), ""},
		{"unlike objects", `[{"a":1},{"b":{"c":2}},3]`, "paragraph: [0].a: 1\nparagraph: [1].b.c: 2\nparagraph: [2]: 3", ""},
		{"lines", "{\"q\":\"one\",\"a\":1}\n\n{\"q\":\"two\",\"a\":2}\nbroken{\n[3]\n", "paragraph: q: one / a: 1\nparagraph: q: two / a: 2\ncode: broken{\nparagraph: 3", ""},
		{"values behind each other", "{\n\"a\":1}\n{\n\"a\":2}", "paragraph: a: 1\nparagraph: a: 2", ""},
		{"encoded data", `{"a":1,"img":"` + strings.Repeat("QUJD", 200) + `"}`, "paragraph: a: 1", ""},
		{"escapes", `{"a\u00e9":"\ud83d\ude00\u0000\ufeff x"}`, "paragraph: aé: 😀 x", ""},
		{"a scalar", `"just text"`, "paragraph: just text", ""},
		{"empty containers", `{"a":{},"b":[],"c":[[],{}]}`, "", ""},
		{"UTF-16", "\xff\xfe{\x00\"\x00a\x00\"\x00:\x001\x00}\x00", "paragraph: a: 1", ""},
	} {
		text := extract(t, c.content)
		want := strings.Replace(c.want, "rows: / table", "rows:\ntable", 1)
		if got := extracttest.Outline(text); got != want || text.Title != c.title {
			t.Errorf("%s: got title %q and\n%s\nwant %q and\n%s", c.name, text.Title, got, c.title, want)
		}
	}
}

func TestWarnings(t *testing.T) {
	for content, want := range map[string]string{
		"{\n// a comment\n\"a\": 1}": "it is no valid JSON (line 2: ",
		"{\"a\": 1":                  "it is no valid JSON (line 1: unexpected EOF)",
		"  \n ":                      "it is no valid JSON (line 1: it is empty)",
		"{\"a\":1}\n{\n{\"a\":2}":    "1 lines, the first of them line 2, are no valid JSON",
		"[\"" + strings.Repeat("QUJD", 200) + "\"]": "1 values hold encoded data and were left out",
	} {
		text := extract(t, content)
		if len(text.Warnings) != 1 || !strings.HasPrefix(text.Warnings[0], want) {
			t.Errorf("%.40q: %q", content, text.Warnings)
		}
	}
	if text := extract(t, "{\n// c\n\"a\": 1}"); len(text.Blocks) != 1 || text.Blocks[0].Kind != rag.Code || text.Content != "{\n// c\n\"a\": 1}" {
		t.Errorf("not kept as code: %q", text.Content)
	}
}

func TestLimits(t *testing.T) {
	for name, content := range map[string]string{
		"depth": strings.Repeat("[", 201) + strings.Repeat("]", 201),
		"nodes": "[" + strings.Repeat("0,", 2_000_000) + "0]",
		"bytes": `{"a":"` + strings.Repeat("word ", 1000) + `"}`,
	} {
		if _, err := jsondoc.Extract(t.Context(), []byte(content), jsondoc.Options{Limit: 1000}); !errors.Is(err, rag.ErrExhausted) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// The path of a deep value is bounded, however long the keys are.
	deep := strings.Repeat(`{"`+strings.Repeat("k", 500)+`":`, 150) + "1" + strings.Repeat("}", 150)
	if text := extract(t, deep); len(text.Content) > 300 {
		t.Errorf("%d bytes", len(text.Content))
	}
}

const notebook = `{"cells":[
{"cell_type":"markdown","source":["# Study\n","\n","Some *prose*.\n","\n","| a | b |\n","| - | - |\n","| 1 | 2 |"]},
{"cell_type":"code","source":["x = 1\n","print(x)"],"outputs":[
 {"output_type":"stream","text":["1\n","2\n"]},
 {"output_type":"display_data","data":{"image/png":"iVBORw0KGgo","text/plain":["<Figure>"]}},
 {"output_type":"error","ename":"ValueError","evalue":"bad","traceback":["\u001b[31mlong"]}]},
{"cell_type":"raw","source":"raw text"}],
"metadata":{"language_info":{"name":"Python"}},"nbformat":4,"nbformat_minor":5}`

func TestNotebook(t *testing.T) {
	text := extract(t, notebook)
	want := `heading 1: Study
paragraph: Some *prose*.
table: | a | b | / | --- | --- | / | 1 | 2 |
code: x = 1 / print(x)
code: 1 / 2
code: <Figure>
code: ValueError: bad
paragraph: raw text`
	if got := extracttest.Outline(text); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if text.Title != "Study" || text.Metadata["code_language"].Text() != "python" {
		t.Errorf("title %q, metadata %v", text.Title, text.Metadata)
	}
	old := `{"nbformat":3,"worksheets":[{"cells":[{"cell_type":"heading","level":1,"source":"Old"},{"cell_type":"code","input":"y","outputs":[{"text":"` + strings.Repeat(`line\n`, 100) + `"}]}]}]}`
	text = extract(t, old)
	if text.Title != "Old" || strings.Count(text.Content, "line") != 30 || !strings.HasSuffix(text.Content, "…") {
		t.Errorf("title %q\n%s", text.Title, text.Content)
	}
}

func TestIs(t *testing.T) {
	for head, want := range map[string]bool{
		`{"a":1}`: true, "{\n  \"a\" :": true, `[{"a":1`: true, `[["a",1`: true, `["a","b"]`: true, "{}": true,
		"[link](x)": false, "[1] text": false, "{ x }": false, "": false, "text": false, "[[wiki]]": false, `{"quoted" text}`: false,
	} {
		if jsondoc.Is(head) != want {
			t.Errorf("%q: got %v", head, !want)
		}
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(notebook)
	f.Add("{\"a\":[{\"b\":1,\"c\":\"d\"},{\"b\":2,\"c\":\"e\"}],\"f\":[\"g\"]}")
	f.Add("{\"a\":1}\n[2]\nx\n")
	f.Fuzz(func(t *testing.T, content string) {
		text, err := jsondoc.Extract(t.Context(), []byte(content), jsondoc.Options{})
		if err != nil && !errors.Is(err, rag.ErrExhausted) {
			t.Fatal(err)
		}
		extracttest.Check(t, text)
		jsondoc.Is(content)
	})
}
