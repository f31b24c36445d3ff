// SPDX-License-Identifier: MIT
/*
 * A core at work: its registers, and a job executed in program order, one
 * command per step. Time is not simulated but computed: each command is placed
 * on a timeline by the formulas of npu/cost.h, which the compiler uses too.
 * Called by controller.c (registers) and core.c (steps).
 */
#include "machine.h"

#include <assert.h>
#include <string.h>

#define SMALL 4096 /* bytes, and multiplications / 8 */

static const struct op_row {
	bool is_known;
	enum npu_unit unit;
} op_rows[256] = {
#define ROW(name, code, unit, layout, text) [code] = { true, unit },
	NPU_OPS(ROW)
#undef ROW
};

static const struct {
	int (*check)(struct unit_ctx *ctx, const union npu_cmd *cmd,
		     struct unit_access *access);
	int (*execute)(struct unit_ctx *ctx, const union npu_cmd *cmd);
} units[NPU_UNIT_COUNT] = {
	[NPU_UNIT_DMA] = { npu_dma_check, npu_dma_execute },
	[NPU_UNIT_MAC] = { npu_mac_check, npu_mac_execute },
	[NPU_UNIT_VEC] = { npu_vec_check, npu_vec_execute },
};

static uint64_t pair(uint32_t low, uint32_t high)
{
	return (uint64_t)high << 32 | low;
}

static int job_memory(void *opaque, uint64_t address, void *buffer,
		      uint32_t size, bool is_write, struct unit_fault *fault)
{
	struct unit_core *unit = opaque;

	if (inject_takes(unit->machine, NPU_INJECT_DMA_CORE)) {
		*fault = (struct unit_fault){ .code = NPU_FAULT_BUS,
					      .addr = address };
		return -1;
	}
	return memory_access(unit->machine, &unit->mmu, unit->job.regs.context,
			     address, buffer, size, is_write, fault);
}

/* Where the host has the page, or NULL: it can't tell, or there is a fault. */
static const struct page_view *view_page(struct unit_core *unit, uint64_t page,
					 bool is_write)
{
	struct npu_core *machine = unit->machine;
	struct page_view *view =
		&unit->views[page / MMU_PAGE_SIZE % PAGE_VIEWS];
	uint64_t bus;

	if (view->command == unit->command && view->page == page &&
	    (view->is_writable || !is_write))
		return view;
	if (memory_translate(machine, &unit->mmu, unit->job.regs.context, page,
			     is_write, &bus))
		return NULL;
	*view = (struct page_view){
		.command = unit->command,
		.page = page,
		.is_writable = is_write,
		.host = machine_reach(machine, bus, MMU_PAGE_SIZE, is_write),
	};
	if (machine->ops->seal && view->host && !is_write)
		view->seal = machine->ops->seal(machine->opaque, bus,
						MMU_PAGE_SIZE);
	return view->host ? view : NULL;
}

/* job_memory() on a host that shows its memory. */
static int job_memory_shown(void *opaque, uint64_t address, void *buffer,
			    uint32_t size, bool is_write,
			    struct unit_fault *fault)
{
	const struct page_view *view;
	uint32_t offset, part;

	for (; size; size -= part, address += part, buffer += part) {
		offset = address % MMU_PAGE_SIZE;
		part = MMU_PAGE_SIZE - offset;
		part = part < size ? part : size;
		view = view_page(opaque, address - offset, is_write);
		if (!view)
			return job_memory(opaque, address, buffer, size,
					  is_write, fault);
		if (is_write)
			memcpy(view->host + offset, buffer, part);
		else
			memcpy(buffer, view->host + offset, part);
	}
	return 0;
}

static const uint8_t *job_show(void *opaque, uint64_t page, uint64_t *seal)
{
	const struct page_view *view = view_page(opaque, page, false);

	if (!view)
		return NULL;
	*seal = view->seal;
	return view->host;
}

static bool is_memory_shown(const struct npu_core *machine)
{
	return machine->ops->reach && !machine->inject.is_allowed;
}

