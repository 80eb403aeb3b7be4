#include "textflag.h"
#include "neon_arm64.h"

// Rows are computed one after the other. A row has four accumulators, V16 to V19, for
// pieces of 16 numbers, so that an addition need not wait for the one before; pieces of
// 4 go to the first, single numbers to V20. R0 results, R1 query, R2 rows, R3 numbers
// of rows or 0, R4 rows left, R5 dimensions, R6 size of a row, R8 the row, R10 the
// query as it is read.

#define WIPE(V) VEOR V.B16, V.B16, V.B16

// R8 is the next row: the one with the next number, or the one after the last.
#define NEXT_ROW(gathered, found) \
	CBNZ R3, gathered \
	MOVD R2, R8 \
	ADD  R6, R2 \
	B    found \
gathered: \
	MOVWU.P 4(R3), R8 \
	MADD R6, R2, R8, R8 \
found: \
	MOVD R1, R10 \
	WIPE(V16) \
	WIPE(V17) \
	WIPE(V18) \
	WIPE(V19) \
	WIPE(V20)

// Everything is added up and stored.
#define SUM \
	FADD_4S(17, 16, 16) \
	FADD_4S(19, 18, 18) \
	FADD_4S(18, 16, 16) \
	FADD_4S(20, 16, 16) \
	FADDP_4S(16, 16, 16) \
	FADDP_4S(16, 16, 16) \
	FMOVS.P F16, 4(R0)

#define LOAD4(R, A, B, C, D) VLD1.P 64(R), [A.S4, B.S4, C.S4, D.S4]

// func dotNEON(dst, q, rows *float32, at *uint32, count, dims int)
TEXT ·dotNEON(SB), NOSPLIT, $0-48
	MOVD dst+0(FP), R0
	MOVD q+8(FP), R1
	MOVD rows+16(FP), R2
	MOVD at+24(FP), R3
	MOVD count+32(FP), R4
	MOVD dims+40(FP), R5
	LSL  $2, R5, R6
row:
	NEXT_ROW(gathered, found)
	LSR  $4, R5, R11
	CBZ  R11, rest16
by16:
	LOAD4(R10, V0, V1, V2, V3)
	LOAD4(R8, V4, V5, V6, V7)
	VFMLA V4.S4, V0.S4, V16.S4
	VFMLA V5.S4, V1.S4, V17.S4
	VFMLA V6.S4, V2.S4, V18.S4
	VFMLA V7.S4, V3.S4, V19.S4
	SUB  $1, R11
	CBNZ R11, by16
rest16:
	UBFX $2, R5, $2, R11
	CBZ  R11, rest4
by4:
	VLD1.P 16(R10), [V0.S4]
	VLD1.P 16(R8), [V4.S4]
	VFMLA V4.S4, V0.S4, V16.S4
	SUB  $1, R11
	CBNZ R11, by4
rest4:
	ANDS $3, R5, R11
	BEQ  sum
by1:
	FMOVS.P 4(R10), F0
	FMOVS.P 4(R8), F4
	FMADDS F4, F20, F0, F20
	SUB  $1, R11
	CBNZ R11, by1
sum:
	SUM
	SUB  $1, R4
	CBNZ R4, row
	RET

#define SQUARES(v, acc) VFMLA v.S4, v.S4, acc.S4

// func l2NEON(dst, q, rows *float32, count, dims int)
TEXT ·l2NEON(SB), NOSPLIT, $0-40
	MOVD dst+0(FP), R0
	MOVD q+8(FP), R1
	MOVD rows+16(FP), R2
	MOVD ZR, R3
	MOVD count+24(FP), R4
	MOVD dims+32(FP), R5
	LSL  $2, R5, R6
row:
	NEXT_ROW(gathered, found)
	LSR  $4, R5, R11
	CBZ  R11, rest16
