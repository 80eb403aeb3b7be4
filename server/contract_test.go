package server_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"image/png"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/server"
	"github.com/smartretriever/smartretriever/server/servertest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestContract sends the requests in testdata/*.http, in order, to a fresh server
// over the in-memory Service, and compares everything that comes back with the
// golden file of the same name. The golden files are the contract: a difference is
// a change that a client can see.
//
// A request is a line "METHOD path", header lines, and a body after an empty line;
// a line "----" ends it.
func TestContract(t *testing.T) {
	files, err := filepath.Glob("testdata/*.http")
	if err != nil || len(files) == 0 {
		t.Fatalf("no contract files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".http"), func(t *testing.T) {
			script, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := converse(t, string(script))
			golden := strings.TrimSuffix(file, ".http") + ".golden"
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s differs; run the test with -update and look at the difference:\n%s", golden, firstDifference(string(got), string(want)))
			}
		})
	}
}

// fresh ids and the time of day are replaced by what they are.
var volatile = []struct {
	re *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`file-[0-9a-f]{32}`), "file-ID"},
	{regexp.MustCompile(`vsfb_[0-9a-f]{32}`), "vsfb_ID"},
	{regexp.MustCompile(`chatcmpl-[0-9a-f]+`), "chatcmpl-ID"},
	{regexp.MustCompile(`"created": ?\d{10}`), `"created": TIME`},
}

func converse(t *testing.T, script string) []byte {
	c := newClient(t, server.Config{Service: servertest.New(), Version: "test", SourceKinds: []string{"web"}})
	var out bytes.Buffer
	known := map[string]string{} // $name in a request stands for the last id of that kind
	for _, block := range strings.Split(script, "\n----\n") {
		block = strings.TrimSpace(block)
		for name, value := range known {
			block = strings.ReplaceAll(block, "$"+name, value)
		}
		head, body, hasBody := strings.Cut(block, "\n\n")
		lines := strings.Split(head, "\n")
		method, path, _ := strings.Cut(lines[0], " ")
		headers := []string{"X-Request-ID", "test"}
		for _, l := range lines[1:] {
			k, v, _ := strings.Cut(l, ": ")
			headers = append(headers, k, v)
		}
		var sent any
		if hasBody {
			sent = body
			if strings.Contains(head, "multipart/form-data") {
				sent = strings.ReplaceAll(body, "\n", "\r\n") + "\r\n"
			}
		}
		w := c.do(method, path, sent, headers...)
		for _, kind := range []string{"file", "vsfb", "vs"} {
			if id := regexp.MustCompile(`"id": ?"(` + kind + `[-_][^"]+)"`).FindStringSubmatch(w.Body.String()); id != nil {
				known[strings.ToUpper(kind)] = id[1]
			}
		}
		shown := readable(w.Body.Bytes())
		if w.Header().Get("Content-Type") == "image/png" {
			shown = pictured(t, w)
		}
		fmt.Fprintf(&out, "%s\n%d %s\n%s\n----\n", lines[0], w.Code, w.Header().Get("Content-Type"), shown)
	}
	text := out.String()
	for _, v := range volatile {
		text = v.re.ReplaceAllString(text, v.by)
	}
	return []byte(text)
}

// pictured says what a picture is and how long it may be kept.
func pictured(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	p, err := png.DecodeConfig(w.Body)
	if err != nil {
		t.Error(err)
	}
	return fmt.Sprintf("a picture of %d x %d pixels, Cache-Control: %s", p.Width, p.Height, w.Header().Get("Cache-Control"))
}

// readable indents JSON, also that of events, and leaves other text alone.
func readable(body []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, body, "", "  ") == nil {
		return strings.TrimSpace(b.String())
	}
	var lines []string
	for _, l := range strings.Split(strings.TrimSpace(string(body)), "\n") {
		var e bytes.Buffer
		if data, ok := strings.CutPrefix(l, "data: "); ok && json.Indent(&e, []byte(data), "", "  ") == nil {
			l = "data: " + e.String()
		}
		lines = append(lines, l)
	}
	return strings.Join(lines, "\n")
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			from := max(0, i-3)
			return fmt.Sprintf("line %d\ngot:\n%s\nwant:\n%s", i+1, strings.Join(g[from:min(len(g), i+4)], "\n"), strings.Join(w[min(from, len(w)):min(len(w), i+4)], "\n"))
		}
	}
	return fmt.Sprintf("the golden file has %d more lines", len(w)-len(g))
}
