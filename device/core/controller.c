// SPDX-License-Identifier: MIT
/*
 * What the controller sees outside its TCM: system registers, MMU, windows to
 * memory and the cores. The processor (rv32.c) calls in for each load and store
 * there. Registers take aligned 32-bit accesses: other ones, offsets without a
 * register, and writes to a read-only one are access faults. A window that can't
 * reach memory is not: it reads as all ones, ignores writes, and remembers the
 * first reason.
 */
#include "machine.h"

#include <string.h>

static uint64_t now(struct npu_core *core)
{
	return core->ops->now_ns(core->opaque);
}

static uint32_t half(uint64_t wide, uint32_t offset)
{
	return offset & 4 ? wide >> 32 : (uint32_t)wide;
}

static uint64_t with_low(uint64_t value, uint32_t low)
{
	return (value & ~(uint64_t)UINT32_MAX) | low;
}

static uint64_t with_high(uint64_t value, uint32_t high)
{
	return (uint64_t)high << 32 | (uint32_t)value;
}

/* --- System registers ------------------------------------------------------ */

static uint32_t pending_irqs(struct npu_core *core)
{
	uint32_t pending = 0;
	uint32_t i;

	if (atomic_load(&core->host.doorbells))
		pending |= NPU_IRQ_DOORBELL;
	for (i = 0; i < core->config.cores; i++)
		if (core->cores[i].has_interrupt)
			pending |= NPU_IRQ_CORE(i);
	return pending;
}

void machine_update_irqs(struct npu_core *core)
{
	bool has_external = pending_irqs(core) & core->irq_enable;
	bool has_timer = now(core) >= core->timecmp;

	rv32_set_irqs(&core->cpu, RV32_IRQ_EXTERNAL | RV32_IRQ_TIMER,
		      (has_external ? RV32_IRQ_EXTERNAL : 0) |
			      (has_timer ? RV32_IRQ_TIMER : 0));
}

static uint32_t read_time_low(struct npu_core *core)
{
	uint64_t time = now(core);

	core->time_hi = time >> 32;
	return (uint32_t)time;
}

/* The registers of section 17. */
static bool power_read(struct npu_core *core, uint32_t offset, uint32_t *value)
{
	const struct power *power = &core->power;

	if (offset == NPU_SYS_METER_NS_LO)
		power_measure(core);
	switch (offset & ~4u) {
	case NPU_SYS_OPP & ~4u:
		*value = offset == NPU_SYS_OPP ?
				 atomic_load(&core->power.opp) :
				 power_temperature_mc(core);
		return true;
	case NPU_SYS_METER_NS_LO:
		*value = half(power->meter.ns, offset);
		return true;
	case NPU_SYS_METER_FJ_LO:
		*value = half(power->meter.fj, offset);
		return true;
	case NPU_SYS_IDLE_FJ_LO:
		*value = half(power->idle_fj, offset);
		return true;
	}
	if (offset < NPU_SYS_OPP_KHZ(0) ||
	    offset >= NPU_SYS_OPP_KHZ(NPU_OPP_COUNT))
		return false;
	*value = npu_opp_khz(&core->config, (offset - NPU_SYS_OPP_KHZ(0)) / 4);
	return true;
}

