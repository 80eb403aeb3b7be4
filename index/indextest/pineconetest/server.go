package pineconetest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Config is how a double behaves.
type Config struct {
	Key string // of the API
	// Lag is the number of queries of a namespace that do not see a write yet.
	Lag int
	// Silent leaves the headers with sequence numbers out.
	Silent bool
	// LooseNin takes $nin of a list to mean that one of its values is not in the array, where the default is that none is: nothing says what Pinecone does.
	LooseNin bool
	// HalfUpserts takes the first half of every upsert only, and says so.
	HalfUpserts bool
}

// Server is a double. It is goroutine-safe.
type Server struct {
	cfg  Config
	http *httptest.Server

	mu      sync.Mutex
	indexes map[string]*index
	asked   map[string]int // calls, by method and path below the index
}

// New starts a double, which ends with the test.
func New(t testing.TB, cfg Config) *Server {
	t.Helper()
	s := &Server{cfg: cfg, indexes: map[string]*index{}, asked: map[string]int{}}
	mux := http.NewServeMux()
	for pattern, handle := range map[string]handler{
		"GET /indexes":                                 s.listIndexes,
		"POST /indexes":                                s.createIndex,
		"GET /indexes/{index}":                         s.describeIndex,
		"POST /host/{index}/describe_index_stats":      s.data(describeStats),
		"GET /host/{index}/namespaces":                 s.data(listNamespaces),
		"POST /host/{index}/namespaces":                s.data(createNamespace),
		"GET /host/{index}/namespaces/{namespace}":     s.data(describeNamespace),
		"DELETE /host/{index}/namespaces/{namespace}":  s.data(deleteNamespace),
		"POST /host/{index}/vectors/upsert":            s.data(upsert),
		"POST /host/{index}/vectors/delete":            s.data(deleteRecords),
		"POST /host/{index}/vectors/fetch_by_metadata": s.data(fetchByMetadata),
		"GET /host/{index}/vectors/list":               s.data(list),
		"POST /host/{index}/query":                     s.data(query),
	} {
		mux.Handle(pattern, s.guard(handle))
	}
	s.http = httptest.NewServer(mux)
	t.Cleanup(s.http.Close)
	return s
}

// URL returns the address of the control plane.
func (s *Server) URL() string { return s.http.URL }

// Host returns the address of an index.
func (s *Server) Host(index string) string { return s.http.URL + "/host/" + index }

// Calls returns how often a call was made, as "POST /query", to any index.
func (s *Server) Calls(call string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[call]
}

// fault is a refusal.
type fault struct {
	status  int
	code    string // of the control plane
	message string
}

func (f *fault) Error() string { return f.message }

func refuse(status int, format string, args ...any) error {
	return &fault{status, map[int]string{
		400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 409: "ALREADY_EXISTS", 413: "OUT_OF_RANGE", 422: "UNPROCESSABLE_ENTITY",
	}[status], fmt.Sprintf(format, args...)}
}

// handler answers a request with something that becomes JSON, alone.
type handler func(w http.ResponseWriter, r *http.Request) (any, error)

const version = "2025-10"

func (s *Server) guard(handle handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		answer, err := any(nil), error(nil)
		switch {
		case r.Header.Get("Api-Key") != s.cfg.Key:
			err = refuse(401, "Invalid API key %s.", r.Header.Get("Api-Key"))
		case r.Header.Get("X-Pinecone-Api-Version") != version:
			err = refuse(400, "the API version %q is not known here", r.Header.Get("X-Pinecone-Api-Version"))
		default:
			answer, err = handle(w, r)
		}
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			f, ok := err.(*fault)
			if !ok {
				f = &fault{500, "UNKNOWN", err.Error()}
			}
			w.WriteHeader(f.status)
			answer = map[string]any{"code": 3, "message": f.message, "details": []any{}}
			if r.PathValue("index") == "" || r.URL.Path == "/indexes/"+r.PathValue("index") {
				answer = map[string]any{"status": f.status, "error": map[string]any{"code": f.code, "message": f.message}}
			}
		}
		_ = json.NewEncoder(w).Encode(answer)
	})
}

// read decodes a request, and refuses members that the API does not have.
func read(r *http.Request, most int, into any) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(most)+1))
	if err != nil {
		return err
	}
	if len(body) > most {
		return refuse(413, "message length too large: the limit is %d bytes", most)
	}
	return strictly(body, into)
}
