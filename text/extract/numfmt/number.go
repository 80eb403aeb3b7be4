package numfmt

import (
	"math"
	"strconv"
	"strings"
)

const (
	precision   = 15 // significant digits that a spreadsheet keeps
	maxDecimals = 30
	maxBottom   = 99_999 // of a fraction
)

// layout is how the digits of a section are set.
type layout struct {
	whole     string // placeholders before the point, without commas
	decimals  string // and behind it
	exponent  string
	point     bool
	thousands bool
	scale     int // thousands by which the number is divided: commas at the end
	percents  int
	first     int // index of the first piece of digits
	last      int // and of the last before the exponent
}

// settleNumber reads the placeholders of digits.
func (s *section) settleNumber() {
	l := layout{first: -1}
	pending := 0 // commas since the last placeholder
	behind := false
	for i, p := range s.pieces {
		switch p.what {
		case percent:
			l.percents++
		case power:
			behind = true
		case slash:
			s.pieces[i].what = literally
		case digit:
			if l.first < 0 && p.text != "," {
				l.first = i
			}
			switch {
			case behind && strings.IndexByte("0#?", p.text[0]) >= 0:
				l.exponent += p.text
			case behind:
			case p.text == "." && !l.point:
				l.point = true
				l.scale, pending, l.last = l.scale+pending, 0, i
			case p.text == ".":
				s.pieces[i].what = literally
			case p.text == ",":
				if l.first < 0 {
					s.pieces[i].what = literally
					continue
				}
				pending, l.last = pending+1, i
			case l.point:
				pending, l.last = 0, i
				l.decimals += p.text
			default:
				l.thousands = l.thousands || pending > 0
				pending, l.last = 0, i
				l.whole += p.text
			}
		}
	}
	l.scale += pending
	l.decimals = l.decimals[:min(len(l.decimals), maxDecimals)]
	s.number = l
}

// digits writes a number.
func (s *section) digits(v float64) string {
	switch s.kind {
	case fraction:
		return s.fraction(v)
	case scientific:
		return s.scientific(v)
	}
	l := &s.number
	v *= math.Pow(100, float64(min(l.percents, 5)))
	v /= math.Pow(1000, float64(min(l.scale, 20)))
	whole, decimals := round(math.Abs(v), len(l.decimals))
	out := s.place(whole, decimals)
	if v < 0 && strings.Trim(whole+decimals, "0") != "" {
		return "-" + out
	}
	return out
}

// place sets the digits into the pieces. Literals between the digits, as in a
// telephone number, take their place from the right.
func (s *section) place(whole, decimals string) string {
	l := &s.number
	if whole == "0" && !strings.Contains(l.whole, "0") {
		whole = ""
	}
	for len(whole) < strings.Count(l.whole, "0") {
		whole = "0" + whole
	}
	decimals = trimDecimals(decimals, l.decimals)
	if l.thousands {
		whole = group(whole)
	}
	var b strings.Builder
	left := len(l.whole) // placeholders of the whole part still to come
	written := 0
	done := false
	for i, p := range s.pieces {
		switch {
		case p.what == literally:
			b.WriteString(p.text)
		case p.what == percent:
			b.WriteByte('%')
		case p.what != digit || done:
		case p.text == ",":
		case p.text == ".":
			b.WriteString(whole[written:])
			written, left = len(whole), 0
			b.WriteByte('.') // also without decimals behind it, as spreadsheets do
			b.WriteString(decimals)
			done = true
		default:
			left--
			// What stands to the left of the placeholders that are still to come.
			end := max(written, len(whole)-left)
			if l.thousands || !s.parted() {
				end = len(whole)
				if left > 0 {
					continue
				}
			}
			b.WriteString(whole[written:end])
			written = end
			done = left == 0 && !l.point
		}
		if i == l.last && written < len(whole) {
			b.WriteString(whole[written:])
			written = len(whole)
		}
	}
	return b.String()
}

// parted reports whether literals stand between the digits before the point.
func (s *section) parted() bool {
	for i := s.number.first; i >= 0 && i < s.number.last; i++ {
		if s.pieces[i].what == literally {
			return true
		}
		if s.pieces[i].text == "." {
			return false
		}
	}
	return false
}

// trimDecimals drops the zeros at the end that # does not ask for.
func trimDecimals(decimals, placeholders string) string {
	n := len(decimals)
	for n > 0 && decimals[n-1] == '0' && placeholders[n-1] != '0' {
		n--
	}
	return decimals[:n]
}

// group sets a comma between thousands.
func group(digits string) string {
	if len(digits) <= 3 {
		return digits
	}
	var b strings.Builder
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(digits[i])
	}
	return b.String()
}

// round writes v, which is not negative, with n decimals. It rounds half up what a
// spreadsheet keeps of the number, its first 15 digits, and not its binary value:
// 1.005 is 1.01.
func round(v float64, n int) (whole, decimals string) {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return "0", strings.Repeat("0", n)
	}
	mantissa, exp, _ := strings.Cut(strconv.FormatFloat(v, 'e', precision-1, 64), "e")
	digits := strings.Replace(mantissa, ".", "", 1)
	e, err := strconv.Atoi(exp)
	if err != nil {
		return "0", strings.Repeat("0", n)
	}
	point := e + 1 // digits before the point
	switch keep := point + n; {
	case keep < 0:
		digits, point = "0", 1
	case keep < len(digits):
		up := digits[keep] >= '5'
		kept := []byte("0" + digits[:keep])
		for i := len(kept) - 1; up && i >= 0; i-- {
			if up = kept[i] == '9'; up {
				kept[i] = '0'
			} else {
				kept[i]++
			}
		}
		digits, point = string(kept), point+1
	}
	if point <= 0 {
		digits, point = strings.Repeat("0", 1-point)+digits, 1
	}
	if len(digits) < point+n {
		digits += strings.Repeat("0", point+n-len(digits))
	}
	whole = strings.TrimLeft(digits[:point], "0")
	if whole == "" {
		whole = "0"
	}
	return whole, digits[point : point+n]
}

