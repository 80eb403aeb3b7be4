package rag

import (
	"encoding/json"
	"math"
	"testing"
	"time"
)

func TestMoney(t *testing.T) {
	for text, want := range map[string]Money{
		"0": 0, "1": 1e9, "0.000000001": 1, "12.50": 12_500_000_000, "007.1": 7_100_000_000, "9223372036.854775807": math.MaxInt64,
	} {
		got, err := ParseMoney(text)
		if err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
		again, err := ParseMoney(got.String())
		if err != nil || again != got {
			t.Errorf("%s is written as %s", text, got)
		}
	}
	for _, text := range []string{"", ".", "1.", ".5", "-1", "+1", "1e3", "0x1", "1,5", " 1", "0.0000000001", "9223372036.854775808", "99999999999999999999", "١"} {
		if got, err := ParseMoney(text); KindOf(err) != KindInvalid {
			t.Errorf("%q is read as %s, %v", text, got, err)
		}
	}
	for m, want := range map[Money]string{0: "0", 1: "0.000000001", -1: "-0.000000001", 1_500_000_000: "1.5", math.MinInt64: "-9223372036.854775808"} {
		if m.String() != want {
			t.Errorf("%d is written as %s", m, m)
		}
		var back Money
		data, err := json.Marshal(m)
		if err != nil || string(data) != want {
			t.Errorf("%d: %s, %v", m, data, err)
		}
		if err := json.Unmarshal(data, &back); m >= 0 && (err != nil || back != m) {
			t.Errorf("%s is read as %d, %v", data, back, err)
		}
	}
	if got := Money(math.MaxInt64).Plus(1); got != math.MaxInt64 {
		t.Errorf("beyond the bound: %d", got)
	}
	if got := Money(math.MinInt64).Plus(-1); got != math.MinInt64 {
		t.Errorf("beyond the bound: %d", got)
	}
	if got := Money(2).Plus(-3); got != -1 {
		t.Errorf("2 - 3 is %d", got)
	}
}

func FuzzParseMoney(f *testing.F) {
	for _, seed := range []string{"12.50", "0.000000001", "9223372036.854775807", "1.", "-1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMoney(text)
		if err != nil {
			return
		}
		if again, err := ParseMoney(m.String()); err != nil || again != m || m < 0 {
			t.Errorf("%q is %d, written as %s, which is %d, %v", text, m, m, again, err)
		}
	})
}

func TestLimits(t *testing.T) {
	l := Limit{From: "2026-02-01", To: "2026-02-28"}
	if got := l.Resets(); !got.Equal(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("resets %s", got)
	}
	e := &Exceeded{Standing: Standing{Limit: Limit{Budget: "b", To: "2026-02-28", Most: 100}, Spent: 60, Held: 30}, Wanted: 11}
	if got := e.Error(); got != `budget "b" is used up: 60 tokens of 100 tokens are spent, 30 tokens are set aside for calls that run, and this call may take 11 tokens; it begins anew at 2026-03-01T00:00:00Z` {
		t.Error(got)
	}
}
