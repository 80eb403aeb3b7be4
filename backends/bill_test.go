package backends_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	root "github.com/smartretriever/smartretriever"
	"github.com/smartretriever/smartretriever/backends"
	"github.com/smartretriever/smartretriever/config"
	"github.com/smartretriever/smartretriever/model/embed/openai"
	"github.com/smartretriever/smartretriever/rag"
	"github.com/smartretriever/smartretriever/server"
	"github.com/smartretriever/smartretriever/server/auth"
	"github.com/smartretriever/smartretriever/store/sqlite"
)

// Prices of the provider in millionths of a dollar for a million tokens, as its
// price list says and as it bills.
const (
	embedRate, inputRate, cachedRate, outputRate = 20_000, 150_000, 37_500, 600_000
	priceList                                    = `
as_of: 2026-01-01
currency: USD
hosts: {127.0.0.1: double}
prices:
  - {provider: double, models: [embed], embedding: 0.02}
  - {provider: double, models: [chat], input: 0.15, cached_input: 0.0375, output: 0.60}
  - {provider: double, models: [small], input: 0.01, output: 0.02}
`
)

// account is a line of the provider's bill: who asked, as the texts say, for what.
type account struct{ who, model string }

type billed struct {
	input, cached, output int64
	cost                  int64 // billionths of a dollar
}

// provider is a double of an API with embeddings and chat that counts tokens itself
// and keeps a bill. A word in a text makes it misbehave once or always:
//
//	busy-once   503, not billed
//	garbled     an answer that cannot be read, billed; once
//	silent      does not report its count
//	broken      streams two pieces and cuts the connection
//	hanging     streams two pieces and waits for the caller to go
//	filtered    refuses the content, and reports what it took to find out
//	stuck       takes an embedding's request and never answers
//
// Where it has told its count, the bill is by that: one token for a word. Where it
// has not, it is by the count that a caller can make.
type provider struct {
	count func(string) int // as callers count

	mu    sync.Mutex
	bill  map[account]billed
	once  map[string]bool
	stuck chan struct{} // told of a request that gets no answer; may be nil
}

func newProvider(t testing.TB) *provider {
	t.Helper()
	e, err := openai.New(t.Context(), openai.Config{BaseURL: "http://127.0.0.1:1", Model: "m", Dimensions: 1})
	if err != nil {
		t.Fatal(err)
	}
	return &provider{count: e.CountTokens, bill: map[account]billed{}, once: map[string]bool{}}
}

var whose = regexp.MustCompile(`(?:asker|owner)-(\w+)`)

// charge adds to the bill.
func (p *provider) charge(text, model string, input, cached, output int) {
	who := whose.FindStringSubmatch(text)
	if who == nil {
		panic("nobody asked: " + text)
	}
	rate := int64(inputRate)
	if model == "embed" {
		rate = embedRate
	}
	out := int64(outputRate)
	held := int64(cachedRate)
	if model == "small" {
		rate, out, held = 10_000, 20_000, 10_000
	}
	pico := rate*int64(input-cached) + held*int64(cached) + out*int64(output)
	p.mu.Lock()
	defer p.mu.Unlock()
	at := account{who[1], model}
	b := p.bill[at]
	p.bill[at] = billed{b.input + int64(input), b.cached + int64(cached), b.output + int64(output), b.cost + (pico+999)/1000}
}

// first reports whether the text holds the word and it is the first time.
func (p *provider) first(text, word string) bool {
	if !strings.Contains(text, word) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	at := word + whose.FindString(text)
	was := p.once[at]
	p.once[at] = true
	return !was
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	switch r.URL.Path {
	case "/v1/embeddings":
		p.embed(w, r, body)
	case "/v1/chat/completions":
		p.chat(w, r, body)
	default:
		http.NotFound(w, r)
	}
}

