package convert

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strconv"

	"github.com/smartretriever/smartretriever/model/bert/tokenizer"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/rag"
)

// Text is what a model's files say of texts: all that another runtime needs to
// know that computes the vectors itself.
type Text struct {
	tokenizer.Tokenizer
	Name                       string // Options.Name, or one that no other model has
	Pooling                    string // "cls", "mean", or "" where nobody says
	QueryPrefix, PassagePrefix string
	MaxTokens                  int // with the two special tokens
	Padding                    int32
	Notes                      []string
}

// ReadText reads what lies beside a model's file of weights: its tokenizer and
// what its configuration says. The kind of model does not matter. Errors are those
// of Read.
func ReadText(ctx context.Context, path string, opts Options) (*Text, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	t, err := openTree(ctx, path)
	if err != nil {
		return nil, err
	}
	defer t.close()
	digest, err := t.digest()
	if err != nil {
		return nil, err
	}
	var c config
	if file := t.find("-config.json", "config.json"); file != "" {
		if _, err := t.readJSON(file, &c); err != nil {
			return nil, err
		}
	}
	d := &description{}
	d.h.Model.Vocabulary = maxVocabulary
	if err := d.readTokenizer(t, &weights{file: t.model}); err != nil {
		return nil, err
	}
	d.notes = nil
	said, err := readSentences(t)
	if err != nil {
		return nil, err
	}
	known := familyOf(opts.Name, c.Name, t.owner, t.name, t.model)
	d.choose(said, known, opts)
	out := &Text{
		Pooling: d.h.Model.Pooling, QueryPrefix: d.h.Model.QueryPrefix, PassagePrefix: d.h.Model.PassagePrefix, Notes: d.notes,
		MaxTokens: firstNumber(opts.MaxTokens, said.maxTokens, known.maxTokens, c.MaxPositions-c.firstPlace(), 512),
		Padding:   int32(max(0, slices.Index(d.lexicon.words, d.lexicon.Padding))),
	}
	if out.Tokenizer, err = d.lexicon.open(); err != nil {
		return nil, rag.Errorf(rag.KindInvalid, "%s: %w", d.tokenizer, err)
	}
	if out.Name = opts.Name; out.Name == "" {
		sum := sha256.New()
		for _, part := range []string{digest, d.tokenizerSHA256, out.Pooling, out.QueryPrefix, out.PassagePrefix, strconv.Itoa(out.MaxTokens)} {
			sum.Write([]byte(part + "\x00"))
		}
		out.Name = t.title() + "-onnx-" + hex.EncodeToString(sum.Sum(nil)[:4])
	}
	return out, nil
}

// digest is the SHA-256 of the file of weights.
func (t *tree) digest() (string, error) {
	file, _, err := t.open(t.model, maxFile)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, cancelled{t.ctx, file}); err != nil {
		return "", rag.Wrap(readKind(t.ctx), err, "read "+t.model)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// firstNumber returns the first number above 2: what a text may have with its two
// special tokens.
func firstNumber(numbers ...int) int {
	return numbers[slices.IndexFunc(numbers, func(n int) bool { return n > 2 })]
}

// open makes the tokenizer, by way of a weight file without weights.
func (l *lexicon) open() (tokenizer.Tokenizer, error) {
	var out bytes.Buffer
	h := weightfile.Header{Tokenizer: l.Tokenizer}
	h.Model.Vocabulary = len(l.words)
	if err := weightfile.Write(&out, h, l.tensors()); err != nil {
		return nil, err
	}
	f, err := weightfile.Parse(out.Bytes())
	if err != nil {
		return nil, err
	}
	return tokenizer.Open(f)
}