/*
 * A core is apart while a thread of the host executes one of its commands without the
 * host's lock: see npu_core_share(). Nobody else steps it then, and the controller
 * waits. What it touches is its own, but for memory, which the host shows as it is.
 */
static void go_apart(struct unit_core *unit)
{
	unit->is_apart = true;
	unit->machine->apart++;
	unit->machine->ops->unlock(unit->machine->opaque);
}

static void come_back(struct unit_core *unit)
{
	unit->machine->ops->lock(unit->machine->opaque);
	unit->machine->apart--;
	unit->is_apart = false;
}

/* --- Start and end ----------------------------------------------------------- */

static void finish(struct unit_core *unit, enum npu_core_state state)
{
	unit->state = state;
	unit->has_interrupt = true;
	power_job_ends(unit);
	machine_trace(unit->machine, &(struct npu_trace){
		.kind = NPU_TRACE_JOB_END, .core = unit->number,
		.code = state, .end = unit->job.timeline.end_of_all });
}

static void finish_with_fault(struct unit_core *unit, uint32_t fault_unit)
{
	unit->fault = unit->ctx.fault;
	unit->fault_unit = fault_unit;
	machine_trace(unit->machine, &(struct npu_trace){
		.kind = NPU_TRACE_FAULT, .core = unit->number,
		.unit = fault_unit, .code = unit->fault.code,
		.index = unit->job.next, .address = unit->fault.addr });
	finish(unit, NPU_CORE_FAULTED);
}

/* And the weight buffer behind it. */
static void clear_sram(struct unit_core *unit)
{
	memset(unit->sram, 0, npu_machine_store(&unit->machine->config));
	dma_memo_forgive(&unit->machine->memos[unit->number]);
}

/* What a job leaves in the SRAM is for jobs of the same context only. */
static void take_sram(struct unit_core *unit, uint32_t context)
{
	if (unit->sram_owner != context)
		clear_sram(unit);
	unit->sram_owner = context;
}

static void run(struct unit_core *unit)
{
	const struct npu_machine *config = &unit->machine->config;

	power_job_begins(unit);
	unit->state = NPU_CORE_RUNNING;
	unit->is_loaded = false;
	unit->is_stuck = false;
	unit->first = unit->job.next;
	unit->first_cycle = unit->job.timeline.end_of_all;
	unit->fault = (struct unit_fault){ 0 };
	unit->fault_unit = 0;
	unit->ctx = (struct unit_ctx){
		.sram = unit->sram,
		.sram_size = config->sram_size,
		.buffer_size = npu_machine_weight_buffer(config),
		.regions = unit->job.regions,
		.memory = is_memory_shown(unit->machine) ? job_memory_shown :
							   job_memory,
		.show = is_memory_shown(unit->machine) ? job_show : NULL,
		.memo = &unit->machine->memos[unit->number],
		.opaque = unit,
	};
	machine_trace(unit->machine, &(struct npu_trace){
		.kind = NPU_TRACE_JOB_START, .core = unit->number,
		.index = unit->job.regs.context,
		.address = pair(unit->job.regs.cmd_lo, unit->job.regs.cmd_hi) });
}

static void start(struct unit_core *unit)
{
	if (unit->state == NPU_CORE_RUNNING)
		return;
	unit->job.regs = unit->regs;
	unit->job.next = 0;
	unit->job.totals = (struct npu_totals){ 0 };
	unit->job.metered = (struct meter){ 0 };
	npu_timeline_start(&unit->job.timeline, &unit->machine->config);
	hazard_start(&unit->job.hazard);
	unit->is_resumed = false;
	run(unit);
}

/* Without a job in the slot one starts that faults. */
static void resume(struct unit_core *unit)
{
	struct npu_core *machine = unit->machine;
	uint32_t slot = unit->regs.slot;

	if (unit->state == NPU_CORE_RUNNING)
		return;
	if (slot < NPU_CORE_SLOTS && machine->is_slot_full[slot]) {
		unit->job = machine->slots[slot];
		machine->is_slot_full[slot] = false;
		unit->is_resumed = true;
		run(unit);
		return;
	}
	start(unit);
	unit->job.regs.slot = NO_SLOT;
}

