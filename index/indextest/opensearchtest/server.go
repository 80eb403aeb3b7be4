package opensearchtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The products that a Server can be.
const (
	OpenSearch    = "opensearch"
	Elasticsearch = "elasticsearch"
)

// Version is what the double says that it is.
func Version(product string) string {
	if product == Elasticsearch {
		return "8.19.3"
	}
	return "2.19.3"
}

// Options are those of a Server.
type Options struct {
	Product        string // "" is OpenSearch
	User, Password string // "" asks for none
	APIKey         string // accepted beside the password; "" is none
}

// Fault is what happens to a call.
type Fault int

// The faults.
const (
	Unavailable Fault = iota + 1 // status 503
	Busy                         // status 429
	Half                         // of a bulk request every second item is refused with status 429
	Blocked                      // of a bulk request every item is refused, as the disk is nearly full
	Short                        // a bulk request is answered for all items but one
	Partial                      // a search is answered by a part of the shards
	Late                         // a search or deletion says that it took too long
	Failing                      // a deletion by query fails on a document
	Broken                       // the answer is no JSON
	Hang                         // it is held until the caller gives up
)

// Server is the double. It is goroutine-safe.
type Server struct {
	opts    Options
	address string // HOST:PORT

	run  sync.Mutex // around starting and stopping
	http *http.Server
	done chan struct{}

	mu      sync.Mutex
	indexes map[string]*index
	faults  map[string][]Fault // by call, in order
	sent    map[string][]string
}

// New starts a double, which stops when the test ends.
func New(t testing.TB, opts Options) *Server {
	t.Helper()
	if opts.Product == "" {
		opts.Product = OpenSearch
	}
	s := &Server{opts: opts, address: "127.0.0.1:0", indexes: map[string]*index{}, faults: map[string][]Fault{}, sent: map[string][]string{}}
	s.Start(t)
	t.Cleanup(func() { s.Stop(t) })
	return s
}

// URL is http://HOST:PORT.
func (s *Server) URL() string { return "http://" + s.address }

// Start starts the server again, at its address, after Stop.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.run.Lock()
	defer s.run.Unlock()
	if s.http != nil {
		return
	}
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		t.Fatalf("opensearchtest: %v", err)
	}
	s.address = l.Addr().String()
	srv, done := &http.Server{Handler: s}, make(chan struct{})
	s.http, s.done = srv, done
	go func() {
		defer close(done)
		if err := srv.Serve(l); err != http.ErrServerClosed {
			t.Errorf("opensearchtest: %v", err)
		}
	}()
}

// Stop cuts all connections and takes the server away. What it holds stays.
func (s *Server) Stop(testing.TB) {
	s.run.Lock()
	defer s.run.Unlock()
	if s.http == nil {
		return
	}
	_ = s.http.Close()
	<-s.done
	s.http = nil
}

// Restart is Stop and Start. What had not been refreshed is visible afterwards.
func (s *Server) Restart(t testing.TB) {
	s.Stop(t)
	s.mu.Lock()
	for _, ix := range s.indexes {
		ix.refresh()
	}
	s.mu.Unlock()
	s.Start(t)
}

// Inject lets the next calls, named by the last part of their path as "_bulk", have these faults, one each.
func (s *Server) Inject(call string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[call] = append(s.faults[call], faults...)
}

// Sent returns the bodies of the calls that came, as for Inject; those that make an index are under "index".
func (s *Server) Sent(call string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent[call])
}

// failure is an answer other than that of success.
type failure struct {
	status int
	kind   string
	reason string
}

func fail(status int, kind, format string, args ...any) *failure {
	return &failure{status, kind, fmt.Sprintf(format, args...)}
}

type object = map[string]any

