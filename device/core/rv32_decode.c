// SPDX-License-Identifier: MIT
/*
 * The frequent instructions, decoded once and kept, as long as their bytes stay the
 * same. All others, and code that lies too far up in TCM, are OTHER.
 */
#include "rv32_decode.h"
#include "rv32_translate.h"

#include <string.h>

/* By funct3. */
static const uint8_t register_ops[8] = {
	ADD, SLL, SLT, SLTU, XOR, SRL, OR, AND,
};
static const uint8_t immediate_ops[8] = {
	ADDI, SLLI, SLTI, SLTIU, XORI, SRLI, ORI, ANDI,
};
static const uint8_t branch_ops[8] = {
	BEQ, BNE, OTHER, OTHER, BLT, BGE, BLTU, BGEU,
};
static const uint8_t load_ops[8] = {
	LB, LH, LW, OTHER, LBU, LHU, OTHER, OTHER,
};
static const uint8_t store_ops[8] = {
	SB, SH, SW, OTHER, OTHER, OTHER, OTHER, OTHER,
};

static enum fast_op alternate_op(uint32_t kind, enum fast_op sub,
				 enum fast_op sra)
{
	return kind == 0 ? sub : kind == 5 ? sra : OTHER;
}

/* Nothing is written before and read behind it: x86, say, needs do nothing. */
static enum fast_op fence_op(uint32_t insn)
{
	uint32_t before = insn >> 24 & 15, behind = insn >> 20 & 15;

	if (rv32_funct3(insn))
		return OTHER;
	return (before & 5) && (behind & 10) ? FENCE : FENCE_LIGHT;
}

static enum fast_op immediate_op(uint32_t kind, uint32_t funct7)
{
	if ((kind == 1 || kind == 5) && funct7)
		return funct7 == 0x20 ? alternate_op(kind, OTHER, SRAI) : OTHER;
	return immediate_ops[kind];
}

static enum fast_op register_op(uint32_t kind, uint32_t funct7)
{
	if (funct7 == 0x20)
		return alternate_op(kind, SUB, SRA);
	if (funct7 == 1)
		return kind ? OTHER : MUL;
	return funct7 ? OTHER : register_ops[kind];
}

static enum fast_op op_of(uint32_t insn)
{
	uint32_t kind = rv32_funct3(insn), funct7 = insn >> 25;

	switch (insn & 0x7f) {
	case 0x03:
		return load_ops[kind];
	case 0x0f:
		return fence_op(insn);
	case 0x13:
		return immediate_op(kind, funct7);
	case 0x17:
	case 0x37:
		return LUI;
	case 0x23:
		return store_ops[kind];
	case 0x33:
		return register_op(kind, funct7);
	case 0x63:
		return branch_ops[kind];
	case 0x67:
		return kind ? OTHER : JALR;
	case 0x6f:
		return JAL;
	}
	return OTHER;
}

/*
 * The immediate as it is needed here: of loads and stores from the start of TCM, of
 * jumps in entries of the table; what AUIPC adds to is known.
 */
static uint32_t immediate(uint32_t insn, const struct rv32_bus *bus,
			  uint32_t offset)
{
	switch (insn & 0x7f) {
	case 0x03:
		return rv32_imm_i(insn) - bus->tcm_base;
	case 0x23:
		return rv32_imm_s(insn) - bus->tcm_base;
	case 0x17:
		return (insn & 0xfffff000) + bus->tcm_base + offset;
	case 0x37:
		return insn & 0xfffff000;
	case 0x63:
		return (uint32_t)((int32_t)rv32_imm_b(insn) / 2);
	case 0x6f:
		return (uint32_t)((int32_t)rv32_imm_j(insn) / 2);
	}
	return rv32_imm_i(insn);
}

/* From now on a store to these four bytes is noticed. */
static void guard(struct rv32 *cpu, uint32_t offset)
{
	uint32_t low = cpu->code_low, high = cpu->code_high;

	if (low == high || offset < low)
		cpu->code_low = offset;
	if (offset + 4 > high)
		cpu->code_high = offset + 4;
}

void rv32_decode(struct rv32 *cpu, const struct rv32_bus *bus,
		 struct rv32_decoded *d)
{
	uint32_t place = d - cpu->decoded, offset = 2 * place, raw, insn, rd;
	enum fast_op op;
	bool is_jump;

	d->op = OTHER;
	if (place >= RV32_DECODED || offset > bus->tcm_size - 4)
		return;
	memcpy(&raw, bus->tcm + offset, 4);
	guard(cpu, offset);
	insn = (raw & 3) == 3 ? raw : rv32_expand((uint16_t)raw);
	op = op_of(insn);
	d->imm = immediate(insn, bus, offset);
	is_jump = op == JAL || (op >= BEQ && op <= BGEU);
	if (op == OTHER || (is_jump && place + d->imm >= RV32_DECODED))
		return;
	rd = rv32_rd(insn);
	d->op = insn == raw ? op : op + COMPRESSED;
	d->rd = rd ? rd : RV32_SINK;
	d->rs1 = insn >> 15 & 31;
	d->rs2 = insn >> 20 & 31;
}

void rv32_forget(struct rv32 *cpu, uint32_t offset, uint32_t size)
{
	uint32_t last = (offset + size - 1) / 2, place;
	uint32_t first = offset / 2 ? offset / 2 - 1 : 0;

	if (!size)
		return;
	for (place = first; place <= last && place < RV32_DECODED; place++)
		cpu->decoded[place].op = NEW;
	rv32_code_forget(cpu, first, last + 1);
}
