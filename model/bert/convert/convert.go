package convert

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/smartretriever/smartretriever/model/bert"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
	"github.com/smartretriever/smartretriever/rag"
)

// Options override what a model's files say and add what they do not. The zero
// value is useful.
type Options struct {
	// Name is what the model is called; stored vectors are kept under it, so other
	// weights, pooling or prefixes want another name. Default: the name of the
	// file, archive or folder with "-int8-" or "-float32-" and eight digits that
	// stand for everything that has a part in the vectors.
	Name string
	// Type is that of the weights: "int8", a quarter of the size and three times as
	// fast, or "float32", with the original's vectors to five digits. Default: int8.
	Type string
	// Pooling is "cls" (the first token's vector) or "mean" (of all tokens).
	// Default: what the files say, or what the model's family is known to need.
	Pooling string
	// QueryPrefix and PassagePrefix go before questions and passages. Default
	// (nil): what the files say, or what the family is known to need.
	QueryPrefix, PassagePrefix *string
	// MaxTokens is where texts are cut, the two special tokens included. Default:
	// what the files say, or the family needs, or the model has positions for.
	MaxTokens int

	// Licence, Author and Package are kept with the weights for those who ask
	// where they come from. Package is by default the name of the archive.
	Licence, Author, Package string
}

// Model is a converted model.
type Model struct {
	// Data is the weight file, for bert.Open.
	Data []byte
	// Header is what it says of the model.
	Header weightfile.Header
	// File and Tokenizer are the files that weights and vocabulary were read from,
	// with their SHA-256 (File's is in Header.Source).
	File, Tokenizer string
	TokenizerSHA256 string
	// Notes say, a line each, what was taken from where no file spoke: for people.
	Notes []string
}

// The types of weights, as options name them.
const (
	typeInt8    = "int8"
	typeFloat32 = "float32"
)

// What weight files say of their numbers.
const (
	quantization = "int8, symmetric, one scale an output channel; activations by row at run time"
	noneAtAll    = "none, 32-bit floats"
)

const staticQuantization = "int8, symmetric, one scale a token"

// Read reads the model at path, converts it and tries the result out. A path
// that is not there is KindNotFound; files that cannot be used, and options that
// do not fit them, are KindInvalid.
func Read(ctx context.Context, path string, opts Options) (*Model, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	t, err := openTree(ctx, path)
	if err != nil {
		return nil, err
	}
	defer t.close()
	f, err := openWeights(ctx, t)
	if err != nil {
		return nil, err
	}
	m, err := describe(t, f, opts)
	if err != nil {
		return nil, err
	}
	tensors, err := convertAll(ctx, f, m.h.Model, m.lexicon)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := weightfile.Write(&out, m.h, tensors); err != nil {
		return nil, err
	}
	header, err := Verify(ctx, out.Bytes())
	if err != nil {
		return nil, rag.Errorf(rag.KindOf(err), "%s: %w", f.file, err)
	}
	return &Model{
		Data: out.Bytes(), Header: header,
		File: f.file, Tokenizer: m.tokenizer, TokenizerSHA256: m.tokenizerSHA256,
		Notes: m.notes,
	}, nil
}

func (o Options) validate() error {
	if o.Pooling != "" && o.Pooling != "cls" && o.Pooling != "mean" {
		return rag.Errorf(rag.KindInvalid, "pooling %q is not known; cls and mean are", o.Pooling)
	}
	if o.Type != "" && o.Type != typeInt8 && o.Type != typeFloat32 {
		return rag.Errorf(rag.KindInvalid, "weights of type %q are not known; %s and %s are", o.Type, typeInt8, typeFloat32)
	}
	if o.MaxTokens != 0 && o.MaxTokens < 3 {
		return rag.Errorf(rag.KindInvalid, "%d tokens are too few; 3 are the least", o.MaxTokens)
	}
	return nil
}

// description is what is known of a model before its tensors are read.
type description struct {
	h               weightfile.Header
	lexicon         *lexicon
	tokenizer       string
	tokenizerSHA256 string
	notes           []string
}

func (d *description) note(text string) { d.notes = append(d.notes, text) }

