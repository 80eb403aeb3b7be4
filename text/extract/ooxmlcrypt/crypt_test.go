package ooxmlcrypt_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/ole/oletest"
	"github.com/smartretriever/smartretriever/text/extract/ooxmlcrypt"
)

func wide(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}

func le32(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }

func pad(b []byte, to int) []byte {
	for len(b)%to != 0 {
		b = append(b, 0)
	}
	return b
}

func sum512(pieces ...[]byte) []byte {
	h := sha512.New()
	for _, p := range pieces {
		h.Write(p)
	}
	return h.Sum(nil)
}

func cbc(t testing.TB, key, iv, plain []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, iv[:16]).CryptBlocks(out, plain)
	return out
}

// agile encrypts as Office 2010 does ([MS-OFFCRYPTO] 2.3.4.10 to 2.3.4.15), with
// SHA-512 and AES-256.
func agile(t testing.TB, plain []byte, password string, spins int) (info, sealed []byte) {
	t.Helper()
	salt, dataSalt := []byte("0123456789abcdef"), []byte("fedcba9876543210")
	secret := bytes.Repeat([]byte{7}, 32)
	h := sum512(salt, wide(password))
	for i := range min(spins, 1000) {
		h = sum512(le32(i), h)
	}
	under := func(use string, b []byte) string {
		return base64.StdEncoding.EncodeToString(cbc(t, sum512(h, []byte(use))[:32], salt, b))
	}
	verifier := []byte("a verifier of 16")
	size := binary.LittleEndian.AppendUint64(nil, uint64(len(plain)))
	sealed = size
	for i := 0; i*4096 < len(plain); i++ {
		part := pad(bytes.Clone(plain[i*4096:min(len(plain), (i+1)*4096)]), 16)
		sealed = append(sealed, cbc(t, secret, sum512(dataSalt, le32(i)), part)...)
	}
	macKey := bytes.Repeat([]byte{9}, 64)
	mac := hmac.New(sha512.New, macKey)
	mac.Write(sealed)
	sign := func(use string, b []byte) string {
		return base64.StdEncoding.EncodeToString(cbc(t, secret, sum512(dataSalt, []byte(use)), b))
	}
	const common = `saltSize="16" blockSize="16" keyBits="256" hashSize="64" cipherAlgorithm="AES" cipherChaining="ChainingModeCBC" hashAlgorithm="SHA512"`
	description := fmt.Sprintf(`<encryption xmlns="http://schemas.microsoft.com/office/2006/encryption" xmlns:p="http://schemas.microsoft.com/office/2006/keyEncryptor/password"><keyData %s saltValue="%s"/><dataIntegrity encryptedHmacKey="%s" encryptedHmacValue="%s"/><keyEncryptors><keyEncryptor uri="http://schemas.microsoft.com/office/2006/keyEncryptor/password"><p:encryptedKey spinCount="%d" %s saltValue="%s" encryptedVerifierHashInput="%s" encryptedVerifierHashValue="%s" encryptedKeyValue="%s"/></keyEncryptor></keyEncryptors></encryption>`,
		common, base64.StdEncoding.EncodeToString(dataSalt), sign("\x5f\xb2\xad\x01\x0c\xb9\xe1\xf6", macKey), sign("\xa0\x67\x7f\x02\xb2\x2c\x84\x33", mac.Sum(nil)),
		spins, common, base64.StdEncoding.EncodeToString(salt), under("\xfe\xa7\xd2\x76\x3b\x4b\x9e\x79", verifier), under("\xd7\xaa\x0f\x6d\x30\x61\x34\x4e", sum512(verifier)), under("\x14\x6e\x0b\xe7\xab\xac\xd0\xd6", secret))
	return append([]byte{4, 0, 4, 0, 0x40, 0, 0, 0}, description...), sealed
}

// standard encrypts as Office 2007 does ([MS-OFFCRYPTO] 2.3.4.5 to 2.3.4.9), with
// AES-128.
func standard(t testing.TB, plain []byte, password string) (info, sealed []byte) {
	t.Helper()
	salt := []byte("0123456789abcdef")
	h := sha1.Sum(append(bytes.Clone(salt), wide(password)...))
	for i := range 50_000 {
		h = sha1.Sum(append(le32(i), h[:]...))
	}
	h = sha1.Sum(append(h[:], 0, 0, 0, 0))
	mixed := bytes.Repeat([]byte{0x36}, 64)
	for i, b := range h {
		mixed[i] ^= b
	}
	key := sha1.Sum(mixed)
	block, err := aes.NewCipher(key[:16])
	if err != nil {
		t.Fatal(err)
	}
	ecb := func(b []byte) []byte {
		out := make([]byte, len(b))
		for i := 0; i < len(b); i += 16 {
			block.Encrypt(out[i:], b[i:])
		}
		return out
	}
	verifier := []byte("a verifier of 16")
	hash := sha1.Sum(verifier)
	header := slicesOf(le32(0x24), le32(0), le32(0x660e), le32(0x8004), le32(128), le32(0x18), le32(0), le32(0), wide("AES\x00"))
	info = slicesOf([]byte{4, 0, 2, 0}, le32(0x24), le32(len(header)), header, le32(16), salt, ecb(verifier), le32(20), ecb(pad(hash[:], 32)))
	return info, append(binary.LittleEndian.AppendUint64(nil, uint64(len(plain))), ecb(pad(bytes.Clone(plain), 16))...)
}

