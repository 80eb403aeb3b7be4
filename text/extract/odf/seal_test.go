package odf_test

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
	//lint:ignore SA1019 old files are encrypted with it
	"golang.org/x/crypto/blowfish"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/odf"
	"github.com/smartretriever/smartretriever/text/extract/parts/partstest"
)

func deflated(t testing.TB, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// manifest describes one encrypted part.
func manifest(part, data string) string {
	return `<manifest:manifest><manifest:file-entry manifest:full-path="/"/><manifest:file-entry manifest:full-path="` + part + `">` + data + `</manifest:file-entry></manifest:manifest>`
}

var salt, iv = []byte("0123456789abcdef"), []byte("fedcba9876543210")

// withAES encrypts as OpenDocument 1.2 does: SHA-256, PBKDF2, AES-256 in CBC.
func withAES(t testing.TB, document, password string, iterations int) []byte {
	t.Helper()
	packed := deflated(t, document)
	sum := sha256.Sum256(packed[:min(len(packed), 1024)])
	fill := aes.BlockSize - len(packed)%aes.BlockSize
	packed = append(packed, bytes.Repeat([]byte{byte(fill)}, fill)...)
	start := sha256.Sum256([]byte(password))
	key, err := pbkdf2.Key(sha1.New, string(start[:]), salt, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(packed, packed)
	return partstest.Sorted(t, map[string]string{
		"content.xml": string(packed),
		"META-INF/manifest.xml": manifest("content.xml", fmt.Sprintf(`<manifest:encryption-data manifest:checksum-type="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0#sha256-1k" manifest:checksum="%s">
			<manifest:algorithm manifest:algorithm-name="http://www.w3.org/2001/04/xmlenc#aes256-cbc" manifest:initialisation-vector="%s"/>
			<manifest:key-derivation manifest:key-derivation-name="PBKDF2" manifest:key-size="32" manifest:iteration-count="%d" manifest:salt="%s"/>
			<manifest:start-key-generation manifest:start-key-generation-name="http://www.w3.org/2000/09/xmldsig#sha256" manifest:key-size="32"/></manifest:encryption-data>`, b64(sum[:]), b64(iv), iterations, b64(salt))),
	})
}

// withBlowfish encrypts as OpenDocument 1.0 does: SHA-1, PBKDF2, Blowfish in cipher
// feedback.
func withBlowfish(t testing.TB, document, password string) []byte {
	t.Helper()
	packed := deflated(t, document)
	sum := sha1.Sum(packed[:min(len(packed), 1024)])
	start := sha1.Sum([]byte(password))
	key, err := pbkdf2.Key(sha1.New, string(start[:]), salt, 1024, 16)
	if err != nil {
		t.Fatal(err)
	}
	block, err := blowfish.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	before, stream := iv[:8], make([]byte, 8)
	for i := range packed {
		if i%8 == 0 {
			if i > 0 {
				before = packed[i-8 : i]
			}
			block.Encrypt(stream, before)
		}
		packed[i] ^= stream[i%8]
	}
	return partstest.Sorted(t, map[string]string{
		"content.xml": string(packed),
		"META-INF/manifest.xml": manifest("content.xml", fmt.Sprintf(`<manifest:encryption-data manifest:checksum-type="SHA1/1K" manifest:checksum="%s">
			<manifest:algorithm manifest:algorithm-name="Blowfish CFB" manifest:initialisation-vector="%s"/>
			<manifest:key-derivation manifest:key-derivation-name="PBKDF2" manifest:iteration-count="1024" manifest:salt="%s"/></manifest:encryption-data>`, b64(sum[:]), b64(iv[:8]), b64(salt))),
	})
}

// withGCM encrypts a whole container as OpenDocument 1.4 does: SHA-256, Argon2id,
// AES-256 in GCM.
func withGCM(t testing.TB, inner []byte, password string, memory int) []byte {
	t.Helper()
	start := sha256.Sum256([]byte(password))
	block, err := aes.NewCipher(argon2.IDKey(start[:], salt, 1, 64, 2, 32))
	if err != nil {
		t.Fatal(err)
	}
	mode, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	sealed := mode.Seal(bytes.Clone(iv[:12]), iv[:12], deflated(t, string(inner)), nil)
	return partstest.Sorted(t, map[string]string{
		"encrypted-package": string(sealed),
		"META-INF/manifest.xml": manifest("encrypted-package", fmt.Sprintf(`<manifest:encryption-data>
			<manifest:algorithm manifest:algorithm-name="http://www.w3.org/2009/xmlenc11#aes256-gcm" manifest:initialisation-vector="%s"/>
			<manifest:start-key-generation manifest:start-key-generation-name="http://www.w3.org/2001/04/xmlenc#sha256" manifest:key-size="32"/>
			<manifest:key-derivation manifest:key-derivation-name="urn:org:documentfoundation:names:experimental:office:manifest:argon2id" manifest:key-size="32" manifest:salt="%s" loext:argon2-iterations="1" loext:argon2-memory="%d" loext:argon2-lanes="2"/></manifest:encryption-data>`, b64(iv[:12]), b64(salt), memory)),
	})
}

func TestEncrypted(t *testing.T) {
	document := content("", "text", `<text:p>`+strings.Repeat("secret words ", 500)+`</text:p>`)
	files := map[string][]byte{
		"AES":      withAES(t, document, "pässword", 10),
		"Blowfish": withBlowfish(t, document, "pässword"),
		"GCM":      withGCM(t, partstest.Sorted(t, map[string]string{"content.xml": document}), "pässword", 64),
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			if got := extract(t, file, odf.Options{Password: "pässword"}); !strings.HasPrefix(got.Content, "secret words secret") || len(got.Warnings) > 0 {
				t.Errorf("got %.80q with warnings %q", got.Content, got.Warnings)
			}
			for password, message := range map[string]string{"": "needs a password", "wrong": "is wrong"} {
				_, err := odf.Extract(t.Context(), file, odf.Options{Password: password})
				if rag.KindOf(err) != rag.KindUnauthorized || !strings.Contains(err.Error(), message) {
					t.Errorf("with password %q: %v (%s)", password, err, rag.KindOf(err))
				}
			}
		})
	}
}

