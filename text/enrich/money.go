package enrich

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// Keys that Money writes.
const (
	KeyMoney      = "money"      // list of strings, amount and currency by ISO 4217: 1250.50 EUR
	KeyCurrencies = "currencies" // list of strings by ISO 4217
	KeyMoneyMax   = "money_max_" // with a currency in lower case behind it: the largest amount, a number
)

// currencySigns are what stands beside an amount, before or behind it. $, £ and ¥ are
// taken for the currency that they mean most often; US$, A$ and others say it.
var currencySigns = map[string]string{
	"€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY", "₴": "UAH", "₪": "ILS", "฿": "THB", "₫": "VND", "₱": "PHP",
	"$": "USD", "US$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD", "R$": "BRL", "NT$": "TWD", "MX$": "MXN",
}

// currencyWords are names in the languages of the product, in lower case.
var currencyWords = map[string]string{
	"dollar": "USD", "dollars": "USD", "dólares": "USD", "dólar": "USD", "dollari": "USD",
	"euro": "EUR", "euros": "EUR", "pfund": "GBP", "pounds": "GBP", "franken": "CHF", "sfr": "CHF", "fr": "CHF", "yen": "JPY", "rupees": "INR", "zloty": "PLN", "złoty": "PLN",
}

// currencyCodes are those of ISO 4217 that are looked for in capitals.
var currencyCodes = func() map[string]bool {
	m := map[string]bool{}
	for c := range strings.FieldsSeq(`USD EUR GBP CHF JPY CNY AUD CAD NZD SEK NOK DKK PLN CZK HUF RON BGN TRY RUB UAH INR BRL MXN ARS CLP COP
		ZAR KRW SGD HKD TWD THB IDR MYR PHP VND ILS AED SAR EGP NGN KES ISK`) {
		m[c] = true
	}
	return m
}()

// magnitudes follow an amount.
var magnitudes = map[string]float64{
	"thousand": 1e3, "tausend": 1e3, "mille": 1e3, "mil": 1e3, "k": 1e3, "tsd": 1e3,
	"million": 1e6, "millions": 1e6, "millionen": 1e6, "mio": 1e6, "mn": 1e6, "m": 1e6, "millón": 1e6, "millones": 1e6, "milioni": 1e6, "milione": 1e6,
	"billion": 1e9, "bn": 1e9, "b": 1e9, "milliarde": 1e9, "milliarden": 1e9, "mrd": 1e9, "milliard": 1e9, "milliards": 1e9, "miliardi": 1e9,
	"trillion": 1e12, "tn": 1e12, "billionen": 1e12,
}

// Money lists the amounts of money in the text with their currencies.
func Money() Stage {
	return stage{"money", "1", func(d *Document) rag.Metadata {
		most := map[string]float64{}
		seen := map[string]bool{}
		var list []string
		for _, m := range amounts(d.Text.Content) {
			most[m.currency] = max(most[m.currency], m.amount)
			if s := strconv.FormatFloat(m.amount, 'f', -1, 64) + " " + m.currency; !seen[s] && len(list) < maxListed {
				seen[s] = true
				list = append(list, s)
			}
		}
		if len(list) == 0 {
			return nil
		}
		out := rag.Metadata{KeyMoney: rag.Strs(list...)}
		var currencies []string
		for c := range most {
			currencies = append(currencies, c)
		}
		slices.Sort(currencies)
		out[KeyCurrencies] = rag.Strs(currencies...)
		for _, c := range currencies[:min(len(currencies), 4)] { // keys of a document are few
			out[KeyMoneyMax+strings.ToLower(c)] = rag.Num(most[c])
		}
		return out
	}}
}

type amount struct {
	amount   float64
	currency string
}

// amounts returns the amounts of a text in order. A number is one if a currency
// touches it, or stands next to it with one blank between.
func amounts(text string) []amount {
	var out []amount
	for i := 0; i < len(text); {
		if !isDigit(text[i]) {
			i++
			continue
		}
		n, end, ok := decimal(text, i)
		if !ok || i > 0 && (wordBefore(text, i) && currencyEnding(text, i) == "" || text[i-1] == '.' || text[i-1] == ',' || text[i-1] == '/') {
			i = max(end, i+1)
			continue
		}
		before := currencyEnding(text, i)
		scale, after := magnitudeAt(text, end)
		currency, next := currencyAt(text, after)
		switch {
		case before != "" && (after > end || !wordAfter(text, end)):
			out = append(out, amount{n * scale, before})
			end = after
		case currency != "":
			out = append(out, amount{n * scale, currency})
			end = next
		}
		i = max(end, i+1)
	}
	return out
}

// maxNumber bounds a number in bytes.
const maxNumber = 24

