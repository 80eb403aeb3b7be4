package msg

import (
	"bytes"

	"github.com/smartretriever/smartretriever/rag"
)

// The dictionary with which a compressed RTF begins (MS-OXRTFCP 2.1.2.1).
const dictionary = "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier" +
	"{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"

const (
	windowSize   = 4096
	compressed   = "LZFu"
	uncompressed = "MELA"
	maxRTF       = 64 << 20 // bytes after decompression
)

func damaged(what string) error {
	return rag.Errorf(rag.KindInvalid, "the MSG file is damaged: %s", what)
}

// decompress undoes the compression of RTF: groups of eight items behind a byte of
// flags, each a byte or a reference into the last 4,096 bytes (12 bits of place, 4 of
// length), until one that refers to the place it would be written to. What was read
// before a damage is returned with the error.
func decompress(b []byte) ([]byte, error) {
	if len(b) < 16 {
		return nil, damaged("its formatted body is cut off")
	}
	size := int(le.Uint32(b[4:]))
	data := b[16:]
	switch string(b[8:12]) {
	case uncompressed:
		return data[:min(len(data), size)], nil
	case compressed:
	default:
		return nil, damaged("its formatted body is packed in an unknown way")
	}
	var window [windowSize]byte
	write := copy(window[:], dictionary)
	var out []byte
	put := func(c byte) {
		out = append(out, c)
		window[write] = c
		write = (write + 1) % windowSize
	}
	for i := 0; i < len(data) && len(out) < maxRTF; {
		flags := data[i]
		i++
		for bit := range 8 {
			if flags>>bit&1 == 0 {
				if i >= len(data) {
					return out, damaged("its formatted body is cut off")
				}
				put(data[i])
				i++
				continue
			}
			if i+1 >= len(data) {
				return out, damaged("its formatted body is cut off")
			}
			ref := int(data[i])<<8 | int(data[i+1])
			i += 2
			from, length := ref>>4, ref&15+2
			if from == write {
				return bytes.TrimRight(out, "\x00"), nil
			}
			for range length {
				put(window[from])
				from = (from + 1) % windowSize
			}
		}
	}
	return out, nil
}
