#include "textflag.h"
#include "neon_arm64.h"

#define ANY \
	VORR V0.B16, V1.B16, V0.B16 \
	VORR V2.B16, V3.B16, V2.B16 \
	VORR V0.B16, V2.B16, V0.B16 \
	UMAXV_4S(0, 0) \
	VMOV V0.S[0], R4

// func noneAtLeastNEON(v *int32, n int, floor int32) int
TEXT ·noneAtLeastNEON(SB), NOSPLIT, $0-32
	MOVD v+0(FP), R0
	MOVD n+8(FP), R1
	MOVW floor+16(FP), R2
	VDUP R2, V7.S4
	MOVD ZR, R3
sixteen:
	VLD1.P 64(R0), [V0.S4, V1.S4, V2.S4, V3.S4]
	CMGE_4S(7, 0, 0)
	CMGE_4S(7, 1, 1)
	CMGE_4S(7, 2, 2)
	CMGE_4S(7, 3, 3)
	ANY
	CBNZ R4, found
	ADD  $16, R3
	CMP  R1, R3
	BLT  sixteen
found:
	MOVD R3, ret+24(FP)
	RET

// func noneAtLeastF32NEON(v *float32, n int, floor float32) int
TEXT ·noneAtLeastF32NEON(SB), NOSPLIT, $0-32
	MOVD v+0(FP), R0
	MOVD n+8(FP), R1
	FMOVS floor+16(FP), F7
	VDUP V7.S[0], V7.S4
	MOVD ZR, R3
sixteen:
	VLD1.P 64(R0), [V0.S4, V1.S4, V2.S4, V3.S4]
	FCMGE_4S(7, 0, 0)
	FCMGE_4S(7, 1, 1)
	FCMGE_4S(7, 2, 2)
	FCMGE_4S(7, 3, 3)
	ANY
	CBNZ R4, found
	ADD  $16, R3
	CMP  R1, R3
	BLT  sixteen
found:
	MOVD R3, ret+24(FP)
	RET

// A load of four registers that are filled by turns gives, of a chunk, the codes of
// each of its four sub-quantisers for vectors 0 to 15 (lower halves of the bytes) and 16
// to 31 (upper halves). A table of 16 bytes is one register.
//
// R0 blocks, R1 blocks left, R2 tables, R3 chunks, R4 the tables as they are read, R5
// chunks left, R6 chunks until the sums of 16 bits (V24 to V27) are added to those of
// 32 bits (V16 to V23), R8 blocks skipped.

#define LOOKUP(codes, table) \
	VAND V31.B16, codes.B16, V8.B16 \
	VUSHR $4, codes.B16, V9.B16 \
	VTBL V8.B16, [table.B16], V8.B16 \
	VTBL V9.B16, [table.B16], V9.B16 \
	VUADDW V8.B8, V24.H8, V24.H8 \
	VUADDW2 V8.B16, V25.H8, V25.H8 \
	VUADDW V9.B8, V26.H8, V26.H8 \
	VUADDW2 V9.B16, V27.H8, V27.H8

#define WIDEN(words, lower, upper) \
	VUADDW words.H4, lower.S4, lower.S4 \
	VUADDW2 words.H8, upper.S4, upper.S4

// Not fused, as everywhere: the same selection on every processor.
#define SCALE(sum) \
	SCVTF_4S(sum, sum) \
	FMUL_4S(28, sum, sum) \
	FADD_4S(29, sum, sum)

#define WIPE(V) VEOR V.B16, V.B16, V.B16

// func lookupNEON(blocks *byte, n int, luts *byte, chunks int, scale, bias, floor float32) (skipped int, mask uint32)
TEXT ·lookupNEON(SB), NOSPLIT, $0-60
	MOVD blocks+0(FP), R0
	MOVD n+8(FP), R1
	MOVD luts+16(FP), R2
	MOVD chunks+24(FP), R3
	FMOVS scale+32(FP), F28
	VDUP V28.S[0], V28.S4
	FMOVS bias+36(FP), F29
	VDUP V29.S[0], V29.S4
	FMOVS floor+40(FP), F30
	VDUP V30.S[0], V30.S4
	VMOVI $15, V31.B16
	MOVD $0x8040201008040201, R9
	VDUP R9, V15.D2
	MOVD ZR, R8
