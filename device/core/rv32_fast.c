// SPDX-License-Identifier: MIT
/*
 * The frequent instructions, decoded once and kept: what firmware executes most, as
 * long as nothing traps. All others, whatever fails, and code that lies too far up
 * in TCM are left to rv32.c, which can do these, too. Called by rv32_run().
 *
 * Each instruction ends with jumps of its own to the next one's code, from which
 * the host's processor learns what usually follows.
 */
#include "rv32_insn.h"

#include <stdatomic.h>
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
	X(LUI, d->imm)

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
	NEW, /* not decoded yet; all zeroes */
	OTHER,
#define X(op, ...) op,
	COMPUTING(X) LOADING(X) STORING(X) BRANCHING(X)
#undef X
	JAL, JALR, FENCE, FENCE_LIGHT,
	COMPRESSED, /* the same ones, two bytes long */
};

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

static void decode(struct rv32 *cpu, const struct rv32_bus *bus,
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

	if (!size)
		return;
	for (place = offset / 2 ? offset / 2 - 1 : 0;
	     place <= last && place < RV32_DECODED; place++)
		cpu->decoded[place].op = NEW;
}

/* --- Execution ------------------------------------------------------------------- */

static bool refuse(struct rv32 *cpu, uint32_t cause, uint32_t address)
{
	rv32_trap(cpu, cause, address);
	cpu->cycles_ahead++;
	return false;
}

static bool store_to_bus(struct rv32 *cpu, const struct rv32_bus *bus,
			 uint32_t address, uint32_t value, uint32_t size)
{
	if (size < 4)
		value &= (1u << 8 * size) - 1;
	return !bus->store(bus->opaque, address, size, value) ||
	       refuse(cpu, RV32_STORE_ACCESS, address);
}

/* Of the instruction at cpu->pc. False: it was refused, which is a trap. */
static bool access_bus(struct rv32 *cpu, const struct rv32_bus *bus,
		       const struct rv32_decoded *d, enum fast_op op)
{
	uint32_t address = cpu->x[d->rs1] + d->imm + bus->tcm_base;
	uint32_t size = op == LW || op == SW ? 4 : op == LB || op == LBU ||
			op == SB ? 1 : 2;
	uint32_t value = 0;

	if (op >= SB)
		return store_to_bus(cpu, bus, address, cpu->x[d->rs2], size);
	if (bus->load(bus->opaque, address, size, &value))
		return refuse(cpu, RV32_LOAD_ACCESS, address);
	if (size == 1)
		value = op == LB ? (uint32_t)(int8_t)value : (uint8_t)value;
	else if (size == 2)
		value = op == LH ? (uint32_t)(int16_t)value : (uint16_t)value;
	cpu->x[d->rd] = value;
	return true;
}

static bool must_leave(const struct rv32 *cpu)
{
	return cpu->must_stop || ((cpu->mip & cpu->mie) &&
				  (cpu->mstatus & RV32_MSTATUS_MIE));
}

#define A cpu->x[d->rs1]
#define B cpu->x[d->rs2]
#define PC (bus->tcm_base + 2 * (uint32_t)(d - cpu->decoded))

/*
 * Where a jump with a condition goes is predicted from far more of what came before
 * than where a computed one goes; firmware's rounds are longer than processors
 * remember of these. So the most frequent are asked for by name.
 */
#define WHOLE(name) if (op == name) goto do_##name;
#define HALF(name) if (op == name + COMPRESSED) goto do_compressed_##name;
#define FREQUENT(X) X(LW) X(SW) X(ADDI)

#define GO                          \
	do {                        \
		uint32_t op = d->op; \
		FREQUENT(WHOLE)     \
		FREQUENT(HALF)      \
		goto *labels[op];   \
	} while (0)
#define GO_ON(entries)          \
	do {                    \
		d += (entries); \
		if (!--left)    \
			goto out; \
		GO;             \
	} while (0)

