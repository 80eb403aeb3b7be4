package code_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/text/language/code"
)

func TestDetect(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"a/b.go", "", "go"}, {"A.PY", "", "python"}, {"x.tsx", "", "typescript"}, {"x.mjs", "", "javascript"}, {"X.java", "", "java"},
		{"x.c", "", "c"}, {"x.hpp", "", "cpp"}, {"x.rs", "", "rust"}, {"x.rb", "", "ruby"}, {"x.php", "", "php"}, {"x.cs", "", "csharp"},
		{"x.sql", "", "sql"}, {"Makefile", "", "makefile"}, {"Dockerfile.prod", "", "dockerfile"}, {"Makefile.am", "", "makefile"}, {"Gemfile", "", "ruby"}, {`C:\src\main.cpp`, "", "cpp"},
		{"x.h", "int f(void);\n", "c"}, {"x.h", "namespace a {\nclass B {};\n}\n", "cpp"}, {"x.h", "@interface A\n@end\n", "objectivec"},
		{"x.m", "x = [1 2];\n", "matlab"}, {"x.pl", "my $x = 1;\n", "perl"}, {"x.pl", "parent(a, b) :- x.\n", "prolog"},
		{"run", "#!/usr/bin/env python3\nx = 1\n", "python"}, {"run", "#!/bin/sh -e\n", "bash"}, {"run", "#!/usr/bin/env -S node --x\n", "javascript"},
		{"run", "#!/usr/bin/unknown\n", ""}, {"", "// -*- mode: C++ -*-\n", "cpp"}, {"", "# vim: ft=ruby\n", "ruby"}, {"", "<?php\necho 1;", "php"},
		{"", "package main\n\nfunc main() {\n}\n", "go"}, {"", "import os\n\ndef f(x):\n    return x\n", "python"},
		{"", "const a = require('x');\nconsole.log(a);\nmodule.exports = a;\n", "javascript"},
		{"", "interface A {\n  x: number\n}\nexport function f(a: A): string {\n}\n", "typescript"},
		{"", "import java.util.List;\n\npublic class A {\n  private int x;\n}\n", "java"},
		{"", "using System;\nnamespace A.B\n{\n  public class C {}\n}\n", "csharp"},
		{"", "#include <stdio.h>\nint main(void) { return 0; }\n", "c"}, {"", "#include <stdio.h>\n#include <vector>\nstd::vector<int> v;\n", "cpp"},
		{"", "use std::io;\n\nfn main() {\n    let mut x = 1;\n}\n", "rust"}, {"", "require 'json'\n\ndef run\n  1\nend\n", "ruby"},
		{"", "-- all\nSELECT a,\n b FROM t;\n", "sql"}, {"", "CREATE TABLE t (a int);\n", "sql"},
		{"notes.txt", "We import goods from China. Select one from the list.\n", ""}, {"", "", ""}, {"x.unknown", "package main\n", ""},
		{"", "The package manager said:\ndef is short for definition.\n", ""},
	} {
		if got := code.Detect(c.name, c.content); got != c.want {
			t.Errorf("%q %.30q: got %q, want %q", c.name, c.content, got, c.want)
		}
	}
}

// TestWithoutName recognises this project's own sources by their content alone.
func TestWithoutName(t *testing.T) {
	root := filepath.Join("..", "..")
	files, wrong := 0, 0
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") {
			return err
		}
		content, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		files++
		if got := code.Detect("", string(content)); got != "go" {
			wrong++
			t.Logf("%s: %q", p, got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if wrong > files/50 {
		t.Errorf("%d of %d files are not taken for Go", wrong, files)
	}
}

func FuzzDetect(f *testing.F) {
	f.Add("x.h", "class A {")
	f.Add("", "#! \n-*- -*-")
	f.Add("dockerfile.", "")
	f.Fuzz(func(t *testing.T, name, content string) { code.Detect(name, content) })
}
