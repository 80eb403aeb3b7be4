//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// moved is a line of migrate --json.
type moved struct {
	Event     string   `json:"event"`
	Part      string   `json:"part"`
	Stage     string   `json:"stage"`
	Table     string   `json:"table"`
	Rows      int64    `json:"rows"`
	Resumed   bool     `json:"resumed"`
	Faults    []string `json:"faults"`
	Originals *struct{ Files, Copied int }
	Tables    []struct {
		Name       string
		Rows, Kept int64
	} `json:"tables"`
}

// migrated runs migrate to its end and returns what it reports of the copy.
func (p program) migrated(args ...string) (copied moved) {
	p.t.Helper()
	parts := 0
	for _, m := range decode[moved](p.t, p.ok(append([]string{"migrate", "--json"}, args...)...)) {
		if m.Event == "copied" {
			copied = m
		}
		if m.Part != "" {
			parts++
		}
		if len(m.Faults) > 0 {
			p.t.Errorf("%+v", m)
		}
	}
	if copied.Event == "" || parts < 3 {
		p.t.Errorf("%d parts were verified after %+v", parts, copied)
	}
	return copied
}

// cutOff has half a copy made: migrate is killed when it has copied the first rows of a
// table, and then, gone on with, when it has those of the next. anew makes the target one that
// nothing was copied to, half tells whether it holds half a copy: where the program was quicker
// than the kill, all begins anew.
func (p program) cutOff(anew func(), half func() bool, tables []string, args ...string) {
	p.t.Helper()
	for range 20 {
		anew()
		if !slices.ContainsFunc(tables, func(table string) bool {
			p.killMigration(table, args...)
			return !half()
		}) {
			return
		}
	}
	p.t.Fatalf("migrate was never killed while it copied %v", tables)
}

// killMigration kills migrate when it has copied the first rows of a table.
func (p program) killMigration(table string, args ...string) {
	p.t.Helper()
	cmd := p.command(append([]string{"migrate", "--json"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var m moved
		if json.Unmarshal(lines.Bytes(), &m) == nil && m.Stage == "copy" && m.Table == table && m.Rows > 0 {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait() // what it has left is looked at
}

// on is the same program on another data folder.
func (p program) on(folder string) program {
	p.data = folder
	return p
}

// TestMigrateIsResumed kills migrate (kill -9) while it copies, twice. What it leaves
// behind is opened by nobody; the next run goes on there, and the copy finds what the
// original finds, with the same ids, and has all originals.
func TestMigrateIsResumed(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("docs/mill.md", "# The mill\n\nThe mill turns by the old dike.")
	p.write("docs/ferry.md", "# The ferry\n\nThe ferry crosses at the lantern.")
	p.ok("add", "docs")
	p.ok("add", "docs", "-c", "other")
	to := filepath.Join(p.dir, "copy")
	place := "sqlite:" + to
	target := p.on(to)
	p.cutOff(func() {
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
	}, func() bool {
		r := target.run("", "ls")
		return r.code != 0 && strings.Contains(r.err, "not finished")
	}, []string{"documents", "chunks"}, "--to", place)
	m := p.migrated("--to", place)
	if !m.Resumed {
		t.Errorf("the last run copied anew: %+v", m)
	}
	kept := int64(0)
	for _, table := range m.Tables {
		if table.Name == "documents" && table.Kept != table.Rows {
			t.Errorf("of %d documents %d were kept", table.Rows, table.Kept)
		}
		kept += table.Kept
	}
	if kept == 0 || m.Originals == nil || m.Originals.Files != 2 || m.Originals.Copied != 2 {
		t.Errorf("%+v", m)
	}
	for _, args := range [][]string{{"ls", "--json"}, {"ls", "-c", "other", "--json"}, {"search", "where does the ferry cross", "--json"}, {"show", "docs/mill.md"}} {
		a, b := p.run("", args...), target.run("", args...)
		if args[0] == "search" {
			same(t, "search", target.found(args[1]), p.found(args[1]))
			continue
		}
		if a.code != 0 || a.out != b.out {
			t.Errorf("%v: the source says\n%s\nand the copy\n%s%s", args, a.out, b.out, b.err)
		}
	}
	if _, sum := target.add(0, "docs"); sum.Unchanged != 2 || sum.Embedded != 0 {
		t.Errorf("something was embedded again: %+v", sum)
	}
	// The copy has been used since: it is replaced only when that is said.
	target.write("docs/new.md", "It is new.")
	target.ok("add", "docs/new.md")
	if r := p.run("", "migrate", "--to", place); r.code != 2 || !strings.Contains(r.err, "--yes") {
		t.Errorf("a copy that was used is replaced without a question: %+v", r)
	}
	p.migrated("--to", place, "--yes")
	same(t, "ls after it was replaced", target.names(), p.names())
}

// Places that cannot be copied to, and addresses that hold a password.
func TestMigrateRefuses(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.write("a.md", "The mill turns.")
	p.ok("add", "a.md")
	other := p.on(filepath.Join(p.dir, "other"))
	other.ok("add", "a.md")
	for _, tt := range []struct {
		args, says string
		code       int
	}{
		{"", "--to", 2},
		{"--to sqlite:", "data folder", 2},
		{"--to sqlite:" + p.data, "the same", 2},
		{"--to sqlite:" + other.data, "another store", 1},
		{"--from sqlite:" + filepath.Join(p.dir, "none") + " --to sqlite:x", "no store", 3},
		{"--to postgres://me:hunter2@db/x", "where others can read", 2},
		{"--to postgres:", "store.postgres.url", 2},
		{"--to none.yaml", "none.yaml", 2},
	} {
		r := p.run("", append([]string{"migrate"}, strings.Fields(tt.args)...)...)
		if r.code != tt.code || !strings.Contains(r.err, tt.says) {
			t.Errorf("%s: exit code %d, want %d and %q\n%s%s", tt.args, r.code, tt.code, tt.says, r.out, r.err)
		}
		if strings.Contains(r.out+r.err, "hunter2") {
			t.Errorf("%s: the password is told", tt.args)
		}
	}
	if _, err := os.Stat(filepath.Join(p.dir, "none")); !os.IsNotExist(err) {
		t.Errorf("a source that is not there was made: %v", err)
	}
	same(t, "ls", other.names(), []string{"a.md"})
}