static void preempt(struct unit_core *unit)
{
	struct npu_core *machine = unit->machine;
	uint32_t slot = unit->job.regs.slot;

	finish(unit, NPU_CORE_PREEMPTED);
	machine->slots[slot] = unit->job;
	machine->is_slot_full[slot] = true;
}

static void stop(struct unit_core *unit)
{
	if (unit->state == NPU_CORE_RUNNING)
		finish(unit, NPU_CORE_STOPPED);
}

void job_lose_sram(struct unit_core *unit)
{
	unit->sram_owner = NO_CONTEXT;
	clear_sram(unit);
}

void job_reset(struct unit_core *unit)
{
	struct unit_core fresh = {
		.machine = unit->machine,
		.number = unit->number,
		.sram = unit->sram,
	};

	power_core_reset(unit);
	fresh.power = unit->power;
	fresh.mmu = unit->mmu;
	*unit = fresh;
	job_lose_sram(unit);
}

/* --- Steps --------------------------------------------------------------------- */

/* A fault of the job itself; the manual gives these numbers. */
static int check_registers(struct unit_core *unit)
{
	const struct job_registers *job = &unit->job.regs;

	if (job->slot >= NPU_CORE_SLOTS)
		return unit_fault_field(&unit->ctx, 5);
	if (job->cmd_lo % NPU_COMMAND_ALIGN)
		return unit_fault_field(&unit->ctx, 1);
	if (!job->cmd_count || job->cmd_count > NPU_MAX_COMMANDS)
		return unit_fault_field(&unit->ctx, 2);
	if (job->region_lo % NPU_REGION_TABLE_ALIGN)
		return unit_fault_field(&unit->ctx, 3);
	if (job->region_count > NPU_MAX_REGIONS)
		return unit_fault_field(&unit->ctx, 4);
	return 0;
}

static void number_regions(struct unit_core *unit)
{
	uint32_t count = unit->job.regs.region_count;
	size_t size = count * sizeof(*unit->regions);

	if (unit->regions_number && unit->region_count == count &&
	    !memcmp(unit->regions, unit->job.regions, size))
		return;
	memcpy(unit->regions, unit->job.regions, size);
	unit->region_count = count;
	unit->regions_number = ++unit->machine->regions_count;
}

static int load_tables(struct unit_core *unit)
{
	const struct job_registers *job = &unit->job.regs;

	if (check_registers(unit))
		return -1;
	if (job->context >= NPU_MAX_CONTEXTS ||
	    !(unit->mmu.roots[job->context] & NPU_MMU_ROOT_VALID))
		return unit_fault(&unit->ctx, NPU_FAULT_CONTEXT, 0, 0);
	take_sram(unit, job->context);
	unit->ctx.region_count = job->region_count;
	if (!unit->is_resumed &&
	    job_memory(unit, pair(job->region_lo, job->region_hi),
		       unit->job.regions,
		       job->region_count * sizeof(*unit->job.regions), false,
		       &unit->ctx.fault))
		return -1;
	number_regions(unit);
	return 0;
}

static int fetch(struct unit_core *unit, union npu_cmd *cmd)
{
	uint64_t address = pair(unit->job.regs.cmd_lo, unit->job.regs.cmd_hi);

	address += (uint64_t)unit->job.next * NPU_CMD_SIZE;
	if (job_memory(unit, address, cmd, NPU_CMD_SIZE, false,
		       &unit->ctx.fault))
		return -1;
	if (inject_takes(unit->machine, NPU_INJECT_COMMAND_GARBAGE))
		inject_noise(unit->machine, cmd, NPU_CMD_SIZE);
	if (!op_rows[cmd->hdr.op].is_known)
		return unit_fault(&unit->ctx, NPU_FAULT_OPCODE, cmd->hdr.op, 0);
	return 0;
}

