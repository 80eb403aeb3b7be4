package qdrant_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	protocol "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/smartretriever/smartretriever/index/external"
	"github.com/smartretriever/smartretriever/index/indextest"
	"github.com/smartretriever/smartretriever/index/indextest/qdranttest"
	"github.com/smartretriever/smartretriever/index/qdrant"
	"github.com/smartretriever/smartretriever/rag"
)

var space = external.Space{Name: "s", Dimensions: 3}

func TestFaults(t *testing.T) {
	srv := qdranttest.New(t, qdranttest.Options{APIKey: key})
	db := open(t, srv, nil)
	table := indextest.OpenSpace(t, db, space)
	upsert := func() error { return table.Upsert(t.Context(), indextest.Fan(10, "")) }
	for name, tt := range map[string]struct {
		method string
		fault  qdranttest.Fault
		call   func() error
		want   rag.Kind
		left   int64 // points that are there then
	}{
		"starting":      {"Points/Upsert", qdranttest.Unavailable, upsert, rag.KindUnavailable, 0},
		"half a batch":  {"Points/Upsert", qdranttest.Half, upsert, rag.KindUnavailable, 5},
		"not done yet":  {"Points/Upsert", qdranttest.Acknowledged, upsert, rag.KindUnavailable, 10},
		"too often":     {"Points/Upsert", qdranttest.Limited, upsert, rag.KindExhausted, 0},
		"full":          {"Points/Upsert", qdranttest.Full, upsert, rag.KindExhausted, 0},
		"not a message": {"Points/Upsert", qdranttest.Broken, upsert, rag.KindInternal, 0},
		"no deletion":   {"Points/Delete", qdranttest.Acknowledged, func() error { return table.Delete(t.Context(), []rag.ChunkID{1}) }, rag.KindUnavailable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			err := indextest.CheckFault(t, table, func() { srv.Inject(tt.method, tt.fault) }, tt.call, tt.want, tt.left, key)
			if tt.fault == qdranttest.Limited {
				var s interface{ RetryAfter() time.Duration }
				if !errors.As(err, &s) || s.RetryAfter() != 3*time.Second {
					t.Errorf("how long to wait is lost: %v", err)
				}
			}
		})
	}
}

// A server that does not answer is left after the timeout; the caller's own end is told as such.
func TestSilence(t *testing.T) {
	srv := qdranttest.New(t, qdranttest.Options{APIKey: key})
	indextest.OpenSpace(t, open(t, srv, nil), space)
	hasty := open(t, srv, func(c *qdrant.Config) { c.Timeout = 50 * time.Millisecond })
	srv.Inject("Collections/List", qdranttest.Hang)
	if _, err := hasty.Spaces(t.Context()); !errors.Is(err, rag.ErrUnavailable) || !strings.Contains(err.Error(), "no answer within 50ms") {
		t.Errorf("the server is silent: %v", err)
	}
	srv.Inject("Collections/List", qdranttest.Hang)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := open(t, srv, nil).Spaces(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the caller has no more time: %v", err)
	}
}

