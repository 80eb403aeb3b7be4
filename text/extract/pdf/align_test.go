package pdf

import (
	"slices"
	"testing"
)

// FuzzAlign holds the finding of quotes to its promises for any page and quote: runs
// in order within the page, and the whole of a quote that the page holds.
func FuzzAlign(f *testing.F) {
	f.Add("The fee is 500 euro. The depo\x02sit is 900 euro.", "the deposit is 900 euro", "euro. ", "")
	f.Add("one two three four five six seven eight nine ten footer 7", "nine ten eleven twelve thirteen fourteen", "", "")
	f.Add("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaab", "a", "a")
	f.Add("ﬁne ½ ＡＢＣ é", "fine 1⁄2 abc e\u0301", "", "")
	f.Add("", "x", "", "")
	f.Fuzz(func(t *testing.T, page, quote, before, after string) {
		shown := keysOf(page)
		if len(shown.keys) != len(shown.at) || !slices.IsSorted(shown.at) {
			t.Fatalf("%q: %d keys at %v", page, len(shown.keys), shown.at)
		}
		runs := align(shown, PageOptions{Quote: quote, Before: before, After: after})
		end := 0
		for _, r := range runs {
			if r.start < end || r.end <= r.start || r.end > len(shown.keys) {
				t.Fatalf("%q on %q: %v", quote, page, runs)
			}
			end = r.end
		}
		whole := align(shown, PageOptions{Quote: page})
		if n := len(shown.keys); n > 0 && len(page) <= maxQuote && (len(whole) != 1 || whole[0] != run{0, n}) {
			t.Fatalf("the page itself, of %d keys, is found at %v", n, whole)
		}
	})
}
