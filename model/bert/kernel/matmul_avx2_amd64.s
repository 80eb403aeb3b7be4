#include "textflag.h"
#include "args.h"

// Products of floats with AVX2 and FMA: 6, 3 or 1 rows by 16 columns, half a
// panel. Each element is one chain of fused multiply-adds from init on, in the
// order of k, whatever the tile.

#define ROWS3(base, a0, b0, a1, b1, a2, b2) \
	VBROADCASTSS (base), Y14 \
	VFMADD231PS Y12, Y14, a0 \
	VFMADD231PS Y13, Y14, b0 \
	VBROADCASTSS (base)(R9*1), Y15 \
	VFMADD231PS Y12, Y15, a1 \
	VFMADD231PS Y13, Y15, b1 \
	VBROADCASTSS (base)(R9*2), Y14 \
	VFMADD231PS Y12, Y14, a2 \
	VFMADD231PS Y13, Y14, b2

#define INIT \
	MOVQ product_init(AX), BX \
	VMOVUPS (BX), Y0 \
	VMOVUPS 32(BX), Y1

#define COPY(a, b) \
	VMOVAPS Y0, a \
	VMOVAPS Y1, b

#define STORE(a, b) \
	VBROADCASTSS (R14), Y12 \
	VMULPS Y12, a, a \
	VMULPS Y12, b, b \
	VMOVUPS a, (DX) \
	VMOVUPS b, 32(DX) \
	ADDQ $4, R14 \
	ADDQ R8, DX

#define PRODUCT_ARGS \
	MOVQ p+0(FP), AX \
	MOVQ product_a(AX), SI \
	MOVQ product_lda(AX), R9 \
	MOVQ product_b(AX), DI \
	MOVQ product_ldb(AX), R10 \
	MOVQ product_inner(AX), CX \
	MOVQ product_dst(AX), DX \
	MOVQ product_ldd(AX), R8 \
	MOVQ product_mul(AX), R14

// func matmul6AVX2(p *product)
TEXT ·matmul6AVX2(SB), NOSPLIT, $0-8
	PRODUCT_ARGS
	LEAQ (R9)(R9*2), BX
	LEAQ (SI)(BX*1), R11
	INIT
	COPY(Y2, Y3)
	COPY(Y4, Y5)
	COPY(Y6, Y7)
	COPY(Y8, Y9)
	COPY(Y10, Y11)
	MOVQ product_ahead(AX), BX
m6:
	PREFETCHT0 (DI)(BX*1)
	VMOVUPS (DI), Y12
	VMOVUPS 32(DI), Y13
	ROWS3(SI, Y0, Y1, Y2, Y3, Y4, Y5)
	ROWS3(R11, Y6, Y7, Y8, Y9, Y10, Y11)
	ADDQ $4, SI
	ADDQ $4, R11
	ADDQ R10, DI
	DECQ CX
	JNZ  m6
	STORE(Y0, Y1)
	STORE(Y2, Y3)
	STORE(Y4, Y5)
	STORE(Y6, Y7)
	STORE(Y8, Y9)
	STORE(Y10, Y11)
	VZEROUPPER
	RET

// func matmul3AVX2(p *product)
TEXT ·matmul3AVX2(SB), NOSPLIT, $0-8
	PRODUCT_ARGS
	INIT
	COPY(Y2, Y3)
	COPY(Y4, Y5)
	MOVQ product_ahead(AX), BX
m3:
	PREFETCHT0 (DI)(BX*1)
	VMOVUPS (DI), Y12
	VMOVUPS 32(DI), Y13
	ROWS3(SI, Y0, Y1, Y2, Y3, Y4, Y5)
	ADDQ $4, SI
	ADDQ R10, DI
	DECQ CX
	JNZ  m3
	STORE(Y0, Y1)
	STORE(Y2, Y3)
	STORE(Y4, Y5)
	VZEROUPPER
	RET

// func matmul1AVX2(p *product)
TEXT ·matmul1AVX2(SB), NOSPLIT, $0-8
	PRODUCT_ARGS
	INIT
	MOVQ product_ahead(AX), BX
m1:
	PREFETCHT0 (DI)(BX*1)
	VBROADCASTSS (SI), Y14
	VFMADD231PS (DI), Y14, Y0
	VFMADD231PS 32(DI), Y14, Y1
	ADDQ $4, SI
	ADDQ R10, DI
	DECQ CX
	JNZ  m1
	STORE(Y0, Y1)
	VZEROUPPER
	RET

// func transpose8AVX2(dst *float32, ldd int, src *float32, lds int, blocks int)
// Eight rows of src by 8*blocks columns; distances are in bytes.
TEXT ·transpose8AVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ ldd+8(FP), R8
	MOVQ src+16(FP), SI
	MOVQ lds+24(FP), R9
	MOVQ blocks+32(FP), CX
	LEAQ (R9)(R9*2), R10
	LEAQ (R8)(R8*2), R12
block:
	LEAQ (SI)(R9*4), R11
	VMOVUPS (SI), Y0
	VMOVUPS (SI)(R9*1), Y1
	VMOVUPS (SI)(R9*2), Y2
	VMOVUPS (SI)(R10*1), Y3
	VMOVUPS (R11), Y4
	VMOVUPS (R11)(R9*1), Y5
	VMOVUPS (R11)(R9*2), Y6
	VMOVUPS (R11)(R10*1), Y7
	VUNPCKLPS Y1, Y0, Y8
	VUNPCKHPS Y1, Y0, Y9
	VUNPCKLPS Y3, Y2, Y10
	VUNPCKHPS Y3, Y2, Y11
	VUNPCKLPS Y5, Y4, Y12
	VUNPCKHPS Y5, Y4, Y13
	VUNPCKLPS Y7, Y6, Y14
	VUNPCKHPS Y7, Y6, Y15
	VUNPCKLPD Y10, Y8, Y0
	VUNPCKHPD Y10, Y8, Y1
	VUNPCKLPD Y11, Y9, Y2
	VUNPCKHPD Y11, Y9, Y3
	VUNPCKLPD Y14, Y12, Y4
	VUNPCKHPD Y14, Y12, Y5
	VUNPCKLPD Y15, Y13, Y6
	VUNPCKHPD Y15, Y13, Y7
	VPERM2F128 $0x20, Y4, Y0, Y8
	VPERM2F128 $0x20, Y5, Y1, Y9
	VPERM2F128 $0x20, Y6, Y2, Y10
	VPERM2F128 $0x20, Y7, Y3, Y11
	VPERM2F128 $0x31, Y4, Y0, Y12
	VPERM2F128 $0x31, Y5, Y1, Y13
	VPERM2F128 $0x31, Y6, Y2, Y14
	VPERM2F128 $0x31, Y7, Y3, Y15
	LEAQ (DI)(R8*4), R11
	VMOVUPS Y8, (DI)
	VMOVUPS Y9, (DI)(R8*1)
	VMOVUPS Y10, (DI)(R8*2)
	VMOVUPS Y11, (DI)(R12*1)
	VMOVUPS Y12, (R11)
	VMOVUPS Y13, (R11)(R8*1)
	VMOVUPS Y14, (R11)(R8*2)
	VMOVUPS Y15, (R11)(R12*1)
	LEAQ (DI)(R8*8), DI
	ADDQ $32, SI
	DECQ CX
	JNZ  block
	VZEROUPPER
	RET
