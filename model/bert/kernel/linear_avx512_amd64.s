#include "textflag.h"
#include "args.h"

// Integer products with AVX-512 VNNI. A tile is 12, 6, 3 or 1 rows by one panel
// of 32 outputs: two accumulators a row (Z0 to Z23), two registers of weights
// (Z24, Z25), and broadcasts of four activations at a time (Z26 to Z31).
//
// Rows are addressed as base, base+lda and base+2*lda from up to four bases.

#define ZERO6(a,b,c,d,e,f) \
	VPXORD a, a, a \
	VPXORD b, b, b \
	VPXORD c, c, c \
	VPXORD d, d, d \
	VPXORD e, e, e \
	VPXORD f, f, f

#define WEIGHTS \
	VMOVDQU32 (DI), Z24 \
	VMOVDQU32 64(DI), Z25

#define DOT3(base, t0, t1, t2, a0, b0, a1, b1, a2, b2) \
	VPBROADCASTD (base), t0 \
	VPBROADCASTD (base)(R9*1), t1 \
	VPBROADCASTD (base)(R9*2), t2 \
	VPDPBUSD Z24, t0, a0 \
	VPDPBUSD Z25, t0, b0 \
	VPDPBUSD Z24, t1, a1 \
	VPDPBUSD Z25, t1, b1 \
	VPDPBUSD Z24, t2, a2 \
	VPDPBUSD Z25, t2, b2

// Once the sums are there: column scales in Z24, Z25, column sums in Z26, Z27,
// biases in Z28, Z29; R14 and R15 walk over the rows' scales and zero points.
#define EPILOGUE \
	MOVQ tile_rowScale(AX), R14 \
	MOVQ tile_rowZero(AX), R15 \
	MOVQ tile_colScale(AX), BX \
	VMOVUPS (BX), Z24 \
	VMOVUPS 64(BX), Z25 \
	MOVQ tile_colSum(AX), BX \
	VMOVDQU32 (BX), Z26 \
	VMOVDQU32 64(BX), Z27 \
	MOVQ tile_bias(AX), BX \
	VMOVUPS (BX), Z28 \
	VMOVUPS 64(BX), Z29

// v = (v - zero*sum) * (rowScale*colScale) + bias, stored to the row at DX.
#define FINISH(a, b) \
	VPBROADCASTD (R15), Z30 \
	VPMULLD Z26, Z30, Z31 \
	VPSUBD Z31, a, a \
	VPMULLD Z27, Z30, Z31 \
	VPSUBD Z31, b, b \
	VCVTDQ2PS a, a \
	VCVTDQ2PS b, b \
	VBROADCASTSS (R14), Z30 \
	VMULPS Z24, Z30, Z31 \
	VFMADD213PS Z28, Z31, a \
	VMULPS Z25, Z30, Z31 \
	VFMADD213PS Z29, Z31, b \
	VMOVUPS a, (DX) \
	VMOVUPS b, 64(DX) \
	ADDQ $4, R14 \
	ADDQ $4, R15 \
	ADDQ R8, DX

#define LOAD_ARGS \
	MOVQ t+0(FP), AX \
	MOVQ tile_a(AX), SI \
	MOVQ tile_lda(AX), R9 \
	MOVQ tile_b(AX), DI \
	MOVQ tile_groups(AX), CX \
	MOVQ tile_dst(AX), DX \
	MOVQ tile_ldd(AX), R8

// func linear12AVX512(t *tile)
TEXT ·linear12AVX512(SB), NOSPLIT, $0-8
	LOAD_ARGS
	LEAQ (R9)(R9*2), BX
	LEAQ (SI)(BX*1), R11
	LEAQ (R11)(BX*1), R12
	LEAQ (R12)(BX*1), R13
	ZERO6(Z0, Z1, Z2, Z3, Z4, Z5)
	ZERO6(Z6, Z7, Z8, Z9, Z10, Z11)
	ZERO6(Z12, Z13, Z14, Z15, Z16, Z17)
	ZERO6(Z18, Z19, Z20, Z21, Z22, Z23)
loop12:
	WEIGHTS
	DOT3(SI, Z26, Z27, Z28, Z0, Z1, Z2, Z3, Z4, Z5)
	DOT3(R11, Z29, Z30, Z31, Z6, Z7, Z8, Z9, Z10, Z11)
	DOT3(R12, Z26, Z27, Z28, Z12, Z13, Z14, Z15, Z16, Z17)
	DOT3(R13, Z29, Z30, Z31, Z18, Z19, Z20, Z21, Z22, Z23)
	ADDQ $4, SI
	ADDQ $4, R11
	ADDQ $4, R12
	ADDQ $4, R13
	ADDQ $128, DI
	DECQ CX
	JNZ  loop12
	EPILOGUE
	FINISH(Z0, Z1)
	FINISH(Z2, Z3)
	FINISH(Z4, Z5)
	FINISH(Z6, Z7)
	FINISH(Z8, Z9)
	FINISH(Z10, Z11)
	FINISH(Z12, Z13)
	FINISH(Z14, Z15)
	FINISH(Z16, Z17)
	FINISH(Z18, Z19)
	FINISH(Z20, Z21)
	FINISH(Z22, Z23)
	VZEROUPPER
	RET

// func linear6AVX512(t *tile)
TEXT ·linear6AVX512(SB), NOSPLIT, $0-8
	LOAD_ARGS
	LEAQ (R9)(R9*2), BX
	LEAQ (SI)(BX*1), R11
	ZERO6(Z0, Z1, Z2, Z3, Z4, Z5)
	ZERO6(Z6, Z7, Z8, Z9, Z10, Z11)
loop6:
	WEIGHTS
	DOT3(SI, Z26, Z27, Z28, Z0, Z1, Z2, Z3, Z4, Z5)
	DOT3(R11, Z29, Z30, Z31, Z6, Z7, Z8, Z9, Z10, Z11)
	ADDQ $4, SI
	ADDQ $4, R11
	ADDQ $128, DI
	DECQ CX
	JNZ  loop6
	EPILOGUE
	FINISH(Z0, Z1)
	FINISH(Z2, Z3)
	FINISH(Z4, Z5)
	FINISH(Z6, Z7)
	FINISH(Z8, Z9)
	FINISH(Z10, Z11)
	VZEROUPPER
	RET

// func linear3AVX512(t *tile)
TEXT ·linear3AVX512(SB), NOSPLIT, $0-8
	LOAD_ARGS
	ZERO6(Z0, Z1, Z2, Z3, Z4, Z5)
loop3:
	WEIGHTS
	DOT3(SI, Z26, Z27, Z28, Z0, Z1, Z2, Z3, Z4, Z5)
	ADDQ $4, SI
	ADDQ $128, DI
	DECQ CX
	JNZ  loop3
	EPILOGUE
	FINISH(Z0, Z1)
	FINISH(Z2, Z3)
	FINISH(Z4, Z5)
	VZEROUPPER
	RET

// func linear1AVX512(t *tile)
TEXT ·linear1AVX512(SB), NOSPLIT, $0-8
	LOAD_ARGS
	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1
loop1:
	WEIGHTS
	VPBROADCASTD (SI), Z26
	VPDPBUSD Z24, Z26, Z0
	VPDPBUSD Z25, Z26, Z1
	ADDQ $4, SI
	ADDQ $128, DI
	DECQ CX
	JNZ  loop1
	EPILOGUE
	FINISH(Z0, Z1)
	VZEROUPPER
	RET
