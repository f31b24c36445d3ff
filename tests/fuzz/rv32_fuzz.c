// SPDX-License-Identifier: MIT
/*
 * The processor on random instructions: whatever they are, it stays within the
 * TCM and the bus it was given, keeps x0 zero and its program counter even, and
 * takes no more steps than allowed.
 */
#include "tests/fuzz/fuzz.h"

#include "rv32.h"

#include <stdlib.h>
#include <string.h>

#define TCM_BASE 0x10000000u
#define TCM_SIZE 4096u
#define STEPS 2000u
#define SLICE 50u

/* Half of the bus answers, with what depends on the address alone. */
static int bus_load(void *opaque, uint32_t address, unsigned int size,
		    uint32_t *value)
{
	if (size != 1 && size != 2 && size != 4)
		abort();
	*value = address * 2654435761u >> (32 - 8 * size);
	return address >> 31;
}

static int bus_store(void *opaque, uint32_t address, unsigned int size,
		     uint32_t value)
{
	struct rv32 *cpu = opaque;

	if (size < 4 && value >> 8 * size)
		abort();
	cpu->must_stop = address & 4;
	return address >> 31;
}

static void check(const struct rv32 *cpu)
{
	if (cpu->x[0] || (cpu->pc & 1) || (cpu->mepc & 1) ||
	    (cpu->mtvec & 2) || (cpu->mie & ~RV32_IRQ_ALL) ||
	    (cpu->mip & ~RV32_IRQ_ALL))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* On the heap, exactly as long as it is: the sanitizer sees the edge. */
	uint8_t *tcm = calloc(1, TCM_SIZE);
	struct rv32_bus bus = {
		.tcm = tcm, .tcm_base = TCM_BASE, .tcm_size = TCM_SIZE,
		.load = bus_load, .store = bus_store,
	};
	static struct rv32 cpu;
	uint32_t steps, taken, i;

	memcpy(tcm, data, size < TCM_SIZE ? size : TCM_SIZE);
	rv32_reset(&cpu, TCM_BASE);
	bus.opaque = &cpu;
	for (i = 1; i < 32; i++)
		cpu.x[i] = TCM_BASE + i * (TCM_SIZE / 31);
	for (steps = 0; steps < STEPS; steps += SLICE) {
		rv32_set_irq(&cpu, RV32_IRQ_ALL, false);
		rv32_set_irq(&cpu, steps * 0x9e3779b9u >> 16, true);
		taken = rv32_run(&cpu, &bus, SLICE);
		if (taken > SLICE)
			abort();
		check(&cpu);
	}
	free(tcm);
	return 0;
}
