package convert

import (
	"slices"
	"testing"
)

func TestParseVocabulary(t *testing.T) {
	l, err := parseVocabulary([]byte("[UNK]\r\na\r\n##c\r\n"))
	if err != nil || !slices.Equal(l.words, []string{"[UNK]", "a", "##c"}) || l.Tokenizer != bertTokenizer {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err := parseVocabulary(make([]byte, 10)); err != nil {
		t.Error(err)
	}
}

func TestPostProcessors(t *testing.T) {
	old := `{"normalizer":{"type":"BertNormalizer","lowercase":false},"pre_tokenizer":{"type":"BertPreTokenizer"},
		"post_processor":{"type":"BertProcessing","sep":["[end]",1],"cls":["[begin]",0]},
		"model":{"continuing_subword_prefix":"##","vocab":{"[begin]":0,"[end]":1}}}`
	l, err := parseTokenizer([]byte(old))
	if err != nil || len(l.words) != 2 || l.Start != "[begin]" || l.End != "[end]" || l.Lowercase {
		t.Errorf("%+v, %v", l, err)
	}
}

func FuzzTokenizer(f *testing.F) {
	f.Add([]byte(tinyTokenizer()))
	f.Add([]byte(`{"added_tokens":[{"id":0,"content":"a"}],"model":{"type":"WordPiece","vocab":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseTokenizer(data)
		if err == nil && (len(l.words) == 0 || slices.Contains(l.words, "")) {
			t.Errorf("words %q", l.words)
		}
		_, _ = parseVocabulary(data)
	})
}
