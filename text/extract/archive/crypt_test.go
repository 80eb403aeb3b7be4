package archive

import (
	"bytes"
	"crypto/aes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"encoding/hex"
	"hash/crc32"
	"testing"
)

// oneEntry writes a zip with a single stored or encrypted member, secret.txt.
func oneEntry(flags, method uint16, crc uint32, packed []byte, size int, extra []byte) []byte {
	const name = "secret.txt"
	head := make([]byte, localSize)
	copy(head, localSign)
	le.PutUint16(head[6:], flags)
	le.PutUint16(head[8:], method)
	le.PutUint16(head[26:], uint16(len(name)))
	out := append(append(head, name...), packed...)
	e := make([]byte, entrySize)
	copy(e, entrySign)
	le.PutUint16(e[8:], flags)
	le.PutUint16(e[10:], method)
	le.PutUint32(e[16:], crc)
	le.PutUint32(e[20:], uint32(len(packed)))
	le.PutUint32(e[24:], uint32(size))
	le.PutUint16(e[28:], uint16(len(name)))
	le.PutUint16(e[30:], uint16(len(extra)))
	e = append(append(e, name...), extra...)
	end := make([]byte, endSize)
	copy(end, endSign)
	le.PutUint16(end[8:], 1)
	le.PutUint16(end[10:], 1)
	le.PutUint32(end[12:], uint32(len(e)))
	le.PutUint32(end[16:], uint32(len(out)))
	return append(append(out, e...), end...)
}

// cryptZip encrypts in the traditional way.
func cryptZip(t testing.TB, password, text string) []byte {
	t.Helper()
	crc := crc32.ChecksumIEEE([]byte(text))
	k := zipKeys{0x12345678, 0x23456789, 0x34567890}
	for i := range len(password) {
		k.update(password[i])
	}
	plain := append([]byte("elevenbytes"), byte(crc>>24))
	plain = append(plain, text...)
	packed := make([]byte, len(plain))
	for i, c := range plain {
		packed[i] = c ^ k.stream()
		k.update(c)
	}
	return oneEntry(flagCrypt, methodStore, crc, packed, len(text), nil)
}

// aesZip encrypts as WinZip does.
func aesZip(t testing.TB, password, text string, vendor byte) []byte {
	t.Helper()
	salt := []byte("sixteen byte salt")[:16]
	derived, err := pbkdf2.Key(sha1.New, password, salt, 1000, 66)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(derived[:32])
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, len(text))
	littleCounter(block, data, []byte(text))
	sum := hmac.New(sha1.New, derived[32:64])
	sum.Write(data)
	packed := append(append(bytes.Clone(salt), derived[64:]...), data...)
	packed = append(packed, sum.Sum(nil)[:10]...)
	crc := uint32(0)
	if vendor == 1 {
		crc = crc32.ChecksumIEEE([]byte(text))
	}
	return oneEntry(flagCrypt, methodAES, crc, packed, len(text), []byte{0x01, 0x99, 7, 0, vendor, 0, 'A', 'E', 3, 0, 0})
}

// TestForeignCipher reads what other programs have encrypted.
func TestForeignCipher(t *testing.T) {
	for name, c := range foreign {
		content, err := hex.DecodeString(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := list(t.Context(), "a.zip", content, Options{Password: "pass"}); len(got) != 1 || got[0] != "secret.txt="+encryptedText {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// foreign are archives made by other programs: secret.txt, password "pass".
var foreign = map[string]string{
	"Info-ZIP, ZipCrypto": "504b03040a00090000000d20765de4614ce31e000000120000000a0000007365637265742e747874df49d46455c0e87f294ae26163ef7241359d2197" +
		"3bbea607d7481f3876e4504b0708e4614ce31e00000012000000504b01021e030a00090000000d20765de4614ce31e000000120000000a0000000000" +
		"000001000000a481000000007365637265742e747874504b0506000000000100010038000000560000000000",
	"pyzipper, AES-256": "504b03041400010063000f20765d0000000030000000120000000a000b007365637265742e74787401990700020041450308009ae318e1a357b7051f" +
		"413cb7316d39b37a30df3f43820f10f866cd2325753a2297c8ed2a2498aefaf6985d23d3c5acdc504b010214031400010063000f20765d0000000030" +
		"000000120000000a000b0000000000000000008001000000007365637265742e7478740199070002004145030800504b050600000000010001004300" +
		"0000630000000000",
}
