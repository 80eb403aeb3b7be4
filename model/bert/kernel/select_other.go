//go:build !amd64 && !arm64

package kernel

// Sets returns the sets that this processor can run, the fastest first.
func Sets() []*Set { return []*Set{Generic} }
