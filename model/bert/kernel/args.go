//go:build amd64 || arm64

package kernel

// tile is the argument of the integer tiles: some rows by some columns of one
// panel. Distances are in bytes. args.h holds the offsets.
type tile struct {
	dst      *float32
	ldd      int
	a        *uint8 // or *int16, for AVX2
	lda      int
	b        *int8
	groups   int // of Group inputs
	rowScale *float32
	rowZero  *int32
	colScale *float32
	colSum   *int32
	bias     *float32
}

// product is the argument of the float tiles: some rows by some columns of
// init + a*b, each row multiplied with its mul. Distances are in bytes.
type product struct {
	dst   *float32
	ldd   int
	a     *float32
	lda   int
	b     *float32
	ldb   int
	inner int
	mul   *float32
	init  *float32 // one for each column
	ahead int      // how far ahead of the reading of b memory is asked for it
}
