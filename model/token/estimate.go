package token

import (
	"math"
	"strings"

	"github.com/smartretriever/smartretriever/model/token/bpe"
)

// Estimate counts a text by o200k_base and multiplies: vocabularies of today are
// trained on much the same texts and differ by a factor. Measured by
// bench/tokens/tokens.sh ratio, tokens divided by those of o200k_base:
//
//	               English  German  Spanish  Russian  Arabic  Chinese  SciFact  Markdown  HTML
//	claude 2          1.01    1.31     1.29     1.91    2.81     1.38     1.00      1.10  1.13
//	gemma             1.02     .98      .99     1.00    1.11      .91      .99      1.11  1.20
//	command-r         1.01    1.00      .96      .89    1.07      .85     1.03      1.11  1.18
//	llama 3           1.01    1.21     1.18     1.15    1.20     1.04     1.02      1.00  1.00
//	deepseek           .99    1.14     1.12     1.11    1.18      .79      .96      1.02  1.05
//	qwen 1 to 3       1.04    1.23     1.20     1.29    1.21      .89     1.04      1.02  1.08
//	qwen 3.6          1.04    1.03     1.04     1.00     .99      .80     1.04      1.07  1.10
//	mistral 7B        1.14    1.33     1.33     1.44    2.79     1.44     1.21      1.21  1.32
//	BERT uncased      1.05    1.45     1.40     3.04    2.54     1.19     1.07      1.10  1.37
//
// The ratios below are the greatest of a line, so that an estimate errs on the
// high side: what is too long is refused by the server. Where the greatest is of a
// script that the vocabulary hardly has, it is that of the languages it was made
// for.
type Estimate struct {
	Ratio float64 // tokens for one of o200k_base
}

// Count returns the estimated number of tokens. It is rounded to the nearest, so
// that the counts of the parts of a text come to that of the whole.
func (e Estimate) Count(text string) int {
	return int(math.Round(e.Ratio * float64(bpe.O200k.Count(text))))
}

// Exact reports that it is an estimate.
func (e Estimate) Exact() bool { return false }

// otherRatio is of models of which nothing is known. It covers every vocabulary
// above on English, SciFact and Markdown; on German, Spanish, Chinese and HTML the
// worst lies 12 % above it. What hardly has a script lies far above it there.
const otherRatio = 1.3

// families are vendors' models by a word in their name. The vocabularies of claude
// since 3, of gemini and of cohere's embedding models are not published; they have
// the ratio of the nearest that is.
var families = []struct {
	word  string
	ratio float64
}{
	{"claude", 1.4},
	{"gemini", 1.2},
	{"gemma", 1.2},
	{"command", 1.2},
	{"embed-v4", 1.2},
	{"llama-3", 1.21},
	{"llama3", 1.21},
	{"deepseek", 1.2},
	{"qwen", 1.3},
	{"mistral", 1.45},
	{"mixtral", 1.45},
}

func estimateFor(model string) Estimate {
	for _, f := range families {
		if strings.Contains(model, f.word) {
			return Estimate{f.ratio}
		}
	}
	return Estimate{otherRatio}
}