// describe gathers what the files, the tensors' shapes, the family and the
// options say, the later of the last two over the earlier.
func describe(t *tree, f *weights, opts Options) (*description, error) {
	d := &description{}
	c, err := readConfig(t)
	if own, ok := f.store.(interface{ config(file string) config }); ok {
		c = own.config(f.file)
	} else if err != nil {
		return nil, err
	}
	shape, err := f.shape(c)
	if err != nil {
		return nil, err
	}
	m := &d.h.Model
	*m = shape
	if c.file == "" && f.table == "" {
		d.note("no config.json: layers, widths and heads follow from the tensors; exact GELU and an epsilon of 1e-12 are taken for granted")
	}
	if err := d.readTokenizer(t, f); err != nil {
		return nil, err
	}
	if g, ok := f.store.(*graph); ok && g.packed {
		d.note("its numbers were of 8 bits already: vectors are a little further from those of the 32-bit model")
	}
	said, known, err := d.purpose(t, f, c, opts)
	if err != nil {
		return nil, err
	}
	if opts.MaxTokens > m.MaxTokens && f.table == "" {
		return nil, rag.Errorf(rag.KindInvalid, "%d tokens are too many: the model of %s has %d positions", opts.MaxTokens, f.file, m.MaxTokens)
	}
	switch {
	case opts.MaxTokens != 0:
		m.MaxTokens = opts.MaxTokens
	case said.maxTokens != 0:
		m.MaxTokens = min(said.maxTokens, m.MaxTokens)
	case known.maxTokens != 0:
		m.MaxTokens = min(known.maxTokens, m.MaxTokens)
		d.note(fmt.Sprintf("texts are cut at %d tokens: known of the family %s", m.MaxTokens, known.name))
	}
	m.Normalize, m.Quantization, m.Weights = m.Head == "", quantization, bert.Int8Weights
	switch {
	case f.table != "":
		m.Quantization = staticQuantization
	case opts.Type == typeFloat32:
		m.Quantization, m.Weights = noneAtAll, bert.Float32Weights
	}
	d.h.Source = weightfile.Source{
		Licence: opts.Licence, Author: opts.Author, Package: opts.Package,
		File: path.Base(t.model), SHA256: f.sha256,
	}
	if d.h.Source.Package == "" && t.archive {
		d.h.Source.Package = t.name
	}
	if m.Name = opts.Name; m.Name == "" {
		m.Name = d.defaultName(t)
	}
	return d, nil
}

// purpose sets what the model is for and how a text becomes a vector: pooling and
// prefixes, or the head of a cross-encoder, which wants neither.
func (d *description) purpose(t *tree, f *weights, c config, opts Options) (said sentences, known family, err error) {
	m := &d.h.Model
	if f.table != "" { // static models, for which there is nothing to say
		said.pooling = "mean"
		switch {
		case opts.Pooling != "" && opts.Pooling != said.pooling:
			return said, known, rag.Errorf(rag.KindInvalid, "%s: a table of word vectors has no pooling but mean", f.file)
		case opts.Type == typeFloat32:
			return said, known, rag.Errorf(rag.KindInvalid, "%s: a table of word vectors is kept in 8 bits; 32 are for encoders", f.file)
		}
	} else if scores, err := f.scores(m.Hidden); scores || err != nil {
		if err == nil {
			err = d.scorer(f, opts)
		}
		return said, known, err
	} else if said, err = readSentences(t); err != nil {
		return said, known, err
	}
	known = familyOf(opts.Name, c.Name, t.owner, t.name, t.model)
	d.choose(said, known, opts)
	if m.Pooling == "" {
		return said, known, rag.Errorf(rag.KindInvalid, "%s: no file says how the tokens' vectors become one and the model's family is not known: choose pooling cls or mean", t.name)
	}
	return said, known, nil
}

// scorer makes the model one that scores pairs.
func (d *description) scorer(f *weights, opts Options) error {
	if opts.Pooling != "" || opts.QueryPrefix != nil || opts.PassagePrefix != nil {
		return rag.Errorf(rag.KindInvalid, "the model scores pairs of texts (it has a classifier of one output): pooling and prefixes are for models that give vectors")
	}
	m := &d.h.Model
	m.Head, m.Pooling = "score", "cls"
	if f.start > 0 { // made in the way of fairseq, where two end tokens part a pair
		m.PairEnds = 2
	}
	d.note("a cross-encoder: it scores pairs of texts, and so is for rerank.model")
	return nil
}

// choose sets pooling and prefixes.
func (d *description) choose(said sentences, known family, opts Options) {
	m := &d.h.Model
	m.Pooling = first(opts.Pooling, said.pooling, known.pooling)
	m.QueryPrefix = first(said.query, known.query)
	m.PassagePrefix = first(said.passage, known.passage)
	if opts.Pooling == "" && said.pooling == "" && known.pooling != "" {
		d.note("pooling " + known.pooling + ": known of the family " + known.name)
	}
	if opts.QueryPrefix == nil && said.query == "" && known.query != "" {
		d.note("prefixes of the family " + known.name)
	}
	if opts.QueryPrefix != nil {
		m.QueryPrefix = *opts.QueryPrefix
	}
	if opts.PassagePrefix != nil {
		m.PassagePrefix = *opts.PassagePrefix
	}
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// defaultName makes a name that no other model has: two with the same vectors
// are called alike, two with others are not.
func (d *description) defaultName(t *tree) string {
	h := d.h
	h.Source = weightfile.Source{SHA256: h.Source.SHA256}
	raw, err := json.Marshal(h)
	if err != nil {
		panic("convert: a header does not encode: " + err.Error())
	}
	sum := sha256.New()
	sum.Write(raw)
	sum.Write([]byte(strings.Join(d.lexicon.words, "\n")))
	if d.lexicon.Unigram != nil {
		_ = binary.Write(sum, binary.LittleEndian, d.lexicon.scores)
		sum.Write(d.lexicon.rules)
	}
	kind := typeInt8
	if h.Model.Weights == bert.Float32Weights {
		kind = typeFloat32
	}
	return t.title() + "-" + kind + "-" + hex.EncodeToString(sum.Sum(nil)[:4])
}
