package ooxmlcrypt

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"

	"github.com/smartretriever/smartretriever/rag"
)

const (
	standardSpins = 50_000
	flagAES       = 0x20
	flagExternal  = 0x10 // by a program of its own kind
)

// standard is the encryption of Office 2007 ([MS-OFFCRYPTO] 2.3.4.5 to 2.3.4.9).
type standard struct {
	keySize      int // bytes
	salt         []byte
	verifier     []byte // encrypted, 16 bytes
	verifierHash []byte // encrypted, 32 bytes of which 20 are the hash
}

// readStandard reads the header and the verifier behind it.
func readStandard(info []byte) (method, error) {
	u32 := func(b []byte, at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	if len(info) < 12 {
		return nil, damaged("what it says of its encryption is cut off")
	}
	size := int(min(u32(info, 8), maxInfo))
	if size < 32 || len(info) < 12+size+4+16+16+4+32 {
		return nil, damaged("what it says of its encryption is cut off")
	}
	header, rest := info[12:12+size], info[12+size:]
	flags, algorithm, hash, bits := u32(header, 0), u32(header, 8), u32(header, 12), int(u32(header, 16))
	known := map[uint32]int{0x660e: 128, 0x660f: 192, 0x6610: 256, 0: 128}
	if flags&flagExternal != 0 || flags&flagAES == 0 || known[algorithm] != bits || hash != 0 && hash != 0x8004 {
		return nil, rag.Errorf(rag.KindInvalid, "the Office file is encrypted by an algorithm that is not supported (%#x with hash %#x and %d bits)", algorithm, hash, bits)
	}
	if u32(rest, 0) != 16 {
		return nil, damaged("its salt has an impossible size")
	}
	return &standard{keySize: bits / 8, salt: rest[4:20], verifier: rest[20:36], verifierHash: rest[40:72]}, nil
}

func (s *standard) key(password []byte) ([]byte, bool, error) {
	h := sha1.Sum(append(bytes.Clone(s.salt), password...))
	var round [4 + sha1.Size]byte
	for i := range standardSpins {
		binary.LittleEndian.PutUint32(round[:], uint32(i))
		copy(round[4:], h[:])
		h = sha1.Sum(round[:])
	}
	var final [sha1.Size + 4]byte // the block number 0 behind the hash
	copy(final[:], h[:])
	h = sha1.Sum(final[:])
	derived := append(half(h[:], 0x36), half(h[:], 0x5c)...)[:s.keySize]

	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, false, err
	}
	verifier, hash := single(block, s.verifier), single(block, s.verifierHash)
	want := sha1.Sum(verifier)
	return derived, subtle.ConstantTimeCompare(want[:], hash[:sha1.Size]) == 1, nil
}

// half is one half of the key: the hash of the hash, mixed with a byte.
func half(h []byte, mix byte) []byte {
	var buffer [64]byte
	for i := range buffer {
		buffer[i] = mix
	}
	for i, b := range h {
		buffer[i] ^= b
	}
	sum := sha1.Sum(buffer[:])
	return sum[:]
}

// single decrypts block by block, each for itself. What is left of a last, incomplete
// block is dropped.
func single(block cipher.Block, sealed []byte) []byte {
	out := make([]byte, len(sealed)/aes.BlockSize*aes.BlockSize)
	for i := 0; i < len(out); i += aes.BlockSize {
		block.Decrypt(out[i:], sealed[i:])
	}
	return out
}

func (s *standard) open(key, sealed []byte) ([]byte, error) {
	size, sealed, err := length(sealed)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	out := single(block, sealed)
	if size > len(out) {
		return nil, damaged("it is shorter than it says")
	}
	return out[:size], nil
}
