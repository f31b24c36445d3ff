// SPDX-License-Identifier: MIT
/*
 * The board of firmware_board.h: the functions of firmware/io.h and what stands
 * behind them. An access to something that the real machine would trap at ends
 * the test.
 */
#include "firmware_board.h"
#include "../../firmware/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct board board;
struct fw board_fw;

static void die(const char *what, uint32_t address)
{
	fprintf(stderr, "the firmware would trap: %s at 0x%x\n", what, address);
	abort();
}

/* --- Memory ------------------------------------------------------------------ */

void *board_at(uint64_t address, uint32_t size)
{
	if (address < BOARD_MEMORY ||
	    address - BOARD_MEMORY > BOARD_MEMORY_SIZE - size)
		return NULL;
	return board.memory + (address - BOARD_MEMORY);
}

static void *context_at(uint64_t address, uint32_t size, bool is_write)
{
	if (board.is_context_gone || (is_write && board.is_context_readonly) ||
	    address < BOARD_RESULTS ||
	    address - BOARD_RESULTS > BOARD_RESULTS_SIZE - size)
		return NULL;
	return board.results + (address - BOARD_RESULTS);
}

/* What a window shows at @address, or NULL and the window has a fault. */
static void *window_at(uint32_t address, uint32_t size, bool is_write)
{
	uint32_t n = (address - NPU_WINDOW_BASE) / NPU_WINDOW_SIZE;
	uint32_t offset = (address - NPU_WINDOW_BASE) % NPU_WINDOW_SIZE;
	uint64_t base = (uint64_t)board.windows[n].base_hi << 32 |
			board.windows[n].base_lo;
	bool is_context = board.windows[n].ctrl & NPU_ATU_TRANSLATE;
	uint32_t fault = NPU_FAULT_NONE;
	void *place = NULL;

	if (!(board.windows[n].ctrl & NPU_ATU_ENABLE) ||
	    offset + size > board.windows[n].limit)
		fault = NPU_FAULT_REGION;
	else if ((base + offset) % size)
		fault = NPU_FAULT_FIELD;
	else if (is_context)
		place = context_at(base + offset, size, is_write);
	else
		place = board_at(base + offset, size);
	if (!fault && !place)
		fault = !is_context ? NPU_FAULT_BUS :
			is_write ? NPU_FAULT_PAGE_WRITE : NPU_FAULT_PAGE_READ;
	if (!board.windows[n].fault)
		board.windows[n].fault = fault;
	return place;
}

/* --- Registers ---------------------------------------------------------------- */

static uint32_t half(uint64_t value, uint32_t address)
{
	return address & 4 ? value >> 32 : (uint32_t)value;
}

static void set_half(uint64_t *value, uint32_t address, uint32_t half)
{
	if (address & 4)
		*value = (uint64_t)half << 32 | (uint32_t)*value;
	else
		*value = *value >> 32 << 32 | half;
}

/* Clocks of 200, 150, 100 and 50 MHz; the meter's time is the board's. */
static bool read_power(uint32_t reg, uint32_t *value)
{
	if (reg == NPU_SYS_TEMP)
		*value = board.temperature_mc;
	else if ((reg & ~4u) == NPU_SYS_METER_NS_LO)
		*value = half(board.now, reg);
	else if ((reg & ~4u) == NPU_SYS_METER_FJ_LO)
		*value = half(board.meter_fj, reg);
	else if ((reg & ~4u) == NPU_SYS_IDLE_FJ_LO)
		*value = half(board.idle_fj, reg);
	else if (reg >= NPU_SYS_OPP_KHZ(0) &&
		 reg < NPU_SYS_OPP_KHZ(NPU_OPP_COUNT))
		*value = 50000 * (4 - (reg - NPU_SYS_OPP_KHZ(0)) / 4);
	else
		return false;
	return true;
}

static uint32_t sys_read(uint32_t reg)
{
	uint32_t value;

	if (read_power(reg, &value))
		return value;
	if (reg >= NPU_SYS_CONFIG && reg < NPU_SYS_CONFIG + NPU_REG_CONFIG_END)
		return board.config[(reg - NPU_SYS_CONFIG) / 4];
	switch (reg & ~4u) {
	case NPU_SYS_TIME_LO:
		return half(board.now, reg);
	case NPU_SYS_DOORBELL_LO:
		return half(board.doorbells, reg);
	case NPU_SYS_ARG_LO:
		return half(board.arg, reg);
	}
	die("load of a system register", reg);
	return 0;
}

