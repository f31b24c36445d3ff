/* SPDX-License-Identifier: MIT */
/*
 * The machine's state, for the files that make it up: core.c (life and the run
 * loop), host.c (registers the host sees), boot.c, controller.c (registers and
 * windows the controller sees), memory.c (the way to memory), job.c (cores), power.c
 * (clocks, energy, heat) and inject.c (errors on purpose).
 *
 * struct host_side and the atomics of struct inject alone are shared between
 * threads; everything else belongs to the runner.
 */
#ifndef NPU_MACHINE_H
#define NPU_MACHINE_H

#include "dma_memo.h"
#include "hazard.h"
#include "inject.h"
#include "mmu.h"
#include "npu_core.h"
#include "plan.h"
#include "rv32.h"
#include "unit.h"

#include <stdatomic.h>

struct boot_registers {
	_Atomic uint32_t image_lo, image_hi, image_size;
	_Atomic uint32_t arg_lo, arg_hi;
};

/* Written by any thread, atomics only; see host.c for who writes what. */
struct host_side {
	_Atomic uint32_t requests;	/* NPU_CTRL_* and a number above */
	_Atomic uint32_t boot_status;
	_Atomic bool is_in_dma;
	struct boot_registers regs;
	struct boot_registers boot;	/* latched with the request to boot */
	_Atomic uint32_t scratch[NPU_SCRATCH_COUNT];
	_Atomic uint32_t reads, writes, rings, interrupts;
	_Atomic uint64_t doorbells;
};

/* Bytes from @low up to @high of what a window shows are at @host, while it lasts. */
struct window_view {
	uint64_t epoch;
	uint32_t low;
	uint32_t high;
	bool is_writable;
	uint8_t *host;
};

struct window {
	uint32_t base_lo;
	uint32_t base_hi;
	uint32_t limit;
	uint32_t ctrl;
	uint32_t fault;
	struct window_view view;
};

/* The registers that start a job; latched when it starts. */
struct job_registers {
	uint32_t context;
	uint32_t cmd_lo, cmd_hi, cmd_count;
	uint32_t region_lo, region_hi, region_count;
	uint32_t slot;
};

/* Time and energy, all of it and that of the die alone. */
struct meter {
	uint64_t ns;
	uint64_t fj;
	uint64_t die_fj;
};

/* What a core has used since it was measured last, its finished jobs among it. */
struct core_power {
	uint32_t gate;		/* enum npu_core_gate */
	uint64_t idle_since;	/* if it has no job */
	uint64_t idle_fj;
	struct meter meter;
};

/* All of a job that outlasts a preemption. */
struct job_state {
	struct job_registers regs;
	uint32_t next;		/* command */
	struct npu_region regions[NPU_MAX_REGIONS];
	struct npu_timeline timeline;
	struct npu_totals totals;
	struct meter metered;	/* of it: what the meter knows */
	struct hazard hazard;
};

#define NO_CONTEXT UINT32_MAX
#define NO_SLOT UINT32_MAX

#define PAGE_VIEWS 8

/* Where the host has a page of the job's, within a command. */
struct page_view {
	uint64_t command;	/* number of it; 0: nothing */
	uint64_t page;
	bool is_writable;
	uint64_t seal;		/* of a page that is read; see npu_core.h */
	uint8_t *host;
};

struct unit_core {
	struct npu_core *machine;
	uint32_t number;
	struct job_registers regs;
	uint32_t slice;		/* in force at once */

	/* The job that runs or ran last */
	struct job_state job;
	enum npu_core_state state;
	bool has_interrupt;
	bool is_resumed;	/* since it was started last */
	bool is_loaded;		/* its region table is, and SRAM is its own */
	bool is_stuck;		/* it waits for what will never be */
	bool is_apart;		/* a thread executes a command without the lock */
	uint32_t first;		/* command, and cycles, at the last start */
	uint64_t first_cycle;
	struct unit_ctx ctx;
	struct unit_fault fault;
	uint32_t fault_unit;
	uint64_t command;	/* counts them, for the views */
	struct page_view views[PAGE_VIEWS];

	struct core_power power;
	struct mmu mmu;		/* its own, since it may be apart */

	/* The last regions, and a number that no others have had: see plan.h */
	struct npu_region regions[NPU_MAX_REGIONS];
	uint32_t region_count;
	uint64_t regions_number;

	uint32_t sram_owner;	/* context whose data the SRAM may hold */
	uint8_t *sram;
};

/* What outlasts a reset, but for the operating point. */
struct power {
	_Atomic uint32_t opp;
	uint64_t measured_at;
	uint64_t idle_fj;
	struct meter meter;
	int64_t heat_nk;	/* nanokelvin above what is around */
};

