package redis

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A value is stored as
//
//	epoch     8 bytes, put before it by lua/set.lua
//	version   1 byte
//	coding    1 byte: 0 as it is, 1 Zstandard
//	checksum  4 bytes: CRC-32C of the key and of all that follows
//	size      uvarint: bytes of the value
//	value
//
// What does not read like that is no value. JSON of answers shrinks to a quarter by
// Zstandard at its fastest and to a third by S2, in about the same time; a question's vector
// does not, and stays as it is (BenchmarkCoding).
const (
	epochBytes = 8
	version    = 1

	asItIs    = 0
	zstandard = 1

	// leastCompressed is the size from which compressing can pay for its header.
	leastCompressed = 256
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errDamaged = errors.New("redis: a stored value is damaged")

var encoder = sync.OnceValue(func() *zstd.Encoder {
	e, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false)) // wrong options only are an error
	return e
})

// encode returns what is stored for value after its epoch.
func encode(key string, value []byte) []byte {
	out := make([]byte, 6, 6+binary.MaxVarintLen64+len(value))
	out[0], out[1] = version, asItIs
	out = binary.AppendUvarint(out, uint64(len(value)))
	head := len(out)
	if len(value) >= leastCompressed {
		if out = encoder().EncodeAll(value, out); len(out)-head < len(value)*9/10 {
			out[1] = zstandard
		} else {
			out = out[:head]
		}
	}
	if out[1] == asItIs {
		out = append(out, value...)
	}
	binary.LittleEndian.PutUint32(out[2:], checksum(key, out))
	return out
}

// decode returns the value in what is stored after its epoch, of at most most bytes.
func decode(key string, stored []byte, most int) ([]byte, error) {
	if len(stored) < 7 || stored[0] != version || binary.LittleEndian.Uint32(stored[2:]) != checksum(key, stored) {
		return nil, errDamaged
	}
	size, n := binary.Uvarint(stored[6:])
	if n <= 0 || size > uint64(most) {
		return nil, errDamaged
	}
	body := stored[6+n:]
	switch stored[1] {
	case asItIs:
	case zstandard:
		var err error
		if body, err = decompress(body, int(size)); err != nil {
			return nil, errDamaged
		}
	default:
		return nil, errDamaged
	}
	if uint64(len(body)) != size {
		return nil, errDamaged
	}
	return body, nil
}

var decoder = sync.OnceValue(func() *zstd.Decoder {
	d, _ := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(1<<30)) // wrong options only are an error
	return d
})

// decompress returns what body holds, of size bytes: no more room than that is taken for
// what says of itself that it is larger.
func decompress(body []byte, size int) ([]byte, error) {
	var h zstd.Header
	if err := h.Decode(body); err != nil {
		return nil, err
	}
	if !h.HasFCS || h.FrameContentSize != uint64(size) {
		return nil, errDamaged
	}
	return decoder().DecodeAll(body, make([]byte, 0, size))
}

// checksum is that of a key and of what follows the checksum's place.
func checksum(key string, stored []byte) uint32 {
	sum := crc32.Update(crc32.Checksum([]byte(key), castagnoli), castagnoli, stored[:2])
	return crc32.Update(sum, castagnoli, stored[6:])
}
