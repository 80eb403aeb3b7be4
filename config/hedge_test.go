package config

import (
	"testing"
	"time"
)

func TestHedge(t *testing.T) {
	tests := []struct {
		text  string
		on    bool
		after time.Duration
		fails bool
	}{
		{"0s", false, 0, false}, {"300ms", true, 300 * time.Millisecond, false}, {"p95", true, 0, false},
		{"-1s", false, 0, true}, {"p50", false, 0, true}, {"", false, 0, true},
	}
	for _, tt := range tests {
		on, after, err := Embedder{HedgeAfter: tt.text}.Hedge()
		if on != tt.on || after != tt.after || (err != nil) != tt.fails {
			t.Errorf("%q: %v, %s, %v", tt.text, on, after, err)
		}
	}
	if on, _, err := Default().Embedder.Hedge(); on || err != nil {
		t.Errorf("by default: %v, %v", on, err)
	}
}
