package odf

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"golang.org/x/crypto/argon2"
	//lint:ignore SA1019 old files are encrypted with it
	"golang.org/x/crypto/blowfish"

	"github.com/smartretriever/smartretriever/rag"
)

// Limits on what a file may ask for to derive a key: they are numbers in the file,
// and time and memory follow them.
const (
	maxEffort = 20_000_000 // rounds of HMAC-SHA-1 in all parts together, some ten seconds
	maxPasses = 16
	maxMemory = 256 << 10 // KiB
	maxLanes  = 64
)

var errPassword = rag.Errorf(rag.KindUnauthorized, "the password of the OpenDocument file is wrong")

// seal is how one part is encrypted (OpenDocument part 2, 3.8 and 4.8; OpenDocument
// 1.4 for Argon2id and AES-GCM). In the parts of its name that matter:
//
//	key = derive(start(password)):  SHA-1 or SHA-256, then PBKDF2-HMAC-SHA-1 or Argon2id
//	Blowfish in cipher feedback of 64 bits, AES in CBC, AES in GCM
type seal struct {
	algorithm    string
	vector       []byte
	start        string // hash of the password
	derivation   string
	keySize      int
	iterations   int
	salt         []byte
	passes       int // of Argon2id, like memory in KiB and lanes
	memory       int
	lanes        int
	checksumKind string
	checksum     []byte
}

// effort is what deriving the key costs, in rounds of HMAC-SHA-1.
func (s *seal) effort() int {
	if s.argon() {
		return s.passes * s.memory / 32
	}
	return min(s.iterations, maxEffort+1) * (1 + s.keySize/sha1.Size)
}

func (s *seal) argon() bool { return strings.HasSuffix(s.derivation, "argon2id") }

// authenticated reports whether the cipher itself knows the right key.
func (s *seal) authenticated() bool { return strings.HasSuffix(s.algorithm, "gcm") }

// open decrypts a part. A wrong password is KindUnauthorized.
func (s *seal) open(content []byte, password string) ([]byte, error) {
	key, err := s.key(password)
	if err != nil {
		return nil, err
	}
	algorithm := strings.ToLower(s.algorithm)
	var plain []byte
	switch {
	case strings.Contains(algorithm, "blowfish"):
		plain, err = s.blowfish(key, content)
	case strings.HasSuffix(algorithm, "-cbc"):
		plain, err = s.cbc(key, content)
	case strings.HasSuffix(algorithm, "-gcm"):
		plain, err = s.gcm(key, content)
	default:
		return nil, rag.Errorf(rag.KindInvalid, "the OpenDocument file is encrypted with %s, which is not supported", shown(s.algorithm))
	}
	if err != nil {
		return nil, err
	}
	if !s.matches(plain) {
		return nil, errPassword
	}
	return plain, nil
}

// shown is a name from the file as it may stand in an error.
func shown(name string) string {
	if name == "" {
		return "an unnamed method"
	}
	return strings.ToValidUTF8(name[:min(len(name), 80)], "?")
}

