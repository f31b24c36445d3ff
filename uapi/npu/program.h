/* SPDX-License-Identifier: MIT */
/*
 * The program file (.tnp): a compiled model as an ELF64 object that readelf
 * shows. The compiler writes it, the library runs it, the tools show it.
 *
 * ELF header: ELFCLASS64, ELFDATA2LSB, ET_EXEC, EM_NONE, no program headers.
 * Sections are found by name; unknown ones are ignored. All structs below are
 * little-endian and lie 8-aligned in the file.
 */
#ifndef NPU_PROGRAM_H
#define NPU_PROGRAM_H

#include <npu/types.h>

#define NPU_PROGRAM_MAJOR 2 /* a reader of another major version refuses */
#define NPU_PROGRAM_MINOR 1 /* a newer minor version may be run */
#define NPU_PROGRAM_MAGIC 0x504e5054 /* "TPNP" */

#define NPU_SECTION_INFO ".npu.info" /* struct npu_program_info */
#define NPU_SECTION_COMMANDS ".npu.commands" /* 64-byte records */
#define NPU_SECTION_CONSTANTS ".npu.constants" /* weights and tables */
#define NPU_SECTION_TENSORS ".npu.tensors" /* struct npu_program_tensor[] */
#define NPU_SECTION_NAMES ".npu.names" /* printable, NUL-terminated; first: "" */
#define NPU_SECTION_LINES ".npu.lines" /* struct npu_program_line[] */
#define NPU_SECTION_LAYERS ".npu.layers" /* struct npu_program_layer[] */
#define NPU_SECTION_SOURCE ".npu.source" /* printable: key=value lines */
#define NPU_SECTION_SEGMENTS ".npu.segments" /* struct npu_program_segment[] */
#define NPU_SECTION_VARIABLES ".npu.variables" /* what variables begin with */
#define NPU_SECTION_DIGEST ".npu.digest" /* SHA-256 */

/*
 * The digest is the SHA-256 of the contents of all other sections whose names
 * begin with ".npu.", in the order of the section header table, each preceded
 * by its name with the NUL and its size as le64.
 */
#define NPU_PROGRAM_DIGEST_SIZE 32

/* Regions that every program has; tensor i has region NPU_REGION_TENSORS + i. */
#define NPU_REGION_CONSTANTS 0
#define NPU_REGION_SCRATCH 1
#define NPU_REGION_TENSORS 2
#define NPU_PROGRAM_MAX_TENSORS 62

/*
 * Variables: a region behind those of the tensors, as large as the section, if
 * there is one. Runs read and write it. It has the section's bytes when a session
 * begins, and before each run of one that does not keep its state.
 */
#define NPU_REGION_VARIABLES(tensors) (NPU_REGION_TENSORS + (tensors))

/**
 * npu_text_length() - length of the UTF-8 character at @s, which ends with NUL
 * @s: the text
 *
 * Return: 0 if it is none or a control character: names go to terminals as
 * they are.
 */
static inline unsigned int npu_text_length(const unsigned char *s)
{
	static const struct {
		unsigned char mask, lead;
		npu_le32 min;
	} forms[] = {
		{ 0x80, 0x00, 0x20 },
		{ 0xe0, 0xc0, 0xa0 }, /* below: C1 control characters */
		{ 0xf0, 0xe0, 0x800 },
		{ 0xf8, 0xf0, 0x10000 },
	};
	unsigned int n, i;
	npu_le32 code;

	for (n = 0; n < 4; n++)
		if ((*s & forms[n].mask) == forms[n].lead)
			break;
	if (n == 4)
		return 0;
	code = *s & (unsigned char)~forms[n].mask;
	for (i = 1; i <= n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < forms[n].min || code == 0x7f || code > 0x10ffff ||
	    (code >= 0xd800 && code < 0xe000))
		return 0;
	return n + 1;
}

