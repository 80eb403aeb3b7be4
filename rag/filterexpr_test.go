package rag_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

func TestParseFilter(t *testing.T) {
	tests := []struct{ text, json string }{
		{``, `{}`},
		{`year >= 2024`, `{"type":"gte","key":"year","value":2024}`},
		{`year>=2024 and team in ("a","b")`, `{"type":"and","filters":[{"type":"gte","key":"year","value":2024},{"type":"in","key":"team","value":["a","b"]}]}`},
		{`team not in [a, 'b c', 3, true]`, `{"type":"nin","key":"team","value":["a","b c",3,true]}`},
		{`a = 1 or b != 2 and c < 3`, `{"type":"or","filters":[{"type":"eq","key":"a","value":1},{"type":"and","filters":[{"type":"ne","key":"b","value":2},{"type":"lt","key":"c","value":3}]}]}`},
		{`(a = 1 or b = 2) and c = 3`, `{"type":"and","filters":[{"type":"or","filters":[{"type":"eq","key":"a","value":1},{"type":"eq","key":"b","value":2}]},{"type":"eq","key":"c","value":3}]}`},
		{`not a = 1 and b = 2`, `{"type":"and","filters":[{"type":"not","filters":[{"type":"eq","key":"a","value":1}]},{"type":"eq","key":"b","value":2}]}`},
		{`NOT (lang = de OR EXISTS(draft))`, `{"type":"not","filters":[{"type":"or","filters":[{"type":"eq","key":"lang","value":"de"},{"type":"exists","key":"draft","value":true}]}]}`},
		{`$source ^= /home/me/papers/`, `{"type":"prefix","key":"$source","value":"/home/me/papers/"}`},
		{`zip ^= 12`, `{"type":"prefix","key":"zip","value":"12"}`},
		{`"my key" == "it's \"so\"\n"`, `{"type":"eq","key":"my key","value":"it's \"so\"\n"}`},
		{`date > 2024-05-01`, `{"type":"gt","key":"date","value":"2024-05-01"}`},
		{`n = -1.5e3`, `{"type":"eq","key":"n","value":-1500}`},
		{`n = inf or m = nan or o = 0x10`, `{"type":"or","filters":[{"type":"eq","key":"n","value":"inf"},{"type":"eq","key":"m","value":"nan"},{"type":"eq","key":"o","value":"0x10"}]}`},
		{`not = 1 and exists = 2`, `{"type":"and","filters":[{"type":"eq","key":"not","value":1},{"type":"eq","key":"exists","value":2}]}`},
		{`straße = größe`, `{"type":"eq","key":"straße","value":"größe"}`},
		{` {"type":"eq","key":"a","value":1} `, `{"type":"eq","key":"a","value":1}`},
		{strings.Repeat("(", 60) + "a=1" + strings.Repeat(")", 60), `{"type":"eq","key":"a","value":1}`},
	}
	for _, tt := range tests {
		got, err := rag.ParseFilter(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		data, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if string(data) != tt.json {
			t.Errorf("%s\n got %s\nwant %s", tt.text, data, tt.json)
		}
	}
}

func TestParseFilterFaults(t *testing.T) {
	tests := []struct{ text, says string }{
		{`year`, `at character 5: expected an operator`},
		{`year >=`, `at character 8: expected a value, found the end`},
		{`year >= and`, ``}, // "and" is a word and so a value
		{`year >= 1 team = 2`, `at character 11: expected and, or, or the end, found "team"`},
		{`(a = 1`, `expected ), found the end`},
		{`a = "open`, `at character 5: expected a closing quote`},
		{`a in b`, `expected ( and a list of values`},
		{`a in (b c)`, `expected , or )`},
		{`a in (b,`, `expected a value, found the end`},
		{`= 1`, `at character 1: expected a key`},
		{`größe ? 1`, `at character 7: expected a word`},
		{`"" = 1`, `expected a key`},
		{`not`, `expected a key`},
		{`a = (1)`, `expected a value, found "("`},
		{`a > true`, `needs a number or a string`},
		{strings.Repeat("(", 100) + "a=1", `nested too deeply`},
		{strings.Repeat("not ", 20) + "a=1", `nested deeper than 16`},
		{strings.Repeat("a=1 and ", 600) + "a=1", `more than 512 nodes`},
		{strings.Repeat(" ", 70_000), `longer than`},
		{`{"type":"eq","key":"a","valeu":1}`, `valeu`},
		{`{"type":"eq","key":"a","value":1} x`, `something follows`},
		{`{"type":"eq"`, `not the JSON form`},
		{`{"type":"between","key":"a"}`, `unknown type "between"`},
	}
	for _, tt := range tests {
		_, err := rag.ParseFilter(tt.text)
		if tt.says == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.text, err)
			}
			continue
		}
		if rag.KindOf(err) != rag.KindInvalid || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%.60s: got %v, want %q", tt.text, err, tt.says)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, seed := range []string{
		`year >= 2024 and team in ("a","b")`, `not (a ^= 'x' or exists(b))`, `{"type":"exists","key":"a","value":false}`, `"\"" = "\\"`, `a not in []`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := rag.ParseFilter(text)
		if err != nil {
			if rag.KindOf(err) != rag.KindInvalid {
				t.Errorf("kind %s", rag.KindOf(err))
			}
			return
		}
		if err := parsed.Validate(); err != nil {
			t.Fatalf("an invalid filter was returned: %v", err)
		}
		written := rag.FormatFilter(parsed)
		again, err := rag.ParseFilter(written)
		if err != nil {
			if strings.Contains(err.Error(), "nested") || strings.Contains(err.Error(), "longer") {
				return // parentheses that the tree did not need
			}
			t.Fatalf("%q was written as %q, which is not read: %v", text, written, err)
		}
		if rag.FormatFilter(again) != written {
			t.Errorf("%q is written as %q and then as %q", text, written, rag.FormatFilter(again))
		}
	})
}
