// SPDX-License-Identifier: MIT
/*
 * The frequent instructions, decoded once and kept: what firmware executes most,
 * as long as it touches nothing but registers and TCM, so that neither interrupts
 * nor the bus come into it. All others, and whatever fails, are left to rv32.c,
 * which can do these, too. Called by rv32_run().
 */
#include "rv32_insn.h"

#include <string.h>

enum fast_op {
	OTHER, /* also what a place that holds nothing yet has */
	ADD, SUB, SLL, SLTU, XOR, SRL, SRA, OR, AND,
	ADDI, SLLI, SLTIU, XORI, SRLI, SRAI, ORI, ANDI,
	LUI, LW, LBU, SW, SB, BEQ, BNE, BLT, BGE, BLTU, BGEU, J, JAL, JR, JALR,
};

/* By funct3; OTHER, which is 0, where there is none. */
static const uint8_t register_ops[8] = {
	ADD, SLL, OTHER, SLTU, XOR, SRL, OR, AND,
};
static const uint8_t immediate_ops[8] = {
	ADDI, SLLI, OTHER, SLTIU, XORI, SRLI, ORI, ANDI,
};
static const uint8_t branch_ops[8] = {
	BEQ, BNE, OTHER, OTHER, BLT, BGE, BLTU, BGEU,
};
static const uint8_t load_ops[8] = { [2] = LW, [4] = LBU };
static const uint8_t store_ops[8] = { [0] = SB, [2] = SW };

static enum fast_op alternate_op(uint32_t kind, enum fast_op sub,
				 enum fast_op sra)
{
	return kind == 0 ? sub : kind == 5 ? sra : OTHER;
}

/* Of those that write a register. */
static enum fast_op writing_op(uint32_t insn)
{
	uint32_t kind = rv32_funct3(insn), funct7 = insn >> 25;
	bool is_shift = kind == 1 || kind == 5;

	switch (insn & 0x7f) {
	case 0x03:
		return load_ops[kind];
	case 0x13:
		if (is_shift && funct7)
			return funct7 == 0x20 ? alternate_op(kind, OTHER, SRAI) :
						OTHER;
		return immediate_ops[kind];
	case 0x33:
		if (funct7 == 0x20)
			return alternate_op(kind, SUB, SRA);
		return funct7 ? OTHER : register_ops[kind];
	case 0x37:
		return LUI;
	case 0x67:
		return kind ? OTHER : JALR;
	case 0x6f:
		return JAL;
	}
	return OTHER;
}

static enum fast_op op_of(uint32_t insn)
{
	switch (insn & 0x7f) {
	case 0x23:
		return store_ops[rv32_funct3(insn)];
	case 0x63:
		return branch_ops[rv32_funct3(insn)];
	}
	if (rv32_rd(insn))
		return writing_op(insn);
	if ((insn & 0x7f) == 0x6f)
		return J;
	return (insn & 0x707f) == 0x67 ? JR : OTHER;
}

static uint32_t immediate(uint32_t insn)
{
	switch (insn & 0x7f) {
	case 0x23:
		return rv32_imm_s(insn);
	case 0x37:
		return insn & 0xfffff000;
	case 0x63:
		return rv32_imm_b(insn);
	case 0x6f:
		return rv32_imm_j(insn);
	}
	return rv32_imm_i(insn);
}

static void decode(struct rv32_decoded *d, uint32_t raw)
{
	bool is_whole = (raw & 3) == 3;
	uint32_t insn = is_whole ? raw : rv32_expand((uint16_t)raw);

	*d = (struct rv32_decoded){
		.raw = raw,
		.imm = immediate(insn),
		.op = op_of(insn),
		.rd = rv32_rd(insn),
		.rs1 = insn >> 15 & 31,
		.rs2 = insn >> 20 & 31,
		.size = is_whole ? 4 : 2,
	};
}

