package enrich

import (
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// KeyPhones is the key that Phones writes: a list of strings, international numbers in
// the form of E.164 (+493012345678), others as they stand, digits only.
const KeyPhones = "phones"

// Phones lists the telephone numbers in the text that are certain to be some: those
// that begin with + and a country code, those of North America with the area code in
// brackets, and digits that stand behind a word such as Tel. or Phone.
func Phones() Stage {
	return stage{"phones", "1", func(d *Document) rag.Metadata {
		return listed(KeyPhones, phones(d.Text.Content))
	}}
}

// callingCodes are those of ITU-T E.164 with one, two and three digits.
var callingCodes = set(`1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86
	90 91 92 93 94 95 98 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 237 238 239 240 241 242
	243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263 264 265 266 267 268 269 290 291 297 298 299 350 351
	352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 379 380 381 382 383 385 386 387 389 420 421 423 500 501 502 503
	504 505 506 507 508 509 590 591 592 593 594 595 596 597 598 599 670 672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688
	689 690 691 692 800 808 850 852 853 855 856 870 878 880 881 882 883 886 888 960 961 962 963 964 965 966 967 968 970 971 972 973 974
	975 976 977 979 992 993 994 995 996 998`)

// phoneCues are words that a number follows, in lower case, a stop and a colon being
// left out.
var phoneCues = set(`tel telefon telephone phone mobile mobil handy fax telefax teléfono móvil téléphone tél telefono cell`)

func phones(text string) []string {
	var out []string
	for i := 0; i < len(text); {
		c := text[i]
		if c != '+' && c != '(' && !isDigit(c) {
			i++
			continue
		}
		number, end := phoneDigits(text, i)
		if end == i {
			i++
			continue
		}
		if !wordBefore(text, i) && !wordAfter(text, end) {
			if p := phone(text, i, end, number); p != "" {
				out = append(out, p)
			}
		}
		i = end
	}
	return out
}

// phone returns the number if text[i:end] is one for certain, "" otherwise.
func phone(text string, i, end int, number string) string {
	switch {
	case text[i] == '+':
		for n := 1; n <= 3 && n < len(number); n++ {
			if callingCodes[number[:n]] && len(number) >= 8 && len(number) <= 15 {
				return "+" + number
			}
		}
	case text[i] == '(' && i+4 < end && text[i+4] == ')' && len(number) == 10 && nanp(number):
		return "+1" + number
	case cued(text, i) && len(number) >= 6 && len(number) <= 15:
		return number
	}
	return ""
}

// nanp reports whether ten digits are a number of the North American plan: area code
// and exchange do not begin with 0 or 1.
func nanp(n string) bool { return n[0] >= '2' && n[3] >= '2' }

// phoneDigits reads digits with single separators between them.
func phoneDigits(text string, i int) (number string, end int) {
	var b strings.Builder
	const most = 32
	j, last := i, i
	if text[j] == '+' {
		j++
	}
	gap := 0
	for ; j < len(text) && j-i < most; j++ {
		c := text[j]
		switch {
		case isDigit(c):
			b.WriteByte(c)
			last, gap = j+1, 0
			continue
		case strings.IndexByte(" -./()", c) >= 0 && gap < 2 && (b.Len() > 0 || c == '(' || c == ' '):
			gap++
			continue
		}
		break
	}
	if b.Len() < 6 {
		for last = max(last, i+1); last < len(text) && isDigit(text[last]); last++ {
		}
		return "", last
	}
	if last < len(text) && isDigit(text[last]) { // longer than a number may be
		for last < len(text) && isDigit(text[last]) {
			last++
		}
		return "", last
	}
	return b.String(), last
}

// cued reports whether a word such as Tel. stands before i.
func cued(text string, i int) bool {
	const look = 16
	before := strings.TrimRight(text[max(0, i-look):i], " .:\t(")
	start := len(before)
	for start > 0 && (isLetter(before[start-1]) || before[start-1] >= 0x80) {
		start--
	}
	return start < len(before) && phoneCues[strings.ToLower(before[start:])]
}
