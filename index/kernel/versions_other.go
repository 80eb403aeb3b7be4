//go:build !amd64 && !arm64

package kernel

// versions lists what this processor can run, the fastest last.
func versions() []version { return []version{plain} }
