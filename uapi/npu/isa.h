/* SPDX-License-Identifier: MIT */
/*
 * Commands: what a core executes. One table, NPU_OPS, is the one list of them;
 * the engines, the emitter, the disassembler, the cost model and the fuzzers
 * all expand it. The manual (uapi/README.md) says what each computes.
 */
#ifndef NPU_ISA_H
#define NPU_ISA_H

#include <npu/types.h>

#define NPU_CMD_SIZE 64
#define NPU_QUEUE_DEPTH 16 /* issued, unfinished commands of one unit */
#define NPU_REGION_SRAM 255 /* region number that means the core's SRAM */
#define NPU_SRAM_MIN (16u * 1024)
#define NPU_SRAM_MAX (16u * 1024 * 1024)
/*
 * SRAM addresses from here on are the core's weight buffer, NPU_WEIGHT_BUFFER bytes
 * (npu/job.h) per multiplier: DMA commands write there, CONV and DWCONV read
 * their weights there, and nothing else may.
 */
#define NPU_WEIGHT_BASE NPU_SRAM_MAX

/* Bounds on the work of one command; beyond: NPU_FAULT_WORK */
#define NPU_MAX_CMD_MACS (1ull << 28)
#define NPU_MAX_CMD_BYTES (1ull << 24) /* that a DMA command moves */
#define NPU_MAX_CMD_STEPS (1ull << 26) /* elements x window of a VEC command */

enum npu_unit {
	NPU_UNIT_DMA = 0,
	NPU_UNIT_MAC = 1,
	NPU_UNIT_VEC = 2,
	NPU_UNIT_COUNT
};

/*
 * X(NAME, code, unit, struct, text): all commands.
 */
#define NPU_OPS(X)                                              \
	X(NOP, 0x01, NPU_UNIT_VEC, npu_cmd_nop, "nop")          \
	X(DMA_COPY, 0x10, NPU_UNIT_DMA, npu_cmd_copy, "copy")   \
	X(DMA_FILL, 0x11, NPU_UNIT_DMA, npu_cmd_fill, "fill")   \
	X(DMA_DECODE, 0x12, NPU_UNIT_DMA, npu_cmd_decode, "decode") \
	X(DMA_GATHER, 0x13, NPU_UNIT_DMA, npu_cmd_gather, "gather") \
	X(CONV, 0x20, NPU_UNIT_MAC, npu_cmd_conv, "conv")       \
	X(DWCONV, 0x21, NPU_UNIT_MAC, npu_cmd_conv, "dwconv")   \
	X(POOL_AVG, 0x30, NPU_UNIT_VEC, npu_cmd_pool, "avgpool") \
	X(POOL_MAX, 0x31, NPU_UNIT_VEC, npu_cmd_pool, "maxpool") \
	X(ADD, 0x32, NPU_UNIT_VEC, npu_cmd_binary, "add")       \
	X(SOFTMAX, 0x33, NPU_UNIT_VEC, npu_cmd_softmax, "softmax") \
	X(SUB, 0x34, NPU_UNIT_VEC, npu_cmd_binary, "sub")       \
	X(MUL, 0x35, NPU_UNIT_VEC, npu_cmd_binary, "mul")       \
	X(MAX, 0x36, NPU_UNIT_VEC, npu_cmd_binary, "max")       \
	X(MIN, 0x37, NPU_UNIT_VEC, npu_cmd_binary, "min")       \
	X(VPROG, 0x38, NPU_UNIT_VEC, npu_cmd_vprog, "vprog")    \
	X(RESIZE, 0x39, NPU_UNIT_VEC, npu_cmd_resize, "resize")

#define NPU_OP_ENUM(name, code, unit, layout, text) NPU_OP_##name = (code),
enum npu_op { NPU_OPS(NPU_OP_ENUM) };
#undef NPU_OP_ENUM

/* Header flags */
#define NPU_CMD_WAIT(unit) (1u << (unit)) /* wait[unit] counts */
#define NPU_CMD_SRAM_DEAD (1u << 3) /* it and what follows need nothing in SRAM */
#define NPU_CMD_FLAGS 0x0f

/**
 * struct npu_cmd_hdr - the head of each command
 * @op: enum npu_op
 * @flags: NPU_CMD_*
 * @wait: for each unit whose NPU_CMD_WAIT is set, the number of its commands,
 *	modulo 2^16 and since the start of the job, that have to be finished
 *	before this one starts
 */
