/* SPDX-License-Identifier: MIT */
/*
 * A small RV32 assembler for tests. Immediates are laid out by strings in the
 * notation of the RISC-V manual ("12 10:5@31": bit 12 of the value at bit 31
 * of the instruction, then downwards), so that encoder and decoder share no
 * shift with the processor they test.
 */
#ifndef TESTS_RV32_ASM_H
#define TESTS_RV32_ASM_H

#include <stdint.h>
#include <stdlib.h>

#define LAYOUT_I "11:0@31"
#define LAYOUT_S "11:5@31 4:0@11"
#define LAYOUT_B "12 10:5@31 4:1 11@11"
#define LAYOUT_U "31:12@31"
#define LAYOUT_J "20 10:1 11 19:12@31"

/*
 * Walk a layout: for every bit of the immediate, move it from @from_value's
 * place in the value to its place in the word, or back.
 */
static inline uint32_t layout_move(uint32_t source, const char *layout,
				   int to_word, int *top)
{
	uint32_t result = 0;
	int place, first, last, n;
	const char *group, *at;
	char *end;

	*top = 0;
	for (group = layout; *group; group = end) {
		for (at = group; *at != '@'; at++)
			;
		place = strtol(at + 1, &end, 10);
		while (group < at) {
			first = last = strtol(group, (char **)&group, 10);
			if (*group == ':')
				last = strtol(group + 1, (char **)&group, 10);
			for (n = first; n >= last; n--, place--)
				result |= to_word ?
					(source >> n & 1) << place :
					(source >> place & 1) << n;
			*top = first > *top ? first : *top;
		}
		while (*end == ' ')
			end++;
	}
	return result;
}

static inline uint32_t layout_put(uint32_t value, const char *layout)
{
	int top;

	return layout_move(value, layout, 1, &top);
}

static inline uint32_t layout_get_unsigned(uint32_t word, const char *layout)
{
	int top;

	return layout_move(word, layout, 0, &top);
}

static inline uint32_t layout_get(uint32_t word, const char *layout)
{
	uint32_t value;
	int top;

	value = layout_move(word, layout, 0, &top);
	return (uint32_t)((int32_t)(value << (31 - top)) >> (31 - top));
}

static inline uint32_t asm_r(uint32_t funct7, uint32_t funct3, uint32_t rd,
			     uint32_t rs1, uint32_t rs2)
{
	return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 |
	       0x33;
}

static inline uint32_t asm_i(uint32_t op, uint32_t funct3, uint32_t rd,
			     uint32_t rs1, uint32_t imm)
{
	return layout_put(imm, LAYOUT_I) | rs1 << 15 | funct3 << 12 | rd << 7 |
	       op;
}

static inline uint32_t asm_addi(uint32_t rd, uint32_t rs1, uint32_t imm)
{
	return asm_i(0x13, 0, rd, rs1, imm);
}

static inline uint32_t asm_load(uint32_t funct3, uint32_t rd, uint32_t rs1,
				uint32_t imm)
{
	return asm_i(0x03, funct3, rd, rs1, imm);
}

static inline uint32_t asm_lw(uint32_t rd, uint32_t rs1, uint32_t imm)
{
	return asm_load(2, rd, rs1, imm);
}

static inline uint32_t asm_store(uint32_t funct3, uint32_t rs2, uint32_t rs1,
				 uint32_t imm)
{
	return layout_put(imm, LAYOUT_S) | rs2 << 20 | rs1 << 15 |
	       funct3 << 12 | 0x23;
}

static inline uint32_t asm_sw(uint32_t rs2, uint32_t rs1, uint32_t imm)
{
	return asm_store(2, rs2, rs1, imm);
}

static inline uint32_t asm_branch(uint32_t funct3, uint32_t rs1, uint32_t rs2,
				  uint32_t offset)
{
	return layout_put(offset, LAYOUT_B) | rs2 << 20 | rs1 << 15 |
	       funct3 << 12 | 0x63;
}

static inline uint32_t asm_lui(uint32_t rd, uint32_t value)
{
	return layout_put(value, LAYOUT_U) | rd << 7 | 0x37;
}

static inline uint32_t asm_auipc(uint32_t rd, uint32_t value)
{
	return layout_put(value, LAYOUT_U) | rd << 7 | 0x17;
}

static inline uint32_t asm_jal(uint32_t rd, uint32_t offset)
{
	return layout_put(offset, LAYOUT_J) | rd << 7 | 0x6f;
}

static inline uint32_t asm_jalr(uint32_t rd, uint32_t rs1, uint32_t offset)
{
	return asm_i(0x67, 0, rd, rs1, offset);
}

/* @funct3: 1 rw, 2 rs, 3 rc; 5, 6, 7 with a five-bit immediate as @rs1. */
static inline uint32_t asm_csr(uint32_t funct3, uint32_t rd, uint32_t csr,
			       uint32_t rs1)
{
	return csr << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | 0x73;
}

#define ASM_NOP 0x00000013u
#define ASM_ECALL 0x00000073u
#define ASM_EBREAK 0x00100073u
#define ASM_MRET 0x30200073u
#define ASM_WFI 0x10500073u
#define ASM_FENCE 0x0ff0000fu
#define ASM_FENCE_I 0x0000100fu

#endif
