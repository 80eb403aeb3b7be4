//go:build unix

package ocr_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/text/extract/ocr"
)

func TestRead(t *testing.T) {
	e := engine(t, ocr.Config{Program: fakes(t, "fine")})
	info, err := e.Info(t.Context())
	if err != nil || info.Version != "5.9.1" || !slices.Equal(info.Installed, []string{"eng", "deu", "lat"}) || !slices.Equal(info.Languages, info.Installed) {
		t.Fatalf("%+v, %v", info, err)
	}
	page, err := e.Read(t.Context(), []byte("four"), 300./72, 300)
	if err != nil {
		t.Fatal(err)
	}
	want := ocr.Paragraph{Text: "read 4", Box: rag.Box{X0: 72, Y0: 72, X1: 122.4, Y1: 79.2}}
	if len(page.Paragraphs) != 1 || page.Paragraphs[0] != want || page.Confidence != 96 || page.Words != 2 {
		t.Errorf("%+v", page)
	}
}

// TestTurned reads a page again that made no sense, turned as the program finds it.
func TestTurned(t *testing.T) {
	e := engine(t, ocr.Config{Program: fakes(t, "turned")})
	page, err := e.Read(t.Context(), nil, 1, 0)
	if err != nil || len(page.Paragraphs) != 1 || page.Paragraphs[0].Text != "upright" {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestFailures(t *testing.T) {
	for _, c := range []struct {
		fake   string
		config ocr.Config
		kind   error
		says   string
	}{
		{"crash", ocr.Config{}, rag.ErrInvalid, "exit status 134 [Error in pixRead]"},
		{"flood", ocr.Config{}, rag.ErrExhausted, "wrote more than 16 MiB"},
		{"hang", ocr.Config{Timeout: 200 * time.Millisecond}, rag.ErrExhausted, "longer than 200ms"},
		{"other", ocr.Config{}, rag.ErrInvalid, "is not the program tesseract"},
		{"fine", ocr.Config{Languages: []string{"chi_sim"}}, rag.ErrInvalid, "tesseract-ocr-chi-sim"},
	} {
		c.config.Program = fakes(t, c.fake)
		_, err := engine(t, c.config).Read(t.Context(), nil, 1, 0)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.fake, err)
		}
	}
	missing := filepath.Join(t.TempDir(), "fake-fine")
	e := engine(t, ocr.Config{Program: missing})
	if _, err := e.Read(t.Context(), nil, 1, 0); !errors.Is(err, ocr.ErrAbsent) || !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("absent: %v", err)
	}
	// Once it is installed, it is found.
	if err := os.Symlink(fakes(t, "fine"), missing); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Info(t.Context()); err != nil {
		t.Errorf("installed: %v", err)
	}
	for _, bad := range []ocr.Config{{Timeout: -1}, {Workers: -1}, {Languages: []string{"-c"}}, {Languages: []string{"../eng"}}} {
		if _, err := ocr.New(bad); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestCancel gives up while the program hangs, and has started another. Both must be
// gone: each holds a lock as long as it lives.
func TestCancel(t *testing.T) {
	program := fakes(t, "hang")
	base := filepath.Join(filepath.Dir(program), "hang")
	if err := syscall.Mkfifo(base+".ready", 0o600); err != nil {
		t.Fatal(err)
	}
	e := engine(t, ocr.Config{Program: program, Timeout: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := e.Read(ctx, []byte("x"), 1, 0)
		ended <- err
	}()
	ready, err := os.OpenFile(base+".ready", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	for range 2 { // the program and what it started
		if _, err := ready.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	lock, err := os.OpenFile(base+".lock", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil { // waits until both are gone
		t.Error(err)
	}
}

// TestData gives the program the folder of its languages, and nothing else that is not
// its business.
func TestData(t *testing.T) {
	e := engine(t, ocr.Config{Program: fakes(t, "data"), Data: "/opt/tessdata"})
	page, err := e.Read(t.Context(), []byte("four"), 1, 0)
	if err != nil || len(page.Paragraphs) != 1 || page.Paragraphs[0].Text != "/opt/tessdata 3 4" {
		t.Errorf("%+v, %v", page, err)
	}
	if _, err := ocr.New(ocr.Config{Data: "a\x00b"}); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("a path that is none: %v", err)
	}
}

// TestOwnData has the real program read with a language that is in a folder of its own
// and nowhere else.
func TestOwnData(t *testing.T) {
	needsTesseract(t)
	usual, err := exec.CommandContext(t.Context(), "tesseract", "--list-langs").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(usual), `"`)
	installed, _, _ := strings.Cut(rest, `"`)
	data := t.TempDir()
	if err := os.Symlink(filepath.Join(installed, "eng.traineddata"), filepath.Join(data, "house.traineddata")); err != nil {
		t.Fatal(err)
	}
	var blank bytes.Buffer
	if err := png.Encode(&blank, image.NewGray(image.Rect(0, 0, 200, 100))); err != nil {
		t.Fatal(err)
	}
	e := engine(t, ocr.Config{Data: data})
	info, err := e.Info(t.Context())
	if err != nil || !slices.Equal(info.Languages, []string{"house"}) {
		t.Fatalf("%+v, %v", info, err)
	}
	if page, err := e.Read(t.Context(), blank.Bytes(), 1, 0); err != nil || page.Words != 0 {
		t.Errorf("%+v, %v", page, err)
	}
	if _, err := engine(t, ocr.Config{Data: filepath.Join(data, "none")}).Info(t.Context()); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// TestProgram asks the real program what it is, and has it read nothing and nonsense.
func TestProgram(t *testing.T) {
	needsTesseract(t)
	e := engine(t, ocr.Config{})
	info, err := e.Info(t.Context())
	if err != nil || info.Version == "" || !slices.Contains(info.Installed, "eng") || info.Languages[0] != "eng" {
		t.Fatalf("%+v, %v", info, err)
	}
	t.Logf("%+v", info)
	for _, bad := range []string{"", "no picture", "/etc/passwd\n", "\x89PNG\r\n\x1a\n cut off"} {
		page, err := e.Read(t.Context(), []byte(bad), 1, 0)
		if !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%q: %+v, %v", bad, page, err)
		}
	}
}