// decimal reads a number with separators of thousands and decimals as they are written
// in English, German, French or Swiss texts. Two digits behind the last stop or comma
// are decimals, three are thousands.
func decimal(text string, i int) (n float64, end int, ok bool) {
	var plain strings.Builder
	groups, last := 0, byte(0)
	end = i
	for end < len(text) && end-i < maxNumber {
		c := text[end]
		if isDigit(c) {
			plain.WriteByte(c)
			end++
			continue
		}
		sep, width := separator(text, end)
		if width == 0 {
			break
		}
		run := 0
		for j := end + width; j < len(text) && run <= 4 && isDigit(text[j]); j++ {
			run++
		}
		switch {
		case run == 3 && (last == 0 || last == sep) && (sep != ' ' || end-i <= 3 || groups > 0):
			groups++
			last = sep
			end += width
		case run >= 1 && run <= 2 && (sep == '.' || sep == ',') && sep != last:
			plain.WriteByte('.')
			plain.WriteString(text[end+width : end+width+run])
			end += width + run
			n, err := strconv.ParseFloat(plain.String(), 64)
			if end < len(text) && (text[end] == '.' || text[end] == ',') && end+1 < len(text) && isDigit(text[end+1]) {
				return 0, end, false // a date or a version
			}
			return n, end, err == nil
		default:
			n, err := strconv.ParseFloat(plain.String(), 64)
			return n, end, err == nil && (run == 0 || sep == ' ')
		}
	}
	n, err := strconv.ParseFloat(plain.String(), 64)
	return n, end, err == nil && end-i < maxNumber
}

// separator returns what separates groups of digits at i: blanks of all kinds are one.
func separator(text string, i int) (sep byte, width int) {
	switch {
	case text[i] == '.' || text[i] == ',' || text[i] == '\'' || text[i] == ' ':
		return text[i], 1
	case strings.HasPrefix(text[i:], "\u00a0"):
		return ' ', 2
	case strings.HasPrefix(text[i:], "\u202f"), strings.HasPrefix(text[i:], "\u2009"):
		return ' ', 3
	case strings.HasPrefix(text[i:], "’"):
		return '\'', 3
	}
	return 0, 0
}

// currencyEnding returns the currency that ends at i, with at most one blank between.
func currencyEnding(text string, i int) string {
	j := i
	if j > 0 && text[j-1] == ' ' {
		j--
	} else if strings.HasSuffix(text[:j], "\u00a0") {
		j -= 2
	}
	if r, w := utf8.DecodeLastRuneInString(text[:j]); r != utf8.RuneError {
		sign := text[j-w : j]
		if r == '$' {
			start := j - 1
			for start > 0 && j-start <= 2 && text[start-1] >= 'A' && text[start-1] <= 'Z' {
				start--
			}
			if c, ok := currencySigns[text[start:j]]; ok && !wordBefore(text, start) {
				return c
			}
			return ""
		}
		if c, ok := currencySigns[sign]; ok {
			return c
		}
	}
	if j >= 3 && currencyCodes[text[j-3:j]] && !wordBefore(text, j-3) {
		return text[j-3 : j]
	}
	return ""
}

// currencyAt returns the currency that begins at i, with at most one blank before it.
func currencyAt(text string, i int) (string, int) {
	i = blanks(text, i, 1)
	if i >= len(text) {
		return "", i
	}
	if r, w := utf8.DecodeRuneInString(text[i:]); r != '$' && r != utf8.RuneError {
		if c, ok := currencySigns[text[i:i+w]]; ok {
			return c, i + w
		}
	} else if r == '$' && !wordAfter(text, i+1) {
		return "USD", i + 1
	}
	if i+3 <= len(text) && currencyCodes[text[i:i+3]] && !wordAfter(text, i+3) {
		return text[i : i+3], i + 3
	}
	if strings.HasPrefix(text[i:], "US dollars") || strings.HasPrefix(text[i:], "US-Dollar") {
		return "USD", i + 9
	}
	end := letterRun(text, i)
	if rest := particle(text, i); rest > i { // 3 millones de euros
		i, end = rest, letterRun(text, rest)
	}
	if c, ok := currencyWords[strings.ToLower(text[i:end])]; ok && !wordAfter(text, end) {
		return c, end
	}
	return "", i
}

// magnitudeAt returns the factor that a word such as million stands for, and its end.
func magnitudeAt(text string, i int) (float64, int) {
	j := blanks(text, i, 1)
	end := letterRun(text, j)
	f, ok := magnitudes[strings.ToLower(text[j:end])]
	if !ok || wordAfter(text, end) || end-j == 1 && j > i {
		return 1, i
	}
	if end < len(text) && text[end] == '.' && end-j <= 3 && end-j > 1 { // Mio. and Mrd.
		end++
	}
	return f, end
}
