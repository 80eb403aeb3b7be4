package milvus

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/external/rpc"
	"github.com/smartretriever/smartretriever/rag"
)

// double answers calls as a server does, without a network: for what a real one cannot be made to say.
type double struct {
	answers map[string]func(message []byte) []byte // by method; a missing one succeeds with nothing in it
	calls   []string
	last    *http.Request
}

func (d *double) RoundTrip(r *http.Request) (*http.Response, error) {
	frame, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	d.last = r
	method := path.Base(r.URL.Path)
	d.calls = append(d.calls, method)
	var message []byte
	if answer := d.answers[method]; answer != nil {
		message = answer(frame[5:])
	}
	body := string(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))) + string(message)
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/grpc"}}, Trailer: http.Header{"Grpc-Status": {"0"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// says returns an answer that is the same each time.
func says(message []byte) func([]byte) []byte { return func([]byte) []byte { return message } }

func statusOf(code, legacy int, retriable bool, reason string) []byte {
	b := rpc.AppendUint(nil, 1, uint64(legacy))
	b = rpc.AppendString(b, 2, reason)
	return rpc.AppendBool(rpc.AppendUint(b, 3, uint64(code)), 4, retriable)
}

// within puts a status where answers have it that hold more than that.
func within(status []byte) []byte { return rpc.AppendMessage(nil, 1, status) }

// described is what DescribeCollection says of a space.
func described(dimensions string) []byte {
	field := rpc.AppendString(nil, 2, "vector")
	return rpc.AppendMessage(nil, 2, rpc.AppendMessage(nil, 4, appendPair(field, 6, "dim", dimensions)))
}

// openDouble opens a space of a server that has it, with the given answers besides.
func openDouble(t *testing.T, answers map[string]func([]byte) []byte) (*table, *double) {
	t.Helper()
	d := &double{answers: map[string]func([]byte) []byte{
		"DescribeCollection": says(described("2")),
		"DescribeIndex":      says(rpc.AppendMessage(nil, 2, rpc.AppendString(nil, 4, "vector"))),
		"GetLoadState":       says(rpc.AppendUint(nil, 2, loadStateLoaded)),
	}}
	db, err := New(Config{Address: "grpc://host:19530", User: "u", Password: "sesame-4711", Transport: d})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := db.Open(t.Context(), external.Space{Name: "s", Dimensions: 2})
	if err != nil {
		t.Fatal(err)
	}
	for method, answer := range answers {
		d.answers[method] = answer
	}
	d.calls = nil
	return opened.(*table), d
}

func TestKey(t *testing.T) {
	table, d := openDouble(t, nil)
	if err := table.Delete(t.Context(), []rag.ChunkID{1}); err != nil {
		t.Fatal(err)
	}
	if got, want := d.last.Header.Get("Authorization"), base64.StdEncoding.EncodeToString([]byte("u:sesame-4711")); got != want {
		t.Errorf("the key is %q, want %q", got, want)
	}
	db, err := New(Config{Address: "https://cloud.example/", Token: "token-4711", Transport: d})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Describe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := d.last.Header.Get("Authorization"), base64.StdEncoding.EncodeToString([]byte("token-4711")); got != want || d.last.URL.Host != "cloud.example:443" {
		t.Errorf("the key is %q, want %q, at %s", got, want, d.last.URL)
	}
}

func TestStatusKinds(t *testing.T) {
	for _, c := range []struct {
		code, legacy int
		retriable    bool
		want         rag.Kind
	}{
		{100, 4, false, rag.KindNotFound},
		{1, 56, true, rag.KindUnavailable},
		{2, 0, true, rag.KindUnavailable},
		{103, 0, true, rag.KindUnavailable},
		{8, 49, true, rag.KindExhausted},
		{9, 53, false, rag.KindExhausted},
		{3, 24, true, rag.KindExhausted},
		{102, 0, false, rag.KindExhausted},
		{800, 0, false, rag.KindInvalid},
		{1100, 5, false, rag.KindInvalid},
		{1199, 5, false, rag.KindInvalid},
		{6, 6, false, rag.KindInvalid},
		{1400, 0, false, rag.KindUnauthorized},
		{1401, 0, false, rag.KindUnauthorized},
		{1800, 0, false, rag.KindUnauthorized},
		{5, 1, false, rag.KindInternal},
		{0, 1, false, rag.KindInternal}, // of a server that knows the older codes only
		{65535, 1, false, rag.KindInternal},
	} {
		reason := "it\nfailed for sesame-4711 " + strings.Repeat("ä", 400)
		table, _ := openDouble(t, map[string]func([]byte) []byte{"Delete": says(within(statusOf(c.code, c.legacy, c.retriable, reason)))})
		err := table.Delete(t.Context(), []rag.ChunkID{1})
		if rag.KindOf(err) != c.want {
			t.Errorf("code %d, %d: error %v of kind %s, want %s", c.code, c.legacy, err, rag.KindOf(err), c.want)
		}
		if text := fmt.Sprintf("%+v", err); strings.Contains(text, "4711") || !strings.Contains(text, "it failed for ***") || len(text) > 500 {
			t.Errorf("the error is told as %q", text)
		}
	}
}

