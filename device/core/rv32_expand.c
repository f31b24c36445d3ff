// SPDX-License-Identifier: MIT
/*
 * Compressed instructions (the C extension) as the 32-bit instructions they
 * stand for. Called by rv32.c for each compressed instruction; a table by
 * quadrant and funct3, one function per row. 0 means illegal.
 */
#include "rv32.h"

enum {
	OP_LOAD = 0x03,
	OP_IMM = 0x13,
	OP_STORE = 0x23,
	OP_REG = 0x33,
	OP_LUI = 0x37,
	OP_BRANCH = 0x63,
	OP_JALR = 0x67,
	OP_JAL = 0x6f,
};

#define EBREAK 0x00100073u
#define SP 2

/* Bits hi..lo of the instruction, moved so that lo lands on @to. */
static inline uint32_t field(uint32_t c, unsigned int hi, unsigned int lo,
			     unsigned int to)
{
	return ((c >> lo) & ((1u << (hi - lo + 1)) - 1)) << to;
}

static inline uint32_t sign_extend(uint32_t value, unsigned int bits)
{
	uint32_t sign = 1u << (bits - 1);

	return (value ^ sign) - sign;
}

static inline uint32_t rd(uint32_t c)
{
	return field(c, 11, 7, 0);
}

static inline uint32_t rs2(uint32_t c)
{
	return field(c, 6, 2, 0);
}

/* The three-bit register fields name x8..x15. */
static inline uint32_t rd_short(uint32_t c)
{
	return 8 + field(c, 4, 2, 0);
}

static inline uint32_t rs1_short(uint32_t c)
{
	return 8 + field(c, 9, 7, 0);
}

static inline uint32_t imm6(uint32_t c)
{
	return sign_extend(field(c, 12, 12, 5) | field(c, 6, 2, 0), 6);
}

static inline uint32_t i_type(uint32_t op, uint32_t funct3, uint32_t rd,
			      uint32_t rs1, uint32_t imm)
{
	return imm << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | op;
}

static inline uint32_t r_type(uint32_t funct7, uint32_t funct3, uint32_t rd,
			      uint32_t rs1, uint32_t rs2)
{
	return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 |
	       OP_REG;
}

static inline uint32_t sw(uint32_t rs1, uint32_t rs2, uint32_t imm)
{
	return field(imm, 11, 5, 25) | rs2 << 20 | rs1 << 15 | 2u << 12 |
	       field(imm, 4, 0, 7) | OP_STORE;
}

static uint32_t illegal(uint32_t c)
{
	return 0;
}

static uint32_t c_addi4spn(uint32_t c)
{
	uint32_t imm = field(c, 10, 7, 6) | field(c, 12, 11, 4) |
		       field(c, 5, 5, 3) | field(c, 6, 6, 2);

	return imm ? i_type(OP_IMM, 0, rd_short(c), SP, imm) : 0;
}

static inline uint32_t word_offset(uint32_t c)
{
	return field(c, 5, 5, 6) | field(c, 12, 10, 3) | field(c, 6, 6, 2);
}

static uint32_t c_lw(uint32_t c)
{
	return i_type(OP_LOAD, 2, rd_short(c), rs1_short(c), word_offset(c));
}

static uint32_t c_sw(uint32_t c)
{
	return sw(rs1_short(c), rd_short(c), word_offset(c));
}

static uint32_t c_addi(uint32_t c)
{
	return i_type(OP_IMM, 0, rd(c), rd(c), imm6(c));
}

static inline uint32_t jump(uint32_t c, uint32_t link)
{
	uint32_t imm = field(c, 12, 12, 11) | field(c, 8, 8, 10) |
		       field(c, 10, 9, 8) | field(c, 6, 6, 7) |
		       field(c, 7, 7, 6) | field(c, 2, 2, 5) |
		       field(c, 11, 11, 4) | field(c, 5, 3, 1);

	imm = sign_extend(imm, 12);
	return field(imm, 20, 20, 31) | field(imm, 10, 1, 21) |
	       field(imm, 11, 11, 20) | field(imm, 19, 12, 12) | link << 7 |
	       OP_JAL;
}

static uint32_t c_jal(uint32_t c)
{
	return jump(c, 1);
}

