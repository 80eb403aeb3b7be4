package git_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/server"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/source/fetch/fetchtest"
	"github.com/smartretriever/smartretriever/source/git"
)

// sshd is a server of ssh on loopback that lets one key in and runs what it is told to run.
type sshd struct {
	t     *testing.T
	at    string
	mu    sync.Mutex
	asked []string // commands
	users []string
	run   func(command string, ch ssh.Channel) (status uint32)
}

func newSSHD(t *testing.T, host []ssh.Signer, client ssh.PublicKey, run func(string, ssh.Channel) uint32) *sshd {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sshd{t: t, at: l.Addr().String(), run: run}
	set := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if !bytes.Equal(key.Marshal(), client.Marshal()) {
			return nil, errors.New("not this one")
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.users = append(s.users, c.User())
		return nil, nil
	}}
	for _, k := range host {
		set.AddHostKey(k)
	}
	var serving sync.WaitGroup
	var open sync.Map
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open.Store(conn, true)
			serving.Go(func() { s.serve(conn, set) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		open.Range(func(conn, _ any) bool { conn.(net.Conn).Close(); return true })
		serving.Wait()
	})
	return s
}

func (s *sshd) serve(conn net.Conn, set *ssh.ServerConfig) {
	defer conn.Close()
	_, chans, reqs, err := ssh.NewServerConn(conn, set)
	if err != nil {
		return // the client was refused, or refuses
	}
	go ssh.DiscardRequests(reqs)
	for c := range chans {
		ch, reqs, err := c.Accept()
		if err != nil {
			return
		}
		for r := range reqs {
			var command struct{ Text string }
			if r.Type != "exec" || ssh.Unmarshal(r.Payload, &command) != nil {
				_ = r.Reply(false, nil)
				continue
			}
			s.mu.Lock()
			s.asked = append(s.asked, command.Text)
			s.mu.Unlock()
			_ = r.Reply(true, nil)
			status := s.run(command.Text, ch)
			if status != lost {
				_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
			}
			ch.Close()
			break
		}
	}
}

// lost is the status of a program of which nobody hears the end.
const lost = 1 << 31

// upload serves the repository by the library's server.
func (o *origin) upload(_ string, ch ssh.Channel) uint32 {
	st := filesystem.NewStorage(osfs.New(o.folder), cache.NewObjectLRUDefault())
	endpoint, err := transport.NewEndpoint("ssh://git@example.org/team/repo.git")
	o.must(err)
	session, err := server.NewServer(server.MapLoader{endpoint.String(): storer.Storer(st)}).NewUploadPackSession(endpoint, nil)
	if err != nil {
		return 128
	}
	adv, err := session.AdvertisedReferences()
	if err != nil || adv.Encode(ch) != nil {
		return 128
	}
	req := packp.NewUploadPackRequest()
	if req.UploadRequest.Decode(ch) != nil {
		return 0 // it was only asked for the references
	}
	for lines := pktline.NewScanner(ch); lines.Scan() && !strings.HasPrefix(string(lines.Bytes()), "done"); {
		if have, ok := strings.CutPrefix(string(lines.Bytes()), "have "); ok {
			req.Haves = append(req.Haves, plumbing.NewHash(strings.TrimSpace(have)))
		}
	}
	resp, err := session.UploadPack(o.t.Context(), req)
	if err != nil || resp.Encode(ch) != nil {
		return 128
	}
	return 0
}

func newKey(t *testing.T) (ed25519.PrivateKey, ssh.Signer) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, signer
}

// keyFile writes a private key, encrypted if there is a passphrase.
func keyFile(t *testing.T, key ed25519.PrivateKey, passphrase string) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "test")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "test", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	return textFile(t, string(pem.EncodeToMemory(block)))
}

func textFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// agentSocket is an agent that holds keys.
func agentSocket(t *testing.T, keys ...ed25519.PrivateKey) string {
	t.Helper()
	ring := agent.NewKeyring()
	for _, k := range keys {
		if err := ring.Add(agent.AddedKey{PrivateKey: k}); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "agent") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				_ = agent.ServeAgent(ring, conn) // until the client goes
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
		os.RemoveAll(dir)
	})
	return l.Addr().String()
}

