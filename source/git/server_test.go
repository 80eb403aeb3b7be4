//go:build servers

package git_test

import (
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/source/fetch/fetchtest"
	"github.com/smartretriever/smartretriever/source/git"
)

// TestRealServer reads from Git's own server, which sends no history and no large
// files when it is asked not to.
func TestRealServer(t *testing.T) {
	o := newOrigin(t)
	files := map[string]string{"a.md": "a", "d/b.md": "b", "big.md": strings.Repeat("x", 5000)}
	o.commit("Ann", files)
	files["a.md"] = "a1"
	o.commit("Bob", files)
	program := os.Getenv("GIT")
	for _, key := range []string{"uploadpack.allowFilter", "http.uploadpack"} {
		if out, err := exec.CommandContext(t.Context(), program, "-C", o.folder, "config", key, "true").CombinedOutput(); err != nil {
			t.Fatal(err, string(out))
		}
	}
	s := httptest.NewServer(&cgi.Handler{Path: program, Args: []string{"http-backend"}, Env: []string{
		"GIT_PROJECT_ROOT=" + filepath.Dir(o.folder), "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
	}})
	t.Cleanup(s.Close)
	for _, history := range []int{0, 1} {
		store := &fetchtest.Store{}
		src := open(t, git.Settings{URL: s.URL + "/" + filepath.Base(o.folder), History: history, Settings: fetch.Settings{MaxBytes: 1000}}, t.TempDir())
		told := read(t, store, src)
		expect(t, told, "a.md d/b.md", "", "big.md", true)
		if err := told.Errs["big.md"]; err == nil || !strings.Contains(err.Error(), "not fetched") {
			t.Error(err)
		}
		files["d/b.md"] += "!"
		o.commit("Cid", files)
		expect(t, read(t, store, src), "d/b.md", "", "", false)
		if got := store.Docs["d/b.md"]; got.Body != files["d/b.md"] || (got.Metadata["author"].Text() == "Cid") != (history > 0) {
			t.Errorf("%+v", got)
		}
	}
}
