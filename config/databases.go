package config

import (
	"net"
	"regexp"
	"strings"
	"time"
)

// TLS says how a connection to a server is encrypted and who it is.
type TLS struct {
	Enabled    bool   `name:"enabled" default:"false" help:"Whether the connection is encrypted where the address does not say so; any other setting of tls says so as well. With PostgreSQL the settings of tls take the place of sslmode and its like in all addresses."`
	CAFile     string `name:"ca_file" help:"File of certificates (PEM) of the authorities that the server's certificate is checked with. Empty are the system's."`
	CertFile   string `name:"cert_file" help:"File of the certificate (PEM) that this program shows."`
	KeyFile    string `name:"key_file" help:"File of its key (PEM)."`
	ServerName string `name:"server_name" help:"Name in the server's certificate. Empty is the host of the address."`
}

// Store chooses where documents are kept.
type Store struct {
	Name     string   `name:"name" default:"sqlite" enum:"sqlite,postgres" help:"Document store: sqlite is one file in the data folder; postgres is PostgreSQL 15 or newer, which any number of processes on any number of machines share (docs/postgres.md)."`
	Postgres Postgres `name:"postgres"`
}

// Postgres says where the database is and how it is used.
type Postgres struct {
	URL          Secret `name:"url" help:"Database and role, postgres://USER:PASSWORD@HOST:PORT/DATABASE. The role should own nothing and be no superuser, so that row-level security holds it. sslmode=verify-full in it asks for TLS with a checked certificate."`
	URLFile      string `name:"url_file" help:"File that holds the address, instead of url."`
	Password     Secret `name:"password" help:"Password of the role, where the address has none."`
	PasswordFile string `name:"password_file" help:"File that holds the password, instead of password."`
	MigrateURL   Secret `name:"migrate_url" help:"The same database with the role that owns the tables and changes them when a new version starts. Empty is direct_url, or else url: one role for both."`
	MigrateFile  string `name:"migrate_url_file" help:"File that holds that address, instead of migrate_url."`
	DirectURL    Secret `name:"direct_url" help:"The server itself, where url is a PgBouncer: for listening to notifications and for migrations, which need a session."`
	Replicas     Secret `name:"replicas" help:"Addresses of read replicas, separated by spaces. They are read where they are as far as this process knows the primary to be; otherwise, or when they are away, the primary is."`
	PgBouncer    bool   `name:"pgbouncer" default:"false" help:"Whether url is a PgBouncer in transaction mode: no prepared statements then, and no state of a session."`
	Schema       string `name:"schema" default:"smartretriever" help:"Schema of all tables."`

	Connections      int           `name:"connections" default:"20" min:"2" max:"1000" help:"Most connections of this process to the primary, and to each replica."`
	IdleConnections  int           `name:"idle_connections" default:"2" min:"0" max:"1000" help:"Unused connections that are kept open."`
	Lifetime         time.Duration `name:"lifetime" default:"1h" min:"1m" max:"720h" help:"How long a connection is used before it is replaced; a tenth is added at random."`
	IdleTime         time.Duration `name:"idle_time" default:"30m" min:"1s" max:"720h" help:"How long an unused connection is kept beyond idle_connections."`
	ConnectTimeout   time.Duration `name:"connect_timeout" default:"5s" min:"100ms" max:"5m" help:"Longest that connecting may take."`
	AcquireTimeout   time.Duration `name:"acquire_timeout" default:"10s" min:"100ms" max:"10m" help:"Longest wait for a free connection."`
	StatementTimeout time.Duration `name:"statement_timeout" default:"1m" min:"100ms" max:"24h" help:"Longest that the server works on a statement; migrations, clean-ups and checks may take longer."`
	LockTimeout      time.Duration `name:"lock_timeout" default:"30s" min:"100ms" max:"1h" help:"Longest that a statement waits for a lock of another."`
	IdleTransaction  time.Duration `name:"idle_transaction_timeout" default:"1m" min:"1s" max:"1h" help:"After how long the server ends a transaction in which nothing happens."`

	TLS TLS `name:"tls"`
}

