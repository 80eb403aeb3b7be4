package ooxmlcrypt

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"hash"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

const segment = 4096 // bytes that are encrypted in one chain

// What a hash is made of beside the password, by its use ([MS-OFFCRYPTO] 2.3.4.13,
// 2.3.4.14).
var (
	blockVerifier     = []byte{0xfe, 0xa7, 0xd2, 0x76, 0x3b, 0x4b, 0x9e, 0x79}
	blockVerifierHash = []byte{0xd7, 0xaa, 0x0f, 0x6d, 0x30, 0x61, 0x34, 0x4e}
	blockKey          = []byte{0x14, 0x6e, 0x0b, 0xe7, 0xab, 0xac, 0xd0, 0xd6}
	blockHMACKey      = []byte{0x5f, 0xb2, 0xad, 0x01, 0x0c, 0xb9, 0xe1, 0xf6}
	blockHMACValue    = []byte{0xa0, 0x67, 0x7f, 0x02, 0xb2, 0x2c, 0x84, 0x33}
)

// agile is the encryption of Office 2010 and later.
type agile struct {
	data     parameters // of the contents
	password parameters // of what the password opens: the key of the contents
	spins    int

	verifier, verifierHash, sealedKey []byte // encrypted under the password
	hmacKey, hmacValue                []byte // encrypted under the key
}

// parameters are how one of the two was encrypted.
type parameters struct {
	newHash   func() hash.Hash
	blockSize int
	keySize   int // bytes
	salt      []byte
}

// attributes are those of keyData and encryptedKey.
type attributes struct {
	BlockSize int    `xml:"blockSize,attr"`
	KeyBits   int    `xml:"keyBits,attr"`
	Cipher    string `xml:"cipherAlgorithm,attr"`
	Chaining  string `xml:"cipherChaining,attr"`
	Hash      string `xml:"hashAlgorithm,attr"`
	Salt      string `xml:"saltValue,attr"`
}

// readAgile reads the description, which is XML.
func readAgile(description []byte) (method, error) {
	var x struct {
		KeyData   attributes `xml:"keyData"`
		Integrity struct {
			Key   string `xml:"encryptedHmacKey,attr"`
			Value string `xml:"encryptedHmacValue,attr"`
		} `xml:"dataIntegrity"`
		Encryptors []struct {
			Password *struct {
				attributes
				Spins        int    `xml:"spinCount,attr"`
				Verifier     string `xml:"encryptedVerifierHashInput,attr"`
				VerifierHash string `xml:"encryptedVerifierHashValue,attr"`
				Key          string `xml:"encryptedKeyValue,attr"`
			} `xml:"http://schemas.microsoft.com/office/2006/keyEncryptor/password encryptedKey"`
		} `xml:"keyEncryptors>keyEncryptor"`
	}
	if err := xml.Unmarshal(description, &x); err != nil {
		return nil, damaged("what it says of its encryption is no XML")
	}
	for _, e := range x.Encryptors {
		if e.Password == nil {
			continue
		}
		p := e.Password
		if p.Spins < 0 || p.Spins > maxSpins {
			return nil, rag.Errorf(rag.KindExhausted, "the Office file asks for %d rounds of hashing its password; at most %d are done", p.Spins, maxSpins)
		}
		a := &agile{spins: p.Spins}
		var err error
		if a.data, err = x.KeyData.parameters(); err != nil {
			return nil, err
		}
		if a.password, err = p.parameters(); err != nil {
			return nil, err
		}
		for to, text := range map[*[]byte]string{
			&a.verifier: p.Verifier, &a.verifierHash: p.VerifierHash, &a.sealedKey: p.Key, &a.hmacKey: x.Integrity.Key, &a.hmacValue: x.Integrity.Value,
		} {
			if *to, err = decode(text); err != nil {
				return nil, err
			}
		}
		return a, nil
	}
	return nil, rag.Errorf(rag.KindUnauthorized, "the Office file is encrypted under a certificate, not a password; save it without protection")
}

