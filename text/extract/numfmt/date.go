package numfmt

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	maxSerial  = 2_958_466     // the day after 9999-12-31
	offset1904 = 1462          // days between the two ways of counting
	maxElapsed = 1_000_000_000 // hours, minutes or seconds
)

// moment is a serial number taken apart. Serial numbers count days, and their
// fraction is the time of day. In those that count from 1900 the day 60 is
// 1900-02-29, which never was: the first spreadsheets took 1900 for a leap year, and
// all later ones do as they did. Day 0 is 1900-01-00.
type moment struct {
	year, month, day     int
	hour, minute, second int
	fraction             float64 // of the second
	weekday              time.Weekday
}

// instant takes a serial number apart, with its seconds rounded to a number of
// decimals.
func instant(serial float64, date1904 bool, decimals int) (m moment, ok bool) {
	if date1904 {
		serial += offset1904
	}
	if serial < 0 || serial >= maxSerial || math.IsNaN(serial) {
		return m, false
	}
	unit := math.Pow(10, float64(decimals))
	days := math.Floor(serial)
	ticks := math.Round((serial - days) * 86400 * unit)
	if ticks >= 86400*unit {
		ticks, days = 0, days+1
	}
	seconds := math.Floor(ticks / unit)
	m.fraction = (ticks - seconds*unit) / unit
	n := int(seconds)
	m.hour, m.minute, m.second = n/3600, n/60%60, n%60
	day := int(days)
	m.weekday = time.Weekday((day + 6) % 7) // as spreadsheets do it, also before March 1900
	switch {
	case day == 0:
		m.year, m.month, m.day = 1900, 1, 0
	case day == 60:
		m.year, m.month, m.day = 1900, 2, 29
	default:
		if day < 60 {
			day++
		}
		t := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, day)
		m.year, m.month, m.day = t.Year(), int(t.Month()), t.Day()
	}
	return m, true
}

// date writes a serial number as the section says; ok is false where it is no date.
func (s *section) date(v float64, date1904 bool) (out string, ok bool) {
	decimals, half := 0, false
	for _, p := range s.pieces {
		switch {
		case p.what == second && p.text == "0" && decimals < 3:
			decimals++
		case p.what == datePart && strings.Contains(p.text, "/"):
			half = true
		}
	}
	negative := v < 0 && s.elapses()
	m, ok := instant(math.Abs(v), date1904 && !s.elapses(), decimals)
	if !ok && !s.elapses() || v < 0 && !negative {
		return "", false
	}
	var b strings.Builder
	if negative {
		b.WriteByte('-')
	}
	for _, p := range s.pieces {
		switch p.what {
		case literally:
			b.WriteString(p.text)
		case datePart:
			b.WriteString(m.part(p.text, half))
		case elapsed:
			total, ok := span(math.Abs(v), p.text[0], decimals)
			if !ok {
				return "", false
			}
			b.WriteString(pad(total, len(p.text)))
		case second:
			if p.text == "." {
				b.WriteString(strings.TrimPrefix(strconv.FormatFloat(m.fraction, 'f', decimals, 64), "0"))
			}
		}
	}
	return b.String(), true
}

func (s *section) elapses() bool {
	for _, p := range s.pieces {
		if p.what == elapsed {
			return true
		}
	}
	return false
}

// span returns the hours, minutes or seconds of a time that is not cut into days.
func span(days float64, unit byte, decimals int) (int, bool) {
	seconds := days * 86400
	scale := math.Pow(10, float64(decimals))
	seconds = math.Floor(math.Round(seconds*scale) / scale)
	switch unit {
	case 'h':
		seconds = math.Floor(seconds / 3600)
	case 'm':
		seconds = math.Floor(seconds / 60)
	}
	return int(seconds), seconds < maxElapsed
}

// part writes a part of a date by its letters; n stands for minutes.
func (m *moment) part(letters string, half bool) string {
	switch n := len(letters); letters[0] {
	case 'y', 'e':
		if n <= 2 && letters[0] == 'y' {
			return pad(m.year%100, 2)
		}
		return pad(m.year, 4)
	case 'b': // the Buddhist era
		if n <= 2 {
			return pad((m.year+543)%100, 2)
		}
		return pad(m.year+543, 4)
	case 'm':
		name := time.Month(m.month).String()
		switch n {
		case 1, 2:
			return pad(m.month, n)
		case 3:
			return name[:3]
		case 5:
			return name[:1]
		}
		return name
	case 'd':
		switch n {
		case 1, 2:
			return pad(m.day, n)
		case 3:
			return m.weekday.String()[:3]
		}
		return m.weekday.String()
	case 'h':
		hour := m.hour
		if half {
			if hour %= 12; hour == 0 {
				hour = 12
			}
		}
		return pad(hour, min(n, 2))
	case 'n':
		return pad(m.minute, n)
	case 's':
		return pad(m.second, min(n, 2))
	case 'a':
		if letters == "a/p" {
			return "AP"[m.hour/12 : m.hour/12+1]
		}
		return "AMPM"[m.hour/12*2 : m.hour/12*2+2]
	}
	if strings.HasPrefix(letters, "上午") {
		if m.hour < 12 {
			return "上午"
		}
		return "下午"
	}
	return "" // the name of an era
}

func pad(n, width int) string { return fmt.Sprintf("%0*d", min(width, 10), n) }