// Cache says where results are cached.
type Cache struct {
	Name         string        `name:"name" default:"memory" enum:"memory,redis,none" help:"Where results are cached: memory is in this process; redis is a Redis server or Redis Cluster that processes share, with a small cache in process before it."`
	Size         Size          `name:"size" default:"64MiB" min:"1MiB" max:"1TiB" help:"Memory in this process for all cached values together."`
	EmbeddingTTL time.Duration `name:"embedding_ttl" default:"24h" min:"0s" max:"8760h" help:"How long a question's embedding is kept; 0s switches this layer off."`
	RetrievalTTL time.Duration `name:"retrieval_ttl" default:"1h" min:"0s" max:"8760h" help:"How long search results are kept; 0s switches this layer off."`
	AnswerTTL    time.Duration `name:"answer_ttl" default:"30m" min:"0s" max:"8760h" help:"How long answers are kept; 0s switches this layer off."`
	Redis        Redis         `name:"redis"`
}

// Redis says where the server is, and how long it is waited for.
type Redis struct {
	Addresses    []string      `name:"addresses" help:"HOST:PORT of the server, or of some nodes of a cluster, separated by commas."`
	Cluster      bool          `name:"cluster" default:"false" help:"Whether a single address is of a Redis Cluster; several always are."`
	Username     string        `name:"username" help:"User of the server; empty is its default user."`
	Password     Secret        `name:"password" help:"Password of the user."`
	PasswordFile string        `name:"password_file" help:"File that holds the password, instead of password."`
	Database     int           `name:"database" default:"0" min:"0" max:"1000" help:"Number of the database; a cluster has 0 only."`
	Prefix       string        `name:"prefix" default:"smartretriever" help:"What every key begins with, so that installations can share a server."`
	Timeout      time.Duration `name:"timeout" default:"250ms" min:"5ms" max:"1m" help:"Longest that a look into the cache may take, tries included; then the answer is made without."`
	Connections  int           `name:"connections" default:"32" min:"1" max:"10000" help:"Most connections to one node."`
	WarnAt       float64       `name:"warn_at" default:"0.8" min:"0.1" max:"1" help:"Part of a node's maxmemory from which on there is a warning."`
	TLS          TLS           `name:"tls"`
}

// VectorDatabase says where a vector database is, and how it is used.
type VectorDatabase struct {
	URL          string        `name:"url" help:"Address: https://HOST:PORT (weaviate, chroma, opensearch, pinecone: that of the index), HOST:PORT (qdrant and milvus: of gRPC), a URL of PostgreSQL (pgvector, which needs none and then uses the database of store.postgres). It may hold no password. pinecone without one finds and makes indexes by itself."`
	GRPCURL      string        `name:"grpc_url" help:"Address of gRPC, HOST:PORT, where that is not port 50051 of the same host (weaviate)."`
	APIKey       Secret        `name:"api_key" help:"API key or token."`
	APIKeyFile   string        `name:"api_key_file" help:"File that holds the key, instead of api_key."`
	Username     string        `name:"username" help:"User (milvus, opensearch); for pgvector it is in the address."`
	Password     Secret        `name:"password" help:"Password of the user."`
	PasswordFile string        `name:"password_file" help:"File that holds the password, instead of password."`
	Name         string        `name:"name" help:"Database of that server (milvus, chroma), or what names of indexes that are made begin with (pinecone). Empty is its default."`
	Tenant       string        `name:"tenant" help:"Tenant of that server (chroma). Empty is its default."`
	Prefix       string        `name:"prefix" default:"sr" help:"Begins the names of spaces, which are parts of the names of all that is made there (docs/backends.md): 1 to 16 lower-case letters and digits, a letter first. Installations that share a database do not get in each other's way in any case."`
	Cloud        string        `name:"cloud" help:"Where indexes are made, as aws (pinecone)."`
	Region       string        `name:"region" help:"Region of that cloud, as us-east-1 (pinecone)."`
	Replicas     int           `name:"replicas" default:"0" min:"0" max:"64" help:"Copies of what is made there, in a cluster; 0 is the adapter's default (qdrant, weaviate, milvus, opensearch)."`
	Shards       int           `name:"shards" default:"0" min:"0" max:"1024" help:"Parts of what is made there, in a cluster; 0 is the adapter's default (qdrant, weaviate, milvus, opensearch)."`
	Words        bool          `name:"words" default:"false" help:"Whether the database searches words too, by its own analysis and BM25, instead of the built-in index (pgvector, weaviate, milvus, opensearch)."`
	Ef           int           `name:"ef_search" default:"0" min:"0" max:"100000" help:"How thoroughly a graph is searched; 0 is what the adapter finds good (docs/backends.md)."`
	Timeout      time.Duration `name:"timeout" default:"3s" min:"10ms" max:"5m" help:"Longest that one try of a search in it may take."`
	TLS          TLS           `name:"tls"`
}

