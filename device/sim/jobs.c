// SPDX-License-Identifier: MIT
/*
 * Jobs of the simulated board. Who waits for a job drives the machine itself, so
 * that a short job costs no change of threads; jobs that are submitted without
 * waiting are driven by a worker, which is started with the first of them.
 */
#include "jobs.h"
#include "sim.h"

#include "../../libtinynpu/error.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>

void sim_job_done(struct sim_board *board, const struct npu_event *event)
{
	struct sim_context *ctx = event->queue < SIM_CONTEXTS ?
		board->contexts[event->queue] : NULL;

	if (!ctx || !ctx->is_running)
		return;
	ctx->event = *event;
	board->jobs--;
	board->last_end_ns = board->now_ns;
	pthread_mutex_lock(&board->turn.lock);
	ctx->is_running = false;
	ctx->is_unseen = true;
	if (ctx->is_async) {
		board->async_jobs--;
		pthread_cond_broadcast(&board->done);
	}
	if (ctx->event_fd >= 0)
		eventfd_write(ctx->event_fd, 1);
	pthread_mutex_unlock(&board->turn.lock);
}

/* --- The workers ----------------------------------------------------------- */

/* Whether there are too few jobs for this worker, of which each has one. */
static bool is_idle(const void *opaque)
{
	const struct sim_worker *worker = opaque;

	return worker->board->async_jobs <= worker->number;
}

/* Without the turn. */
static void *work(void *opaque)
{
	struct sim_worker *worker = opaque;
	struct sim_board *board = worker->board;
	struct sim_driver driver = { .share.own = worker->number };

	pthread_mutex_lock(&board->turn.lock);
	while (!board->is_stopping) {
		if (is_idle(worker)) {
			pthread_cond_wait(&board->work, &board->turn.lock);
			continue;
		}
		pthread_mutex_unlock(&board->turn.lock);
		turn_take(&board->turn);
		sim_board_drive(board, &driver, is_idle, worker);
		turn_give(&board->turn);
		pthread_mutex_lock(&board->turn.lock);
	}
	pthread_mutex_unlock(&board->turn.lock);
	return NULL;
}

/* With the turn. One worker can do for all. */
static int start_workers(struct sim_board *board, struct tinynpu_error *error)
{
	int err = 0;

	while (!err && board->worker_count < board->machine.cores) {
		struct sim_worker *worker =
			&board->workers[board->worker_count];

		worker->board = board;
		worker->number = board->worker_count;
		err = pthread_create(&worker->thread, NULL, work, worker);
		if (!err)
			board->worker_count++;
	}
	if (board->worker_count)
		return 0;
	return tinynpu_error_set(error, -err,
				 "simulator: no thread for the machine");
}

/* --- Jobs ------------------------------------------------------------------ */

/* The worker sees the job at the latest when the caller gives its turn. */
static void set_running(struct sim_context *ctx, bool is_async)
{
	struct sim_board *board = ctx->board;

	if (!board->jobs++)
		board->last_end_ns = board->now_ns;
	pthread_mutex_lock(&board->turn.lock);
	ctx->is_running = true;
	ctx->is_async = is_async;
	if (is_async) {
		board->async_jobs++;
		pthread_cond_broadcast(&board->work);
	}
	pthread_mutex_unlock(&board->turn.lock);
}

static void write_job(struct sim_context *ctx, const struct backend_job *job)
{
	struct npu_queue_ring *ring = ctx->ring;

	ring->jobs[ring->tail % SIM_RING_ENTRIES] = (struct npu_job){
		.cookie = ++ctx->board->last_cookie,
		.commands = job->commands,
		.regions = job->regions,
		.result = job->result,
		.command_count = job->command_count,
		.region_count = job->region_count,
	};
	ring->tail++;
	if (ring->armed)
		npu_core_doorbell(ctx->board->core,
				  NPU_DOORBELL_QUEUE(ctx->queue));
}

