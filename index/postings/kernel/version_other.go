//go:build !amd64

package kernel

func best() version { return plain }

// versions lists what this processor can run.
func versions() []version { return []version{plain} }
