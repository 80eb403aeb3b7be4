package omml_test

import (
	"archive/zip"
	"bytes"
	"testing"

	"github.com/smartretriever/smartretriever/text/extract/omml"
	"github.com/smartretriever/smartretriever/text/extract/parts"
)

// read returns the formulas of a part.
func read(t testing.TB, markup string) (string, error) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("a.xml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(markup)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := parts.Open(t.Context(), b.Bytes(), "test", 0)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	err = p.Read("a.xml", func(tokens *parts.Tokens) error {
		if _, err := tokens.Next(); err != nil {
			return parts.Ended(err)
		}
		got, err = omml.Read(tokens)
		return err
	})
	return got, err
}

func TestRead(t *testing.T) {
	run := func(s string) string { return "<m:r><m:rPr/><m:t>" + s + "</m:t></m:r>" }
	e := func(name, s string) string { return "<m:" + name + ">" + s + "</m:" + name + ">" }
	arg := func(name, s string) string { return e(name, run(s)) }
	for _, c := range []struct{ markup, want string }{
		{run("a=b"), "a=b"},
		{e("f", "<m:fPr/>"+arg("num", "x-c")+arg("den", "v")), "(x-c)/v"},
		{e("sSup", e("e", e("f", arg("num", "a")+arg("den", "b")))+arg("sup", "2")), "(a/b)^2"},
		{e("sSubSup", arg("e", "x")+arg("sub", "i")+arg("sup", "n+1")), "x_i^(n+1)"},
		{e("rad", arg("deg", "")+arg("e", "x+1")), "√(x+1)"},
		{e("rad", arg("deg", "3")+arg("e", "x")), "√(3&x)"},
		{e("nary", `<m:naryPr><m:chr m:val="∑"/></m:naryPr>`+arg("sub", "i=1")+arg("sup", "n")+arg("e", "i")), "∑_(i=1)^n i"},
		{e("d", `<m:dPr><m:begChr m:val="["/><m:endChr m:val="]"/></m:dPr>`+arg("e", "a")+arg("e", "b")), "[a|b]"},
		{e("func", arg("fName", "sin")+arg("e", "x")), "sin x"},
		{e("m", e("mr", arg("e", "1")+arg("e", "0"))+e("mr", arg("e", "0")+arg("e", "1"))), "[1 & 0; 0 & 1]"},
		{e("oMath", run("a=b")) + e("oMath", run("c=d")), "a=b c=d"},
		{e("sSup", arg("e", "(a)(b)")+arg("sup", "2")), "((a)(b))^2"},
	} {
		got, err := read(t, e("oMathPara", c.markup))
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.markup, got, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`<m:oMath><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:nary><m:naryPr><m:chr m:val="x"/></m:naryPr></m:nary></m:den></m:f></m:oMath>`)
	f.Add(`<m:oMath><m:d><m:dPr/><m:e><m:m><m:mr><m:e>`)
	f.Fuzz(func(t *testing.T, markup string) {
		if got, _ := read(t, markup); len(got) > 64*len(markup) {
			t.Errorf("%d bytes of %d", len(got), len(markup))
		}
	})
}