by16:
	LOAD4(R10, V0, V1, V2, V3)
	LOAD4(R8, V4, V5, V6, V7)
	FSUB_4S(4, 0, 0)
	FSUB_4S(5, 1, 1)
	FSUB_4S(6, 2, 2)
	FSUB_4S(7, 3, 3)
	SQUARES(V0, V16)
	SQUARES(V1, V17)
	SQUARES(V2, V18)
	SQUARES(V3, V19)
	SUB  $1, R11
	CBNZ R11, by16
rest16:
	UBFX $2, R5, $2, R11
	CBZ  R11, rest4
by4:
	VLD1.P 16(R10), [V0.S4]
	VLD1.P 16(R8), [V4.S4]
	FSUB_4S(4, 0, 0)
	SQUARES(V0, V16)
	SUB  $1, R11
	CBNZ R11, by4
rest4:
	ANDS $3, R5, R11
	BEQ  sum
by1:
	FMOVS.P 4(R10), F0
	FMOVS.P 4(R8), F4
	FSUBS F4, F0, F0
	FMADDS F0, F20, F0, F20
	SUB  $1, R11
	CBNZ R11, by1
sum:
	SUM
	SUB  $1, R4
	CBNZ R4, row
	RET

// func dotF16NEON(dst, q *float32, rows *uint16, at *uint32, count, dims int)
TEXT ·dotF16NEON(SB), NOSPLIT, $0-48
	MOVD dst+0(FP), R0
	MOVD q+8(FP), R1
	MOVD rows+16(FP), R2
	MOVD at+24(FP), R3
	MOVD count+32(FP), R4
	MOVD dims+40(FP), R5
	LSL  $1, R5, R6
row:
	NEXT_ROW(gathered, found)
	LSR  $4, R5, R11
	CBZ  R11, rest16
by16:
	LOAD4(R10, V0, V1, V2, V3)
	VLD1.P 32(R8), [V21.H8, V22.H8]
	FCVTL_4S(21, 4)
	FCVTL2_4S(21, 5)
	FCVTL_4S(22, 6)
	FCVTL2_4S(22, 7)
	VFMLA V4.S4, V0.S4, V16.S4
	VFMLA V5.S4, V1.S4, V17.S4
	VFMLA V6.S4, V2.S4, V18.S4
	VFMLA V7.S4, V3.S4, V19.S4
	SUB  $1, R11
	CBNZ R11, by16
rest16:
	UBFX $2, R5, $2, R11
	CBZ  R11, rest4
by4:
	VLD1.P 16(R10), [V0.S4]
	VLD1.P 8(R8), [V21.H4]
	FCVTL_4S(21, 4)
	VFMLA V4.S4, V0.S4, V16.S4
	SUB  $1, R11
	CBNZ R11, by4
rest4:
	ANDS $3, R5, R11
	BEQ  sum
by1:
	FMOVS.P 4(R10), F0
	MOVHU.P 2(R8), R12
	FMOVS R12, F4
	FCVTHS F4, F4
	FMADDS F4, F20, F0, F20
	SUB  $1, R11
	CBNZ R11, by1
sum:
	SUM
	SUB  $1, R4
	CBNZ R4, row
	RET

// func toF16NEON(dst *uint16, src *float32, n int)
TEXT ·toF16NEON(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD n+16(FP), R2
eight:
	VLD1.P 32(R1), [V0.S4, V1.S4]
	FCVTN_4H(0, 2)
	FCVTN2_8H(1, 2)
	VST1.P [V2.H8], 16(R0)
	SUBS $8, R2
	BNE  eight
	RET

// func fromF16NEON(dst *float32, src *uint16, n int)
TEXT ·fromF16NEON(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD n+16(FP), R2
eight:
	VLD1.P 16(R1), [V2.H8]
	FCVTL_4S(2, 0)
	FCVTL2_4S(2, 1)
	VST1.P [V0.S4, V1.S4], 32(R0)
	SUBS $8, R2
	BNE  eight
	RET
