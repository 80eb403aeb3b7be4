package openai

import "github.com/smartretriever/smartretriever/rag"

// chunkingStrategy is OpenAI's: auto, or static with a size in tokens.
type chunkingStrategy struct {
	Type   string          `json:"type"`
	Static *staticChunking `json:"static,omitempty"`
}

type staticChunking struct {
	Size    int `json:"max_chunk_size_tokens"`
	Overlap int `json:"chunk_overlap_tokens"`
}

// options turns a strategy into chunker options. OpenAI's default size is larger
// than what most embedding models read; a size is held down to the model's, as
// the rest of a chunk could never be found, and the overlap to half of that.
func (s *chunkingStrategy) options(m rag.Model) (rag.ChunkerOptions, error) {
	switch {
	case s == nil, s.Type == "auto":
		return rag.ChunkerOptions{}, nil
	case s.Type != "static" || s.Static == nil:
		return rag.ChunkerOptions{}, invalid("chunking_strategy", "chunking_strategy must be auto, or static with its sizes")
	case s.Static.Size < 100 || s.Static.Size > 4096:
		return rag.ChunkerOptions{}, invalid("chunking_strategy", "max_chunk_size_tokens must be from 100 to 4096")
	case s.Static.Overlap < 0 || s.Static.Overlap > s.Static.Size/2:
		return rag.ChunkerOptions{}, invalid("chunking_strategy", "chunk_overlap_tokens must be from 0 to half of max_chunk_size_tokens")
	}
	size := s.Static.Size
	if m.MaxTokens > 0 {
		size = min(size, m.MaxTokens)
	}
	overlap := min(s.Static.Overlap, size/2)
	if overlap == 0 {
		overlap = -1 // zero would take the default
	}
	return rag.ChunkerOptions{Name: "structure", Size: size, Overlap: overlap}, nil
}

// strategyOf says how a collection's text is cut. "other" is OpenAI's word for
// what cannot be said in its terms.
func strategyOf(o rag.ChunkerOptions) chunkingStrategy {
	if o.Name != "structure" || o.Size <= 0 {
		return chunkingStrategy{Type: "other"}
	}
	return chunkingStrategy{Type: "static", Static: &staticChunking{o.Size, max(0, o.Overlap)}}
}