// Used reports whether the connection is encrypted by these settings.
func (t TLS) Used() bool {
	return t.Enabled || t.CAFile != "" || t.CertFile != "" || t.KeyFile != "" || t.ServerName != ""
}

// checkDatabases reports what does not go together in the settings of servers that keep data.
func (l *loader) checkDatabases(wrong func(name, format string, args ...any)) {
	pg, redis, vectors := l.Store.Postgres, l.Cache.Redis, l.Index.Database
	if l.Store.Name == "postgres" && !pg.URL.IsSet() {
		wrong("store.postgres.url", "is needed with store.name postgres")
	}
	if pg.IdleConnections > pg.Connections {
		wrong("store.postgres.idle_connections", "%d are more than store.postgres.connections, %d", pg.IdleConnections, pg.Connections)
	}
	if l.Cache.Name == "redis" && len(redis.Addresses) == 0 {
		wrong("cache.redis.addresses", "is needed with cache.name redis")
	}
	for _, a := range redis.Addresses {
		if _, _, err := net.SplitHostPort(a); err != nil || strings.Contains(a, "@") {
			wrong("cache.redis.addresses", "holds what is not HOST:PORT; a password is given as cache.redis.password") // and is not to be repeated
		}
	}
	if redis.Database > 0 && (redis.Cluster || len(redis.Addresses) > 1) {
		wrong("cache.redis.database", "a cluster has database 0 only")
	}
	for name, address := range map[string]string{"index.database.url": vectors.URL, "index.database.grpc_url": vectors.GRPCURL} {
		switch {
		case holdsPassword(address):
			wrong(name, "holds a password, which would be shown; give it as index.database.password")
		case l.Index.Vectors != "pgvector" && strings.Contains(address, "@"):
			wrong(name, "holds a user name; give it as index.database.username, with index.database.password, or a key as index.database.api_key")
		}
	}
	switch kind := l.Index.Vectors; kind {
	case "builtin", "faiss":
		if vectors.Words {
			wrong("index.database.words", "index.vectors is %s, which has no database", kind)
		}
	case "pgvector":
		if vectors.URL == "" && l.Store.Name != "postgres" {
			wrong("index.database.url", "is needed with index.vectors pgvector, unless store.name is postgres")
		}
	case "pinecone":
		if !vectors.APIKey.IsSet() {
			wrong("index.database.api_key", "is needed with index.vectors pinecone")
		}
	default:
		if vectors.URL == "" {
			wrong("index.database.url", "is needed with index.vectors %s", kind)
		}
	}
	for name, t := range map[string]TLS{"store.postgres.tls": pg.TLS, "cache.redis.tls": redis.TLS, "index.database.tls": vectors.TLS} {
		if (t.CertFile == "") != (t.KeyFile == "") {
			wrong(name+".cert_file", "cert_file and key_file go together")
		}
	}
}

// passwordWord is how a password is given in PostgreSQL's keywords and values, and in what follows an address.
var passwordWord = regexp.MustCompile(`(?i)(^|[\s?&])(ssl)?password\s*=`)

// holdsPassword reports whether an address has a password in it, also one that is no address otherwise.
func holdsPassword(address string) bool {
	_, rest, ok := strings.Cut(address, "://")
	if !ok {
		rest = address
	}
	at := strings.LastIndex(rest, "@")
	return at >= 0 && strings.Contains(rest[:at], ":") || passwordWord.MatchString(address)
}
