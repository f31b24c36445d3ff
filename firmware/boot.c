// SPDX-License-Identifier: MIT
/*
 * The handshake: find the init block, agree on a version, look at the rings.
 * Called once, by main.c.
 */
#include "fw.h"
#include "io.h"

/* The highest version in both ranges, or 0. */
uint32_t fw_abi_choose(uint32_t min, uint32_t max, uint32_t own_min,
		       uint32_t own_max)
{
	uint32_t low = min > own_min ? min : own_min;
	uint32_t high = max < own_max ? max : own_max;

	return low <= high ? high : 0;
}

/* Show a ring in its window; false if it can't be all there. */
static bool map_ring(enum fw_window window, uint64_t base, uint32_t size,
		     uint32_t align)
{
	if (!base || base % align || base + size < base)
		return false;
	window_map(window, base, size);
	io_read32(NPU_WINDOW(window));
	io_read32(NPU_WINDOW(window) + size - 4);
	return !window_take_fault(window);
}

static bool map_rings(const struct npu_init *init)
{
	return map_ring(FW_WINDOW_ADMIN, init->admin_ring,
			NPU_ADMIN_ENTRIES * sizeof(struct npu_admin_cmd),
			sizeof(struct npu_admin_cmd)) &&
	       map_ring(FW_WINDOW_EVENTS, init->event_ring,
			NPU_EVENT_ENTRIES * sizeof(struct npu_event),
			sizeof(struct npu_event)) &&
	       map_ring(FW_WINDOW_LOG, init->log, NPU_LOG_SIZE, 4);
}

/* All that the firmware writes in the init block begins at zero. */
static void write_own_fields(uint32_t abi)
{
	static const uint32_t
		zeros[(sizeof(struct npu_init) -
		       __builtin_offsetof(struct npu_init, abi)) / 4];

	io_store(FW_INIT(abi), zeros, sizeof(zeros));
	io_write32(FW_INIT(abi), abi);
}

static void read_config(struct fw *fw)
{
	uint32_t doorbells = io_sys_read(NPU_SYS_CONFIG + NPU_REG_DOORBELLS);
	uint32_t contexts = io_sys_read(NPU_SYS_CONFIG + NPU_REG_CONTEXTS);
	uint32_t cores = io_sys_read(NPU_SYS_CONFIG + NPU_REG_CORES);

	line_init(fw, io_sys_read(NPU_SYS_CONFIG + NPU_REG_CLOCK_KHZ));
	fw->core_count = cores < NPU_MAX_CORES ? cores : NPU_MAX_CORES;
	fw->context_count =
		contexts < NPU_MAX_CONTEXTS ? contexts : NPU_MAX_CONTEXTS;
	fw->queue_count =
		doorbells <= NPU_MAX_QUEUES ? doorbells - 1 : NPU_MAX_QUEUES;
}

/*
 * Prepare @fw, which is zero, to serve the driver whose init block is the boot
 * argument. Returns why not, if not.
 */
enum npu_fw_refusal fw_boot(struct fw *fw)
{
	uint64_t address = io_read64(NPU_SYS_BASE + NPU_SYS_ARG_LO);
	struct npu_init init;
	uint32_t abi;

	windows_reset();
	if (!address || address % 64)
		return NPU_FW_REFUSAL_INIT;
	window_map(FW_WINDOW_INIT, address, sizeof(init));
	io_load(&init, NPU_WINDOW(FW_WINDOW_INIT), sizeof(init));
	if (window_take_fault(FW_WINDOW_INIT) || init.magic != NPU_INIT_MAGIC)
		return NPU_FW_REFUSAL_INIT;
	abi = fw_abi_choose(init.abi_min, init.abi_max, NPU_RING_ABI_MIN,
			    FW_ABI_MAX);
	if (!abi)
		return NPU_FW_REFUSAL_ABI;
	if (!map_rings(&init))
		return NPU_FW_REFUSAL_RING;
	write_own_fields(abi);
	read_config(fw);
	fw->abi = abi;
	power_init(fw);
	sched_init(fw);
	fw->log_level = NPU_LOG_INFO;
	log_print(fw, NPU_LOG_INFO, FW_NAME ": protocol %u, %u cores", abi,
		  fw->core_count);
	return NPU_FW_REFUSAL_NONE;
}