static bool sys_read(struct npu_core *core, uint32_t offset, uint32_t *value)
{
	switch (offset) {
	case NPU_SYS_TIME_LO:
		*value = read_time_low(core);
		return true;
	case NPU_SYS_TIME_HI:
		*value = core->time_hi;
		return true;
	case NPU_SYS_TIMECMP_LO:
		*value = (uint32_t)core->timecmp;
		return true;
	case NPU_SYS_TIMECMP_HI:
		*value = core->timecmp >> 32;
		return true;
	case NPU_SYS_IRQ_PENDING:
		*value = pending_irqs(core);
		return true;
	case NPU_SYS_IRQ_ENABLE:
		*value = core->irq_enable;
		return true;
	case NPU_SYS_DOORBELL_LO:
		*value = (uint32_t)atomic_load(&core->host.doorbells);
		return true;
	case NPU_SYS_DOORBELL_HI:
		*value = atomic_load(&core->host.doorbells) >> 32;
		return true;
	case NPU_SYS_ARG_LO:
		*value = core->arg_lo;
		return true;
	case NPU_SYS_ARG_HI:
		*value = core->arg_hi;
		return true;
	}
	if (offset >= NPU_SYS_SCRATCH(0) &&
	    offset < NPU_SYS_SCRATCH(NPU_SCRATCH_COUNT)) {
		offset = (offset - NPU_SYS_SCRATCH(0)) / 4;
		*value = atomic_load(&core->host.scratch[offset]);
		return true;
	}
	if (offset >= NPU_SYS_CONFIG &&
	    offset < NPU_SYS_CONFIG + NPU_REG_CONFIG_END) {
		*value = host_config(core, offset - NPU_SYS_CONFIG);
		return true;
	}
	return power_read(core, offset, value);
}

static void clear_doorbells(struct npu_core *core, uint64_t pages)
{
	uint64_t before = atomic_fetch_and(&core->host.doorbells, ~pages);
	uint32_t page;

	for (pages &= before; core->ops->trace && pages; pages &= pages - 1) {
		page = __builtin_ctzll(pages);
		machine_trace(core, &(struct npu_trace){
			.kind = NPU_TRACE_DOORBELL, .index = page });
	}
}

void machine_raise_irq(struct npu_core *core, uint32_t vector)
{
	if ((atomic_load(&core->host.requests) & NPU_CTRL_RESET) ||
	    atomic_load(&core->inject.is_dead))
		return;
	atomic_fetch_add(&core->host.interrupts, 1);
	machine_trace(core, &(struct npu_trace){
		.kind = NPU_TRACE_HOST_IRQ, .index = vector });
	core->ops->raise_irq(core->opaque, vector);
}

static void raise_host_irq(struct npu_core *core, uint32_t vector)
{
	if (vector >= NPU_MAX_VECTORS ||
	    inject_takes(core, NPU_INJECT_IRQ_DROP))
		return;
	if (inject_takes(core, NPU_INJECT_IRQ_TWICE))
		core->inject.run.again |= 1u << vector;
	machine_raise_irq(core, vector);
}

static bool sys_write(struct npu_core *core, uint32_t offset, uint32_t value)
{
	switch (offset) {
	case NPU_SYS_TIMECMP_LO:
		core->timecmp = with_low(core->timecmp, value);
		break;
	case NPU_SYS_TIMECMP_HI:
		core->timecmp = with_high(core->timecmp, value);
		break;
	case NPU_SYS_IRQ_ENABLE:
		core->irq_enable = value;
		break;
	case NPU_SYS_DOORBELL_LO:
		clear_doorbells(core, value);
		break;
	case NPU_SYS_DOORBELL_HI:
		clear_doorbells(core, (uint64_t)value << 32);
		break;
	case NPU_SYS_HOST_IRQ:
		raise_host_irq(core, value);
		return true;
	case NPU_SYS_OPP:
		power_set_opp(core, value);
		return true;
	default:
		if (offset < NPU_SYS_SCRATCH(0) ||
		    offset >= NPU_SYS_SCRATCH(NPU_SCRATCH_COUNT))
			return false;
		offset = (offset - NPU_SYS_SCRATCH(0)) / 4;
		atomic_store(&core->host.scratch[offset], value);
		return true;
	}
	machine_update_irqs(core);
	return true;
}

/* --- MMU ---------------------------------------------------------------- */

/* The controller's and the cores' are one to the outside. */
static struct mmu *mmu_of(struct npu_core *core, uint32_t number)
{
	return number ? &core->cores[number - 1].mmu : &core->mmu;
}

/* Hits, and misses in the upper half. */
static uint64_t count_translations(struct npu_core *core)
{
	uint32_t hits = 0, misses = 0, i;

	for (i = 0; i <= core->config.cores; i++) {
		hits += mmu_of(core, i)->hits;
		misses += mmu_of(core, i)->misses;
	}
	return (uint64_t)misses << 32 | hits;
}

