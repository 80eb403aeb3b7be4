package config

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Size is a number of bytes. Its text form is a whole number with an optional
// unit: B, KB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (of 1024).
type Size int64

// String returns the size in the largest unit that divides it.
func (s Size) String() string {
	units := []string{"", "KiB", "MiB", "GiB", "TiB"}
	u := 0
	for u < len(units)-1 && s != 0 && s%1024 == 0 {
		s /= 1024
		u++
	}
	return strconv.FormatInt(int64(s), 10) + units[u]
}

// ParseSize reads a Size.
func ParseSize(text string) (Size, error) {
	n, err := humanize.ParseBytes(text)
	if err != nil || n > math.MaxInt64 {
		return 0, fmt.Errorf("%q is not a size; write 500KB, 100MiB or 2GiB", text)
	}
	return Size(n), nil
}

// ParseDuration reads a duration as time.ParseDuration does, and whole days (30d).
func ParseDuration(text string) (time.Duration, error) {
	fault := fmt.Errorf("%q is not a duration; write 500ms, 30s, 5m, 24h or 30d", text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 100_000 {
			return 0, fault
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fault
	}
	return d, nil
}

// formatDuration leaves out the units that are zero, and writes whole days.
func formatDuration(d time.Duration) string {
	if d >= 48*time.Hour && d%(24*time.Hour) == 0 {
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// setText reads a scalar, or a list of strings separated by commas, from text and
// checks it against the setting's limits.
func (s *setting) setText(v reflect.Value, text string) error {
	parsed, err := parseAs(s.typ, text)
	if err != nil {
		return err
	}
	if len(s.enum) > 0 && !slices.Contains(s.enum, text) {
		return fmt.Errorf("%q is not known; write one of %s", text, strings.Join(s.enum, ", "))
	}
	if s.low != "" {
		low, _ := parseAs(s.typ, s.low)
		high, _ := parseAs(s.typ, s.high)
		if less(parsed, low) || less(high, parsed) {
			return fmt.Errorf("%s is out of range; from %s to %s is allowed", text, s.low, s.high)
		}
	}
	v.Set(parsed)
	return nil
}

// parseAs reads text as a value of type t.
func parseAs(t reflect.Type, text string) (reflect.Value, error) {
	var x any
	var err error
	switch t {
	case reflect.TypeFor[string]():
		x = text
	case reflect.TypeFor[Secret]():
		x = NewSecret(text)
	case reflect.TypeFor[Size]():
		x, err = ParseSize(text)
	case reflect.TypeFor[time.Duration]():
		x, err = ParseDuration(text)
	case reflect.TypeFor[[]string]():
		x = splitList(text)
	case reflect.TypeFor[bool]():
		if text != "true" && text != "false" {
			err = fmt.Errorf("%q is neither true nor false", text)
		}
		x = text == "true"
	case reflect.TypeFor[int]():
		if x, err = strconv.Atoi(text); err != nil {
			err = fmt.Errorf("%q is not a whole number", text)
		}
	case reflect.TypeFor[float64]():
		var f float64
		if f, err = strconv.ParseFloat(text, 64); err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			err = fmt.Errorf("%q is not a number", text)
		}
		x = f
	default:
		err = errors.New("takes a list of entries")
	}
	if err != nil {
		return reflect.Value{}, err
	}
	return reflect.ValueOf(x), nil
}

func less(a, b reflect.Value) bool {
	if a.CanInt() {
		return a.Int() < b.Int()
	}
	return a.Float() < b.Float()
}

func splitList(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// formatValue prints a value as it would be written in the file, secrets masked.
func formatValue(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case string:
		return withoutPassword(x)
	case time.Duration:
		return formatDuration(x)
	case []string:
		return strings.Join(x, ", ")
	case []Key:
		list := make([]string, len(x))
		for i, k := range x {
			list[i] = k.Name
		}
		return strings.Join(list, ", ")
	case []ChatModel:
		list := make([]string, len(x))
		for i, m := range x {
			list[i] = m.Label()
		}
		return strings.Join(list, ", ")
	case []SourceSecret:
		list := make([]string, len(x))
		for i, s := range x {
			list[i] = s.Name
		}
		return strings.Join(list, ", ")
	case []Budget:
		list := make([]string, len(x))
		for i, b := range x {
			list[i] = b.Name
		}
		return strings.Join(list, ", ")
	case []Topic:
		list := make([]string, len(x))
		for i, t := range x {
			list[i] = t.Name
		}
		return strings.Join(list, ", ")
	case []Label:
		list := make([]string, len(x))
		for i, l := range x {
			list[i] = l.Name
		}
		return strings.Join(list, ", ")
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return fmt.Sprint(v.Interface())
}

// withoutPassword masks the password in an address: that of a proxy may need one.
func withoutPassword(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return text
	}
	return u.Redacted()
}