static int check_header(struct unit_ctx *ctx, const union npu_cmd *cmd)
{
	if (cmd->hdr.flags & ~NPU_CMD_FLAGS)
		return unit_fault(ctx, NPU_FAULT_RESERVED,
				  __builtin_offsetof(struct npu_cmd_hdr, flags),
				  0);
	return 0;
}

static_assert(UNIT_MAX_READS + UNIT_MAX_WRITES <= NPU_TRACE_RANGES,
	      "all that a command touches is in its trace");

static void trace_command(struct unit_core *unit, const union npu_cmd *cmd,
			  enum npu_unit where, const struct unit_access *access,
			  uint64_t begin, uint64_t end)
{
	struct npu_trace trace = {
		.kind = NPU_TRACE_COMMAND, .core = unit->number, .unit = where,
		.code = cmd->hdr.op, .index = unit->job.next, .start = begin,
		.end = end, .reads = access->read_count,
		.writes = access->write_count };
	struct npu_trace_range *range = trace.range;
	uint32_t i;

	for (i = 0; i < access->read_count; i++)
		*range++ = (struct npu_trace_range){ access->reads[i].low,
						     access->reads[i].high };
	for (i = 0; i < access->write_count; i++)
		*range++ = (struct npu_trace_range){ access->writes[i].low,
						     access->writes[i].high };
	machine_trace(unit->machine, &trace);
}

static void account(struct unit_core *unit, const struct plan *plan,
		    enum npu_unit where)
{
	const struct npu_machine *config = &unit->machine->config;
	const union npu_cmd *cmd = &plan->cmd;
	uint64_t begin, end, energy_fj = plan->energy_fj;
	uint32_t opp = atomic_load_explicit(&unit->machine->power.opp,
					    memory_order_relaxed);

	end = npu_timeline_issue(&unit->job.timeline, config, &cmd->hdr, where,
				 &plan->cost, &begin);
	if (opp)
		energy_fj = npu_energy(config, opp, &plan->cost);
	npu_totals_count(&unit->job.totals, opp, &plan->cost, energy_fj,
			 unit->job.timeline.end_of_all);
	if (unit->machine->ops->trace)
		trace_command(unit, cmd, where, &plan->access, begin, end);
}

/* A program's check looks at SRAM, which may be another's by now. */
static bool is_checked(const struct unit_core *unit, const struct plan *plan,
		       enum npu_unit where)
{
	if (where == NPU_UNIT_DMA)
		return plan->regions == unit->regions_number;
	return plan->cmd.hdr.op != NPU_OP_VPROG;
}

/* Check the next command, if that is needed; NULL with the fault in ctx. */
static const struct plan *make_plan(struct unit_core *unit,
				    const union npu_cmd *cmd,
				    enum npu_unit where)
{
	struct npu_core *machine = unit->machine;
	uint32_t slot = (unit->job.regs.cmd_lo / NPU_CMD_SIZE +
			 unit->job.next) % PLAN_COUNT;
	struct plan *plan = &machine->plans[slot];
	struct unit_access access = { 0 };
	bool is_known = machine->is_planned[slot] &&
			!memcmp(&plan->cmd, cmd, sizeof(*cmd));

	if (is_known && is_checked(unit, plan, where))
		return plan;
	if (check_header(&unit->ctx, cmd) ||
	    units[where].check(&unit->ctx, cmd, &access))
		return NULL;
	plan->access = access;
	plan->regions = unit->regions_number;
	if (is_known)
		return plan;
	plan->cmd = *cmd;
	npu_cost(&machine->config, cmd, &plan->cost);
	plan->energy_fj = npu_energy(&machine->config, 0, &plan->cost);
	machine->is_planned[slot] = true;
	return plan;
}

/* What takes the host less time than others take to come in. */
static bool is_small(const struct npu_cost *cost)
{
	return cost->mac_ops / 8 + cost->sram_read + cost->sram_written +
		       cost->mem_read + cost->mem_written < SMALL;
}

