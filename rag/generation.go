package rag

import "time"

// GenerationState is the part that a generation plays in its collection. A
// collection has one that is live, at most one that is being built, and at most
// one that was live before.
type GenerationState string

const (
	GenerationLive     GenerationState = "live"     // what searches use
	GenerationBuilding GenerationState = "building" // in the shadow: it never was live
	GenerationPrevious GenerationState = "previous" // kept, so that one can switch back
)

// GenerationInfo is a generation with what is known of it.
type GenerationInfo struct {
	Generation
	State      GenerationState       `json:"state"`
	CreatedAt  time.Time             `json:"created_at"`
	LiveAt     time.Time             `json:"live_at,omitzero"` // when it last became live
	Chunks     int                   `json:"chunks"`           // of the collection, those of deleted documents that can be restored included
	Missing    int                   `json:"missing"`          // of these, how many have no embedding of this generation yet
	Comparison *GenerationComparison `json:"comparison,omitempty"`
}

// Unembedded is the text of a chunk that has no embedding of some model yet.
type Unembedded struct {
	ChunkID ChunkID
	Hash    Hash   // the key of its embedding
	Text    string // Chunk.EmbedText with the document's title as it is now
}

// Embedding is the vector of the text with a hash.
type Embedding struct {
	Hash   Hash
	Vector []float32
}

// GenerationComparison says how the searches of two generations of one collection
// differ, on the same questions at the same time.
type GenerationComparison struct {
	At       time.Time        `json:"at"`
	OldModel string           `json:"old_model"`
	NewModel string           `json:"new_model"`
	Asked    int              `json:"asked"`               // questions from the query log
	Judged   int              `json:"judged"`              // questions of which the relevant documents are known
	JudgedBy string           `json:"judged_by,omitempty"` // "file", or "generated" from the collection's own passages
	Hybrid   SearchComparison `json:"hybrid"`
	Vector   SearchComparison `json:"vector"`
	// Examples are the questions whose results differ most, the worst first. They
	// are not stored: a deleted document's words must not live on in them.
	Examples []ComparedQuestion `json:"examples,omitempty"`
}

// SearchComparison compares one way to search. NDCG and Recall are over the judged
// questions, nil where there are none.
type SearchComparison struct {
	Overlap float64            `json:"overlap_at_10"` // share of the first ten hits that both have, mean over all questions
	NDCG    *MeasureComparison `json:"ndcg_at_10,omitempty"`
	Recall  *MeasureComparison `json:"recall_at_10,omitempty"`
}

// MeasureComparison holds the means of a measure from 0 to 1, and their difference
// with its 95 % interval by a paired bootstrap.
type MeasureComparison struct {
	Old    float64 `json:"old"`
	New    float64 `json:"new"`
	Diff   float64 `json:"diff"` // New - Old
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Better int     `json:"better"` // questions on which the new one is better
	Worse  int     `json:"worse"`
}

// ComparedQuestion is a question on which two generations differ in hybrid search.
type ComparedQuestion struct {
	Question string   `json:"question"`
	Overlap  float64  `json:"overlap_at_10"`
	Judged   bool     `json:"judged"`
	OldNDCG  float64  `json:"old_ndcg_at_10"` // 0 where it is not judged
	NewNDCG  float64  `json:"new_ndcg_at_10"`
	Old      []string `json:"old"` // titles of the first three hits
	New      []string `json:"new"`
}
