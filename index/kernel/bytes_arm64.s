#include "textflag.h"
#include "neon_arm64.h"

// Four rows are computed together, 16 bytes at a time; what is left of them one by one
// (as four times the same row). Bytes of rows are lowered by 128 as they are loaded, a
// flip of the upper bit, and both sides are signed then; in the end 128 times the sum of
// the query is added. Sums may wrap around on the way, the results fit.
//
// R0 results, R1 query, R2 rows, R3 numbers of rows or 0, R4 rows left, R5 dimensions,
// R7 rows at a time, R8 to R11 the rows, R12 the query as it is read, R13 pieces left,
// R14 the dimensions of the rest less 16. V16 to V19 sums, V29 the correction, V30 the
// last 16 bytes of the query, zero where they are part of a piece, V31 bytes of 128.

#define ARGS \
	MOVD dst+0(FP), R0 \
	MOVD q+8(FP), R1 \
	MOVD rows+16(FP), R2 \
	MOVD at+24(FP), R3 \
	MOVD count+32(FP), R4 \
	MOVD dims+40(FP), R5 \
	VMOVI $128, V31.B16 \
	VEOR V30.B16, V30.B16, V30.B16 \
	VEOR V29.B16, V29.B16, V29.B16 \
	ANDS $15, R5, R14 \
	BEQ  whole \
	MOVD $·lastBytes(SB), R12 \
	ADD  R14, R12 \
	VLD1 (R12), [V1.B16] \
	ADD  R5, R1, R12 \
	SUB  $16, R12 \
	VLD1 (R12), [V30.B16] \
	VAND V1.B16, V30.B16, V30.B16 \
	SUB  $16, R14 \
	QUERY_SUM(30) \
whole: \
	MOVD R1, R12 \
	LSR  $4, R5, R13 \
query: \
	VLD1.P 16(R12), [V0.B16] \
	QUERY_SUM(0) \
	SUB  $1, R13 \
	CBNZ R13, query \
	ADDV_4S(29, 29) \
	VMOV V29.S[0], R12 \
	LSLW $7, R12, R12 \
	VDUP R12, V29.S4

#define QUERY_SUM(v) \
	SADDLP_8H(v, 2) \
	SADALP_4S(2, 29)

#define NAMED(R) \
	MOVWU.P 4(R3), R \
	MADD R5, R2, R, R

// The next four rows, or the next one four times, or the end.
#define NEXT_ROWS \
	MOVD $4, R7 \
	CMP  R7, R4 \
	BLT  few \
	CBNZ R3, named \
	MOVD R2, R8 \
	ADD  R5, R8, R9 \
	ADD  R5, R9, R10 \
	ADD  R5, R10, R11 \
	ADD  R5, R11, R2 \
	B    found \
named: \
	NAMED(R8) \
	NAMED(R9) \
	NAMED(R10) \
	NAMED(R11) \
	B    found \
few: \
	CBZ  R4, done \
	MOVD $1, R7 \
	CBNZ R3, one \
	MOVD R2, R8 \
	ADD  R5, R2 \
	B    same \
one: \
	NAMED(R8) \
same: \
	MOVD R8, R9 \
	MOVD R8, R10 \
	MOVD R8, R11 \
found: \
	SUB  R7, R4 \
	VEOR V16.B16, V16.B16, V16.B16 \
	VEOR V17.B16, V17.B16, V17.B16 \
	VEOR V18.B16, V18.B16, V18.B16 \
	VEOR V19.B16, V19.B16, V19.B16 \
	MOVD R1, R12 \
	LSR  $4, R5, R13

#define LOWER \
	VEOR V31.B16, V1.B16, V1.B16 \
	VEOR V31.B16, V2.B16, V2.B16 \
	VEOR V31.B16, V3.B16, V3.B16 \
	VEOR V31.B16, V4.B16, V4.B16

#define LOAD_PIECE \
	VLD1.P 16(R12), [V0.B16] \
	VLD1.P 16(R8), [V1.B16] \
	VLD1.P 16(R9), [V2.B16] \
	VLD1.P 16(R10), [V3.B16] \
	VLD1.P 16(R11), [V4.B16] \
	LOWER

