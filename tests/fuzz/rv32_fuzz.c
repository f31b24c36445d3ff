// SPDX-License-Identifier: MIT
/*
 * The processor on random instructions: whatever they are, it stays within the
 * TCM and the bus it was given, keeps x0 zero and its program counter even, and
 * takes no more steps than allowed. One that interprets and one that translates all
 * that it meets do the same, with the same steps, and ask the bus for the same.
 */
#include "tests/fuzz/fuzz.h"

#include "rv32.h"

#include <stdlib.h>
#include <string.h>

#define TCM_BASE 0x10000000u
#define TCM_SIZE 4096u
#define STEPS 2000u
#define SLICE 50u

struct side {
	struct rv32 cpu;
	struct rv32_bus bus;
	uint8_t *tcm;
	uint64_t asked;	/* digest of what the bus was asked for, and when */
};

static struct side interpreter = { .cpu.is_interpreted = true };
static struct side translator = { .cpu.is_eager = true };

static void note(struct side *side, uint32_t address, uint32_t size, uint32_t value)
{
	const uint64_t words[] = { address, size, value, side->cpu.pc,
				   side->cpu.minstret };
	uint32_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		side->asked = (side->asked ^ words[i]) * 0x100000001b3u;
}

/* Half of the bus answers, with what depends on the address alone. */
static int bus_load(void *opaque, uint32_t address, unsigned int size,
		    uint32_t *value)
{
	if (size != 1 && size != 2 && size != 4)
		abort();
	note(opaque, address, size, 0);
	*value = address * 2654435761u >> (32 - 8 * size);
	return address >> 31;
}

/* A store may end the slice, have an interrupt raised, or change what is in TCM. */
static int bus_store(void *opaque, uint32_t address, unsigned int size,
		     uint32_t value)
{
	struct side *side = opaque;
	uint32_t offset = value % (TCM_SIZE - 4) & ~3u;

	if (size < 4 && value >> 8 * size)
		abort();
	note(side, address, size, value);
	side->cpu.must_stop = address & 4;
	rv32_set_irq(&side->cpu, RV32_IRQ_TIMER, address & 8);
	if ((address & 0x70) == 0x70) {
		memcpy(side->tcm + offset, &address, 4);
		rv32_forget(&side->cpu, offset, 4);
	}
	return address >> 31;
}

static void check(const struct rv32 *cpu)
{
	if (cpu->x[0] || (cpu->pc & 1) || (cpu->mepc & 1) ||
	    (cpu->mtvec & 2) || (cpu->mie & ~RV32_IRQ_ALL) ||
	    (cpu->mip & ~RV32_IRQ_ALL))
		abort();
}

static void begin(struct side *side, const uint8_t *data, size_t size)
{
	uint32_t i;

	/* On the heap, exactly as long as it is: the sanitizer sees the edge. */
	side->tcm = calloc(1, TCM_SIZE);
	side->asked = 0;
	side->bus = (struct rv32_bus){
		.tcm = side->tcm, .tcm_base = TCM_BASE, .tcm_size = TCM_SIZE,
		.load = bus_load, .store = bus_store, .opaque = side,
	};
	memcpy(side->tcm, data, size < TCM_SIZE ? size : TCM_SIZE);
	rv32_reset(&side->cpu, TCM_BASE);
	for (i = 1; i < 32; i++)
		side->cpu.x[i] = TCM_BASE + i * (TCM_SIZE / 31);
}

static uint32_t run(struct side *side, uint32_t irqs, uint32_t steps)
{
	uint32_t taken;

	rv32_set_irq(&side->cpu, RV32_IRQ_ALL, false);
	rv32_set_irq(&side->cpu, irqs, true);
	taken = rv32_run(&side->cpu, &side->bus, steps);
	if (taken > steps)
		abort();
	check(&side->cpu);
	return taken;
}

/* All but what x[RV32_SINK] holds, which nobody reads. */
static void compare(const struct side *a, const struct side *b)
{
	if (a->asked != b->asked || memcmp(a->tcm, b->tcm, TCM_SIZE) ||
	    memcmp(a->cpu.x, b->cpu.x, 32 * sizeof(*a->cpu.x)) ||
	    a->cpu.pc != b->cpu.pc || a->cpu.mstatus != b->cpu.mstatus ||
	    a->cpu.mie != b->cpu.mie || a->cpu.mip != b->cpu.mip ||
	    a->cpu.mtvec != b->cpu.mtvec || a->cpu.mscratch != b->cpu.mscratch ||
	    a->cpu.mepc != b->cpu.mepc || a->cpu.mcause != b->cpu.mcause ||
	    a->cpu.mtval != b->cpu.mtval || a->cpu.minstret != b->cpu.minstret ||
	    a->cpu.cycles_ahead != b->cpu.cycles_ahead ||
	    a->cpu.is_waiting != b->cpu.is_waiting)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t steps, slice, irqs;

	begin(&interpreter, data, size);
	begin(&translator, data, size);
	for (steps = 0; steps < STEPS; steps += slice) {
		slice = SLICE + steps % 23;
		irqs = steps * 0x9e3779b9u >> 16;
		if (run(&interpreter, irqs, slice) !=
		    run(&translator, irqs, slice))
			abort();
		compare(&interpreter, &translator);
	}
	free(interpreter.tcm);
	free(translator.tcm);
	return 0;
}
