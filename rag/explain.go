package rag

// Explanation says why a chunk stands where it does, or why it is not found.
type Explanation struct {
	ChunkID    ChunkID    `json:"chunk_id"`
	DocumentID DocumentID `json:"document_id,omitempty"`
	Present    bool       `json:"present"` // the chunk is in the index
	Allowed    bool       `json:"allowed"` // filter, access list and operators let it through
	// Vector is the score by meaning, with the chunk's place among all chunks that are allowed, from 1; 0 where it has no vector.
	Vector     float64 `json:"vector_score,omitempty"`
	VectorRank int     `json:"vector_rank,omitempty"`
	Keyword    float64 `json:"keyword_score,omitempty"` // BM25
	// Terms take the keyword score apart.
	Terms      []TermExplanation `json:"terms,omitempty"`
	Chunks     int               `json:"chunks"`      // that have terms: N of the formula
	Length     int               `json:"length"`      // terms of the chunk, as BM25 counts them
	MeanLength float64           `json:"mean_length"` // of all chunks
}

// TermExplanation is what one term of a query adds to a keyword score.
type TermExplanation struct {
	Term   string  `json:"term"`
	TF     int     `json:"tf"` // in the chunk
	DF     int     `json:"df"` // chunks that hold it
	IDF    float64 `json:"idf"`
	Factor float64 `json:"factor"` // tf/(tf+k1*(1-b+b*length/mean))
	Score  float64 `json:"score"`  // idf * factor, as often as the term stands in the query
}
