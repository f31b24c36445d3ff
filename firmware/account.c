// SPDX-License-Identifier: MIT
/*
 * What cores, contexts and queues have done, and the snapshot of it that
 * NPU_ADMIN_COUNTERS writes. Called by sched.c and admin.c. What a running job
 * has used is added whenever its core is looked at.
 */
#include "fw.h"
#include "io.h"

/* The three whose work a core's is. */
struct workers {
	struct npu_work *work[3];
};

static struct workers workers_of(struct fw *fw, uint32_t number)
{
	uint32_t queue = fw->cores[number].queue;
	struct npu_counters *counters = &fw->counters;

	return (struct workers){ {
		&counters->core[number],
		&counters->context[fw->queues[queue].context],
		&counters->queue[queue],
	} };
}

/* A job starts or goes on; what its registers say by then was counted. */
void account_start(struct fw *fw, uint32_t number, uint64_t now)
{
	const struct fw_queue *queue = &fw->queues[fw->cores[number].queue];

	fw->cores[number].used = (struct fw_usage){
		.time_ns = now,
		.cycles = queue->is_parked ? queue->result.cycles : 0,
		.energy_fj = queue->is_parked ? queue->result.energy_fj : 0,
	};
}

/* Add what the core's job has used since this was asked last. */
void account_core(struct fw *fw, uint32_t number, uint64_t now)
{
	struct workers workers = workers_of(fw, number);
	struct fw_usage *used = &fw->cores[number].used;
	struct fw_usage all = { .time_ns = now }, more;
	uint32_t i;

	engine_read_usage(number, &all.cycles, &all.energy_fj);
	more.time_ns = all.time_ns - used->time_ns;
	more.cycles = all.cycles - used->cycles;
	more.energy_fj = all.energy_fj - used->energy_fj;
	for (i = 0; i < 3; i++) {
		workers.work[i]->busy_ns += more.time_ns;
		workers.work[i]->cycles += more.cycles;
		workers.work[i]->energy_fj += more.energy_fj;
	}
	line_charge(fw, fw->cores[number].queue, more.cycles);
	*used = all;
}

void account_preemption(struct fw *fw, uint32_t number)
{
	struct workers workers = workers_of(fw, number);
	uint32_t i;

	for (i = 0; i < 3; i++)
		workers.work[i]->preemptions++;
}

static void count_end(struct npu_work *work, enum npu_job_status status)
{
	work->jobs++;
	switch (status) {
	case NPU_JOB_FAULT:
		work->faults++;
		break;
	case NPU_JOB_TIMEOUT:
		work->timeouts++;
		break;
	case NPU_JOB_CANCELLED:
		work->cancelled++;
		break;
	default:
		break;
	}
}

/* A job of the queue has ended, on @core or, FW_NONE, on none. */
void account_end(struct fw *fw, uint32_t queue, uint32_t core,
		 enum npu_job_status status)
{
	struct npu_counters *counters = &fw->counters;

	count_end(&counters->queue[queue], status);
	count_end(&counters->context[fw->queues[queue].context], status);
	if (core != FW_NONE)
		count_end(&counters->core[core], status);
}

void account_forget_context(struct fw *fw, uint32_t context)
{
	fw->counters.context[context] = (struct npu_work){ 0 };
}

void account_forget_queue(struct fw *fw, uint32_t queue)
{
	fw->counters.queue[queue] = (struct npu_work){ 0 };
}

/* Jobs, cycles and energy of a queue, those of the job that runs included. */
void account_read_queue(struct fw *fw, uint32_t queue, uint64_t work[3])
{
	const struct npu_work *all = &fw->counters.queue[queue];
	uint32_t core = fw->queues[queue].core;

	if (core != FW_NONE && (fw->cores[core].state == FW_CORE_RUNNING ||
				fw->cores[core].state == FW_CORE_STOPPING))
		account_core(fw, core, io_time_ns());
	work[0] = all->jobs;
	work[1] = all->cycles;
	work[2] = all->energy_fj;
}

/*
 * Write @bytes of the counters, at most all, to a bus address. Returns how many
 * were written, or 0 if the memory is not there.
 */
uint32_t account_write(struct fw *fw, uint64_t address, uint64_t bytes)
{
	struct npu_counters *counters = &fw->counters;
	const struct fw_core *core;
	uint64_t now = io_time_ns();
	uint32_t size = sizeof(*counters);
	uint32_t i;

	for (i = 0; i < fw->core_count; i++) {
		core = &fw->cores[i];
		counters->running[i] =
			core->state == FW_CORE_IDLE ? 0 : core->queue + 1;
		if (core->state == FW_CORE_RUNNING ||
		    core->state == FW_CORE_STOPPING)
			account_core(fw, i, now);
	}
	counters->time_ns = now;
	power_read(fw, counters);
	if (bytes < size)
		size = bytes;
	window_map(FW_WINDOW_COUNTERS, address, size);
	io_store(NPU_WINDOW(FW_WINDOW_COUNTERS), counters, size);
	return window_take_fault(FW_WINDOW_COUNTERS) ? 0 : size;
}
