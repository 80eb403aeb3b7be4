package redis

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
)

func TestConfig(t *testing.T) {
	if err := (Config{Addresses: []string{"localhost:6379"}}).WithDefaults().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	faulty := Config{
		Addresses: []string{"redis://user:pa55word@host:1", "user:pa55word@host:1", "a:1"}, Password: "pa55word", Database: 1, Prefix: "a{b}", WarnAt: 2, MaxTTL: time.Microsecond,
		MaxValue: -1,
	}
	err := faulty.WithDefaults().Validate()
	if !errors.Is(err, rag.ErrInvalid) {
		t.Fatal(err)
	}
	for _, says := range []string{"HOST:PORT", "database 0 only", "prefix", "warn", "longest lifetime", "largest value"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q is not said: %v", says, err)
		}
	}
	if strings.Contains(err.Error(), "pa55word") {
		t.Errorf("the password is said: %v", err)
	}
	if _, err := Open(Config{}); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("without an address: %v", err)
	}
}

func TestOpenDoesNotCall(t *testing.T) {
	for _, addresses := range [][]string{{"192.0.2.1:6379"}, {"192.0.2.1:6379", "192.0.2.2:6379"}} { // nowhere
		c, err := Open(Config{Addresses: addresses, Watch: -1})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := c.Cache().Set(t.Context(), "k", nil, 0); !errors.Is(err, rag.ErrUnavailable) {
			t.Errorf("after Close: %v", err)
		}
	}
}
