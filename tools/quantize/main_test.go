package main

import (
	"strings"
	"testing"
)

func TestRunNeedsItsArguments(t *testing.T) {
	folder := t.TempDir()
	for _, args := range [][]string{
		nil,
		{"-jar", "a.jar"},
		{"-jar", "a.jar", "-out", "b", "-verify", "c"},
		{"-jar", "a.jar", "-model", "b.zip", "-out", "c"},
		{"-jar", "a.jar", "-out", "b", "-type", "float32"},
		{"-jar", folder + "/missing.jar", "-out", folder + "/out"},
		{"-model", folder, "-out", folder + "/out"},
	} {
		if err := run(t.Context(), args, &strings.Builder{}); err == nil {
			t.Errorf("%v is taken", args)
		}
	}
}
