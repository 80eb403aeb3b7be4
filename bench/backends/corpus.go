package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log"
	"math/rand/v2"
	"runtime"

	"github.com/smartretriever/smartretriever/bench/index/data"
	"github.com/smartretriever/smartretriever/rag"
)

// dims are those of the built-in model.
const dims = 384

// corpus is real passages and questions of the retrieval sets, with their embeddings by the built-in model.
type corpus struct {
	texts     []string
	vectors   []float32 // of texts, one after the other
	questions []string
	asked     map[string][]float32 // the embeddings of questions
}

func openCorpus(ctx context.Context, cache, folder string, rows int) (*corpus, error) {
	c := &data.Cache{Root: cache, Data: folder, Threads: runtime.NumCPU(), Log: log.Printf}
	set, err := c.First(ctx, rows)
	if err != nil {
		return nil, err
	}
	if rows > set.Rows {
		return nil, fmt.Errorf("%d passages are asked for, and there are %d", rows, set.Rows)
	}
	out := &corpus{asked: map[string][]float32{}}
	if out.texts, out.questions, err = c.Texts(); err != nil {
		return nil, err
	}
	if out.vectors, err = data.Map[float32](set.Base()); err != nil {
		return nil, err
	}
	asked, err := data.Map[float32](set.Queries(data.Questions))
	if err != nil {
		return nil, err
	}
	for i, q := range out.questions {
		out.asked[q] = asked[i*dims:][:dims]
	}
	return out, nil
}

// chunksPerDocument is how many passages that follow each other make a document.
const chunksPerDocument = 10

// share is a part of the documents, drawn at random, that a filter lets through.
type share struct {
	key  string
	part float64
}

var shares = []share{{"half", .5}, {"tenth", .1}, {"hundredth", .01}, {"thousandth", .001}}

// documents returns documents of the passages from to to, for the collection. Each metadata key of shares is "in" with that part of them, and "out" with the others.
func (c *corpus) documents(collection int64, from, to int) []rag.Put {
	n := (to - from) / chunksPerDocument
	order := rand.New(rand.NewPCG(uint64(from), 7)).Perm(n)
	puts := make([]rag.Put, n)
	for d := range puts {
		p := &puts[d]
		first := from + d*chunksPerDocument
		*p = rag.Put{CollectionID: collection, Vectors: map[rag.Hash][]float32{},
			Document: rag.Document{ExternalID: fmt.Sprint(first), MediaType: "text/plain", SHA256: fmt.Sprintf("%064x", first), Metadata: rag.Metadata{}}}
		for _, s := range shares {
			in := "out"
			if order[d] < max(1, int(s.part*float64(n))) {
				in = "in"
			}
			p.Document.Metadata[s.key] = rag.Str(in)
		}
		for i := range chunksPerDocument {
			text := c.texts[first+i]
			begin := len(p.Text.Content)
			p.Text.Content += text + "\n"
			k := rag.Chunk{Ordinal: i, Span: rag.Span{Start: begin, End: begin + len(text)}, Text: text, Tokens: len(text) / 5, Hash: sha256.Sum256([]byte(text))}
			p.Chunks = append(p.Chunks, k)
			p.Vectors[k.Hash] = c.vectors[(first+i)*dims:][:dims]
		}
		p.Document.Bytes = int64(len(p.Text.Content))
	}
	return puts
}
