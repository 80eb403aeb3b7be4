package call

import (
	"strings"
	"testing"
)

func TestClean(t *testing.T) {
	s := Secrets{"Authorization": "Bearer sesame-4711", "Api-Key": "sesame-4711-b", "Empty": ""}
	for message, want := range map[string]string{
		"":                                       "",
		"not\n  found":                           "not found",
		"bad key Bearer sesame-4711":             "bad key ***",
		"bad key sesame-4711, sesame-4711-b":     "bad key ***, ***",
		"a\xffb":                                 "ab",
		strings.Repeat("ä", 400):                 strings.Repeat("ä", 150) + " ...",
		strings.Repeat(" ", 300) + "sesame-4711": "***",
	} {
		if got := s.Clean(message); got != want {
			t.Errorf("%q becomes %q, want %q", message, got, want)
		}
	}
}
