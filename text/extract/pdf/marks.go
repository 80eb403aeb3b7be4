package pdf

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/requests"
	"golang.org/x/text/unicode/norm"

	"github.com/smartretriever/smartretriever/rag"
)

// How a quote is found on a page. Both are reduced to their letters, digits and
// symbols in lower case, so that neither white space nor hyphens nor the forms of
// letters matter. Where the page then holds the quote word for word, that is the
// place; of several, the one whose surroundings fit best. Otherwise the runs that
// both have in common are laid along each other: a quote may begin or end on
// another page, and lines of the page may stand between its parts.
const (
	seedKeys  = 12 // letters of the shortest run in common that counts
	fewKeys   = 20 // a common part of a longer quote must have so many letters
	gapKeys   = 24 // what lies between two runs is marked if it is no longer
	maxQuote  = 1 << 16
	maxRects  = 2000 // rectangles of one quote that are looked at
	maxPlaces = 1000 // places of a quote that are compared by their surroundings
)

// keyText is a text reduced to what counts, and where each rune of it stood.
type keyText struct {
	keys []rune
	at   []int // rune number in the text that was reduced
}

func keysOf(s string) keyText {
	var k keyText
	i := 0
	for _, r := range s {
		switch {
		case r < 0x80:
			if r = unicode.ToLower(r); counts(r) {
				k.keys, k.at = append(k.keys, r), append(k.at, i)
			}
		default:
			for _, d := range norm.NFKD.String(string(r)) {
				if d = unicode.ToLower(d); counts(d) {
					k.keys, k.at = append(k.keys, d), append(k.at, i)
				}
			}
		}
		i++
	}
	return k
}

// counts reports whether a rune of a reduced text is kept. Tables are written with
// bars that the page does not have, and accents may stand apart from their letters.
func counts(r rune) bool {
	return r != '|' && accents[r] == 0 && r != unicode.ReplacementChar && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsNumber(r) || unicode.IsSymbol(r) || unicode.Is(unicode.Co, r))
}

// run is a part of the page's keys that is marked.
type run struct{ start, end int }

// longWord is how many letters are left out at most where a run begins or ends within
// a word, which it shares with the quote by chance.
const longWord = 20

// wordFrom returns where in a run the first whole word begins, and its start if
// that is far.
func (k keyText) wordFrom(r run) int {
	for i := r.start; i < min(r.end, r.start+longWord); i++ {
		if i == 0 || k.at[i]-k.at[i-1] > 1 {
			return i
		}
	}
	return r.start
}

// wordTo returns where in a run the last whole word ends.
func (k keyText) wordTo(r run) int {
	for i := r.end; i > max(r.start, r.end-longWord); i-- {
		if i == len(k.at) || k.at[i]-k.at[i-1] > 1 {
			return i
		}
	}
	return r.end
}

// findQuote returns where the quote stands on a page, a box a line from the top.
func findQuote(in pdfium.Pdfium, page requests.Page, paper sheet, opt PageOptions) []rag.Box {
	if opt.Quote == "" {
		return nil
	}
	text, err := in.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: page})
	if err != nil {
		return nil
	}
	defer in.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: text.TextPage})
	got, place, err := readText(in, text.TextPage, paper)
	if err != nil || got == "" {
		return nil
	}
	shown := keysOf(got)
	m := marker{placer: place, runes: []rune(got)}
	for _, r := range align(shown, opt) {
		m.mark(shown.at[r.start], shown.at[r.end-1])
	}
	slices.SortStableFunc(m.boxes, func(a, b rag.Box) int { return cmp.Compare(a.Y0, b.Y0) })
	return m.boxes
}

// align returns the parts of the page's keys that are the quote's, in order.
func align(page keyText, opt PageOptions) []run {
	shown := page.keys
	quote := opt.Quote
	if len(quote) > maxQuote {
		quote = strings.ToValidUTF8(quote[:maxQuote], "")
	}
	wanted := keysOf(quote).keys
	if len(wanted) == 0 || len(shown) == 0 {
		return nil
	}
	if places := occurrences(shown, wanted); len(places) > 0 {
		at := bestPlace(shown, places, len(wanted), keysOf(opt.Before).keys, keysOf(opt.After).keys)
		return []run{{at, at + len(wanted)}}
	}
	return commonRuns(page, wanted)
}

