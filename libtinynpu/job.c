// SPDX-License-Identifier: MIT
/*
 * Jobs of a session: submit, wait, and what the result record tells. The record
 * lies where the program's commands can't write: it has no region.
 */
#include "session.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static const char *fault_name(uint32_t code)
{
	static const char *const names[NPU_FAULT_COUNT] = {
		[NPU_FAULT_NONE] = "no fault",
		[NPU_FAULT_OPCODE] = "no such command",
		[NPU_FAULT_RESERVED] = "reserved field is not zero",
		[NPU_FAULT_FIELD] = "field out of range",
		[NPU_FAULT_SRAM] = "beyond the SRAM",
		[NPU_FAULT_OVERLAP] = "operands overlap",
		[NPU_FAULT_REGION] = "beyond its region",
		[NPU_FAULT_PAGE_READ] = "page not readable",
		[NPU_FAULT_PAGE_WRITE] = "page not writable",
		[NPU_FAULT_BUS] = "refused by the bus",
		[NPU_FAULT_HAZARD] = "not ordered behind an earlier command",
		[NPU_FAULT_WORK] = "too much work in one command",
		[NPU_FAULT_CONTEXT] = "context without a page table",
		[NPU_FAULT_DECODE] = "no coded stream",
	};

	return code < NPU_FAULT_COUNT ? names[code] : "unknown fault";
}

static const char *unit_name(uint32_t unit)
{
	static const char *const names[] = { "DMA", "MAC", "VEC", "fetch" };

	return unit < 4 ? names[unit] : "unknown unit";
}

/* The operator of the model that the faulting command is from. */
static const char *culprit(const struct tinynpu_program *prog,
			   const struct backend_end *end)
{
	int layer = tinynpu_program_layer_of(prog, end->fault_cmd);

	return layer < 0 ? "unknown operator" :
			   prog->names + prog->layers[layer].name;
}

static int end_error(const struct tinynpu_session *session,
		     struct tinynpu_error *error)
{
	const struct backend_end *end = &session->end;

	switch (end->status) {
	case NPU_JOB_OK:
		return 0;
	case NPU_JOB_FAULT:
		return tinynpu_error_set(error, -EFAULT,
			"command %u (%s) of %s faulted: %s, address 0x%llx, info %u",
			end->fault_cmd, unit_name(end->fault_unit),
			culprit(session->program, end),
			fault_name(end->fault_code),
			(unsigned long long)end->fault_addr, end->fault_info);
	case NPU_JOB_TIMEOUT:
		return tinynpu_error_set(error, -ETIMEDOUT,
			"the job made no progress and was ended");
	case NPU_JOB_CANCELLED:
		return tinynpu_error_set(error, -ECANCELED,
					 "the job was cancelled");
	default:
		return tinynpu_error_set(error, -EIO,
			"the job was lost: the device was reset");
	}
}

/* The record as figures, and when its end was seen. */
static void take_stats(struct tinynpu_session *session)
{
	const struct npu_job_result *r = session->memory.result.map;
	struct tinynpu_stats *stats = &session->stats;

	stats->jobs++;
	stats->commands = r->commands;
	stats->cycles = r->cycles;
	stats->energy_fj = r->energy_fj;
	stats->mac_ops = r->mac_ops;
	stats->sram_read = r->sram_read;
	stats->sram_written = r->sram_written;
	stats->mem_read = r->mem_read;
	stats->mem_written = r->mem_written;
	stats->busy_dma = r->busy[0];
	stats->busy_mac = r->busy[1];
	stats->busy_vec = r->busy[2];
	stats->core = r->core;
	stats->wall_ns = now_ns() - session->submitted_ns;
}

static int submit_locked(struct tinynpu_session *session, bool is_waited,
			 struct tinynpu_error *error)
{
	const struct session_memory *memory = &session->memory;
	struct backend_job job = {
		.commands = memory->commands.address,
		.regions = memory->regions.address,
		.result = memory->result.address,
		.command_count = session->program->command_count,
		.region_count = NPU_REGION_TENSORS +
				session->program->tensor_count,
	};
	int err;

	if (session->is_submitted)
		return tinynpu_error_set(error, -EBUSY,
					 "a job has not been waited for yet");
	if (session->is_failed)
		return tinynpu_error_set(error, -ECANCELED,
			"an earlier job of this session failed");
	memset(memory->result.map, 0, sizeof(struct npu_job_result));
	session->submitted_ns = now_ns();
	err = session->device->backend->submit(session->context, &job,
					       is_waited, error);
	session->is_submitted = !err;
	return err;
}

static int wait_locked(struct tinynpu_session *session, int64_t deadline_ns,
		       struct tinynpu_error *error)
{
	const struct backend *backend = session->device->backend;
	const struct npu_job_result *result = session->memory.result.map;
	int err;

	if (!session->is_submitted)
		return tinynpu_error_set(error, -EINVAL, "nothing was submitted");
	err = backend->wait(session->context, deadline_ns, error);
	if (err == -EAGAIN)
		return err;
	session->is_submitted = false;
	session->end = (struct backend_end){ .status = NPU_JOB_OK };
	take_stats(session);
	if (!err && result->status != NPU_JOB_OK)
		err = backend->end(session->context, &session->end, error);
	if (!err)
		err = end_error(session, error);
	session->is_failed = err != 0;
	return err;
}

int tinynpu_session_run(struct tinynpu_session *session,
			struct tinynpu_error *error)
{
	int err;

	pthread_mutex_lock(&session->lock);
	err = submit_locked(session, true, error);
	if (!err)
		err = wait_locked(session, BACKEND_FOREVER, error);
	pthread_mutex_unlock(&session->lock);
	return err;
}

int tinynpu_session_submit(struct tinynpu_session *session,
			   struct tinynpu_error *error)
{
	int err;

	pthread_mutex_lock(&session->lock);
	err = submit_locked(session, false, error);
	pthread_mutex_unlock(&session->lock);
	return err;
}

int tinynpu_session_wait(struct tinynpu_session *session, int64_t timeout_ns,
			 struct tinynpu_error *error)
{
	int64_t deadline_ns = BACKEND_FOREVER;
	int err;

	if (timeout_ns >= 0 &&
	    __builtin_add_overflow(now_ns(), timeout_ns, &deadline_ns))
		deadline_ns = BACKEND_FOREVER;
	pthread_mutex_lock(&session->lock);
	err = wait_locked(session, deadline_ns, error);
	pthread_mutex_unlock(&session->lock);
	return err;
}

int tinynpu_session_fd(struct tinynpu_session *session)
{
	int fd;

	pthread_mutex_lock(&session->lock);
	fd = session->device->backend->fd(session->context);
	pthread_mutex_unlock(&session->lock);
	return fd;
}

void tinynpu_session_stats(struct tinynpu_session *session,
			   struct tinynpu_stats *stats, size_t size)
{
	pthread_mutex_lock(&session->lock);
	tinynpu_info_copy(stats, size, &session->stats, sizeof(session->stats));
	pthread_mutex_unlock(&session->lock);
}

void tinynpu_session_fault(struct tinynpu_session *session,
			   struct tinynpu_fault *fault, size_t size)
{
	struct tinynpu_fault all;

	pthread_mutex_lock(&session->lock);
	all = (struct tinynpu_fault){
		.code = session->end.fault_code,
		.unit = session->end.fault_unit,
		.command = session->end.fault_cmd,
		.info = session->end.fault_info,
		.address = session->end.fault_addr,
		.name = fault_name(session->end.fault_code),
	};
	pthread_mutex_unlock(&session->lock);
	tinynpu_info_copy(fault, size, &all, sizeof(all));
}