func TestSettingsReachTheServer(t *testing.T) {
	srv := qdranttest.New(t, qdranttest.Options{APIKey: key})
	db := open(t, srv, func(c *qdrant.Config) {
		c.Prefix, c.M, c.EfConstruct, c.Ef, c.Exact, c.OnDisk = "mine_", 32, 200, 300, true, true
		c.Quantization, c.Oversampling, c.Shards, c.Replicas = qdrant.Scalar, 3, 2, 3
	})
	table := indextest.OpenSpace(t, db, space)
	if _, err := table.Search(t.Context(), external.Query{Vector: []float32{1, 0, 0}, K: 7}); err != nil {
		t.Fatal(err)
	}
	made := srv.Created()[0]
	params := made.GetVectorsConfig().GetParams()
	if made.GetCollectionName() != "mine_s" || params.GetSize() != 3 || params.GetDistance() != protocol.Distance_Cosine || !params.GetOnDisk() ||
		made.GetHnswConfig().GetM() != 32 || made.GetHnswConfig().GetEfConstruct() != 200 || made.GetShardNumber() != 2 ||
		made.GetReplicationFactor() != 3 || made.GetWriteConsistencyFactor() != 2 ||
		made.GetQuantizationConfig().GetScalar().GetType() != protocol.QuantizationType_Int8 || !made.GetQuantizationConfig().GetScalar().GetAlwaysRam() {
		t.Errorf("the collection is asked for as %v", made)
	}
	q := srv.Queries()[0]
	if q.GetParams().GetHnswEf() != 300 || !q.GetParams().GetExact() || q.GetParams().GetQuantization().GetOversampling() != 3 || !q.GetParams().GetQuantization().GetRescore() ||
		q.GetLimit() != 7 || q.GetReadConsistency().GetType() != protocol.ReadConsistencyType_Majority || q.GetFilter() != nil {
		t.Errorf("the query is %v", q)
	}
	// Reading goes by what the collection is, not by what new ones are to be.
	later := indextest.OpenSpace(t, open(t, srv, func(c *qdrant.Config) { c.Prefix = "mine_" }), space)
	if _, err := later.Search(t.Context(), external.Query{Vector: []float32{1, 0, 0}, K: 7}); err != nil {
		t.Fatal(err)
	}
	if q := srv.Queries()[1]; q.GetReadConsistency().GetType() != protocol.ReadConsistencyType_Majority || q.GetParams().HnswEf != nil {
		t.Errorf("the query of another process is %v", q)
	}
	for kind, is := range map[string]func(*protocol.QuantizationConfig) bool{
		qdrant.Product: func(c *protocol.QuantizationConfig) bool {
			return c.GetProduct().GetCompression() == protocol.CompressionRatio_x16
		},
		qdrant.Binary: func(c *protocol.QuantizationConfig) bool { return c.GetBinary().GetAlwaysRam() },
		"":            func(c *protocol.QuantizationConfig) bool { return c == nil },
	} {
		indextest.OpenSpace(t, open(t, srv, func(c *qdrant.Config) { c.Prefix, c.Quantization = "q"+kind+"_", kind }), space)
		all := srv.Created()
		if c := all[len(all)-1]; !is(c.GetQuantizationConfig()) || c.HnswConfig != nil || c.ReplicationFactor != nil {
			t.Errorf("quantization %q: the collection is asked for as %v", kind, c)
		}
	}
}

