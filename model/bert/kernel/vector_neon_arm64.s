#include "textflag.h"
#include "neon_arm64.h"

// Vector operations with NEON. The formulas and their constants are those of
// generic.go. Lengths are multiples of 16 and not zero; a loop takes 4 at a time.

DATA exponential<>+0(SB)/4, $-87.33
DATA exponential<>+4(SB)/4, $1.44269504088896341
DATA exponential<>+8(SB)/4, $0.693359375
DATA exponential<>+12(SB)/4, $-2.12194440e-4
DATA exponential<>+16(SB)/4, $0.9999997019767761
DATA exponential<>+20(SB)/4, $0.4999915063381195
DATA exponential<>+24(SB)/4, $0.1666763573884964
DATA exponential<>+28(SB)/4, $0.04189793020486832
DATA exponential<>+32(SB)/4, $0.008290314115583897
DATA exponential<>+36(SB)/4, $1.0
DATA exponential<>+40(SB)/4, $127
GLOBL exponential<>(SB), RODATA|NOPTR, $44

DATA error<>+0(SB)/4, $5.4
DATA error<>+4(SB)/4, $-5.4
DATA error<>+8(SB)/4, $0.7978834509849548
DATA error<>+12(SB)/4, $0.10979218035936356
DATA error<>+16(SB)/4, $0.011812091805040836
DATA error<>+20(SB)/4, $0.0007461144123226404
DATA error<>+24(SB)/4, $1.352374874841189e-05
DATA error<>+28(SB)/4, $0.304261714220047
DATA error<>+32(SB)/4, $0.040530961006879807
DATA error<>+36(SB)/4, $0.0030463943257927895
DATA error<>+40(SB)/4, $0.00013386378122959286
DATA error<>+44(SB)/4, $5.63325386337965e-07
DATA error<>+48(SB)/4, $1.0
DATA error<>+52(SB)/4, $0.5
GLOBL error<>(SB), RODATA|NOPTR, $56

// next = constant + x*p, by the numbers of registers.
#define HORNER(constant, x, p, next) \
	MOV_16B(constant, next) \
	FMLA_4S(p, x, next)

// func softmaxNEON(row *float32, n int) float32
TEXT ·softmaxNEON(SB), NOSPLIT, $0-20
	MOVD row+0(FP), R0
	MOVD n+8(FP), R1
	LSR  $2, R1
	MOVD R0, R2
	MOVD R1, R3
	VLD1 (R2), [V0.S4]
highest:
	VLD1.P 16(R2), [V2.S4]
	FMAX_4S(2, 0, 0)
	SUB  $1, R3
	CBNZ R3, highest
	FMAXV_4S(0, 0)
	DUP_4S(0, 0, 0)
	MOVD $exponential<>(SB), R2
	VLD1R.P 4(R2), [V16.S4]
	VLD1R.P 4(R2), [V17.S4]
	VLD1R.P 4(R2), [V18.S4]
	VLD1R.P 4(R2), [V19.S4]
	VLD1R.P 4(R2), [V20.S4]
	VLD1R.P 4(R2), [V21.S4]
	VLD1R.P 4(R2), [V22.S4]
	VLD1R.P 4(R2), [V23.S4]
	VLD1R.P 4(R2), [V24.S4]
	VLD1R.P 4(R2), [V25.S4]
	VLD1R (R2), [V26.S4]
	EOR_16B(1, 1, 1)
power:
	VLD1 (R0), [V2.S4]
	FSUB_4S(0, 2, 2)
	FMAX_4S(16, 2, 2)
	FMUL_4S(17, 2, 3)
	FRINTN_4S(3, 3)
	FMLS_4S(18, 3, 2)
	FMLS_4S(19, 3, 2)
	HORNER(23, 2, 24, 4)
	HORNER(22, 2, 4, 5)
	HORNER(21, 2, 5, 4)
	HORNER(20, 2, 4, 5)
	HORNER(25, 2, 5, 4)
	FCVTNS_4S(3, 3)
	VADD V26.S4, V3.S4, V3.S4
	VSHL $23, V3.S4, V3.S4
	FMUL_4S(3, 4, 4)
	VST1.P [V4.S4], 16(R0)
	FADD_4S(4, 1, 1)
	SUB  $1, R1
	CBNZ R1, power
	FADDP_4S(1, 1, 1)
	FADDP_4S(1, 1, 1)
	FDIVS F1, F25, F1
	FMOVS F1, ret+16(FP)
	RET

// func geluNEON(x *float32, n int)
TEXT ·geluNEON(SB), NOSPLIT, $0-16
	MOVD x+0(FP), R0
	MOVD n+8(FP), R1
	LSR  $2, R1
	MOVD $error<>(SB), R2
	VLD1R.P 4(R2), [V16.S4]
	VLD1R.P 4(R2), [V17.S4]
	VLD1R.P 4(R2), [V18.S4]
	VLD1R.P 4(R2), [V19.S4]
	VLD1R.P 4(R2), [V20.S4]
	VLD1R.P 4(R2), [V21.S4]
	VLD1R.P 4(R2), [V22.S4]
	VLD1R.P 4(R2), [V23.S4]
	VLD1R.P 4(R2), [V24.S4]
	VLD1R.P 4(R2), [V25.S4]
	VLD1R.P 4(R2), [V26.S4]
	VLD1R.P 4(R2), [V27.S4]
	VLD1R.P 4(R2), [V28.S4]
	VLD1R.P 4(R2), [V29.S4]
