// SPDX-License-Identifier: MIT
/*
 * The frequent instructions, decoded once and kept: what firmware executes most,
 * as long as it touches nothing but registers and TCM, so that neither interrupts
 * nor the bus come into it. All others, and whatever fails, are left to rv32.c,
 * which can do these, too. Called by rv32_run().
 */
#include "rv32_insn.h"

#include <string.h>

/* Those that compute: what they write, of the registers a and b and d->imm. */
#define COMPUTING(X)                                        \
	X(ADD, a + b)                                       \
	X(SUB, a - b)                                       \
	X(SLL, a << (b & 31))                               \
	X(SLT, (int32_t)a < (int32_t)b)                     \
	X(SLTU, a < b)                                      \
	X(XOR, a ^ b)                                       \
	X(SRL, a >> (b & 31))                               \
	X(SRA, (uint32_t)((int32_t)a >> (b & 31)))          \
	X(OR, a | b)                                        \
	X(AND, (a & b))                                     \
	X(MUL, (a * b))                                     \
	X(ADDI, a + d->imm)                                 \
	X(SLLI, a << (d->imm & 31))                         \
	X(SLTI, (int32_t)a < (int32_t)d->imm)               \
	X(SLTIU, a < d->imm)                                \
	X(XORI, a ^ d->imm)                                 \
	X(SRLI, a >> (d->imm & 31))                         \
	X(SRAI, (uint32_t)((int32_t)a >> (d->imm & 31)))    \
	X(ORI, a | d->imm)                                  \
	X(ANDI, a & d->imm)                                 \
	X(LUI, d->imm)                                      \
	X(AUIPC, pc + d->imm)

/* Loads and stores: of which type, to or from which register. */
#define LOADING(X) X(LB, int8_t) X(LH, int16_t) X(LW, uint32_t) \
	X(LBU, uint8_t) X(LHU, uint16_t)
#define STORING(X) X(SB, uint8_t) X(SH, uint16_t) X(SW, uint32_t)

/* Branches: when they are taken. */
#define BRANCHING(X)                         \
	X(BEQ, a == b)                       \
	X(BNE, a != b)                       \
	X(BLT, (int32_t)a < (int32_t)b)      \
	X(BGE, (int32_t)a >= (int32_t)b)     \
	X(BLTU, a < b)                       \
	X(BGEU, a >= b)

enum fast_op {
	OTHER, /* also what a place that holds nothing yet has */
#define X(op, ...) op,
	COMPUTING(X) LOADING(X) STORING(X) BRANCHING(X)
#undef X
	J, JAL, JR, JALR,
	COMPRESSED, /* the same ones, two bytes long */
};

/* By funct3; OTHER, which is 0, where there is none. */
static const uint8_t register_ops[8] = {
	ADD, SLL, SLT, SLTU, XOR, SRL, OR, AND,
};
static const uint8_t immediate_ops[8] = {
	ADDI, SLLI, SLTI, SLTIU, XORI, SRLI, ORI, ANDI,
};
static const uint8_t branch_ops[8] = {
	BEQ, BNE, OTHER, OTHER, BLT, BGE, BLTU, BGEU,
};
static const uint8_t load_ops[8] = { LB, LH, LW, OTHER, LBU, LHU };
static const uint8_t store_ops[8] = { SB, SH, SW };

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
	case 0x17:
		return AUIPC;
	case 0x33:
		if (funct7 == 0x20)
			return alternate_op(kind, SUB, SRA);
		if (funct7 == 1)
			return kind ? OTHER : MUL;
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
	case 0x17:
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
	enum fast_op op = op_of(insn);

	*d = (struct rv32_decoded){
		.raw = is_whole ? raw : raw & 0xffff,
		.imm = immediate(insn),
		.unused = is_whole ? 0 : 0xffff0000,
		.op = is_whole || op == OTHER ? op : op + COMPRESSED,
		.rd = rv32_rd(insn),
		.rs1 = insn >> 15 & 31,
		.rs2 = insn >> 20 & 31,
	};
}

/*
 * Each instruction appears twice below, whole and compressed: with its size and
 * what it does known from where it is, the host can begin the next ones early.
 */
#define CASES(name, action)             \
	case name:                      \
		size = 4;               \
		action;                 \
		break;                  \
	case name + COMPRESSED:         \
		size = 2;               \
		action;                 \
		break;

#define COMPUTE(name, value) CASES(name, *to = (value); pc += size)

#define LOAD(name, type) CASES(name, {                               \
	type value;                                                  \
	if (!rv32_in_tcm(bus, a + d->imm, sizeof(value), &offset))   \
		goto out;                                            \
	memcpy(&value, bus->tcm + offset, sizeof(value));            \
	*to = (uint32_t)value;                                       \
	pc += size;                                                  \
})

#define STORE(name, type) CASES(name, {                              \
	type value = (type)b;                                        \
	if (!rv32_in_tcm(bus, a + d->imm, sizeof(value), &offset))   \
		goto out;                                            \
	memcpy(bus->tcm + offset, &value, sizeof(value));            \
	pc += size;                                                  \
})

#define BRANCH(name, is_taken) CASES(name, {   \
	if (is_taken)                          \
		pc += d->imm;                  \
	else                                   \
		pc += size;                    \
})

uint32_t rv32_run_fast(struct rv32 *cpu, const struct rv32_bus *bus,
		       uint32_t max_steps)
{
	uint32_t pc = cpu->pc, steps;

	for (steps = 0; steps < max_steps; steps++) {
		struct rv32_decoded *d = &cpu->decoded[pc / 2 % RV32_DECODED];
		uint32_t a, b, raw, offset, size, *to;

		if (!rv32_in_tcm(bus, pc, 4, &offset))
			break;
		memcpy(&raw, bus->tcm + offset, 4);
		if ((d->raw ^ raw) & ~d->unused)
			decode(d, raw);
		a = cpu->x[d->rs1];
		b = cpu->x[d->rs2];
		to = &cpu->x[d->rd];
		switch (d->op) {
		COMPUTING(COMPUTE)
		LOADING(LOAD)
		STORING(STORE)
		BRANCHING(BRANCH)
		CASES(J, pc += d->imm)
		CASES(JAL, *to = pc + size; pc += d->imm)
		CASES(JR, pc = (a + d->imm) & ~1u)
		CASES(JALR, *to = pc + size; pc = (a + d->imm) & ~1u)
		default:
			goto out;
		}
	}
out:
	cpu->pc = pc;
	cpu->minstret += steps;
	return steps;
}
