package column

import "encoding/hex"

const (
	uuidSize = 16
	uuidText = 36
)

// parseUUID returns the bytes of a UUID in canonical text form: lower-case
// hexadecimal digits in groups of 8, 4, 4, 4 and 12. Such texts and their bytes
// have the same order.
func parseUUID[T string | []byte](s T) (u [uuidSize]byte, ok bool) {
	if len(s) != uuidText || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return u, false
	}
	i := 0
	for at := 0; at < uuidText; at += 2 {
		if s[at] == '-' {
			at++
		}
		high, low := digit(s[at]), digit(s[at+1])
		if high|low > 15 {
			return u, false
		}
		u[i] = high<<4 | low
		i++
	}
	return u, true
}

func digit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}

func appendUUID(dst, u []byte) []byte {
	u = u[:uuidSize]
	dst = hex.AppendEncode(dst, u[:4])
	for _, group := range [][]byte{u[4:6], u[6:8], u[8:10], u[10:]} {
		dst = hex.AppendEncode(append(dst, '-'), group)
	}
	return dst
}