// occurrences returns where wanted stands in shown, by the algorithm of Knuth,
// Morris and Pratt: linear also where a page repeats itself.
func occurrences(shown, wanted []rune) []int {
	back := make([]int, len(wanted)) // longest border of each prefix
	for i, k := 1, 0; i < len(wanted); i++ {
		for k > 0 && wanted[i] != wanted[k] {
			k = back[k-1]
		}
		if wanted[i] == wanted[k] {
			k++
		}
		back[i] = k
	}
	var places []int
	for i, k := 0, 0; i < len(shown) && len(places) < maxPlaces; i++ {
		for k > 0 && (k == len(wanted) || shown[i] != wanted[k]) {
			k = back[k-1]
		}
		if shown[i] == wanted[k] {
			k++
		}
		if k == len(wanted) {
			places = append(places, i+1-k)
			k = back[k-1]
		}
	}
	return places
}

// bestPlace returns the place around which most letters are those around the
// quote; of equals the first.
func bestPlace(shown []rune, places []int, length int, before, after []rune) int {
	best, most := places[0], -1
	for _, at := range places {
		n := 0
		for n < len(before) && n < at && before[len(before)-1-n] == shown[at-1-n] {
			n++
		}
		m := 0
		for m < len(after) && at+length+m < len(shown) && after[m] == shown[at+length+m] {
			m++
		}
		if n+m > most {
			best, most = at, n+m
		}
	}
	return best
}

// commonRuns lays a quote along a page that holds it in parts only. Seeds are runs
// of seedKeys letters that stand once on the page; each is grown as far as both
// agree, and the runs that keep the order of both are kept.
func commonRuns(page keyText, wanted []rune) []run {
	shown := page.keys
	if len(wanted) < seedKeys || len(shown) < seedKeys {
		return nil
	}
	const twice = -1
	seeds := make(map[string]int, len(shown))
	for i := 0; i+seedKeys <= len(shown); i++ {
		key := string(shown[i : i+seedKeys])
		if _, known := seeds[key]; known {
			seeds[key] = twice
			continue
		}
		seeds[key] = i
	}
	type pair struct{ shown, wanted, length int }
	var runs []pair
	for i := 0; i+seedKeys <= len(wanted); i++ {
		at, known := seeds[string(wanted[i:i+seedKeys])]
		if !known || at == twice {
			continue
		}
		from, n := i, seedKeys
		for from > 0 && at > 0 && wanted[from-1] == shown[at-1] && (len(runs) == 0 || from > runs[len(runs)-1].wanted+runs[len(runs)-1].length) {
			from, at, n = from-1, at-1, n+1
		}
		for from+n < len(wanted) && at+n < len(shown) && wanted[from+n] == shown[at+n] {
			n++
		}
		runs = append(runs, pair{at, from, n})
		i = from + n - 1
	}
	// The heaviest chain that goes forward in both: a few hundred runs at most on
	// real pages, bounded for others.
	runs = runs[:min(len(runs), 500)]
	weight, before := make([]int, len(runs)), make([]int, len(runs))
	last := -1
	for i, r := range runs {
		weight[i], before[i] = r.length, -1
		for j := range i {
			if runs[j].shown+runs[j].length <= r.shown && weight[j]+r.length > weight[i] {
				weight[i], before[i] = weight[j]+r.length, j
			}
		}
		if last < 0 || weight[i] > weight[last] {
			last = i
		}
	}
	if last < 0 || weight[last] < fewKeys && weight[last]*2 < len(wanted) {
		return nil
	}
	var out []run
	for i := last; i >= 0; i = before[i] {
		r := run{runs[i].shown, runs[i].shown + runs[i].length}
		if runs[i].wanted > 0 {
			r.start = page.wordFrom(r)
		}
		if runs[i].wanted+runs[i].length < len(wanted) {
			r.end = page.wordTo(r)
		}
		if n := len(out); n > 0 && out[n-1].start-r.end <= gapKeys {
			out[n-1].start = r.start
			continue
		}
		out = append(out, r)
	}
	slices.Reverse(out)
	return out
}

