package weaviate

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/rag"
)

// double answers calls as a server does, without a network: for what a real one cannot be made to say.
type double struct {
	space   external.Space
	gone    bool                                   // the class is not there
	answers map[string]func(message []byte) []byte // of gRPC, by method; a missing one succeeds with nothing in it
	refuses string                                 // what gRPC says to all calls, as "2 it failed"
	queues  []int                                  // what the nodes say of their queues, one call after the other; 0 when there is nothing left
	forbids bool                                   // to ask the nodes
	calls   []string
}

func (d *double) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	if r.Header.Get("Authorization") != "Bearer sesame-4711" {
		return nil, fmt.Errorf("the key is missing")
	}
	d.calls = append(d.calls, r.Method+" "+path.Base(path.Dir(r.URL.Path))+"/"+path.Base(r.URL.Path))
	if r.Header.Get("Content-Type") == "application/grpc" {
		return d.overRPC(path.Base(r.URL.Path), body[5:]), nil
	}
	status, answer := 200, any(map[string]any{"class": "Smartretriever_s", "description": description(d.space)})
	switch {
	case strings.HasPrefix(r.URL.Path, "/v1/nodes/") && d.forbids:
		status = 403
	case strings.HasPrefix(r.URL.Path, "/v1/nodes/"):
		queue := 0
		if len(d.queues) > 0 {
			queue, d.queues = d.queues[0], d.queues[1:]
		}
		shards := []map[string]int{{"vectorQueueLength": 0}, {"vectorQueueLength": queue}}
		answer = map[string]any{"nodes": []any{map[string]any{"name": "a", "shards": nil}, map[string]any{"name": "b", "shards": shards}}}
	case d.gone:
		status, answer = 404, nil
	}
	text, err := json.Marshal(answer)
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(text)))}, err
}

func (d *double) overRPC(method string, message []byte) *http.Response {
	header := http.Header{"Content-Type": {"application/grpc"}}
	if status, text, refused := strings.Cut(d.refuses, " "); refused {
		header.Set("Grpc-Status", status)
		header.Set("Grpc-Message", text)
		return &http.Response{StatusCode: 200, Header: header, Body: http.NoBody}
	}
	var answer []byte
	if run := d.answers[method]; run != nil {
		answer = run(message)
	}
	frame := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(answer))), answer...)
	return &http.Response{StatusCode: 200, Header: header, Trailer: http.Header{"Grpc-Status": {"0"}}, Body: io.NopCloser(strings.NewReader(string(frame)))}
}

