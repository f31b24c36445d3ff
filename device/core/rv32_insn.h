/* SPDX-License-Identifier: MIT */
/*
 * Fields of instructions, and what the files of the processor (rv32.c,
 * rv32_fast.c) share. Nobody else includes it.
 */
#ifndef NPU_RV32_INSN_H
#define NPU_RV32_INSN_H

#include "rv32.h"

static inline uint32_t rv32_rd(uint32_t insn)
{
	return (insn >> 7) & 31;
}

static inline uint32_t rv32_funct3(uint32_t insn)
{
	return (insn >> 12) & 7;
}

static inline uint32_t rv32_imm_i(uint32_t insn)
{
	return (uint32_t)((int32_t)insn >> 20);
}

static inline uint32_t rv32_imm_s(uint32_t insn)
{
	return ((uint32_t)((int32_t)insn >> 20) & ~31u) | rv32_rd(insn);
}

static inline uint32_t rv32_imm_b(uint32_t insn)
{
	return ((uint32_t)((int32_t)insn >> 19) & ~0xfffu) |
	       (insn << 4 & 0x800) | (insn >> 20 & 0x7e0) |
	       (insn >> 7 & 0x1e);
}

static inline uint32_t rv32_imm_j(uint32_t insn)
{
	return ((uint32_t)((int32_t)insn >> 11) & ~0xfffffu) |
	       (insn & 0xff000) | (insn >> 9 & 0x800) | (insn >> 20 & 0x7fe);
}

/* True when @size bytes at @address, at @offset of TCM, lie inside it. */
static inline bool rv32_in_tcm(const struct rv32_bus *bus, uint32_t address,
			       uint32_t size, uint32_t *offset)
{
	*offset = address - bus->tcm_base;
	return *offset <= bus->tcm_size - size;
}

/* rv32.c: enter the handler; the instruction at cpu->pc has had no effect. */
void rv32_trap(struct rv32 *cpu, uint32_t cause, uint32_t value);

/*
 * rv32_fast.c: at most @max_steps instructions, which is not 0; up to one that is
 * not frequent, or one that reached the bus and left an interrupt to take. Returns
 * how many, a load or store that was refused, and trapped, among them.
 */
uint32_t rv32_run_fast(struct rv32 *cpu, const struct rv32_bus *bus,
		       uint32_t max_steps);

#endif
