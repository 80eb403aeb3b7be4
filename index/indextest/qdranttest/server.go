package qdranttest

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Version is what the double says that it is.
const Version = "1.17.1"

// MaxMessage is the largest message that is taken, in bytes: Qdrant itself has no bound, the gateways before it have.
const MaxMessage = 32 << 20

// Options are those of a Server.
type Options struct {
	APIKey string      // "" asks for none
	TLS    *tls.Config // nil is without
}

// Fault is what happens to a call.
type Fault int

// The faults.
const (
	Unavailable  Fault = iota + 1 // it is refused, as by a node that is starting
	Half                          // an upsert puts half of its points in and fails
	Hang                          // it is held until the caller gives up
	Acknowledged                  // a change is done later than the server waits
	Limited                       // it is refused for coming too often
	Broken                        // the answer is not a message of its type
	Full                          // a change is refused because the disk is full
)

// Server is the double. It is goroutine-safe.
type Server struct {
	opts    Options
	address string // HOST:PORT

	run  sync.Mutex // around starting and stopping
	grpc *grpc.Server
	done chan struct{}

	mu          sync.Mutex
	collections map[string]*collection
	faults      map[string][]Fault // by method, in order
	calls       map[string]int
	created     []*qdrant.CreateCollection
	queries     []*qdrant.QueryPoints
}

// New starts a double, which stops when the test ends.
func New(t testing.TB, opts Options) *Server {
	t.Helper()
	s := &Server{opts: opts, address: "127.0.0.1:0", collections: map[string]*collection{}, faults: map[string][]Fault{}, calls: map[string]int{}}
	s.Start(t)
	t.Cleanup(func() { s.Stop(t) })
	return s
}

// Address is HOST:PORT.
func (s *Server) Address() string { return s.address }

// Start starts the server again, at its address, after Stop.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.run.Lock()
	defer s.run.Unlock()
	if s.grpc != nil {
		return
	}
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		t.Fatalf("qdranttest: %v", err)
	}
	s.address = l.Addr().String()
	options := []grpc.ServerOption{grpc.UnaryInterceptor(s.intercept), grpc.MaxRecvMsgSize(MaxMessage), grpc.MaxSendMsgSize(1 << 30)}
	if s.opts.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.opts.TLS)))
	}
	g, done := grpc.NewServer(options...), make(chan struct{})
	qdrant.RegisterQdrantServer(g, health{})
	qdrant.RegisterCollectionsServer(g, collections{s: s})
	qdrant.RegisterPointsServer(g, points{s: s})
	s.grpc, s.done = g, done
	go func() {
		defer close(done)
		if err := g.Serve(l); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Errorf("qdranttest: %v", err)
		}
	}()
}

// Stop cuts all connections and takes the server away. What it holds stays.
func (s *Server) Stop(testing.TB) {
	s.run.Lock()
	defer s.run.Unlock()
	if s.grpc == nil {
		return
	}
	s.grpc.Stop()
	<-s.done
	s.grpc = nil
}

// Restart is Stop and Start.
func (s *Server) Restart(t testing.TB) {
	s.Stop(t)
	s.Start(t)
}

// Inject lets the next calls of a method, as "Points/Upsert", have these faults, one each.
func (s *Server) Inject(method string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[method] = append(s.faults[method], faults...)
}

// Calls returns how often a method, as "Points/Upsert", was called.
func (s *Server) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// Created returns the collections that were made, as they were asked for.
func (s *Server) Created() []*qdrant.CreateCollection {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*qdrant.CreateCollection(nil), s.created...)
}

// Queries returns the queries that came.
func (s *Server) Queries() []*qdrant.QueryPoints {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*qdrant.QueryPoints(nil), s.queries...)
}

type health struct {
	qdrant.UnimplementedQdrantServer
}

func (health) HealthCheck(context.Context, *qdrant.HealthCheckRequest) (*qdrant.HealthCheckReply, error) {
	return &qdrant.HealthCheckReply{Title: "qdrant - vector search engine", Version: Version}, nil
}

// faultKey is where a handler finds the fault of its call, if it is one that it sees to itself.
type faultKey struct{}

func faultOf(ctx context.Context) Fault {
	f, _ := ctx.Value(faultKey{}).(Fault)
	return f
}

// intercept checks the key and injects faults.
func (s *Server) intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if err := s.authorize(ctx); err != nil {
		return nil, err
	}
	switch f := s.next(strings.TrimPrefix(info.FullMethod, "/qdrant.")); f {
	case Unavailable:
		return nil, status.Error(codes.Unavailable, "the service is currently unavailable")
	case Limited:
		_ = grpc.SetTrailer(ctx, metadata.Pairs("retry-after", "3"))
		return nil, status.Error(codes.ResourceExhausted, "Rate limiting exceeded: Write rate limit exceeded, retry later")
	case Full:
		return nil, status.Error(codes.Internal, "Service internal error: No space left on device: WAL buffer size exceeds available disk space")
	case Hang:
		<-ctx.Done()
		return nil, status.FromContextError(ctx.Err()).Err()
	case Broken:
		return &qdrant.HealthCheckReply{Title: "\x80\x80\x80 not a field", Version: "\xff\xff"}, nil
	default:
		return handle(context.WithValue(ctx, faultKey{}, f), req)
	}
}

// next counts a call and returns its fault.
func (s *Server) next(method string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[method]++
	waiting := s.faults[method]
	if len(waiting) == 0 {
		return 0
	}
	s.faults[method] = waiting[1:]
	return waiting[0]
}

func (s *Server) authorize(ctx context.Context) error {
	if s.opts.APIKey == "" {
		return nil
	}
	md, _ := metadata.FromIncomingContext(ctx)
	switch keys := append(md.Get("api-key"), bearers(md)...); {
	case len(keys) == 0:
		return status.Error(codes.Unauthenticated, "Must provide an API key or an Authorization bearer token")
	case len(keys) != 1 || keys[0] != s.opts.APIKey:
		return status.Error(codes.Unauthenticated, "Invalid API key or JWT")
	}
	return nil
}

func bearers(md metadata.MD) (tokens []string) {
	for _, v := range md.Get("authorization") {
		if token, ok := strings.CutPrefix(v, "Bearer "); ok {
			tokens = append(tokens, token)
		}
	}
	return tokens
}
