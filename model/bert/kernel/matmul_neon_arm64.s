#include "textflag.h"
#include "args.h"
#include "neon_arm64.h"

// Products of floats with NEON: 4 rows or 1 by 16 columns, half a panel. Four
// accumulators a row (V16 to V31), four registers of columns (V4 to V7), and four
// values of each row at a time (V0 to V3). Each element is one chain of fused
// multiply-adds from init on, in the order of k, whatever the tile.

#define PRODUCT_ARGS \
	MOVD p+0(FP), R0 \
	MOVD product_a(R0), R1 \
	MOVD product_lda(R0), R9 \
	MOVD product_b(R0), R5 \
	MOVD product_ldb(R0), R6 \
	MOVD product_inner(R0), R7 \
	MOVD product_init(R0), R8 \
	VLD1 (R8), [V16.S4, V17.S4, V18.S4, V19.S4] \
	MOVD product_dst(R0), R10 \
	MOVD product_ldd(R0), R11 \
	MOVD product_mul(R0), R12

#define COPY(a, b, c, d) \
	MOV_16B(16, a) \
	MOV_16B(17, b) \
	MOV_16B(18, c) \
	MOV_16B(19, d)

#define COLUMNS \
	VLD1 (R5), [V4.S4, V5.S4, V6.S4, V7.S4] \
	ADD  R6, R5

#define MULADD(i, row, a, b, c, d) \
	FMLA_ELEMENT(i, row, 4, a) \
	FMLA_ELEMENT(i, row, 5, b) \
	FMLA_ELEMENT(i, row, 6, c) \
	FMLA_ELEMENT(i, row, 7, d)

#define MULADD4(i) \
	COLUMNS \
	MULADD(i, 0, 16, 17, 18, 19) \
	MULADD(i, 1, 20, 21, 22, 23) \
	MULADD(i, 2, 24, 25, 26, 27) \
	MULADD(i, 3, 28, 29, 30, 31)

#define MULADD1(i) \
	COLUMNS \
	MULADD(i, 0, 16, 17, 18, 19)

#define SCALE(a, b, c, d) \
	FMOVS.P 4(R12), F0 \
	FMUL_ELEMENT(0, a, a) \
	FMUL_ELEMENT(0, b, b) \
	FMUL_ELEMENT(0, c, c) \
	FMUL_ELEMENT(0, d, d)

// func matmul4NEON(p *product)
TEXT ·matmul4NEON(SB), NOSPLIT, $0-8
	PRODUCT_ARGS
	ADD  R9, R1, R2
	ADD  R9, R2, R3
	ADD  R9, R3, R4
	COPY(20, 21, 22, 23)
	COPY(24, 25, 26, 27)
	COPY(28, 29, 30, 31)
	LSR  $2, R7, R13
	CBZ  R13, rest4
four4:
	VLD1.P 16(R1), [V0.S4]
	VLD1.P 16(R2), [V1.S4]
	VLD1.P 16(R3), [V2.S4]
	VLD1.P 16(R4), [V3.S4]
	MULADD4(0)
	MULADD4(1)
	MULADD4(2)
	MULADD4(3)
	SUB  $1, R13
	CBNZ R13, four4
rest4:
	ANDS $3, R7, R13
	BEQ  store4
one4:
	FMOVS.P 4(R1), F0
	FMOVS.P 4(R2), F1
	FMOVS.P 4(R3), F2
	FMOVS.P 4(R4), F3
	MULADD4(0)
	SUB  $1, R13
	CBNZ R13, one4
store4:
	SCALE(16, 17, 18, 19)
	VST1 [V16.S4, V17.S4, V18.S4, V19.S4], (R10)
	ADD  R11, R10
	SCALE(20, 21, 22, 23)
	VST1 [V20.S4, V21.S4, V22.S4, V23.S4], (R10)
	ADD  R11, R10
	SCALE(24, 25, 26, 27)
	VST1 [V24.S4, V25.S4, V26.S4, V27.S4], (R10)
	ADD  R11, R10
	SCALE(28, 29, 30, 31)
	VST1 [V28.S4, V29.S4, V30.S4, V31.S4], (R10)
	RET

// func matmul1NEON(p *product)
TEXT ·matmul1NEON(SB), NOSPLIT, $0-8
	PRODUCT_ARGS
	LSR  $2, R7, R13
	CBZ  R13, rest1
four1:
	VLD1.P 16(R1), [V0.S4]
	MULADD1(0)
	MULADD1(1)
	MULADD1(2)
	MULADD1(3)
	SUB  $1, R13
	CBNZ R13, four1
rest1:
	ANDS $3, R7, R13
	BEQ  store1
one1:
	FMOVS.P 4(R1), F0
	MULADD1(0)
	SUB  $1, R13
	CBNZ R13, one1
store1:
	SCALE(16, 17, 18, 19)
	VST1 [V16.S4, V17.S4, V18.S4, V19.S4], (R10)
	RET

// func transpose4NEON(dst *float32, ldd int, src *float32, lds int, blocks int)
// Four rows of src by 4*blocks columns; distances are in bytes.
TEXT ·transpose4NEON(SB), NOSPLIT, $0-40
	MOVD dst+0(FP), R0
	MOVD ldd+8(FP), R1
	MOVD src+16(FP), R2
	MOVD lds+24(FP), R3
	MOVD blocks+32(FP), R4
	ADD  R3, R2, R5
	ADD  R3, R5, R6
	ADD  R3, R6, R7
block:
	VLD1.P 16(R2), [V0.S4]
	VLD1.P 16(R5), [V1.S4]
	VLD1.P 16(R6), [V2.S4]
	VLD1.P 16(R7), [V3.S4]
	VTRN1 V1.S4, V0.S4, V4.S4
	VTRN2 V1.S4, V0.S4, V5.S4
	VTRN1 V3.S4, V2.S4, V6.S4
	VTRN2 V3.S4, V2.S4, V7.S4
	VZIP1 V6.D2, V4.D2, V0.D2
	VZIP1 V7.D2, V5.D2, V1.D2
	VZIP2 V6.D2, V4.D2, V2.D2
	VZIP2 V7.D2, V5.D2, V3.D2
	VST1 [V0.S4], (R0)
	ADD  R1, R0
	VST1 [V1.S4], (R0)
	ADD  R1, R0
	VST1 [V2.S4], (R0)
	ADD  R1, R0
	VST1 [V3.S4], (R0)
	ADD  R1, R0
	SUB  $1, R4
	CBNZ R4, block
	RET
