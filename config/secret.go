package config

import (
	"fmt"
	"log/slog"
)

// mask is what a secret prints as, whatever its length.
const mask = "********"

// Secret holds a password or key. It prints as asterisks through fmt (every
// verb), log/slog and encoding, and only Reveal gives its value. The value is
// behind a pointer, so that even printing a struct that holds a Secret in an
// unexported field, where fmt cannot call methods, shows an address. The zero
// Secret is empty.
type Secret struct{ value *string }

// NewSecret returns a Secret that holds value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{&value}
}

// Reveal returns the value itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsSet reports whether the secret is not empty.
func (s Secret) IsSet() bool { return s.value != nil }

// String returns asterisks, or "" when the secret is empty.
func (s Secret) String() string {
	if s.value == nil {
		return ""
	}
	return mask
}

// Format implements fmt.Formatter, so that no verb reaches the value.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalText implements encoding.TextMarshaler, which encoding/json uses too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
