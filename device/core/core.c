// SPDX-License-Identifier: MIT
/*
 * The machine's life: made, reset and run in slices. See npu_core.h, which this
 * file implements together with host.c.
 */
#include "machine.h"

#include <string.h>

void machine_trace(struct npu_core *core, const struct npu_trace *trace)
{
	struct npu_trace full;

	if (!core->ops->trace)
		return;
	full = *trace;
	full.instructions = core->cpu.minstret;
	core->ops->trace(core->opaque, &full);
}

/* A reset's part in what the runner alone touches. */
static void reset_runner_side(struct npu_core *core)
{
	uint32_t i;

	rv32_reset(&core->cpu, NPU_TCM_BASE);
	core->timecmp = UINT64_MAX;
	core->time_hi = 0;
	core->irq_enable = 0;
	core->arg_lo = 0;
	core->arg_hi = 0;
	mmu_reset(&core->mmu);
	for (i = 0; i < core->config.cores; i++)
		mmu_reset(&core->cores[i].mmu);
	core->inv_addr = 0;
	core->inv_size = 0;
	memset(core->windows, 0, sizeof(core->windows));
	memset(core->tcm, 0, sizeof(core->tcm));
	for (i = 0; i < core->config.cores; i++)
		job_reset(&core->cores[i]);
	memset(core->is_slot_full, 0, sizeof(core->is_slot_full));
	power_reset(core);
	core->inject.run = (struct inject_run){ 0 };
	for (i = 0; i < NPU_SCRATCH_COUNT; i++)
		atomic_store(&core->host.scratch[i], 0);
	atomic_store(&core->host.boot_status, NPU_BOOT_RESET);
	machine_trace(core, &(struct npu_trace){ .kind = NPU_TRACE_RESET });
}

static void boot(struct npu_core *core)
{
	struct boot_registers *regs = &core->host.boot;
	enum npu_boot_refusal refusal;
	uint64_t address;

	if (atomic_load(&core->host.boot_status) != NPU_BOOT_RESET)
		return;
	address = (uint64_t)atomic_load(&regs->image_hi) << 32 |
		  atomic_load(&regs->image_lo);
	core->arg_lo = atomic_load(&regs->arg_lo);
	core->arg_hi = atomic_load(&regs->arg_hi);
	refusal = boot_image(core, address, atomic_load(&regs->image_size));
	machine_trace(core, &(struct npu_trace){ .kind = NPU_TRACE_BOOT,
						 .code = refusal });
	atomic_store(&core->host.boot_status,
		     refusal ? NPU_BOOT_REFUSED | refusal << 8 :
			       NPU_BOOT_RUNNING);
}

/* One at a time: a boot's DMA is refused while a reset is asked for. */
static void serve_requests(struct npu_core *core)
{
	uint32_t requests = atomic_load(&core->host.requests);

	if (requests & NPU_CTRL_RESET) {
		reset_runner_side(core);
		host_finish(core, requests & ~NPU_CTRL_BOOT);
	}
	requests = atomic_load(&core->host.requests);
	if (!(requests & NPU_CTRL_RESET) && (requests & NPU_CTRL_BOOT)) {
		boot(core);
		host_finish(core, requests);
	}
}

size_t npu_core_size(const struct npu_machine *machine)
{
	if (npu_machine_check(machine))
		return 0;
	return sizeof(struct npu_core) + PLAN_COUNT * sizeof(struct plan) +
	       machine->cores * (npu_machine_store(machine) + DMA_MEMO_SIZE);
}

struct npu_core *npu_core_init(void *memory,
			       const struct npu_machine *machine,
			       const struct npu_host_ops *ops, void *opaque)
{
	struct npu_core *core = memory;
	struct plan *plans = (struct plan *)(core + 1);
	uint8_t *sram = (uint8_t *)(plans + PLAN_COUNT);
	uint8_t *memo;
	uint32_t i;

	if (npu_machine_check(machine))
		return NULL;
	/* The rest is cleared by a reset, and by who boots. */
	memset(core, 0, offsetof(struct npu_core, tcm));
	core->config = *machine;
	core->ops = ops;
	core->opaque = opaque;
	core->plans = plans;
	memo = sram + machine->cores * npu_machine_store(machine);
	for (i = 0; i < machine->cores; i++) {
		core->cores[i].machine = core;
		core->cores[i].number = i;
		core->cores[i].sram = sram + i * npu_machine_store(machine);
		dma_memo_init(&core->memos[i], memo + i * DMA_MEMO_SIZE);
	}
	controller_init(core);
	host_init(core);
	power_init(core);
	reset_runner_side(core);
	return core;
}

