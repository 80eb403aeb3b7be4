package enrich

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/smartretriever/smartretriever/rag"
)

// Keys that Dates writes. Dates are text in ISO 8601 form, whose order is that of time:
// dates >= "2024-01" finds those of 2024 and later.
const (
	KeyDates    = "dates"         // list of strings: 2024-03-05, or 2024-03 where no day is given
	KeyEarliest = "date_earliest" // string
	KeyLatest   = "date_latest"   // string
)

// maxDates bounds the list; earliest and latest are of all dates.
const maxDates = 100

// Dates finds the dates that the text names, from the year 1000 on.
//
// Recognised are 2024-03-05 and 2024/03/05; 5.3.2024 and 05.03.2024 (day first, as
// everywhere where stops are written); 25/12/2024 and 12/25/2024 where only one of the
// two can be the month (03/04/2024 is the third of April or the fourth of March, and
// left out, unless the text is in French, Spanish, Italian or Portuguese, where the day
// comes first); and names of months in English, German, French, Spanish and Italian:
// 5 March 2024, March 5, 2024, 5. März 2024, 1er mars 2024, 5 de marzo de 2024,
// March 2024.
func Dates() Stage {
	return stage{"dates", "1", func(d *Document) rag.Metadata {
		found := dates(d.Text.Content, d.Text.Language)
		if len(found) == 0 {
			return nil
		}
		return rag.Metadata{
			KeyDates: rag.Strs(found[:min(len(found), maxDates)]...), KeyEarliest: rag.Str(found[0]), KeyLatest: rag.Str(found[len(found)-1]),
		}
	}}
}

// months are names of months, folded to lower case, and their usual short forms, which
// are the same in several languages.
var months = func() map[string]int {
	m := map[string]int{}
	for i, names := range [12]string{
		"january jan januar jänner janvier janv enero ene gennaio gen",
		"february feb februar feber février févr fevrier febrero febbraio",
		"march mar märz mrz maerz mars marzo",
		"april apr avril avr abril abr aprile",
		"may mai mayo maggio mag",
		"june jun juni juin junio giugno giu",
		"july jul juli juillet juil julio luglio lug",
		"august aug août aout agosto ago",
		"september sep sept septembre septiembre setiembre settembre set",
		"october oct oktober okt octobre octubre ottobre ott",
		"november nov novembre noviembre",
		"december dec dezember dez décembre déc decembre diciembre dic dicembre",
	} {
		for name := range strings.FieldsSeq(names) {
			m[name] = i + 1
		}
	}
	return m
}()

// longestMonth is the length in bytes of the longest name.
const longestMonth = 12

// dates returns the dates of a text in order, each once.
func dates(text, language string) []string {
	dayFirst := language == "fr" || language == "es" || language == "it" || language == "pt"
	seen := map[string]bool{}
	add := func(y, m, d int) {
		if y < 1000 || m < 1 || m > 12 || d > daysOf(y, m) {
			return
		}
		if d == 0 {
			seen[fmt.Sprintf("%04d-%02d", y, m)] = true
			return
		}
		seen[fmt.Sprintf("%04d-%02d-%02d", y, m, d)] = true
	}
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case isDigit(c):
			end := i
			for end < len(text) && isDigit(text[end]) {
				end++
			}
			if end-i <= 4 && !wordBefore(text, i) && !(i > 1 && (text[i-1] == '.' || text[i-1] == '-' || text[i-1] == '/') && isDigit(text[i-2])) {
				if y, m, d, next := numericDate(text, i, end, dayFirst); next > 0 {
					add(y, m, d)
					i = next
					continue
				}
				if end-i <= 2 {
					if y, m, d, next := dayMonthYear(text, i, end); next > 0 {
						add(y, m, d)
						i = next
						continue
					}
				}
			}
			i = end
		case isLetter(c) && !wordBefore(text, i):
			end := letterRun(text, i)
			if m, ok := monthAt(text, i, end); ok {
				if y, d, next := monthFirst(text, end); next > 0 {
					add(y, m, d)
					i = next
					continue
				}
			}
			i = end
		default:
			i++
		}
	}
	out := make([]string, 0, len(seen))
	for d := range seen {
		out = append(out, d)
	}
	slices.Sort(out)
	return out
}

