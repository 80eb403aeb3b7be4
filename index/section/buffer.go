package section

// Buffer makes a container in memory.
type Buffer struct{ data []byte }

// Write appends.
func (b *Buffer) Write(p []byte) (int, error) {
	if need := len(b.data) + len(p); need > cap(b.data)-Slack {
		grown := Alloc(max(need, 2*len(b.data), 1<<10))
		b.data = grown[:copy(grown, b.data)]
	}
	n := len(b.data)
	b.data = b.data[:n+len(p)]
	return copy(b.data[n:], p), nil
}

// Bytes returns what was written, aligned and with slack after it. It belongs to the caller.
func (b *Buffer) Bytes() []byte { return b.data }

// Build makes a container in memory: fill writes its sections.
func Build(fill func(*Writer) error) (*File, error) {
	var b Buffer
	w := NewWriter(&b)
	if err := fill(w); err != nil {
		return nil, err
	}
	if err := w.Finish(); err != nil {
		return nil, err
	}
	return parse(b.Bytes(), "memory")
}
