package bert

import "testing"

// The expected lengths are those of the tokenizers package 0.23 with the strategy
// longest_first.
func TestLongestCut(t *testing.T) {
	for _, tt := range []struct{ room, a, b, wantA, wantB int }{
		{17, 3, 40, 3, 14}, {17, 40, 3, 14, 3}, {17, 8, 40, 8, 9}, {17, 9, 40, 8, 9}, {17, 40, 8, 9, 8}, {17, 40, 9, 9, 8},
		{17, 30, 30, 8, 9}, {17, 30, 29, 9, 8}, {17, 29, 30, 8, 9}, {17, 9, 9, 8, 9}, {17, 10, 9, 9, 8}, {17, 8, 10, 8, 9}, {17, 10, 8, 9, 8},
		{18, 3, 40, 3, 15}, {18, 40, 3, 15, 3}, {18, 8, 40, 8, 10}, {18, 9, 40, 9, 9}, {18, 30, 30, 9, 9}, {18, 30, 29, 9, 9}, {18, 10, 8, 10, 8}, {18, 8, 10, 8, 10},
	} {
		if a, b := longestCut(tt.a, tt.b, tt.room); a != tt.wantA || b != tt.wantB {
			t.Errorf("%d and %d in %d: %d and %d, want %d and %d", tt.a, tt.b, tt.room, a, b, tt.wantA, tt.wantB)
		}
	}
}
