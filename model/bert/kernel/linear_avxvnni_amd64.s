#include "textflag.h"
#include "args.h"

// Integer products with AVX-VNNI. A tile is 6, 3 or 1 rows by 16 outputs, half a
// panel: two accumulators a row (Y0 to Y11), two registers of weights (Y12, Y13),
// and a broadcast of four activations (Y14, Y15).
//
// Go's assembler knows VPDPBUSD in the EVEX form of AVX-512 only. Processors with
// AVX-VNNI and without AVX-512 have the VEX form, which VEX spells out: 256 bits,
// prefix 66, opcode map 0F38, W0, opcode 50 (Intel's Software Developer's Manual,
// VPDPBUSD, encoding "A"). Its arguments are numbers of registers in Go's order:
// signed bytes, unsigned bytes, sums. EVEX is the same instruction in the other
// form: what is built of it computes the same on processors with AVX-512, which
// is how the tests run these tiles where the VEX form is missing.

#define VEX(signed, unsigned, sum) \
	BYTE $0xC4 \
	BYTE $(0x42 | (1-(sum)/8)<<7 | (1-(signed)/8)<<5) \
	BYTE $(0x05 | (15-(unsigned))<<3) \
	BYTE $0x50 \
	BYTE $(0xC0 | ((sum)&7)<<3 | ((signed)&7))


#define WEIGHTS \
	VMOVDQU (DI), Y12 \
	VMOVDQU 32(DI), Y13

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

// Three rows from base on, whose sums are s and the five after it.
#define VEX3(base, s) \
	VPBROADCASTD (base), Y14 \
	VPBROADCASTD (base)(R9*1), Y15 \
	VEX(12, 14, s) \
	VEX(13, 14, s+1) \
	VPBROADCASTD (base)(R9*2), Y14 \
	VEX(12, 15, s+2) \
	VEX(13, 15, s+3) \
	VEX(12, 14, s+4) \
	VEX(13, 14, s+5)

#define EVEX3(base, a0, b0, a1, b1, a2, b2) \
	VPBROADCASTD (base), Y14 \
	VPBROADCASTD (base)(R9*1), Y15 \
	VPDPBUSD Y12, Y14, a0 \
	VPDPBUSD Y13, Y14, b0 \
	VPBROADCASTD (base)(R9*2), Y14 \
	VPDPBUSD Y12, Y15, a1 \
	VPDPBUSD Y13, Y15, b1 \
	VPDPBUSD Y12, Y14, a2 \
	VPDPBUSD Y13, Y14, b2

// Once the sums are there: column scales in Y12, Y13; sums of columns at R10,
// biases at BX; R14 and R15 walk over the rows' scales and zero points.
#define COLUMNS \
	MOVQ tile_rowScale(AX), R14 \
	MOVQ tile_rowZero(AX), R15 \
	MOVQ tile_colSum(AX), R10 \
	MOVQ tile_colScale(AX), BX \
	VMOVUPS (BX), Y12 \
	VMOVUPS 32(BX), Y13 \
	MOVQ tile_bias(AX), BX

// v = (v - zero*sum) * (rowScale*colScale) + bias, stored to the row at DX.
#define FINISH(a, b) \
	VPBROADCASTD (R15), Y14 \
	VPMULLD (R10), Y14, Y15 \
	VPSUBD Y15, a, a \
	VPMULLD 32(R10), Y14, Y15 \
	VPSUBD Y15, b, b \
	VCVTDQ2PS a, a \
	VCVTDQ2PS b, b \
	VBROADCASTSS (R14), Y14 \
	VMULPS Y12, Y14, Y15 \
	VFMADD213PS (BX), Y15, a \
	VMULPS Y13, Y14, Y15 \
	VFMADD213PS 32(BX), Y15, b \
	VMOVUPS a, (DX) \
	VMOVUPS b, 32(DX) \
	ADDQ $4, R14 \
	ADDQ $4, R15 \
	ADDQ R8, DX

#define START6 \
	TILE_ARGS \
	LEAQ (R9)(R9*2), BX \
	LEAQ (SI)(BX*1), R11 \
	WIPE(Y0, Y1) \
	WIPE(Y2, Y3) \
	WIPE(Y4, Y5) \
	WIPE(Y6, Y7) \
	WIPE(Y8, Y9) \
	WIPE(Y10, Y11)

#define NEXT6 \
	ADDQ $4, SI \
	ADDQ $4, R11 \
	ADDQ $128, DI \
	DECQ CX

#define END6 \
	COLUMNS \
	FINISH(Y0, Y1) \
	FINISH(Y2, Y3) \
	FINISH(Y4, Y5) \
	FINISH(Y6, Y7) \
	FINISH(Y8, Y9) \
	FINISH(Y10, Y11) \
	VZEROUPPER

#define START3 \
	TILE_ARGS \
	WIPE(Y0, Y1) \
	WIPE(Y2, Y3) \
	WIPE(Y4, Y5)

#define NEXT \
	ADDQ $4, SI \
	ADDQ $128, DI \
	DECQ CX

#define END3 \
	COLUMNS \
	FINISH(Y0, Y1) \
	FINISH(Y2, Y3) \
	FINISH(Y4, Y5) \
	VZEROUPPER

#define START1 \
	TILE_ARGS \
	WIPE(Y0, Y1)

#define END1 \
	COLUMNS \
	FINISH(Y0, Y1) \
	VZEROUPPER

// func linear6VEX(t *tile)
TEXT ·linear6VEX(SB), NOSPLIT, $0-8
	START6
loop6:
	WEIGHTS
	VEX3(SI, 0)
	VEX3(R11, 6)
	NEXT6
	JNZ  loop6
	END6
	RET

// func linear3VEX(t *tile)
TEXT ·linear3VEX(SB), NOSPLIT, $0-8
	START3
loop3:
	WEIGHTS
	VEX3(SI, 0)
	NEXT
	JNZ  loop3
	END3
	RET

// func linear1VEX(t *tile)
TEXT ·linear1VEX(SB), NOSPLIT, $0-8
	START1
loop1:
	WEIGHTS
	VPBROADCASTD (SI), Y14
	VEX(12, 14, 0)
	VEX(13, 14, 1)
	NEXT
	JNZ  loop1
	END1
	RET

// func linear6EVEX(t *tile)
TEXT ·linear6EVEX(SB), NOSPLIT, $0-8
	START6
loop6:
	WEIGHTS
	EVEX3(SI, Y0, Y1, Y2, Y3, Y4, Y5)
	EVEX3(R11, Y6, Y7, Y8, Y9, Y10, Y11)
	NEXT6
	JNZ  loop6
	END6
	RET

// func linear3EVEX(t *tile)
TEXT ·linear3EVEX(SB), NOSPLIT, $0-8
	START3
loop3:
	WEIGHTS
	EVEX3(SI, Y0, Y1, Y2, Y3, Y4, Y5)
	NEXT
	JNZ  loop3
	END3
	RET

// func linear1EVEX(t *tile)
TEXT ·linear1EVEX(SB), NOSPLIT, $0-8
	START1
loop1:
	WEIGHTS
	VPBROADCASTD (SI), Y14
	VPDPBUSD Y12, Y14, Y0
	VPDPBUSD Y13, Y14, Y1
	NEXT
	JNZ  loop1
	END1
	RET
