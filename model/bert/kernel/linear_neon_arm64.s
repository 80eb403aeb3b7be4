#include "textflag.h"
#include "args.h"
#include "neon_arm64.h"

// Integer products with NEON, by 16 outputs, half a panel. Both kinds multiply
// signed bytes: activations, which are unsigned, are lowered by 128 as they are
// loaded (a flip of the upper bit), and the rows' zero points with them, so sums
// stay exact.
//
// With dot products (FEAT_DotProd) a tile is 4 rows or 1: four accumulators a row
// (V16 to V31), four registers of weights (V4 to V7), four groups of each row at a
// time (V0 to V3). Without, it is 2 rows or 1: two products are added in 16 bits,
// where they just fit (-128 x -127 twice), and neighbours of them in 32; an
// accumulator of four outputs is two registers, folded at the end.

#define TILE_ARGS \
	MOVD t+0(FP), R0 \
	MOVD tile_a(R0), R1 \
	MOVD tile_lda(R0), R9 \
	MOVD tile_b(R0), R5 \
	MOVD tile_groups(R0), R7 \
	MOVD tile_dst(R0), R10 \
	MOVD tile_ldd(R0), R11 \
	VMOVI $128, V8.B16

#define WIPE4(a, b, c, d) \
	EOR_16B(a, a, a) \
	EOR_16B(b, b, b) \
	EOR_16B(c, c, c) \
	EOR_16B(d, d, d)

#define WEIGHTS \
	VLD1 (R5), [V4.B16, V5.B16, V6.B16, V7.B16] \
	ADD  $128, R5

// Four groups of a row.
#define ROW4(R, V, number) \
	VLD1.P 16(R), [V.B16] \
	EOR_16B(8, number, number)

// One group of a row, into the first element.
#define ROW1(R, F, number) \
	FMOVS.P 4(R), F \
	EOR_16B(8, number, number)

#define DOT(i, row, a, b, c, d) \
	SDOT_ELEMENT(i, row, 4, a) \
	SDOT_ELEMENT(i, row, 5, b) \
	SDOT_ELEMENT(i, row, 6, c) \
	SDOT_ELEMENT(i, row, 7, d)

#define DOT4(i) \
	WEIGHTS \
	DOT(i, 0, 16, 17, 18, 19) \
	DOT(i, 1, 20, 21, 22, 23) \
	DOT(i, 2, 24, 25, 26, 27) \
	DOT(i, 3, 28, 29, 30, 31)

#define DOT1(i) \
	WEIGHTS \
	DOT(i, 0, 16, 17, 18, 19)

// Once the sums are there: column scales in V0 to V3, column sums in V4 to V7,
// biases in V9 to V12; R14 and R15 walk over the rows' scales and zero points.
#define EPILOGUE \
	MOVD tile_rowScale(R0), R14 \
	MOVD tile_rowZero(R0), R15 \
	MOVD tile_colScale(R0), R12 \
	VLD1 (R12), [V0.S4, V1.S4, V2.S4, V3.S4] \
	MOVD tile_colSum(R0), R12 \
	VLD1 (R12), [V4.S4, V5.S4, V6.S4, V7.S4] \
	MOVD tile_bias(R0), R12 \
	VLD1 (R12), [V9.S4, V10.S4, V11.S4, V12.S4]

// v = (v - (zero-128)*sum) * (rowScale*colScale) + bias, of four outputs.
#define OUT(acc, scale, sum, bias) \
	MUL_4S(sum, 13, 15) \
	SUB_4S(15, acc, acc) \
	SCVTF_4S(acc, acc) \
	FMUL_4S(scale, 14, 15) \
	MOV_16B(bias, 8) \
	FMLA_4S(15, acc, 8) \
	VST1.P [V8.S4], 16(R13)

#define FINISH(a, b, c, d) \
	MOVW.P 4(R15), R12 \
	SUB  $128, R12 \
	VDUP R12, V13.S4 \
	VLD1R.P 4(R14), [V14.S4] \
	MOVD R10, R13 \
	OUT(a, 0, 4, 9) \
	OUT(b, 1, 5, 10) \
	OUT(c, 2, 6, 11) \
	OUT(d, 3, 7, 12) \
	ADD  R11, R10

// func linear4DOT(t *tile)
TEXT ·linear4DOT(SB), NOSPLIT, $0-8
	TILE_ARGS
	ADD  R9, R1, R2
	ADD  R9, R2, R3
	ADD  R9, R3, R4
	WIPE4(16, 17, 18, 19)
	WIPE4(20, 21, 22, 23)
	WIPE4(24, 25, 26, 27)
	WIPE4(28, 29, 30, 31)
	LSR  $2, R7, R16
	CBZ  R16, rest4
four4:
	ROW4(R1, V0, 0)
	ROW4(R2, V1, 1)
	ROW4(R3, V2, 2)
	ROW4(R4, V3, 3)
	DOT4(0)
	DOT4(1)
	DOT4(2)
	DOT4(3)
	SUB  $1, R16
	CBNZ R16, four4
rest4:
	ANDS $3, R7, R16
	BEQ  finish4
one4:
	ROW1(R1, F0, 0)
	ROW1(R2, F1, 1)
	ROW1(R3, F2, 2)
	ROW1(R4, F3, 3)
	DOT4(0)
	SUB  $1, R16
	CBNZ R16, one4
finish4:
	EPILOGUE
	FINISH(16, 17, 18, 19)
	FINISH(20, 21, 22, 23)
	FINISH(24, 25, 26, 27)
	FINISH(28, 29, 30, 31)
	RET

