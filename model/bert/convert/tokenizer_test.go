package convert

import (
	"slices"
	"testing"
)

func TestParseVocabulary(t *testing.T) {
	words, tokenizer, err := parseVocabulary([]byte("[UNK]\r\na\r\n##c\r\n"))
	if err != nil || !slices.Equal(words, []string{"[UNK]", "a", "##c"}) || tokenizer != bertTokenizer {
		t.Errorf("%q, %+v, %v", words, tokenizer, err)
	}
	if _, _, err := parseVocabulary(make([]byte, 10)); err != nil {
		t.Error(err)
	}
}

func TestPostProcessors(t *testing.T) {
	old := `{"normalizer":{"type":"BertNormalizer","lowercase":false},"pre_tokenizer":{"type":"BertPreTokenizer"},
		"post_processor":{"type":"BertProcessing","sep":["[end]",1],"cls":["[begin]",0]},
		"model":{"continuing_subword_prefix":"##","vocab":{"[begin]":0,"[end]":1}}}`
	words, tokenizer, err := parseTokenizer([]byte(old))
	if err != nil || len(words) != 2 || tokenizer.Start != "[begin]" || tokenizer.End != "[end]" || tokenizer.Lowercase {
		t.Errorf("%q, %+v, %v", words, tokenizer, err)
	}
}

func FuzzTokenizer(f *testing.F) {
	f.Add([]byte(tinyTokenizer()))
	f.Add([]byte(`{"added_tokens":[{"id":0,"content":"a"}],"model":{"type":"WordPiece","vocab":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		words, _, err := parseTokenizer(data)
		if err == nil && (len(words) == 0 || slices.Contains(words, "")) {
			t.Errorf("words %q", words)
		}
		_, _, _ = parseVocabulary(data)
	})
}
