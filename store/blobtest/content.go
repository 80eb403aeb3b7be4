package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/store/blob"
)

func putAndOpen(t *testing.T, p Place) {
	s := p.Open(t)
	for _, content := range []string{"", "hello", strings.Repeat("0123456789", 300_000)} {
		// As a reader that can be read once, and as one that has it all in memory.
		for _, r := range []io.Reader{iotest.HalfReader(strings.NewReader(content)), bytes.NewReader([]byte(content))} {
			sha, size, err := s.Put(t.Context(), r, limit)
			if err != nil || sha != digest(content) || size != int64(len(content)) {
				t.Fatalf("put: %s, %d, %v", sha, size, err)
			}
		}
		if got, err := get(t, s, digest(content)); err != nil || got != content {
			t.Errorf("%d bytes come back as %d, %v", len(content), len(got), err)
		}
		if got, err := get(t, p.Open(t), digest(content)); err != nil || got != content {
			t.Errorf("another process reads %d of %d bytes, %v", len(got), len(content), err)
		}
	}
	if _, err := get(t, s, digest("never put")); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
	// Read byte by byte, and in every other way.
	r, _, err := s.Open(t.Context(), digest("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(r, []byte("hello")); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	// And not to the end.
	if r, _, err = s.Open(t.Context(), digest(strings.Repeat("0123456789", 300_000))); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func putFails(t *testing.T, p Place) {
	s := p.Open(t)
	broken := errors.New("broken pipe")
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for what, test := range map[string]struct {
		ctx  context.Context
		r    io.Reader
		want error
	}{
		"too large":       {t.Context(), iotest.OneByteReader(strings.NewReader("12345678901")), rag.ErrExhausted},
		"too large, held": {t.Context(), strings.NewReader("12345678901"), rag.ErrExhausted},
		"endless":         {t.Context(), endless{}, rag.ErrExhausted},
		"a broken source": {t.Context(), io.MultiReader(strings.NewReader("123"), iotest.ErrReader(broken)), broken},
		"a done context":  {done, strings.NewReader("123"), context.Canceled},
	} {
		if sha, _, err := s.Put(test.ctx, test.r, 10); !errors.Is(err, test.want) || sha != "" {
			t.Errorf("%s: %q, %v", what, sha, err)
		}
	}
	if n := len(held(t, s)); n != 0 {
		t.Errorf("%d files are there that could not be put", n)
	}
	if sha, _, err := s.Put(t.Context(), strings.NewReader("1234567890"), 10); err != nil || sha == "" {
		t.Errorf("exactly the limit: %v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func sameContentOnce(t *testing.T, p Place) {
	s := p.Open(t)
	sha := put(t, s, "content")
	for range 3 {
		put(t, s, "content")
	}
	if all := held(t, s); len(all) != 1 || all[sha].Size != 7 {
		t.Errorf("held: %v", all)
	}
	// What lost its end is replaced.
	p.Write(t, sha, []byte("con"))
	put(t, s, "content")
	if got, err := get(t, s, sha); err != nil || got != "content" {
		t.Errorf("after the repair: %q, %v", got, err)
	}
}

func keep(t *testing.T, p Place) {
	s := p.Open(t)
	sha := put(t, s, "content")
	for _, test := range []struct {
		sha  string
		size int64
		want bool
	}{{sha, 7, true}, {sha, 8, false}, {digest("other"), 7, false}} {
		if got, err := s.Keep(t.Context(), test.sha, test.size); err != nil || got != test.want {
			t.Errorf("keep %s of %d bytes: %v, %v", test.sha, test.size, got, err)
		}
	}
	p.Write(t, sha, []byte("con"))
	if got, err := s.Keep(t.Context(), sha, 7); err != nil || got {
		t.Errorf("keep what lost its end: %v, %v", got, err)
	}
	if err := s.Delete(t.Context(), sha); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Keep(t.Context(), sha, 7); err != nil || got {
		t.Errorf("keep what is gone: %v, %v", got, err)
	}
}

func damage(t *testing.T, p Place) {
	s := p.Open(t)
	sha := put(t, s, strings.Repeat("a", 1000))
	damaged := []byte(strings.Repeat("a", 1000))
	damaged[500] = 'b'
	for what, content := range map[string][]byte{"a changed byte": damaged, "a lost end": damaged[:400], "nothing": {}} {
		p.Write(t, sha, content)
		if _, err := get(t, s, sha); !errors.Is(err, rag.ErrInternal) || !strings.Contains(err.Error(), sha) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func nothingButDigests(t *testing.T, p Place) {
	s := p.Open(t)
	for _, sha := range []string{"", "..", "../secret", "ab", strings.ToUpper(digest("x")), digest("x") + "0", digest("x")[:63] + "g",
		"../" + strings.Repeat("a", 61), strings.Repeat("/", 64), strings.Repeat("\x00", 64)} {
		if _, err := get(t, s, sha); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("open %q: %v", sha, err)
		}
		if err := s.Delete(t.Context(), sha); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("delete %q: %v", sha, err)
		}
		if _, err := s.Keep(t.Context(), sha, 1); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("keep %q: %v", sha, err)
		}
		if _, err := s.SweepThese(t.Context(), []string{sha}, all); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("sweep %q: %v", sha, err)
		}
	}
}

func walkAndDelete(t *testing.T, p Place) {
	s := p.Open(t)
	want := map[string]int64{}
	for i := range 30 {
		want[put(t, s, strings.Repeat("x", i))] = int64(i)
	}
	var seen []string
	err := s.Walk(t.Context(), func(i blob.Info) error {
		seen = append(seen, i.SHA256)
		if i.Size != want[i.SHA256] || i.Modified.IsZero() {
			t.Errorf("%+v", i)
		}
		return nil
	})
	if err != nil || len(seen) != 30 || !slices.IsSorted(seen) {
		t.Errorf("walked over %d files: %v", len(seen), err)
	}
	enough := errors.New("enough")
	if err := s.Walk(t.Context(), func(blob.Info) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("a stop: %v", err)
	}
	for range 2 {
		if err := s.Delete(t.Context(), seen[0]); err != nil {
			t.Error(err)
		}
	}
	if _, err := get(t, s, seen[0]); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
	if n := len(held(t, s)); n != 29 {
		t.Errorf("%d are left", n)
	}
}

func endsWithItsContext(t *testing.T, p Place) {
	s := p.Open(t)
	sha := put(t, s, "content")
	ctx, cancel := context.WithCancel(t.Context())
	r, _, err := s.Open(ctx, sha)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.ReadAll(r); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err := s.Keep(ctx, sha, 7); !errors.Is(err, context.Canceled) {
		t.Errorf("keep: %v", err)
	}
	if err := s.Delete(ctx, sha); !errors.Is(err, context.Canceled) {
		t.Errorf("delete: %v", err)
	}
	if err := s.Walk(ctx, func(blob.Info) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("walk: %v", err)
	}
	if _, err := s.Sweep(ctx, all, farFuture()); !errors.Is(err, context.Canceled) {
		t.Errorf("sweep: %v", err)
	}
	if got, err := get(t, s, sha); err != nil || got != "content" {
		t.Errorf("it is not there any more: %v", err)
	}
}
