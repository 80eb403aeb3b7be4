package chat

import (
	"slices"
	"testing"

	"github.com/smartretriever/smartretriever/rag"
)

func TestTurns(t *testing.T) {
	u, a, s := "user", "assistant", "system"
	tests := []struct {
		name   string
		in     []rag.Message
		system string
		want   []rag.Message
	}{
		{"nothing", nil, "", nil},
		{"as it should be", []rag.Message{{Role: s, Content: "r"}, {Role: u, Content: "q"}, {Role: a, Content: "a"}, {Role: u, Content: "q2"}}, "r",
			[]rag.Message{{Role: u, Content: "q"}, {Role: a, Content: "a"}, {Role: u, Content: "q2"}}},
		{"an answer first", []rag.Message{{Role: a, Content: "a"}, {Role: u, Content: "q"}}, "", []rag.Message{{Role: u, Content: "q"}}},
		{"neighbours", []rag.Message{{Role: u, Content: "q1"}, {Role: s, Content: "r1"}, {Role: u, Content: "q2"}, {Role: s, Content: "r2"}}, "r1\n\nr2",
			[]rag.Message{{Role: u, Content: "q1\n\nq2"}}},
		{"an empty answer between", []rag.Message{{Role: u, Content: "q1"}, {Role: a, Content: " "}, {Role: u, Content: "q2"}}, "", []rag.Message{{Role: u, Content: "q1\n\nq2"}}},
	}
	for _, tt := range tests {
		before := slices.Clone(tt.in)
		system, got := Turns(tt.in)
		if system != tt.system || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, %q", tt.name, system, got)
		}
		if !slices.Equal(before, tt.in) {
			t.Errorf("%s: the messages were changed", tt.name)
		}
	}
}
