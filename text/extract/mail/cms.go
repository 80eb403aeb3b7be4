package mail

import (
	"bytes"
	"strings"
)

// secured tells what an S/MIME part is.
type secured int

const (
	cmsUnknown secured = iota
	cmsSigned
	cmsEncrypted
)

// Object identifiers of the kinds of content (RFC 5652), without tag and length.
var (
	oidSigned    = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02}
	oidEnveloped = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03}
	oidAuth      = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x17}
	oidEncrypted = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06}
)

func isCMS(kind, name string) bool {
	return kind == "application/pkcs7-mime" || kind == "application/x-pkcs7-mime" || strings.HasSuffix(name, ".p7m")
}

// Secured reads an S/MIME object (CMS, RFC 5652). signed is the content of one that
// is signed, a MIME entity; encrypted says that it cannot be read without a key.
// The signature is not verified.
func Secured(content []byte) (signed []byte, encrypted bool) {
	signed, how := openCMS(content)
	return signed, how == cmsEncrypted
}

// openCMS returns what a signed object holds:
//
//	ContentInfo  SEQUENCE { contentType OID, [0] content }
//	SignedData   SEQUENCE { version, digestAlgorithms SET, encapContentInfo SEQUENCE { OID, [0] OCTET STRING }, ... }
func openCMS(content []byte) ([]byte, secured) {
	info, _, ok := ber(content)
	if !ok || info.tag != 0x30 {
		return nil, cmsUnknown
	}
	kind, rest, ok := ber(info.content)
	if !ok || kind.tag != 0x06 {
		return nil, cmsUnknown
	}
	switch {
	case bytes.Equal(kind.content, oidEnveloped), bytes.Equal(kind.content, oidAuth), bytes.Equal(kind.content, oidEncrypted):
		return nil, cmsEncrypted
	case !bytes.Equal(kind.content, oidSigned):
		return nil, cmsUnknown
	}
	outer, _, ok := ber(rest)
	if !ok || outer.tag != 0xa0 {
		return nil, cmsUnknown
	}
	data, _, ok := ber(outer.content)
	if !ok || data.tag != 0x30 {
		return nil, cmsUnknown
	}
	rest = data.content
	for range 2 { // version, digest algorithms
		if _, rest, ok = ber(rest); !ok {
			return nil, cmsUnknown
		}
	}
	inner, _, ok := ber(rest)
	if !ok || inner.tag != 0x30 {
		return nil, cmsUnknown
	}
	if _, rest, ok = ber(inner.content); !ok {
		return nil, cmsUnknown
	}
	held, _, ok := ber(rest)
	if !ok || held.tag != 0xa0 {
		return nil, cmsUnknown // the content is detached
	}
	return octets(held.content), cmsSigned
}

// octets joins an OCTET STRING that may come in pieces.
func octets(b []byte) []byte {
	v, _, ok := ber(b)
	switch {
	case !ok:
		return nil
	case v.tag == 0x04:
		return v.content
	case v.tag != 0x24:
		return nil
	}
	var out []byte
	for rest := v.content; len(rest) > 0; {
		piece, next, ok := ber(rest)
		if !ok || piece.tag != 0x04 {
			break
		}
		out = append(out, piece.content...)
		rest = next
	}
	return out
}

// value is an element of BER (X.690).
type value struct {
	tag     byte
	content []byte
}

// ber reads the element at the start of b. Lengths that exceed b are cut: a damaged
// end is no reason to lose the rest.
func ber(b []byte) (v value, rest []byte, ok bool) {
	if len(b) < 2 || b[0]&0x1f == 0x1f {
		return v, nil, false
	}
	v.tag = b[0]
	n, head := int(b[1]), 2
	switch {
	case n == 0x80:
		end, ok := endOfContents(b[2:])
		if !ok {
			return v, nil, false
		}
		v.content = b[2 : 2+end]
		return v, b[min(len(b), 2+end+2):], true
	case n > 0x80:
		digits := n & 0x7f
		if digits > 4 || len(b) < 2+digits {
			return v, nil, false
		}
		n, head = 0, 2+digits
		for _, c := range b[2:head] {
			n = n<<8 | int(c)
		}
	}
	end := min(len(b), head+n)
	v.content = b[head:end]
	return v, b[end:], true
}

// endOfContents returns the length of contents of indefinite length, counting how
// many lengths are open instead of calling itself.
func endOfContents(b []byte) (n int, ok bool) {
	for open, i := 1, 0; i+1 < len(b); {
		if b[i] == 0 && b[i+1] == 0 {
			if open--; open == 0 {
				return i, true
			}
			i += 2
			continue
		}
		if b[i]&0x1f == 0x1f {
			return 0, false
		}
		size, head := int(b[i+1]), 2
		switch {
		case size == 0x80:
			open++
			i += 2
			continue
		case size > 0x80:
			digits := size & 0x7f
			if digits > 4 || i+2+digits > len(b) {
				return 0, false
			}
			size, head = 0, 2+digits
			for _, c := range b[i+2 : i+head] {
				size = size<<8 | int(c)
			}
		}
		i += head + size
	}
	return len(b), true // cut off
}
