package git

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/fetch"
	"github.com/smartretriever/smartretriever/text/clean"
)

// SSH says how a repository behind ssh is reached: who asks, by Key or Agent, and which
// servers are trusted. Nothing is taken from the configuration of ssh.
type SSH struct {
	// Key is a file with a private key, an absolute path; Passphrase names the secret that
	// opens it, if it is encrypted.
	Key        string `json:"key,omitempty"`
	Passphrase string `json:"passphrase,omitempty"`
	// Agent is the socket of an agent that holds the keys, as $SSH_AUTH_SOCK names it.
	Agent string `json:"agent,omitempty"`
	// KnownHosts is a file with the keys of servers, in the form of ~/.ssh/known_hosts. A
	// server that is not in it, or has another key there, is refused.
	KnownHosts string `json:"known_hosts,omitempty"`
}

// shorthand is the other way to write an address of ssh: USER@HOST:PATH.
var shorthand = regexp.MustCompile(`^([^@:/\s]+)@([^@:/\s]+|\[[0-9a-fA-F:.]+\]):([^\s:].*)$`)

// sshURL returns what the URL of a repository behind ssh means, ok false for another URL.
func sshURL(raw string) (u *url.URL, ok bool) {
	if m := shorthand.FindStringSubmatch(raw); m != nil && !strings.Contains(raw, "://") {
		return &url.URL{Scheme: "ssh", User: url.User(m[1]), Host: m[2], Path: m[3]}, true
	}
	u, err := url.Parse(raw)
	if err != nil || !strings.EqualFold(u.Scheme, "ssh") {
		return nil, strings.HasPrefix(strings.ToLower(raw), "ssh://")
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	if strings.HasPrefix(u.Path, "/~") { // below somebody's home
		u.Path = u.Path[1:]
	}
	return u, true
}

// faults reports what is wrong with the settings of a repository at raw.
func (s SSH) faults(raw string, proxied bool) []string {
	var f fetch.Faults
	u, behind := sshURL(raw)
	if !behind {
		if s != (SSH{}) {
			f.Add("ssh is for repositories at ssh://USER@HOST/PATH or USER@HOST:PATH")
		}
		return f
	}
	if u == nil || u.Hostname() == "" || u.Path == "" || strings.ContainsFunc(u.Path, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		f.Add("url must be ssh://USER@HOST/PATH or USER@HOST:PATH")
	} else if _, secret := u.User.Password(); secret {
		f.Add("url holds a password; give a key in ssh.key instead")
	}
	if (s.Key == "") == (s.Agent == "") {
		f.Add("give either ssh.key, the file of a private key, or ssh.agent, the socket of an agent ($SSH_AUTH_SOCK)")
	}
	if s.Passphrase != "" && s.Key == "" {
		f.Add("ssh.passphrase goes with ssh.key")
	}
	if s.KnownHosts == "" {
		f.Add("ssh.known_hosts is missing: a file with the keys of the servers that are trusted, such as ~/.ssh/known_hosts as an absolute path")
	}
	for _, p := range []struct{ name, path string }{{"key", s.Key}, {"agent", s.Agent}, {"known_hosts", s.KnownHosts}} {
		if p.path != "" && !filepath.IsAbs(p.path) {
			f.Add("ssh.%s must be an absolute path", p.name)
		}
	}
	if proxied {
		f.Add("proxy is not for repositories behind ssh")
	}
	return f
}

// overSSH is a repository behind ssh. The protocol is that over HTTP, but that the server
// names its references at the beginning of each connection, of which there is one for each
// question.
type overSSH struct {
	set    SSH
	url    *url.URL
	client *fetch.Client
	key    ssh.Signer // of set.Key, once it is read: opening one takes a second
}

func (r *overSSH) name() string { return fetch.Show(r.url) }

func (r *overSSH) refs(ctx context.Context) (*packp.AdvRefs, error) {
	c, err := r.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	adv, err := c.refs()
	if err == nil {
		err = c.within(pktline.NewEncoder(c.in).Flush) // nothing is wanted
	}
	return adv, err
}

func (r *overSSH) pack(ctx context.Context, _ *packp.AdvRefs, w wish) (*answer, error) {
	c, err := r.connect(ctx)
	if err != nil {
		return nil, err
	}
	adv, err := c.refs()
	if err != nil {
		c.Close()
		return nil, err
	}
	q, err := ask(adv, w)
	if err == nil {
		err = c.within(func() error { _, err := c.in.Write(q.body); return err })
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	got, err := q.answer(c)
	if err != nil {
		return nil, r.broken(err, "the server does not send what is asked for")
	}
	return got, nil
}

func (r *overSSH) broken(err error, what string) error { return broken(r.client, r.name(), err, what) }

// upload is git-upload-pack at the other end of a connection.
type upload struct {
	r       *overSSH
	ctx     context.Context
	cancel  context.CancelCauseFunc
	conn    *ssh.Client
	session *ssh.Session
	in      io.WriteCloser
	out     io.Reader
	said    said
}

// connect runs git-upload-pack on the server. Close ends it.
func (r *overSSH) connect(ctx context.Context) (*upload, error) {
	c := &upload{r: r}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	if err := c.open(); err != nil {
		c.Close() // only read from
		return nil, err
	}
	return c, nil
}

func (c *upload) open() (err error) {
	if c.conn, err = c.r.login(c.ctx); err != nil {
		return err
	}
	context.AfterFunc(c.ctx, func() { c.conn.Close() }) // ends what is under way; Close sees to it that it comes
	if err := c.within(c.start); err != nil {
		return err
	}
	c.out = c.r.client.Paced(&ends{c: c, r: c.out}, c.cancel)
	return nil
}

// start starts the program.
func (c *upload) start() (err error) {
	if c.session, err = c.conn.NewSession(); err != nil {
		return err
	}
	c.session.Stderr = &c.said
	if c.in, err = c.session.StdinPipe(); err != nil {
		return err
	}
	if c.out, err = c.session.StdoutPipe(); err != nil {
		return err
	}
	return c.session.Start(service + " " + quote(c.r.url.Path))
}

// within gives something that the server takes part in the time in which an answer must
// begin.
func (c *upload) within(do func() error) error {
	wait := time.Duration(c.r.client.Settings().HeaderTimeout)
	slow := time.AfterFunc(wait, func() {
		c.cancel(rag.Errorf(rag.KindUnavailable, "the server has not answered within %s (header_timeout)", wait))
	})
	defer slow.Stop()
	if err := do(); err != nil {
		return c.failed(err)
	}
	return nil
}

// quote makes a word for the shell that the server may run.
func quote(path string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(path) + "'"
}

// refs reads the references, with which the server begins.
func (c *upload) refs() (*packp.AdvRefs, error) {
	adv := packp.NewAdvRefs()
	err := adv.Decode(&limited{r: c, left: maxRefsBytes, over: "the list of references is too long"})
	switch {
	case errors.Is(err, packp.ErrEmptyAdvRefs), err == nil && adv.IsEmpty():
		return nil, rag.Errorf(rag.KindNotFound, "%s: the repository is empty", c.r.name())
	case errors.Is(err, packp.ErrEmptyInput):
		return nil, c.failed(io.EOF)
	case err != nil:
		return nil, c.r.broken(err, "the list of references is damaged")
	}
	return adv, nil
}

func (c *upload) Read(p []byte) (int, error) {
	n, err := c.out.Read(p)
	if err != nil && err != io.EOF {
		err = c.failed(err)
	}
	return n, err
}

// Close ends the connection.
func (c *upload) Close() error {
	c.cancel(nil)
	if c.conn != nil {
		c.conn.Close() // only read from
	}
	return nil
}

// ends tells the end of what the program wrote from that of a connection that broke.
type ends struct {
	c     *upload
	r     io.Reader
	ended error
}

func (e *ends) Read(p []byte) (int, error) {
	if e.ended != nil {
		return 0, e.ended
	}
	n, err := e.r.Read(p)
	if err == io.EOF && n == 0 {
		if e.ended = e.c.session.Wait(); e.ended == nil {
			e.ended = io.EOF
		}
		err = e.ended
	}
	return n, err
}

// failed is the error of a connection that ended, or of the program at its other end.
func (c *upload) failed(err error) error {
	if ours, ok := errors.AsType[*rag.Error](err); ok {
		return ours
	}
	if cause := context.Cause(c.ctx); cause != nil {
		if ours, ok := errors.AsType[*rag.Error](cause); ok {
			return rag.Wrap(ours.Kind, ours, c.r.name())
		}
		return cause
	}
	said := c.r.client.Hide(clean.Line(c.said.String()))
	if _, exit := errors.AsType[*ssh.ExitError](err); exit || errors.Is(err, io.EOF) {
		return rag.Errorf(rag.KindNotFound, "%s: the server shows no repository there: %s", c.r.name(), cmp.Or(said, "it says no more"))
	}
	return rag.Errorf(rag.KindUnavailable, "%s: the connection broke: %s", c.r.name(), c.r.client.Hide(err.Error()))
}

// said keeps the beginning of what a server says beside its answer.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const most = 4096
	s.text.Write(p[:min(len(p), max(0, most-s.text.Len()))])
	return len(p), nil
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// login connects, makes sure that the server is the one that is known, and shows it a key.
func (r *overSSH) login(ctx context.Context) (*ssh.Client, error) {
	port := cmp.Or(r.url.Port(), "22")
	at := net.JoinHostPort(r.url.Hostname(), port)
	hosts, err := r.knownHosts(at)
	if err != nil {
		return nil, err
	}
	signers, whose, done, err := r.signers(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	conn, err := r.client.Dial(ctx, r.url.Hostname(), port)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	set := ssh.ClientConfig{
		User: cmp.Or(r.url.User.Username(), "git"), Auth: []ssh.AuthMethod{ssh.PublicKeys(signers...)},
		HostKeyCallback: hosts.check, HostKeyAlgorithms: hosts.algorithms(at), ClientVersion: "SSH-2.0-SmartRetriever",
	}
	// The handshake has the time that connecting has.
	if err := conn.SetDeadline(time.Now().Add(time.Duration(r.client.Settings().ConnectTimeout))); err != nil {
		conn.Close()
		return nil, rag.Wrap(rag.KindInternal, err, at)
	}
	c, chans, reqs, err := ssh.NewClientConn(conn, at, &set)
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	switch {
	case err == nil:
		return ssh.NewClient(c, chans, reqs), nil
	case ctx.Err() != nil:
		conn.Close()
		return nil, context.Cause(ctx)
	}
	conn.Close()
	if hosts.refused != nil {
		return nil, hosts.refused
	}
	if strings.Contains(err.Error(), "unable to authenticate") { // the library has no type for it
		return nil, rag.Errorf(rag.KindUnauthorized, "%s does not let %s in with %s", at, set.User, whose)
	}
	return nil, rag.Errorf(rag.KindUnavailable, "%s cannot be read: %s", at, r.client.Hide(err.Error()))
}

// maxKeyFile bounds the files of keys, maxHostsFile that of known hosts.
const maxKeyFile, maxHostsFile = 64 << 10, 16 << 20

func readFile(setting, name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, rag.Wrap(rag.KindInvalid, err, setting)
	}
	defer f.Close() // only read from
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%.200s is larger than %d bytes", name, most)
	}
	return data, rag.Wrap(rag.KindInvalid, err, setting)
}

// signers returns what can be shown to the server, and what it is called. done is called
// when they are not needed any more.
func (r *overSSH) signers(ctx context.Context) (list []ssh.Signer, whose string, done func(), err error) {
	if r.set.Agent != "" {
		return r.agent(ctx)
	}
	if r.key == nil {
		if r.key, err = r.readKey(); err != nil {
			return nil, "", nil, err
		}
	}
	return []ssh.Signer{r.key}, fmt.Sprintf("the key of %.200s (%s)", r.set.Key, ssh.FingerprintSHA256(r.key.PublicKey())), func() {}, nil
}

func (r *overSSH) readKey() (ssh.Signer, error) {
	data, err := readFile("ssh.key", r.set.Key, maxKeyFile)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(data)
	if _, locked := errors.AsType[*ssh.PassphraseMissingError](err); locked {
		if r.set.Passphrase == "" {
			return nil, rag.Errorf(rag.KindUnauthorized, "ssh.key: %.200s is encrypted; name the secret that opens it in ssh.passphrase", r.set.Key)
		}
		phrase, err := r.client.Secret("ssh.passphrase", r.set.Passphrase)
		if err != nil {
			return nil, err
		}
		signer, err = ssh.ParsePrivateKeyWithPassphrase(data, []byte(phrase))
		if errors.Is(err, x509.IncorrectPasswordError) {
			return nil, rag.Errorf(rag.KindUnauthorized, "ssh.passphrase does not open %.200s", r.set.Key)
		}
		return signer, r.noKey(err)
	}
	return signer, r.noKey(err)
}

func (r *overSSH) noKey(err error) error {
	if err == nil {
		return nil
	}
	return rag.Errorf(rag.KindInvalid, "ssh.key: %.200s holds no private key that can be read: %s", r.set.Key, r.client.Hide(err.Error()))
}

// agent returns the keys of the agent, which signs itself.
func (r *overSSH) agent(ctx context.Context) (list []ssh.Signer, whose string, done func(), err error) {
	wait := time.Duration(r.client.Settings().ConnectTimeout)
	conn, err := (&net.Dialer{Timeout: wait}).DialContext(ctx, "unix", r.set.Agent)
	if err != nil {
		return nil, "", nil, rag.Wrap(rag.KindUnavailable, err, "ssh.agent")
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	done = func() {
		stop()
		conn.Close()
	}
	// It is asked for the list, and for a signature in the course of the handshake.
	err = conn.SetDeadline(time.Now().Add(2 * wait))
	if err == nil {
		list, err = agent.NewClient(conn).Signers()
	}
	switch {
	case err != nil:
		done()
		return nil, "", nil, rag.Wrap(rag.KindUnavailable, err, "ssh.agent")
	case len(list) == 0:
		done()
		return nil, "", nil, rag.Errorf(rag.KindUnauthorized, "ssh.agent: the agent at %.200s holds no key; ssh-add adds one", r.set.Agent)
	}
	return list, fmt.Sprintf("any of %d keys of the agent", len(list)), done, nil
}

// hosts are the servers that are known.
type hosts struct {
	file     string
	callback ssh.HostKeyCallback
	vouched  bool  // some are known by the key of an authority that signs theirs
	refused  error // why the key of a server was refused
}

func (r *overSSH) knownHosts(at string) (*hosts, error) {
	h := &hosts{file: r.set.KnownHosts}
	data, err := readFile("ssh.known_hosts", h.file, maxHostsFile)
	if err == nil {
		h.vouched = bytes.Contains(data, []byte("@cert-authority"))
		if h.callback, err = knownhosts.New(h.file); err != nil {
			return nil, rag.Wrap(rag.KindInvalid, err, "ssh.known_hosts")
		}
		return h, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	h.callback = func(string, net.Addr, ssh.PublicKey) error { return &knownhosts.KeyError{} }
	return h, nil
}

// check is the ssh.HostKeyCallback. A server that is not known is refused, whatever it says.
func (h *hosts) check(at string, remote net.Addr, key ssh.PublicKey) error {
	err := h.callback(at, remote, key)
	if err == nil {
		return nil
	}
	host, port, _ := net.SplitHostPort(at)
	shown := key.Type() + " " + ssh.FingerprintSHA256(key)
	var wrong *knownhosts.KeyError
	switch {
	case errors.As(err, &wrong) && len(wrong.Want) == 0:
		h.refused = rag.Errorf(rag.KindRefused,
			"the host key of %s is not known: it shows %s. Compare that with what its owner says (hosts publish theirs), and if it is right, add it: ssh-keyscan -t %s -p %s %s >> %s",
			at, shown, keyscanType(key), port, host, h.file)
	case wrong != nil:
		known := wrong.Want[0]
		h.refused = rag.Errorf(rag.KindRefused,
			"the host key of %s is another than the one that is known: it shows %s, and line %d of %s has %s %s. Somebody may stand in between. If its owner says that the key was changed, replace that line",
			at, shown, known.Line, known.Filename, known.Key.Type(), ssh.FingerprintSHA256(known.Key))
	default:
		h.refused = rag.Errorf(rag.KindRefused, "the host key of %s, %s, is not accepted: %s", at, shown, err)
	}
	return h.refused
}

// keyscanType is what ssh-keyscan calls the type of a key.
func keyscanType(key ssh.PublicKey) string {
	name := strings.TrimPrefix(key.Type(), "ssh-")
	if strings.HasPrefix(name, "ecdsa") {
		return "ecdsa"
	}
	return name
}

// preferred are the algorithms by which a server that is not known is to show a key: one
// that is short enough to be compared by people.
var preferred = []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}

// algorithms are those of the keys that are known of a server, so that it shows one of
// these and none that is merely more modern; nil leaves it to the library.
func (h *hosts) algorithms(at string) []string {
	var wrong *knownhosts.KeyError
	switch known := h.callback(at, &net.TCPAddr{IP: net.IPv4zero, Port: 22}, unknownKey{}); {
	case h.vouched || !errors.As(known, &wrong):
		return nil
	case len(wrong.Want) == 0:
		return preferred
	}
	var list []string
	for _, w := range wrong.Want {
		algorithms := []string{w.Key.Type()}
		if w.Key.Type() == ssh.KeyAlgoRSA {
			algorithms = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
		}
		for _, a := range algorithms {
			if !slices.Contains(list, a) {
				list = append(list, a)
			}
		}
	}
	return list
}

// unknownKey is the key of no server.
type unknownKey struct{}

func (unknownKey) Type() string                        { return "none" }
func (unknownKey) Marshal() []byte                     { return nil }
func (unknownKey) Verify([]byte, *ssh.Signature) error { return errors.New("no key") }