// TestReleased: a collection that somebody released is loaded again, once.
func TestReleased(t *testing.T) {
	is := false
	counted := within(statusOf(codeNotLoaded, 101, false, "not loaded"))
	table, d := openDouble(t, nil)
	d.answers["GetLoadState"] = func([]byte) []byte {
		if is {
			return rpc.AppendUint(nil, 2, loadStateLoaded)
		}
		return rpc.AppendUint(nil, 2, 1)
	}
	d.answers["LoadCollection"] = func([]byte) []byte { is = true; return nil }
	d.answers["Query"] = func([]byte) []byte {
		if !is {
			return counted
		}
		field := rpc.AppendString(nil, 2, "count(*)")
		field = rpc.AppendMessage(field, 3, rpc.AppendMessage(nil, 3, rpc.AppendInts(nil, 1, []int64{17})))
		return rpc.AppendMessage(nil, 2, field)
	}
	if n, err := table.Count(t.Context()); n != 17 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if want := []string{"Query", "GetLoadState", "LoadCollection", "GetLoadState", "Query"}; !slices.Equal(d.calls, want) {
		t.Errorf("the calls are %v, want %v", d.calls, want)
	}
	d.answers["Query"] = says(counted) // whatever is done
	if _, err := table.Count(t.Context()); !errors.Is(err, rag.ErrUnavailable) {
		t.Errorf("a space that cannot be loaded: %v", err)
	}
}

func TestMalformedAnswers(t *testing.T) {
	longs := func(name string, v ...int64) []byte {
		field := rpc.AppendString(nil, 2, name)
		return rpc.AppendMessage(nil, 2, rpc.AppendMessage(field, 3, rpc.AppendMessage(nil, 3, rpc.AppendInts(nil, 1, v))))
	}
	hits := func(ids []int64, scores []float32) []byte {
		r := rpc.AppendFloats(nil, 4, scores)
		return rpc.AppendMessage(nil, 2, rpc.AppendMessage(r, 5, rpc.AppendMessage(nil, 1, rpc.AppendInts(nil, 1, ids))))
	}
	ctx := t.Context()
	query := external.Query{Vector: []float32{1, 0}, K: 3}
	count := func(t *table) error { _, err := t.Count(ctx); return err }
	list := func(t *table) error { _, err := t.IDs(ctx, 5, 3); return err }
	search := func(t *table) error { _, err := t.Search(ctx, query); return err }
	for name, c := range map[string]struct {
		method string
		answer []byte
		run    func(*table) error
	}{
		"no message":              {"Query", []byte{0xff}, count},
		"no count":                {"Query", nil, count},
		"two counts":              {"Query", longs("count(*)", 1, 2), count},
		"another column":          {"Query", longs("id", 1), count},
		"ids that were not asked": {"Query", longs("id", 6, 7, 8, 9), list},
		"ids out of order":        {"Query", longs("id", 8, 7), list},
		"ids twice":               {"Query", longs("id", 7, 7), list},
		"ids of the page before":  {"Query", longs("id", 5), list},
		"a packed number torn":    {"Query", rpc.AppendMessage(nil, 2, rpc.AppendMessage(rpc.AppendString(nil, 2, "id"), 3, rpc.AppendMessage(nil, 3, rpc.AppendMessage(nil, 1, []byte{0x80})))), list},
		"ids without scores":      {"Search", hits([]int64{1}, nil), search},
		"no documents":            {"Search", hits([]int64{1}, []float32{1}), search},
		"a status torn":           {"Delete", rpc.AppendMessage(nil, 1, []byte{0x80}), func(t *table) error { return t.Delete(ctx, []rag.ChunkID{1}) }},
	} {
		table, _ := openDouble(t, map[string]func([]byte) []byte{c.method: says(c.answer)})
		if err := c.run(table); rag.KindOf(err) != rag.KindInternal || !strings.Contains(err.Error(), "malformed") {
			t.Errorf("%s: %v, want that the answer is malformed", name, err)
		}
	}
}

