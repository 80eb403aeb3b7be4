package store

import (
	"encoding/json"
	"math"

	"github.com/google/uuid"

	"github.com/smartretriever/smartretriever/rag"
)

// Logged is a row of the query log to be written: the columns that are JSON are
// written already.
type Logged struct {
	rag.QueryRecord // its Scope with defaults
	HitsJSON        string
	CitationsJSON   string
	UsageJSON       string
}

// NewLogged is the row of a record. One without an id gets one, and a confidence that is
// not finite becomes 0. KindInvalid says that it holds what JSON cannot.
func NewLogged(r rag.QueryRecord) (Logged, error) {
	r.Scope = r.Scope.WithDefaults()
	if r.ID == "" {
		r.ID = uuid.NewString()
	}
	if math.IsNaN(r.Confidence) || math.IsInf(r.Confidence, 0) {
		r.Confidence = 0
	}
	l := Logged{QueryRecord: r, HitsJSON: "[]", CitationsJSON: "[]"}
	parts := []struct {
		value any
		skip  bool
		into  *string
	}{{r.Hits, len(r.Hits) == 0, &l.HitsJSON}, {r.Citations, len(r.Citations) == 0, &l.CitationsJSON}, {r.Usage, false, &l.UsageJSON}}
	for _, part := range parts {
		if part.skip {
			continue
		}
		data, err := json.Marshal(part.value)
		if err != nil {
			return l, rag.Errorf(rag.KindInvalid, "query %s cannot be recorded: %v", l.ID, err)
		}
		*part.into = string(data)
	}
	return l, nil
}

// WithoutAnswer is the row of an answer that cites what has been purged meanwhile.
func (l Logged) WithoutAnswer() Logged {
	l.Answer, l.Citations, l.CitationsJSON = "", nil, "[]"
	return l
}

// ParseLogged reads into r what is kept as JSON in its row. A fault is KindInternal.
func ParseLogged(r *rag.QueryRecord, row int64, principals, hits, citations, usage string) error {
	for _, part := range []struct {
		json string
		into any
	}{{principals, &r.Scope.Principals}, {hits, &r.Hits}, {citations, &r.Citations}, {usage, &r.Usage}} {
		if err := json.Unmarshal([]byte(part.json), part.into); err != nil {
			return rag.Errorf(rag.KindInternal, "query log row %d is damaged: %v", row, err)
		}
	}
	return nil
}