// TestEncryptionAsksTooMuch holds what a file may cost before its password is known.
func TestEncryptionAsksTooMuch(t *testing.T) {
	for name, file := range map[string][]byte{
		"PBKDF2": withAES(t, "<a/>", "x", 1_000_000_000),
		"Argon2": withGCM(t, nil, "x", 100<<20),
	} {
		if _, err := odf.Extract(t.Context(), file, odf.Options{Password: "x"}); rag.KindOf(err) != rag.KindExhausted {
			t.Errorf("%s: %v (%s)", name, err, rag.KindOf(err))
		}
	}
}

func TestUnknownEncryption(t *testing.T) {
	file := func(derivation, algorithm string) []byte {
		return partstest.Sorted(t, map[string]string{
			"content.xml": "0123456789abcdef",
			"META-INF/manifest.xml": manifest("content.xml", `<manifest:encryption-data><manifest:algorithm manifest:algorithm-name="`+algorithm+`" manifest:initialisation-vector="`+b64(iv)+
				`"/><manifest:key-derivation manifest:key-derivation-name="`+derivation+`" manifest:salt="AAAA"/></manifest:encryption-data>`),
		})
	}
	tests := []struct {
		derivation, algorithm string
		kind                  rag.Kind
	}{
		{"PGP", "x#aes256-cbc", rag.KindUnauthorized}, {"rot13", "x#aes256-cbc", rag.KindInvalid},
		{"PBKDF2", "rot13", rag.KindInvalid}, {"PBKDF2", "Blowfish CFB", rag.KindInvalid},
	}
	for _, test := range tests {
		if _, err := odf.Extract(t.Context(), file(test.derivation, test.algorithm), odf.Options{Password: "x"}); rag.KindOf(err) != test.kind {
			t.Errorf("%s, %s: %v (%s)", test.derivation, test.algorithm, err, rag.KindOf(err))
		}
	}
}

// TestEncryptedBeside reads a text of which only a part beside it is encrypted.
func TestEncryptedBeside(t *testing.T) {
	file := partstest.Sorted(t, map[string]string{
		"content.xml":           content("", "text", `<text:p>open</text:p>`),
		"styles.xml":            "0123456789abcdef",
		"META-INF/manifest.xml": manifest("styles.xml", `<manifest:encryption-data><manifest:algorithm manifest:algorithm-name="x#aes256-cbc"/></manifest:encryption-data>`),
	})
	if got := extract(t, file, odf.Options{}); got.Content != "open" || len(got.Warnings) != 1 {
		t.Errorf("got %q with warnings %q", got.Content, got.Warnings)
	}
}