/* Each instruction appears twice below: whole and compressed, which is a constant. */
#define CASES(name, ...)                       \
	do_##name: {                           \
		const int size = 2;            \
		__VA_ARGS__;                   \
	}                                      \
	do_compressed_##name: {                \
		const int size = 1;            \
		__VA_ARGS__;                   \
	}

#define COMPUTE(name, value) CASES(name, {      \
	uint32_t a = A, b = B;                  \
	(void)a;                                \
	(void)b;                                \
	cpu->x[d->rd] = (uint32_t)(value);      \
	GO_ON(size);                            \
})

#define LOAD(name, type) CASES(name, {          \
	uint32_t offset = A + d->imm;           \
	type value;                             \
	if (offset > last_word)                 \
		goto beyond;                    \
	memcpy(&value, tcm + offset, sizeof(value)); \
	cpu->x[d->rd] = (uint32_t)value;        \
	GO_ON(size);                            \
})

#define STORE(name, type) CASES(name, {         \
	uint32_t offset = A + d->imm;           \
	type value = (type)B;                   \
	if (offset > last_word)                 \
		goto beyond;                    \
	memcpy(tcm + offset, &value, sizeof(value)); \
	if (offset < cpu->code_high && offset + 4 > cpu->code_low) \
		rv32_forget(cpu, offset, sizeof(value)); \
	GO_ON(size);                            \
})

#define BRANCH(name, is_taken) CASES(name, {    \
	uint32_t a = A, b = B;                  \
	if (is_taken)                           \
		GO_ON((int32_t)d->imm);         \
	GO_ON(size);                            \
})

#define LABEL(name, ...) [name] = &&do_##name, \
	[name + COMPRESSED] = &&do_compressed_##name,

uint32_t rv32_run_fast(struct rv32 *cpu, const struct rv32_bus *bus,
		       uint32_t max_steps)
{
	static const void *const labels[] = {
		[NEW] = &&do_new,
		[OTHER] = &&out,
		COMPUTING(LABEL) LOADING(LABEL) STORING(LABEL) BRANCHING(LABEL)
		LABEL(JAL) LABEL(JALR) LABEL(FENCE) LABEL(FENCE_LIGHT)
	};
	uint32_t left = max_steps, counted = max_steps, place, link;
	const uint32_t last_word = bus->tcm_size - 4;
	uint8_t *const tcm = bus->tcm;
	struct rv32_decoded *d;

	place = (cpu->pc - bus->tcm_base) / 2;
	if (place >= RV32_DECODED)
		return 0;
	d = &cpu->decoded[place];
	GO;

do_new:
	decode(cpu, bus, d);
	GO;

	COMPUTING(COMPUTE)
	LOADING(LOAD)
	STORING(STORE)
	BRANCHING(BRANCH)
	CASES(FENCE, atomic_thread_fence(memory_order_seq_cst); GO_ON(size))
	CASES(FENCE_LIGHT, atomic_thread_fence(memory_order_acq_rel);
	      GO_ON(size))
	CASES(JAL, cpu->x[d->rd] = PC + 2 * size; GO_ON((int32_t)d->imm))
	CASES(JALR, place = (A + d->imm - bus->tcm_base) / 2;
	      if (place >= RV32_DECODED) goto out;
	      link = PC + 2 * size;
	      cpu->x[d->rd] = link;
	      GO_ON(&cpu->decoded[place] - d))

beyond:
	if (A + d->imm < bus->tcm_size)
		goto out; /* it begins in the last word */
	cpu->minstret += counted - left; /* whom it reaches may ask */
	counted = left;
	link = d->op > COMPRESSED;
	cpu->pc = PC;
	if (!access_bus(cpu, bus, d, link ? d->op - COMPRESSED : d->op))
		return max_steps - left + 1;
	d += 2 - link;
	if (--left && !must_leave(cpu))
		GO;
out:
	cpu->pc = PC;
	cpu->minstret += counted - left;
	return max_steps - left;
}
