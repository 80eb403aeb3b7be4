// Package ooxmlcrypt decrypts Office documents that are protected by a password
// ([MS-OFFCRYPTO] 2.3.4).
//
// An encrypted DOCX, XLSX or PPTX is an OLE compound file with two streams: one that
// says how it was encrypted (EncryptionInfo) and the encrypted zip container
// (EncryptedPackage). Office 2007 writes "standard" encryption, AES in single blocks
// under a key of SHA-1; Office 2010 and later "agile", AES in chained blocks under a
// hash that the file names, with a checksum of the whole. In both the password is
// hashed many times over, which makes guessing slow, and a verifier tells whether it
// was the right one before anything is decrypted:
//
//	crypt.go     which kind it is, and which passwords are tried
//	agile.go     Office 2010 and later
//	standard.go  Office 2007
//
// What only Windows can open, since the key is kept by a server (rights management)
// or on a smart card, is refused.
package ooxmlcrypt

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/ole"
)

const (
	// wellKnown is the password with which Excel encrypts a workbook whose sheets are
	// to be protected from changes only; every program opens it without asking.
	wellKnown = "VelvetSweatshop"

	maxPassword = 255       // characters that Office takes
	maxSpins    = 2_000_000 // rounds of hashing; Office does 50,000 or 100,000
	maxInfo     = 1 << 20   // bytes of EncryptionInfo
)

// Is reports whether content is an encrypted Office document.
func Is(content []byte) bool {
	if !ole.Is(content) {
		return false
	}
	f, err := ole.Open(content)
	return err == nil && f.Has("EncryptionInfo") && f.Has("EncryptedPackage")
}

// Decrypt returns the zip container that an encrypted Office document holds. The
// password that opens documents without asking is tried too. A missing or wrong
// password is KindUnauthorized, as is a document whose key is not made from a
// password; one that is damaged, was changed after it was encrypted, or uses an
// unknown encryption is KindInvalid; one that asks for more rounds of hashing than
// any program writes is KindExhausted.
//
// Errors never contain the password.
func Decrypt(content []byte, password string) ([]byte, error) {
	f, err := ole.Open(content)
	if err != nil {
		return nil, err
	}
	for path := range f.Paths() {
		if strings.HasSuffix(path, "DRMEncryptedTransform/\x06Primary") || strings.Contains(path, "DRMEncryptedDataSpace") {
			return nil, rag.Errorf(rag.KindUnauthorized, "the Office file is protected by rights management, not by a password; save it without protection")
		}
	}
	info, err := f.Read("EncryptionInfo")
	if err != nil {
		return nil, err
	}
	if len(info) < 8 || len(info) > maxInfo {
		return nil, damaged("what it says of its encryption has an impossible size")
	}
	method, err := read(info)
	if err != nil {
		return nil, err
	}
	key, err := unlock(method, password)
	if err != nil {
		return nil, err
	}
	sealed, err := f.Read("EncryptedPackage")
	if err != nil {
		return nil, err
	}
	return method.open(key, sealed)
}

// method is a way of encryption with what the file says of it.
type method interface {
	// key derives the key from a password; ok is false if it is not the right one.
	key(password []byte) (key []byte, ok bool, err error)
	// open decrypts the package.
	open(key, sealed []byte) ([]byte, error)
}

// read finds out which encryption it is, by the version that the stream begins with.
func read(info []byte) (method, error) {
	major, minor := binary.LittleEndian.Uint16(info), binary.LittleEndian.Uint16(info[2:])
	switch {
	case major == 4 && minor == 4:
		return readAgile(info[8:])
	case minor == 2 && major >= 2 && major <= 4:
		return readStandard(info)
	case minor == 3 && (major == 3 || major == 4):
		return nil, rag.Errorf(rag.KindInvalid, "the Office file is encrypted by a program of its own kind (extensible encryption), which is not supported")
	}
	return nil, rag.Errorf(rag.KindInvalid, "the Office file has encryption of version %d.%d, which is not supported", major, minor)
}

// unlock tries the well-known password and then the given one.
func unlock(m method, password string) ([]byte, error) {
	for _, p := range []string{password, wellKnown} {
		if p == "" {
			continue
		}
		key, ok, err := m.key(encode(p))
		if err != nil || ok {
			return key, err
		}
	}
	if password == "" {
		return nil, rag.Errorf(rag.KindUnauthorized, "the Office file is encrypted; give its password")
	}
	return nil, rag.Errorf(rag.KindUnauthorized, "the Office file is encrypted, and the password is wrong")
}

// encode writes a password as it is hashed: in UTF-16.
func encode(password string) []byte {
	units := utf16.Encode([]rune(password))
	units = units[:min(len(units), maxPassword)]
	out := make([]byte, 0, 2*len(units))
	for _, u := range units {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}

// length takes the size of the plain package from the front of the encrypted one.
func length(sealed []byte) (size int, rest []byte, err error) {
	if len(sealed) < 8 {
		return 0, nil, damaged("its contents are missing")
	}
	n := binary.LittleEndian.Uint64(sealed)
	rest = sealed[8:]
	if n > uint64(len(rest)) {
		return 0, nil, damaged("it is shorter than it says")
	}
	return int(n), rest, nil
}

func damaged(how string) error {
	return rag.Errorf(rag.KindInvalid, "the encrypted Office file is damaged: %s", how)
}
