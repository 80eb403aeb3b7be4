package language_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/text/language"
)

func TestDetect(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"Hello", ""},
		{"0123456789 +-*/ 0123456789 +-*/", ""},
		{"The quick brown fox jumps over the lazy dog while the others are watching it from the other side of the river.", "en"},
		{"Der schnelle braune Fuchs springt über den faulen Hund, während die anderen ihm vom anderen Ufer aus zusehen.", "de"},
		{"Le renard brun et rapide saute par-dessus le chien paresseux pendant que les autres le regardent de l'autre rive.", "fr"},
		{"El rápido zorro marrón salta sobre el perro perezoso mientras los demás lo miran desde la otra orilla del río.", "es"},
		{"Быстрая коричневая лиса перепрыгивает через ленивую собаку, пока остальные смотрят на неё с другого берега.", "ru"},
		{"敏捷的棕色狐狸跳过了懒狗，其他的动物在河的对岸看着它。", "zh"},
		{"すばしっこい茶色の狐はのろまな犬を飛び越え、ほかの動物たちは川の向こう岸から見ていた。", "ja"},
		{"빠른 갈색 여우가 게으른 개를 뛰어넘고 다른 동물들은 강 건너편에서 지켜보고 있다.", "ko"},
		{"الثعلب البني السريع يقفز فوق الكلب الكسول بينما يشاهده الآخرون من الضفة الأخرى للنهر.", "ar"},
	} {
		if got := language.Detect(c.text); got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

// Code and tables within prose must not hide its language.
func TestDetectMixed(t *testing.T) {
	prose := "The server reads its configuration from a file and reports all faults together before it starts. "
	code := "for (i = 0; i < n; i++) { x[i] = y[i] * 0x1f; }\n"
	text := strings.Repeat(prose, 20) + strings.Repeat(code, 20) + strings.Repeat(prose, 20)
	if got := language.Detect(text); got != "en" {
		t.Errorf("got %q, want en", got)
	}
}

func TestDetectLongTokens(t *testing.T) {
	language.Detect(strings.Repeat("x", 1<<20))
	language.Detect(strings.Repeat("\xff", 1<<10))
	language.Detect(strings.Repeat("語", 1<<18))
}

func TestXQuAD(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "data", "retrieval", "xquad")
	right, all := 0, 0
	for _, lang := range []string{"ar", "de", "en", "es", "ru", "zh"} {
		f, err := os.Open(filepath.Join(dir, lang, "corpus.jsonl"))
		if err != nil {
			t.Skipf("needs the XQuAD texts: %v", err)
		}
		defer f.Close()
		s := bufio.NewScanner(f)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			var doc struct{ Text string }
			if err := json.Unmarshal(s.Bytes(), &doc); err != nil {
				t.Fatal(err)
			}
			if got := language.Detect(doc.Text); got == lang {
				right++
			} else {
				t.Logf("%s taken for %q: %.60q", lang, got, doc.Text)
			}
			all++
		}
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if share := float64(right) / float64(all); share < 0.99 {
		t.Errorf("%.4f of %d paragraphs recognised; at least .99 are expected", share, all)
	} else {
		t.Logf("%.4f of %d paragraphs recognised", share, all)
	}
}

func BenchmarkDetect(b *testing.B) {
	text := strings.Repeat("The server reads its configuration from a file and reports all faults together before it starts. ", 100)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		language.Detect(text)
	}
}