// body is how a failure is written.
func (f *failure) body() object {
	cause := object{"type": f.kind, "reason": f.reason}
	return object{"error": object{"root_cause": []object{cause}, "type": f.kind, "reason": f.reason}, "status": f.status}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.opts.Product == Elasticsearch {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	answer, bad := s.answer(r, body)
	status := http.StatusOK
	if bad != nil {
		status, answer = bad.status, bad.body()
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	if raw, ok := answer.(string); ok {
		_, _ = io.WriteString(w, raw)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// call is one request, as handlers see it.
type call struct {
	target string // index or alias, as it is in the path
	body   []byte
	query  map[string][]string
	fault  Fault
}

func (c call) param(name string) string { return strings.Join(c.query[name], ",") }

// answer checks who calls, injects the faults that are the same for all, and lets the handler answer.
func (s *Server) answer(r *http.Request, body []byte) (any, *failure) {
	if bad := s.authorize(r); bad != nil {
		return nil, bad
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	name := parts[len(parts)-1]
	if !strings.HasPrefix(name, "_") && parts[0] != "_cluster" {
		name = "index"
	}
	c := call{target: parts[0], body: body, query: r.URL.Query(), fault: s.next(name, body)}
	switch c.fault {
	case Unavailable:
		return nil, fail(503, "master_not_discovered_exception", "the cluster has no manager")
	case Busy:
		return nil, fail(429, "circuit_breaking_exception", "[parent] Data too large")
	case Broken:
		return "<html>It works</html>", nil
	case Hang:
		<-r.Context().Done()
		return nil, fail(500, "task_cancelled_exception", "cancelled")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.URL.Path == "/" && r.Method == http.MethodGet:
		return s.root(), nil
	case parts[0] == "_cluster" && len(parts) == 3 && parts[1] == "health":
		c.target = parts[2]
		return s.health(c)
	case parts[0] == "_msearch":
		return s.multiSearch(c)
	case len(parts) == 1 && r.Method == http.MethodPut:
		return s.create(c)
	case len(parts) == 1 && r.Method == http.MethodDelete:
		return s.remove(c)
	}
	handlers := map[string]func(call) (any, *failure){
		"_mapping": s.mapping, "_alias": s.aliases, "_bulk": s.bulk, "_search": s.search, "_count": s.count, "_delete_by_query": s.deleteByQuery,
	}
	if handle := handlers[name]; handle != nil && len(parts) == 2 {
		return handle(c)
	}
	return nil, fail(400, "illegal_argument_exception", "this double does not know %s %s", r.Method, r.URL.Path)
}

// next keeps what was sent and returns the fault of a call.
func (s *Server) next(name string, body []byte) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent[name] = append(s.sent[name], string(body))
	waiting := s.faults[name]
	if len(waiting) == 0 {
		return 0
	}
	s.faults[name] = waiting[1:]
	return waiting[0]
}

func (s *Server) authorize(r *http.Request) *failure {
	if s.opts.Password == "" {
		return nil
	}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(s.opts.User+":"+s.opts.Password))
	switch given := r.Header.Get("Authorization"); {
	case given == "":
		return fail(401, "security_exception", "missing authentication credentials for REST request [%s]", r.URL.Path)
	case given != basic && (s.opts.APIKey == "" || given != "ApiKey "+s.opts.APIKey):
		return fail(401, "security_exception", "unable to authenticate with %s for REST request [%s]", given, r.URL.Path)
	}
	return nil
}

func (s *Server) root() object {
	version := object{"number": Version(s.opts.Product), "lucene_version": "9.12.2", "build_snapshot": false}
	tagline := "You Know, for Search"
	if s.opts.Product == OpenSearch {
		version["distribution"] = "opensearch"
		tagline = "The OpenSearch Project: https://opensearch.org/"
	} else {
		version["build_flavor"] = "default"
	}
	return object{"name": "node1", "cluster_name": "tests", "version": version, "tagline": tagline}
}

func (s *Server) health(c call) (any, *failure) {
	if s.indexes[c.target] == nil {
		return object{"status": "red", "timed_out": true}, fail(408, "", "")
	}
	return object{"status": "green", "timed_out": false}, nil
}