static uint32_t c_j(uint32_t c)
{
	return jump(c, 0);
}

static uint32_t c_li(uint32_t c)
{
	return i_type(OP_IMM, 0, rd(c), 0, imm6(c));
}

static uint32_t c_lui_addi16sp(uint32_t c)
{
	uint32_t imm = field(c, 12, 12, 9) | field(c, 4, 3, 7) |
		       field(c, 5, 5, 6) | field(c, 2, 2, 5) |
		       field(c, 6, 6, 4);

	if (!imm)
		return 0;
	if (rd(c) == SP)
		return i_type(OP_IMM, 0, SP, SP, sign_extend(imm, 10));
	return imm6(c) << 12 | rd(c) << 7 | OP_LUI;
}

/* Bit 5 of a shift amount must be zero on RV32. */
static inline uint32_t shift(uint32_t c, uint32_t funct7, uint32_t funct3,
			     uint32_t reg)
{
	if (field(c, 12, 12, 0))
		return 0;
	return i_type(OP_IMM, funct3, reg, reg, funct7 << 5 | rs2(c));
}

static uint32_t c_misc_alu(uint32_t c)
{
	static const struct {
		uint8_t funct7, funct3;
	} ops[4] = { { 0x20, 0 }, { 0, 4 }, { 0, 6 }, { 0, 7 } };
	uint32_t reg = rs1_short(c);
	uint32_t op = field(c, 6, 5, 0);

	switch (field(c, 11, 10, 0)) {
	case 0:
		return shift(c, 0, 5, reg);
	case 1:
		return shift(c, 0x20, 5, reg);
	case 2:
		return i_type(OP_IMM, 7, reg, reg, imm6(c));
	}
	if (field(c, 12, 12, 0))
		return 0;
	return r_type(ops[op].funct7, ops[op].funct3, reg, reg, rd_short(c));
}

static inline uint32_t branch_zero(uint32_t c, uint32_t funct3)
{
	uint32_t imm = field(c, 12, 12, 8) | field(c, 6, 5, 6) |
		       field(c, 2, 2, 5) | field(c, 11, 10, 3) |
		       field(c, 4, 3, 1);

	imm = sign_extend(imm, 9);
	return field(imm, 12, 12, 31) | field(imm, 10, 5, 25) |
	       rs1_short(c) << 15 | funct3 << 12 | field(imm, 4, 1, 8) |
	       field(imm, 11, 11, 7) | OP_BRANCH;
}

static uint32_t c_beqz(uint32_t c)
{
	return branch_zero(c, 0);
}

static uint32_t c_bnez(uint32_t c)
{
	return branch_zero(c, 1);
}

static uint32_t c_slli(uint32_t c)
{
	return shift(c, 0, 1, rd(c));
}

static uint32_t c_lwsp(uint32_t c)
{
	uint32_t imm = field(c, 3, 2, 6) | field(c, 12, 12, 5) |
		       field(c, 6, 4, 2);

	return rd(c) ? i_type(OP_LOAD, 2, rd(c), SP, imm) : 0;
}

static uint32_t c_jr_mv_add(uint32_t c)
{
	uint32_t is_linked = field(c, 12, 12, 0);

	if (rs2(c))
		return r_type(0, 0, rd(c), is_linked ? rd(c) : 0, rs2(c));
	if (rd(c))
		return i_type(OP_JALR, 0, is_linked, rd(c), 0);
	return is_linked ? EBREAK : 0;
}

static uint32_t c_swsp(uint32_t c)
{
	return sw(SP, rs2(c), field(c, 8, 7, 6) | field(c, 12, 9, 2));
}

uint32_t rv32_expand(uint16_t insn)
{
	static uint32_t (*const rows[3][8])(uint32_t) = {
		{ c_addi4spn, illegal, c_lw, illegal,
		  illegal, illegal, c_sw, illegal },
		{ c_addi, c_jal, c_li, c_lui_addi16sp,
		  c_misc_alu, c_j, c_beqz, c_bnez },
		{ c_slli, illegal, c_lwsp, illegal,
		  c_jr_mv_add, illegal, c_swsp, illegal },
	};

	return rows[insn & 3][insn >> 13](insn);
}
