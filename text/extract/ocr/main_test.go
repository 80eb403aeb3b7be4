//go:build unix

package ocr_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/text/extract/ocr"
)

// realTests is the variable that the project's test script sets once the program is
// installed: tests that need it fail then where it is missing.
const realTests = "OCR_TESTS"

func needsTesseract(t *testing.T) {
	t.Helper()
	if os.Getenv(realTests) == "" {
		t.Skipf("%s is not set: the program tesseract is not used", realTests)
	}
}

// TestMain makes the test binary a program like tesseract, when it is called by the
// name of one. It gets no variables of its own, so its name says what it is to do.
func TestMain(m *testing.M) {
	if name := filepath.Base(os.Args[0]); strings.HasPrefix(name, "fake-") {
		os.Exit(fake(strings.TrimPrefix(name, "fake-")))
	}
	os.Exit(m.Run())
}

// row is a word of the program's table.
func row(block, line, word, x, y int, confidence, text string) string {
	return fmt.Sprintf("5\t1\t%d\t1\t%d\t%d\t%d\t%d\t100\t30\t%s\t%s\n", block, line, word, x, y, confidence, text)
}

func fake(what string) int {
	asked := func(s string) bool { return slices.Contains(os.Args, s) }
	switch {
	case what == "sleep":
		hold()
		select {}
	case what == "other":
		fmt.Println("usage: none of your business")
		return 0
	case asked("--version"):
		fmt.Println("tesseract 5.9.1")
		return 0
	case asked("--list-langs"):
		fmt.Println("List of available languages in \"/x/\" (4):\neng\nosd\ndeu\nlat")
		return 0
	}
	switch what {
	case "hang":
		hold()
		self, _ := os.Executable()
		child := &exec.Cmd{Path: self, Args: []string{strings.TrimSuffix(os.Args[0], "hang") + "sleep"}, Stdout: os.Stdout}
		if child.Start() != nil {
			return 9
		}
		time.Sleep(time.Hour)
	case "flood":
		for {
			if _, err := os.Stdout.WriteString(strings.Repeat(row(1, 1, 1, 1, 1, "90", "flood"), 1000)); err != nil {
				return 9
			}
		}
	case "crash":
		fmt.Fprintln(os.Stderr, "Error in\tpixRead")
		return 134
	case "turned":
		_, _ = io.Copy(io.Discard, os.Stdin)
		if asked("1") {
			fmt.Print(row(1, 1, 1, 100, 100, "95", "upright"))
		} else {
			fmt.Print(row(1, 1, 1, 100, 100, "20", "jq6udn"))
		}
	case "data":
		in, _ := io.ReadAll(os.Stdin)
		fmt.Print(row(1, 1, 1, 300, 300, "96", os.Getenv("TESSDATA_PREFIX")), row(1, 1, 2, 410, 300, "96", fmt.Sprint(len(os.Environ()), len(in))))
	default:
		in, _ := io.ReadAll(os.Stdin)
		if !asked("eng+deu+lat") || os.Getenv("OMP_THREAD_LIMIT") != "1" || len(os.Environ()) != 2 {
			return 8
		}
		fmt.Print(row(1, 1, 1, 300, 300, "96", "read"), row(1, 1, 2, 410, 300, "96", fmt.Sprint(len(in))))
	}
	return 0
}

// hold keeps a lock that ends with the process, and says that it does.
func hold() {
	base := filepath.Join(filepath.Dir(os.Args[0]), "hang")
	f, err := os.OpenFile(base+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH)
	}
	if err != nil {
		os.Exit(7)
	}
	held = f
	if ready, err := os.OpenFile(base+".ready", os.O_WRONLY, 0); err == nil {
		_, _ = ready.WriteString("x")
		ready.Close()
	}
}

var held *os.File

// fakes returns the path of a program that behaves as its name says.
func fakes(t *testing.T, what string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "fake-"+what)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func engine(t *testing.T, config ocr.Config) *ocr.Engine {
	t.Helper()
	e, err := ocr.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
