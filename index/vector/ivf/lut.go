package ivf

// tables makes the tables of kernel.LookupScan for a query: luts has 16 bytes for each
// 4 dimensions, with a place for each way their signs can be. With the sum of the
// bytes that an entry's signs select,
//
//	<z,q> is about sum*scale + bias
//
// len(luts) is 4 bytes for each dimension, rounded up to a multiple of 64.
func tables(luts []byte, q []float32) (scale, bias float32) {
	// Of 4 dimensions the products go from -span/2 to span/2.
	var widest float32
	for at := 0; at < len(q); at += 4 {
		widest = max(widest, span(four(q, at)))
	}
	if !(widest > 0) {
		clear(luts)
		return 0, 0
	}
	steps := 255 / widest // a byte is a step of widest/255
	for at := 0; at < len(luts); at += 16 {
		v := four(q, at/4)
		low := -span(v) / 2
		bias += low
		// The byte of signs s is the distance of their product from low, a sum of 2*v[j]
		// for all bits j, from that of no bit.
		start := (-v[0]-v[1]-v[2]-v[3]-low)*steps + .5
		a, b, c, d := 2*v[0]*steps, 2*v[1]*steps, 2*v[2]*steps, 2*v[3]*steps
		t := (*[16]byte)(luts[at:])
		for s, more := range [4]float32{0, c, d, c + d} {
			y := start + more
			t[4*s] = toByte(y)
			t[4*s+1] = toByte(y + a)
			t[4*s+2] = toByte(y + b)
			t[4*s+3] = toByte(y + a + b)
		}
	}
	return widest / 255, bias
}

func toByte(x float32) byte { return byte(int32(x)) }

// four returns 4 dimensions, zeros beyond the last.
func four(q []float32, at int) (v [4]float32) {
	if at+4 <= len(q) {
		return [4]float32(q[at:])
	}
	if at < len(q) {
		copy(v[:], q[at:])
	}
	return v
}

func span(v [4]float32) float32 {
	var sum float32
	for _, x := range v {
		sum += max(x, -x)
	}
	return 2 * sum
}