int sim_submit(void *context, const struct backend_job *job, bool is_waited,
	       struct tinynpu_error *error)
{
	struct sim_context *ctx = context;
	struct sim_board *board = ctx->board;
	int err = 0;

	turn_take(&board->turn);
	if (board->is_lost)
		err = tinynpu_error_set(error, -EIO, "simulator: %s",
					board->lost_why);
	if (!err && !is_waited)
		err = start_workers(board, error);
	if (!err) {
		set_running(ctx, !is_waited);
		write_job(ctx, job);
	}
	turn_give(&board->turn);
	return err;
}

static bool is_ended(const void *opaque)
{
	const struct sim_context *ctx = opaque;

	return !ctx->is_running;
}

/* Wait without limit: drive the machine. */
static void run_until_done(struct sim_context *ctx)
{
	turn_take(&ctx->board->turn);
	sim_board_drive(ctx->board, &ctx->driver, is_ended, ctx);
	turn_give(&ctx->board->turn);
}

/* Wait for the worker. Returns whether the job has ended. */
static bool await_worker(struct sim_context *ctx, int64_t deadline_ns)
{
	struct sim_board *board = ctx->board;
	struct timespec deadline = {
		.tv_sec = deadline_ns / 1000000000,
		.tv_nsec = deadline_ns % 1000000000,
	};
	bool is_done;

	pthread_mutex_lock(&board->turn.lock);
	while (ctx->is_running &&
	       pthread_cond_timedwait(&board->done, &board->turn.lock,
				      &deadline) != ETIMEDOUT)
		;
	is_done = !ctx->is_running;
	pthread_mutex_unlock(&board->turn.lock);
	return is_done;
}

int sim_wait(void *context, int64_t deadline_ns, struct tinynpu_error *error)
{
	struct sim_context *ctx = context;
	eventfd_t count;

	if (deadline_ns == BACKEND_FOREVER)
		run_until_done(ctx);
	else if (!await_worker(ctx, deadline_ns))
		return tinynpu_error_set(error, -EAGAIN,
					 "the job has not ended yet");
	pthread_mutex_lock(&ctx->board->turn.lock);
	ctx->is_unseen = false;
	if (ctx->event_fd >= 0)
		eventfd_read(ctx->event_fd, &count);
	pthread_mutex_unlock(&ctx->board->turn.lock);
	return 0;
}

/* Marked in the ring, in case that the firmware has not taken it yet. */
int sim_cancel(void *context, struct tinynpu_error *error)
{
	struct sim_context *ctx = context;
	struct sim_board *board = ctx->board;
	struct npu_job *job;
	int err = 0;

	turn_take(&board->turn);
	job = &ctx->ring->jobs[(ctx->ring->tail - 1) % SIM_RING_ENTRIES];
	if (ctx->is_running && !board->is_lost) {
		uint64_t args[7] = { ctx->queue, job->cookie };

		job->flags |= NPU_JOB_CANCEL;
		err = sim_board_admin(board, NPU_ADMIN_JOB_CANCEL, args, error);
	}
	turn_give(&board->turn);
	return err;
}

int sim_end(void *context, struct backend_end *end,
	    struct tinynpu_error *error)
{
	const struct sim_context *ctx = context;
	const struct npu_event *event = &ctx->event;

	*end = (struct backend_end){
		.status = event->status,
		.fault_code = event->fault_code,
		.fault_unit = event->fault_unit,
		.fault_cmd = event->fault_cmd,
		.fault_info = event->fault_info,
		.fault_addr = event->fault_addr,
	};
	return 0;
}

int sim_fd(void *context)
{
	struct sim_context *ctx = context;
	int fd;

	pthread_mutex_lock(&ctx->board->turn.lock);
	if (ctx->event_fd < 0) {
		ctx->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (ctx->event_fd >= 0 && ctx->is_unseen)
			eventfd_write(ctx->event_fd, 1);
	}
	fd = ctx->event_fd < 0 ? -errno : ctx->event_fd;
	pthread_mutex_unlock(&ctx->board->turn.lock);
	return fd;
}
