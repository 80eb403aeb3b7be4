package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/fetch"
)

// server is where a repository is that is not on this machine.
type server interface {
	name() string // for people
	// refs returns the references of the repository and what the server can do.
	refs(ctx context.Context) (*packp.AdvRefs, error)
	// pack asks for one. The caller closes it.
	pack(ctx context.Context, adv *packp.AdvRefs, w wish) (*answer, error)
	// broken is the error of an answer that could not be understood, or of the connection
	// that it came by.
	broken(err error, what string) error
}

// remote is a repository behind HTTP, asked by Git's smart protocol in its first
// version, which every server speaks: it names its references, and then sends, for
// what is wanted and what is there already, one pack (gitprotocol-http).
type remote struct {
	url    *url.URL // without a slash at the end
	client *fetch.Client
}

const (
	service      = "git-upload-pack"
	maxRefsBytes = 64 << 20 // of the list of references, some 500,000
	maxRedirects = 5
)

// refs returns the references of the repository and what the server can do.
func (r *remote) refs(ctx context.Context) (*packp.AdvRefs, error) {
	at := r.url
	for hop := 0; ; hop++ {
		u := *at
		u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/")+"/info/refs", ""
		u.RawQuery = url.Values{"service": {service}}.Encode()
		resp, err := r.do(ctx, http.MethodGet, &u, nil)
		if err != nil {
			return nil, err
		}
		if to := resp.Header.Get("Location"); resp.StatusCode >= 300 && resp.StatusCode < 400 && to != "" {
			resp.Body.Close()
			if at, err = moved(&u, to); err != nil {
				return nil, err
			}
			if hop >= maxRedirects {
				return nil, rag.Errorf(rag.KindExhausted, "%s: more than %d redirects", fetch.Show(r.url), maxRedirects)
			}
			continue
		}
		defer resp.Body.Close()
		if err := r.client.Transport().Error(resp); err != nil {
			return nil, err
		}
		if !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/x-"+service+"-advertisement") {
			return nil, rag.Errorf(rag.KindInvalid, "%s: this is no Git repository, or its server speaks only the old, dumb protocol", fetch.Show(at))
		}
		adv := packp.NewAdvRefs()
		err = adv.Decode(&limited{r: resp.Body, left: maxRefsBytes, over: "the list of references is too long"})
		switch {
		case errors.Is(err, packp.ErrEmptyAdvRefs), errors.Is(err, packp.ErrEmptyInput), err == nil && adv.IsEmpty():
			return nil, rag.Errorf(rag.KindNotFound, "%s: the repository is empty", fetch.Show(at))
		case err != nil:
			return nil, r.broken(err, "the list of references is damaged")
		}
		r.url = at
		return adv, nil
	}
}

// moved returns the address of the repository that a redirect of its references
// names.
func moved(from *url.URL, location string) (*url.URL, error) {
	to, err := from.Parse(location)
	if err != nil || to.Hostname() == "" {
		return nil, rag.Errorf(rag.KindInvalid, "%s: the server redirects to nowhere", fetch.Show(from))
	}
	path, ok := strings.CutSuffix(to.Path, "/info/refs")
	if !ok {
		return nil, rag.Errorf(rag.KindInvalid, "%s redirects to %s, which is no repository; it may ask for a login", fetch.Show(from), fetch.Show(to))
	}
	if from.Scheme == "https" && to.Scheme != "https" {
		return nil, rag.Errorf(rag.KindRefused, "%s redirects to %s, which is not encrypted", fetch.Show(from), fetch.Show(to))
	}
	return &url.URL{Scheme: to.Scheme, Host: to.Host, Path: path}, nil
}

// do makes a request. The transport of fetch follows no redirects.
func (r *remote) do(ctx context.Context, method string, u *url.URL, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, rag.Errorf(rag.KindInvalid, "%s: the URL is malformed", fetch.Show(u))
	}
	if body == nil {
		req.Body, req.GetBody = http.NoBody, nil
	} else {
		req.Header.Set("Content-Type", "application/x-"+service+"-request")
		req.Header.Set("Accept", "application/x-"+service+"-result")
	}
	return r.client.Transport().RoundTrip(req)
}

// wish is what a pack is asked for with.
type wish struct {
	want     plumbing.Hash
	have     []plumbing.Hash
	shallow  []plumbing.Hash // commits whose parents are not there
	depth    int             // commits behind want and that one; 0 is all
	maxBytes int64           // of a file; larger ones are left out, if the server can do that
}

// answer is a pack, and which commits came without their parents.
type answer struct {
	io.Reader
	io.Closer
	shallow, unshallow []plumbing.Hash
}