// scientific writes a number with a power of ten.
func (s *section) scientific(v float64) string {
	l := &s.number
	step := max(1, len(l.whole)) // ##0.0E+0 keeps the exponent a multiple of three
	exp := 0
	if v != 0 {
		exp = int(math.Floor(math.Log10(math.Abs(v))))
	}
	var whole, decimals string
	for range 2 {
		if step > 1 {
			exp = int(math.Floor(float64(exp)/float64(step))) * step
		}
		whole, decimals = round(math.Abs(v)/math.Pow(10, float64(exp)), len(l.decimals))
		if len(whole) <= step {
			break
		}
		exp++ // 9.99 was rounded to 10
	}
	for len(whole) < strings.Count(l.whole, "0") {
		whole = "0" + whole
	}
	decimals = trimDecimals(decimals, l.decimals)
	var b strings.Builder
	if v < 0 {
		b.WriteByte('-')
	}
	put, behind := false, false
	for _, p := range s.pieces {
		switch {
		case p.what == literally:
			b.WriteString(p.text)
		case p.what == percent:
			b.WriteByte('%')
		case p.what == digit && !put && !behind:
			put = true
			b.WriteString(whole)
			if l.point && decimals != "" {
				b.WriteString("." + decimals)
			}
		case p.what == power:
			behind = true
			b.WriteByte('E')
			switch {
			case exp < 0:
				b.WriteByte('-')
			case p.text[1] == '+':
				b.WriteByte('+')
			}
			e := strconv.Itoa(max(exp, -exp))
			b.WriteString(strings.Repeat("0", max(0, strings.Count(l.exponent, "0")-len(e))) + e)
		}
	}
	return b.String()
}

// fraction writes a number as a fraction: "# ?/?" is the nearest with a bottom of one
// digit, "# ?/8" eighths.
func (s *section) fraction(v float64) string {
	at := -1
	for i, p := range s.pieces {
		if p.what == slash {
			at = i
			break
		}
	}
	top := at
	for top > 0 && s.pieces[top-1].what == digit {
		top--
	}
	mixed := false // a whole part stands in front
	front, between := "", ""
	for _, p := range s.pieces[:top] {
		switch {
		case p.what == digit:
			mixed, between = true, ""
		case p.what == literally && mixed:
			between += p.text
		case p.what == literally:
			front += p.text
		}
	}
	fixed, most, end := 0, 0, at+1
	for ; end < len(s.pieces) && s.pieces[end].what == digit && s.pieces[end].text != "," && s.pieces[end].text != "."; end++ {
		most = most*10 + 9
	}
	tail := ""
	if most == 0 && end < len(s.pieces) {
		bottom := s.pieces[end].text
		n := 0
		for n < len(bottom) && n < 5 && bottom[n] >= '0' && bottom[n] <= '9' {
			n++
		}
		fixed, _ = strconv.Atoi(bottom[:n]) // at most five digits; none are 0
		tail = bottom[n:]
		end++
		for end < len(s.pieces) && s.pieces[end].what == digit { // zeros of "# ??/100"
			if s.pieces[end].text == "0" && fixed <= maxBottom/10 {
				fixed *= 10
			}
			end++
		}
	}
	for _, p := range s.pieces[min(end, len(s.pieces)):] {
		if p.what == literally {
			tail += p.text
		}
	}
	a := math.Abs(v)
	if a >= 1e15 {
		return Plain(v)
	}
	whole := 0.0
	if mixed {
		whole = math.Floor(a)
		a -= whole
	}
	var up, down float64
	if fixed > 0 {
		down = float64(fixed)
		up = math.Round(a * down)
	} else {
		up, down = nearest(a, float64(min(max(most, 9), maxBottom)))
	}
	if mixed && up == down {
		whole, up = whole+1, 0
	}
	sign := front
	if v < 0 && (whole != 0 || up != 0) {
		sign = "-" + front
	}
	part := Plain(up) + "/" + Plain(down)
	switch {
	case mixed && up == 0:
		return sign + Plain(whole) + tail
	case mixed && whole != 0:
		return sign + Plain(whole) + between + part + tail
	}
	return sign + part + tail
}

// nearest returns the fraction that is nearest to v among those with a bottom of at
// most most, by the convergents of its continued fraction and what lies between them.
func nearest(v, most float64) (up, down float64) {
	whole := math.Floor(v)
	p0, q0, p1, q1 := 1.0, 0.0, whole, 1.0
	for x := v - whole; x > 1e-12; {
		x = 1 / x
		a := math.Floor(x)
		x -= a
		if q0+a*q1 > most {
			a = math.Floor((most - q0) / q1)
			if p, q := p0+a*p1, q0+a*q1; q > 0 && math.Abs(p/q-v) < math.Abs(p1/q1-v) {
				return p, q
			}
			break
		}
		p0, q0, p1, q1 = p1, q1, p0+a*p1, q0+a*q1
	}
	return p1, q1
}