// key derives the key of the part from the password.
func (s *seal) key(password string) ([]byte, error) {
	var start []byte
	switch name := strings.ToLower(s.start); {
	case strings.Contains(name, "sha256"):
		sum := sha256.Sum256([]byte(password))
		start = sum[:]
	case name == "", strings.Contains(name, "sha1"):
		sum := sha1.Sum([]byte(password))
		start = sum[:]
	default:
		return nil, rag.Errorf(rag.KindInvalid, "the OpenDocument file is encrypted with %s, which is not supported", shown(s.start))
	}
	if s.keySize < 4 || s.keySize > 56 {
		return nil, rag.Errorf(rag.KindInvalid, "the OpenDocument file is damaged: a key of %d bytes", s.keySize)
	}
	switch {
	case s.argon():
		if s.passes < 1 || s.passes > maxPasses || s.memory > maxMemory || s.lanes < 1 || s.lanes > maxLanes {
			return nil, rag.Errorf(rag.KindExhausted, "its encryption asks for more than %d MiB or %d passes of Argon2", maxMemory>>10, maxPasses)
		}
		return argon2.IDKey(start, s.salt, uint32(s.passes), uint32(s.memory), uint8(s.lanes), uint32(s.keySize)), nil
	case strings.EqualFold(s.derivation, "PBKDF2"), strings.HasSuffix(s.derivation, "#pbkdf2"), s.derivation == "":
		if s.iterations < 1 || s.iterations > maxEffort {
			return nil, rag.Errorf(rag.KindExhausted, "its encryption asks for %d rounds of key derivation", s.iterations)
		}
		key, err := pbkdf2.Key(sha1.New, string(start), s.salt, s.iterations, s.keySize)
		return key, rag.Wrap(rag.KindInvalid, err, "derive the key")
	case strings.EqualFold(s.derivation, "PGP"):
		return nil, rag.Errorf(rag.KindUnauthorized, "the OpenDocument file is encrypted for OpenPGP keys; no password opens it")
	}
	return nil, rag.Errorf(rag.KindInvalid, "the OpenDocument file is encrypted with %s, which is not supported", shown(s.derivation))
}

var errVector = rag.Errorf(rag.KindInvalid, "the OpenDocument file is damaged: its encryption has no usable initialisation vector")

// blowfish decrypts in cipher feedback of whole blocks, as the files are written; the
// standard speaks of 8 bits.
func (s *seal) blowfish(key, content []byte) ([]byte, error) {
	block, err := blowfish.NewCipher(key)
	if err != nil || len(s.vector) != blowfish.BlockSize {
		return nil, errVector
	}
	out := make([]byte, len(content))
	stream, before := make([]byte, blowfish.BlockSize), s.vector
	for at := 0; at < len(content); at += blowfish.BlockSize {
		block.Encrypt(stream, before)
		before = content[at:min(at+blowfish.BlockSize, len(content))]
		subtle.XORBytes(out[at:], before, stream)
	}
	return out, nil
}

// cbc decrypts in cipher block chaining; the last byte says how many bytes the last
// block was filled up with.
func (s *seal) cbc(key, content []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil || len(s.vector) != aes.BlockSize {
		return nil, errVector
	}
	if len(content) == 0 || len(content)%aes.BlockSize != 0 {
		return nil, rag.Errorf(rag.KindInvalid, "the OpenDocument file is damaged: an encrypted part is cut off")
	}
	out := make([]byte, len(content))
	cipher.NewCBCDecrypter(block, s.vector).CryptBlocks(out, content)
	fill := int(out[len(out)-1])
	if fill < 1 || fill > aes.BlockSize {
		return nil, errPassword
	}
	return out[:len(out)-fill], nil
}

// gcm decrypts in Galois/counter mode. The vector stands before the data once more.
func (s *seal) gcm(key, content []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errVector
	}
	mode, err := cipher.NewGCM(block)
	if err != nil || len(s.vector) != mode.NonceSize() {
		return nil, errVector
	}
	plain, err := mode.Open(nil, s.vector, bytes.TrimPrefix(content, s.vector), nil)
	if err != nil {
		return nil, errPassword
	}
	return plain, nil
}

// matches compares the checksum of the compressed part, or of its first 1,024 bytes;
// without one that is known everything matches.
func (s *seal) matches(plain []byte) bool {
	kind := strings.ToLower(s.checksumKind)
	if len(s.checksum) == 0 {
		return true
	}
	if strings.HasSuffix(kind, "1k") {
		plain = plain[:min(len(plain), 1024)]
	}
	switch {
	case strings.Contains(kind, "sha256"):
		sum := sha256.Sum256(plain)
		return bytes.Equal(sum[:], s.checksum)
	case strings.Contains(kind, "sha1"):
		sum := sha1.Sum(plain)
		return bytes.Equal(sum[:], s.checksum)
	}
	return true
}
