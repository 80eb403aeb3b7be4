package engine

// Description says what an index is made of.
type Description struct {
	Stats
	Effort   float64              `json:"effort"`
	Owner    bool                 `json:"owner"` // this process writes its files
	Segments []SegmentDescription `json:"segment_list"`
}

// SegmentDescription describes one segment.
type SegmentDescription struct {
	File     string           `json:"file,omitempty"` // "" in memory
	Shard    string           `json:"shard,omitempty"`
	Rows     int              `json:"rows"` // live ones
	Dead     int              `json:"dead"`
	Overlays int              `json:"overlays"` // documents that have changed since
	Vectors  int              `json:"vectors"`
	Lists    int              `json:"lists,omitempty"` // of the inverted file; 0 where every vector is compared
	Graph    bool             `json:"graph,omitempty"`
	Terms    int              `json:"terms"`
	Bytes    int64            `json:"bytes"`
	Sections map[string]int64 `json:"sections"` // bytes by name
}

// Describe lists the segments, oldest first.
func (ix *Index) Describe() Description {
	d := Description{Stats: ix.Stats(), Effort: ix.Effort(), Owner: ix.Owner()}
	s := ix.acquire()
	defer s.release()
	for _, v := range s.views {
		sd := SegmentDescription{
			File: v.seg.name, Shard: v.seg.shard, Rows: v.rows(), Dead: v.dead, Overlays: len(v.overrides), Vectors: v.seg.vectorCount(),
			Terms: v.seg.words.TermCount(), Bytes: v.seg.file.Size(), Sections: map[string]int64{},
		}
		if v.seg.lists != nil {
			sd.Lists = v.seg.lists.Lists()
		}
		sd.Graph = v.seg.graph != nil
		v.seg.file.Sections(func(name string, size int64) { sd.Sections[name] = size })
		d.Segments = append(d.Segments, sd)
	}
	return d
}
