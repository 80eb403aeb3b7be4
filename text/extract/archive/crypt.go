package archive

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/subtle"
	"hash/crc32"

	"github.com/smartretriever/smartretriever/rag"
)

func wrongPassword(given string) error {
	if given == "" {
		return rag.Errorf(rag.KindUnauthorized, "is encrypted; a password is needed")
	}
	return rag.Errorf(rag.KindUnauthorized, "is encrypted with another password")
}

// decrypt returns the packed bytes of an encrypted member, by what they are packed,
// and whether the directory's checksum holds for it.
func (e *zipEntry) decrypt(packed []byte, password string) (plain []byte, method uint16, checked bool, err error) {
	if password == "" {
		return nil, 0, false, wrongPassword("")
	}
	if e.method == methodAES {
		plain, err = e.decryptAES(packed, password)
		return plain, e.aesCompression, e.aesVendor == 1, err
	}
	if e.flags&(1<<6) != 0 {
		return nil, 0, false, rag.Errorf(rag.KindUnauthorized, "is encrypted in a way that cannot be read (PKWARE strong encryption)")
	}
	plain, err = e.decryptZip(packed, password)
	return plain, e.method, true, err
}

// decryptZip undoes the traditional encryption (APPNOTE 6.1). The last of the twelve
// bytes before the data tells a wrong password, mostly.
func (e *zipEntry) decryptZip(packed []byte, password string) ([]byte, error) {
	const header = 12
	if len(packed) < header {
		return nil, rag.Errorf(rag.KindInvalid, "is damaged: its encryption has no header")
	}
	k := zipKeys{0x12345678, 0x23456789, 0x34567890}
	for i := range len(password) {
		k.update(password[i])
	}
	plain := make([]byte, len(packed))
	for i, c := range packed {
		plain[i] = c ^ k.stream()
		k.update(plain[i])
		if i == header-1 {
			want := byte(e.crc >> 24)
			if e.flags&(1<<3) != 0 { // the checksum was not known yet
				want = byte(e.clock >> 8)
			}
			if plain[i] != want {
				return nil, wrongPassword(password)
			}
		}
	}
	return plain[header:], nil
}

// zipKeys are the three keys of the traditional encryption.
type zipKeys [3]uint32

func (k *zipKeys) update(c byte) {
	k[0] = crcByte(k[0], c)
	k[1] = (k[1]+k[0]&0xff)*134775813 + 1
	k[2] = crcByte(k[2], byte(k[1]>>24))
}

func (k *zipKeys) stream() byte {
	t := k[2]&0xffff | 2
	return byte(t * (t ^ 1) >> 8)
}

func crcByte(crc uint32, c byte) uint32 { return crc32.IEEETable[byte(crc)^c] ^ crc>>8 }

// decryptAES undoes WinZip's AES encryption (AE-1 and AE-2): a salt of half the key's
// length, two bytes that tell a wrong password, the data in counter mode, and ten
// bytes of HMAC-SHA1 over it. The keys are derived by PBKDF2 with 1,000 rounds.
func (e *zipEntry) decryptAES(packed []byte, password string) ([]byte, error) {
	const check, mac, rounds = 2, 10, 1000
	if e.aesStrength < 1 || e.aesStrength > 3 {
		return nil, rag.Errorf(rag.KindInvalid, "is damaged: its encryption names no strength")
	}
	key := 8 + 8*int(e.aesStrength)
	salt := key / 2
	if len(packed) < salt+check+mac {
		return nil, rag.Errorf(rag.KindInvalid, "is damaged: its encryption has no header")
	}
	derived, err := pbkdf2.Key(sha1.New, password, packed[:salt], rounds, 2*key+check)
	if err != nil {
		return nil, rag.Wrap(rag.KindInvalid, err, "cannot be decrypted")
	}
	if subtle.ConstantTimeCompare(derived[2*key:], packed[salt:salt+check]) != 1 {
		return nil, wrongPassword(password)
	}
	data, want := packed[salt+check:len(packed)-mac], packed[len(packed)-mac:]
	sum := hmac.New(sha1.New, derived[key:2*key])
	sum.Write(data)
	if !hmac.Equal(sum.Sum(nil)[:mac], want) {
		return nil, rag.Errorf(rag.KindInvalid, "is damaged, or is encrypted with another password")
	}
	block, err := aes.NewCipher(derived[:key])
	if err != nil {
		return nil, rag.Wrap(rag.KindInvalid, err, "cannot be decrypted")
	}
	plain := make([]byte, len(data))
	littleCounter(block, plain, data)
	return plain, nil
}

// littleCounter is counter mode with a little-endian counter from 1, which the
// standard library has not.
func littleCounter(block cipher.Block, dst, src []byte) {
	var counter, pad [aes.BlockSize]byte
	for len(src) > 0 {
		for i := range counter {
			if counter[i]++; counter[i] != 0 {
				break
			}
		}
		block.Encrypt(pad[:], counter[:])
		n := subtle.XORBytes(dst, src, pad[:])
		dst, src = dst[n:], src[n:]
	}
}
