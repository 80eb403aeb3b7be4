package numfmt_test

import (
	"math"
	"testing"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/text/extract/numfmt"
)

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		code string
		v    float64
		want string
	}{
		{"General", 0, "0"},
		{"General", math.Copysign(0, -1), "0"},
		{"General", 1234567890123, "1234567890123"},
		{"General", 0.1 + 0.2, "0.3"},
		{"General", -3.5, "-3.5"},
		{"General", 1e20, "1E+20"},
		{"General", 1e-12, "1E-12"},
		{"General", 0.0001, "0.0001"},
		{`General" kg"`, 5, "5 kg"},
		{"0", 2.5, "3"},
		{"0", -2.5, "-3"},
		{"0", -0.2, "0"},
		{"0", 0.4, "0"},
		{"000", 7, "007"},
		{"#", 0, ""},
		{"0.00", 1.005, "1.01"},
		{"0.00", 999.995, "1000.00"},
		{"0.00", 0.004, "0.00"},
		{"0.0#", 1.5, "1.5"},
		{"0.##", 1, "1."},
		{",0", 1234, ",1234"},
		{"#.##", 0.5, ".5"},
		{"#,##0", 1234567, "1,234,567"},
		{"#,##0.00", -1234.5, "-1,234.50"},
		{"#,##0.00;(#,##0.00)", -1234.5, "(1,234.50)"},
		{"#,##0.00_);[Red](#,##0.00)", -1234.5, "(1,234.50)"},
		{"#,##0,", 1234567, "1,235"},
		{"0.0,,", 12300000, "12.3"},
		{`0.0,,"M"`, 12300000, "12.3M"},
		{`#,##0,"K"`, 1234567, "1,235K"},
		{"0%", 0.256, "26%"},
		{"0.0%", 0.2565, "25.7%"},
		{"0.00E+00", 12345, "1.23E+04"},
		{"0.00E+00", 0.00012, "1.20E-04"},
		{"0.00E+00", 9.999e5, "1.00E+06"},
		{"0.00E+00", 0, "0.00E+00"},
		{"##0.0E+0", 12345, "12.3E+3"},
		{"0E-0", 1200, "1E3"},
		{"# ?/?", 1.5, "1 1/2"},
		{"# ?/?", 0.333, "1/3"},
		{"# ?/?", 2, "2"},
		{"# ?/?", -0.25, "-1/4"},
		{"# ??/??", 3.14159265, "3 14/99"},
		{"# ?/8", 1.25, "1 2/8"},
		{"# ?/2", 0.99, "1"},
		{"?/?", 1.5, "3/2"},
		{"# ??/100", 0.25, "25/100"},
		{"$#,##0.00", 12.5, "$12.50"},
		{"[$€-407] #,##0.00", 12.5, "€ 12.50"},
		{`#,##0.00\ "€"`, 12.5, "12.50 €"},
		{`_("$"* #,##0.00_);_("$"* \(#,##0.00\);_("$"* "-"??_);_(@_)`, -12.5, "$(12.50)"},
		{`_("$"* #,##0.00_);_("$"* \(#,##0.00\);_("$"* "-"??_);_(@_)`, 0, "$-"},
		{"[>=100]0;[<10]0.00;0.0", 150, "150"},
		{"[>=100]0;[<10]0.00;0.0", 5, "5.00"},
		{"[>=100]0;[<10]0.00;0.0", 50, "50.0"},
		{"[Blue]0;[Red]-0;\"zero\"", 0, "zero"},
		{"[Blue]0;[Red]-0;\"zero\"", -4, "-4"},
		{"0;;", -4, ""},
		{"(000) 000-0000", 5551234567, "(555) 123-4567"},
		{"000-00-0000", 12345678, "012-34-5678"},
		{`"No. "0`, 3, "No. 3"},
		{"@", 3, "3"},
		{"", 3, "3"},
	} {
		if got := numfmt.Parse(c.code).Number(c.v, false); got != c.want {
			t.Errorf("%q of %v: got %q, want %q", c.code, c.v, got, c.want)
		}
	}
}

