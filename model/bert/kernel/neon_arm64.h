// Instructions of arm64 that Go's assembler does not know, by the numbers of their
// vector registers, in Go's order: what is written comes last. The encodings are
// those of the Arm Architecture Reference Manual, "Advanced SIMD data-processing";
// a name is the manual's, the suffix 4S four 32-bit numbers. What takes an element
// has its index first.

#define OP3(code, m, n, d) WORD $(code | (m)<<16 | (n)<<5 | (d))
#define OP2(code, n, d) WORD $(code | (n)<<5 | (d))

// d = n op m, of floats
#define FADD_4S(m, n, d) OP3(0x4E20D400, m, n, d)
#define FSUB_4S(m, n, d) OP3(0x4EA0D400, m, n, d)
#define FMUL_4S(m, n, d) OP3(0x6E20DC00, m, n, d)
#define FDIV_4S(m, n, d) OP3(0x6E20FC00, m, n, d)
#define FMAX_4S(m, n, d) OP3(0x4E20F400, m, n, d)
#define FMIN_4S(m, n, d) OP3(0x4EA0F400, m, n, d)
#define FADDP_4S(m, n, d) OP3(0x6E20D400, m, n, d)

// d += n*m, d -= n*m, fused
#define FMLA_4S(m, n, d) OP3(0x4E20CC00, m, n, d)
#define FMLS_4S(m, n, d) OP3(0x4EA0CC00, m, n, d)

// d += n*m[i], fused; d = n*m[0]
#define FMLA_ELEMENT(i, m, n, d) WORD $(0x4F801000 | ((i)&1)<<21 | ((i)>>1)<<11 | (m)<<16 | (n)<<5 | (d))
#define FMUL_ELEMENT(m, n, d) OP3(0x4F809000, m, n, d)

// d = rounded to even; to an integer, rounded to even; from an integer
#define FRINTN_4S(n, d) OP2(0x4E218800, n, d)
#define FCVTNS_4S(n, d) OP2(0x4E21A800, n, d)
#define SCVTF_4S(n, d) OP2(0x4E21D800, n, d)

// d = the largest, the smallest of the four floats of n
#define FMAXV_4S(n, d) OP2(0x6E30F800, n, d)
#define FMINV_4S(n, d) OP2(0x6EB0F800, n, d)

// d = n op m, of integers
#define MUL_4S(m, n, d) OP3(0x4EA09C00, m, n, d)
#define SUB_4S(m, n, d) OP3(0x6EA08400, m, n, d)
#define ADDP_4S(m, n, d) OP3(0x4EA0BC00, m, n, d)
#define EOR_16B(m, n, d) OP3(0x6E201C00, m, n, d)

// d = n; d = four times n[i]
#define MOV_16B(n, d) OP3(0x4EA01C00, n, n, d)
#define DUP_4S(i, n, d) WORD $(0x4E040400 | (i)<<19 | (n)<<5 | (d))

// Signed bytes: each 32-bit sum of d += the four products of its bytes in n with
// the four bytes of m[i]. Of the extension FEAT_DotProd.
#define SDOT_ELEMENT(i, m, n, d) WORD $(0x4F80E000 | ((i)&1)<<21 | ((i)>>1)<<11 | (m)<<16 | (n)<<5 | (d))

// Signed bytes to 16 bits: the products of the lower, the upper eight; the same
// added to d. 16 to 32 bits: neighbours are added to each other and to d.
#define SMULL_8H(m, n, d) OP3(0x0E20C000, m, n, d)
#define SMULL2_8H(m, n, d) OP3(0x4E20C000, m, n, d)
#define SMLAL_8H(m, n, d) OP3(0x0E208000, m, n, d)
#define SMLAL2_8H(m, n, d) OP3(0x4E208000, m, n, d)
#define SADALP_4S(n, d) OP2(0x4E606800, n, d)

// Narrow signed 32 to unsigned 16, then to 8 bits, into the lower half of d or
// its upper half; what is too large or too small becomes the nearest.
#define SQXTUN_4H(n, d) OP2(0x2E612800, n, d)
#define SQXTUN2_8H(n, d) OP2(0x6E612800, n, d)
#define UQXTN_8B(n, d) OP2(0x2E214800, n, d)
#define UQXTN2_16B(n, d) OP2(0x6E214800, n, d)