static bool mmu_read(struct npu_core *core, uint32_t offset, uint32_t *value)
{
	uint64_t wide;

	if (offset < NPU_MMU_ROOT_LO(NPU_MAX_CONTEXTS) && !(offset & 8))
		wide = core->mmu.roots[offset / 0x10];
	else if ((offset & ~4u) == NPU_MMU_INV_ADDR_LO)
		wide = core->inv_addr;
	else if ((offset & ~4u) == NPU_MMU_INV_SIZE_LO)
		wide = core->inv_size;
	else if ((offset & ~4u) == NPU_MMU_TLB_HITS)
		wide = count_translations(core);
	else
		return false;
	*value = half(wide, offset);
	return true;
}

static void invalidate(const struct npu_core *core, struct mmu *mmu,
		       uint32_t command)
{
	uint32_t context = command >> 8;

	switch (command & 0xff) {
	case NPU_MMU_INV_ALL:
		mmu_invalidate_all(mmu);
		break;
	case NPU_MMU_INV_CONTEXT:
		mmu_invalidate_context(mmu, context);
		break;
	case NPU_MMU_INV_RANGE:
		mmu_invalidate_range(mmu, context, core->inv_addr,
				     core->inv_size);
		break;
	}
}

/* Whose a context is may change with its root: its SRAM is no longer its own. */
static void disown_sram(struct npu_core *core, uint32_t context)
{
	uint32_t i;

	for (i = 0; i < core->config.cores; i++)
		if (core->cores[i].sram_owner == context)
			core->cores[i].sram_owner = NO_CONTEXT;
}

static uint64_t with_half(uint64_t wide, uint32_t offset, uint32_t value)
{
	return offset & 4 ? with_high(wide, value) : with_low(wide, value);
}

static void set_root(struct npu_core *core, uint32_t offset, uint32_t value)
{
	uint32_t context = offset / 0x10, i;
	uint64_t root = with_half(core->mmu.roots[context], offset, value);

	disown_sram(core, context);
	for (i = 0; i <= core->config.cores; i++)
		mmu_set_root(mmu_of(core, i), context, root);
}

static bool mmu_write(struct npu_core *core, uint32_t offset, uint32_t value)
{
	uint32_t i;

	core->epoch++;
	if (offset < NPU_MMU_ROOT_LO(NPU_MAX_CONTEXTS) && !(offset & 8))
		set_root(core, offset, value);
	else if (offset == NPU_MMU_INV_CMD)
		for (i = 0; i <= core->config.cores; i++)
			invalidate(core, mmu_of(core, i), value);
	else if ((offset & ~4u) == NPU_MMU_INV_ADDR_LO)
		core->inv_addr = with_half(core->inv_addr, offset, value);
	else if ((offset & ~4u) == NPU_MMU_INV_SIZE_LO)
		core->inv_size = with_half(core->inv_size, offset, value);
	else
		return false;
	return true;
}

/* --- Windows -------------------------------------------------------------- */

static uint32_t *window_register(struct npu_core *core, uint32_t offset)
{
	struct window *window = &core->windows[offset / 0x20];

	switch (offset % 0x20) {
	case NPU_ATU_BASE_LO(0):
		return &window->base_lo;
	case NPU_ATU_BASE_HI(0):
		return &window->base_hi;
	case NPU_ATU_LIMIT(0):
		return &window->limit;
	case NPU_ATU_CTRL(0):
		return &window->ctrl;
	case NPU_ATU_FAULT(0):
		return &window->fault;
	}
	return NULL;
}

static bool atu_read(struct npu_core *core, uint32_t offset, uint32_t *value)
{
	uint32_t *reg;

	if (offset >= NPU_ATU_BASE_LO(NPU_WINDOW_COUNT))
		return false;
	reg = window_register(core, offset);
	if (reg)
		*value = *reg;
	return reg;
}

