package smartretriever

import (
	"strings"
	"testing"
)

func TestKeyphrase(t *testing.T) {
	in := map[string]int{}
	passages := []string{
		"It is so. The turquoise lighthouse guides every ferry into the narrow harbour at night. That is all of it.",
		"The ferry sails at noon from the northern pier to the island.",
		"Ab cd. No.",
		"",
		"灯台は夜のあいだ狭い港に入るすべての船を導いてくれる大切な目印であり続けている。",
		"The anchor and the barrel lie on the dike with a candle and an engine.",
		strings.Repeat("anchor barrel candle dike engine ferry ", 30) + "zirconium yttrium xenon wolfram vanadium uranium",
	}
	for _, p := range passages {
		for w := range wordSet(p) {
			in[w]++
		}
	}
	want := []string{
		"turquoise lighthouse guides every narrow harbour",
		"sails noon from northern pier island",
		"",
		"",
		"灯台は夜のあいだ狭い港に入るすべての船を導いて",
		"anchor and barrel lie with candle",
		"zirconium yttrium xenon wolfram vanadium uranium",
	}
	for i, p := range passages {
		got := keyphrase(p, in, len(passages))
		if got != want[i] && !(i == 4 && strings.HasPrefix(got, "灯台は夜") && len([]rune(got)) == unspacedText) {
			t.Errorf("%.60q: %q, want %q", p, got, want[i])
		}
		if again := keyphrase(p, in, len(passages)); again != got {
			t.Errorf("%q, then %q", got, again)
		}
	}
}