struct npu_cmd_hdr {
	uint8_t op;
	uint8_t flags;
	npu_le16 wait[NPU_UNIT_COUNT];
};

NPU_ASSERT_SIZE(struct npu_cmd_hdr, 8);

/**
 * struct npu_surface - a tensor of bytes in SRAM: height x width x channels
 * @addr: SRAM address of the first element
 * @row_pitch: bytes from one row to the next
 * @pixel_pitch: bytes from one pixel to the next; channels are contiguous
 */
struct npu_surface {
	npu_le32 addr;
	npu_le16 row_pitch;
	npu_le16 pixel_pitch;
};

NPU_ASSERT_SIZE(struct npu_surface, 8);

/* NOP: takes the cycles it is told. */
struct npu_cmd_nop {
	struct npu_cmd_hdr hdr;
	npu_le32 cycles; /* at least 1, at most 2^24 */
	uint8_t reserved[52];
};

/* DMA_COPY: up to four dimensions; n[0] is in bytes and contiguous. */
struct npu_cmd_copy {
	struct npu_cmd_hdr hdr;
	npu_le32 src; /* offset in src_region */
	npu_le32 dst; /* offset in dst_region */
	uint8_t src_region;
	uint8_t dst_region;
	npu_le16 n[3]; /* repetitions of dimension 1..3, at least 1 */
	npu_le32 run; /* bytes of dimension 0, at least 1 */
	npu_le32 src_stride[3]; /* bytes, of dimension 1..3 */
	npu_le32 dst_stride[3];
	uint8_t reserved[12];
};

/* DMA_FILL: the destination of a copy, filled with one byte. */
struct npu_cmd_fill {
	struct npu_cmd_hdr hdr;
	npu_le32 dst;
	uint8_t dst_region;
	uint8_t value;
	npu_le16 n[3];
	npu_le32 run;
	npu_le32 dst_stride[3];
	uint8_t reserved[28];
};

/*
 * DMA_GATHER: rows of a table, chosen by a list of indices. Dimension 1 is along the
 * list, 2 repeats it, 3 has lists of its own, one behind the other.
 */
struct npu_cmd_gather {
	struct npu_cmd_hdr hdr;
	npu_le32 src; /* offset in src_region, of row 0 */
	npu_le32 dst;
	npu_le32 index; /* of the first one; they are signed */
	uint8_t src_region;
	uint8_t dst_region;
	uint8_t index_region;
	uint8_t index_size; /* bytes: 1, 2, 4 or 8 */
	npu_le16 n[3]; /* repetitions of dimension 1..3, at least 1 */
	uint8_t reserved[2];
	npu_le32 rows; /* of the table, 1..2^31 - 1 */
	npu_le32 run; /* bytes of a row, at least 1 */
	npu_le32 src_stride[3]; /* bytes: from row to row; of dimension 2, 3 */
	npu_le32 dst_stride[3]; /* bytes, of dimension 1..3 */
};

#define NPU_CODE_PALETTE_MAX 16
#define NPU_CODE_WIDTH_MAX 16
#define NPU_CODE_SECTIONS 4

/**
 * struct npu_code_section - bytes of a coded stream that are laid out alike
 * @bytes: decoded; 0: there are no more sections
 * @rows: columns are chosen anew after so many rows of width x unit bytes;
 *	0: never
 * @width: columns, 1..16
 * @unit: bytes of one column side by side: 1, 2 or 4
 */
struct npu_code_section {
	npu_le32 bytes;
	npu_le16 rows;
	uint8_t width;
	uint8_t unit;
};

NPU_ASSERT_SIZE(struct npu_code_section, 8);

/* DMA_DECODE: a coded stream in memory to bytes in SRAM; see npu/code.h. */
struct npu_cmd_decode {
	struct npu_cmd_hdr hdr;
	npu_le32 src; /* offset in src_region */
	npu_le32 dst; /* SRAM address, of the weight buffer too */
	npu_le32 coded; /* bytes of the stream, an even number */
	uint8_t src_region;
	uint8_t palette; /* entries, 1..16 */
	uint8_t reserved[10];
	struct npu_code_section section[NPU_CODE_SECTIONS];
};