// marker collects the boxes of parts of a page's text, one for each line.
type marker struct {
	placer
	runes []rune // the page's text
	boxes []rag.Box
}

// mark adds the boxes of the runes from first to last of the page's text, line by
// line.
func (m *marker) mark(first, last int) {
	for i := first; i <= last && len(m.boxes) < maxRects; {
		for i <= last && (lineEnd(m.runes[i]) || unicode.IsSpace(m.runes[i])) {
			i++
		}
		end := i // one past the last letter of the line
		for j := i; j <= last && !lineEnd(m.runes[j]); j++ {
			if !unicode.IsSpace(m.runes[j]) {
				end = j + 1
			}
		}
		if end > i {
			m.line(i, end-1)
		}
		i = max(end, i+1)
	}
}

func lineEnd(r rune) bool { return r == '\n' || r == lineHyphen || r == '\uFFFE' }

// line adds the box of a part of a line. The room that the font gives to the first
// and the last letter makes it as high as its neighbours; the rectangles of what
// stands between them are asked for too, since writing from the right, or a line
// that is broken within, has its ends elsewhere.
func (m *marker) line(first, last int) {
	from, to := m.char(first), m.char(last)
	var found []rag.Box
	if a, b := m.box(from), m.box(to); a != (rag.Box{}) && b != (rag.Box{}) && abreast(a, b) {
		found = append(found, a.Union(b))
	}
	rects, err := m.in.FPDFText_CountRects(&requests.FPDFText_CountRects{TextPage: m.text, StartIndex: from, Count: to - from + 1})
	if err != nil {
		m.boxes = append(m.boxes, found...)
		return
	}
	for i := range min(rects.Count, maxRects) {
		r, err := m.in.FPDFText_GetRect(&requests.FPDFText_GetRect{TextPage: m.text, Index: i})
		if err != nil {
			continue
		}
		b := m.sheet.box(r.Left, r.Bottom, r.Right, r.Top)
		if b == (rag.Box{}) {
			continue
		}
		if n := len(found); n > 0 && sameRow(found[n-1], b) {
			found[n-1] = found[n-1].Union(b)
			continue
		}
		found = append(found, b)
	}
	m.boxes = append(m.boxes, found...)
}

// abreast reports whether two letters stand on one line, which may run upwards.
func abreast(a, b rag.Box) bool {
	over := min(a.Y1, b.Y1) - max(a.Y0, b.Y0)
	aside := min(a.X1, b.X1) - max(a.X0, b.X0)
	return over >= min(a.Y1-a.Y0, b.Y1-b.Y0)/2 || aside >= min(a.X1-a.X0, b.X1-b.X0)/2
}

// sameRow reports whether two boxes share half of the lower one's height and are no
// further apart than a wide space is in justified text. Text that runs upwards is
// looked at from the side.
func sameRow(a, b rag.Box) bool {
	height := min(a.Y1-a.Y0, b.Y1-b.Y0)
	shared := min(a.Y1, b.Y1) - max(a.Y0, b.Y0)
	gap := max(a.X0, b.X0) - min(a.X1, b.X1)
	if shared >= height/2 && gap <= 3*max(a.Y1-a.Y0, b.Y1-b.Y0) {
		return true
	}
	width := min(a.X1-a.X0, b.X1-b.X0)
	aside := min(a.X1, b.X1) - max(a.X0, b.X0)
	apart := max(a.Y0, b.Y0) - min(a.Y1, b.Y1)
	upright := a.Y1-a.Y0 > 2*(a.X1-a.X0) && b.Y1-b.Y0 > 2*(b.X1-b.X0)
	return upright && aside >= width/2 && apart <= 3*width
}
