package enrich

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/smartretriever/smartretriever/rag"
)

// Keys that PII writes. No value is kept, only of which kinds there are and how many:
// a search for personal data must not become a second place where it lies.
const (
	KeyPII      = "pii"       // list of strings: kinds, as "iban"
	KeyPIICount = "pii_count" // number: of all kinds together; 0 where none was found
)

// Kinds of personal data.
const (
	PIIEmail      = "email"
	PIIPhone      = "phone"
	PIIIBAN       = "iban"
	PIICreditCard = "credit_card"
	PIISSN        = "us_ssn"
	PIISteuerID   = "de_steuer_id"
	PIININO       = "uk_nino"
	PIIIP         = "ip"
)

// PII marks documents that hold personal data: e-mail addresses and telephone numbers
// (as Emails and Phones find them), IBANs with right check digits, numbers of payment
// cards with a right check digit and a known beginning, US social security numbers,
// German tax ids with a right check digit, UK national insurance numbers, and IP
// addresses.
func PII() Stage {
	return stage{"pii", "1", func(d *Document) rag.Metadata {
		counts := pii(d.Text.Content)
		var kinds []string
		total := 0
		for k, n := range counts {
			kinds = append(kinds, k)
			total += n
		}
		slices.Sort(kinds)
		m := rag.Metadata{KeyPIICount: rag.Num(float64(total))}
		if len(kinds) > 0 {
			m[KeyPII] = rag.Strs(kinds...)
		}
		return m
	}}
}

// pii counts personal data by kind.
func pii(text string) map[string]int {
	counts := map[string]int{}
	add := func(kind string, n int) {
		if n > 0 {
			counts[kind] += n
		}
	}
	add(PIIEmail, len(emails(text)))
	add(PIIPhone, len(phones(text)))
	last := -1 // end of the identifier before
	for i := 0; i < len(text); {
		c := text[i]
		if !isAlnum(c) && c != ':' || wordBefore(text, i) {
			i++
			continue
		}
		if kind, end := identifier(text, i, i-1 == last); kind != "" {
			add(kind, 1)
			i, last = end, end
			continue
		}
		for i++; i < len(text) && isAlnum(text[i]); i++ {
		}
	}
	return counts
}

// identifier returns the kind of the identifier that begins at i, and its end. Digits
// behind other digits are the rest of a longer number, unless those were an identifier
// of their own (fresh).
func identifier(text string, i int, fresh bool) (kind string, end int) {
	c := text[i]
	if end := iban(text, i); end > 0 {
		return PIIIBAN, end
	}
	if end := nino(text, i); end > 0 {
		return PIININO, end
	}
	if end := ip(text, i); end > 0 {
		return PIIIP, end
	}
	if !isDigit(c) || !fresh && i > 1 && isDigit(text[i-2]) && strings.IndexByte("-. ,/", text[i-1]) >= 0 {
		return "", i
	}
	if end := ssn(text, i); end > 0 {
		return PIISSN, end
	}
	number, end := grouped(text, i)
	switch {
	case card(number):
		return PIICreditCard, end
	case steuerID(number):
		return PIISteuerID, end
	}
	return "", i
}

// grouped reads digits with one blank or hyphen between groups, up to 23 bytes.
func grouped(text string, i int) (number string, end int) {
	var b strings.Builder
	end = i
	var sep byte
	for j := i; j < len(text) && j-i < 24; j++ {
		c := text[j]
		switch {
		case isDigit(c):
			b.WriteByte(c)
			end = j + 1
			continue
		case (c == ' ' || c == '-') && (sep == 0 || sep == c) && j == end:
			sep = c
			continue
		}
		break
	}
	if wordAfter(text, end) || followed(text, end, '.') || followed(text, end, ',') {
		return "", end
	}
	return b.String(), end
}

// cardRanges are beginnings of card numbers and how many digits those have: Visa,
// Mastercard (51-55, 2221-2720), American Express, Discover, Diners Club, JCB.
func cardRange(n string) bool {
	two, four := atoi(n[:2]), atoi(n[:4])
	switch l := len(n); {
	case n[0] == '4':
		return l == 13 || l == 16 || l == 19
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720:
		return l == 16
	case two == 34, two == 37:
		return l == 15
	case four == 6011, two == 65, four >= 6440 && four <= 6499:
		return l == 16 || l == 19
	case two == 36, two == 38, two == 39, four >= 3000 && four <= 3059:
		return l == 14
	case four >= 3528 && four <= 3589:
		return l == 16
	}
	return false
}

