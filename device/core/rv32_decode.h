/* SPDX-License-Identifier: MIT */
/*
 * Frequent instructions as they are kept: decoded once, for those who execute them
 * (rv32_fast.c) or translate them (rv32_x86.c). Nobody else includes it.
 */
#ifndef NPU_RV32_DECODE_H
#define NPU_RV32_DECODE_H

#include "rv32_insn.h"

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

/*
 * What is at @d, which is NEW, from the bytes there; from now on it is noticed when
 * they change. Of loads and stores the immediate counts from the start of TCM, of
 * jumps it counts entries; of AUIPC it is the sum.
 */
void rv32_decode(struct rv32 *cpu, const struct rv32_bus *bus,
		 struct rv32_decoded *d);

static inline bool rv32_is_compressed(enum fast_op op)
{
	return op > COMPRESSED;
}

/* The same instruction, four bytes long. */
static inline enum fast_op rv32_whole_op(enum fast_op op)
{
	return rv32_is_compressed(op) ? op - COMPRESSED : op;
}

#endif
