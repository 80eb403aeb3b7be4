package drawing

import (
	"strconv"
	"strings"
)

// Number writes the number of a list item in a format of ECMA-376 part 1, 20.1.10.61:
// "arabicPeriod" is 3., "alphaLcParenBoth" is (c). Formats of other scripts are written
// in digits.
func Number(format string, n int) string {
	digits := strconv.Itoa(n)
	switch {
	case strings.HasPrefix(format, "alphaLc"):
		digits = letters(n, 'a')
	case strings.HasPrefix(format, "alphaUc"):
		digits = letters(n, 'A')
	case strings.HasPrefix(format, "romanLc"):
		digits = strings.ToLower(roman(n))
	case strings.HasPrefix(format, "romanUc"):
		digits = roman(n)
	}
	switch {
	case strings.HasSuffix(format, "ParenBoth"):
		return "(" + digits + ")"
	case strings.HasSuffix(format, "ParenR"):
		return digits + ")"
	case strings.HasSuffix(format, "Plain"):
		return digits
	}
	return digits + "."
}

// letters counts a to z, aa, bb, and so on.
func letters(n int, first byte) string {
	n = max(n, 1)
	return strings.Repeat(string(rune(first)+rune((n-1)%26)), min(1+(n-1)/26, 20))
}

func roman(n int) string {
	if n < 1 || n > 3999 {
		return strconv.Itoa(n)
	}
	var b strings.Builder
	for _, step := range []struct {
		value int
		sign  string
	}{{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}} {
		for n >= step.value {
			b.WriteString(step.sign)
			n -= step.value
		}
	}
	return b.String()
}
