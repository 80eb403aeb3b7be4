package section_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"github.com/smartretriever/smartretriever/index/section"
	"github.com/smartretriever/smartretriever/index/section/faultfs"
	"github.com/smartretriever/smartretriever/rag"
)

var contents = map[string][]byte{
	"empty": {}, "one": {7}, "sixtyfour": bytes.Repeat([]byte{1}, 64), "a name of 16 byt": bytes.Repeat([]byte("text"), 3000),
}

var order = []string{"empty", "one", "sixtyfour", "a name of 16 byt"}

func fill(w *section.Writer) error {
	for _, name := range order {
		out := w.Begin(name)
		for rest := contents[name]; len(rest) > 0; {
			n := min(len(rest), 1000)
			if _, err := out.Write(rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
	}
	return nil
}

func check(t *testing.T, f *section.File) {
	t.Helper()
	if err := f.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	for name, want := range contents {
		got, ok := f.Section(name)
		if !ok || !bytes.Equal(got, want) {
			t.Errorf("section %q holds %d bytes (%v), want %d", name, len(got), ok, len(want))
		}
		if uintptr(unsafe.Pointer(unsafe.SliceData(got)))%section.Align != 0 {
			t.Errorf("section %q is not aligned", name)
		}
		if cap(got)-len(got) < section.Slack {
			t.Errorf("section %q has %d bytes of slack", name, cap(got)-len(got))
		} else if after := got[len(got) : len(got)+section.Slack]; !bytes.Equal(after, make([]byte, section.Slack)) {
			t.Errorf("the slack after section %q is not zero", name)
		}
	}
	if _, ok := f.Section("absent"); ok {
		t.Error("found a section that is not there")
	}
	var names []string
	f.Sections(func(name string, size int64) {
		names = append(names, name)
		if size != int64(len(contents[name])) {
			t.Errorf("section %q is said to have %d bytes", name, size)
		}
	})
	if len(names) != len(order) || names[3] != order[3] {
		t.Errorf("the sections are %q, want %q", names, order)
	}
}

func TestRoundTrip(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	size, err := section.WriteFile(section.Disk{}, name, fill)
	if err != nil {
		t.Fatal(err)
	}
	f, err := section.Open(section.Disk{}, name)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(name); info.Size() != size || f.Size() != size {
		t.Errorf("sizes %d, %d, %d", info.Size(), f.Size(), size)
	}
	check(t, f)
	if err := os.Remove(name); err != nil { // the mapping outlives the name
		t.Fatal(err)
	}
	check(t, f)
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	m, err := section.Build(fill)
	if err != nil {
		t.Fatal(err)
	}
	check(t, m)
}

func TestAbsent(t *testing.T) {
	if _, err := section.Open(section.Disk{}, filepath.Join(t.TempDir(), "f")); !errors.Is(err, rag.ErrNotFound) {
		t.Errorf("error %v, want not found", err)
	}
	if names, err := (section.Disk{}).List(filepath.Join(t.TempDir(), "none")); err != nil || len(names) != 0 {
		t.Errorf("a folder that is not there lists as %v, %v", names, err)
	}
}

// TestEveryFlip changes each byte of a file: it is found when the file is opened or verified, or what the sections hold is the same.
func TestEveryFlip(t *testing.T) {
	fsys := faultfs.New()
	if _, err := section.WriteFile(fsys, "f", fill); err != nil {
		t.Fatal(err)
	}
	found, harmless := 0, 0
	for at := range fsys.Content("f") {
		fsys.Flip("f", at, uint(at))
		f, err := section.Open(fsys, "f")
		if err == nil {
			err = f.Verify(t.Context())
		}
		switch {
		case errors.Is(err, rag.ErrInvalid):
			found++
		case err != nil:
			t.Fatalf("byte %d: %v", at, err)
		default:
			harmless++
			for name, want := range contents {
				if got, ok := f.Section(name); !ok || !bytes.Equal(got, want) {
					t.Fatalf("byte %d changed section %q, and nothing noticed", at, name)
				}
			}
		}
		fsys.Flip("f", at, uint(at))
	}
	if found < 12000 || harmless < 4*section.Slack {
		t.Errorf("%d flips found, %d in the padding", found, harmless)
	}
}

func TestTorn(t *testing.T) {
	fsys := faultfs.New()
	if _, err := section.WriteFile(fsys, "f", fill); err != nil {
		t.Fatal(err)
	}
	whole := fsys.Content("f")
	for n := range whole {
		if n%7 != 0 && n < len(whole)-200 {
			continue
		}
		out, _ := fsys.Create("torn")
		if _, err := out.Write(whole[:n]); err != nil {
			t.Fatal(err)
		}
		if _, err := section.Open(fsys, "torn"); !errors.Is(err, rag.ErrInvalid) {
			t.Fatalf("the first %d of %d bytes: error %v", n, len(whole), err)
		}
	}
}

// TestShortened cuts a file off while it is mapped: reading it is an error, and not the end of the process.
func TestShortened(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if _, err := section.WriteFile(section.Disk{}, name, fill); err != nil {
		t.Fatal(err)
	}
	f, err := section.Open(section.Disk{}, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Verify(t.Context()); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("error %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// TestFaults lets each operation of writing fail in turn: there is an error and no file, or no error and a whole file.
func TestFaults(t *testing.T) {
	for call := 1; ; call++ {
		fsys := faultfs.New()
		hit := false
		fsys.SetFault(func(n int, op, _ string) error {
			if n == call {
				hit = true
				return syscall.ENOSPC
			}
			return nil
		})
		_, err := section.WriteFile(fsys, "f", fill)
		if !hit {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		if !errors.Is(err, rag.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("operation %d failed: error %v", call, err)
		}
		if fsys.Content("f") != nil || fsys.Content("f"+section.TempSuffix) != nil {
			t.Errorf("operation %d failed: a file is left", call)
		}
	}
}

func TestCrash(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	fsys := faultfs.New()
	if _, err := section.WriteFile(fsys, "f", fill); err != nil {
		t.Fatal(err)
	}
	lost, kept := 0, 0
	for range 50 {
		after := fsys.Crash(rng)
		if after.Content("f") == nil {
			lost++
			continue
		}
		kept++
		f, err := section.Open(after, "f") // a name that is there stands for a whole file
		if err != nil {
			t.Fatal(err)
		}
		check(t, f)
	}
	if lost == 0 || kept == 0 {
		t.Errorf("without a sync of the folder the file was lost %d times and kept %d times", lost, kept)
	}
	if err := fsys.SyncDir("."); err != nil {
		t.Fatal(err)
	}
	if fsys.Crash(nil).Content("f") == nil {
		t.Error("the file is gone although its folder was synced")
	}
}

func TestMemory(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 65, 1000} {
		b := section.Alloc(n)
		if len(b) != n || cap(b)-n < section.Slack || uintptr(unsafe.Pointer(unsafe.SliceData(b)))%section.Align != 0 {
			t.Errorf("Alloc(%d): length %d, capacity %d", n, len(b), cap(b))
		}
		if u := section.Usable(b); n > 0 && &u[0] != &b[0] {
			t.Errorf("%d usable bytes were copied", n)
		}
	}
	odd := section.Alloc(100)[1:9]
	if u := section.Usable(odd); &u[0] == &odd[0] || len(u) != 8 {
		t.Error("bytes without alignment were not copied")
	}
	v := section.View[uint32](section.Alloc(8))
	v[1] = 0x01020304
	if b := section.Bytes(v); len(b) != 8 || b[4] != 4 {
		t.Errorf("bytes %v", b)
	}
	for _, b := range [][]byte{section.Alloc(7), section.Alloc(9)[1:]} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("bytes that are no numbers were taken for some")
				}
			}()
			section.View[uint32](b)
		}()
	}
}

func TestLock(t *testing.T) {
	for name, fsys := range map[string]section.FS{"disk": section.Disk{}, "faultfs": faultfs.New()} {
		path := filepath.Join(t.TempDir(), "lock")
		unlock, held, err := fsys.Lock(path)
		if err != nil || !held {
			t.Fatalf("%s: lock: %v, %v", name, held, err)
		}
		if _, held, err := fsys.Lock(path); err != nil || held {
			t.Errorf("%s: a second lock: %v, %v", name, held, err)
		}
		if err := unlock(); err != nil {
			t.Error(err)
		}
		if unlock, held, err = fsys.Lock(path); err != nil || !held {
			t.Errorf("%s: lock again: %v, %v", name, held, err)
		} else if err := unlock(); err != nil {
			t.Error(err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	fsys := faultfs.New()
	if _, err := section.WriteFile(fsys, "f", fill); err != nil {
		f.Fatal(err)
	}
	f.Add(fsys.Content("f"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		fsys := faultfs.New()
		out, _ := fsys.Create("f")
		_, _ = out.Write(data)
		file, err := section.Open(fsys, "f")
		if err != nil {
			return
		}
		_ = file.Verify(t.Context())
		file.Sections(func(name string, size int64) {
			b, ok := file.Section(name)
			if ok {
				_, _ = io.Discard.Write(b[:len(b)+section.Slack])
			}
		})
	})
}
