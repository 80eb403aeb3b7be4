package enrich

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/analyze"
)

func document(language, text string) *Document {
	return &Document{Text: rag.Text{Content: text, Language: language, Blocks: []rag.Block{{Kind: rag.Paragraph, Span: rag.Span{End: len(text)}}}}}
}

func TestKeyphrases(t *testing.T) {
	for _, tt := range []struct{ language, text, want string }{
		{"en", `The heat pump moves heat from the ground into the house. A heat pump needs electricity, but less than a radiator.
			Our engineers installed the ground loop of the heat pump in March. The ground loop is made of polyethylene.`, "heat pump"},
		{"de", `Die Wärmepumpe holt Wärme aus dem Boden. Eine Wärmepumpe braucht Strom, aber weniger als ein Heizstab. Wir haben die
			Wärmepumpe im März eingebaut.`, "wärmepumpe"},
		{"fr", `La pompe à chaleur puise la chaleur dans le sol. Une pompe à chaleur consomme moins de courant. La pompe à chaleur a été
			installée en mars.`, "pompe à chaleur"},
	} {
		for _, method := range []string{"yake", "textrank"} {
			s, err := Keyphrases(KeyphraseOptions{Method: method})
			if err != nil {
				t.Fatal(err)
			}
			res, err := s.Enrich(t.Context(), document(tt.language, tt.text))
			if err != nil {
				t.Fatal(err)
			}
			got := res.Metadata[KeyKeyphrases]
			if tt.language == "fr" && method == "textrank" { // it has no stop words within phrases
				continue
			}
			if !slices.ContainsFunc(got.Items()[:min(3, len(got.Items()))], func(v rag.Value) bool { return v.Text() == tt.want }) {
				t.Errorf("%s %s: %v lacks %q among the first three", tt.language, method, got, tt.want)
			}
		}
	}
}

func TestKeyphrasesOfNothing(t *testing.T) {
	for _, text := range []string{"", "1 2 3", "the of and", "...", "日本"} {
		for _, rank := range []func([]token) []phrase{yake, textrank} {
			d := document("en", text)
			distinct(rank(phraseTokens(d.Prose(), d.wordList(), "en")), "en", 10)
		}
	}
	if _, err := Keyphrases(KeyphraseOptions{Method: "guess"}); rag.KindOf(err) != rag.KindInvalid {
		t.Error(err)
	}
	if _, err := Keyphrases(KeyphraseOptions{Most: 51}); rag.KindOf(err) != rag.KindInvalid {
		t.Error(err)
	}
}

// The abstracts of SciFact: how many of the words of a title, which the methods do not
// see, are in the ten best phrases of its abstract. The figures stand in
// docs/enrichment.md.
func TestKeyphrasesFindTitles(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "retrieval", "scifact", "corpus.jsonl"))
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	methods := map[string]func([]token) []phrase{"yake": yake, "textrank": textrank}
	recall, words := map[string]float64{}, map[string]float64{}
	documents := 0.
	analyzer := analyze.For("en")
	for lines.Scan() {
		if documents++; documents > 1000 {
			break
		}
		var doc struct{ Title, Text string }
		if err := json.Unmarshal(lines.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		title := analyzer.Append(nil, doc.Title)
		slices.Sort(title)
		title = slices.Compact(title)
		if len(title) == 0 {
			continue
		}
		d := document("en", doc.Text)
		tokens := phraseTokens(d.Prose(), d.wordList(), "en")
		for name, rank := range methods {
			found := map[string]bool{}
			for _, p := range distinct(rank(tokens), "en", 10) {
				for _, s := range analyzer.Append(nil, p) {
					found[s] = true
				}
			}
			n := 0.
			for _, s := range title {
				if found[s] {
					n++
				}
			}
			recall[name] += n / float64(len(title))
			words[name] += float64(len(found))
		}
	}
	for name := range methods {
		recall[name] /= documents
		t.Logf("%s: recall of title words %.3f with %.1f words", name, recall[name], words[name]/documents)
	}
	if recall["yake"] < .40 {
		t.Errorf("YAKE finds %.3f of the words of titles", recall["yake"])
	}
}