static void sys_write(uint32_t reg, uint32_t value)
{
	if (reg == NPU_SYS_HOST_IRQ) {
		board.host_irqs++;
		return;
	}
	if (reg == NPU_SYS_OPP) {
		board.opp = value;
		return;
	}
	if (reg >= NPU_SYS_SCRATCH(0) &&
	    reg < NPU_SYS_SCRATCH(NPU_SCRATCH_COUNT)) {
		board.scratch[(reg - NPU_SYS_SCRATCH(0)) / 4] = value;
		return;
	}
	switch (reg & ~4u) {
	case NPU_SYS_TIMECMP_LO:
		set_half(&board.timer, reg, value);
		return;
	case NPU_SYS_DOORBELL_LO:
		board.doorbells &= ~((uint64_t)value << (reg & 4 ? 32 : 0));
		return;
	}
	die("store to a system register", reg);
}

static void mmu_write(uint32_t reg, uint32_t value)
{
	if (reg < NPU_MMU_ROOT_LO(NPU_MAX_CONTEXTS) && !(reg & 8))
		board.roots[reg / 16 * 2 + (reg >> 2 & 1)] = value;
	else if ((reg & ~4u) == NPU_MMU_INV_ADDR_LO)
		set_half(&board.inv_address, reg, value);
	else if ((reg & ~4u) == NPU_MMU_INV_SIZE_LO)
		set_half(&board.inv_size, reg, value);
	else if (reg == NPU_MMU_INV_CMD)
		board.inv_command = value;
	else
		die("store to an MMU register", reg);
}

static uint32_t *atu_reg(uint32_t reg)
{
	if (reg >= NPU_ATU_BASE_LO(NPU_WINDOW_COUNT) || reg % 0x20 > 0x10)
		die("ATU register", reg);
	return &board.windows[reg / 0x20].base_lo + reg % 0x20 / 4;
}

static uint64_t board_cycles(const struct board_core *core)
{
	return (uint64_t)core->regs[NPU_CORE_CYCLES / 4 + 1] << 32 |
	       core->regs[NPU_CORE_CYCLES / 4];
}

static bool is_latched(uint32_t reg)
{
	return reg == NPU_CORE_SLICE || reg == NPU_CORE_SLOT;
}

/* What a job is, all but the registers that are the core's own. */
static void copy_job(uint32_t *to, const uint32_t *from)
{
	uint32_t reg;

	for (reg = 0; reg < 0x100; reg += 4)
		if (!is_latched(reg))
			to[reg / 4] = from[reg / 4];
}

static void core_resume(struct board_core *core)
{
	uint32_t n = core->regs[NPU_CORE_SLOT / 4];

	if (n >= NPU_CORE_SLOTS || !board.slots[n].is_full)
		die("an empty slot is resumed", n);
	board.slots[n].is_full = false;
	copy_job(core->regs, board.slots[n].regs);
	core->regs[NPU_CORE_STATUS / 4] = NPU_CORE_RUNNING;
	core->begun = board_cycles(core);
	core->resumes++;
}

static void core_write(struct board_core *core, uint32_t reg, uint32_t value)
{
	uint32_t *status = &core->regs[NPU_CORE_STATUS / 4];

	if (reg != NPU_CORE_CTRL) {
		core->regs[reg / 4] = value;
		return;
	}
	if (value & NPU_CORE_START) {
		*status = NPU_CORE_RUNNING;
		memset(core->regs + NPU_CORE_COMMANDS / 4, 0,
		       NPU_CORE_FAULT_CODE - NPU_CORE_COMMANDS);
		core->begun = 0;
		core->starts++;
	}
	if (value & NPU_CORE_RESUME)
		core_resume(core);
	if ((value & NPU_CORE_STOP) && !core->is_deaf &&
	    *status == NPU_CORE_RUNNING) {
		*status = NPU_CORE_STOPPED;
		core->has_interrupt = true;
	}
	if (value & NPU_CORE_RESET)
		memset(core->regs, 0, sizeof(core->regs));
	if (value & NPU_CORE_ACK)
		core->has_interrupt = false;
}

static struct board_core *core_at(uint32_t address)
{
	uint32_t n = (address - NPU_CORE_BASE(0)) / 0x1000;

	if (address < NPU_CORE_BASE(0) ||
	    n >= board.config[NPU_REG_CORES / 4] || (address & 0xfff) >= 0x100)
		die("access", address);
	return &board.cores[n];
}

static void count_access(void)
{
	board.accesses++;
	if (board.on_access)
		board.on_access();
}