func openSSH(t *testing.T, url string, set git.SSH, dir string) (*git.Source, error) {
	t.Helper()
	return git.New(git.Settings{URL: url, SSH: set, Settings: fetch.Settings{Allow: []string{"127.0.0.1"}, Tries: 1}},
		git.Deps{Dir: dir, Deps: fetch.Deps{Secret: func(name string) (string, error) { return "s3cret-" + name, nil }}})
}

func TestOverSSH(t *testing.T) {
	o := newOrigin(t)
	files := map[string]string{"a.md": "a", "d/b.md": "b"}
	o.commit("Ann", files)
	key, signer := newKey(t)
	_, host := newKey(t)
	s := newSSHD(t, []ssh.Signer{host}, signer.PublicKey(), o.upload)
	known := textFile(t, knownhosts.Line([]string{s.at}, host.PublicKey())+"\n")
	for name, set := range map[string]git.SSH{
		"a key":                   {Key: keyFile(t, key, ""), KnownHosts: known},
		"a key with a passphrase": {Key: keyFile(t, key, "s3cret-phrase"), Passphrase: "phrase", KnownHosts: known},
		"an agent":                {Agent: agentSocket(t, key), KnownHosts: known},
	} {
		files["a.md"] = "a of " + name
		o.commit("Bob", files)
		src, err := openSSH(t, "ssh://me@"+s.at+"/team/it's a !.git", set, t.TempDir())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		store := &fetchtest.Store{}
		expect(t, read(t, store, src), "a.md d/b.md", "", "", true)
		if got := store.Docs["a.md"].Body; got != files["a.md"] {
			t.Errorf("%s: %q", name, got)
		}
		expect(t, read(t, store, src), "", "", "", false)
		files["d/b.md"] += "!"
		o.commit("Cid", files)
		expect(t, read(t, store, src), "d/b.md", "", "", false)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.asked {
		if c != `git-upload-pack '/team/it'\''s a '\!'.git'` {
			t.Errorf("the server was asked to run %s", c)
		}
	}
	if len(s.users) == 0 || slices.ContainsFunc(s.users, func(u string) bool { return u != "me" }) {
		t.Errorf("users %q", s.users)
	}
}

// TestKnownHosts has servers that are not those that are known: none is asked for anything.
func TestKnownHosts(t *testing.T) {
	o := newOrigin(t)
	o.commit("Ann", map[string]string{"a.md": "a"})
	key, signer := newKey(t)
	_, host := newKey(t)
	_, other := newKey(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaHost, err := ssh.NewSignerFromKey(rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	line := func(key ssh.PublicKey, at ...string) string { return knownhosts.Line(at, key) + "\n" }
	vouched := &ssh.Certificate{Key: host.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{"127.0.0.1"}, ValidBefore: ssh.CertTimeInfinity}
	if err := vouched.SignCert(rand.Reader, other); err != nil {
		t.Fatal(err)
	}
	withCert, err := ssh.NewCertSigner(vouched, host)
	if err != nil {
		t.Fatal(err)
	}
	s := newSSHD(t, []ssh.Signer{host, rsaHost, withCert}, signer.PublicKey(), o.upload)
	_, port, _ := net.SplitHostPort(s.at)
	for name, tt := range map[string]struct {
		known string
		want  error
		says  []string
	}{
		"known":                 {textFile(t, line(host.PublicKey(), s.at)), nil, nil},
		"known by the hash":     {textFile(t, knownhosts.HashHostname(knownhosts.Normalize(s.at))+" "+strings.SplitN(line(host.PublicKey(), s.at), " ", 2)[1]), nil, nil},
		"the older of its keys": {textFile(t, line(rsaHost.PublicKey(), s.at)), nil, nil},
		"among others":          {textFile(t, "# comment\n\n"+line(other.PublicKey(), "example.org")+line(other.PublicKey(), s.at)+line(host.PublicKey(), s.at)), nil, nil},
		"by an authority":       {textFile(t, "@cert-authority "+line(other.PublicKey(), s.at)), nil, nil},
		"by another authority":  {textFile(t, "@cert-authority "+line(rsaHost.PublicKey(), s.at)), rag.ErrRefused, nil},
		"nobody":                {textFile(t, ""), rag.ErrRefused, []string{"is not known", ssh.FingerprintSHA256(host.PublicKey()), "ssh-keyscan -t ed25519 -p " + port + " 127.0.0.1 >> "}},
		"no file":               {filepath.Join(t.TempDir(), "none"), rag.ErrRefused, []string{"is not known", "ssh-keyscan"}},
		"another host":          {textFile(t, line(host.PublicKey(), "127.0.0.2:"+port)), rag.ErrRefused, []string{"is not known"}},
		"another port":          {textFile(t, line(host.PublicKey(), "127.0.0.1:22")), rag.ErrRefused, []string{"is not known"}},
		"another key": {textFile(t, "\n"+line(other.PublicKey(), s.at)), rag.ErrRefused,
			[]string{"another than the one that is known", "line 2 of", ssh.FingerprintSHA256(host.PublicKey()), ssh.FingerprintSHA256(other.PublicKey())}},
		"revoked":  {textFile(t, line(host.PublicKey(), s.at)+"@revoked * "+strings.SplitN(line(host.PublicKey(), s.at), " ", 2)[1]), rag.ErrRefused, []string{"not accepted"}},
		"no hosts": {textFile(t, "what is this\n"), rag.ErrInvalid, []string{"known_hosts"}},
		"a folder": {t.TempDir(), rag.ErrInvalid, []string{"known_hosts"}},
	} {
		asked := len(s.commands())
		src, err := openSSH(t, "ssh://git@"+s.at+"/x.git", git.SSH{Key: keyFile(t, key, ""), KnownHosts: tt.known}, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		_, err = (&fetchtest.Store{}).Sync(t, src)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		for _, part := range tt.says {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s does not say %q: %v", name, part, err)
			}
		}
		if tt.want != nil && len(s.commands()) != asked {
			t.Errorf("%s: the server was asked", name)
		}
	}
}

func (s *sshd) commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// TestKeysThatDoNotOpen has keys that cannot be read, or that the server does not know.
func TestKeysThatDoNotOpen(t *testing.T) {
	o := newOrigin(t)
	o.commit("Ann", map[string]string{"a.md": "a"})
	key, signer := newKey(t)
	wrong, _ := newKey(t)
	_, host := newKey(t)
	s := newSSHD(t, []ssh.Signer{host}, signer.PublicKey(), o.upload)
	known := textFile(t, knownhosts.Line([]string{s.at}, host.PublicKey())+"\n")
	for name, tt := range map[string]struct {
		set  git.SSH
		want error
		says string
	}{
		"another key":      {git.SSH{Key: keyFile(t, wrong, "")}, rag.ErrUnauthorized, "does not let git in with the key of"},
		"another's agent":  {git.SSH{Agent: agentSocket(t, wrong)}, rag.ErrUnauthorized, "any of 1 keys of the agent"},
		"an empty agent":   {git.SSH{Agent: agentSocket(t)}, rag.ErrUnauthorized, "ssh-add"},
		"no agent":         {git.SSH{Agent: filepath.Join(t.TempDir(), "none")}, rag.ErrUnavailable, "ssh.agent"},
		"no passphrase":    {git.SSH{Key: keyFile(t, key, "s3cret-phrase")}, rag.ErrUnauthorized, "ssh.passphrase"},
		"wrong passphrase": {git.SSH{Key: keyFile(t, key, "other"), Passphrase: "phrase"}, rag.ErrUnauthorized, "ssh.passphrase does not open"},
		"no key":           {git.SSH{Key: textFile(t, "nothing")}, rag.ErrInvalid, "ssh.key"},
		"no file":          {git.SSH{Key: filepath.Join(t.TempDir(), "none")}, rag.ErrInvalid, "ssh.key"},
		"the public key":   {git.SSH{Key: textFile(t, string(ssh.MarshalAuthorizedKey(signer.PublicKey())))}, rag.ErrInvalid, "no private key"},
		"endless":          {git.SSH{Key: "/dev/zero"}, rag.ErrInvalid, "larger"},
	} {
		tt.set.KnownHosts = known
		src, err := openSSH(t, "ssh://git@"+s.at+"/x.git", tt.set, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		_, err = (&fetchtest.Store{}).Sync(t, src)
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "PRIVATE")) {
			t.Errorf("%s shows a secret: %v", name, err)
		}
	}
	if n := len(s.commands()); n != 0 {
		t.Errorf("%d commands were run", n)
	}
}

// TestHostileSSH has servers that let the client in and then mean harm. Every reading ends,
// and none takes the repository to be empty.
func TestHostileSSH(t *testing.T) {
	key, signer := newKey(t)
	_, host := newKey(t)
	forever := func(text string) func(string, ssh.Channel) uint32 {
		return func(_ string, ch ssh.Channel) uint32 {
			for {
				if _, err := io.WriteString(ch, text); err != nil {
					return lost
				}
			}
		}
	}
	packet := func(line string) string { return fmt.Sprintf("%04x%s", len(line)+4, line) }
	hash := strings.Repeat("a", 40)
	for name, tt := range map[string]struct {
		run  func(string, ssh.Channel) uint32
		want error
		says string
	}{
		"nothing": {func(string, ssh.Channel) uint32 { return 0 }, rag.ErrNotFound, ""},
		"no repository": {func(_ string, ch ssh.Channel) uint32 {
			io.WriteString(ch.Stderr(), "fatal: no\x1b[31m repository")
			return 128
		}, rag.ErrNotFound, "fatal: no"},
		"gone": {func(string, ssh.Channel) uint32 { return lost }, rag.ErrUnavailable, "broke"},
		"references without end": {func(command string, ch ssh.Channel) uint32 {
			io.WriteString(ch, packet(hash+" HEAD\x00ofs-delta\n"))
			return forever(packet(hash+" refs/heads/"+strings.Repeat("x", 60_000)+"\n"))(command, ch)
		}, rag.ErrExhausted, "too long"},
		"noise":   {forever("noise "), rag.ErrInvalid, ""},
		"silence": {func(_ string, ch ssh.Channel) uint32 { _, _ = io.Copy(io.Discard, ch); return lost }, rag.ErrUnavailable, "idle_timeout"},
		"an error without an end": {func(_ string, ch ssh.Channel) uint32 {
			io.WriteString(ch.Stderr(), strings.Repeat("no ", 1<<18))
			return 1
		}, rag.ErrNotFound, "no no"},
	} {
		s := newSSHD(t, []ssh.Signer{host}, signer.PublicKey(), tt.run)
		set := git.Settings{URL: "ssh://git@" + s.at + "/x.git", SSH: git.SSH{Key: keyFile(t, key, ""), KnownHosts: textFile(t, knownhosts.Line([]string{s.at}, host.PublicKey())+"\n")}}
		set.Settings = fetch.Settings{Allow: []string{"127.0.0.1"}, Tries: 1}
		if name == "silence" {
			set.IdleTimeout = fetch.Duration(200 * time.Millisecond)
		}
		src, err := git.New(set, git.Deps{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		told, err := (&fetchtest.Store{}).Sync(t, src)
		if !errors.Is(err, tt.want) || told.Complete || err != nil && (!strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\x1b") || len(err.Error()) > 1000) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhereSSHIsRefused(t *testing.T) {
	set := git.Settings{URL: "git@example.org:x.git", SSH: git.SSH{Key: "/k", KnownHosts: "/h"}}
	if _, err := git.New(set, git.Deps{Dir: t.TempDir(), Deps: fetch.Deps{Locked: true}}); !errors.Is(err, rag.ErrRefused) {
		t.Errorf("where others write settings: %v", err)
	}
	key, _ := newKey(t)
	for _, url := range []string{"ssh://git@127.0.0.1:9/x.git", "git@localhost:x.git", "ssh://git@169.254.169.254/x", "ssh://git@[::1]:9/x"} {
		src, err := git.New(git.Settings{URL: url, SSH: git.SSH{Key: keyFile(t, key, ""), KnownHosts: textFile(t, "")}}, git.Deps{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(url, err)
		}
		if _, err := (&fetchtest.Store{}).Sync(t, src); !errors.Is(err, rag.ErrRefused) || !strings.Contains(err.Error(), "allow") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