static bool atu_write(struct npu_core *core, uint32_t offset, uint32_t value)
{
	uint32_t *reg;

	if (offset >= NPU_ATU_BASE_LO(NPU_WINDOW_COUNT))
		return false;
	reg = window_register(core, offset);
	if (!reg)
		return false;
	if (offset % 0x20 == NPU_ATU_FAULT(0)) {
		*reg = 0;
		return true;
	}
	if (offset % 0x20 == NPU_ATU_LIMIT(0) && value > NPU_WINDOW_SIZE)
		value = NPU_WINDOW_SIZE;
	*reg = value;
	core->windows[offset / 0x20].view.epoch = 0;
	return true;
}

static enum npu_fault window_access(struct npu_core *core,
				    const struct window *window,
				    uint32_t offset, uint32_t *value,
				    uint32_t size, bool is_write)
{
	uint64_t base = (uint64_t)window->base_hi << 32 | window->base_lo;
	uint64_t address = base + offset;
	struct unit_fault fault;
	int failed;

	if (!(window->ctrl & NPU_ATU_ENABLE) || window->limit < size ||
	    offset > window->limit - size)
		return NPU_FAULT_REGION;
	if ((offset | base) & (size - 1))
		return NPU_FAULT_FIELD;
	if (inject_takes(core, NPU_INJECT_DMA_CONTROLLER))
		return NPU_FAULT_BUS;
	if (window->ctrl & NPU_ATU_TRANSLATE)
		return memory_access(core, &core->mmu, window->ctrl >> 8,
				     address, value, size, is_write, &fault) ?
			fault.code : NPU_FAULT_NONE;
	if (is_write && !inject_lets_write(core, &address, value))
		return NPU_FAULT_NONE;
	failed = is_write ? machine_dma_write(core, address, value, size) :
			    machine_dma_read(core, address, value, size);
	if (!is_write && !failed)
		inject_sees_read(core, address, value);
	return failed ? NPU_FAULT_BUS : NPU_FAULT_NONE;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * After an access that went well: keep where its page is, as far as the window
 * shows it. Injected errors have to see every access.
 */
static void keep_view(struct npu_core *core, struct window *window,
		      uint32_t offset, bool is_write)
{
	uint64_t base = (uint64_t)window->base_hi << 32 | window->base_lo;
	uint64_t page = (base + offset) & ~(uint64_t)(MMU_PAGE_SIZE - 1);
	uint64_t low = later(page, base) - base;
	uint64_t high = page + MMU_PAGE_SIZE - base;
	uint64_t bus = base + low;

	if (!core->ops->reach || core->inject.is_allowed || base % 4)
		return;
	if (high > window->limit)
		high = window->limit;
	if ((window->ctrl & NPU_ATU_TRANSLATE) &&
	    memory_translate(core, &core->mmu, window->ctrl >> 8, base + low,
			     is_write, &bus))
		return;
	window->view = (struct window_view){
		.epoch = core->epoch,
		.low = low,
		.high = high,
		.is_writable = is_write,
		.host = machine_reach(core, bus, high - low, is_write),
	};
	if (!window->view.host)
		window->view.epoch = 0;
}

/* Access what is in view; false: look again. */
static inline bool view_access(const struct npu_core *core,
			       const struct window *window, uint32_t offset,
			       uint32_t *value, uint32_t size, bool is_write)
{
	const struct window_view *view = &window->view;
	uint8_t *place;

	if (view->epoch != core->epoch || offset < view->low ||
	    offset + size > view->high || (offset & (size - 1)) ||
	    (is_write && !view->is_writable))
		return false;
	place = view->host + (offset - view->low);
	if (size == 4 && is_write)
		memcpy(place, value, 4);
	else if (size == 4)
		memcpy(value, place, 4);
	else if (is_write)
		memcpy(place, value, size);
	else
		memcpy(value, place, size);
	return true;
}

/* Not in view: through the window, which keeps a view if all goes well. */
static __attribute__((noinline)) void
look_through(struct npu_core *core, struct window *window, uint32_t offset,
	     uint32_t *value, uint32_t size, bool is_write)
{
	enum npu_fault fault =
		window_access(core, window, offset, value, size, is_write);

	if (!fault) {
		keep_view(core, window, offset, is_write);
		return;
	}
	*value = UINT32_MAX;
	machine_trace(core, &(struct npu_trace){
		.kind = NPU_TRACE_WINDOW, .index = window - core->windows,
		.code = fault, .address = offset });
	if (!window->fault)
		window->fault = fault;
}

/* What is mostly done is so short that it needs no stack. */
static inline void window_reach(struct npu_core *core, uint32_t address,
				uint32_t *value, uint32_t size, bool is_write)
{
	uint32_t number = (address - NPU_WINDOW_BASE) / NPU_WINDOW_SIZE;
	uint32_t offset = (address - NPU_WINDOW_BASE) % NPU_WINDOW_SIZE;
	struct window *window = &core->windows[number];

	if (!view_access(core, window, offset, value, size, is_write))
		look_through(core, window, offset, value, size, is_write);
}

static bool is_window(uint32_t address)
{
	return address - NPU_WINDOW_BASE < NPU_WINDOW_COUNT * NPU_WINDOW_SIZE;
}

/* --- The address map -------------------------------------------------------- */

#define BLOCK_SIZE 0x1000u

static bool core_read(struct npu_core *core, uint32_t offset, uint32_t *value)
{
	return job_read(&core->cores[offset / BLOCK_SIZE], offset % BLOCK_SIZE,
			value);
}

static bool core_write(struct npu_core *core, uint32_t offset, uint32_t value)
{
	bool is_done = job_write(&core->cores[offset / BLOCK_SIZE],
				 offset % BLOCK_SIZE, value);

	machine_update_irqs(core);
	return is_done;
}

static const struct block {
	uint32_t base;
	uint32_t size;
	bool (*read)(struct npu_core *core, uint32_t offset, uint32_t *value);
	bool (*write)(struct npu_core *core, uint32_t offset, uint32_t value);
} blocks[] = {
	{ NPU_SYS_BASE, BLOCK_SIZE, sys_read, sys_write },
	{ NPU_MMU_BASE, BLOCK_SIZE, mmu_read, mmu_write },
	{ NPU_ATU_BASE, BLOCK_SIZE, atu_read, atu_write },
	{ NPU_CORE_BASE(0), NPU_MAX_CORES * BLOCK_SIZE, core_read, core_write },
};

static const struct block *find_block(const struct npu_core *core,
				      uint32_t address)
{
	const struct block *block;
	uint32_t i;

	if (address >= NPU_CORE_BASE(core->config.cores) &&
	    address < NPU_CORE_BASE(NPU_MAX_CORES))
		return NULL;
	for (i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
		block = &blocks[i];
		if (address - block->base < block->size)
			return block;
	}
	return NULL;
}

static int bus_load(void *opaque, uint32_t address, unsigned int size,
		    uint32_t *value)
{
	struct npu_core *core = opaque;
	const struct block *block;

	*value = 0;
	if (is_window(address)) {
		window_reach(core, address, value, size, false);
		return 0;
	}
	block = find_block(core, address);
	if (!block || size != 4 || address % 4)
		return -1;
	return block->read(core, address - block->base, value) ? 0 : -1;
}

static int bus_store(void *opaque, uint32_t address, unsigned int size,
		     uint32_t value)
{
	struct npu_core *core = opaque;
	const struct block *block;

	if (is_window(address)) {
		window_reach(core, address, &value, size, true);
		return 0;
	}
	block = find_block(core, address);
	if (!block || size != 4 || address % 4)
		return -1;
	return block->write(core, address - block->base, value) ? 0 : -1;
}

static uint64_t bus_time(void *opaque)
{
	return now(opaque);
}

void controller_init(struct npu_core *core)
{
	core->bus = (struct rv32_bus){
		.tcm = core->tcm,
		.tcm_base = NPU_TCM_BASE,
		.tcm_size = NPU_TCM_SIZE,
		.load = bus_load,
		.store = bus_store,
		.time = bus_time,
		.opaque = core,
	};
}