/* Bytes that a DMA_DECODE writes. */
static inline uint64_t npu_decode_bytes(const struct npu_cmd_decode *cmd)
{
	uint64_t bytes = 0;
	int i;

	for (i = 0; i < NPU_CODE_SECTIONS; i++)
		bytes += cmd->section[i].bytes;
	return bytes;
}

/* Formats of CONV and DWCONV; without any: int8 in, int8 out, int32 sums */
#define NPU_CONV_IFM16 (1u << 0) /* int16 input */
#define NPU_CONV_OFM16 (1u << 1) /* int16 output */
#define NPU_CONV_WEIGHT_ZP (1u << 2) /* weights have zero points */
#define NPU_CONV_FLOAT (1u << 3) /* multipliers are float32 */
#define NPU_CONV_WIDE (1u << 4) /* int64 biases and sums; IFM16, not FLOAT */
#define NPU_CONV_OFM32 (1u << 5) /* the sums themselves; int32 sums only */
#define NPU_CONV_ADD (1u << 6) /* an addition behind: struct npu_conv_add */
#define NPU_CONV_FORMATS 0x7f

/* Bytes of an element of the output. */
static inline npu_le32 npu_conv_ofm_size(uint8_t format)
{
	return format & NPU_CONV_OFM32 ? 4 : format & NPU_CONV_OFM16 ? 2 : 1;
}

/*
 * CONV and DWCONV. Taps beyond the input's edges read as ifm_zp. Addresses and
 * pitches are in bytes, those of int16 surfaces even.
 */
struct npu_cmd_conv {
	struct npu_cmd_hdr hdr;
	struct npu_surface ifm;
	struct npu_surface ofm;
	struct npu_surface second; /* with ADD: the other summand; else zero */
	npu_le32 weights; /* npu_conv_block_size() bytes, 4-aligned; or buffered */
	npu_le16 ifm_h, ifm_w, ifm_c;
	npu_le16 ofm_h, ofm_w, ofm_c;
	uint8_t kernel_h, kernel_w;
	uint8_t stride_y, stride_x;
	uint8_t dilation_y, dilation_x;
	uint8_t pad_top, pad_left;
	int8_t ifm_zp, ofm_zp; /* zero where int16; with ADD: before the addition */
	npu_le16 act_min, act_max; /* likewise; signed, within the output's type */
	uint8_t format; /* NPU_CONV_* */
	uint8_t multiplier; /* DWCONV: ofm_c = ifm_c x multiplier; CONV: 0 */
};

/* Types of elements, where a command has a choice */
enum npu_type {
	NPU_TYPE_NONE = 0, /* no such operand */
	NPU_TYPE_S8 = 1,
	NPU_TYPE_S16 = 2,
	NPU_TYPE_S32 = 3,
	NPU_TYPE_U8 = 4, /* bool too */
	NPU_TYPE_COUNT
};

/* Bytes of an element; 0 for NPU_TYPE_NONE and what is none. */
static inline uint32_t npu_type_size(unsigned int type)
{
	return type == NPU_TYPE_S8 || type == NPU_TYPE_U8 ? 1 :
	       type == NPU_TYPE_S16 ? 2 :
	       type == NPU_TYPE_S32 ? 4 : 0;
}

/* Flags of POOL_AVG and POOL_MAX */
#define NPU_POOL_S16 0x01 /* elements are int16 */
#define NPU_POOL_MIN 0x02 /* POOL_MAX: the smallest instead */
#define NPU_POOL_FLAGS 0x03

/*
 * POOL_AVG and POOL_MAX: int8 or int16; the window counts only cells inside.
 */
struct npu_cmd_pool {
	struct npu_cmd_hdr hdr;
	struct npu_surface ifm;
	struct npu_surface ofm;
	npu_le16 ifm_h, ifm_w, channels;
	npu_le16 ofm_h, ofm_w;
	uint8_t kernel_h, kernel_w;
	uint8_t stride_y, stride_x;
	uint8_t pad_top, pad_left;
	npu_le16 act_min, act_max; /* signed, within the elements' type */
	uint8_t flags; /* NPU_POOL_* */
	uint8_t reserved[19];
};

/*
 * ADD, SUB, MUL, MAX and MIN: int8; formulas in the manual. What an operation
 * has no use for is zero: MUL left_shift and the inputs' factors, MAX and MIN
 * all factors and zero points. An input with pitches of zero is repeated.
 */