func slicesOf(pieces ...[]byte) []byte { return bytes.Join(pieces, nil) }

func file(info, sealed []byte) []byte {
	return oletest.Build(oletest.Stream{Name: "EncryptionInfo", Content: info}, oletest.Stream{Name: "EncryptedPackage", Content: sealed})
}

func TestDecrypt(t *testing.T) {
	plain := []byte("PK\x03\x04" + strings.Repeat("what is in the container ", 1000))
	agileInfo, agileSealed := agile(t, plain, "pässword", 100)
	standardInfo, standardSealed := standard(t, plain, "pässword")
	openInfo, openSealed := agile(t, plain, "VelvetSweatshop", 100)
	for _, c := range []struct {
		name    string
		content []byte
		words   string
		want    error
	}{
		{"agile", file(agileInfo, agileSealed), "pässword", nil},
		{"standard", file(standardInfo, standardSealed), "pässword", nil},
		{"opens without a password", file(openInfo, openSealed), "", nil},
		{"opens with any password", file(openInfo, openSealed), "other", nil},
		{"agile, wrong", file(agileInfo, agileSealed), "password", rag.ErrUnauthorized},
		{"agile, none", file(agileInfo, agileSealed), "", rag.ErrUnauthorized},
		{"standard, wrong", file(standardInfo, standardSealed), "password", rag.ErrUnauthorized},
	} {
		got, err := ooxmlcrypt.Decrypt(c.content, c.words)
		if c.want != nil {
			if !errors.Is(err, c.want) || c.words != "" && strings.Contains(err.Error(), `"`+c.words) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: %v, %d bytes, want %d", c.name, err, len(got), len(plain))
		}
	}
}

func TestRefusals(t *testing.T) {
	plain := []byte("PK\x03\x04" + strings.Repeat("x", 9000))
	info, sealed := agile(t, plain, "p", 10)
	changed := bytes.Clone(sealed)
	changed[100] ^= 1
	slow, _ := agile(t, plain, "p", 100_000_000)
	none := bytes.ReplaceAll(info, []byte("keyEncryptor/password"), []byte("keyEncryptor/certificate"))
	for _, c := range []struct {
		name    string
		content []byte
		want    error
	}{
		{"changed contents", file(info, changed), rag.ErrInvalid},
		{"contents cut off", file(info, sealed[:5000]), rag.ErrInvalid},
		{"100 M rounds", file(slow, sealed), rag.ErrExhausted},
		{"a certificate", file(none, sealed), rag.ErrUnauthorized},
		{"another algorithm", file(bytes.ReplaceAll(info, []byte(`"AES"`), []byte(`"DES"`)), sealed), rag.ErrInvalid},
		{"another hash", file(bytes.ReplaceAll(info, []byte("SHA512"), []byte("MD5")), sealed), rag.ErrInvalid},
		{"an impossible key", file(bytes.ReplaceAll(info, []byte(`keyBits="256"`), []byte(`keyBits="-8"`)), sealed), rag.ErrInvalid},
		{"another version", file(append([]byte{9, 0, 9, 0}, info[4:]...), sealed), rag.ErrInvalid},
		{"no XML", file(info[:300], sealed), rag.ErrInvalid},
		{"rights management", oletest.Build(oletest.Stream{Name: "DRMEncryptedDataSpace"}, oletest.Stream{Name: "EncryptedPackage"}), rag.ErrUnauthorized},
		{"not encrypted", oletest.Build(oletest.Stream{Name: "WordDocument", Content: []byte("x")}), rag.ErrInvalid},
		{"not OLE", []byte("PK\x03\x04"), rag.ErrInvalid},
	} {
		if _, err := ooxmlcrypt.Decrypt(c.content, "p"); !errors.Is(err, c.want) {
			t.Errorf("%s: %v (%s)", c.name, err, rag.KindOf(err))
		}
	}
}

func FuzzDecrypt(f *testing.F) {
	info, sealed := agile(f, []byte("PK\x03\x04 and more"), "p", 2)
	f.Add(info, sealed)
	f.Add([]byte{4, 0, 2, 0, 0x24, 0, 0, 0, 32, 0, 0, 0, 0x24, 0, 0, 0, 0, 0, 0, 0, 0x0e, 0x66, 0, 0, 4, 0x80, 0, 0, 128, 0, 0, 0}, sealed)
	f.Fuzz(func(t *testing.T, info, sealed []byte) {
		plain, err := ooxmlcrypt.Decrypt(file(info, sealed), "p")
		if len(plain) > len(sealed) {
			t.Errorf("%d bytes of %d", len(plain), len(sealed))
		}
		if err != nil {
			switch rag.KindOf(err) {
			case rag.KindInvalid, rag.KindUnauthorized, rag.KindExhausted:
			default:
				t.Errorf("%v (%s)", err, rag.KindOf(err))
			}
		}
	})
}
