package kernel

import "golang.org/x/sys/cpu"

// avxvnni is for processors with AVX-VNNI, most of them without AVX-512: Intel
// since Alder Lake, AMD since Zen 5. All but the integer products is that of AVX2.
var avxvnni = withLinear(avx2, "avxvnni", linearVEX)

// withLinear returns the set with other integer products.
func withLinear(s *Set, name string, linear func(dst []float32, stride int, x *Rows, l *Linear)) *Set {
	other := *s
	other.Name, other.linear = name, linear
	return &other
}

func hasAVXVNNI() bool { return cpu.X86.HasAVXVNNI && hasAVX2() }

func linearVEX(dst []float32, stride int, x *Rows, l *Linear) {
	linearVNNI(dst, stride, x, l, false)
}

// linearVNNI walks over half panels and, within one, over rows. With evex set it
// runs the tiles in the form that AVX-512 processors have, which is for tests.
func linearVNNI(dst []float32, stride int, x *Rows, l *Linear, evex bool) {
	const columns = 16
	rows := len(x.Scale)
	t := tile{ldd: 4 * stride, lda: x.Cols, groups: l.In / Group}
	for n := 0; n < l.Out; n += columns {
		t.b = &l.Weights[n/Panel*Panel*l.In+n%Panel*Group]
		t.colScale, t.colSum, t.bias = &l.Scale[n], &l.Sum[n], &l.Bias[n]
		for r := 0; r < rows; {
			t.dst, t.a = &dst[r*stride+n], &x.Q[r*x.Cols]
			t.rowScale, t.rowZero = &x.Scale[r], &x.Zero[r]
			if evex {
				r += vnniTileEVEX(&t, rows-r)
			} else {
				r += vnniTileVEX(&t, rows-r)
			}
		}
	}
}

// vnniTileVEX computes the tallest tile that fits in so many rows and returns its
// height.
func vnniTileVEX(t *tile, rows int) int {
	switch {
	case rows >= 6:
		linear6VEX(t)
		return 6
	case rows >= 3:
		linear3VEX(t)
		return 3
	}
	linear1VEX(t)
	return 1
}

// vnniTileEVEX is vnniTileVEX in the other form.
func vnniTileEVEX(t *tile, rows int) int {
	switch {
	case rows >= 6:
		linear6EVEX(t)
		return 6
	case rows >= 3:
		linear3EVEX(t)
		return 3
	}
	linear1EVEX(t)
	return 1
}

//go:noescape
func linear6VEX(t *tile)

//go:noescape
func linear3VEX(t *tile)

//go:noescape
func linear1VEX(t *tile)

//go:noescape
func linear6EVEX(t *tile)

//go:noescape
func linear3EVEX(t *tile)

//go:noescape
func linear1EVEX(t *tile)
