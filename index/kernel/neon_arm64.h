// Instructions of arm64 that Go's assembler does not know, by the numbers of their
// vector registers, in Go's order: what is written comes last. The encodings are
// those of the Arm Architecture Reference Manual, "Advanced SIMD data-processing".

#define OP3(code, m, n, d) WORD $(code | (m)<<16 | (n)<<5 | (d))
#define OP2(code, n, d) WORD $(code | (n)<<5 | (d))

// Floats, d = n op m; FADDP adds neighbours, those of n first; FCMGE has all bits set
// where n >= m, which no NaN is.
#define FADD_4S(m, n, d) OP3(0x4E20D400, m, n, d)
#define FSUB_4S(m, n, d) OP3(0x4EA0D400, m, n, d)
#define FMUL_4S(m, n, d) OP3(0x6E20DC00, m, n, d)
#define FADDP_4S(m, n, d) OP3(0x6E20D400, m, n, d)
#define FCMGE_4S(m, n, d) OP3(0x6E20E400, m, n, d)
#define SCVTF_4S(n, d) OP2(0x4E21D800, n, d)

// Half floats to floats, the lower and the upper four, and back.
#define FCVTL_4S(n, d) OP2(0x0E217800, n, d)
#define FCVTL2_4S(n, d) OP2(0x4E217800, n, d)
#define FCVTN_4H(n, d) OP2(0x0E216800, n, d)
#define FCVTN2_8H(n, d) OP2(0x4E216800, n, d)

// Signed integers: neighbours added, those of n first; n >= m; all four of n added; the
// greatest of four, as unsigned.
#define ADDP_4S(m, n, d) OP3(0x4EA0BC00, m, n, d)
#define ADDP_16B(m, n, d) OP3(0x4E20BC00, m, n, d)
#define CMGE_4S(m, n, d) OP3(0x4EA03C00, m, n, d)
#define ADDV_4S(n, d) OP2(0x4EB1B800, n, d)
#define UMAXV_4S(n, d) OP2(0x6EB0A800, n, d)

// Each 32-bit sum of d += the four products of its signed bytes in n and m. Of the
// extension FEAT_DotProd.
#define SDOT_4S(m, n, d) OP3(0x4E809400, m, n, d)

// Products of signed bytes in 16 bits, of the lower and the upper eight.
#define SMULL_8H(m, n, d) OP3(0x0E20C000, m, n, d)
#define SMULL2_8H(m, n, d) OP3(0x4E20C000, m, n, d)

// Neighbours are added to each other: bytes into 16 bits; 16 into 32 bits of d, and to
// d; unsigned bytes into 16 bits of d, and to d.
#define SADDLP_8H(n, d) OP2(0x4E202800, n, d)
#define SADALP_4S(n, d) OP2(0x4E606800, n, d)
#define UADALP_8H(n, d) OP2(0x6E206800, n, d)
