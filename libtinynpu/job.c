// SPDX-License-Identifier: MIT
/*
 * Runs of a session's program: its segments one after the other, of which each
 * job of the device is submitted and waited for, and operators on the CPU run in
 * the thread that gets there: those before the first job when it submits, the
 * others when it waits. The result record lies where the program's commands
 * can't write: it has no region.
 */
#include "session.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

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
		[NPU_FAULT_INDEX] = "index out of range",
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

/* Of the job, at the clock that it had: the record's, or all of the device's. */
static uint64_t latency_ns(const struct tinynpu_session *session,
			   const struct npu_job_result *r)
{
	uint64_t permille = r->clock_permille ? r->clock_permille : 1000;
	uint64_t khz = session->clock_khz * permille / 1000;

	return khz ? r->cycles * 1000000 / khz : 0;
}

/* Adds the record's figures to those of the run. */
static void add_stats(struct tinynpu_session *session)
{
	const struct npu_job_result *r = session->memory.result.map;
	struct tinynpu_stats *stats = &session->stats;

	stats->commands += r->commands;
	stats->cycles += r->cycles;
	stats->energy_fj += r->energy_fj;
	stats->mac_ops += r->mac_ops;
	stats->sram_read += r->sram_read;
	stats->sram_written += r->sram_written;
	stats->mem_read += r->mem_read;
	stats->mem_written += r->mem_written;
	stats->busy_dma += r->busy[0];
	stats->busy_mac += r->busy[1];
	stats->busy_vec += r->busy[2];
	stats->core = r->core;
	stats->latency_ns += latency_ns(session, r);
}

/* --- Segments -------------------------------------------------------------- */

static uint32_t segment_count(const struct tinynpu_session *session)
{
	return session->program->segment_count ?
		session->program->segment_count : 1;
}

static int submit_job(struct tinynpu_session *session,
		      const struct npu_program_segment *segment, bool is_waited,
		      struct tinynpu_error *error)
{
	const struct session_memory *memory = &session->memory;
	struct backend_job job = {
		.commands = memory->commands.address + 64ull * segment->first,
		.regions = memory->regions.address,
		.result = memory->result.address,
		.command_count = segment->count,
		.region_count = NPU_REGION_TENSORS +
				session->program->tensor_count +
				(session->program->variables_size != 0),
	};
	int err;

	memset(memory->result.map, 0, sizeof(struct npu_job_result));
	err = session->device->backend->submit(session->context, &job,
					       is_waited, error);
	session->is_job_running = !err;
	/* It may have been cancelled before there was something to cancel. */
	if (!err && atomic_load(&session->is_cancelled))
		session->device->backend->cancel(session->context, NULL);
	return err;
}

/* On until a job runs, or the run is over; -EFAULT is the program's fault. */
static int advance(struct tinynpu_session *session, bool is_waited,
		   struct tinynpu_error *error)
{
	int err = 0;

	while (!err && !session->is_job_running && !session->cpu_status &&
	       !atomic_load(&session->is_cancelled) &&
	       session->segment < segment_count(session)) {
		struct npu_program_segment segment =
			tinynpu_program_segment(session->program,
						session->segment++);

		if (segment.unit == NPU_SEGMENT_JOB)
			err = submit_job(session, &segment, is_waited, error);
		else
			session->cpu_status =
				session_cpu_run(session, &segment,
						&session->cpu_error);
	}
	return err;
}

/* The run is over before anybody waits: tell who polls. */
static void set_done(struct tinynpu_session *session, bool is_done)
{
	eventfd_t count;

	if (session->done_fd < 0)
		return;
	if (is_done)
		eventfd_write(session->done_fd, 1);
	else
		eventfd_read(session->done_fd, &count);
}

/* --- Runs ------------------------------------------------------------------ */

static int submit_locked(struct tinynpu_session *session, bool is_waited,
			 struct tinynpu_error *error)
{
	uint64_t jobs = session->stats.jobs;
	int err;

