// SPDX-License-Identifier: MIT
/*
 * The registers of the cores and of the MMU, and the result record. Called by
 * sched.c and admin.c; knows neither rings nor queues.
 */
#include "fw.h"
#include "io.h"

static uint32_t get(uint32_t core, uint32_t reg)
{
	return io_read32(NPU_CORE_BASE(core) + reg);
}

static uint64_t get64(uint32_t core, uint32_t reg)
{
	return io_read64(NPU_CORE_BASE(core) + reg);
}

static void set(uint32_t core, uint32_t reg, uint32_t value)
{
	io_write32(NPU_CORE_BASE(core) + reg, value);
}

/* Start a checked job on an idle core; @slot is where it waits if preempted. */
void engine_start(uint32_t core, uint32_t context, const struct npu_job *job,
		  uint32_t slot)
{
	set(core, NPU_CORE_CONTEXT, context);
	io_write64(NPU_CORE_BASE(core) + NPU_CORE_CMD_LO, job->commands);
	set(core, NPU_CORE_CMD_COUNT, job->command_count);
	io_write64(NPU_CORE_BASE(core) + NPU_CORE_REGION_LO, job->regions);
	set(core, NPU_CORE_REGION_COUNT, job->region_count);
	set(core, NPU_CORE_SLOT, slot);
	set(core, NPU_CORE_CTRL, NPU_CORE_START);
}

/* Let an idle core go on with the preempted job in @slot. */
void engine_resume(uint32_t core, uint32_t slot)
{
	set(core, NPU_CORE_SLOT, slot);
	set(core, NPU_CORE_CTRL, NPU_CORE_RESUME);
}

/* After @cycles its job is preempted at the next mark; 0: never. */
void engine_set_slice(uint32_t core, uint32_t cycles)
{
	set(core, NPU_CORE_SLICE, cycles);
}

/* Ask it to stop before the next command; its interrupt tells when it did. */
void engine_stop(uint32_t core)
{
	set(core, NPU_CORE_CTRL, NPU_CORE_STOP);
}

/* Stop it at once. There is no result then. */
void engine_reset(uint32_t core)
{
	set(core, NPU_CORE_CTRL, NPU_CORE_RESET);
}

void engine_ack(uint32_t core)
{
	set(core, NPU_CORE_CTRL, NPU_CORE_ACK);
}

enum npu_core_state engine_state(uint32_t core)
{
	return get(core, NPU_CORE_STATUS);
}

/* In force at once. A job that is started ends it. */
void engine_set_gate(uint32_t core, enum npu_core_gate gate)
{
	set(core, NPU_CORE_GATE, gate);
}

/* Of the job that runs or ran last, on average; of the machine's clock. */
uint32_t engine_clock_permille(uint32_t core)
{
	return get(core, NPU_CORE_CLOCK);
}

/* Finished commands of the job that runs or ran last. */
uint32_t engine_commands(uint32_t core)
{
	return get(core, NPU_CORE_COMMANDS);
}

/* What that job has used so far. */
void engine_read_usage(uint32_t core, uint64_t *cycles, uint64_t *energy_fj)
{
	*cycles = get64(core, NPU_CORE_CYCLES);
	*energy_fj = get64(core, NPU_CORE_ENERGY_FJ);
}

static void read_fault(uint32_t core, struct npu_job_result *result)
{
	result->fault_code = get(core, NPU_CORE_FAULT_CODE);
	result->fault_unit = get(core, NPU_CORE_FAULT_UNIT);
	result->fault_cmd = get(core, NPU_CORE_FAULT_CMD);
	result->fault_info = get(core, NPU_CORE_FAULT_INFO);
	result->fault_addr = get64(core, NPU_CORE_FAULT_ADDR_LO);
}

/*
 * All of the result but its status. @state: of the core, which has no fault if it is
 * done. @used: read since the job stopped
 */
void engine_read_result(uint32_t core, enum npu_core_state state,
			const struct fw_usage *used,
			struct npu_job_result *result)
{
	uint32_t unit;

	result->core = core;
	result->fault_code = NPU_FAULT_NONE;
	result->fault_unit = 0;
	result->fault_cmd = 0;
	result->fault_info = 0;
	result->fault_addr = 0;
	if (state != NPU_CORE_DONE)
		read_fault(core, result);
	result->commands = get(core, NPU_CORE_COMMANDS);
	result->cycles = used->cycles;
	result->energy_fj = used->energy_fj;
	result->mac_ops = get64(core, NPU_CORE_MAC_OPS);
	result->sram_read = get64(core, NPU_CORE_SRAM_READ);
	result->sram_written = get64(core, NPU_CORE_SRAM_WRITTEN);
	result->mem_read = get64(core, NPU_CORE_MEM_READ);
	result->mem_written = get64(core, NPU_CORE_MEM_WRITTEN);
	for (unit = 0; unit < 3; unit++)
		result->busy[unit] = get64(core, NPU_CORE_BUSY(unit));
}

/*
 * Write the record to its owner's memory, the status last. Returns whether the
 * owner's address space let us; the address is aligned.
 */
bool engine_write_result(uint32_t context, uint64_t address,
			 const struct npu_job_result *result)
{
	uint32_t window = NPU_WINDOW(FW_WINDOW_RESULT);
	uint32_t head = sizeof(result->status);

	window_map_context(FW_WINDOW_RESULT, address, sizeof(*result), context);
	io_store(window + head, (const uint8_t *)result + head,
		 sizeof(*result) - head);
	if (window_take_fault(FW_WINDOW_RESULT))
		return false;
	io_fence(); /* the owner's between status and the rest */
	io_write32(window, result->status);
	return !window_take_fault(FW_WINDOW_RESULT);
}

/* @table is the bus address of the context's root table. */
void engine_set_root(uint32_t context, uint64_t table)
{
	io_write32(NPU_MMU_BASE + NPU_MMU_ROOT_HI(context),
		   (uint32_t)(table >> 32));
	io_write32(NPU_MMU_BASE + NPU_MMU_ROOT_LO(context),
		   (uint32_t)table | NPU_MMU_ROOT_VALID);
	engine_invalidate(context, 0, 0);
}

void engine_clear_root(uint32_t context)
{
	io_write32(NPU_MMU_BASE + NPU_MMU_ROOT_LO(context), 0);
	io_write32(NPU_MMU_BASE + NPU_MMU_ROOT_HI(context), 0);
	engine_invalidate(context, 0, 0);
}

/* Forget translations of @size bytes at @address; 0 bytes: of the context. */
void engine_invalidate(uint32_t context, uint64_t address, uint64_t size)
{
	uint32_t what = size ? NPU_MMU_INV_RANGE : NPU_MMU_INV_CONTEXT;

	io_write64(NPU_MMU_BASE + NPU_MMU_INV_ADDR_LO, address);
	io_write64(NPU_MMU_BASE + NPU_MMU_INV_SIZE_LO, size);
	io_write32(NPU_MMU_BASE + NPU_MMU_INV_CMD, what | context << 8);
}