static int execute(struct unit_core *unit, const struct plan *plan,
		   enum npu_unit where)
{
	const union npu_cmd *cmd = &plan->cmd;
	bool is_apart = unit->machine->ops->unlock &&
			is_memory_shown(unit->machine) &&
			!is_small(&plan->cost);
	int err;

	if (is_apart)
		go_apart(unit);
	if (cmd->hdr.op != NPU_OP_DMA_DECODE) /* it overwrites what is owed */
		dma_memo_pay_for(&unit->ctx, &plan->access);
	err = units[where].execute(&unit->ctx, cmd);
	if (is_apart)
		come_back(unit);
	return err;
}

/* -1 with the fault in ctx; a command that waits for ever is no fault. */
static int run_command(struct unit_core *unit, const union npu_cmd *cmd,
		       enum npu_unit where)
{
	const struct plan *known = make_plan(unit, cmd, where);
	struct plan plan;
	uint32_t culprit;
	uint64_t addr;

	if (!known)
		return -1;
	plan = *known; /* its place may get another's while the core is apart */
	if (!npu_timeline_can_issue(&unit->job.timeline, &cmd->hdr)) {
		unit->is_stuck = true;
		return 0;
	}
	if (hazard_check(&unit->job.hazard, &unit->job.timeline, &cmd->hdr, where,
			 &plan.access, unit->job.next, &culprit, &addr))
		return unit_fault(&unit->ctx, NPU_FAULT_HAZARD, culprit, addr);
	if (execute(unit, &plan, where))
		return -1;
	account(unit, &plan, where);
	unit->job.next++;
	return 0;
}

/* Whether the command is where the job makes way; the manual's "Preemption". */
static bool is_preempted_at(const struct unit_core *unit,
			    const union npu_cmd *cmd)
{
	uint64_t cycles = unit->job.timeline.end_of_all - unit->first_cycle;

	return (cmd->hdr.flags & NPU_CMD_SRAM_DEAD) && unit->slice &&
	       cycles >= unit->slice && unit->job.next != unit->first;
}

bool job_is_runnable(const struct unit_core *unit)
{
	return unit->state == NPU_CORE_RUNNING && !unit->is_stuck;
}

void job_step(struct unit_core *unit)
{
	enum npu_unit where;
	union npu_cmd cmd;

	unit->command++;
	if (!unit->is_loaded) {
		unit->is_loaded = true;
		if (load_tables(unit)) {
			finish_with_fault(unit, NPU_FAULT_UNIT_FETCH);
			return;
		}
	}
	if (fetch(unit, &cmd)) {
		finish_with_fault(unit, NPU_FAULT_UNIT_FETCH);
		return;
	}
	if (is_preempted_at(unit, &cmd)) {
		preempt(unit);
		return;
	}
	where = op_rows[cmd.hdr.op].unit;
	if (run_command(unit, &cmd, where))
		finish_with_fault(unit, where);
	else if (unit->job.next == unit->job.regs.cmd_count)
		finish(unit, NPU_CORE_DONE);
}

/* --- Registers ----------------------------------------------------------------- */

static uint32_t *job_register(struct unit_core *unit, uint32_t offset)
{
	switch (offset) {
	case NPU_CORE_CONTEXT:
		return &unit->regs.context;
	case NPU_CORE_CMD_LO:
		return &unit->regs.cmd_lo;
	case NPU_CORE_CMD_HI:
		return &unit->regs.cmd_hi;
	case NPU_CORE_CMD_COUNT:
		return &unit->regs.cmd_count;
	case NPU_CORE_REGION_LO:
		return &unit->regs.region_lo;
	case NPU_CORE_REGION_HI:
		return &unit->regs.region_hi;
	case NPU_CORE_REGION_COUNT:
		return &unit->regs.region_count;
	case NPU_CORE_SLICE:
		return &unit->slice;
	case NPU_CORE_SLOT:
		return &unit->regs.slot;
	}
	return NULL;
}