// TestLargeTags: items with thousands of tags are sent in several messages, each of a size that Milvus takes.
func TestLargeTags(t *testing.T) {
	var rows, largest int
	table, d := openDouble(t, map[string]func([]byte) []byte{"Upsert": func(message []byte) []byte {
		largest = max(largest, len(message))
		n, err := readNumber(message, 7)
		if err != nil {
			t.Error(err)
		}
		rows += int(n)
		return nil
	}})
	tags := make([]external.Tag, maxTags)
	for i := range tags {
		tags[i] = external.Tag(i - maxTags) // negative ones take ten bytes
	}
	var items []external.Item
	for id := range rag.ChunkID(2000) {
		items = append(items, external.Item{ID: id + 1, Vector: []float32{1, 0}, Tags: tags})
	}
	if err := table.Upsert(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	if rows != len(items) || len(d.calls) != 2 || largest > 64<<20 {
		t.Errorf("%d items in %d messages of at most %d bytes", rows, len(d.calls), largest)
	}
	items[1].Tags = append(tags, 1)
	if err := table.Upsert(t.Context(), items); !errors.Is(err, rag.ErrInvalid) || rows != len(items) {
		t.Errorf("an item with more tags than Milvus keeps: %v, %d items sent", err, rows)
	}
}

func TestCut(t *testing.T) {
	long := strings.Repeat("ä", maxText)
	for _, c := range []struct{ text, want string }{
		{"", ""}, {"ab\xffc", "ab\uFFFDc"}, {long[:maxText-1], long[:maxText-1]}, {long, long[:maxText-1]}, {"a" + long, "a" + long[:maxText-1]},
	} {
		if got := cut(c.text); got != c.want {
			t.Errorf("of %d bytes %d are left, want %d", len(c.text), len(got), len(c.want))
		}
	}
}

func TestFilter(t *testing.T) {
	has := external.Condition{Has: []external.Tag{-5, 9223372036854775807}}
	ids := external.Condition{IDs: []rag.ChunkID{3}}
	for _, c := range []struct {
		where external.Condition
		want  string
	}{
		{external.Condition{}, ""},
		{has, "array_contains_any(tags, [-5,9223372036854775807])"},
		{ids, "id in [3]"},
		{external.Condition{Not: &external.Condition{}}, "id < 0"},
		{external.Condition{All: []external.Condition{has, {Not: &ids}}}, "(array_contains_any(tags, [-5,9223372036854775807])) and (not (id in [3]))"},
		{external.Condition{Any: []external.Condition{{}, ids}}, "(id > 0) or (id in [3])"},
	} {
		if got := filter(c.where); got != c.want {
			t.Errorf("%+v is %q, want %q", c.where, got, c.want)
		}
	}
}

func TestConfig(t *testing.T) {
	if err := (Config{Address: "grpc://host:1"}).Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	bad := Config{Address: "host", Index: "SCANN", M: 1, EfConstruction: -1, Ef: 40_000, NList: 10, NProbe: 11, Analyzer: "klingon", Shards: 17, Replicas: -1,
		User: "a:b", Token: "t\n", Timeout: -1}
	err := bad.Validate()
	for _, says := range []string{"grpc://HOST:PORT", "SCANN", "M must be 2 to 2048, not 1", "ef_construction", "ef must", "nprobe must be 1 to 10, not 11", "klingon", "shards",
		"replicas", "takes the place of", "negative"} {
		if !errors.Is(err, rag.ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
	for _, c := range []Config{{User: "u"}, {Password: "p"}, {User: "a:b", Password: "p"}} {
		c.Address = "grpc://host:1"
		if err := c.Validate(); !errors.Is(err, rag.ErrInvalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestFieldsOfOtherTypes: fields in another form than is expected are left out, as a newer server may send them.
func TestFieldsOfOtherTypes(t *testing.T) {
	b := protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1)
	b = append(b, statusOf(0, 0, false, "")...)
	table, _ := openDouble(t, map[string]func([]byte) []byte{"Delete": says(append(within(b), rpc.AppendUint(nil, 2, 3)...))})
	if err := table.Delete(t.Context(), []rag.ChunkID{1}); err != nil {
		t.Error(err)
	}
}
