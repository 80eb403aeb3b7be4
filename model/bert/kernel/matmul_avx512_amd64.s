#include "textflag.h"
#include "args.h"

// Products of floats with AVX-512: 12, 6, 3 or 1 rows by 32 columns, addressed
// like the integer tiles. Each element is one chain of fused multiply-adds from
// init on, in the order of k, whatever the tile.

#define INIT \
	MOVQ product_init(AX), BX \
	VMOVUPS (BX), Z0 \
	VMOVUPS 64(BX), Z1

#define INIT2(a0, b0, a1, b1) \
	VMOVAPS Z0, a0 \
	VMOVAPS Z1, b0 \
	VMOVAPS Z0, a1 \
	VMOVAPS Z1, b1

#define MULADD3(base, a0, b0, a1, b1, a2, b2) \
	VFMADD231PS.BCST (base), Z24, a0 \
	VFMADD231PS.BCST (base), Z25, b0 \
	VFMADD231PS.BCST (base)(R9*1), Z24, a1 \
	VFMADD231PS.BCST (base)(R9*1), Z25, b1 \
	VFMADD231PS.BCST (base)(R9*2), Z24, a2 \
	VFMADD231PS.BCST (base)(R9*2), Z25, b2

#define STORE(a, b) \
	VBROADCASTSS (R14), Z30 \
	VMULPS Z30, a, a \
	VMULPS Z30, b, b \
	VMOVUPS a, (DX) \
	VMOVUPS b, 64(DX) \
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

// func matmul12AVX512(p *product)
TEXT ·matmul12AVX512(SB), NOSPLIT, $0-8
	PRODUCT_ARGS
	LEAQ (R9)(R9*2), BX
	LEAQ (SI)(BX*1), R11
	LEAQ (R11)(BX*1), R12
	LEAQ (R12)(BX*1), R13
	INIT
	INIT2(Z2, Z3, Z4, Z5)
	INIT2(Z6, Z7, Z8, Z9)
	INIT2(Z10, Z11, Z12, Z13)
	INIT2(Z14, Z15, Z16, Z17)
	INIT2(Z18, Z19, Z20, Z21)
	VMOVAPS Z0, Z22
	VMOVAPS Z1, Z23
	MOVQ product_ahead(AX), BX
m12:
	PREFETCHT0 (DI)(BX*1)
	PREFETCHT0 64(DI)(BX*1)
	VMOVUPS (DI), Z24
	VMOVUPS 64(DI), Z25
	MULADD3(SI, Z0, Z1, Z2, Z3, Z4, Z5)
	MULADD3(R11, Z6, Z7, Z8, Z9, Z10, Z11)
	MULADD3(R12, Z12, Z13, Z14, Z15, Z16, Z17)
	MULADD3(R13, Z18, Z19, Z20, Z21, Z22, Z23)
	ADDQ $4, SI
	ADDQ $4, R11
	ADDQ $4, R12
	ADDQ $4, R13
	ADDQ R10, DI
	DECQ CX
	JNZ  m12
	STORE(Z0, Z1)
	STORE(Z2, Z3)
	STORE(Z4, Z5)
	STORE(Z6, Z7)
	STORE(Z8, Z9)
	STORE(Z10, Z11)
	STORE(Z12, Z13)
	STORE(Z14, Z15)
	STORE(Z16, Z17)
	STORE(Z18, Z19)
	STORE(Z20, Z21)
	STORE(Z22, Z23)
	VZEROUPPER
	RET

// func matmul6AVX512(p *product)
TEXT ·matmul6AVX512(SB), NOSPLIT, $0-8
	PRODUCT_ARGS
	LEAQ (R9)(R9*2), BX
	LEAQ (SI)(BX*1), R11
	INIT
	INIT2(Z2, Z3, Z4, Z5)
	INIT2(Z6, Z7, Z8, Z9)
	VMOVAPS Z0, Z10
	VMOVAPS Z1, Z11
	MOVQ product_ahead(AX), BX
m6:
	PREFETCHT0 (DI)(BX*1)
	PREFETCHT0 64(DI)(BX*1)
	VMOVUPS (DI), Z24
	VMOVUPS 64(DI), Z25
	MULADD3(SI, Z0, Z1, Z2, Z3, Z4, Z5)
	MULADD3(R11, Z6, Z7, Z8, Z9, Z10, Z11)
	ADDQ $4, SI
	ADDQ $4, R11
	ADDQ R10, DI
	DECQ CX
	JNZ  m6
	STORE(Z0, Z1)
	STORE(Z2, Z3)
	STORE(Z4, Z5)
	STORE(Z6, Z7)
	STORE(Z8, Z9)
	STORE(Z10, Z11)
	VZEROUPPER
	RET

// func matmul3AVX512(p *product)
TEXT ·matmul3AVX512(SB), NOSPLIT, $0-8
	PRODUCT_ARGS
	INIT
	INIT2(Z2, Z3, Z4, Z5)
	MOVQ product_ahead(AX), BX
m3:
	PREFETCHT0 (DI)(BX*1)
	PREFETCHT0 64(DI)(BX*1)
	VMOVUPS (DI), Z24
	VMOVUPS 64(DI), Z25
	MULADD3(SI, Z0, Z1, Z2, Z3, Z4, Z5)
	ADDQ $4, SI
	ADDQ R10, DI
	DECQ CX
	JNZ  m3
	STORE(Z0, Z1)
	STORE(Z2, Z3)
	STORE(Z4, Z5)
	VZEROUPPER
	RET

// func matmul1AVX512(p *product)
TEXT ·matmul1AVX512(SB), NOSPLIT, $0-8
	PRODUCT_ARGS
	INIT
	MOVQ product_ahead(AX), BX
m1:
	PREFETCHT0 (DI)(BX*1)
	PREFETCHT0 64(DI)(BX*1)
	VMOVUPS (DI), Z24
	VMOVUPS 64(DI), Z25
	VFMADD231PS.BCST (SI), Z24, Z0
	VFMADD231PS.BCST (SI), Z25, Z1
	ADDQ $4, SI
	ADDQ R10, DI
	DECQ CX
	JNZ  m1
	STORE(Z0, Z1)
	VZEROUPPER
	RET