struct npu_core {
	struct npu_machine config;
	const struct npu_host_ops *ops;
	void *opaque;
	struct host_side host;
	struct inject inject;
	struct power power;

	struct rv32 cpu;
	struct rv32_bus bus;
	uint64_t timecmp;
	uint32_t time_hi;	/* latched by reading NPU_SYS_TIME_LO */
	uint32_t irq_enable;
	uint32_t arg_lo, arg_hi;

	struct mmu mmu;		/* the controller's; each core has one alike */
	uint64_t inv_addr;
	uint64_t inv_size;
	struct window windows[NPU_WINDOW_COUNT];
	uint64_t epoch;		/* changes with what views are made of */

	struct unit_core cores[NPU_MAX_CORES];
	bool is_slot_full[NPU_CORE_SLOTS];
	uint32_t apart;		/* cores that are, see job.c */
	bool has_run;		/* the controller, in this slice */
	struct dma_memo memos[NPU_MAX_CORES];
	struct plan *plans;
	bool is_planned[PLAN_COUNT];
	uint64_t regions_count;	/* numbers given */
	uint8_t tcm[NPU_TCM_SIZE] __attribute__((aligned(8)));
	uint8_t image[NPU_IMAGE_MAX_SIZE] __attribute__((aligned(8)));
	struct job_state slots[NPU_CORE_SLOTS];	/* of preempted jobs; if full */
};

/* core.c */
void machine_trace(struct npu_core *core, const struct npu_trace *trace);
/* Set the interrupt inputs of the controller from their sources. */
void machine_update_irqs(struct npu_core *core);

/* host.c */
void host_init(struct npu_core *core);
/* A reset's part in what the host sees; the access counters stay. */
void host_reset(struct npu_core *core);
/* What a write to NPU_REG_CTRL asks for. */
void host_write_ctrl(struct npu_core *core, uint32_t wanted);
/* The runner has done what it found in core->host.requests. */
void host_finish(struct npu_core *core, uint32_t done);
/* One of the host's configuration registers, below NPU_REG_CONFIG_END. */
uint32_t host_config(const struct npu_core *core, uint32_t offset);

/* boot.c: what the boot ROM does; returns why it refuses. */
enum npu_boot_refusal boot_image(struct npu_core *core, uint64_t address,
				 uint32_t size);

/* controller.c */
/* Interrupt the host, unless it is resetting the machine. */
void machine_raise_irq(struct npu_core *core, uint32_t vector);
void controller_init(struct npu_core *core);

/*
 * memory.c: all DMA goes through these two. 0, or -1 if the bus refuses or a
 * reset was asked for: from then on nothing more of the old run gets out.
 */
int machine_dma_read(struct npu_core *core, uint64_t address, void *buffer,
		     size_t size);
int machine_dma_write(struct npu_core *core, uint64_t address,
		      const void *buffer, size_t size);
/* Where the host has it, if it can tell; NULL as those two refuse. */
void *machine_reach(struct npu_core *core, uint64_t address, size_t size,
		    bool is_write);
/* Where a context's address leads, or why nowhere. */
enum npu_fault memory_translate(struct npu_core *core, struct mmu *mmu,
				uint32_t context, uint64_t address,
				bool is_write, uint64_t *bus);
/* Through a context's page table; the fault is of the first byte that failed. */
int memory_access(struct npu_core *core, struct mmu *mmu, uint32_t context,
		  uint64_t address, void *buffer, uint32_t size, bool is_write,
		  struct unit_fault *fault);

/* power.c */
void power_init(struct npu_core *core);
void power_reset(struct npu_core *core);
/* A job gets a core, and leaves it. */
void power_job_begins(struct unit_core *unit);
void power_job_ends(struct unit_core *unit);
/* Whatever it did, the core is idle now, with its clock at rest. */
void power_core_reset(struct unit_core *unit);
/* Writes of the registers; what there is not is ignored. */
void power_set_gate(struct unit_core *unit, uint32_t gate);
void power_set_opp(struct npu_core *core, uint32_t opp);
/* Bring power.meter, idle_fj and heat up to date. */
void power_measure(struct npu_core *core);
uint32_t power_temperature_mc(struct npu_core *core);

/* job.c */
void job_lose_sram(struct unit_core *unit);
void job_reset(struct unit_core *unit);
/* Can it do something now? */
bool job_is_runnable(const struct unit_core *unit);
/* One step: load the job's tables, or execute a command, or finish. */
void job_step(struct unit_core *unit);
/* The registers at NPU_CORE_BASE; false: no such register. */
bool job_read(struct unit_core *unit, uint32_t offset, uint32_t *value);
bool job_write(struct unit_core *unit, uint32_t offset, uint32_t value);

#endif