struct npu_cmd_binary {
	struct npu_cmd_hdr hdr;
	struct npu_surface a;
	struct npu_surface b;
	struct npu_surface ofm;
	npu_le16 height, width, channels;
	int8_t a_zp, b_zp, ofm_zp;
	uint8_t left_shift; /* of both inputs, before scaling: 0..20 */
	uint8_t reserved[2];
	npu_le32 a_mult, b_mult, ofm_mult; /* 0..2^31 - 1 */
	int8_t a_shift, b_shift, ofm_shift; /* > 0: left; -31..30 */
	uint8_t reserved1;
	npu_le16 act_min, act_max; /* signed, within int8 */
};

/* SOFTMAX: int8 rows to int8 rows of scale 1/256, zero point -128. */
struct npu_cmd_softmax {
	struct npu_cmd_hdr hdr;
	npu_le32 ifm;
	npu_le32 ofm;
	npu_le16 ifm_pitch, ofm_pitch; /* bytes from row to row */
	npu_le16 rows;
	npu_le16 depth;
	npu_le32 mult; /* of the scaled difference, 0..2^31 - 1 */
	npu_le32 diff_min; /* signed: smaller differences count as zero */
	int8_t shift; /* left shift of the difference, 0..31 */
	uint8_t reserved[31];
};

/* Flags of VPROG */
#define NPU_VPROG_A_ONE 0x01 /* the input has one channel, for all lanes */
#define NPU_VPROG_B_ONE 0x02
#define NPU_VPROG_C_ONE 0x04
#define NPU_VPROG_OFM_ONE 0x08 /* only the first lane is stored */
#define NPU_VPROG_FLAGS 0x0f

/*
 * VPROG: a program of struct npu_vinsn over each pixel's row of channels. An
 * input that is not there has type NPU_TYPE_NONE and a surface of zeros; one
 * with pitches of zero is repeated.
 */
struct npu_cmd_vprog {
	struct npu_cmd_hdr hdr;
	struct npu_surface a;
	struct npu_surface b;
	struct npu_surface c;
	struct npu_surface ofm;
	npu_le32 program; /* 4-aligned: instructions, then their tables */
	npu_le16 program_size; /* bytes of both */
	npu_le16 height, width, channels;
	npu_le16 steps; /* per element: npu_vprog_steps() of the program */
	uint8_t count; /* of instructions, 1..NPU_VPROG_MAX */
	uint8_t flags; /* NPU_VPROG_* */
	uint8_t a_type, b_type, c_type, ofm_type; /* enum npu_type */
	uint8_t reserved[4];
};

/* Flags of RESIZE */
#define NPU_RESIZE_NEAREST 0x01 /* else bilinear */
#define NPU_RESIZE_HALF_PIXEL 0x02 /* positions are those of pixels' centres */
#define NPU_RESIZE_ROUND 0x04 /* NEAREST: to the nearest index, else down */
#define NPU_RESIZE_FLAGS 0x07

/*
 * RESIZE: a tile of a whole picture's enlargement or reduction, from a tile of
 * the picture. Scales are input pixels per output pixel: in 1/1024 for bilinear,
 * float32 for nearest.
 */
struct npu_cmd_resize {
	struct npu_cmd_hdr hdr;
	struct npu_surface ifm;
	struct npu_surface ofm;
	npu_le16 ifm_h, ifm_w, channels; /* of the tile */
	npu_le16 ofm_h, ofm_w;
	npu_le16 full_h, full_w; /* of the whole input */
	npu_le16 ifm_y, ifm_x; /* where in the whole the tile begins */
	npu_le16 ofm_y, ofm_x;
	uint8_t flags; /* NPU_RESIZE_* */
	uint8_t type; /* NPU_TYPE_S8 or NPU_TYPE_S16 */
	npu_le32 scale_y, scale_x;
	uint8_t reserved[8];
};

/**
 * union npu_cmd - a command of any kind
 */
union npu_cmd {
	struct npu_cmd_hdr hdr;
	struct npu_cmd_nop nop;
	struct npu_cmd_copy copy;
	struct npu_cmd_fill fill;
	struct npu_cmd_decode decode;
	struct npu_cmd_gather gather;
	struct npu_cmd_conv conv;
	struct npu_cmd_pool pool;
	struct npu_cmd_binary binary;
	struct npu_cmd_softmax softmax;
	struct npu_cmd_vprog vprog;
	struct npu_cmd_resize resize;
	uint8_t bytes[NPU_CMD_SIZE];
};