uint32_t io_read32(uint32_t address)
{
	uint32_t value = UINT32_MAX;
	void *place;

	count_access();
	if (address % 4)
		die("misaligned load", address);
	if (address >= NPU_WINDOW_BASE) {
		place = window_at(address, 4, false);
		if (place)
			memcpy(&value, place, 4);
		return value;
	}
	if (address - NPU_SYS_BASE < 0x1000)
		return sys_read(address - NPU_SYS_BASE);
	if (address - NPU_ATU_BASE < 0x1000)
		return *atu_reg(address - NPU_ATU_BASE);
	return core_at(address)->regs[(address & 0xfff) / 4];
}

void io_write32(uint32_t address, uint32_t value)
{
	void *place;

	count_access();
	if (address % 4)
		die("misaligned store", address);
	if (address >= NPU_WINDOW_BASE) {
		place = window_at(address, 4, true);
		if (place)
			memcpy(place, &value, 4);
		return;
	}
	if (address - NPU_SYS_BASE < 0x1000)
		sys_write(address - NPU_SYS_BASE, value);
	else if (address - NPU_MMU_BASE < 0x1000)
		mmu_write(address - NPU_MMU_BASE, value);
	else if (address - NPU_ATU_BASE < 0x1000)
		*atu_reg(address - NPU_ATU_BASE) =
			(address & 0x1f) == NPU_ATU_FAULT(0) ? 0 : value;
	else
		core_write(core_at(address), address & 0xfff, value);
}

void io_write8(uint32_t address, uint8_t value)
{
	uint8_t *place;

	count_access();
	if (address < NPU_WINDOW_BASE)
		die("store of a byte", address);
	place = window_at(address, 1, true);
	if (place)
		*place = value;
}

/* One thread plays both sides: what it did is done. */
void io_fence(void)
{
}

/* --- The driver's side --------------------------------------------------------- */

struct npu_init *board_init_block(void)
{
	return board_at(BOARD_INIT, sizeof(struct npu_init));
}

struct npu_queue_ring *board_queue(uint32_t queue)
{
	return board_at(BOARD_QUEUE(queue), sizeof(struct npu_queue_ring));
}

void board_setup(uint32_t cores)
{
	memset(&board, 0, sizeof(board));
	memset(&board_fw, 0, sizeof(board_fw));
	board.config[NPU_REG_VERSION / 4] = NPU_HW_VERSION_MAJOR << 16 |
					    NPU_HW_VERSION_MINOR;
	board.config[NPU_REG_CORES / 4] = cores;
	board.temperature_mc = 25000;
	board.config[NPU_REG_CLOCK_KHZ / 4] = 200000;
	board.config[NPU_REG_DOORBELLS / 4] = NPU_MAX_DOORBELLS;
	board.config[NPU_REG_CONTEXTS / 4] = NPU_MAX_CONTEXTS;
	board.now = 5000000000ull;
	board.timer = UINT64_MAX;
	board.arg = BOARD_INIT;
	*board_init_block() = (struct npu_init){
		.magic = NPU_INIT_MAGIC,
		.abi_min = NPU_RING_ABI_MIN,
		.abi_max = NPU_RING_ABI_MAX,
		.admin_ring = BOARD_ADMIN,
		.event_ring = BOARD_EVENTS,
		.log = BOARD_LOG,
		.event_armed = 1,
	};
}

void board_boot(uint32_t cores)
{
	board_setup(cores);
	if (fw_boot(&board_fw))
		abort();
	board_run();
}

static bool is_awake(void)
{
	uint32_t i;

	for (i = 0; i < NPU_MAX_CORES; i++)
		if (board.cores[i].has_interrupt)
			return true;
	return board.doorbells || board.now >= board.timer;
}

bool board_run(void)
{
	uint32_t rounds;

	fw_round(&board_fw);
	for (rounds = 0; is_awake(); rounds++) {
		if (rounds == 1000)
			return false;
		fw_round(&board_fw);
	}
	return true;
}

bool board_advance(uint64_t ns)
{
	board.now += ns;
	return board_run();
}

static void ring(uint32_t page)
{
	board.doorbells |= 1ull << page;
	board.rings++;
}

void board_admin_put(const struct npu_admin_cmd *cmd)
{
	struct npu_init *init = board_init_block();
	struct npu_admin_cmd *entries =
		board_at(BOARD_ADMIN, NPU_ADMIN_ENTRIES * sizeof(*cmd));

	entries[init->admin_tail % NPU_ADMIN_ENTRIES] = *cmd;
	init->admin_tail++;
}