block:
	WIPE(V16)
	WIPE(V17)
	WIPE(V18)
	WIPE(V19)
	WIPE(V20)
	WIPE(V21)
	WIPE(V22)
	WIPE(V23)
	MOVD R2, R4
	MOVD R3, R5
piece:
	MOVD $64, R6 // 64*4*255 fits into 16 bits
	CMP  R6, R5
	CSEL LT, R5, R6, R6
	SUB  R6, R5
	WIPE(V24)
	WIPE(V25)
	WIPE(V26)
	WIPE(V27)
chunk:
	VLD4.P 64(R0), [V0.B16, V1.B16, V2.B16, V3.B16]
	VLD1.P 64(R4), [V4.B16, V5.B16, V6.B16, V7.B16]
	LOOKUP(V0, V4)
	LOOKUP(V1, V5)
	LOOKUP(V2, V6)
	LOOKUP(V3, V7)
	SUB  $1, R6
	CBNZ R6, chunk
	WIDEN(V24, V16, V17)
	WIDEN(V25, V18, V19)
	WIDEN(V26, V20, V21)
	WIDEN(V27, V22, V23)
	CBNZ R5, piece

	SCALE(16)
	SCALE(17)
	SCALE(18)
	SCALE(19)
	SCALE(20)
	SCALE(21)
	SCALE(22)
	SCALE(23)
	VLD1.P 64(R0), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1.P 64(R0), [V4.S4, V5.S4, V6.S4, V7.S4]
	FMUL_4S(0, 16, 16)
	FMUL_4S(1, 17, 17)
	FMUL_4S(2, 18, 18)
	FMUL_4S(3, 19, 19)
	FMUL_4S(4, 20, 20)
	FMUL_4S(5, 21, 21)
	FMUL_4S(6, 22, 22)
	FMUL_4S(7, 23, 23)
	VLD1.P 64(R0), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1.P 64(R0), [V4.S4, V5.S4, V6.S4, V7.S4]
	FADD_4S(0, 16, 16)
	FADD_4S(1, 17, 17)
	FADD_4S(2, 18, 18)
	FADD_4S(3, 19, 19)
	FADD_4S(4, 20, 20)
	FADD_4S(5, 21, 21)
	FADD_4S(6, 22, 22)
	FADD_4S(7, 23, 23)
	FCMGE_4S(30, 16, 16)
	FCMGE_4S(30, 17, 17)
	FCMGE_4S(30, 18, 18)
	FCMGE_4S(30, 19, 19)
	FCMGE_4S(30, 20, 20)
	FCMGE_4S(30, 21, 21)
	FCMGE_4S(30, 22, 22)
	FCMGE_4S(30, 23, 23)

	// From 32 bits for a vector to 8, then to 1.
	VUZP1 V17.H8, V16.H8, V16.H8
	VUZP1 V19.H8, V18.H8, V18.H8
	VUZP1 V21.H8, V20.H8, V20.H8
	VUZP1 V23.H8, V22.H8, V22.H8
	VUZP1 V18.B16, V16.B16, V16.B16
	VUZP1 V22.B16, V20.B16, V20.B16
	VAND V15.B16, V16.B16, V16.B16
	VAND V15.B16, V20.B16, V20.B16
	ADDP_16B(20, 16, 16)
	ADDP_16B(16, 16, 16)
	ADDP_16B(16, 16, 16)
	VMOV V16.S[0], R7
	CBNZ R7, found
	ADD  $1, R8
	CMP  R1, R8
	BLT  block
found:
	MOVD R8, skipped+48(FP)
	MOVW R7, mask+56(FP)
	RET