#define NPU_OP_SIZE(name, code, unit, layout, text) \
	NPU_ASSERT_SIZE(struct layout, NPU_CMD_SIZE);
NPU_OPS(NPU_OP_SIZE)
#undef NPU_OP_SIZE
NPU_ASSERT_OFFSET(struct npu_cmd_conv, format, 62);
NPU_ASSERT_SIZE(union npu_cmd, NPU_CMD_SIZE);

/* --- The programs of VPROG ----------------------------------------------- */

#define NPU_VPROG_MAX 32 /* instructions */
#define NPU_VPROG_REGISTERS 8
#define NPU_VPROG_REDUCTIONS 4 /* in one program */
#define NPU_VPROG_IMMEDIATE 0xff /* as src2: the immediate instead */

/* What the fields of an instruction mean; what a form does not name is zero. */
enum npu_vform {
	NPU_VFORM_LOAD, /* dst = input src1 + imm */
	NPU_VFORM_STORE, /* output = src1 + imm, saturating */
	NPU_VFORM_CONST, /* dst = imm */
	NPU_VFORM_UNARY, /* dst = op(src1) */
	NPU_VFORM_BINARY, /* dst = op(src1, src2), or op(src1, imm) */
	NPU_VFORM_SELECT, /* likewise; SELECT and FMA read dst, too */
	NPU_VFORM_SCALE, /* dst = SCALE(src1, imm, src2); src2 is signed */
	NPU_VFORM_CLAMP, /* dst = src1 within imm: int16 min | int16 max << 16 */
	NPU_VFORM_TABLE, /* imm: byte offset of table | last index << 16 */
	NPU_VFORM_INTERP, /* likewise; src2: bits of fraction, 1..15 */
	NPU_VFORM_REDUCE, /* dst = op(src1 of all lanes) */
};

/*
 * X(NAME, code, form, steps per element, text): all instructions.
 */
#define NPU_VOPS(X)                                         \
	X(LOAD, 0x01, NPU_VFORM_LOAD, 0, "load")            \
	X(STORE, 0x02, NPU_VFORM_STORE, 0, "store")         \
	X(CONST, 0x03, NPU_VFORM_CONST, 0, "const")         \
	X(ADD, 0x10, NPU_VFORM_BINARY, 1, "add")            \
	X(SUB, 0x11, NPU_VFORM_BINARY, 1, "sub")            \
	X(MUL, 0x12, NPU_VFORM_BINARY, 1, "mul")            \
	X(MIN, 0x13, NPU_VFORM_BINARY, 1, "min")            \
	X(MAX, 0x14, NPU_VFORM_BINARY, 1, "max")            \
	X(AND, 0x15, NPU_VFORM_BINARY, 1, "and")            \
	X(OR, 0x16, NPU_VFORM_BINARY, 1, "or")              \
	X(XOR, 0x17, NPU_VFORM_BINARY, 1, "xor")            \
	X(SHL, 0x18, NPU_VFORM_BINARY, 1, "shl")            \
	X(SHR, 0x19, NPU_VFORM_BINARY, 1, "shr")            \
	X(RDIVP, 0x1a, NPU_VFORM_BINARY, 1, "rdivp")        \
	X(SRDHM, 0x1b, NPU_VFORM_BINARY, 1, "srdhm")        \
	X(DIV, 0x1c, NPU_VFORM_BINARY, 16, "div")           \
	X(EQ, 0x20, NPU_VFORM_BINARY, 1, "eq")              \
	X(NE, 0x21, NPU_VFORM_BINARY, 1, "ne")              \
	X(LT, 0x22, NPU_VFORM_BINARY, 1, "lt")              \
	X(LE, 0x23, NPU_VFORM_BINARY, 1, "le")              \
	X(SELECT, 0x24, NPU_VFORM_SELECT, 1, "select")      \
	X(FADD, 0x28, NPU_VFORM_BINARY, 1, "fadd")          \
	X(FSUB, 0x29, NPU_VFORM_BINARY, 1, "fsub")          \
	X(FMUL, 0x2a, NPU_VFORM_BINARY, 1, "fmul")          \
	X(FDIV, 0x2b, NPU_VFORM_BINARY, 16, "fdiv")         \
	X(FMA, 0x2c, NPU_VFORM_SELECT, 1, "fma")            \
	X(ABS, 0x30, NPU_VFORM_UNARY, 1, "abs")             \
	X(CLZ, 0x31, NPU_VFORM_UNARY, 1, "clz")             \
	X(ITOF, 0x32, NPU_VFORM_UNARY, 1, "itof")           \
	X(FTOI, 0x33, NPU_VFORM_UNARY, 1, "ftoi")           \
	X(EXP, 0x34, NPU_VFORM_UNARY, 8, "exp")             \
	X(LOG, 0x35, NPU_VFORM_UNARY, 16, "log")            \
	X(RECIP, 0x36, NPU_VFORM_UNARY, 8, "recip")         \
	X(RSQRT, 0x37, NPU_VFORM_UNARY, 16, "rsqrt")        \
	X(RSQRT_SHIFT, 0x38, NPU_VFORM_UNARY, 1, "rsqrt_shift") \
	X(SCALE, 0x40, NPU_VFORM_SCALE, 1, "scale")         \
	X(CLAMP, 0x41, NPU_VFORM_CLAMP, 1, "clamp")         \
	X(LUT8, 0x48, NPU_VFORM_TABLE, 1, "lut8")           \
	X(LUT16, 0x49, NPU_VFORM_TABLE, 1, "lut16")         \
	X(LUT32, 0x4a, NPU_VFORM_TABLE, 1, "lut32")         \
	X(INTERP, 0x4b, NPU_VFORM_INTERP, 2, "interp")      \
	X(RSUM, 0x50, NPU_VFORM_REDUCE, 1, "rsum")          \
	X(RMAX, 0x51, NPU_VFORM_REDUCE, 1, "rmax")          \
	X(RMIN, 0x52, NPU_VFORM_REDUCE, 1, "rmin")          \
	X(ARGMAX, 0x53, NPU_VFORM_REDUCE, 1, "argmax")      \
	X(ARGMIN, 0x54, NPU_VFORM_REDUCE, 1, "argmin")