func openDouble(t *testing.T) (external.Table, *double) {
	t.Helper()
	d := &double{space: external.Space{Name: "s", Dimensions: 2, Text: true}, answers: map[string]func([]byte) []byte{}}
	db, err := New(Config{Address: "http://host", GRPC: "grpc://host:50051", APIKey: "sesame-4711", Transport: d, GRPCTransport: d, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	table, err := db.Open(t.Context(), d.space)
	if err != nil {
		t.Fatal(err)
	}
	d.calls = nil
	return table, d
}

var twoItems = []external.Item{{ID: 17, Vector: []float32{1, 0}, Text: "first secret"}, {ID: 18, Vector: []float32{1, 0}, Text: "second secret"}}

// TestHalfABatch: what a server says of single objects is not lost, though the call succeeds.
func TestHalfABatch(t *testing.T) {
	failure := func(index int, text string) []byte {
		return rpc.AppendMessage(nil, 2, rpc.AppendString(rpc.AppendUint(nil, 1, uint64(index)), 2, text))
	}
	for name, c := range map[string]struct {
		answer []byte
		says   string
	}{
		"one":             {failure(1, "shard is read-only"), "1 of 2 items were not stored; item 18: shard is read-only"},
		"both":            {append(failure(0, "no room"), failure(1, "no room")...), "2 of 2 items were not stored; item 17: no room"},
		"with its text":   {failure(0, "cannot parse 'first secret'"), "item 17: it was refused"},
		"of another item": {failure(7, "strange"), "item 0: strange"},
		"long":            {failure(0, strings.Repeat("ä", 400)), "ä ..."},
	} {
		table, d := openDouble(t)
		d.answers["BatchObjects"] = func([]byte) []byte { return c.answer }
		err := table.Upsert(t.Context(), twoItems)
		if !errors.Is(err, rag.ErrUnavailable) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret") || len(err.Error()) > 500 {
			t.Errorf("%s: %v, want that it says %q", name, err, c.says)
		}
	}
}

// TestUnfinishedDelete: objects that were found and not deleted are no success, and where more are found than one call deletes, another one follows.
func TestUnfinishedDelete(t *testing.T) {
	reply := func(failed, matches, deleted uint64) []byte {
		return rpc.AppendUint(rpc.AppendUint(rpc.AppendUint(nil, 2, failed), 3, matches), 4, deleted)
	}
	for name, c := range map[string]struct {
		replies [][]byte
		want    rag.Kind
	}{
		"all":             {[][]byte{reply(0, 3, 3)}, ""},
		"nothing there":   {[][]byte{reply(0, 0, 0)}, ""},
		"in three calls":  {[][]byte{reply(0, 25_000, 10_000), reply(0, 15_000, 10_000), reply(0, 5_000, 5_000)}, ""},
		"one failed":      {[][]byte{reply(1, 3, 2)}, rag.KindUnavailable},
		"none is deleted": {[][]byte{reply(0, 3, 0)}, rag.KindUnavailable},
		"torn":            {[][]byte{{0xff}}, rag.KindInternal},
	} {
		table, d := openDouble(t)
		calls := 0
		d.answers["BatchDelete"] = func([]byte) []byte { calls++; return c.replies[calls-1] }
		if err := table.DeleteWhere(t.Context(), external.Condition{}); rag.KindOf(err) != c.want || calls != len(c.replies) {
			t.Errorf("%s: error %v of kind %s after %d calls, want %q after %d", name, err, rag.KindOf(err), calls, c.want, len(c.replies))
		}
	}
}

// TestQueues: an upsert ends when no vector waits to be indexed.
func TestQueues(t *testing.T) {
	table, d := openDouble(t)
	d.queues = []int{2, 1, 0, 5}
	if err := table.Upsert(t.Context(), twoItems); err != nil || len(d.queues) != 1 {
		t.Errorf("%v; %d answers of the nodes are left, want 1", err, len(d.queues))
	}
	table, d = openDouble(t)
	d.forbids = true
	if err := table.Upsert(t.Context(), twoItems); err != nil {
		t.Errorf("with a key that must not ask the nodes: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	for says, want := range map[string]rag.Kind{
		"2 it failed": rag.KindUnavailable, "3 bad": rag.KindInvalid, "7 no": rag.KindUnauthorized, "16 who": rag.KindUnauthorized,
		"8 full": rag.KindExhausted, "14 later": rag.KindUnavailable,
	} {
		table, d := openDouble(t)
		d.refuses = says
		if _, err := table.Count(t.Context()); rag.KindOf(err) != want {
			t.Errorf("%s: %v of kind %s, want %s", says, err, rag.KindOf(err), want)
		}
		if d.gone = true; want == rag.KindUnavailable && says[:1] == "2" || want == rag.KindInvalid {
			if _, err := table.Count(t.Context()); !errors.Is(err, rag.ErrNotFound) {
				t.Errorf("%s of a class that is not there: %v", says, err)
			}
		}
	}
}

// TestDroppedMeanwhile: no object is sent to a class that is not there, for the server would make one.
func TestDroppedMeanwhile(t *testing.T) {
	table, d := openDouble(t)
	d.gone = true
	if err := table.Upsert(t.Context(), twoItems); !errors.Is(err, rag.ErrNotFound) || slices.ContainsFunc(d.calls, func(c string) bool { return strings.Contains(c, "Batch") }) {
		t.Errorf("%v after %v", err, d.calls)
	}
}

// TestAnotherClass: a class that the server made by itself is not taken for a space.
func TestAnotherClass(t *testing.T) {
	_, d := openDouble(t)
	db, err := New(Config{Address: "http://host", GRPC: "grpc://host:50051", APIKey: "sesame-4711", Transport: d, GRPCTransport: d})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []external.Space{{Name: "s", Dimensions: 3, Text: true}, {Name: "s", Dimensions: 2}} {
		if _, err := db.Open(t.Context(), s); !errors.Is(err, rag.ErrConflict) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func TestMalformedAnswers(t *testing.T) {
	object := func(uuid string) []byte {
		return rpc.AppendMessage(nil, 2, rpc.AppendMessage(nil, 2, rpc.AppendString(nil, 1, uuid)))
	}
	ids := func(ids ...rag.ChunkID) (b []byte) {
		for _, id := range ids {
			b = append(b, object(uuidOf(id).String())...)
		}
		return b
	}
	list := func(table external.Table) error { _, err := table.IDs(t.Context(), 5, 3); return err }
	for name, c := range map[string]struct {
		method string
		answer []byte
		run    func(external.Table) error
	}{
		"no message":         {"Search", []byte{0xff}, list},
		"no UUID":            {"Search", object("x"), list},
		"no id":              {"Search", rpc.AppendMessage(nil, 2, nil), list},
		"below 1":            {"Search", object("00000000-0000-8002-8000-000000000001"), list},
		"an object of yours": {"Search", object("01890a5d-ac96-774b-bcce-0000000000ff"), list},
		"out of order":       {"Search", ids(8, 7), list},
		"of the page before": {"Search", ids(5), list},
		"no count":           {"Aggregate", rpc.AppendMessage(nil, 2, nil), func(table external.Table) error { _, err := table.Count(t.Context()); return err }},
		"failures torn":      {"BatchObjects", rpc.AppendMessage(nil, 2, []byte{0x80}), func(table external.Table) error { return table.Upsert(t.Context(), twoItems) }},
	} {
		table, d := openDouble(t)
		d.answers[c.method] = func([]byte) []byte { return c.answer }
		if err := c.run(table); rag.KindOf(err) != rag.KindInternal || !strings.Contains(err.Error(), "malformed") {
			t.Errorf("%s: %v, want that the answer is malformed", name, err)
		}
	}
}

// TestUUIDs: UUIDs are in the order of the ids, are valid ones of version 8, and lead back.
func TestUUIDs(t *testing.T) {
	if got := uuidOf(255).String(); got != "00000000-0000-8000-8000-0000000000ff" {
		t.Errorf("255 is %s", got)
	}
	ids := rapid.OneOf(rapid.Int64Min(1), rapid.SampledFrom([]int64{1, 1 << 53, 1<<61 - 1, 1 << 61, 1<<62 - 1, 1 << 62, 1<<62 + 1, math.MaxInt64}))
	rapid.Check(t, func(t *rapid.T) {
		a, b := rag.ChunkID(ids.Draw(t, "a")), rag.ChunkID(ids.Draw(t, "b"))
		ua, ub := uuidOf(a), uuidOf(b)
		if (a < b) != (ua.String() < ub.String()) || ua.Version() != 8 || ua.Variant().String() != "RFC4122" {
			t.Fatalf("%d is %s, %d is %s", a, ua, b, ub)
		}
		if id, ours := idOf(ua); id != a || !ours {
			t.Fatalf("%d is %s, which is %d", a, ua, id)
		}
	})
}

// TestFilters: the messages mean what the conditions mean, on objects that are there and, of those with a negation, on what is left of earlier ones.
func TestFilters(t *testing.T) {
	tags := []external.Tag{-1, 2, 3}
	var condition func(t *rapid.T, depth int) external.Condition
	condition = func(t *rapid.T, depth int) external.Condition {
		switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
		case kind == 0:
			return external.Condition{}
		case kind == 1:
			return external.Condition{IDs: rapid.SliceOfN(rapid.SampledFrom([]rag.ChunkID{1, 2, 3}), 1, 2).Draw(t, "ids")}
		case kind == 2 || depth == 0:
			return external.Condition{Has: rapid.SliceOfN(rapid.SampledFrom(tags), 1, 2).Draw(t, "tags")}
		case kind == 3:
			sub := condition(t, depth-1)
			return external.Condition{Not: &sub}
		}
		var subs []external.Condition
		for range rapid.IntRange(1, 3).Draw(t, "subs") {
			subs = append(subs, condition(t, depth-1))
		}
		if rapid.Bool().Draw(t, "all") {
			return external.Condition{All: subs}
		}
		return external.Condition{Any: subs}
	}
	rapid.Check(t, func(t *rapid.T) {
		c := condition(t, 3)
		has := rapid.SliceOfDistinct(rapid.SampledFrom(tags), rapid.ID).Draw(t, "has")
		id := rapid.SampledFrom([]rag.ChunkID{1, 2, 3, 4}).Draw(t, "id")
		values := []string{everyObject}
		for _, tag := range has {
			values = append(values, tag.String())
		}
		message := filter(c)
		if got, want := meets(t, message, uuidOf(id).String(), values), c.Match(id, has); got != want {
			t.Fatalf("%+v on item %d with %v: %v, want %v", c, id, has, got, want)
		}
		if meets(t, message, "", nil) { // of an earlier object Weaviate has nothing but a number
			t.Fatalf("%+v is met by an object that is no more", c)
		}
	})
}

// meets does what Weaviate does with a message Filters.
func meets(t *rapid.T, message []byte, id string, tags []string) bool {
	var op uint64
	var subs [][]byte
	var values []string
	var path string
	for f, err := range rpc.Fields(message) {
		switch {
		case err != nil:
			t.Fatal(err)
		case f.Is(1, protowire.VarintType):
			op = f.Value
		case f.Is(3, protowire.BytesType):
			subs = append(subs, f.Data)
		case f.Is(4, protowire.BytesType):
			values = append(values, string(f.Data))
		case f.Number == 9, f.Number == 20:
			for inner, err := range rpc.Fields(f.Data) {
				if err != nil {
					t.Fatal(err)
				}
				if path = string(inner.Data); f.Number == 9 {
					values = append(values, path)
				}
			}
		}
	}
	have := tags
	if path == pathID {
		have = []string{id}
	}
	one := slices.ContainsFunc(values, func(v string) bool { return slices.Contains(have, v) })
	sub := func(m []byte) bool { return meets(t, m, id, tags) }
	switch op {
	case opEqual, opContainsAny:
		return one
	case opNotEqual:
		return !one
	case opAnd:
		return !slices.ContainsFunc(subs, func(m []byte) bool { return !sub(m) })
	case opOr:
		return slices.ContainsFunc(subs, sub)
	}
	t.Fatalf("operator %d", op)
	return false
}

func TestConfig(t *testing.T) {
	for address, want := range map[string]string{
		"http://host:8080":                 "grpc://host:50051",
		"https://[::1]:8080/":              "grpcs://[::1]:50051",
		"https://x.c0.weaviate.cloud":      "grpcs://grpc-x.c0.weaviate.cloud:443",
		"https://x.weaviate.network/":      "grpcs://grpc-x.weaviate.network:443",
		"https://weaviate.cloud.example:1": "grpcs://weaviate.cloud.example:50051",
	} {
		c := Config{Address: address}.WithDefaults()
		if err := c.Validate(); c.GRPC != want || err != nil {
			t.Errorf("gRPC of %s is at %s, want %s (%v)", address, c.GRPC, want, err)
		}
	}
	bad := Config{Address: "http://host", GRPC: "host", Index: "ivf", M: 3, EfConstruction: 5000, Ef: -1, Tokenization: "klingon", Shards: -1, Replicas: 65, APIKey: "k\n", Timeout: -1}
	err := bad.Validate()
	for _, says := range []string{"ivf", "M must be 4 to 2047, not 3", "ef_construction", "ef must", "klingon", "shards", "replicas", "line break", "negative"} {
		if !errors.Is(err, rag.ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
	if err := (Config{Address: "http://host", GRPC: "host"}).Validate(); !errors.Is(err, rag.ErrInvalid) || !strings.Contains(err.Error(), "grpc://HOST:PORT") {
		t.Errorf("a wrong address of gRPC: %v", err)
	}
	if err := (Config{Address: "host"}).Validate(); !errors.Is(err, rag.ErrInvalid) || strings.Contains(err.Error(), "grpc") {
		t.Errorf("a wrong address: %v", err)
	}
}