func (p *provider) embed(w http.ResponseWriter, r *http.Request, body []byte) {
	var req struct{ Input []string }
	if json.Unmarshal(body, &req) != nil {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	all := strings.Join(req.Input, "\n")
	counted, told := 0, 0
	for _, s := range req.Input {
		counted += p.count(s)
		told += len(strings.Fields(s))
	}
	switch {
	case p.first(all, "busy-once"):
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	case p.first(all, "garbled"):
		p.charge(all, "embed", counted, 0, 0)
		_, _ = io.WriteString(w, `{"data":[`)
		return
	case strings.Contains(all, "stuck"):
		p.charge(all, "embed", counted, 0, 0)
		if p.stuck != nil {
			close(p.stuck)
		}
		<-r.Context().Done()
		return
	}
	type item struct {
		Index     int       `json:"index"`
		Embedding []float32 `json:"embedding"`
	}
	var out struct {
		Data  []item         `json:"data"`
		Usage map[string]int `json:"usage,omitempty"`
	}
	for i, s := range req.Input {
		v := make([]float32, 32)
		for _, word := range strings.Fields(strings.ToLower(s)) {
			h := fnv.New32a()
			_, _ = io.WriteString(h, word)
			v[h.Sum32()%32]++
		}
		v[0] += .1
		out.Data = append(out.Data, item{i, v})
	}
	if strings.Contains(all, "silent") {
		p.charge(all, "embed", counted, 0, 0)
	} else {
		p.charge(all, "embed", told, 0, 0)
		out.Usage = map[string]int{"prompt_tokens": told, "total_tokens": told}
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (p *provider) chat(w http.ResponseWriter, r *http.Request, body []byte) {
	var req struct {
		Model    string
		Messages []rag.Message
	}
	if json.Unmarshal(body, &req) != nil {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	question, counted, told := req.Messages[len(req.Messages)-1].Content, 0, 0
	for _, m := range req.Messages {
		counted += p.count(m.Content)
		told += len(strings.Fields(m.Content))
	}
	// Sources stand before the question and name their owner, who may be another.
	at := strings.LastIndex(question, "asker-")
	asked := question[1+strings.LastIndex(question[:at], "\n"):]
	if p.first(asked, "busy-once") {
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	event := func(v string) {
		_, _ = fmt.Fprintf(w, "data: %s\n\n", v)
		w.(http.Flusher).Flush()
	}
	piece := func(s string) {
		text, _ := json.Marshal(s)
		event(fmt.Sprintf(`{"choices":[{"delta":{"content":%s}}]}`, text))
	}
	usage := func(in, cached, out int) {
		event(fmt.Sprintf(`{"choices":[],"usage":{"prompt_tokens":%d,"completion_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d}}}`, in, out, cached))
	}
	pieces := []string{"The mill ", "turns [1]."}
	text := strings.Join(pieces, "")
	switch {
	case strings.Contains(asked, "filtered"):
		event(`{"choices":[{"delta":{},"finish_reason":"content_filter"}]}`)
		usage(told, 0, 3)
		event("[DONE]")
		p.charge(asked, req.Model, told, 0, 3)
		return
	case strings.Contains(asked, "broken"), strings.Contains(asked, "hanging"):
		p.charge(asked, req.Model, counted, 0, p.count(text))
		for _, s := range pieces {
			piece(s)
		}
		if strings.Contains(asked, "hanging") {
			<-r.Context().Done()
		}
		panic(http.ErrAbortHandler)
	}
	for _, s := range pieces {
		piece(s)
	}
	event(`{"choices":[{"delta":{},"finish_reason":"stop"}]}`)
	if strings.Contains(asked, "silent") {
		p.charge(asked, req.Model, counted, 0, p.count(text))
	} else {
		p.charge(asked, req.Model, told, told/3, 5)
		usage(told, told/3, 5)
	}
	event("[DONE]")
}

// paid returns a configuration whose models are the provider's.
func paid(t testing.TB, dir, address string) config.Config {
	t.Helper()
	c := paidAt(dir, address)
	if err := os.WriteFile(c.Prices.File, []byte(priceList), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// paidAt is paid where the list of prices is there.
func paidAt(dir, address string) config.Config {
	c := config.Default()
	c.Data = filepath.Join(dir, "data")
	c.Prices.File = filepath.Join(dir, "prices.yaml")
	c.Embedder.Name, c.Embedder.Model, c.Embedder.BaseURL, c.Embedder.Dimensions = "openai", "embed", address+"/v1", 32
	c.Embedder.Patience = 0 // a failure is to be seen
	c.LLM.Name, c.LLM.Model, c.LLM.BaseURL = "openai", "chat", address+"/v1"
	return c
}

func openPaid(t testing.TB, c config.Config) *root.Retriever {
	t.Helper()
	r, err := tryOpen(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func tryOpen(c config.Config) (*root.Retriever, error) {
	cfg, err := backends.Open(c, backends.Deps{})
	if err != nil {
		return nil, err
	}
	return root.Open(context.Background(), cfg)
}

// client asks a server in one key's name.
type client struct {
	t    *testing.T
	base string
	who  string // name of the key
}

// post sends a request and returns its status, reading the answer to its end, or
// to where it holds until, if that is not "".
func (c client) post(path, body, until string) (int, string) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return 0, ""
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer secret-of-"+c.who)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	if until == "" {
		data, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(data)
	}
	lines, text := bufio.NewScanner(resp.Body), ""
	for lines.Scan() && !written(text, until) {
		text += lines.Text() + "\n"
	}
	return resp.StatusCode, text // and go away
}

// written reports whether the words are in what the model has written: the hits that
// come before may hold them, too.
func written(stream, words string) bool {
	_, deltas, _ := strings.Cut(stream, "event: delta")
	return strings.Contains(deltas, words)
}

func (c client) add(texts ...string) int {
	var documents []map[string]string
	for _, text := range texts {
		documents = append(documents, map[string]string{"external_id": text, "text": text + " owner-" + c.who})
	}
	data, _ := json.Marshal(map[string]any{"documents": documents})
	code, _ := c.post("/api/v1/collections/sea/documents", string(data), "")
	return code
}

func (c client) ask(question string) int {
	data, _ := json.Marshal(map[string]any{"question": question + " asker-" + c.who + "?"})
	code, _ := c.post("/api/v1/collections/sea/query", string(data), "")
	return code
}

// TestLedgerIsTheBill has two tenants with three keys add and ask at once, with
// everything that can go wrong, and compares the ledger with the bill of the
// provider: to the token and to the billionth of a dollar.
func TestLedgerIsTheBill(t *testing.T) {
	p := newProvider(t)
	api := httptest.NewServer(p)
	t.Cleanup(api.Close)
	c := paid(t, t.TempDir(), api.URL)
	// One request after the other: of those that are under way when another fails, the
	// provider and who calls it may think differently.
	c.Embedder.Batch, c.Embedder.Concurrency = 1, 1
	r := openPaid(t, c)
	keys := []auth.Key{
		{Name: "anna", Secret: "secret-of-anna", Tenant: "north", Admin: true},
		{Name: "bert", Secret: "secret-of-bert", Tenant: "north"},
		{Name: "cora", Secret: "secret-of-cora", Tenant: "south", Admin: true},
	}
	var log safeBuffer
	h, err := server.New(server.Config{Service: r, Keys: keys, Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	var wg sync.WaitGroup
	for _, k := range keys {
		wg.Go(func() { mixed(client{t, srv.URL, k.Name}) })
	}
	wg.Wait()
	srv.Close() // waits for the handlers
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	compare(t, c, p, map[string]string{"anna": "north", "bert": "north", "cora": "south"}, nil)
	if cost, _ := p.total(""); log.cost(t) != cost {
		t.Errorf("the requests' lines in the log add up to %s, the bill to %s", log.cost(t), cost)
	}
}

// safeBuffer is a log that several goroutines write to.
type safeBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// cost adds up what the lines of requests say that they cost.
func (b *safeBuffer) cost(t *testing.T) (sum rag.Money) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(b.text.String()) {
		var request struct{ Cost rag.Money }
		if err := json.Unmarshal([]byte(line), &request); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		sum = sum.Plus(request.Cost)
	}
	return sum
}

// mixed is what one key does.
func mixed(c client) {
	want := func(what string, got int, codes ...int) {
		c.t.Helper()
		for _, code := range codes {
			if got == code {
				return
			}
		}
		c.t.Errorf("%s, %s: HTTP %d", c.who, what, got)
	}
	for _, text := range []string{"The mill turns.", "A silent mill turns too.", "This mill is busy-once."} {
		want("add", c.add(text), http.StatusOK)
	}
	want("add again", c.add("The mill turns."), http.StatusOK)
	// Each text is a request of its own: what came of the others is kept, and not
	// asked for again.
	want("add what is garbled", c.add("A fine mill.", "A garbled mill.", "A mill of stone."), http.StatusServiceUnavailable)
	want("add it once more", c.add("A fine mill.", "A garbled mill.", "A mill of stone."), http.StatusOK)
	for _, q := range []string{"What turns", "Is the mill silent", "Is it busy-once"} {
		want("ask", c.ask(q), http.StatusOK)
		want("ask again", c.ask(q), http.StatusOK)
	}
	want("ask what is filtered", c.ask("Is it filtered"), http.StatusForbidden)
	want("ask what breaks off", c.ask("Is it broken"), http.StatusServiceUnavailable)
	code, text := c.post("/api/v1/collections/sea/query", `{"stream":true,"question":"Is it hanging asker-`+c.who+`?"}`, "turns")
	want("go away", code, http.StatusOK)
	if !written(text, "turns") {
		c.t.Errorf("%s has gone away before the answer began: %s", c.who, text)
	}
	code, _ = c.post("/api/v1/collections/sea/search", `{"query":"mill asker-`+c.who+`"}`, "")
	want("search", code, http.StatusOK)
}

// compare holds the ledger of a closed data folder to the bill. after, if not nil,
// is done to the store first.
func compare(t *testing.T, c config.Config, p *provider, tenants map[string]string, after func(*sqlite.Store)) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(c.Data, "smartretriever.db"), Clock: func() time.Time { return time.Now().Add(2 * time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if after != nil {
		after(s)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	rows, saved := 0, rag.Money(0)
	for who, tenant := range tenants {
		got, err := s.Usage(t.Context(), rag.UsageQuery{Tenant: tenant, Key: who, OneKey: true, GroupBy: []string{"model"}})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Open) > 0 {
			t.Errorf("%s has %+v set aside", who, got.Open)
		}
		for _, row := range got.Rows {
			rows++
			u := row.Spent
			saved += row.Saved.Cost
			want := p.bill[account{who, row.Model}]
			if have := (billed{u.Input, u.Cached, u.Output, int64(u.Cost)}); have != want || row.Currency != "USD" || row.Provider != "double" {
				t.Errorf("%s, %s of %s: the ledger has %+v, the bill %+v", who, row.Model, row.Provider, have, want)
			}
		}
	}
	if rows != len(p.bill) || rows == 0 {
		t.Errorf("the ledger has %d rows, the bill %d", rows, len(p.bill))
	}
	if after == nil && saved == 0 {
		t.Error("answers from the cache have saved nothing")
	}
	total := int64(0)
	for _, b := range p.bill {
		total += b.cost
	}
	t.Logf("%d lines, %s USD, %s USD saved", rows, rag.Money(total), saved)
}

// spenderVariable names, for the child process, its folder and the provider.
const spenderVariable = "BACKENDS_TEST_SPENDER"

// TestLedgerIsTheBillAfterAKill kills a process while the provider works for it, and
// after it has said that calls were done. What was done is in the ledger, what was
// running is set aside, and both together are the bill.
func TestLedgerIsTheBillAfterAKill(t *testing.T) {
	p := newProvider(t)
	p.stuck = make(chan struct{})
	api := httptest.NewServer(p)
	t.Cleanup(api.Close)
	dir := t.TempDir()
	c := paid(t, dir, api.URL)
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), spenderVariable+"="+dir+" "+api.URL)
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.stuck:
	case <-time.After(time.Minute):
		t.Error("the child does not get as far")
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	compare(t, c, p, map[string]string{"": rag.DefaultTenant}, func(s *sqlite.Store) {
		// The child's texts name it; in the ledger it is the command line.
		p.mu.Lock()
		defer p.mu.Unlock()
		for at, b := range p.bill {
			delete(p.bill, at)
			p.bill[account{"", at.model}] = b
		}
		if n, err := s.Lapse(t.Context()); n != 1 || err != nil {
			t.Errorf("%d holds have expired, %v; want that of the call which was running", n, err)
		}
	})
}

// TestMain lets this program be the process that TestLedgerIsTheBillAfterAKill kills.
func TestMain(m *testing.M) {
	if dir, address, ok := strings.Cut(os.Getenv(spenderVariable), " "); ok {
		fmt.Fprintln(os.Stderr, "the spender was not killed:", spend(dir, address))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// spend adds documents and asks about them, and is stuck in a last call.
func spend(dir, address string) error {
	ctx := context.Background()
	r, err := tryOpen(paidAt(dir, address))
	if err != nil {
		return err
	}
	for i := range 5 {
		text := fmt.Sprintf("The mill of house %d turns. owner-child", i)
		if _, err := r.AddDocument(ctx, rag.Scope{}, rag.Input{ExternalID: text, Text: text}); err != nil {
			return err
		}
		if _, err := r.Query(ctx, rag.Scope{}, rag.Question{Text: fmt.Sprintf("Does mill %d turn? asker-child", i)}); err != nil {
			return err
		}
	}
	_, err = r.Search(ctx, rag.Scope{}, rag.Query{Text: "stuck asker-child"})
	return err
}
