package rag

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// Money is an amount in billionths (1e-9) of a currency's unit, so that sums are
// exact. It reaches nine billion units; what does not fit stays at that bound.
// It is written as a decimal number, without rounding: 0.00015.
type Money int64

// MoneyDigits is how many decimals a Money has.
const MoneyDigits = 9

// moneyUnit is one unit of a currency.
const moneyUnit = 1_000_000_000

// Plus returns the sum.
func (m Money) Plus(n Money) Money {
	sum := m + n
	switch {
	case n > 0 && sum < m:
		return math.MaxInt64
	case n < 0 && sum > m:
		return math.MinInt64
	}
	return sum
}

// Float returns the amount for showing and comparing, never for sums.
func (m Money) Float() float64 { return float64(m) / moneyUnit }

// String writes the amount as a decimal number with as many digits as it needs.
func (m Money) String() string {
	sign, abs := "", uint64(m)
	if m < 0 {
		sign, abs = "-", -abs
	}
	text := sign + strconv.FormatUint(abs/moneyUnit, 10)
	if rest := abs % moneyUnit; rest > 0 {
		digits := strconv.FormatUint(moneyUnit+rest, 10)[1:]
		text += "." + strings.TrimRight(digits, "0")
	}
	return text
}

// MarshalJSON writes a number.
func (m Money) MarshalJSON() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalJSON reads a number, or a text that holds one, without rounding.
func (m *Money) UnmarshalJSON(data []byte) error {
	text := string(data)
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
	}
	v, err := ParseMoney(text)
	if err == nil {
		*m = v
	}
	return err
}

// ParseMoney reads an amount of up to nine decimals, such as 12.50. More decimals,
// an exponent or a sign are KindInvalid.
func ParseMoney(text string) (Money, error) {
	v, err := ParseDecimal(text, MoneyDigits)
	return Money(v), err
}

// ParseDecimal reads a plain decimal number that is not negative as a count of its
// last digit: with 3 digits, 1.5 is 1500. Faults are KindInvalid.
func ParseDecimal(text string, digits int) (int64, error) {
	whole, part, point := strings.Cut(text, ".")
	plain := func(s string) bool { return strings.Trim(s, "0123456789") == "" }
	if whole == "" || point && part == "" || !plain(whole) || !plain(part) {
		return 0, Errorf(KindInvalid, "%.40q is not an amount; write a decimal number such as 12.50", text)
	}
	part = strings.TrimRight(part, "0")
	if len(part) > digits {
		return 0, Errorf(KindInvalid, "%.40q has more than %d decimals", text, digits)
	}
	v, err := strconv.ParseInt(whole+part+strings.Repeat("0", digits-len(part)), 10, 64)
	if err != nil {
		return 0, Errorf(KindInvalid, "%.40q is too large an amount", text)
	}
	return v, nil
}
