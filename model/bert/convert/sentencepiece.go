package convert

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/smartretriever/smartretriever/model/bert/unigram"
	"github.com/smartretriever/smartretriever/model/bert/weightfile"
)

// Types of pieces (SentencePiece.Type in sentencepiece_model.proto).
const (
	pieceNormal  = 1
	pieceUnknown = 2
	pieceControl = 3
)

var errSentencePiece = errors.New("it is cut off or is no SentencePiece model")

// parseSentencePiece reads sentencepiece.bpe.model, the vocabulary of XLM-R and of
// the models made from it, which is a unigram one in spite of the name. The format
// is Protocol Buffers; field numbers are those of sentencepiece_model.proto
// (ModelProto.pieces 1, trainer_spec 2, normalizer_spec 3; SentencePiece.piece 1,
// score 2, type 3; TrainerSpec.model_type 3, treat_whitespace_as_suffix 24,
// byte_fallback 35; NormalizerSpec.precompiled_charsmap 2, add_dummy_prefix 3,
// remove_extra_whitespaces 4).
//
// The model numbers its words otherwise than the file, as fairseq did: <s>, <pad>,
// </s>, <unk>, then the file's pieces without its first three, then <mask>.
func parseSentencePiece(data []byte) (*lexicon, error) {
	prefix, trim := uint64(1), uint64(1) // the format's defaults
	var charsmap []byte
	var pieces []piece
	var kinds []uint64
	err := fields(data, func(number int, _ uint64, body []byte) error {
		switch number {
		case 1:
			p, kind, err := parsePiece(body)
			if len(pieces) > maxVocabulary {
				return fmt.Errorf("it has more than %d pieces", maxVocabulary)
			}
			pieces, kinds = append(pieces, p), append(kinds, kind)
			return err
		case 2:
			return checkTrainer(body)
		case 3:
			return fields(body, func(number int, value uint64, body []byte) error {
				switch number {
				case 2:
					charsmap = body
				case 3:
					prefix = value
				case 4:
					trim = value
				}
				return nil
			})
		}
		return nil
	})
	if errors.Is(err, errCut) || err == nil && len(pieces) < 4 {
		err = errSentencePiece
	}
	if err != nil {
		return nil, err
	}
	if !slices.Equal(kinds[:3], []uint64{pieceUnknown, pieceControl, pieceControl}) || pieces[1].text != "<s>" || pieces[2].text != "</s>" {
		return nil, fmt.Errorf("its first pieces are not <unk>, <s> and </s>, as in the models of XLM-R")
	}
	for i, kind := range kinds[3:] {
		if kind != pieceNormal {
			return nil, fmt.Errorf("piece %q is of kind %d; plain ones are supported", pieces[i+3].text, kind)
		}
	}
	return xlmr(pieces[3:], charsmap, prefix != 0, trim != 0)
}

// xlmr makes the tokenizer of XLM-R from the plain pieces.
func xlmr(pieces []piece, charsmap []byte, prefix, trim bool) (*lexicon, error) {
	own := []string{"<s>", "<pad>", "</s>", "<unk>", "<mask>"}
	u := &weightfile.Unigram{
		Joined: true, Collapse: trim, TrimLeft: trim, TrimRight: trim, Prefix: string(unigram.PrefixNever),
		Unmatched: own,
	}
	if prefix {
		u.Prefix = string(unigram.PrefixFirst)
	}
	l := &lexicon{Tokenizer: weightfile.Tokenizer{
		Kind: "unigram", Start: own[0], Padding: own[1], End: own[2], Unknown: own[3], Mask: own[4], Unigram: u,
	}}
	all := make([]piece, 0, len(pieces)+len(own))
	for _, name := range own[:4] {
		all = append(all, piece{text: name})
	}
	all = append(append(all, pieces...), piece{text: own[4]})
	if err := l.addPieces(all); err != nil {
		return nil, err
	}
	var err error
	l.rules, err = parseCharsmap(charsmap)
	return l, err
}

func parsePiece(msg []byte) (p piece, kind uint64, err error) {
	kind = pieceNormal
	err = allFields(msg, func(number int, value uint64, body []byte) error {
		switch number {
		case 1:
			p.text = string(body)
		case 3:
			kind = value
		}
		return nil
	}, func(number int, body []byte) {
		if number == 2 && len(body) == 4 {
			p.score = math.Float32frombits(binary.LittleEndian.Uint32(body))
		}
	})
	return p, kind, err
}

// checkTrainer refuses models of other kinds.
func checkTrainer(msg []byte) error {
	return fields(msg, func(number int, value uint64, _ []byte) error {
		switch {
		case number == 3 && value != 1:
			return fmt.Errorf("it is a model of kind %d; unigram (1) is supported", value)
		case number == 24 && value != 0, number == 35 && value != 0:
			return errors.New("it marks spaces behind words or falls back on bytes, which is not supported")
		}
		return nil
	})
}