func (x *attributes) parameters() (p parameters, err error) {
	hashes := map[string]func() hash.Hash{"SHA1": sha1.New, "SHA256": sha256.New, "SHA384": sha512.New384, "SHA512": sha512.New}
	p = parameters{newHash: hashes[strings.ReplaceAll(strings.ToUpper(x.Hash), "-", "")], blockSize: x.BlockSize, keySize: x.KeyBits / 8}
	if x.Cipher != "AES" || x.Chaining != "ChainingModeCBC" || p.newHash == nil {
		return p, rag.Errorf(rag.KindInvalid, "the Office file is encrypted by an algorithm that is not supported (%.20q with hash %.20q)", x.Cipher+" "+x.Chaining, x.Hash)
	}
	if p.blockSize != aes.BlockSize || p.keySize != 16 && p.keySize != 24 && p.keySize != 32 {
		return p, damaged("its keys have an impossible size")
	}
	p.salt, err = decode(x.Salt)
	return p, err
}

func decode(text string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return nil, damaged("what it says of its encryption is not readable")
	}
	return b, nil
}

func (p *parameters) sum(pieces ...[]byte) []byte {
	h := p.newHash()
	for _, b := range pieces {
		h.Write(b)
	}
	return h.Sum(nil)
}

// fit cuts bytes to a length or fills them up, as the format asks.
func fit(b []byte, n int) []byte {
	if len(b) >= n {
		return b[:n]
	}
	return append(bytes.Clone(b), bytes.Repeat([]byte{0x36}, n-len(b))...)
}

// decrypt undoes AES in chained blocks. Bytes behind the last whole block are
// dropped.
func (p *parameters) decrypt(key, iv, sealed []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, damaged("its keys have an impossible size")
	}
	out := make([]byte, len(sealed)/aes.BlockSize*aes.BlockSize)
	cipher.NewCBCDecrypter(block, fit(iv, aes.BlockSize)).CryptBlocks(out, sealed[:len(out)])
	return out, nil
}

func (a *agile) key(password []byte) ([]byte, bool, error) {
	p := &a.password
	h := p.sum(p.salt, password)
	digest := p.newHash()
	var round [4]byte
	for i := range a.spins {
		binary.LittleEndian.PutUint32(round[:], uint32(i))
		digest.Reset()
		digest.Write(round[:])
		digest.Write(h)
		h = digest.Sum(h[:0])
	}
	open := func(use, sealed []byte) ([]byte, error) {
		return p.decrypt(fit(p.sum(h, use), p.keySize), p.salt, sealed)
	}
	verifier, err := open(blockVerifier, a.verifier)
	if err != nil {
		return nil, false, err
	}
	want, err := open(blockVerifierHash, a.verifierHash)
	if err != nil {
		return nil, false, err
	}
	got := p.sum(verifier)
	if len(verifier) == 0 || len(want) < len(got) || subtle.ConstantTimeCompare(got, want[:len(got)]) != 1 {
		return nil, false, nil
	}
	key, err := open(blockKey, a.sealedKey)
	if err != nil {
		return nil, false, err
	}
	if len(key) < a.data.keySize {
		return nil, false, damaged("its key is cut off")
	}
	return key[:a.data.keySize], true, nil
}

func (a *agile) open(key, sealed []byte) ([]byte, error) {
	if err := a.check(key, sealed); err != nil {
		return nil, err
	}
	size, sealed, err := length(sealed)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(sealed))
	var number [4]byte
	for i := 0; len(sealed) > 0; i++ {
		n := min(segment, len(sealed))
		binary.LittleEndian.PutUint32(number[:], uint32(i))
		plain, err := a.data.decrypt(key, a.data.sum(a.data.salt, number[:]), sealed[:n])
		if err != nil {
			return nil, err
		}
		out = append(out, plain...)
		sealed = sealed[n:]
	}
	if size > len(out) {
		return nil, damaged("it is shorter than it says")
	}
	return out[:size], nil
}

// check compares the checksum of the encrypted contents with the one in the file. Some
// programs write none.
func (a *agile) check(key, sealed []byte) error {
	if len(a.hmacKey) == 0 && len(a.hmacValue) == 0 {
		return nil
	}
	d := &a.data
	secret, err := d.decrypt(key, d.sum(d.salt, blockHMACKey), a.hmacKey)
	if err != nil {
		return err
	}
	want, err := d.decrypt(key, d.sum(d.salt, blockHMACValue), a.hmacValue)
	if err != nil {
		return err
	}
	size := d.newHash().Size()
	if len(secret) < size || len(want) < size {
		return damaged("its checksum is cut off")
	}
	mac := hmac.New(d.newHash, secret[:size])
	mac.Write(sealed)
	if !hmac.Equal(mac.Sum(nil), want[:size]) {
		return damaged("its contents were changed after they were encrypted")
	}
	return nil
}