#define NPU_VOP_ENUM(name, code, form, steps, text) NPU_VOP_##name = (code),
enum npu_vop { NPU_VOPS(NPU_VOP_ENUM) };
#undef NPU_VOP_ENUM

struct npu_vinsn {
	uint8_t op; /* enum npu_vop */
	uint8_t dst;
	uint8_t src1;
	uint8_t src2;
	npu_le32 imm;
};

NPU_ASSERT_SIZE(struct npu_vinsn, 8);

/* Steps of one instruction per element; 0 for what is none. */
static inline uint32_t npu_vinsn_steps(unsigned int op)
{
	switch (op) {
#define NPU_VOP_STEPS(name, code, form, steps, text) \
	case NPU_VOP_##name:                         \
		return steps;
		NPU_VOPS(NPU_VOP_STEPS)
#undef NPU_VOP_STEPS
	}
	return 0;
}

/* What a command's @steps has to be: the sum, at least 1. */
static inline uint32_t npu_vprog_steps(const struct npu_vinsn *insn,
				       uint32_t count)
{
	uint32_t steps = 0, i;

	for (i = 0; i < count; i++)
		steps += npu_vinsn_steps(insn[i].op);
	return steps ? steps : 1;
}

/* --- The weight block of CONV and DWCONV ------------------------------- */

/*
 * bias, le32[ofm_c], with WIDE le64[ofm_c] | multiplier, le32[ofm_c] | shift,
 * s8[ofm_c], padded to 4 | with WEIGHT_ZP zero point, s8[ofm_c], padded to 4 |
 * with ADD struct npu_conv_add | weights, padded to 4.
 */
#define NPU_CONV_BLOCK_CHANNELS 16 /* output channels side by side */

/**
 * struct npu_conv_add - an addition in the output stage: as fields of ADD
 * @a_mult: of the result of the convolution, whose zero point is ofm_zp
 * @b_mult: of the command's second operand
 * @ofm_mult: of the sum
 * @a_shift: likewise the next
 * @left_shift: of both, before scaling
 * @b_zp: zero point of the second operand
 * @ofm_zp: of the sum
 * @act_min: what the sum is clamped to; likewise the next
 */
