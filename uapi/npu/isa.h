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
	X(CONV, 0x20, NPU_UNIT_MAC, npu_cmd_conv, "conv")       \
	X(DWCONV, 0x21, NPU_UNIT_MAC, npu_cmd_conv, "dwconv")   \
	X(POOL_AVG, 0x30, NPU_UNIT_VEC, npu_cmd_pool, "avgpool") \
	X(POOL_MAX, 0x31, NPU_UNIT_VEC, npu_cmd_pool, "maxpool") \
	X(ADD, 0x32, NPU_UNIT_VEC, npu_cmd_binary, "add")       \
	X(SOFTMAX, 0x33, NPU_UNIT_VEC, npu_cmd_softmax, "softmax") \
	X(SUB, 0x34, NPU_UNIT_VEC, npu_cmd_binary, "sub")       \
	X(MUL, 0x35, NPU_UNIT_VEC, npu_cmd_binary, "mul")       \
	X(MAX, 0x36, NPU_UNIT_VEC, npu_cmd_binary, "max")       \
	X(MIN, 0x37, NPU_UNIT_VEC, npu_cmd_binary, "min")

#define NPU_OP_ENUM(name, code, unit, layout, text) NPU_OP_##name = (code),
enum npu_op { NPU_OPS(NPU_OP_ENUM) };
#undef NPU_OP_ENUM

/* Header flags */
#define NPU_CMD_WAIT(unit) (1u << (unit)) /* wait[unit] counts */
#define NPU_CMD_SRAM_DEAD (1u << 3) /* nothing in SRAM is needed from here on */
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
	npu_le32 dst; /* SRAM address */
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
#define NPU_CONV_FORMATS 0x1f

/*
 * CONV and DWCONV. Taps beyond the input's edges read as ifm_zp. Addresses and
 * pitches are in bytes, those of int16 surfaces even.
 */
struct npu_cmd_conv {
	struct npu_cmd_hdr hdr;
	struct npu_surface ifm;
	struct npu_surface ofm;
	struct npu_surface second; /* of the output stage; reserved, zero */
	npu_le32 weights; /* block of npu_conv_block_size() bytes, 4-aligned */
	npu_le16 ifm_h, ifm_w, ifm_c;
	npu_le16 ofm_h, ofm_w, ofm_c;
	uint8_t kernel_h, kernel_w;
	uint8_t stride_y, stride_x;
	uint8_t dilation_y, dilation_x;
	uint8_t pad_top, pad_left;
	int8_t ifm_zp, ofm_zp; /* zero where int16 */
	npu_le16 act_min, act_max; /* signed, within the output's type */
	uint8_t format; /* NPU_CONV_* */
	uint8_t multiplier; /* DWCONV: ofm_c = ifm_c x multiplier; CONV: 0 */
};

/* POOL_AVG and POOL_MAX: int8; the window counts only cells inside. */
struct npu_cmd_pool {
	struct npu_cmd_hdr hdr;
	struct npu_surface ifm;
	struct npu_surface ofm;
	npu_le16 ifm_h, ifm_w, channels;
	npu_le16 ofm_h, ofm_w;
	uint8_t kernel_h, kernel_w;
	uint8_t stride_y, stride_x;
	uint8_t pad_top, pad_left;
	npu_le16 act_min, act_max; /* signed, within int8 */
	uint8_t reserved[20];
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
	int8_t shift; /* left shift of the difference, 0..30 */
	uint8_t reserved[31];
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
	struct npu_cmd_conv conv;
	struct npu_cmd_pool pool;
	struct npu_cmd_binary binary;
	struct npu_cmd_softmax softmax;
	uint8_t bytes[NPU_CMD_SIZE];
};

#define NPU_OP_SIZE(name, code, unit, layout, text) \
	NPU_ASSERT_SIZE(struct layout, NPU_CMD_SIZE);
NPU_OPS(NPU_OP_SIZE)
#undef NPU_OP_SIZE
NPU_ASSERT_OFFSET(struct npu_cmd_conv, format, 62);
NPU_ASSERT_SIZE(union npu_cmd, NPU_CMD_SIZE);

/* --- The weight block of CONV and DWCONV ------------------------------- */

/*
 * bias, le32[ofm_c], with WIDE le64[ofm_c] | multiplier, le32[ofm_c] | shift,
 * s8[ofm_c], padded to 4 | with WEIGHT_ZP zero point, s8[ofm_c], padded to 4 |
 * weights, padded to 4.
 */
#define NPU_CONV_BLOCK_CHANNELS 16 /* output channels side by side */

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

static inline uint32_t npu_conv_weight_offset(uint8_t format, uint32_t ofm_c)
{
	return npu_conv_zero_offset(format, ofm_c) +
	       (format & NPU_CONV_WEIGHT_ZP ? npu_round_up4(ofm_c) : 0);
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
