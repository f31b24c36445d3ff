/* SPDX-License-Identifier: MIT */
/*
 * The code of DMA_DECODE: streams of bytes, most of them weights, made shorter
 * without loss. What encoder and machine have to agree on: classes of values,
 * tables of their frequencies, and the sizes of a stream's parts. The manual
 * (uapi/README.md) says how a stream is decoded.
 */
#ifndef NPU_CODE_H
#define NPU_CODE_H

#include <npu/isa.h>

#define NPU_CODE_LANES 16 /* bytes that are decoded at once */
#define NPU_CODE_TOTAL_BITS 10 /* frequencies of a table add up to 2^10 */
#define NPU_CODE_TOTAL (1u << NPU_CODE_TOTAL_BITS)
#define NPU_CODE_STATE_MIN (1u << 16) /* of a lane, between two bytes */
#define NPU_CODE_TAIL (2 * NPU_CODE_LANES) /* bytes that the last states are */
#define NPU_CODE_HEAD (4 * NPU_CODE_LANES) /* bytes of the first states */
#define NPU_CODE_TABLES 32
#define NPU_CODE_MAGNITUDES 23
#define NPU_CODE_CLASSES (2 * NPU_CODE_MAGNITUDES + 2)

/* A table and what is added to the values that it codes. */
struct npu_code_entry {
	uint8_t table;
	int8_t centre;
};

/*
 * Class 0 is the value 0, classes 2k - 1 and 2k are the values of magnitude k
 * and their negatives, the last class is -128. Magnitudes: 1 to 7 alone, then
 * four of 2, 4, 8 and 16 values each.
 */
static inline uint32_t npu_code_class_bits(uint32_t class)
{
	uint32_t k = (class + 1) / 2;

	return k < 8 || k > NPU_CODE_MAGNITUDES ? 0 : (k - 8) / 4 + 1;
}

/* The lowest value of a class; it has 2^bits of them. */
static inline int32_t npu_code_class_low(uint32_t class)
{
	uint32_t k = (class + 1) / 2, bits = npu_code_class_bits(class);
	int32_t low = bits ? (int32_t)(8 + (k - 8) % 4 * 2) << (bits - 1) :
			     (int32_t)k;

	if (class == NPU_CODE_CLASSES - 1)
		return -128;
	return class && class % 2 == 0 ? -(low + (1 << bits) - 1) : low;
}

/*
 * Frequencies of the magnitudes' classes. Table 0 has zeros only; table 1 is
 * even; tables 2 + 2j and 3 + 2j follow 1 / (2^(j + 1) + v^2)^3, the second
 * with four zeros more for each value: the manual has the formula.
 */