// question is a request for a pack, and how its answer is to be read.
type question struct {
	req  *packp.UploadPackRequest
	band sideband.Type // negative: the answer is the pack alone
	body []byte
}

// ask makes the question that a wish is, for a server that can do what adv says.
func ask(adv *packp.AdvRefs, w wish) (*question, error) {
	req := packp.NewUploadPackRequest()
	req.Wants, req.Haves = []plumbing.Hash{w.want}, slices.Clone(w.have)
	can := func(c capability.Capability) bool {
		if !adv.Capabilities.Supports(c) {
			return false
		}
		return req.Capabilities.Set(c) == nil
	}
	q := &question{req: req, band: -1}
	switch {
	case can(capability.Sideband64k):
		q.band = sideband.Sideband64k
	case can(capability.Sideband):
		q.band = sideband.Sideband
	}
	can(capability.OFSDelta)
	can(capability.NoProgress)
	if can(capability.Shallow) && w.depth > 0 {
		req.Depth, req.Shallows = packp.DepthCommits(w.depth), slices.Clone(w.shallow)
	}
	if can(capability.Filter) {
		req.Filter = packp.FilterBlobLimit(uint64(w.maxBytes)+1, "") // it leaves out what is that large or larger
	}
	var err error
	if q.body, err = encode(req); err != nil {
		return nil, rag.Wrap(rag.KindInternal, err, "asking for a pack")
	}
	return q, nil
}

// answer reads what comes before the pack. It closes body after an error.
func (q *question) answer(body io.ReadCloser) (*answer, error) {
	got := packp.NewUploadPackResponse(q.req)
	if err := got.Decode(body); err != nil {
		body.Close()
		return nil, err
	}
	out := &answer{Reader: got, Closer: body, shallow: got.Shallows, unshallow: got.Unshallows}
	if q.band >= 0 {
		out.Reader = sideband.NewDemuxer(q.band, got)
	}
	return out, nil
}

// pack asks for one. The caller closes it.
func (r *remote) pack(ctx context.Context, adv *packp.AdvRefs, w wish) (*answer, error) {
	q, err := ask(adv, w)
	if err != nil {
		return nil, err
	}
	u := *r.url
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/")+"/"+service, ""
	resp, err := r.do(ctx, http.MethodPost, &u, q.body)
	if err != nil {
		return nil, err
	}
	if err := r.client.Transport().Error(resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	got, err := q.answer(resp.Body)
	if err != nil {
		return nil, r.broken(err, "the server does not send what is asked for")
	}
	return got, nil
}

// encode writes a request that is complete in itself: what is wanted, what is there,
// and that there is nothing more to say.
func encode(req *packp.UploadPackRequest) ([]byte, error) {
	var b bytes.Buffer
	if err := req.UploadRequest.Encode(&b); err != nil {
		return nil, err
	}
	if err := req.UploadHaves.Encode(&b, false); err != nil {
		return nil, err
	}
	if err := pktline.NewEncoder(&b).EncodeString("done\n"); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (r *remote) name() string { return fetch.Show(r.url) }

func (r *remote) broken(err error, what string) error { return broken(r.client, r.name(), err, what) }

// broken is the error of an answer that could not be understood, or of the
// connection that it came by.
func broken(client *fetch.Client, name string, err error, what string) error {
	if ours, ok := errors.AsType[*rag.Error](err); ok {
		return ours
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return rag.Errorf(rag.KindInvalid, "%s: %s: %s", name, what, client.Hide(err.Error()))
}

// limited ends with an error of KindExhausted instead of reading more than left
// bytes.
type limited struct {
	r    io.Reader
	left int64
	over string
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, rag.Errorf(rag.KindExhausted, "%s", l.over)
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// find returns the reference that a name stands for: a full name, a branch, a tag,
// or nothing for the default branch. A commit is itself; the server says whether it
// may be had.
func find(name string, refs map[string]plumbing.Hash, head plumbing.Hash) (plumbing.Hash, error) {
	if name == "" || name == "HEAD" {
		if head.IsZero() {
			return head, rag.Errorf(rag.KindNotFound, "the repository has no default branch; name one in ref")
		}
		return head, nil
	}
	for _, full := range []string{name, "refs/heads/" + name, "refs/tags/" + name, "refs/remotes/origin/" + name} {
		if h, ok := refs[full]; ok {
			return h, nil
		}
	}
	if plumbing.IsHash(name) {
		return plumbing.NewHash(name), nil
	}
	return plumbing.ZeroHash, rag.Errorf(rag.KindNotFound, "the repository has neither a branch nor a tag %s (ref)", fmt.Sprintf("%.200q", name))
}