	if (session->is_submitted)
		return tinynpu_error_set(error, -EBUSY,
					 "a job has not been waited for yet");
	if (session->is_failed)
		return tinynpu_error_set(error, -ECANCELED,
			"an earlier job of this session failed");
	session->stats = (struct tinynpu_stats){ .jobs = jobs };
	session->segment = 0;
	session->turns = 0;
	session_loops_reset(session);
	atomic_store(&session->is_cancelled, false);
	if (!session->keeps_state)
		session_reset_variables(session);
	session->submitted_ns = now_ns();
	err = advance(session, is_waited, error);
	session->is_submitted = !err;
	if (!err && !session->is_job_running)
		set_done(session, true);
	return err;
}

/* How the job ended that runs, when it has. */
static int end_job(struct tinynpu_session *session, int64_t deadline_ns,
		   struct tinynpu_error *error)
{
	const struct backend *backend = session->device->backend;
	const struct npu_job_result *result = session->memory.result.map;
	struct npu_program_segment segment =
		tinynpu_program_segment(session->program, session->segment - 1);
	int err;

	err = backend->wait(session->context, deadline_ns, error);
	if (err == -EAGAIN)
		return err;
	session->is_job_running = false;
	add_stats(session);
	if (!err && result->status != NPU_JOB_OK) {
		err = backend->end(session->context, &session->end, error);
		/* its number in the program, not in the job */
		session->end.fault_cmd += segment.first;
	}
	return err ? err : end_error(session, error);
}

/* The rest of the run; -EAGAIN if a job still runs. */
static int finish(struct tinynpu_session *session, int64_t deadline_ns,
		  struct tinynpu_error *error)
{
	int err = 0;

	session->end = (struct backend_end){ .status = NPU_JOB_OK };
	while (!err && session->is_job_running) {
		err = end_job(session, deadline_ns, error);
		if (!err)
			err = advance(session, deadline_ns == BACKEND_FOREVER,
				      error);
	}
	if (!err && !session->cpu_status &&
	    session->segment < segment_count(session))
		err = tinynpu_error_set(error, -ECANCELED,
					"the run was cancelled");
	if (!err && session->cpu_status)
		err = tinynpu_error_set(error, session->cpu_status, "%s",
					session->cpu_error.text);
	return err;
}

static int wait_locked(struct tinynpu_session *session, int64_t deadline_ns,
		       struct tinynpu_error *error)
{
	int err;

	if (!session->is_submitted)
		return tinynpu_error_set(error, -EINVAL, "nothing was submitted");
	if (!session->is_job_running)
		set_done(session, false);
	err = finish(session, deadline_ns, error);
	if (err == -EAGAIN)
		return err;
	session->is_submitted = false;
	session->stats.jobs++;
	session->stats.wall_ns = now_ns() - session->submitted_ns;
	/*
	 * Cancelled, even if nobody has marked this run: a request for the run before
	 * that comes late may end this one's job, or that of a loop in it.
	 */
	session->is_failed = err && err != -ECANCELED;
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

/* Without the lock, which who waits for the run holds. */
int tinynpu_session_cancel(struct tinynpu_session *session,
			   struct tinynpu_error *error)
{
	atomic_store(&session->is_cancelled, true);
	session_loops_cancel(session);
	return session->device->backend->cancel(session->context, error);
}

/* --- Polling --------------------------------------------------------------- */

static int watch(int poll_fd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* A descriptor that is readable when the device's or done_fd is. */
static int make_poll_fd(struct tinynpu_session *session, int device_fd)
{
	int err;

	session->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (session->done_fd < 0)
		return -errno;
	session->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	err = session->poll_fd < 0 ? -errno : 0;
	if (!err)
		err = watch(session->poll_fd, device_fd);
	if (!err)
		err = watch(session->poll_fd, session->done_fd);
	if (!err) {
		if (session->is_submitted && !session->is_job_running)
			set_done(session, true);
		return session->poll_fd;
	}
	if (session->poll_fd >= 0)
		close(session->poll_fd);
	close(session->done_fd);
	session->poll_fd = -1;
	session->done_fd = -1;
	return err;
}

int tinynpu_session_fd(struct tinynpu_session *session)
{
	int fd;

	pthread_mutex_lock(&session->lock);
	fd = session->poll_fd;
	if (fd < 0)
		fd = session->device->backend->fd(session->context);
	if (fd >= 0 && session->poll_fd < 0 && session->program->cpu.op_count)
		fd = make_poll_fd(session, fd);
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
