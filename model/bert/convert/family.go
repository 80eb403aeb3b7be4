package convert

import (
	"regexp"
	"strings"
)

// family is what is known of published models by their name: used where their
// files say nothing, as in packages that carry weights and vocabulary only.
type family struct {
	name           string
	pattern        *regexp.Regexp
	pooling        string
	query, passage string
	maxTokens      int // 0: as many as there are positions
}

const (
	searchPrefix        = "Represent this sentence for searching relevant passages: "
	instruction         = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "
	searchPrefixChinese = "为这个句子生成表示以用于检索相关文章："
)

// families are tried in order. Each name stands at the beginning of a word.
var families = []family{
	{name: "bge-zh", pattern: begins(`bge-(small|base|large)-zh`), pooling: "cls", query: searchPrefixChinese},
	{name: "bge", pattern: begins(`bge-(micro|small|base|large)`), pooling: "cls", query: searchPrefix},
	{name: "bge-m3", pattern: begins(`bge-m3`), pooling: "cls"},
	{name: "arctic-embed-v2", pattern: begins(`arctic-embed-[a-z]-v2`), pooling: "cls", query: "query: "},
	{name: "arctic-embed", pattern: begins(`arctic-embed`), pooling: "cls", query: searchPrefix},
	{name: "mxbai-embed", pattern: begins(`mxbai-embed`), pooling: "cls", query: searchPrefix},
	{name: "all-MiniLM-L12", pattern: begins(`all-minilm-l12`), pooling: "mean", maxTokens: 128},
	{name: "all-MiniLM", pattern: begins(`all-minilm`), pooling: "mean", maxTokens: 256},
	{name: "multi-qa-MiniLM", pattern: begins(`multi-qa-minilm`), pooling: "mean"},
	{name: "paraphrase-MiniLM", pattern: begins(`paraphrase-minilm`), pooling: "mean", maxTokens: 128},
	{name: "all-mpnet", pattern: begins(`all-mpnet`), pooling: "mean", maxTokens: 384},
	{name: "multi-qa-mpnet-cos", pattern: begins(`multi-qa-mpnet-base-cos`), pooling: "mean"},
	{name: "paraphrase-multilingual", pattern: begins(`paraphrase-multilingual-(minilm|mpnet)`), pooling: "mean", maxTokens: 128},
	{name: "e5-instruct", pattern: begins(`e5-(small|base|large)-instruct`), pooling: "mean", query: instruction},
	{name: "e5", pattern: begins(`e5-(small|base|large)`), pooling: "mean", query: "query: ", passage: "passage: "},
	{name: "gte", pattern: begins(`gte-(tiny|small|base|large)`), pooling: "mean"},
}

func begins(name string) *regexp.Regexp { return regexp.MustCompile(`(^|[^a-z0-9])` + name) }

// familyOf returns what is known of the first of the names that means anything,
// or nothing.
func familyOf(names ...string) family {
	for _, name := range names {
		name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
		for _, f := range families {
			if f.pattern.MatchString(name) {
				return f
			}
		}
	}
	return family{}
}