void board_admin_ring(void)
{
	if (board_init_block()->admin_armed)
		ring(NPU_DOORBELL_ADMIN);
}

void board_admin_write(const struct npu_admin_cmd *cmd)
{
	board_admin_put(cmd);
	board_admin_ring();
}

static uint32_t await(uint32_t seq, struct npu_event *event)
{
	if (!board_run() || !board_event(event) ||
	    event->type != NPU_EVENT_ADMIN_DONE || event->id != seq)
		return UINT32_MAX;
	return event->status;
}

uint32_t board_admin(uint32_t op, uint64_t a0, uint64_t a1, uint64_t a2,
		     struct npu_event *event)
{
	struct npu_admin_cmd cmd = {
		.op = op,
		.seq = ++board.admin_seq,
		.args = { a0, a1, a2 },
	};
	struct npu_event own;

	board_admin_write(&cmd);
	return await(cmd.seq, event ? event : &own);
}

uint32_t board_queue_create(uint32_t queue, uint32_t context,
			    uint32_t priority, uint32_t entries,
			    uint64_t watchdog_ns)
{
	struct npu_admin_cmd cmd = {
		.op = NPU_ADMIN_QUEUE_CREATE,
		.seq = ++board.admin_seq,
	};
	struct npu_admin_queue arg = {
		.queue = queue,
		.context = context,
		.priority = priority,
		.entries = entries,
		.ring = BOARD_QUEUE(queue),
		.watchdog_ns = watchdog_ns,
	};
	struct npu_event event;

	memcpy(cmd.args, &arg, sizeof(arg));
	memset(board_queue(queue), 0, sizeof(struct npu_queue_ring));
	board.queue_tails[queue] = 0;
	board_admin_write(&cmd);
	return await(cmd.seq, &event);
}

struct npu_job board_job(uint64_t cookie)
{
	return (struct npu_job){
		.cookie = cookie,
		.commands = cookie << 6,
		.regions = 0x2000,
		.command_count = 3,
		.region_count = 1,
	};
}

void board_queue_put(uint32_t queue, const struct npu_job *job)
{
	uint32_t entries = board_fw.queues[queue].entries;
	struct npu_queue_ring *memory = board_queue(queue);

	memory->jobs[board.queue_tails[queue]++ % entries] = *job;
	memory->tail = board.queue_tails[queue];
}

void board_queue_ring(uint32_t queue)
{
	if (board_queue(queue)->armed)
		ring(NPU_DOORBELL_QUEUE(queue));
}

void board_submit(uint32_t queue, const struct npu_job *job)
{
	board_queue_put(queue, job);
	board_queue_ring(queue);
}

void board_finish(uint32_t core, enum npu_core_state state, uint32_t commands)
{
	board.cores[core].regs[NPU_CORE_STATUS / 4] = state;
	board.cores[core].regs[NPU_CORE_COMMANDS / 4] = commands;
	board.cores[core].has_interrupt = true;
}

bool board_preempt(uint32_t number, uint32_t commands, uint64_t cycles)
{
	struct board_core *core = &board.cores[number];
	struct board_slot *slot = &board.slots[core->regs[NPU_CORE_SLOT / 4]];
	uint32_t slice = core->regs[NPU_CORE_SLICE / 4];

	core->regs[NPU_CORE_COMMANDS / 4] = commands;
	core->regs[NPU_CORE_CYCLES / 4] = (uint32_t)cycles;
	core->regs[NPU_CORE_CYCLES / 4 + 1] = cycles >> 32;
	if (!slice || cycles - core->begun < slice)
		return false;
	memcpy(slot->regs, core->regs, sizeof(slot->regs));
	slot->is_full = true;
	core->regs[NPU_CORE_STATUS / 4] = NPU_CORE_PREEMPTED;
	core->has_interrupt = true;
	return true;
}

uint64_t board_running(uint32_t core)
{
	const uint32_t *regs = board.cores[core].regs;

	if (regs[NPU_CORE_STATUS / 4] != NPU_CORE_RUNNING)
		return 0;
	return ((uint64_t)regs[NPU_CORE_CMD_HI / 4] << 32 |
		regs[NPU_CORE_CMD_LO / 4]) >> 6;
}

bool board_event(struct npu_event *event)
{
	struct npu_init *init = board_init_block();
	struct npu_event *entries =
		board_at(BOARD_EVENTS, NPU_EVENT_ENTRIES * sizeof(*event));

	if (init->event_tail == board.events_read)
		return false;
	*event = entries[board.events_read % NPU_EVENT_ENTRIES];
	init->event_head = ++board.events_read;
	return true;
}