/**
 * struct npu_program_info - what a runtime has to know
 * @magic: NPU_PROGRAM_MAGIC
 * @major: NPU_PROGRAM_MAJOR
 * @minor: NPU_PROGRAM_MINOR
 * @hw_major: of the machine that the commands are for (NPU_HW_VERSION_MAJOR)
 * @hw_minor: likewise, the least one that has all that they use; 0 before 2.1
 * @weight_buffer: units of 16 bytes of it that the commands use at most
 * @inputs: the first tensors of the table are the model's inputs, in its order
 * @outputs: the next ones its outputs
 * @sram_size: bytes of SRAM that the commands use at most
 * @macs: of the machine that the estimate is for; likewise the next
 * @scratch_size: bytes of region NPU_REGION_SCRATCH
 * @cycles: estimate for that machine; the machine counts exactly this
 * @energy_fj: likewise
 * @model_digest: SHA-256 of the source model's file
 */
struct npu_program_info {
	npu_le32 magic;
	npu_le16 major;
	npu_le16 minor;
	uint8_t hw_major;
	uint8_t hw_minor;
	npu_le16 weight_buffer;
	npu_le32 inputs;
	npu_le32 outputs;
	npu_le32 sram_size;
	npu_le32 macs;
	npu_le32 clock_khz;
	npu_le32 sram_bw;
	npu_le32 sram_latency;
	npu_le32 mem_bw;
	npu_le32 mem_latency;
	npu_le64 scratch_size;
	npu_le64 cycles;
	npu_le64 energy_fj;
	npu_le64 mac_ops;
	uint8_t model_digest[NPU_PROGRAM_DIGEST_SIZE];
};

NPU_ASSERT_SIZE(struct npu_program_info, 112);

enum npu_program_dtype {
	NPU_DTYPE_INT8 = 1,
	NPU_DTYPE_UINT8 = 2,
	NPU_DTYPE_INT16 = 3,
	NPU_DTYPE_INT32 = 4,
	NPU_DTYPE_FLOAT32 = 5,
	NPU_DTYPE_INT64 = 6,
	NPU_DTYPE_BOOL = 7,
};

#define NPU_PROGRAM_MAX_RANK 8

/**
 * struct npu_program_tensor - an input or output
 * @name: offset in NPU_SECTION_NAMES
 * @dtype: enum npu_program_dtype
 * @rank: 0..NPU_PROGRAM_MAX_RANK
 * @shape: outermost first
 * @size: bytes, dense
 * @scale: real = scale x (quantised - zero_point), IEEE 754 single bits
 * @zero_point: signed
 */
struct npu_program_tensor {
	npu_le32 name;
	npu_le16 dtype;
	npu_le16 rank;
	npu_le32 shape[NPU_PROGRAM_MAX_RANK];
	npu_le64 size;
	npu_le32 scale;
	npu_le32 zero_point;
};

NPU_ASSERT_SIZE(struct npu_program_tensor, 56);

enum npu_program_unit {
	NPU_SEGMENT_JOB = 1, /* commands, which are one job of the machine */
	NPU_SEGMENT_CPU = 2, /* operators of npu/cpu.h */
};

/**
 * struct npu_program_segment - what runs by itself, one after the other
 * @unit: enum npu_program_unit
 * @first: index of its first command, or operator
 * @count: how many, at least one
 *
 * The segments of each unit hold all there is, in order and without gaps. A
 * program without segments is one job of all commands. Commands of a job wait
 * only for others of it, and find nothing of an earlier one in SRAM.
 */
struct npu_program_segment {
	npu_le32 unit;
	npu_le32 first;
	npu_le32 count;
	npu_le32 reserved;
};

NPU_ASSERT_SIZE(struct npu_program_segment, 16);

/**
 * struct npu_program_line - from which operator a run of commands comes
 * @command: index of the first command
 * @layer: index in NPU_SECTION_LAYERS; holds until the next line's command
 */
struct npu_program_line {
	npu_le32 command;
	npu_le32 layer;
};

/**
 * struct npu_program_layer - an operator of the source model
 * @name: offset in NPU_SECTION_NAMES: "op 3 CONV_2D 'conv1/Relu'"
 * @op: index of the operator in the source model
 * @mac_ops: of its commands
 * @mac_busy: cycles, likewise
 * @dma_busy: likewise
 * @vec_busy: likewise
 */
struct npu_program_layer {
	npu_le32 name;
	npu_le32 op;
	npu_le64 mac_ops;
	npu_le64 mac_busy;
	npu_le64 dma_busy;
	npu_le64 vec_busy;
};

NPU_ASSERT_SIZE(struct npu_program_layer, 40);

#endif
