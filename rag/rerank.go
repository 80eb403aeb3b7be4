package rag

// RerankQuery asks a reranker how well passages answer a question.
type RerankQuery struct {
	Text     string
	Terms    []Term    // words of Text with their weight in the collection; may be empty
	Passages []Passage // best first, as the search found them
}

// Term is a word of a query as it stands there, with the inverse document
// frequency that it has in the collection searched.
type Term struct {
	Span Span
	IDF  float64
}

// Passage is a candidate of a reranker.
type Passage struct {
	Text string // what was embedded of a chunk: title, headings and text
	Hash Hash   // of Text; what was computed from it can be kept under it
}

// RerankResult says how well passages answer.
type RerankResult struct {
	// Scores has one number for each of the first passages, in their order, higher
	// is better. Numbers of one result may be compared, those of two may not. It is
	// shorter than the passages when the time ended before the last of them.
	Scores []float64
	Tokens int // read by the model, as far as it is known
}
