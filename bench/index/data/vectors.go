package data

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/smartretriever/smartretriever/rag"
)

// Vectors is a set of unit vectors with its queries and their exact answers.
type Vectors struct {
	Name string
	Dims int
	Rows int
	dir  string
	part bool // whether there are rows to come
}

// Kinds of queries: real questions, which lie where no passage lies, and passages
// that were held out of the set.
const (
	Questions = "questions"
	HeldOut   = "held-out"
)

// Kinds lists the kinds of queries.
var Kinds = []string{HeldOut, Questions}

// QueryCount is how many queries of each kind there are.
const QueryCount = 1000

// Depth is how many exact answers are known for each query.
const Depth = 100

// Base is the file with the rows.
func (v *Vectors) Base() string {
	name := "base.f32"
	if v.part {
		name += partly
	}
	return filepath.Join(v.dir, name)
}

// Queries is the file with the queries of a kind.
func (v *Vectors) Queries(kind string) string { return filepath.Join(v.dir, kind+".f32") }

// names of the sets of vectors.
const (
	Small128 = "vectors-128"
	Small384 = "vectors-384"
	Large128 = "vectors-1m-128"
	Large384 = "vectors-1m-384"
)

const million = 1_000_000

// Vectors makes or finds the set of that name.
func (c *Cache) Vectors(ctx context.Context, name string) (*Vectors, error) {
	if err := c.read(); err != nil {
		return nil, err
	}
	var v *Vectors
	var err error
	switch name {
	case Small128:
		v, err = c.embedded(ctx, name, "three grains, 2", func() []string { return passages(c.docs) }, 0, 0, c.staticModel)
	case Small384:
		v, err = c.small384(ctx, 0)
	case Large128:
		v, err = c.embedded(ctx, name, "windows 12/5 24/6 48/7, 2", func() []string {
			return windows(c.docs, []int{12, 24, 48}, []int{5, 6, 7})
		}, million, 0, c.staticModel)
	case Large384:
		v, err = c.mixed(ctx, name)
	default:
		return nil, fmt.Errorf("no set of vectors is called %q", name)
	}
	if err != nil {
		return nil, err
	}
	if err := v.count(); err != nil {
		return nil, err
	}
	return v, c.truths(v)
}

// First makes or finds at least the first rows of the set Small384 and its questions, without exact answers: no more is embedded than is asked for.
func (c *Cache) First(ctx context.Context, rows int) (*Vectors, error) {
	if err := c.read(); err != nil {
		return nil, err
	}
	v, err := c.small384(ctx, rows)
	if err != nil {
		return nil, err
	}
	return v, v.count()
}

func (c *Cache) small384(ctx context.Context, most int) (*Vectors, error) {
	return c.embedded(ctx, Small384, "three grains, 2", func() []string { return passages(c.docs) }, 0, most, c.builtinModel)
}

// count sets the number of rows.
func (v *Vectors) count() error {
	info, err := os.Stat(v.Base())
	if err == nil {
		v.Rows = int(info.Size()) / 4 / v.Dims
	}
	return err
}

