package redis

import (
	"strings"
	"testing"
	"time"
)

func TestCircuit(t *testing.T) {
	now := time.Unix(1000, 0)
	c := &circuit{most: 3, pause: time.Second}
	ask := func(may, look bool) {
		t.Helper()
		if m, l := c.ask(now); m != may || l != look {
			t.Fatalf("may %v, look %v; want %v, %v", m, l, may, look)
		}
	}
	told := func(failed, opened bool) {
		t.Helper()
		if c.told(now, failed) != opened {
			t.Fatalf("opened %v, want %v", !opened, opened)
		}
	}
	told(true, false)
	told(true, false)
	told(false, false) // not in a row
	told(true, false)
	told(true, false)
	ask(true, false)
	told(true, true)
	told(true, false) // of one that was under way
	ask(false, false)
	now = now.Add(time.Second)
	ask(false, true)
	now = now.Add(time.Hour)
	ask(false, false) // one look at a time
	if c.looked(now, false) || !c.isOpen() {
		t.Fatal("it closed though nobody answers")
	}
	ask(false, false)
	now = now.Add(time.Second)
	ask(false, true)
	if !c.looked(now, true) || c.isOpen() {
		t.Fatal("it did not close")
	}
	ask(true, false)
	told(true, false)
	told(true, false)
	ask(true, false)
}

// A step's keys have one hash tag, whatever is in the key; keys of a space are spread.
func TestPlaces(t *testing.T) {
	c := &Client{cfg: Config{Prefix: "p"}}
	tag := func(physical string) string {
		_, rest, _ := strings.Cut(physical, "{")
		inside, _, ok := strings.Cut(rest, "}")
		if !ok || inside == "" {
			t.Fatalf("%q has no hash tag", physical)
		}
		return inside
	}
	seen, spread := map[string]string{}, map[string]bool{}
	for _, key := range []string{"", "a", "t/a", "t/", "/", "/a", "t", "{}/a", "}/a", "{/a", "a{b}c/d", "t/{}", "ü/a", "t\x00/a", strings.Repeat("x", 300) + "/a", "#t/a", "t./a"} {
		at := c.place(key)
		if tag(at.value) != tag(at.epoch) {
			t.Errorf("%q: %q and %q lie in different places", key, at.value, at.epoch)
		}
		if other, taken := seen[at.value]; taken {
			t.Errorf("%q and %q lie in one place", key, other)
		}
		seen[at.value] = key
		space, _ := spaceOf(key)
		found := false
		for b := range buckets {
			found = found || c.epoch(tagOf(space, b)) == at.epoch
		}
		if !found {
			t.Errorf("%q: its epoch %q is not forgotten with its space", key, at.epoch)
		}
	}
	for i := range 1000 {
		spread[c.place("t/"+strings.Repeat("k", i)).epoch] = true
	}
	if len(spread) != buckets {
		t.Errorf("a thousand keys are in %d of %d buckets", len(spread), buckets)
	}
	spaces := map[string]string{}
	for _, space := range []string{"t/", "T/", "t1/", "", "/", "#/", "a b/", "a\tb/", "{}/"} {
		if other, taken := spaces[tagOf(space, 0)]; taken {
			t.Errorf("the spaces %q and %q have one epoch", space, other)
		}
		spaces[tagOf(space, 0)] = space
	}
}