gelu:
	VLD1 (R0), [V0.S4]
	FMIN_4S(16, 0, 1)
	FMAX_4S(17, 1, 1)
	FMUL_4S(1, 1, 2)
	HORNER(21, 2, 22, 3)
	HORNER(26, 2, 27, 5)
	HORNER(20, 2, 3, 4)
	HORNER(25, 2, 5, 6)
	HORNER(19, 2, 4, 3)
	HORNER(24, 2, 6, 5)
	HORNER(18, 2, 3, 4)
	HORNER(23, 2, 5, 6)
	FMUL_4S(1, 4, 4)
	HORNER(28, 2, 6, 5)
	FDIV_4S(5, 4, 4)
	FMUL_4S(29, 0, 0)
	FMLA_4S(0, 4, 0)
	VST1.P [V0.S4], 16(R0)
	SUB  $1, R1
	CBNZ R1, gelu
	RET

// func extremesNEON(x *float32, n int) (lowest, highest float32)
TEXT ·extremesNEON(SB), NOSPLIT, $0-24
	MOVD x+0(FP), R0
	MOVD n+8(FP), R1
	LSR  $2, R1
	EOR_16B(0, 0, 0)
	EOR_16B(1, 1, 1)
extremes:
	VLD1.P 16(R0), [V2.S4]
	FMIN_4S(2, 0, 0)
	FMAX_4S(2, 1, 1)
	SUB  $1, R1
	CBNZ R1, extremes
	FMINV_4S(0, 0)
	FMAXV_4S(1, 1)
	FMOVS F0, lowest+16(FP)
	FMOVS F1, highest+20(FP)
	RET

// func roundNEON(q *uint8, x *float32, n int, inverse float32, zero int32)
TEXT ·roundNEON(SB), NOSPLIT, $0-32
	MOVD q+0(FP), R0
	MOVD x+8(FP), R1
	MOVD n+16(FP), R2
	LSR  $4, R2
	FMOVS inverse+24(FP), F16
	DUP_4S(0, 16, 16)
	MOVW zero+28(FP), R3
	VDUP R3, V17.S4
round:
	VLD1.P 64(R1), [V0.S4, V1.S4, V2.S4, V3.S4]
	FMUL_4S(16, 0, 0)
	FMUL_4S(16, 1, 1)
	FMUL_4S(16, 2, 2)
	FMUL_4S(16, 3, 3)
	FCVTNS_4S(0, 0)
	FCVTNS_4S(1, 1)
	FCVTNS_4S(2, 2)
	FCVTNS_4S(3, 3)
	VADD V17.S4, V0.S4, V0.S4
	VADD V17.S4, V1.S4, V1.S4
	VADD V17.S4, V2.S4, V2.S4
	VADD V17.S4, V3.S4, V3.S4
	SQXTUN_4H(0, 4)
	SQXTUN2_8H(1, 4)
	SQXTUN_4H(2, 5)
	SQXTUN2_8H(3, 5)
	UQXTN_8B(4, 6)
	UQXTN2_16B(5, 6)
	VST1.P [V6.B16], 16(R0)
	SUB  $1, R2
	CBNZ R2, round
	RET

// func normNEON(x, residual, gamma, beta *float32, n int, eps float32)
// residual may be nil.
TEXT ·normNEON(SB), NOSPLIT, $0-44
	MOVD x+0(FP), R0
	MOVD residual+8(FP), R1
	MOVD gamma+16(FP), R2
	MOVD beta+24(FP), R3
	MOVD n+32(FP), R4
	SCVTFS R4, F16
	LSR  $2, R4
	EOR_16B(0, 0, 0)
	MOVD R0, R5
	MOVD R4, R6
	CBZ  R1, sum
add:
	VLD1 (R5), [V2.S4]
	VLD1.P 16(R1), [V3.S4]
	FADD_4S(3, 2, 2)
	VST1.P [V2.S4], 16(R5)
	FADD_4S(2, 0, 0)
	SUB  $1, R6
	CBNZ R6, add
	B    mean
sum:
	VLD1.P 16(R5), [V2.S4]
	FADD_4S(2, 0, 0)
	SUB  $1, R6
	CBNZ R6, sum
mean:
	FADDP_4S(0, 0, 0)
	FADDP_4S(0, 0, 0)
	FDIVS F16, F0, F0
	DUP_4S(0, 0, 0)
	EOR_16B(1, 1, 1)
	MOVD R0, R5
	MOVD R4, R6
square:
	VLD1.P 16(R5), [V2.S4]
	FSUB_4S(0, 2, 2)
	FMLA_4S(2, 2, 1)
	SUB  $1, R6
	CBNZ R6, square
	FADDP_4S(1, 1, 1)
	FADDP_4S(1, 1, 1)
	FDIVS F16, F1, F1
	FMOVS eps+40(FP), F2
	FADDS F2, F1, F1
	FSQRTS F1, F1
	FMOVS $1.0, F2
	FDIVS F1, F2, F1
	DUP_4S(0, 1, 1)
scale:
	VLD1 (R0), [V2.S4]
	VLD1.P 16(R2), [V3.S4]
	VLD1.P 16(R3), [V4.S4]
	FSUB_4S(0, 2, 2)
	FMUL_4S(1, 2, 2)
	FMLA_4S(3, 2, 4)
	VST1.P [V4.S4], 16(R0)
	SUB  $1, R4
	CBNZ R4, scale
	RET