// embedded makes a set of the vectors of texts. Held-out texts are drawn from all of
// them; of the others, rows are drawn unless it is 0, and stay in their order. Of these
// the first most are enough unless that is 0.
func (c *Cache) embedded(ctx context.Context, name, recipe string, texts func() []string, rows, most int, open func(context.Context) (embedder, error)) (*Vectors, error) {
	model, err := open(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := c.part(name, func(dir string) error {
		held, base := split(texts(), QueryCount, rows)
		if len(base) < rows {
			return fmt.Errorf("%d texts are too few", len(base))
		}
		c.Log("%s: %d rows, %d characters on average", name, len(base), characters(base))
		if err := c.embed(ctx, model, rag.PassageText, held, 0, dir, HeldOut+".f32"); err != nil {
			return err
		}
		if err := c.embed(ctx, model, rag.QuestionText, draw(c.questions, QueryCount), 0, dir, Questions+".f32"); err != nil {
			return err
		}
		return c.embed(ctx, model, rag.PassageText, base, most, dir, "base.f32")
	}, recipe, c.textsHash, model.Model().ID, fmt.Sprint(rows))
	v := &Vectors{Name: name, Dims: model.Model().Dimensions, dir: dir}
	if err == nil && most > 0 {
		_, missing := os.Stat(v.Base())
		v.part = errors.Is(missing, fs.ErrNotExist)
	}
	return v, err
}

// mixed makes a million rows out of the set of 384 dimensions, since the encoder
// would need hours for as many texts: first that set's own rows, then mixes w*a +
// (1-w)*b of two rows that are at most eight places apart in the order of the
// documents, w between .25 and .75, plus noise of length .3, at unit length. The
// queries are that set's.
func (c *Cache) mixed(ctx context.Context, name string) (*Vectors, error) {
	small, err := c.Vectors(ctx, Small384)
	if err != nil {
		return nil, err
	}
	dir, err := c.part(name, func(dir string) error {
		base, err := Map[float32](small.Base())
		if err != nil {
			return err
		}
		for _, kind := range Kinds {
			q, err := os.ReadFile(small.Queries(kind))
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, kind+".f32"), q, 0o644); err != nil {
				return err
			}
		}
		all := make([]float32, million*small.Dims)
		mix(all, base, small.Dims)
		return write(filepath.Join(dir, "base.f32"), all)
	}, "neighbours within 8, noise .3, 1", filepath.Base(small.dir))
	return &Vectors{Name: name, Dims: small.Dims, dir: dir}, err
}

// Texts returns what the rows of the set Small384 were made of, and its questions, both in the order of their vectors.
func (c *Cache) Texts() (rows, questions []string, err error) {
	if err := c.read(); err != nil {
		return nil, nil, err
	}
	_, rows = split(passages(c.docs), QueryCount, 0)
	return rows, draw(c.questions, QueryCount), nil
}

func mix(all, base []float32, dims int) {
	random := rand.New(rand.NewPCG(3, 5))
	n := len(base) / dims
	for at := copy(all, base); at < len(all); at += dims {
		i := random.IntN(n)
		j := i + 1 + random.IntN(8)
		if j >= n || random.IntN(2) == 0 && i >= 8 {
			j = i - 1 - random.IntN(8)
		}
		w := .25 + .5*random.Float32()
		v, a, b := all[at:at+dims], base[i*dims:][:dims], base[j*dims:][:dims]
		scale := .3 / math.Sqrt(float64(dims))
		for d := range v {
			v[d] = w*a[d] + (1-w)*b[d] + float32(random.NormFloat64()*scale)
		}
		normalize(v)
	}
}

func normalize(v []float32) {
	sum := 0.
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	by := float32(1 / math.Sqrt(sum))
	for d := range v {
		v[d] *= by
	}
}

// split draws held of texts, and rows of the others unless it is 0. Both stay in order.
func split(texts []string, held, rows int) (out, base []string) {
	order := rand.New(rand.NewPCG(1, 2)).Perm(len(texts))
	slices.Sort(order[:held])
	if rows == 0 {
		rows = len(texts) - held
	}
	rest := order[held:min(held+rows, len(order))]
	slices.Sort(rest)
	return pick(texts, order[:held]), pick(texts, rest)
}

// draw draws n of texts, in order.
func draw(texts []string, n int) []string {
	drawn, _ := split(texts, n, 0)
	return drawn
}

func pick(texts []string, places []int) []string {
	all := make([]string, len(places))
	for i, p := range places {
		all[i] = texts[p]
	}
	return all
}

func characters(texts []string) int {
	sum := 0
	for _, t := range texts {
		sum += len(t)
	}
	return sum / max(len(texts), 1)
}
