//go:build !faiss

package follow

// backend is under test.
var backend = Builtin()
