package rst_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/extracttest"
	"github.com/smartretriever/smartretriever/text/extract/rst"
)

func extract(t testing.TB, content string) rag.Text {
	t.Helper()
	text, err := rst.Extract(t.Context(), []byte(content), rst.Options{})
	return extracttest.Checked(t, text, err)
}

func TestBlocks(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"titles", "=====\nTitle\n=====\n\nOne\n===\n\ntext\n\nTwo\n---\n\nThree\n=====\n", "heading 1: Title\nheading 2: One\nparagraph: text\nheading 3: Two\nheading 2: Three"},
		{"a transition", "a\n\n-----\n\nb", "paragraph: a\nparagraph: b"},
		{"bullets", "- one\n  more\n\n  second\n\n  * in\n- two\n\nafter", "list_item 1: - one / more\nlist_item 1: second\nlist_item 2: - in\nlist_item 1: - two\nparagraph: after"},
		{"numbers", "1. one\n#. two\n\n   in\n\n(a) three\n\nA. Einstein wrote\nthis.", "list_item 1: 1. one\nlist_item 1: #. two\nlist_item 1: in\nlist_item 1: (a) three\nparagraph: A. Einstein wrote / this."},
		{"definitions", "term : kind\n    What it is.\n\n    More.\nother\n  It.", "list_item 1: term : kind: What it is.\nlist_item 1: More.\nlist_item 1: other: It."},
		{"fields", "text\n\n:param x: the x\n   of it\n:returns: all", "paragraph: text\nlist_item 1: param x: the x / of it\nlist_item 1: returns: all"},
		{"options", "-a, --all  Show all.\n--size=N\n    The size,\n    in bytes.\n-v  Loud.", "list_item 1: - -a, --all: Show all.\nlist_item 1: - --size=N: The size, / in bytes.\nlist_item 1: - -v: Loud."},
		{"literal blocks", "So::\n\n    a *b*\n\n      c\n\nThus ::\n\n> q\n> r\n\n::\n\n  d\n", "paragraph: So:\ncode: a *b* /  /   c\nparagraph: Thus\ncode: > q / > r\ncode: d"},
		{"code", ".. code-block:: python\n   :linenos:\n   :caption: An example\n\n   def f():\n       pass\n", "caption: An example\ncode: def f(): /     pass"},
		{"admonitions", ".. note:: Mind *this*.\n\n   And that.\n\n.. admonition:: Look\n   :class: x\n\n   here\n\n.. versionadded:: 3.1\n   It came.\n\n.. deprecated:: 4", "paragraph: Note: Mind this.\nparagraph: And that.\nparagraph: Look: here\nparagraph: Added in version 3.1: It came.\nparagraph: Deprecated since version 4."},
		{"pictures", ".. figure:: a.png\n   :alt: x\n\n   The caption.\n\n   The legend.\n\n.. image:: b.png\n   :alt: A picture", "caption: The caption.\nparagraph: The legend.\ncaption: A picture"},
		{"a grid table", "+-----+-------+\n| a   | b     |\n+=====+=======+\n| 1   | x     |\n|     | y     |\n+-----+-------+\n| wide | z    |\n+-----+-------+\n| d   | e|f   |\n+     +-------+\n| d2  | g     |\n+-----+-------+\n", ""},
		{"a simple table", "=====  =====\nA      B\n=====  =====\none    *x*\n       y\ntwo\n=====  =====\n\nafter", "table: | A | B | / | --- | --- | / | one | x y | / | two |\nparagraph: after"},
		{"tables of lists", ".. list-table:: Sizes\n   :header-rows: 1\n\n   * - n\n     - m\n   * - 1\n     - ``2``", "caption: Sizes\ntable: | n | m | / | --- | --- | / | 1 | 2 |"},
		{"tables of CSV", ".. csv-table:: T\n   :header: \"a\", b\n\n   1, \"x, y\"\n", "caption: T\ntable: | a | b | / | --- | --- | / | 1 | x, y |"},
		{"footnotes", "See [1]_ and [#n]_ and [CIT]_.\n\n.. [1] First.\n   More.\n.. [#n] Named.\n.. [CIT] Cited.", "paragraph: See [1] and [n] and [CIT].\nfootnote: [1] First. / More.\nfootnote: [n] Named.\nfootnote: [CIT] Cited."},
		{"what is left out", ".. a comment\n   of two lines\n\n.. _target:\n\n.. |x| replace:: the *X*\n\n.. toctree::\n\n   a\n   b\n\ntext of |x| and |y|\n\n..\n\n   quoted\n\n__ http://x", "paragraph: text of the X and y\nquote: quoted"},
		{"quotes and lines", "a\n\n  quoted\n\n  - item\n\n| line\n| two\n|\n| four", "paragraph: a\nquote: quoted\nlist_item 1: - item\nparagraph: line / two / four"},
		{"doctest", ">>> 1 + 1\n2\n\nx", "code: >>> 1 + 1 / 2\nparagraph: x"},
		{"unknown directives", ".. py:function:: f(x)\n   :noindex:\n\n   Does it.", "paragraph: f(x)\nparagraph: Does it."},
		{"tabs and CRLF", "a\r\n\r\n\tquoted\r\n", "paragraph: a\nquote: quoted"},
	} {
		if c.want == "" {
			c.want = "table: | a | b | / | --- | --- | / | 1 | x y | / | wide \\| z |  | / | d d2 | e\\|f | / |  | g |"
		}
		if got := extracttest.Outline(extract(t, c.content)); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

func TestInline(t *testing.T) {
	for content, want := range map[string]string{
		"*a* **b** ``c*d`` `e`":                                   "a b c*d e",
		"`Title <http://x>`_ and `name`__ word_ w__":              "Title and name word w",
		":ref:`Title <x>` :ref:`x` :class:`~a.b.C` :py:meth:`!m`": "Title x C m",
		"`H2O`:sub: x":               "H2O x",
		"2 * 3 * 4 and a*b*c":        "2 * 3 * 4 and a*b*c",
		`\*not\* it\ 's c:\\d`:       `*not* it's c:\d`,
		"snake_case_name __init__ x": "snake_case_name __init__ x",
		"an _`inline target` here":   "an inline target here",
		"open *emphasis and ``code":  "open *emphasis and ``code",
		"(*x*), \"**y**\"":           "(x), \"y\"",
		"time 12:30:45 is : no role": "time 12:30:45 is : no role",
		"*über* ``ü``":               "über ü",
	} {
		if got := extract(t, content).Content; got != want {
			t.Errorf("%q: got %q, want %q", content, got, want)
		}
	}
}

func TestHead(t *testing.T) {
	text := extract(t, ".. comment\n\n=======\n The T\n=======\n\n:Author: A. Writer\n:Date: 2026-01-02\n:Version: 1\n   .2\n\nText.\n\n:field: stays\n")
	if text.Title != "The T" || text.Metadata["author"].Text() != "A. Writer" || text.Metadata["date"].Text() != "2026-01-02" || text.Metadata["version"].Text() != "1 .2" {
		t.Errorf("title %q, metadata %v", text.Title, text.Metadata)
	}
	if want := "heading 1: The T\nparagraph: Text.\nlist_item 1: field: stays"; extracttest.Outline(text) != want {
		t.Errorf("got\n%s", extracttest.Outline(text))
	}
}

// TestHostile reads what would take time or memory out of proportion.
func TestHostile(t *testing.T) {
	deep := strings.Builder{}
	for i := range 2000 {
		deep.WriteString(strings.Repeat(" ", i) + "- a\n\n")
	}
	for name, content := range map[string]string{
		"depth":        deep.String(),
		"emphasis":     strings.Repeat("*a ", 500_000),
		"literals":     strings.Repeat("``a ` ", 300_000),
		"tables":       strings.Repeat("== ==\na\n", 100_000),
		"grids":        strings.Repeat("+-+\n", 300_000),
		"comments":     strings.Repeat("..\n\n", 300_000),
		"terms":        strings.Repeat("a\n b\n", 300_000),
		"a wide grid":  "+" + strings.Repeat("-+", 100_000) + "\n" + strings.Repeat("|a\n", 100_000),
		"a wide table": strings.Repeat("= ", 100_000) + "=\n" + strings.Repeat("a\n", 100_000) + "= =\n",
	} {
		t.Run(name, func(t *testing.T) { extract(t, content) })
	}
}

func TestLimit(t *testing.T) {
	if _, err := rst.Extract(t.Context(), []byte("A long text"), rst.Options{Limit: 5}); !errors.Is(err, rag.ErrExhausted) {
		t.Errorf("got %v", err)
	}
}

func TestIs(t *testing.T) {
	for head, want := range map[string]bool{
		"Title\n=====\n\n.. note:: x\n":               true,
		"See :ref:`x`.\n\n.. code-block:: go\n\n   x": true,
		"`a <http://b>`_ and\n\n.. _b: http://c\n":    true,
		"Title\n=====\n\nText *of* Markdown, [a](b).": false,
		"plain text. Nothing else.":                   false,
	} {
		if rst.Is(head) != want {
			t.Errorf("%q: got %v", head, !want)
		}
	}
}

func FuzzExtract(f *testing.F) {
	f.Add("Title\n=====\n\n:Author: x\n\n- a\n\n  b::\n\n    c\n\n.. note:: d\n   :e: f\n\n   g [1]_\n\n.. [1] h\n")
	f.Add("+--+--+\n|a |b |\n+==+==+\n|c    |\n+--+--+\n\n== ==\na  b\n== ==\n\n.. list-table::\n\n   * - a\n")
	f.Add("*a* ``b`` `c <d>`_ :e:`f` |g| [#h]_ i_ \\j\n\n.. |g| replace:: k\n")
	f.Fuzz(func(t *testing.T, content string) {
		extract(t, content)
		rst.Is(content)
	})
}