func TestDate(t *testing.T) {
	for _, c := range []struct {
		code     string
		v        float64
		date1904 bool
		want     string
	}{
		{"yyyy-mm-dd", 45292, false, "2024-01-01"},
		{"yyyy-mm-dd", 45292 - 1462, true, "2024-01-01"},
		{"yyyy-mm-dd", 0, true, "1904-01-01"},
		{"yyyy-mm-dd", 0, false, "1900-01-00"},
		{"yyyy-mm-dd", 1, false, "1900-01-01"},
		{"yyyy-mm-dd", 59, false, "1900-02-28"},
		{"yyyy-mm-dd", 60, false, "1900-02-29"},
		{"yyyy-mm-dd", 61, false, "1900-03-01"},
		{"yyyy-mm-dd", 2958465, false, "9999-12-31"},
		{"yyyy-mm-dd", 2958466, false, "2958466"},
		{"yyyy-mm-dd", -1, false, "-1"},
		{`yyyy\-mm\-dd\ h:mm:ss`, 45292.5, false, "2024-01-01 12:00:00"},
		{"m/d/yy h:mm", 45292.75, false, "1/1/24 18:00"},
		{"h:mm AM/PM", 0.75, false, "6:00 PM"},
		{"h:mm AM/PM", 0.01, false, "12:14 AM"},
		{"h A/P", 0.75, false, "6 P"},
		{"d. mmmm yyyy", 45292, false, "1. January 2024"},
		{"dddd, mmm d", 45292, false, "Monday, Jan 1"},
		{"mmmmm-yy", 45292, false, "J-24"},
		{"[h]:mm:ss", 1.5, false, "36:00:00"},
		{"[mm]:ss", 0.5, false, "720:00"},
		{"mm:ss.0", 0.5/86400 + 61.0/86400, false, "01:01.5"},
		{"h:mm", 0.999999, false, "0:00"},
		{"[$-407]d. mmm yyyy;@", 45292, false, "1. Jan 2024"},
		{"[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", 45292, false, "Monday, January 01, 2024"},
		{"yyyy/m/d", 45292, false, "2024/1/1"},
		{"bbbb", 45292, false, "2567"},
		{`[hh]"h"`, -1.5, false, "-36h"},
	} {
		f := numfmt.Parse(c.code)
		if got := f.Number(c.v, c.date1904); got != c.want {
			t.Errorf("%q of %v: got %q, want %q", c.code, c.v, got, c.want)
		}
		if !f.Date() {
			t.Errorf("%q is not known as a date", c.code)
		}
	}
}

func TestBuiltin(t *testing.T) {
	for _, c := range []struct {
		id   int
		v    float64
		want string
	}{
		{0, 1.5, "1.5"}, {3, 1234, "1,234"}, {9, 0.5, "50%"}, {14, 45292, "2024-01-01"}, {22, 45292.5, "2024-01-01 12:00"},
		{38, -5, "(5)"}, {44, 0, "-"}, {49, 7, "7"}, {163, 2, "2"}, {11, 1234, "1.23E+03"},
	} {
		if got := numfmt.Builtin(c.id).Number(c.v, false); got != c.want {
			t.Errorf("format %d of %v: got %q, want %q", c.id, c.v, got, c.want)
		}
	}
}

func TestText(t *testing.T) {
	for code, want := range map[string]string{
		"General": "a", "@": "a", `"Note: "@`: "Note: a", `0;0;0;"<"@">"`: "<a>", "0.00": "a", `0;0;0;`: "",
	} {
		if got := numfmt.Parse(code).Text("a"); got != want {
			t.Errorf("%q: got %q, want %q", code, got, want)
		}
	}
}

func FuzzNumber(f *testing.F) {
	for _, code := range []string{"#,##0.00_);[Red](#,##0.00)", "[h]:mm:ss.000", "# ??/100", "##0.0E+0", `[>=5]"a"0;@`, "yyyy/m/d AM/PM", "0-0.0,,/%?", "[$€-407]\\", "*", "_"} {
		f.Add(code, 1234.5678)
		f.Add(code, -0.5)
	}
	f.Fuzz(func(t *testing.T, code string, v float64) {
		format := numfmt.Parse(code)
		out := format.Number(v, false) + format.Number(v, true) + format.Text("x")
		if len(out) > 4*len(code)+2000 {
			t.Errorf("%d bytes for one number", len(out))
		}
		if utf8.ValidString(code) && len(code) <= 1024 && !utf8.ValidString(out) {
			t.Errorf("%q: not UTF-8: %q", code, out)
		}
	})
}
