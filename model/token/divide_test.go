package token_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/model/token"
)

// quarters counts a token for each character that is not Latin, and for four bytes
// of the others.
func quarters(text string) int {
	n, bytes := 0, 0
	for _, r := range text {
		if r >= 0x2E80 {
			n++
		} else {
			bytes += utf8.RuneLen(r)
		}
	}
	return n + (bytes+3)/4
}

func TestDivide(t *testing.T) {
	for name, tt := range map[string]struct {
		text  string
		limit int
		want  []string
	}{
		"fits":           {"a b c d", 2, []string{"a b c d"}},
		"at spaces":      {"aaaa bbbb cccc dddd", 3, []string{"aaaa bbbb ", "cccc dddd"}},
		"one long word":  {strings.Repeat("x", 40), 5, []string{strings.Repeat("x", 20), strings.Repeat("x", 20)}},
		"no spaces":      {"世界世界", 2, []string{"世界", "世界"}},
		"one character":  {"世", 0, []string{"世"}},
		"two characters": {"世a", 1, []string{"世", "a"}},
		"only spaces":    {strings.Repeat(" ", 16), 2, []string{strings.Repeat(" ", 8)}},
		"ends in spaces": {"aaaa" + strings.Repeat(" ", 12), 2, []string{"aaaa    "}},
	} {
		if got := token.Divide(tt.text, tt.limit, quarters); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// Nothing but space may be lost, no part may be longer than the limit, and no
// character may be cut.
func FuzzDivide(f *testing.F) {
	f.Add("a tower of iron, 世界 and bread", 3)
	f.Add(strings.Repeat("x", 100), 1)
	f.Add(" \n\t ", 1)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if !utf8.ValidString(text) || len(text) > 10_000 {
			return
		}
		parts := token.Divide(text, limit, quarters)
		if len(parts) == 0 {
			t.Fatal("no parts")
		}
		bare := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if got := bare(strings.Join(parts, "")); got != bare(text) {
			t.Errorf("%q became %q", text, parts)
		}
		for _, part := range parts {
			if !utf8.ValidString(part) || (quarters(part) > max(1, limit) && utf8.RuneCountInString(part) > 1) {
				t.Errorf("part %q of %q, limit %d", part, text, limit)
			}
		}
	})
}
