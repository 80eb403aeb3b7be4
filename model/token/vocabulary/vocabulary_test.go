package vocabulary_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/model/token/vocabulary"
)

// The published files, written again out of the packed ones, are what OpenAI's
// library holds them to.
func TestVocabulariesAreThePublishedOnes(t *testing.T) {
	tests := []struct {
		name   string
		packed []byte
		sha256 string
	}{
		{"cl100k_base", vocabulary.Cl100k, "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"},
		{"o200k_base", vocabulary.O200k, "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text, begins, err := vocabulary.Unpack(tt.packed)
			if err != nil {
				t.Fatal(err)
			}
			hash := sha256.New()
			for i := range len(begins) - 1 {
				fmt.Fprintf(hash, "%s %d\n", base64.StdEncoding.EncodeToString(text[begins[i]:begins[i+1]]), i)
			}
			if got := hex.EncodeToString(hash.Sum(nil)); got != tt.sha256 {
				t.Errorf("SHA-256 of the published form is %s, want %s", got, tt.sha256)
			}
		})
	}
}

// small returns a vocabulary of the single bytes and a few tokens more.
func small(more ...string) [][]byte {
	var tokens [][]byte
	for i := range 256 {
		tokens = append(tokens, []byte{byte(i)})
	}
	for _, t := range more {
		tokens = append(tokens, []byte(t))
	}
	return tokens
}

func TestPackAndUnpack(t *testing.T) {
	tokens := small("ab", "abc", "aba", "ababc")
	packed, err := vocabulary.Pack(tokens)
	if err != nil {
		t.Fatal(err)
	}
	text, begins, err := vocabulary.Unpack(packed)
	if err != nil {
		t.Fatal(err)
	}
	var got [][]byte
	for i := range len(begins) - 1 {
		got = append(got, text[begins[i]:begins[i+1]])
	}
	if !slices.EqualFunc(got, tokens, slices.Equal) {
		t.Errorf("got %q", got[256:])
	}
	for i := range packed {
		if _, _, err := vocabulary.Unpack(packed[:i]); err == nil {
			t.Fatalf("a file cut to %d of %d bytes was read", i, len(packed))
		}
	}
}

func TestPackRefuses(t *testing.T) {
	twice := small("ab", "ab")
	swapped := small()
	swapped[7] = []byte("ab")
	for name, tokens := range map[string][][]byte{
		"none": nil, "twice": twice, "empty": small(""), "not a merge": small("abc"), "later half": small("abc", "ab"), "no single byte": swapped,
	} {
		if _, err := vocabulary.Pack(tokens); err == nil {
			t.Errorf("%s: packed", name)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	packed, err := vocabulary.Pack(small("ab", "abc"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Add([]byte("BPE1\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		text, begins, err := vocabulary.Unpack(data)
		if err != nil {
			return
		}
		if int(begins[len(begins)-1]) != len(text) || !slices.IsSorted(begins) {
			t.Errorf("begins do not fit the text")
		}
	})
}