static const uint8_t npu_code_rom[NPU_CODE_TABLES][NPU_CODE_MAGNITUDES] = {
	{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
	{ 4, 4, 4, 4, 4, 4, 4, 8, 8, 8, 8, 16, 16, 16, 16, 32, 32, 32, 32, 64,
	  64, 64, 64 },
	{ 172, 22, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	  1 },
	{ 35, 5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	  1 },
	{ 212, 52, 13, 4, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	  1 },
	{ 43, 11, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	  1 },
	{ 206, 87, 31, 11, 5, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	  1 },
	{ 42, 18, 7, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	  1 },
	{ 173, 107, 55, 26, 13, 7, 4, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	  1, 1 },
	{ 35, 22, 11, 6, 3, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	  1 },
	{ 134, 103, 70, 44, 26, 16, 10, 9, 4, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	  1, 1, 1 },
	{ 27, 21, 14, 9, 6, 4, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	  1 },
	{ 99, 87, 70, 54, 39, 28, 19, 22, 11, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1,
	  1, 1, 1 },
	{ 20, 18, 14, 11, 8, 6, 4, 5, 3, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	  1 },
	{ 72, 67, 60, 52, 43, 35, 28, 39, 23, 14, 9, 8, 4, 2, 1, 1, 1, 1, 1, 1,
	  1, 1, 1 },
	{ 15, 14, 12, 11, 9, 7, 6, 8, 5, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	  1 },
	{ 52, 50, 47, 44, 40, 35, 31, 50, 36, 25, 18, 20, 10, 5, 3, 3, 1, 1, 1,
	  1, 1, 1, 1 },
	{ 11, 10, 10, 9, 8, 7, 7, 10, 8, 5, 4, 4, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	  1 },
	{ 37, 36, 35, 34, 32, 30, 28, 50, 41, 33, 27, 37, 22, 13, 8, 8, 3, 2, 1,
	  1, 1, 1, 1 },
	{ 8, 8, 7, 7, 7, 6, 6, 10, 9, 7, 6, 8, 5, 3, 2, 2, 1, 1, 1, 1, 1, 1,
	  1 },
	{ 26, 26, 26, 25, 25, 24, 23, 43, 39, 34, 30, 48, 35, 24, 17, 20, 10, 5,
	  3, 3, 1, 1, 1 },
	{ 6, 6, 6, 5, 5, 5, 5, 9, 8, 7, 6, 10, 7, 5, 4, 4, 2, 1, 1, 1, 1, 1,
	  1 },
	{ 19, 19, 19, 18, 18, 18, 18, 34, 32, 30, 28, 49, 40, 33, 26, 36, 21,
	  13, 8, 8, 3, 2, 1 },
	{ 4, 4, 4, 4, 4, 4, 4, 7, 7, 6, 6, 10, 8, 7, 6, 8, 5, 3, 2, 2, 1, 1,
	  1 },
	{ 14, 13, 13, 13, 13, 13, 13, 25, 25, 24, 23, 42, 38, 34, 30, 47, 34,
	  24, 17, 19, 10, 5, 3 },
	{ 3, 3, 3, 3, 3, 3, 3, 5, 5, 5, 5, 9, 8, 7, 6, 10, 7, 5, 4, 4, 2, 1,
	  1 },
	{ 10, 10, 10, 10, 10, 10, 10, 19, 19, 18, 18, 34, 32, 30, 28, 49, 41,
	  33, 26, 36, 21, 13, 8 },
	{ 2, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 7, 7, 6, 6, 10, 9, 7, 6, 8, 5, 3,
	  2 },
	{ 8, 8, 7, 7, 7, 7, 7, 14, 14, 14, 14, 27, 26, 25, 24, 45, 41, 36, 32,
	  50, 36, 25, 18 },
	{ 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 6, 6, 5, 5, 9, 9, 8, 7, 10, 8, 5,
	  4 },
	{ 6, 6, 6, 6, 6, 6, 6, 12, 11, 11, 11, 22, 22, 21, 21, 40, 38, 36, 33,
	  58, 48, 39, 31 },
	{ 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 5, 5, 5, 5, 8, 8, 8, 7, 12, 10, 8,
	  7 },
};

/* How often a class comes, of NPU_CODE_TOTAL. */
static inline uint32_t npu_code_frequency(uint32_t table, uint32_t class)
{
	uint32_t last = table > 1 ? 1 : 4 * table;
	uint32_t rest = NPU_CODE_TOTAL - last, k;

	if (class == NPU_CODE_CLASSES - 1)
		return last;
	if (class)
		return npu_code_rom[table][(class + 1) / 2 - 1];
	for (k = 0; k < NPU_CODE_MAGNITUDES; k++)
		rest -= 2u * npu_code_rom[table][k];
	return rest;
}

/* Bits that choose one of so many entries. */
static inline uint32_t npu_code_choice_bits(uint32_t entries)
{
	uint32_t bits = 0;

	while (1u << bits < entries)
		bits++;
	return bits;
}

/* Bytes after which a section's columns are chosen anew. */
static inline uint32_t npu_code_block(const struct npu_code_section *s)
{
	return s->rows ? (uint32_t)s->rows * s->width * s->unit : s->bytes;
}

/* Columns of a block of so many bytes: fewer where it is cut short. */
static inline uint32_t npu_code_columns(const struct npu_code_section *s,
					uint32_t bytes)
{
	uint32_t columns;

	if (!s->rows)
		return s->width;
	columns = bytes / ((uint32_t)s->rows * s->unit);
	return columns < 1 ? 1 : columns > s->width ? s->width : columns;
}

#endif