func daysOf(y, m int) int {
	switch m {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// digits reads up to most digits at i; n is -1 where there are none or more.
func digits(text string, i, most int) (n, end int) {
	end = i
	for end < len(text) && end-i <= most && isDigit(text[end]) {
		n = n*10 + int(text[end]-'0')
		end++
	}
	if end == i || end-i > most {
		return -1, i
	}
	return n, end
}

// numericDate reads a date whose first number is text[i:end]. next is 0 if it is none.
func numericDate(text string, i, end int, dayFirst bool) (y, m, d, next int) {
	if end >= len(text) || !strings.ContainsRune("-/.", rune(text[end])) {
		return 0, 0, 0, 0
	}
	sep := text[end]
	a, _ := digits(text, i, 4)
	b, bEnd := digits(text, end+1, 2)
	if b < 0 || bEnd >= len(text) || text[bEnd] != sep {
		return 0, 0, 0, 0
	}
	c, cEnd := digits(text, bEnd+1, 4)
	if c < 0 || wordAfter(text, cEnd) && !isoTime(text, cEnd) || sep != '-' && followed(text, cEnd, sep) {
		return 0, 0, 0, 0
	}
	switch {
	case end-i == 4 && cEnd-bEnd-1 <= 2: // year first
		y, m, d = a, b, c
	case cEnd-bEnd-1 != 4 || end-i > 2:
		return 0, 0, 0, 0
	case sep == '.':
		y, m, d = c, b, a
	case sep == '/' || sep == '-':
		switch {
		case dayFirst || a > 12:
			y, m, d = c, b, a
		case b > 12 || a == b:
			y, m, d = c, a, b
		default:
			return 0, 0, 0, 0
		}
	}
	if m < 1 || m > 12 || d < 1 || d > 31 {
		return 0, 0, 0, 0
	}
	return y, m, d, cEnd
}

// isoTime reports whether a time follows a date: 2024-03-05T10:00.
func isoTime(text string, i int) bool {
	return text[i] == 'T' && i+2 < len(text) && isDigit(text[i+1]) && isDigit(text[i+2])
}

// followed reports whether the separator and a further digit come next, as in 1.2.2024.7.
func followed(text string, i int, sep byte) bool {
	return i+1 < len(text) && text[i] == sep && isDigit(text[i+1])
}

// blanks skips at most n blanks, counting a no-break space and a line end as one.
func blanks(text string, i, n int) int {
	for ; n > 0 && i < len(text); n-- {
		switch {
		case text[i] == ' ' || text[i] == '\n' || text[i] == '\t':
			i++
		case strings.HasPrefix(text[i:], "\u00a0"):
			i += 2
		case strings.HasPrefix(text[i:], "\u202f"):
			i += 3
		default:
			return i
		}
	}
	return i
}

// letterRun returns the end of the letters at i, but not more than a name of a month has.
func letterRun(text string, i int) int {
	end := i
	for end < len(text) && end-i <= longestMonth {
		r, w := utf8.DecodeRuneInString(text[end:])
		if r < utf8.RuneSelf && !isLetter(byte(r)) || r == utf8.RuneError || !wordAfter(text, end) {
			break
		}
		end += w
	}
	return end
}

func monthAt(text string, i, end int) (int, bool) {
	if end-i < 3 || end-i > longestMonth || wordAfter(text, end) {
		return 0, false
	}
	m, ok := months[strings.ToLower(text[i:end])]
	return m, ok
}

// dayMonthYear reads what follows a day of the month at text[i:end]: 5 March 2024,
// 5. März 2024, 1er mars 2024, 5th of March, 2024, 5 de marzo de 2024.
func dayMonthYear(text string, i, end int) (y, m, d, next int) {
	d, _ = digits(text, i, 2)
	for _, tail := range [...]string{"st", "nd", "rd", "th", "er", "º", "°", "."} {
		if strings.HasPrefix(text[end:], tail) {
			end += len(tail)
			break
		}
	}
	at := blanks(text, end, 2)
	if at == end && (end >= len(text) || text[end] != '-') {
		return 0, 0, 0, 0
	}
	if at == end {
		at++
	}
	at = particle(text, at)
	nameEnd := letterRun(text, at)
	m, ok := monthAt(text, at, nameEnd)
	if !ok || d < 1 {
		return 0, 0, 0, 0
	}
	if y, next = yearAfter(text, nameEnd); next == 0 {
		return 0, 0, 0, 0
	}
	return y, m, d, next
}

// particle skips of, de, del and di before a month or a year.
func particle(text string, i int) int {
	for _, p := range [...]string{"of ", "de ", "del ", "di "} {
		if strings.HasPrefix(text[i:], p) {
			return blanks(text, i+len(p), 1)
		}
	}
	return i
}

// yearAfter reads a year of four digits behind the name of a month.
func yearAfter(text string, i int) (y, next int) {
	if i < len(text) && text[i] == '.' {
		i++
	}
	if i < len(text) && text[i] == ',' {
		i++
	}
	at := blanks(text, i, 2)
	if at == i && i < len(text) && text[i] == '-' {
		at++
	} else if at == i {
		return 0, 0
	}
	at = particle(text, at)
	y, end := digits(text, at, 4)
	if y < 1000 || end-at != 4 || wordAfter(text, end) || followed(text, end, '.') || followed(text, end, ',') {
		return 0, 0
	}
	return y, end
}

// monthFirst reads what follows the name of a month: 5, 2024 or 2024. d is 0 without a day.
func monthFirst(text string, end int) (y, d, next int) {
	if y, next = yearAfter(text, end); next > 0 {
		return y, 0, next
	}
	if end < len(text) && text[end] == '.' {
		end++
	}
	at := blanks(text, end, 2)
	if at == end {
		return 0, 0, 0
	}
	d, dayEnd := digits(text, at, 2)
	if d < 1 || d > 31 {
		return 0, 0, 0
	}
	for _, tail := range [...]string{"st", "nd", "rd", "th"} {
		if strings.HasPrefix(text[dayEnd:], tail) {
			dayEnd += 2
			break
		}
	}
	if y, next = yearAfter(text, dayEnd); next == 0 {
		return 0, 0, 0
	}
	return y, d, next
}
