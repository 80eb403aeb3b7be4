package pgvector

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/smartretriever/smartretriever/rag"
)

// Config says which database is used, and how. Only URL is needed.
type Config struct {
	URL       string                                // of database and role, as a URL or as keywords and values
	SetupURL  string                                // of a role that may make the schema and the extension; "" is URL
	Password  func(context.Context) (string, error) // asked before each connection of URL; nil takes the URL's
	TLS       *tls.Config                           // replaces what the URLs say; nil leaves it to them
	PgBouncer bool                                  // URL goes to a pooler in transaction mode
	Schema    string                                // of the tables; "" is "smartretriever_vectors"

	Connections    int           // most of them; 0 is 8
	ConnectTimeout time.Duration // 0 is 5 s

	// Type of the column: "vector" of 32-bit floats, "halfvec" of 16-bit ones, which takes half the room. "" is vector up to 2,000 dimensions, which is what its
	// indexes take, and halfvec up to 4,000. It holds for tables that are made.
	Type string
	// Distance by which vectors are compared: "cosine" (also ""), "l2" or "ip", the inner product. Vectors have unit length: all give the same order and the same scores, and an index is for
	// one of them.
	Distance string
	Index    string // "hnsw" (also ""), "ivfflat", or "none": every vector is compared
	// IndexFrom is the number of rows from which on there is an index; 0 is 10,000.
	IndexFrom int
	// M and EfConstruction of hnsw: links of a row, and candidates for them; 0 is 16 and 128, or twice M. EfSearch is the number of candidates of a search, up to 1,000; 0 is 120.
	M, EfConstruction, EfSearch int
	// Lists of ivfflat, 0 is the square root of the number of rows; Probes is how many are looked into, 0 is the square root of Lists.
	Lists, Probes int
	// BuildMemory is maintenance_work_mem while an index is built, in MB; 0 is 256. Not behind PgBouncer.
	BuildMemory int
	// Language is the configuration of full text search, as "english"; "" is "simple", which takes words as they are.
	Language string

	Logger *slog.Logger // nil logs nothing
}

// WithDefaults fills in the zero fields.
func (c Config) WithDefaults() Config {
	text := func(s *string, to string) {
		if *s == "" {
			*s = to
		}
	}
	number := func(n *int, to int) {
		if *n == 0 {
			*n = to
		}
	}
	text(&c.SetupURL, c.URL)
	text(&c.Schema, "smartretriever_vectors")
	text(&c.Distance, "cosine")
	text(&c.Index, "hnsw")
	text(&c.Language, "simple")
	number(&c.Connections, 8)
	number(&c.IndexFrom, 10_000)
	number(&c.M, 16)
	number(&c.EfConstruction, max(128, 2*c.M))
	number(&c.EfSearch, 120)
	number(&c.BuildMemory, 256)
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// distances has for each distance its operator and the ending of its operator class, and a similarity of unit vectors in terms of it.
var distances = map[string]struct{ operator, class, score string }{
	"cosine": {"<=>", "cosine_ops", "1 - (%s)"},
	"l2":     {"<->", "l2_ops", "1 - (%s)^2 / 2"},
	"ip":     {"<#>", "ip_ops", "-(%s)"},
}

// Bounds that pgvector sets.
const (
	maxVector     = 2000 // dimensions of an indexed vector
	maxHalf       = 4000 // and halfvec
	maxDimensions = 16000
	maxEf         = 1000
)

// Validate reports all faults together, as KindInvalid. It repeats no URL.
func (c Config) Validate() error {
	var faults []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	wrong(c.URL == "", "the address of a database is needed")
	for _, u := range []string{c.URL, c.SetupURL} {
		if _, err := pgxpool.ParseConfig(u); err != nil {
			// The driver's error repeats the address, and leaves out of it what it takes for a password.
			faults = append(faults, errors.New("the address of a database is neither a URL nor keywords and values that can be read"))
			break
		}
	}
	wrong(distances[c.Distance].operator == "", "distance %q is unknown; known are cosine, l2 and ip", c.Distance)
	wrong(c.Index != "hnsw" && c.Index != "ivfflat" && c.Index != "none", "index %q is unknown; known are hnsw, ivfflat and none", c.Index)
	wrong(c.Type != "" && c.Type != "vector" && c.Type != "halfvec", "type %q is unknown; known are vector and halfvec", c.Type)
	wrong(c.Connections < 0 || c.Connections > 1000, "%d connections are out of range 1 to 1000", c.Connections)
	wrong(c.M < 2 || c.M > 100, "m is %d; 2 to 100 are allowed", c.M)
	wrong(c.EfConstruction < 2*c.M || c.EfConstruction > maxEf, "ef_construction is %d; twice m to %d are allowed", c.EfConstruction, maxEf)
	wrong(c.EfSearch < 1 || c.EfSearch > maxEf, "ef_search is %d; 1 to %d are allowed", c.EfSearch, maxEf)
	wrong(c.Lists < 0 || c.Lists > 32768 || c.Probes < 0 || c.Probes > 32768, "lists and probes are up to 32768")
	wrong(c.IndexFrom < 0 || c.BuildMemory < 1 || c.ConnectTimeout < 0, "numbers and times must not be negative")
	wrong(len(c.Schema) > 63, "the schema's name is longer than 63 bytes")
	if len(faults) == 0 {
		return nil
	}
	return rag.Wrap(rag.KindInvalid, errors.Join(faults...), "pgvector")
}

// column returns the type of the column for vectors of dims dimensions.
func (c Config) column(dims int) (string, error) {
	kind := c.Type
	if kind == "" {
		kind = "vector"
		if dims > maxVector {
			kind = "halfvec"
		}
	}
	most := maxDimensions
	if c.Index != "none" {
		most = map[string]int{"vector": maxVector, "halfvec": maxHalf}[kind]
	}
	if dims < 1 || dims > most {
		return "", rag.Errorf(rag.KindInvalid, "pgvector: %d dimensions; %s takes 1 to %d", dims, kind, most)
	}
	return fmt.Sprintf("%s(%d)", kind, dims), nil
}
