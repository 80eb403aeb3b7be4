#include "textflag.h"
#include "args.h"

// Integer products with AVX2. A tile is 6, 3 or 1 rows by 8 outputs, a quarter of
// a panel. Weights are widened to 16 bits as they are loaded, activations were
// widened before, so VPMADDWD is exact: VPMADDUBSW would saturate at the sum of
// two products. An accumulator holds four outputs, each in two halves that are
// added at the end; two accumulators a row (Y0 to Y11).

#define WIDEN \
	VPMOVSXBW (DI), Y12 \
	VPMOVSXBW 16(DI), Y13

#define DOT(row, a, b) \
	VPBROADCASTQ row, Y14 \
	VPMADDWD Y12, Y14, Y15 \
	VPADDD Y15, a, a \
	VPMADDWD Y13, Y14, Y15 \
	VPADDD Y15, b, b

#define DOTS(base, a0, b0, a1, b1, a2, b2) \
	DOT((base), a0, b0) \
	DOT((base)(R9*1), a1, b1) \
	DOT((base)(R9*2), a2, b2)

#define WIPE(a, b) \
	VPXOR a, a, a \
	VPXOR b, b, b

#define TILE_ARGS \
	MOVQ t+0(FP), AX \
	MOVQ tile_a(AX), SI \
	MOVQ tile_lda(AX), R9 \
	MOVQ tile_b(AX), DI \
	MOVQ tile_groups(AX), CX \
	MOVQ tile_dst(AX), DX \
	MOVQ tile_ldd(AX), R8

// Once the sums are there: column sums in Y12, scales in Y13, biases at BX.
#define COLUMNS \
	MOVQ tile_rowScale(AX), R14 \
	MOVQ tile_rowZero(AX), R15 \
	MOVQ tile_colSum(AX), BX \
	VMOVDQU (BX), Y12 \
	MOVQ tile_colScale(AX), BX \
	VMOVUPS (BX), Y13 \
	MOVQ tile_bias(AX), BX

// Adds the halves, then v = (v - zero*sum) * (rowScale*colScale) + bias.
#define FINISH(a, b) \
	VPHADDD b, a, a \
	VPERMQ $0xD8, a, a \
	VPBROADCASTD (R15), Y14 \
	VPMULLD Y12, Y14, Y14 \
	VPSUBD Y14, a, a \
	VCVTDQ2PS a, a \
	VBROADCASTSS (R14), Y14 \
	VMULPS Y13, Y14, Y14 \
	VFMADD213PS (BX), Y14, a \
	VMOVUPS a, (DX) \
	ADDQ $4, R14 \
	ADDQ $4, R15 \
	ADDQ R8, DX

// func linear6AVX2(t *tile)
TEXT ·linear6AVX2(SB), NOSPLIT, $0-8
	TILE_ARGS
	LEAQ (R9)(R9*2), BX
	LEAQ (SI)(BX*1), R11
	WIPE(Y0, Y1)
	WIPE(Y2, Y3)
	WIPE(Y4, Y5)
	WIPE(Y6, Y7)
	WIPE(Y8, Y9)
	WIPE(Y10, Y11)
loop6:
	WIDEN
	DOTS(SI, Y0, Y1, Y2, Y3, Y4, Y5)
	DOTS(R11, Y6, Y7, Y8, Y9, Y10, Y11)
	ADDQ $8, SI
	ADDQ $8, R11
	ADDQ $128, DI
	DECQ CX
	JNZ  loop6
	COLUMNS
	FINISH(Y0, Y1)
	FINISH(Y2, Y3)
	FINISH(Y4, Y5)
	FINISH(Y6, Y7)
	FINISH(Y8, Y9)
	FINISH(Y10, Y11)
	VZEROUPPER
	RET

// func linear3AVX2(t *tile)
TEXT ·linear3AVX2(SB), NOSPLIT, $0-8
	TILE_ARGS
	WIPE(Y0, Y1)
	WIPE(Y2, Y3)
	WIPE(Y4, Y5)
loop3:
	WIDEN
	DOTS(SI, Y0, Y1, Y2, Y3, Y4, Y5)
	ADDQ $8, SI
	ADDQ $128, DI
	DECQ CX
	JNZ  loop3
	COLUMNS
	FINISH(Y0, Y1)
	FINISH(Y2, Y3)
	FINISH(Y4, Y5)
	VZEROUPPER
	RET

// func linear1AVX2(t *tile)
TEXT ·linear1AVX2(SB), NOSPLIT, $0-8
	TILE_ARGS
	WIPE(Y0, Y1)
loop1:
	WIDEN
	DOT((SI), Y0, Y1)
	ADDQ $8, SI
	ADDQ $128, DI
	DECQ CX
	JNZ  loop1
	COLUMNS
	FINISH(Y0, Y1)
	VZEROUPPER
	RET

// func widenAVX2(dst *int16, src *uint8, n int)
// n is a multiple of 16 and not zero.
TEXT ·widenAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	SHRQ $4, CX
widen:
	VPMOVZXBW (SI), Y0
	VMOVDQU Y0, (DI)
	ADDQ $16, SI
	ADDQ $32, DI
	DECQ CX
	JNZ  widen
	VZEROUPPER
	RET
