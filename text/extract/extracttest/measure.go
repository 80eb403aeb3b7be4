package extracttest

import (
	"html"
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"
)

var (
	hyphenated = regexp.MustCompile(`(\pL)-[ \t]*\r?\n[ \t]*(\p{Ll})`)
	word       = regexp.MustCompile(`[\pL\pN]+`)
)

// Tokens returns the words by which texts are compared: after NFKC, in lower
// case, with words that were hyphenated at line ends joined.
func Tokens(text string) []string {
	text = strings.ToLower(norm.NFKC.String(text))
	text = strings.ReplaceAll(text, "\u00ad", "")
	text = hyphenated.ReplaceAllString(text, "$1$2")
	return word.FindAllString(text, -1)
}

// F1 returns the harmonic mean of precision and recall of got's bag of tokens
// against want's, 1 when both are empty.
func F1(got, want string) float64 {
	g, w := Tokens(got), Tokens(want)
	if len(g) == 0 && len(w) == 0 {
		return 1
	}
	count := make(map[string]int, len(w))
	for _, t := range w {
		count[t]++
	}
	same := 0
	for _, t := range g {
		if count[t] > 0 {
			count[t]--
			same++
		}
	}
	return 2 * float64(same) / float64(len(g)+len(w))
}

// Order returns how alike the sequences of tokens are: twice the length of the
// longest common subsequence of the first 3,000 tokens of each over their total
// (the normalised Indel similarity).
func Order(got, want string) float64 {
	const most = 3000
	g, w := Tokens(got), Tokens(want)
	g, w = g[:min(most, len(g))], w[:min(most, len(w))]
	if len(g)+len(w) == 0 {
		return 1
	}
	row := make([]int, len(w)+1)
	for _, a := range g {
		diagonal := 0
		for j, b := range w {
			above := row[j+1]
			switch {
			case a == b:
				row[j+1] = diagonal + 1
			case row[j] > above:
				row[j+1] = row[j]
			}
			diagonal = above
		}
	}
	return 2 * float64(row[len(w)]) / float64(len(g)+len(w))
}

var (
	htmlComment = regexp.MustCompile(`(?s)<!--.*?-->`)
	linkTarget  = regexp.MustCompile(`\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\)`)
)

// Readable returns the words of a Markdown reference: without comments (which
// stand for pictures), link targets, and the entities and escapes of Markdown.
func Readable(markdown string) string {
	markdown = htmlComment.ReplaceAllString(markdown, " ")
	markdown = linkTarget.ReplaceAllString(markdown, "]")
	return strings.ReplaceAll(html.UnescapeString(markdown), `\_`, "_")
}
