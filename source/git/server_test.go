//go:build servers

package git_test

import (
	"errors"
	"io"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/fetch/fetchtest"
	"github.com/smartretriever/smartretriever/source/git"
)

// TestRealServer reads from Git's own server, over HTTP and over ssh, which sends no history
// and no large files when it is asked not to.
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
	http := git.Settings{URL: s.URL + "/" + filepath.Base(o.folder)}
	key, signer := newKey(t)
	_, hostKey := newKey(t)
	d := newSSHD(t, []ssh.Signer{hostKey}, signer.PublicKey(), func(command string, ch ssh.Channel) uint32 {
		path, ok := strings.CutPrefix(command, "git-upload-pack '")
		cmd := exec.CommandContext(t.Context(), program, "-c", "safe.directory=*", "upload-pack", strings.TrimSuffix(path, "'"))
		cmd.Stdout, cmd.Stderr = ch, ch.Stderr()
		in, err := cmd.StdinPipe()
		if err != nil || !ok || cmd.Start() != nil {
			return 127
		}
		go func() { _, _ = io.Copy(in, ch) }() // ends with the channel
		if cmd.Wait() != nil {
			return 128
		}
		return 0
	})
	overSSH := git.Settings{URL: "ssh://git@" + d.at + o.folder, SSH: git.SSH{Key: keyFile(t, key, "s3cret-phrase"), Passphrase: "phrase",
		KnownHosts: textFile(t, knownhosts.Line([]string{d.at}, hostKey.PublicKey())+"\n")}}
	for _, set := range []git.Settings{http, overSSH} {
		for _, history := range []int{0, 1} {
			set.History = history
			readsChanges(t, o, files, set)
		}
	}
	overSSH.URL += ".none"
	if _, err := (&fetchtest.Store{}).Sync(t, open(t, overSSH, t.TempDir())); !errors.Is(err, rag.ErrNotFound) || !strings.Contains(err.Error(), "not appear to be a git repository") {
		t.Error(err)
	}
}

func readsChanges(t *testing.T, o *origin, files map[string]string, set git.Settings) {
	t.Helper()
	store := &fetchtest.Store{}
	set.MaxBytes = 1000
	src := open(t, set, t.TempDir())
	told := read(t, store, src)
	expect(t, told, "a.md d/b.md", "", "big.md", true)
	if err := told.Errs["big.md"]; err == nil || !strings.Contains(err.Error(), "not fetched") {
		t.Error(err)
	}
	files["d/b.md"] += "!"
	o.commit("Cid", files)
	expect(t, read(t, store, src), "d/b.md", "", "", false)
	if got := store.Docs["d/b.md"]; got.Body != files["d/b.md"] || (got.Metadata["author"].Text() == "Cid") != (set.History > 0) {
		t.Errorf("%+v", got)
	}
}
