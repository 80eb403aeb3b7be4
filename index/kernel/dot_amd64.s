#include "textflag.h"

// func rowsAVX512(dst, q, rows *float32, count, dims int)
//
// Per row: four sums of 16 lanes over pieces of 64 values, the first of them over
// pieces of 16, the second over the rest under a mask; then all are added up.
TEXT ·rowsAVX512(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ q+8(FP), SI
	MOVQ rows+16(FP), BX
	MOVQ count+24(FP), CX
	MOVQ dims+32(FP), DX
	MOVQ DX, AX
	ANDQ $15, AX
	MOVL $0xffff, R9
	BZHIL AX, R9, R9
	KMOVW R9, K1

row:
	MOVQ SI, R10
	MOVQ DX, R11
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3

by64:
	CMPQ R11, $64
	JLT by16
	VMOVUPS (R10), Z4
	VMOVUPS 64(R10), Z5
	VMOVUPS 128(R10), Z6
	VMOVUPS 192(R10), Z7
	VFMADD231PS (BX), Z4, Z0
	VFMADD231PS 64(BX), Z5, Z1
	VFMADD231PS 128(BX), Z6, Z2
	VFMADD231PS 192(BX), Z7, Z3
	ADDQ $256, R10
	ADDQ $256, BX
	SUBQ $64, R11
	JMP by64

by16:
	CMPQ R11, $16
	JLT rest
	VMOVUPS (R10), Z4
	VFMADD231PS (BX), Z4, Z0
	ADDQ $64, R10
	ADDQ $64, BX
	SUBQ $16, R11
	JMP by16

rest:
	TESTQ R11, R11
	JZ sum
	VMOVUPS.Z (R10), K1, Z4
	VMOVUPS.Z (BX), K1, Z5
	VFMADD231PS Z5, Z4, Z1
	LEAQ (BX)(R11*4), BX

sum:
	VADDPS Z1, Z0, Z0
	VADDPS Z3, Z2, Z2
	VADDPS Z2, Z0, Z0
	VEXTRACTF64X4 $1, Z0, Y1
	VADDPS Y1, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VADDPS X1, X0, X0
	VHADDPS X0, X0, X0
	VHADDPS X0, X0, X0
	VMOVSS X0, (DI)
	ADDQ $4, DI
	DECQ CX
	JNZ row
	VZEROUPPER
	RET

// Eight lanes of ones, then eight of zeros: a mask for r lanes begins at 8-r.
DATA lanes<>+0(SB)/8, $0xffffffffffffffff
DATA lanes<>+8(SB)/8, $0xffffffffffffffff
DATA lanes<>+16(SB)/8, $0xffffffffffffffff
DATA lanes<>+24(SB)/8, $0xffffffffffffffff
DATA lanes<>+32(SB)/8, $0
DATA lanes<>+40(SB)/8, $0
DATA lanes<>+48(SB)/8, $0
DATA lanes<>+56(SB)/8, $0
GLOBL lanes<>(SB), RODATA|NOPTR, $64

// func rowsAVX2(dst, q, rows *float32, count, dims int)
//
// As above with 8 lanes: pieces of 32, of 8, and the rest.
TEXT ·rowsAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ q+8(FP), SI
	MOVQ rows+16(FP), BX
	MOVQ count+24(FP), CX
	MOVQ dims+32(FP), DX
	MOVQ DX, AX
	ANDQ $7, AX
	LEAQ lanes<>+32(SB), R9
	SHLQ $2, AX
	SUBQ AX, R9
	VMOVUPS (R9), Y8

row:
	MOVQ SI, R10
	MOVQ DX, R11
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

by32:
	CMPQ R11, $32
	JLT by8
	VMOVUPS (R10), Y4
	VMOVUPS 32(R10), Y5
	VMOVUPS 64(R10), Y6
	VMOVUPS 96(R10), Y7
	VFMADD231PS (BX), Y4, Y0
	VFMADD231PS 32(BX), Y5, Y1
	VFMADD231PS 64(BX), Y6, Y2
	VFMADD231PS 96(BX), Y7, Y3
	ADDQ $128, R10
	ADDQ $128, BX
	SUBQ $32, R11
	JMP by32

by8:
	CMPQ R11, $8
	JLT rest
	VMOVUPS (R10), Y4
	VFMADD231PS (BX), Y4, Y0
	ADDQ $32, R10
	ADDQ $32, BX
	SUBQ $8, R11
	JMP by8

rest:
	TESTQ R11, R11
	JZ sum
	VMASKMOVPS (R10), Y8, Y4
	VMASKMOVPS (BX), Y8, Y5
	VFMADD231PS Y5, Y4, Y1
	LEAQ (BX)(R11*4), BX

sum:
	VADDPS Y1, Y0, Y0
	VADDPS Y3, Y2, Y2
	VADDPS Y2, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VADDPS X1, X0, X0
	VHADDPS X0, X0, X0
	VHADDPS X0, X0, X0
	VMOVSS X0, (DI)
	ADDQ $4, DI
	DECQ CX
	JNZ row
	VZEROUPPER
	RET
