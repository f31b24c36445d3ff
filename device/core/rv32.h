/* SPDX-License-Identifier: MIT */
/*
 * The controller's processor: RV32IMC with Zicsr and Zifencei, machine mode
 * only. The machine (core.c) runs it in bounded slices. It knows nothing but
 * its registers, a flat memory it is handed (TCM) and a bus for all the rest.
 *
 * Choices the RISC-V manuals leave open:
 * - Instructions are fetched from TCM only; elsewhere is an access fault.
 * - Misaligned loads and stores work inside TCM; elsewhere the bus decides,
 *   and what it refuses is an access fault, never "misaligned".
 * - Every step takes one cycle; mcycle and minstret differ only by the
 *   instructions that trapped.
 * - WFI ends the slice until an enabled interrupt is pending.
 * - mtval holds the address of a faulting access, the bits of an illegal
 *   instruction, the address of an ebreak, and 0 for ecall and interrupts.
 * - Compressed hints do nothing; every other reserved encoding is illegal.
 */
#ifndef NPU_RV32_H
#define NPU_RV32_H

#include <stdbool.h>
#include <stdint.h>

enum rv32_cause {
	RV32_FETCH_ACCESS = 1,
	RV32_ILLEGAL = 2,
	RV32_BREAKPOINT = 3,
	RV32_LOAD_ACCESS = 5,
	RV32_STORE_ACCESS = 7,
	RV32_ECALL = 11,
};

#define RV32_CAUSE_INTERRUPT 0x80000000u

/* Bits of mip and mie; inputs of rv32_set_irq(). */
#define RV32_IRQ_SOFTWARE (1u << 3)
#define RV32_IRQ_TIMER (1u << 7)
#define RV32_IRQ_EXTERNAL (1u << 11)
#define RV32_IRQ_ALL (RV32_IRQ_SOFTWARE | RV32_IRQ_TIMER | RV32_IRQ_EXTERNAL)

#define RV32_MSTATUS_MIE (1u << 3)
#define RV32_MSTATUS_MPIE (1u << 7)
#define RV32_MSTATUS_MPP (3u << 11)

#define RV32_MISA 0x40001104u

/* What is written to x0 goes to another place. */
#define RV32_SINK 32

/* Halfwords from the start of TCM whose instructions are kept decoded. */
#define RV32_DECODED 32768

struct rv32 {
	uint32_t x[RV32_SINK + 1];
	uint32_t pc;
	uint32_t mstatus;
	uint32_t mie;
	uint32_t mip;
	uint32_t mtvec;
	uint32_t mscratch;
	uint32_t mepc;
	uint32_t mcause;
	uint32_t mtval;
	uint64_t minstret;
	uint64_t cycles_ahead;	/* mcycle - minstret: one for each trap */
	bool is_waiting;	/* in WFI */
	bool must_stop;		/* a bus access asked to end the slice */

	/*
	 * Frequent instructions by their place in TCM, for rv32_fast.c; the two
	 * behind the last end its way. They are made of bytes from @code_low up to
	 * @code_high: what is stored there is forgotten.
	 */
	uint32_t code_low, code_high;
	struct rv32_decoded {
		uint8_t op, rd, rs1, rs2;
		uint32_t imm;
	} decoded[RV32_DECODED + 2];

	/* The same as instructions of the host, made when first it runs. */
	struct rv32_code *code;
	bool is_interpreted;	/* there is no such thing; may be set by others */
	bool is_eager;		/* what runs once is translated, for tests */
};

/*
 * What surrounds the processor. @load and @store see accesses of 1, 2 or 4
 * bytes, aligned or not, that do not lie in TCM whole, and return 0, or non-zero
 * for an access fault. @tcm_size is at least 4. @time may be NULL (reads 0).
 */
struct rv32_bus {
	uint8_t *tcm;
	uint32_t tcm_base;
	uint32_t tcm_size;
	int (*load)(void *opaque, uint32_t address, unsigned int size,
		    uint32_t *value);
	int (*store)(void *opaque, uint32_t address, unsigned int size,
		     uint32_t value);
	uint64_t (*time)(void *opaque);
	void *opaque;
};

/*
 * Everything zero but the program counter; nothing is decoded. Before the first time
 * everything is zero.
 */
void rv32_reset(struct rv32 *cpu, uint32_t pc);

/* The end of it: what it has allocated is free again. */
void rv32_free(struct rv32 *cpu);

/* Whoever else changes bytes of TCM, and has not reset the processor since, says so. */
void rv32_forget(struct rv32 *cpu, uint32_t offset, uint32_t size);

/* Set the interrupt inputs in @mask (RV32_IRQ_*) as they are in @levels. */
static inline void rv32_set_irqs(struct rv32 *cpu, uint32_t mask,
				 uint32_t levels)
{
	mask &= RV32_IRQ_ALL;
	cpu->mip = (cpu->mip & ~mask) | (levels & mask);
}

/* Likewise all in @irqs alike. */
void rv32_set_irq(struct rv32 *cpu, uint32_t irqs, bool is_high);

/* True when the processor waits and no enabled interrupt would wake it. */
bool rv32_is_asleep(const struct rv32 *cpu);

/*
 * Execute at most @max_steps instructions (a trap counts as one). Ends early
 * in WFI and when a bus access sets cpu->must_stop, which is cleared here.
 * Returns the steps taken.
 */
uint32_t rv32_run(struct rv32 *cpu, const struct rv32_bus *bus,
		  uint32_t max_steps);

/* The 32-bit equivalent of a compressed instruction; 0 if it is illegal. */
uint32_t rv32_expand(uint16_t insn);

#endif
