package kernel

func dot(a, b []float32) float32 { return plainDot(a, b) }

func dotRows(dst, q, rows []float32) { plainDotRows(dst, q, rows) }

// Name says which version is in use.
func Name() string { return "plain" }
