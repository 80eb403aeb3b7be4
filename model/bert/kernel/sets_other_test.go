//go:build !amd64

package kernel

// testSets are those of the processor.
func testSets() []*Set { return Sets() }