// func linear1DOT(t *tile)
TEXT ·linear1DOT(SB), NOSPLIT, $0-8
	TILE_ARGS
	WIPE4(16, 17, 18, 19)
	LSR  $2, R7, R16
	CBZ  R16, rest1
four1:
	ROW4(R1, V0, 0)
	DOT1(0)
	DOT1(1)
	DOT1(2)
	DOT1(3)
	SUB  $1, R16
	CBNZ R16, four1
rest1:
	ANDS $3, R7, R16
	BEQ  finish1
one1:
	ROW1(R1, F0, 0)
	DOT1(0)
	SUB  $1, R16
	CBNZ R16, one1
finish1:
	EPILOGUE
	FINISH(16, 17, 18, 19)
	RET

// Without dot products: one group (its bytes in all elements of V2) with four
// outputs, or two (V2 and V3).
#define PAIRS(weights, low, high) \
	SMULL_8H(2, weights, 9) \
	SMULL2_8H(2, weights, 10) \
	SADALP_4S(9, low) \
	SADALP_4S(10, high)

#define PAIRS2(weights, next, low, high) \
	SMULL_8H(2, weights, 9) \
	SMULL2_8H(2, weights, 10) \
	SMLAL_8H(3, next, 9) \
	SMLAL2_8H(3, next, 10) \
	SADALP_4S(9, low) \
	SADALP_4S(10, high)

// One group of a row, its weights in V4 to V7.
#define WIDE(row, a, b, c, d, e, f, g, h) \
	DUP_4S(0, row, 2) \
	PAIRS(4, a, b) \
	PAIRS(5, c, d) \
	PAIRS(6, e, f) \
	PAIRS(7, g, h)

// Two groups of a row, those of the second in V12 to V15.
#define WIDER(i, j, row, a, b, c, d, e, f, g, h) \
	DUP_4S(i, row, 2) \
	DUP_4S(j, row, 3) \
	PAIRS2(4, 12, a, b) \
	PAIRS2(5, 13, c, d) \
	PAIRS2(6, 14, e, f) \
	PAIRS2(7, 15, g, h)

#define WEIGHTS2 \
	WEIGHTS \
	VLD1 (R5), [V12.B16, V13.B16, V14.B16, V15.B16] \
	ADD  $128, R5

// func linear2NEON(t *tile)
TEXT ·linear2NEON(SB), NOSPLIT, $0-8
	TILE_ARGS
	ADD  R9, R1, R2
	WIPE4(16, 17, 18, 19)
	WIPE4(20, 21, 22, 23)
	WIPE4(24, 25, 26, 27)
	WIPE4(28, 29, 30, 31)
	LSR  $2, R7, R16
	CBZ  R16, rest2
four2:
	ROW4(R1, V0, 0)
	ROW4(R2, V1, 1)
	WEIGHTS2
	WIDER(0, 1, 0, 16, 17, 18, 19, 20, 21, 22, 23)
	WIDER(0, 1, 1, 24, 25, 26, 27, 28, 29, 30, 31)
	WEIGHTS2
	WIDER(2, 3, 0, 16, 17, 18, 19, 20, 21, 22, 23)
	WIDER(2, 3, 1, 24, 25, 26, 27, 28, 29, 30, 31)
	SUB  $1, R16
	CBNZ R16, four2
rest2:
	ANDS $3, R7, R16
	BEQ  finish2
one2:
	ROW1(R1, F0, 0)
	ROW1(R2, F1, 1)
	WEIGHTS
	WIDE(0, 16, 17, 18, 19, 20, 21, 22, 23)
	WIDE(1, 24, 25, 26, 27, 28, 29, 30, 31)
	SUB  $1, R16
	CBNZ R16, one2
finish2:
	EPILOGUE
	ADDP_4S(17, 16, 16)
	ADDP_4S(19, 18, 18)
	ADDP_4S(21, 20, 20)
	ADDP_4S(23, 22, 22)
	ADDP_4S(25, 24, 24)
	ADDP_4S(27, 26, 26)
	ADDP_4S(29, 28, 28)
	ADDP_4S(31, 30, 30)
	FINISH(16, 18, 20, 22)
	FINISH(24, 26, 28, 30)
	RET

// func linear1NEON(t *tile)
TEXT ·linear1NEON(SB), NOSPLIT, $0-8
	TILE_ARGS
	WIPE4(16, 17, 18, 19)
	WIPE4(20, 21, 22, 23)
	LSR  $2, R7, R16
	CBZ  R16, rest
four:
	ROW4(R1, V0, 0)
	WEIGHTS2
	WIDER(0, 1, 0, 16, 17, 18, 19, 20, 21, 22, 23)
	WEIGHTS2
	WIDER(2, 3, 0, 16, 17, 18, 19, 20, 21, 22, 23)
	SUB  $1, R16
	CBNZ R16, four
rest:
	ANDS $3, R7, R16
	BEQ  finish
one:
	ROW1(R1, F0, 0)
	WEIGHTS
	WIDE(0, 16, 17, 18, 19, 20, 21, 22, 23)
	SUB  $1, R16
	CBNZ R16, one
finish:
	EPILOGUE
	ADDP_4S(17, 16, 16)
	ADDP_4S(19, 18, 18)
	ADDP_4S(21, 20, 20)
	ADDP_4S(23, 22, 22)
	FINISH(16, 18, 20, 22)
	RET