/* The 64-bit counters, by the offset of their lower half. */
static bool read_counter(const struct unit_core *unit, uint32_t offset,
			 uint64_t *value)
{
	const struct npu_timeline *time = &unit->job.timeline;
	const struct npu_totals *totals = &unit->job.totals;

	switch (offset) {
	case NPU_CORE_CYCLES:
		*value = time->end_of_all;
		return true;
	case NPU_CORE_ENERGY_FJ:
		*value = npu_totals_energy(totals, &unit->machine->config);
		return true;
	case NPU_CORE_MAC_OPS:
		*value = totals->mac_ops;
		return true;
	case NPU_CORE_SRAM_READ:
		*value = totals->sram_read;
		return true;
	case NPU_CORE_SRAM_WRITTEN:
		*value = totals->sram_written;
		return true;
	case NPU_CORE_MEM_READ:
		*value = totals->mem_read;
		return true;
	case NPU_CORE_MEM_WRITTEN:
		*value = totals->mem_written;
		return true;
	case NPU_CORE_BUSY(0):
	case NPU_CORE_BUSY(1):
	case NPU_CORE_BUSY(2):
		*value = time->busy[(offset - NPU_CORE_BUSY(0)) / 8];
		return true;
	case NPU_CORE_FAULT_ADDR_LO:
		*value = unit->fault.addr;
		return true;
	}
	return false;
}

static bool read_status(const struct unit_core *unit, uint32_t offset,
			uint32_t *value)
{
	bool has_fault = unit->state == NPU_CORE_FAULTED;

	switch (offset) {
	case NPU_CORE_CTRL:
		*value = 0;
		return true;
	case NPU_CORE_STATUS:
		*value = unit->state;
		return true;
	case NPU_CORE_RETIRED(0):
	case NPU_CORE_RETIRED(1):
	case NPU_CORE_RETIRED(2):
		offset = (offset - NPU_CORE_RETIRED(0)) / 4;
		*value = (uint32_t)unit->job.timeline.issued[offset];
		return true;
	case NPU_CORE_COMMANDS:
		*value = (uint32_t)unit->job.totals.commands;
		return true;
	case NPU_CORE_GATE:
		*value = unit->power.gate;
		return true;
	case NPU_CORE_CLOCK:
		*value = npu_totals_clock_permille(&unit->job.totals);
		return true;
	case NPU_CORE_NEXT:
		*value = unit->state == NPU_CORE_PREEMPTED ? unit->job.next : 0;
		return true;
	case NPU_CORE_FAULT_CODE:
		*value = unit->fault.code;
		return true;
	case NPU_CORE_FAULT_UNIT:
		*value = unit->fault_unit;
		return true;
	case NPU_CORE_FAULT_CMD:
		*value = has_fault ? unit->job.next : 0;
		return true;
	case NPU_CORE_FAULT_INFO:
		*value = unit->fault.info;
		return true;
	}
	return false;
}

bool job_read(struct unit_core *unit, uint32_t offset, uint32_t *value)
{
	uint32_t *reg = job_register(unit, offset);
	uint64_t wide;

	if (reg) {
		*value = *reg;
		return true;
	}
	if (read_status(unit, offset, value))
		return true;
	/* The counters' lower halves are at multiples of 8. */
	if (!read_counter(unit, offset & ~4u, &wide))
		return false;
	*value = offset & 4 ? wide >> 32 : (uint32_t)wide;
	return true;
}

bool job_write(struct unit_core *unit, uint32_t offset, uint32_t value)
{
	uint32_t *reg = job_register(unit, offset);

	if (reg) {
		*reg = value;
		return true;
	}
	if (offset == NPU_CORE_GATE) {
		power_set_gate(unit, value);
		return true;
	}
	if (offset != NPU_CORE_CTRL)
		return false;
	if (value & NPU_CORE_RESET)
		job_reset(unit);
	if (value & NPU_CORE_ACK)
		unit->has_interrupt = false;
	if (value & NPU_CORE_STOP)
		stop(unit);
	if (value & NPU_CORE_START)
		start(unit);
	if (value & NPU_CORE_RESUME)
		resume(unit);
	return true;
}
