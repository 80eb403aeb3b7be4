package fetch_test

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/source/fetch"
)

// stream gives so many bytes, a piece every so often.
type stream struct {
	ctx   context.Context
	left  int64
	piece int
	every time.Duration
}

func (s *stream) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	select {
	case <-time.After(s.every):
		n := int(min(int64(s.piece), int64(len(p)), s.left))
		clear(p[:n])
		s.left -= int64(n)
		return n, nil
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}

// What comes as fast as min_rate may take as long as its size needs, however short timeout
// is; what drips ends after timeout.
func TestTimeGrowsWithWhatComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tt := range map[string]struct {
			set           fetch.Settings
			bytes         int64
			piece         int
			every         time.Duration
			least, most   time.Duration // that it takes
			ends, through error         // of Do, and of a Transport
		}{
			"large, 40 KiB a second":   {fetch.Settings{}, 30 << 20, 4 << 10, 100 * time.Millisecond, 12 * time.Minute, 13 * time.Minute, nil, nil},
			"a byte a second":          {fetch.Settings{}, 1 << 20, 1, time.Second, 2 * time.Minute, 2*time.Minute + time.Second, rag.ErrUnavailable, rag.ErrUnavailable},
			"half of the least rate":   {fetch.Settings{}, 30 << 20, 4 << 10, 250 * time.Millisecond, 3 * time.Minute, 5 * time.Minute, rag.ErrUnavailable, rag.ErrUnavailable},
			"fast, then nothing":       {fetch.Settings{}, 1 << 40, 1 << 20, 0, 0, time.Minute, rag.ErrExhausted, nil},
			"slow where that is right": {fetch.Settings{MinRate: 1}, 600, 1, time.Second, 10 * time.Minute, 10*time.Minute + time.Second, nil, nil},
		} {
			tt.set.Tries = 1
			var body *stream
			c := client(t, tt.set, fetch.Deps{Transport: contextTransport(func(ctx context.Context) *http.Response {
				body = &stream{ctx: ctx, left: tt.bytes, piece: tt.piece, every: tt.every}
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(body)}
			})})
			begun := time.Now()
			_, err := c.Do(t.Context(), fetch.Request{URL: "http://example.org"})
			if took := time.Since(begun); !errors.Is(err, tt.ends) || took < tt.least || took > tt.most {
				t.Errorf("%s: %v after %s", name, err, took)
			}
			if tt.bytes > 1<<30 {
				continue // a reader of a Transport sets its own limit
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://example.org", nil)
			if err != nil {
				t.Fatal(err)
			}
			begun = time.Now()
			resp, err := c.Transport().RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if took := time.Since(begun); !errors.Is(err, tt.through) || took < tt.least || took > tt.most {
				t.Errorf("%s by a transport: %v after %s", name, err, took)
			}
		}
	})
}

// A reader that takes its time is not the server's fault.
func TestTimeOfTheReaderDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(t, fetch.Settings{Tries: 1}, fetch.Deps{Transport: contextTransport(func(ctx context.Context) *http.Response {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(&stream{ctx: ctx, left: 10, piece: 1, every: time.Second})}
		})})
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://example.org", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Transport().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		for range 10 {
			if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
	})
}

func TestOwnAuthority(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "in") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	file := func(name, content string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca := file("ca.pem", "Issued for tests.\n"+string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	for name, tt := range map[string]struct {
		set  string
		deps fetch.Deps
		want error
		says string
	}{
		"none":              {"", fetch.Deps{}, rag.ErrUnavailable, "ca_file"},
		"by the source":     {ca, fetch.Deps{}, nil, ""},
		"by the program":    {"", fetch.Deps{CAFile: ca, Locked: true}, nil, ""},
		"locked":            {ca, fetch.Deps{Locked: true}, rag.ErrRefused, "ca_file"},
		"no such file":      {ca + "x", fetch.Deps{}, rag.ErrInvalid, "no such file"},
		"no certificate":    {file("key.pem", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"), fetch.Deps{}, rag.ErrInvalid, "no certificate"},
		"no file":           {t.TempDir(), fetch.Deps{}, rag.ErrInvalid, "ca_file"},
		"not from the root": {"ca.pem", fetch.Deps{}, rag.ErrInvalid, "absolute"},
		"endless":           {"/dev/zero", fetch.Deps{}, rag.ErrInvalid, "larger"},
	} {
		set := loopback()
		set.CAFile = tt.set
		tt.deps.Allow = set.Allow
		if tt.deps.Locked {
			set.Allow = nil
		}
		c, err := fetch.New(set, tt.deps)
		var resp *fetch.Response
		if err == nil {
			resp, err = c.Do(t.Context(), fetch.Request{URL: s.URL})
			c.CloseIdle()
		}
		if !errors.Is(err, tt.want) || err == nil && string(resp.Body) != "in" || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Headers are read up to a limit, whether there is one that is long or many that are short.
func TestHeaderBombs(t *testing.T) {
	for name, send := range map[string]func(w io.Writer) error{
		"one without end": func(w io.Writer) error {
			_, err := io.WriteString(w, strings.Repeat("a", 1<<16))
			return err
		},
		"many": func(w io.Writer) error {
			_, err := io.WriteString(w, strings.Repeat("A: b\r\n", 1<<13))
			return err
		},
	} {
		var sent atomic.Int32
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: ")
			for err == nil && sent.Add(1) < 4<<10 { // 256 MiB at the most
				err = send(conn)
			}
		})
		_, err := client(t, loopback(), fetch.Deps{}).Do(t.Context(), fetch.Request{URL: s.URL})
		s.Close()
		if !errors.Is(err, rag.ErrUnavailable) || sent.Load() >= 4<<10 {
			t.Errorf("%s: %v after %d pieces", name, err, sent.Load())
		}
	}
}
