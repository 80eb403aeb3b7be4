package main

import (
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/text/extract/archive/archivetest"
)

// TestArchive adds a folder with an archive, finds its files, and adds it again.
func TestArchive(t *testing.T) {
	p := newProgram(t)
	pack := func(pairs ...string) {
		p.write("in/pack.zip", string(archivetest.Zip(t, pairs...)))
	}
	p.write("in/plain.md", "# Plain\n\nNothing of note.")
	pack("a/storm.txt", "The storm broke the northern window.", "b.md", "# B\n\nHarvest was late.", "c.bin", "\x00\x01\x02")
	docs, sum := p.add(0, "in")
	if sum.Added != 3 || sum.Skipped != 1 || docs["in/pack.zip!/a/storm.txt"].State != "added" {
		t.Errorf("%+v\n%+v", docs, sum)
	}
	same(t, "found", p.found("Which window did the storm break?", "-k", "1"), []string{"storm.txt"})
	pack("b.md", "# B\n\nHarvest was late.", "broken.pdf", "\x00\x01 none")
	docs, sum = p.add(1, "in")
	if sum.Unchanged != 2 || sum.Removed != 1 || sum.Failed != 1 || docs["in/pack.zip!/a/storm.txt"].State != "removed" {
		t.Errorf("%+v\n%+v", docs, sum)
	}
	if planned := p.run("", "add", "--dry-run", "in").out; !strings.Contains(planned, "unchanged  "+p.path("in/pack.zip")+"!/b.md\n") {
		t.Errorf("the dry run: %s", planned)
	}
	p.ok("rm", "-r", "-y", "in/pack.zip")
	same(t, "left", p.names(), []string{"in/plain.md"})
}
