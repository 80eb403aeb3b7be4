package convert

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/model/bert/tokenizer"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
)

// opened takes a lexicon through a weight file.
func opened(t testing.TB, l *lexicon) (tokenizer.Tokenizer, error) {
	t.Helper()
	var out bytes.Buffer
	h := weightfile.Header{Model: weightfile.Model{Vocabulary: len(l.words)}, Tokenizer: l.Tokenizer}
	if err := weightfile.Write(&out, h, l.tensors()); err != nil {
		t.Fatal(err)
	}
	f, err := weightfile.Parse(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return tokenizer.Open(f)
}

// unigrams are the tokenizers of testdata/unigram, by name.
func unigrams(t testing.TB) map[string]tokenizer.Tokenizer {
	t.Helper()
	out := map[string]tokenizer.Tokenizer{}
	for name, read := range map[string]func([]byte) (*lexicon, error){
		"collapse.json": parseTokenizer, "split.json": parseTokenizer, "trim.json": parseTokenizer, "spm.model": parseSentencePiece,
	} {
		data, err := os.ReadFile(filepath.Join("testdata", "unigram", name))
		if err != nil {
			t.Fatal(err)
		}
		l, err := read(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		base, _, _ := strings.Cut(name, ".")
		if out[base], err = opened(t, l); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return out
}

// The golden file is what Hugging Face's tokenizers and SentencePiece make of these
// texts; bench/embed/bench.sh golden computes it anew.
func TestUnigramGolden(t *testing.T) {
	tokenizers := unigrams(t)
	file, err := os.Open(filepath.Join("testdata", "unigram", "golden.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines, count := bufio.NewScanner(file), 0
	for lines.Scan() {
		golden := struct{ Text string }{}
		ids := map[string]json.RawMessage{}
		if err := json.Unmarshal(lines.Bytes(), &golden); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(lines.Bytes(), &ids); err != nil {
			t.Fatal(err)
		}
		for name, tok := range tokenizers {
			var want []int32
			if err := json.Unmarshal(ids[name], &want); err != nil {
				t.Fatal(err)
			}
			if got := tok.Append(nil, golden.Text, -1); !slices.Equal(got, want) {
				t.Errorf("%s, %.60q: %v instead of %v", name, golden.Text, got, want)
			}
			checkTokens(t, tok, golden.Text)
			count++
		}
	}
	if err := lines.Err(); err != nil || count < 200 {
		t.Errorf("%d cases, %v", count, err)
	}
}

// checkTokens holds what is true of every text.
func checkTokens(t *testing.T, tok tokenizer.Tokenizer, text string) {
	t.Helper()
	ids := tok.Append([]int32{-7}, text, -1)
	if ids[0] != -7 {
		t.Fatalf("%.60q: what was there is gone", text)
	}
	ids = ids[1:]
	if n := tok.Count(text); n != len(ids) {
		t.Errorf("%.60q: Count says %d, Append gives %d", text, n, len(ids))
	}
	for _, id := range ids {
		if id < 0 || int(id) >= tok.Size() {
			t.Errorf("%.60q: token %d of %d", text, id, tok.Size())
		}
	}
	for _, limit := range []int{0, 1, len(ids) / 2} {
		if got, want := tok.Append(nil, text, limit), ids[:min(limit, len(ids))]; !slices.Equal(got, want) {
			t.Errorf("%.60q: the first %d tokens are %v instead of %v", text, limit, got, want)
		}
	}
}

func FuzzUnigram(f *testing.F) {
	for _, text := range []string{"Cafe\u0301 ﬁ", "<s> x<mask>", "a...b\xff\xfe", "▁▁", "\r\n\t", "株式会e\u0301\u0302"} {
		f.Add(text)
	}
	tokenizers := unigrams(f)
	f.Fuzz(func(t *testing.T, text string) {
		for _, tok := range tokenizers {
			checkTokens(t, tok, text)
		}
	})
}

func FuzzUnigramFile(f *testing.F) {
	for _, name := range []string{"collapse.json", "spm.model"} {
		data, err := os.ReadFile(filepath.Join("testdata", "unigram", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, read := range []func([]byte) (*lexicon, error){parseUnigram, parseSentencePiece} {
			if l, err := read(data); err == nil {
				tryLexicon(t, l)
			}
		}
	})
}

// FuzzNano is slow: each file that is read fills a large table of rules.
func FuzzNano(f *testing.F) {
	f.Add(tinyNano())
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := openNano(data)
		if err != nil {
			return
		}
		tryLexicon(t, n.lex)
		for _, name := range n.names() {
			n.dims(name)
			_, _ = n.floats(name)
		}
	})
}

func tryLexicon(t *testing.T, l *lexicon) {
	t.Helper()
	if tok, err := opened(t, l); err == nil {
		checkTokens(t, tok, "Cafe\u0301 <s>  ﬁ a...b\xff")
	}
}

// What another kind of tokenizer has is refused, and said.
func TestUnigramRefuses(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "unigram", "collapse.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ old, new, says string }{
		{`"byte_fallback":false`, `"byte_fallback":true`, "byte_fallback"},
		{`"unk_id":3`, `"unk_id":null`, "unk_id"},
		{`"unk_id":3`, `"unk_id":100000`, "unk_id"},
		{`"type":"Metaspace"`, `"type":"ByteLevel"`, "pre_tokenizer"},
		{`"type":"Replace"`, `"type":"Lowercase"`, "Lowercase"},
		{`"type":"TemplateProcessing"`, `"type":"ByteLevel"`, "post_processor"},
		{`"single_word":false`, `"single_word":true`, "whole words"},
		{`"id":0,"content":"<s>"`, `"id":9,"content":"<s>"`, "unusable id 9"},
		{`["<pad>",0.0]`, `["",0.0]`, "empty"},
		{`["<pad>",0.0]`, `["<pad>"]`, "no pair"},
		{`"precompiled_charsmap":"`, `"precompiled_charsmap":"////`, "precompiled_charsmap"},
		{`"unk_id":3`, `"unk_id":3,"vocab":[]`, "entries"},
	} {
		changed := strings.Replace(string(data), tt.old, tt.new, 1)
		if changed == string(data) {
			t.Errorf("%s is not in the file", tt.old)
		}
		if tt.says == "entries" {
			changed = changed[:strings.LastIndex(changed, `"vocab":[[`)] + `"x":[[` + changed[strings.LastIndex(changed, `"vocab":[[`)+len(`"vocab":[[`):]
		}
		if _, err := parseTokenizer([]byte(changed)); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v does not say %q", tt.new, err, tt.says)
		}
	}
}