struct npu_conv_add {
	npu_le32 a_mult, b_mult, ofm_mult;
	int8_t a_shift, b_shift, ofm_shift;
	uint8_t left_shift;
	int8_t b_zp, ofm_zp;
	int8_t act_min, act_max;
};

NPU_ASSERT_SIZE(struct npu_conv_add, 20);

static inline uint32_t npu_round_up4(uint32_t bytes)
{
	return (bytes + 3) & ~3u;
}

static inline uint32_t npu_conv_mult_offset(uint8_t format, uint32_t ofm_c)
{
	return (format & NPU_CONV_WIDE ? 8 : 4) * ofm_c;
}

static inline uint32_t npu_conv_shift_offset(uint8_t format, uint32_t ofm_c)
{
	return npu_conv_mult_offset(format, ofm_c) + 4 * ofm_c;
}

/* Of the weights' zero points, if there are any. */
static inline uint32_t npu_conv_zero_offset(uint8_t format, uint32_t ofm_c)
{
	return npu_conv_shift_offset(format, ofm_c) + npu_round_up4(ofm_c);
}

/* Of the addition, if there is one. */
static inline uint32_t npu_conv_add_offset(uint8_t format, uint32_t ofm_c)
{
	return npu_conv_zero_offset(format, ofm_c) +
	       (format & NPU_CONV_WEIGHT_ZP ? npu_round_up4(ofm_c) : 0);
}

static inline uint32_t npu_conv_weight_offset(uint8_t format, uint32_t ofm_c)
{
	return npu_conv_add_offset(format, ofm_c) +
	       (format & NPU_CONV_ADD ? sizeof(struct npu_conv_add) : 0);
}

/* Bytes of CONV weights; depth is kernel_h x kernel_w x ifm_c. */
static inline uint64_t npu_conv_weight_bytes(uint32_t ofm_c, uint32_t depth)
{
	return (uint64_t)ofm_c * npu_round_up4(depth);
}

/*
 * Where the CONV weight of output channel oc and depth index
 * k = (y x kernel_w + x) x ifm_c + c lies behind npu_conv_weight_offset().
 */
static inline uint32_t npu_conv_weight_index(uint32_t ofm_c, uint32_t depth,
					     uint32_t oc, uint32_t k)
{
	uint32_t block = oc / NPU_CONV_BLOCK_CHANNELS;
	uint32_t first = block * NPU_CONV_BLOCK_CHANNELS;
	uint32_t left = ofm_c - first;
	uint32_t n = left < NPU_CONV_BLOCK_CHANNELS ? left :
						      NPU_CONV_BLOCK_CHANNELS;

	return first * npu_round_up4(depth) + (k & ~3u) * n +
	       4 * (oc - first) + (k & 3);
}

/* Bytes of DWCONV weights; taps is kernel_h x kernel_w. */
static inline uint64_t npu_dwconv_weight_bytes(uint32_t ofm_c, uint32_t taps)
{
	return ((uint64_t)ofm_c * taps + 3) & ~(uint64_t)3;
}

/* Where the DWCONV weight of output channel oc and tap y x kernel_w + x lies. */
static inline uint32_t npu_dwconv_weight_index(uint32_t ofm_c, uint32_t taps,
					       uint32_t oc, uint32_t tap)
{
	uint32_t first = oc - oc % NPU_CONV_BLOCK_CHANNELS;
	uint32_t left = ofm_c - first;
	uint32_t n = left < NPU_CONV_BLOCK_CHANNELS ? left :
						      NPU_CONV_BLOCK_CHANNELS;

	return first * taps + tap * n + (oc - first);
}

/* Bytes of the whole block that a CONV or DWCONV command reads at weights. */
static inline uint64_t npu_conv_block_size(const struct npu_cmd_conv *cmd)
{
	uint32_t taps = (uint32_t)cmd->kernel_h * cmd->kernel_w;
	uint64_t weights = cmd->hdr.op == NPU_OP_DWCONV ?
		npu_dwconv_weight_bytes(cmd->ofm_c, taps) :
		(uint64_t)cmd->ofm_c *
			(((uint64_t)taps * cmd->ifm_c + 3) & ~(uint64_t)3);

	return npu_conv_weight_offset(cmd->format, cmd->ofm_c) + weights;
}

#endif
