package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestSizeAndDurationTexts(t *testing.T) {
	sizes := map[string]Size{"100MiB": 100 << 20, "1GB": 1e9, "0": 0, "512": 512, "1.5KiB": 1536}
	for text, want := range sizes {
		got, err := ParseSize(text)
		if err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
		if back, err := ParseSize(got.String()); err != nil || back != got {
			t.Errorf("%d prints as %s, which reads as %d, %v", got, got, back, err)
		}
	}
	for _, text := range []string{"", "big", "-1", "1XB", "99999999999TiB"} {
		if _, err := ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) was accepted", text)
		}
	}
	durations := map[string]time.Duration{"30s": 30 * time.Second, "30d": 30 * 24 * time.Hour, "1h30m": 90 * time.Minute, "0s": 0, "24h": 24 * time.Hour, "2m": 2 * time.Minute}
	for text, want := range durations {
		got, err := ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v", text, got, err)
		}
		if formatDuration(got) != text {
			t.Errorf("%q prints as %q", text, formatDuration(got))
		}
	}
	for _, text := range []string{"", "5", "d", "-3d", "x"} {
		if d, err := ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %v", text, d)
		}
	}
}

func TestSecretNeverPrints(t *testing.T) {
	const value = "sk-verysecret"
	type inner struct{ key Secret }
	s := NewSecret(value)
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", s, "in", inner{s})
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", s, "in", inner{s})
	asJSON, err := json.Marshal(map[string]any{"key": s, "cfg": LLM{ChatModel: ChatModel{APIKey: s}}})
	if err != nil {
		t.Fatal(err)
	}
	all := log.String() + string(asJSON)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		all += fmt.Sprintf(verb, s) + fmt.Sprintf(verb, &s) + fmt.Sprintf(verb, inner{s}) + fmt.Sprintf(verb, []Secret{s})
	}
	if strings.Contains(all, value) || strings.Contains(strings.ToLower(all), fmt.Sprintf("%x", value)) {
		t.Errorf("the secret is printed: %s", all)
	}
	if s.Reveal() != value || !s.IsSet() || s.String() != mask {
		t.Error("Reveal, IsSet or String is wrong")
	}
	if empty := NewSecret(""); empty.IsSet() || empty.String() != "" {
		t.Error("an empty secret counts as set")
	}
}

// Every tag must be readable, so that a mistake in one is found here and not by
// a user.
func TestTagsAreSound(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range settings {
		if seen[s.env()] {
			t.Errorf("two settings share the variable %s", s.env())
		}
		seen[s.env()] = true
		if !strings.HasSuffix(s.help, ".") {
			t.Errorf("%s: the help must be a sentence: %q", s.name, s.help)
		}
		if (s.low == "") != (s.high == "") {
			t.Errorf("%s: min and max go together", s.name)
		}
		numeric := s.typ.Kind() == reflect.Int || s.typ.Kind() == reflect.Int64 || s.typ.Kind() == reflect.Float64
		if numeric && s.low == "" {
			t.Errorf("%s: a number needs min and max", s.name)
		}
		for _, text := range []string{s.low, s.high, s.def} {
			if text == "" {
				continue
			}
			if err := s.setText(reflect.New(s.typ).Elem(), text); err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
		}
	}
}