/* The instruction at @pc. NULL: it is not in TCM whole. */
static inline const struct rv32_decoded *fetch(struct rv32 *cpu,
					       const struct rv32_bus *bus,
					       uint32_t pc)
{
	struct rv32_decoded *d = &cpu->decoded[pc / 2 % RV32_DECODED];
	uint32_t offset, raw;

	if (!rv32_in_tcm(bus, pc, 4, &offset))
		return NULL;
	memcpy(&raw, bus->tcm + offset, 4);
	if ((raw & 3) != 3)
		raw &= 0xffff;
	if (d->raw != raw)
		decode(d, raw);
	return d;
}

/* Those that compute; false: it is none of them. */
static inline bool compute(const struct rv32_decoded *d, uint32_t a, uint32_t b,
			   uint32_t *to)
{
	switch (d->op) {
	case ADD: *to = a + b; return true;
	case SUB: *to = a - b; return true;
	case SLL: *to = a << (b & 31); return true;
	case SLTU: *to = a < b; return true;
	case XOR: *to = a ^ b; return true;
	case SRL: *to = a >> (b & 31); return true;
	case SRA: *to = (uint32_t)((int32_t)a >> (b & 31)); return true;
	case OR: *to = a | b; return true;
	case AND: *to = a & b; return true;
	case ADDI: *to = a + d->imm; return true;
	case SLLI: *to = a << (d->imm & 31); return true;
	case SLTIU: *to = a < d->imm; return true;
	case XORI: *to = a ^ d->imm; return true;
	case SRLI: *to = a >> (d->imm & 31); return true;
	case SRAI: *to = (uint32_t)((int32_t)a >> (d->imm & 31)); return true;
	case ORI: *to = a | d->imm; return true;
	case ANDI: *to = a & d->imm; return true;
	case LUI: *to = d->imm; return true;
	}
	return false;
}

/* Loads and stores within TCM; false: it is none of them. */
static inline bool access(const struct rv32_decoded *d,
			  const struct rv32_bus *bus, uint32_t a, uint32_t b,
			  uint32_t *to)
{
	uint32_t size = d->op == LBU || d->op == SB ? 1 : 4, offset;

	if (!rv32_in_tcm(bus, a + d->imm, size, &offset))
		return false;
	switch (d->op) {
	case LW: memcpy(to, bus->tcm + offset, 4); return true;
	case LBU: *to = bus->tcm[offset]; return true;
	case SW: memcpy(bus->tcm + offset, &b, 4); return true;
	case SB: bus->tcm[offset] = (uint8_t)b; return true;
	}
	return false;
}

/* Branches and jumps; false: it is none of them. */
static inline bool jump(const struct rv32_decoded *d, uint32_t a, uint32_t b,
			uint32_t *to, uint32_t *pc)
{
	uint32_t next = *pc + d->size, there = *pc + d->imm;

	switch (d->op) {
	case BEQ: *pc = a == b ? there : next; return true;
	case BNE: *pc = a != b ? there : next; return true;
	case BLT: *pc = (int32_t)a < (int32_t)b ? there : next; return true;
	case BGE: *pc = (int32_t)a >= (int32_t)b ? there : next; return true;
	case BLTU: *pc = a < b ? there : next; return true;
	case BGEU: *pc = a >= b ? there : next; return true;
	case JAL: *to = next; *pc = there; return true;
	case J: *pc = there; return true;
	case JALR: *to = next; *pc = (a + d->imm) & ~1u; return true;
	case JR: *pc = (a + d->imm) & ~1u; return true;
	}
	return false;
}

uint32_t rv32_run_fast(struct rv32 *cpu, const struct rv32_bus *bus,
		       uint32_t max_steps)
{
	uint32_t pc = cpu->pc, steps;

	for (steps = 0; steps < max_steps; steps++) {
		const struct rv32_decoded *d = fetch(cpu, bus, pc);
		uint32_t a, b, *to;

		if (!d || d->op == OTHER)
			break;
		a = cpu->x[d->rs1];
		b = cpu->x[d->rs2];
		to = &cpu->x[d->rd];
		if (compute(d, a, b, to) ||
		    (d->op < BEQ && access(d, bus, a, b, to)))
			pc += d->size;
		else if (!jump(d, a, b, to, &pc))
			break;
	}
	cpu->pc = pc;
	cpu->minstret += steps;
	return steps;
}