void npu_core_fini(struct npu_core *core)
{
	if (core)
		rv32_free(&core->cpu);
}

void npu_core_reset(struct npu_core *core)
{
	host_reset(core);
	reset_runner_side(core);
}

void npu_core_reset_function(struct npu_core *core)
{
	if (inject_revives(core))
		host_write_ctrl(core, NPU_CTRL_RESET);
}

/* The controller's slice, unless it hangs; true: it has more to do. */
static bool step_controller(struct npu_core *core, uint32_t budget)
{
	if (inject_takes(core, NPU_INJECT_FW_HANG))
		core->inject.run.is_hung = true;
	if (core->inject.run.is_hung)
		return false;
	if (inject_takes(core, NPU_INJECT_FW_TRAP))
		core->cpu.pc = 0;
	core->has_run = rv32_run(&core->cpu, &core->bus, budget);
	return !rv32_is_asleep(&core->cpu);
}

static bool step_core(struct unit_core *unit)
{
	if (unit->is_apart || !job_is_runnable(unit))
		return false;
	job_step(unit);
	return true;
}

static bool step_cores(struct npu_core *core)
{
	bool is_busy = false;
	uint32_t i;

	for (i = 0; i < core->config.cores; i++)
		is_busy |= step_core(&core->cores[i]);
	return is_busy;
}

/* One of them, from @own on. */
static bool step_own(struct npu_core *core, uint32_t *own)
{
	uint32_t i, number;

	for (i = 0; i < core->config.cores; i++) {
		number = (*own + i) % core->config.cores;
		if (step_core(&core->cores[number])) {
			*own = number;
			return true;
		}
	}
	return false;
}

/* When the timer will wake the controller, if it is allowed to. */
static uint64_t timer_deadline(const struct npu_core *core)
{
	if (!(core->cpu.mie & RV32_IRQ_TIMER) || core->inject.run.is_hung)
		return NPU_CORE_FOREVER;
	return core->timecmp;
}

/* What only happens while no core is apart: requests, and the controller. */
static bool wants_all(const struct npu_core *core)
{
	return atomic_load(&core->host.requests) ||
	       !rv32_is_asleep(&core->cpu);
}

/* All cores once, or one of them from *@own on. */
static enum npu_core_next run(struct npu_core *core, uint32_t budget,
			      uint32_t *own, uint64_t *until_ns)
{
	uint64_t injected_ns;
	bool is_busy;

	*until_ns = NPU_CORE_FOREVER;
	core->epoch++;
	if (atomic_load(&core->inject.is_dead))
		return NPU_CORE_WAIT;
	if (core->apart) {
		machine_update_irqs(core);
		if (wants_all(core))
			return NPU_CORE_ELSEWHERE;
	}
	serve_requests(core);
	if (atomic_load(&core->host.requests) & NPU_CTRL_RESET)
		return NPU_CORE_BUSY;
	if (atomic_load(&core->host.boot_status) != NPU_BOOT_RUNNING)
		return NPU_CORE_WAIT;
	machine_update_irqs(core);
	is_busy = step_controller(core, budget);
	is_busy |= own ? step_own(core, own) : step_cores(core);
	machine_update_irqs(core);
	injected_ns = inject_run(core);
	if (is_busy || !injected_ns ||
	    (!core->inject.run.is_hung && !rv32_is_asleep(&core->cpu)))
		return NPU_CORE_BUSY;
	if (core->apart)
		return NPU_CORE_ELSEWHERE;
	*until_ns = timer_deadline(core);
	if (injected_ns < *until_ns)
		*until_ns = injected_ns;
	return NPU_CORE_WAIT;
}

enum npu_core_next npu_core_run(struct npu_core *core, uint32_t budget,
				uint64_t *until_ns)
{
	return run(core, budget, NULL, until_ns);
}

enum npu_core_next npu_core_share(struct npu_core *core, uint32_t budget,
				  struct npu_share *share)
{
	enum npu_core_next next;

	core->has_run = false;
	next = run(core, budget, &share->own, &share->until_ns);
	share->ran_controller = core->has_run;
	return next;
}