func TestValidate(t *testing.T) {
	err := qdrant.Config{Address: "http://h:1", APIKey: "sec\nret", Prefix: "Übung", M: 1, EfConstruct: 9999, Ef: -1, Quantization: "half", Oversampling: .5, Shards: -2, Replicas: 101}.Validate()
	if !errors.Is(err, rag.ErrInvalid) {
		t.Fatal(err)
	}
	for _, want := range []string{"grpc://HOST:PORT", "line break", "prefix", "m is 1", "ef_construct is 9999", "ef is -1", `"half"`, "0.5", "shards is -2", "replicas is 101"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %q in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "sec\n") {
		t.Error("the error holds the key")
	}
	if err := (qdrant.Config{Address: "grpc://[::1]:6334"}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestTLS(t *testing.T) {
	certified := httptest.NewUnstartedServer(nil) // has a certificate that it signs itself
	certified.StartTLS()
	defer certified.Close()
	srv := qdranttest.New(t, qdranttest.Options{APIKey: key, TLS: &tls.Config{Certificates: certified.TLS.Certificates, NextProtos: []string{"h2"}}})
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	db := open(t, srv, func(c *qdrant.Config) {
		c.Address, c.TLS = "grpcs://"+srv.Address(), &tls.Config{RootCAs: roots}
	})
	if s, err := db.Describe(t.Context()); err != nil || s.Version != qdranttest.Version {
		t.Errorf("%+v, %v", s, err)
	}
	for name, change := range map[string]func(*qdrant.Config){
		"an unknown authority": func(c *qdrant.Config) { c.Address = "grpcs://" + srv.Address() },
		"no TLS":               func(c *qdrant.Config) {},
	} {
		if _, err := open(t, srv, change).Describe(t.Context()); !errors.Is(err, rag.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// foreign is Qdrant's own generated client.
func foreign(t *testing.T, srv *qdranttest.Server) (*grpc.ClientConn, context.Context) {
	t.Helper()
	conn, err := grpc.NewClient(srv.Address(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn, metadata.AppendToOutgoingContext(t.Context(), "api-key", key)
}

// What others have in the same server is neither listed nor taken.
func TestBesideOthers(t *testing.T) {
	srv := qdranttest.New(t, qdranttest.Options{APIKey: key})
	conn, ctx := foreign(t, srv)
	for _, name := range []string{"theirs", "smartretriever_taken"} {
		_, err := protocol.NewCollectionsClient(conn).Create(ctx, &protocol.CreateCollection{CollectionName: name,
			VectorsConfig: protocol.NewVectorsConfig(&protocol.VectorParams{Size: 3, Distance: protocol.Distance_Dot})})
		if err != nil {
			t.Fatal(err)
		}
	}
	db := open(t, srv, nil)
	table := indextest.OpenSpace(t, db, space)
	if names, err := db.Spaces(t.Context()); err != nil || !slices.Equal(names, []string{"s", "taken"}) {
		t.Errorf("the spaces are %v (%v)", names, err)
	}
	if _, err := db.Open(t.Context(), external.Space{Name: "taken", Dimensions: 3}); !errors.Is(err, rag.ErrConflict) {
		t.Errorf("a collection with another distance is opened: %v", err)
	}
	if err := table.Upsert(t.Context(), indextest.Fan(3, "")); err != nil {
		t.Fatal(err)
	}
	// A point with an id that no chunk can have.
	_, err := protocol.NewPointsClient(conn).Upsert(ctx, &protocol.UpsertPoints{CollectionName: "smartretriever_s", Points: []*protocol.PointStruct{
		{Id: protocol.NewIDNum(math.MaxUint64), Vectors: protocol.NewVectorsDense([]float32{1, 0, 0})}}})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := table.IDs(t.Context(), 0, 10)
	if err != nil || !slices.Equal(ids, []rag.ChunkID{1, 2, 3}) {
		t.Errorf("the ids are %v (%v)", ids, err)
	}
	res, err := table.Search(t.Context(), external.Query{Vector: []float32{1, 0, 0}, K: 10})
	if err != nil || len(res.Vector) != 3 {
		t.Errorf("found %v (%v)", res.Vector, err)
	}
}

// A process that died between making a collection and indexing its tags leaves one that the next to open it completes.
func TestIndexOfTagsIsMadeLater(t *testing.T) {
	srv := qdranttest.New(t, qdranttest.Options{APIKey: key})
	db := open(t, srv, nil)
	srv.Inject("Points/CreateFieldIndex", qdranttest.Unavailable)
	if _, err := db.Open(t.Context(), space); !errors.Is(err, rag.ErrUnavailable) {
		t.Fatalf("opened without the index: %v", err)
	}
	table := indextest.OpenSpace(t, db, space)
	if _, err := table.Search(t.Context(), external.Query{Vector: []float32{1, 0, 0}, K: 1, Where: external.Condition{Has: []external.Tag{1}}}); err != nil {
		t.Errorf("a filter without an index: %v", err)
	}
	indextest.OpenSpace(t, db, space)
	if n := srv.Calls("Points/CreateFieldIndex"); n != 2 {
		t.Errorf("the index was asked for %d times, want the two that were needed", n)
	}
}

// A batch that is larger than a message may be goes in several.
func TestLargeMessagesAreDivided(t *testing.T) {
	srv := qdranttest.New(t, qdranttest.Options{APIKey: key})
	table := indextest.OpenSpace(t, open(t, srv, nil), space)
	batch := indextest.Fan(40, "")
	for i := range batch {
		batch[i].Document = rag.DocumentID(strings.Repeat("d", 1<<20))
		for n := range 1_000 {
			batch[i].Tags = append(batch[i].Tags, external.Tag(-n-1)) // negative ones are the longest
		}
	}
	if err := table.Upsert(t.Context(), batch); err != nil { // refused if a message were larger than qdranttest.MaxMessage
		t.Fatal(err)
	}
	if n, err := table.Count(t.Context()); err != nil || n != 40 || srv.Calls("Points/Upsert") < 2 {
		t.Errorf("%d points (%v) in %d calls", n, err, srv.Calls("Points/Upsert"))
	}
}

func TestNoWords(t *testing.T) {
	srv := qdranttest.New(t, qdranttest.Options{APIKey: key})
	db := open(t, srv, nil)
	if _, err := db.Open(t.Context(), external.Space{Name: "t", Dimensions: 3, Text: true}); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("a space with texts: %v", err)
	}
	if _, err := indextest.OpenSpace(t, db, space).Search(t.Context(), external.Query{Text: "w", K: 1}); !errors.Is(err, rag.ErrInvalid) {
		t.Errorf("a search by words: %v", err)
	}
}