// The last 16 bytes of the rows.
#define LOAD_REST \
	ADD  R14, R8 \
	ADD  R14, R9 \
	ADD  R14, R10 \
	ADD  R14, R11 \
	VLD1 (R8), [V1.B16] \
	VLD1 (R9), [V2.B16] \
	VLD1 (R10), [V3.B16] \
	VLD1 (R11), [V4.B16] \
	LOWER

// Four sums in V16, of which R7 are stored.
#define STORE \
	ADDP_4S(17, 16, 16) \
	ADDP_4S(19, 18, 18) \
	ADDP_4S(18, 16, 16) \
	VADD V29.S4, V16.S4, V16.S4 \
	CMP  $1, R7 \
	BEQ  single \
	VST1.P [V16.S4], 16(R0) \
	B    group \
single: \
	FMOVS.P F16, 4(R0) \
	B    group

#define DOT4(q) \
	SDOT_4S(1, q, 16) \
	SDOT_4S(2, q, 17) \
	SDOT_4S(3, q, 18) \
	SDOT_4S(4, q, 19)

// Products fit into 16 bits, -128 times -128 too, but not the sum of two.
#define WIDE(row, q, acc) \
	SMULL_8H(row, q, 5) \
	SMULL2_8H(row, q, 6) \
	SADALP_4S(5, acc) \
	SADALP_4S(6, acc)

#define WIDE4(q) \
	WIDE(1, q, 16) \
	WIDE(2, q, 17) \
	WIDE(3, q, 18) \
	WIDE(4, q, 19)

// func dotU8DOT(dst *int32, q *int8, rows *uint8, at *uint32, count, dims int)
TEXT ·dotU8DOT(SB), NOSPLIT, $0-48
	ARGS
group:
	NEXT_ROWS
piece:
	LOAD_PIECE
	DOT4(0)
	SUB  $1, R13
	CBNZ R13, piece
	CBZ  R14, sum
	LOAD_REST
	DOT4(30)
sum:
	STORE
done:
	RET

// func dotU8NEON(dst *int32, q *int8, rows *uint8, at *uint32, count, dims int)
TEXT ·dotU8NEON(SB), NOSPLIT, $0-48
	ARGS
group:
	NEXT_ROWS
piece:
	LOAD_PIECE
	WIDE4(0)
	SUB  $1, R13
	CBNZ R13, piece
	CBZ  R14, sum
	LOAD_REST
	WIDE4(30)
sum:
	STORE
done:
	RET

// Sixteen bytes of zeros, then of ones: a mask for the last n bytes begins at n.
DATA ·lastBytes+0(SB)/8, $0
DATA ·lastBytes+8(SB)/8, $0
DATA ·lastBytes+16(SB)/8, $0xffffffffffffffff
DATA ·lastBytes+24(SB)/8, $0xffffffffffffffff
GLOBL ·lastBytes(SB), RODATA|NOPTR, $32

// func hammingNEON(dst *uint32, q, rows *uint64, count, words int)
//
// Bits are counted in bytes, which are added to sums of 16 bits.
TEXT ·hammingNEON(SB), NOSPLIT, $0-40
	MOVD dst+0(FP), R0
	MOVD q+8(FP), R1
	MOVD rows+16(FP), R2
	MOVD count+24(FP), R4
	MOVD words+32(FP), R5
row:
	MOVD R1, R12
	VEOR V16.B16, V16.B16, V16.B16
	LSR  $1, R5, R13
	CBZ  R13, odd
two:
	VLD1.P 16(R12), [V0.B16]
	VLD1.P 16(R2), [V1.B16]
	VEOR V0.B16, V1.B16, V1.B16
	VCNT V1.B16, V1.B16
	UADALP_8H(1, 16)
	SUB  $1, R13
	CBNZ R13, two
odd:
	TBZ  $0, R5, sum
	VLD1 (R12), [V0.B8]
	VLD1.P 8(R2), [V1.B8]
	VEOR V0.B16, V1.B16, V1.B16
	VCNT V1.B16, V1.B16
	UADALP_8H(1, 16)
sum:
	VUADDLV V16.H8, V16
	FMOVS.P F16, 4(R0)
	SUB  $1, R4
	CBNZ R4, row
	RET