func atoi(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// card reports whether a number is one of a payment card: a known beginning and the
// check digit of ISO/IEC 7812-1 (Luhn). A number of one digit over and over is none.
func card(n string) bool {
	if len(n) < 13 || len(n) > 19 || !cardRange(n) || strings.Count(n, n[:1]) == len(n) {
		return false
	}
	sum := 0
	for i := range len(n) {
		d := int(n[len(n)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// ibanLengths are the lengths of IBANs by country (SWIFT, IBAN Registry).
var ibanLengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28,
	"CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18,
	"GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32,
	"LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15,
	"PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25,
	"SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}

// iban returns the end of the IBAN that begins at i, 0 if there is none: ISO 13616,
// whose check digits make the number 1 modulo 97 (ISO 7064). Single blanks may stand in it.
func iban(text string, i int) int {
	if i+15 > len(text) || !isLetter(text[i]) || !isLetter(text[i+1]) || !isDigit(text[i+2]) || !isDigit(text[i+3]) {
		return 0
	}
	length := ibanLengths[strings.ToUpper(text[i:i+2])]
	if length == 0 {
		return 0
	}
	compact := make([]byte, 0, 34)
	j := i
	for ; j < len(text) && len(compact) < length; j++ {
		switch c := text[j]; {
		case isAlnum(c):
			compact = append(compact, c&^(c&0x40>>1)) // upper case
		case c == ' ' && j > i && text[j-1] != ' ':
		default:
			return 0
		}
	}
	if len(compact) < length || wordAfter(text, j) {
		return 0
	}
	rest := 0
	for k := range compact {
		c := compact[(k+4)%length]
		if isDigit(c) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	if rest != 1 {
		return 0
	}
	return j
}

// ssn returns the end of a US social security number in the form 123-45-6789, by the
// rules of the Social Security Administration: no area 000, 666 or 900 to 999, no group
// 00, no serial 0000.
func ssn(text string, i int) int {
	const form = "ddd-dd-dddd"
	if i+len(form) > len(text) {
		return 0
	}
	s := text[i : i+len(form)]
	for k := range len(form) {
		if form[k] == 'd' && !isDigit(s[k]) || form[k] == '-' && s[k] != '-' {
			return 0
		}
	}
	end := i + len(form)
	if wordAfter(text, end) || followed(text, end, '-') || s[:3] == "000" || s[:3] == "666" || s[0] == '9' || s[4:6] == "00" || s[7:] == "0000" {
		return 0
	}
	return end
}

// steuerID reports whether eleven digits are a German tax id: the first is not 0, among
// the first ten one digit occurs twice or three times and the others at most once, and the
// last is the check digit of ISO 7064, MOD 11,10.
func steuerID(n string) bool {
	if len(n) != 11 || n[0] == '0' {
		return false
	}
	var times [10]int
	for i := range 10 {
		times[n[i]-'0']++
	}
	several := 0
	for _, t := range times {
		switch {
		case t > 3:
			return false
		case t > 1:
			several++
		}
	}
	if several != 1 {
		return false
	}
	product := 10
	for i := range 10 {
		sum := (int(n[i]-'0') + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = sum * 2 % 11
	}
	return (11-product)%10 == int(n[10]-'0')
}

// nino returns the end of a UK national insurance number: two letters, six digits, a
// letter A to D, by the rules of HM Revenue & Customs for the letters; blanks may stand
// between pairs.
func nino(text string, i int) int {
	var s []byte
	j := i
	for ; j < len(text) && len(s) < 9; j++ {
		switch c := text[j]; {
		case c >= 'A' && c <= 'Z' || isDigit(c):
			s = append(s, c)
		case c == ' ' && len(s) > 0 && len(s)%2 == 0 && text[j-1] != ' ':
		default:
			return 0
		}
	}
	if len(s) < 9 || wordAfter(text, j) {
		return 0
	}
	for k := range 6 {
		if !isDigit(s[2+k]) {
			return 0
		}
	}
	if strings.IndexByte("DFIQUV", s[0]) >= 0 || strings.IndexByte("DFIOQUV", s[1]) >= 0 || isDigit(s[0]) || isDigit(s[1]) || s[8] < 'A' || s[8] > 'D' {
		return 0
	}
	switch string(s[:2]) {
	case "BG", "GB", "NK", "KN", "TN", "NT", "ZZ":
		return 0
	}
	return j
}

// ip returns the end of an IP address at i. Those of loopback, and those that say
// nothing (::, 0.0.0.0), are of no person.
func ip(text string, i int) int {
	end, dots, colons := i, 0, 0
	for ; end < len(text) && end-i <= 45; end++ {
		switch c := text[end]; {
		case isDigit(c), c|0x20 >= 'a' && c|0x20 <= 'f':
			continue
		case c == '.':
			dots++
			continue
		case c == ':':
			colons++
			continue
		}
		break
	}
	for end > i && (text[end-1] == '.' || text[end-1] == ':' && (end < i+2 || text[end-2] != ':')) {
		end--
		if text[end] == '.' {
			dots--
		} else {
			colons--
		}
	}
	if colons < 2 && dots != 3 || end < len(text) && (wordAfter(text, end) || text[end] == '-' || text[end] == '_') || i > 0 && (text[i-1] == '.' || text[i-1] == ':' || text[i-1] == '-') {
		return 0
	}
	a, err := netip.ParseAddr(text[i:end])
	if err != nil || a.IsLoopback() || a.IsUnspecified() {
		return 0
	}
	if a.Is6() && colons < 7 && len(text[i:end]) < 6 { // a::b is more often code
		return 0
	}
	return end
}
