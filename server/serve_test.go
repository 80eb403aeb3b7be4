package server_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server"
	"github.com/smartretriever/smartretriever/server/servertest"
)

// start serves cfg on a free port. stop ends it and returns Serve's error.
func start(t *testing.T, cfg server.Config) (url string, stop func() error) {
	t.Helper()
	h, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	addr, done := make(chan net.Addr, 1), make(chan error, 1)
	go func() { done <- server.Serve(ctx, "127.0.0.1:0", h, cfg, func(a net.Addr) { addr <- a }) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	t.Cleanup(func() { _ = stop() })
	select {
	case a := <-addr:
		return "http://" + a.String(), stop
	case err := <-done:
		t.Fatal(err)
	}
	return "", nil
}

func post(t *testing.T, ctx context.Context, url, body string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return http.DefaultClient.Do(req)
}

func TestServeLetsRunningRequestsFinish(t *testing.T) {
	fake := servertest.New()
	reached, release := make(chan struct{}), make(chan struct{})
	fake.BeforeAnswer = func(context.Context) error {
		close(reached)
		<-release
		return nil
	}
	url, stop := start(t, server.Config{Service: fake})
	res, err := post(t, t.Context(), url+"/api/v1/collections/x/documents", `{"documents":[{"text":"some words here"}]}`)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res, err)
	}
	res.Body.Close()
	answer := make(chan string, 1)
	go func() {
		res, err := post(t, t.Context(), url+"/api/v1/collections/x/query", `{"question":"which words?"}`)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		answer <- string(b)
	}()
	<-reached
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	for { // until no new connection is taken
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			break
		}
		conn.Close()
	}
	close(release)
	if a := <-answer; !strings.Contains(a, "some words here [1]") {
		t.Errorf("the running request got %q", a)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestServeCutsOffAfterTheLimit(t *testing.T) {
	fake := servertest.New()
	reached, ended := make(chan struct{}), make(chan error, 1)
	fake.BeforeAnswer = func(ctx context.Context) error {
		close(reached)
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}
	url, stop := start(t, server.Config{Service: fake, ShutdownTimeout: 10 * time.Millisecond})
	res, err := post(t, t.Context(), url+"/api/v1/collections/x/documents", `{"documents":[{"text":"some words here"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	go func() {
		if res, err := post(t, t.Context(), url+"/api/v1/collections/x/query", `{"question":"which words?"}`); err == nil {
			res.Body.Close()
		}
	}()
	<-reached
	if err := stop(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestClientThatLeavesEndsTheWork(t *testing.T) {
	fake := servertest.New()
	ended := make(chan error, 1)
	fake.BeforeAnswer = func(ctx context.Context) error {
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}
	url, _ := start(t, server.Config{Service: fake, Beat: time.Millisecond})
	res, err := post(t, t.Context(), url+"/api/v1/collections/x/documents", `{"documents":[{"text":"some words here"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	ctx, leave := context.WithCancel(t.Context())
	res, err = post(t, ctx, url+"/api/v1/collections/x/query", `{"question":"which words?","stream":true}`)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), ": keep-alive") { // the heart-beat comes while the answer does not
	}
	if !strings.HasPrefix(lines.Text(), ": keep-alive") {
		t.Errorf("no heart-beat before the end: %v", lines.Err())
	}
	leave()
	res.Body.Close()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = server.Serve(t.Context(), l.Addr().String(), http.NotFoundHandler(), server.Config{}, nil)
	if !errors.Is(err, rag.ErrConflict) || !strings.Contains(err.Error(), "in use") {
		t.Error(err)
	}
	if err := server.Serve(t.Context(), "nowhere:x", http.NotFoundHandler(), server.Config{}, nil); !errors.Is(err, rag.ErrInvalid) {
		t.Error(err)
	}
}
