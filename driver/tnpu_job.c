// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs: SUBMIT makes them, the scheduler hands them over when their
 * dependencies have signalled, the firmware's events end them.
 */

/**
 * DOC: the end of a job
 *
 * A job ends once, by whoever takes it off its queue's list under job_lock: the
 * firmware's event, the ban of its queue, the queue's destruction, a recovery or
 * the removal of the device. The fence is signalled after the lock is dropped,
 * with
 *
 * - 0: the job is done
 * - -EFAULT: a command was refused, see DRM_TNPU_QUEUE_STATE
 * - -ETIMEDOUT: it made no progress
 * - -ECANCELED: it was cancelled, or its queue was banned because of an earlier
 *   job, or destroyed
 * - -EIO: it was running when the device had to be reset, or the device is lost
 * - -ENODEV: the device was removed
 *
 * The fence that user space gets is the driver's own, not the scheduler's: it
 * ends with the job even if the job's dependencies never let it reach the
 * hardware, and it refers to nothing that can go away.
 *
 * The device's accesses don't depend on fences: what jobs can reach is mapped in
 * their address space, and unmapping waits until the device has forgotten it.
 * So no fences are attached to buffers; synchronisation is explicit.
 */

#include "tnpu_job.h"

#include <linux/dma-fence.h>
#include <linux/eventfd.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "tnpu_device.h"
#include "tnpu_drv.h"
#include "tnpu_fence.h"
#include "tnpu_netlink.h"
#include "tnpu_power.h"
#include "tnpu_queue.h"
#include "tnpu_sync.h"
#include "tnpu_trace.h"
#include "tnpu_userq.h"

/* Looks without progress before a job is ended, and one that does not run. */
#define TNPU_STRIKES_STOP 2
#define TNPU_STRIKES_RECOVER 3
/* Looks at a job that waits for others before it has waited long enough. */
#define TNPU_LOOKS_MAX 240

/* --- Life ----------------------------------------------------------------- */

static struct tnpu_job *to_tnpu_job(struct drm_sched_job *base)
{
	return container_of(base, struct tnpu_job, base);
}

static struct tnpu_job *tnpu_job_alloc(struct tnpu_queue *queue)
{
	struct tnpu_job *job;

	job = kzalloc(sizeof(*job), GFP_KERNEL);
	if (!job)
		return NULL;
	job->fence = tnpu_fence_alloc();
	if (!job->fence) {
		kfree(job);
		return NULL;
	}
	kref_init(&job->kref);
	job->queue = tnpu_queue_get(queue);
	INIT_LIST_HEAD(&job->link);
	return job;
}

static void tnpu_job_release(struct kref *kref)
{
	struct tnpu_job *job = container_of(kref, struct tnpu_job, kref);

	tnpu_fence_put(job->fence);
	tnpu_queue_put(job->queue);
	kfree(job);
}

static void tnpu_job_put(struct tnpu_job *job)
{
	kref_put(&job->kref, tnpu_job_release);
}

/* Where the job is in tnpu_device.jobs. */
static u32 tnpu_job_index(const struct tnpu_job *job)
{
	return lower_32_bits(le64_to_cpu(job->entry.cookie));
}

/**
 * tnpu_job_end_locked() - decide how a job ends
 * @job: job on its queue's list
 * @error: for its fence
 * @ended: list that tnpu_job_signal() has to be called with, without the lock
 */
void tnpu_job_end_locked(struct tnpu_job *job, int error,
			 struct list_head *ended)
{
	struct tnpu_device *tdev = job->queue->tdev;

	lockdep_assert_held(&tdev->job_lock);
	job->is_ended = true;
	job->error = error;
	job->queue->state.completed++;
	tdev->progress++;
	xa_erase(&tdev->jobs, tnpu_job_index(job));
	list_move_tail(&job->link, ended);
}

/**
 * tnpu_job_signal() - signal the fences of jobs that have ended
 * @ended: list of jobs; empty afterwards
 */
void tnpu_job_signal(struct list_head *ended)
{
	struct tnpu_job *job, *next;

	list_for_each_entry_safe(job, next, ended, link) {
		struct dma_fence *fence = &job->fence->base;

		list_del_init(&job->link);
		trace_tnpu_job_done(job);
		if (job->error)
			dma_fence_set_error(fence, job->error);
		dma_fence_signal(fence);
		if (job->queue->event)
			eventfd_signal(job->queue->event);
		tnpu_power_put(job->queue->tdev);
		tnpu_job_put(job);
	}
}

/* --- Events --------------------------------------------------------------- */

static const struct {
	int error;
	enum drm_tnpu_queue_reason reason;
} job_ends[] = {
	[NPU_JOB_OK] = { 0, DRM_TNPU_REASON_NONE },
	[NPU_JOB_FAULT] = { -EFAULT, DRM_TNPU_REASON_FAULT },
	[NPU_JOB_TIMEOUT] = { -ETIMEDOUT, DRM_TNPU_REASON_TIMEOUT },
	[NPU_JOB_CANCELLED] = { -ECANCELED, DRM_TNPU_REASON_NONE },
	[NPU_JOB_RESET] = { -EIO, DRM_TNPU_REASON_RESET },
};

static u32 tnpu_job_status(const struct npu_event *event)
{
	u32 status = le32_to_cpu(event->status);

	if (status >= ARRAY_SIZE(job_ends) || status == NPU_JOB_PENDING)
		return NPU_JOB_RESET;
	return status;
}

/**
 * tnpu_job_reason() - why the queue of a job is banned
 * @event: how the job ended
 *
 * Return: the reason, or DRM_TNPU_REASON_NONE if it is not banned for that.
 */
enum drm_tnpu_queue_reason tnpu_job_reason(const struct npu_event *event)
{
	return job_ends[tnpu_job_status(event)].reason;
}

/**
 * tnpu_job_record_fault_locked() - write down why a queue is banned
 * @queue: queue
 * @number: of the job on it, or its cookie if @queue is a user-mode queue
 * @event: how the job ended
 */
void tnpu_job_record_fault_locked(struct tnpu_queue *queue, u64 number,
				  const struct npu_event *event)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);
	struct drm_tnpu_queue_state *state = &queue->state;

	state->fault_code = event->fault_code;
	state->fault_unit = event->fault_unit;
	state->fault_cmd = le32_to_cpu(event->fault_cmd);
	state->fault_info = le32_to_cpu(event->fault_info);
	state->fault_addr = le64_to_cpu(event->fault_addr);
	state->fault_job = number;
	trace_tnpu_job_fault(queue, le32_to_cpu(event->status));
	tnpu_netlink_tell_fault_locked(queue, le32_to_cpu(event->status));
	if (le32_to_cpu(event->status) == NPU_JOB_TIMEOUT)
		tnpu_dump_request(queue->tdev, "a job timed out");
	if (!__ratelimit(&limit))
		return;
	drm_notice(&queue->tdev->drm,
		   "q%u: job %llu: status %u, fault %u, unit %u, command %u, info %#x, at %#llx\n",
		   queue->slot, number, le32_to_cpu(event->status),
		   state->fault_code, state->fault_unit, state->fault_cmd,
		   state->fault_info, state->fault_addr);
}

static void tnpu_job_finish_locked(struct tnpu_job *job,
				   const struct npu_event *event,
				   struct list_head *ended)
{
	struct tnpu_queue *queue = job->queue;
	u32 status = tnpu_job_status(event);
	u64 cycles = le64_to_cpu(event->cycles);

	queue->state.cycles += cycles;
	queue->state.energy_fj += le64_to_cpu(event->energy_fj);
	atomic64_add(cycles, &queue->tfile->cycles);
	tnpu_job_end_locked(job, job_ends[status].error, ended);
	if (job_ends[status].reason == DRM_TNPU_REASON_NONE) {
		tnpu_queue_end_cancelled_locked(queue, ended);
		return;
	}
	tnpu_job_record_fault_locked(queue, job->number, event);
	tnpu_queue_ban_locked(queue, job_ends[status].reason, ended);
}

/* The firmware found the ring corrupt, and halted the queue. */
static void tnpu_job_ring_fault_locked(struct tnpu_device *tdev,
				       const struct npu_event *event,
				       struct list_head *ended)
{
	u16 slot = le16_to_cpu(event->queue);
	struct tnpu_queue *queue =
		slot < NPU_MAX_QUEUES ? tdev->slots[slot].queue : NULL;

	if (!queue)
		return;
	tnpu_job_record_fault_locked(queue, 0, event);
	tnpu_queue_ban_locked(queue, DRM_TNPU_REASON_FAULT, ended);
}

/* The job that an event is about, if there is one that the firmware may end. */
static struct tnpu_job *tnpu_job_find_locked(struct tnpu_device *tdev,
					     const struct npu_event *event)
{
	struct tnpu_job *job;

	job = xa_load(&tdev->jobs, lower_32_bits(le64_to_cpu(event->id)));
	if (!job || !job->is_pushed || job->entry.cookie != event->id ||
	    job->queue->slot != le16_to_cpu(event->queue))
		return NULL;
	return job;
}

/**
 * tnpu_job_event() - a job has ended, says the firmware
 * @tdev: device
 * @event: copy of the event
 */
void tnpu_job_event(struct tnpu_device *tdev, const struct npu_event *event)
{
	u32 status = le32_to_cpu(event->status);
	u64 cookie = le64_to_cpu(event->id);
	struct tnpu_job *job;
	bool is_known = true;
	LIST_HEAD(ended);

	spin_lock(&tdev->job_lock);
	job = tnpu_job_find_locked(tdev, event);
	if (job)
		tnpu_job_finish_locked(job, event, &ended);
	else if (!cookie && status == NPU_JOB_FAULT)
		tnpu_job_ring_fault_locked(tdev, event, &ended);
	else
		/* Jobs of banned queues have ended before the firmware says so. */
		is_known = status == NPU_JOB_CANCELLED;
	spin_unlock(&tdev->job_lock);

	tnpu_job_signal(&ended);
	if (!is_known)
		drm_err_ratelimited(&tdev->drm, "firmware ends job %#llx, unknown on queue %u\n",
				    cookie, le16_to_cpu(event->queue));
}

/* --- Scheduler ------------------------------------------------------------ */

static struct dma_fence *tnpu_job_run(struct drm_sched_job *base)
{
	struct tnpu_job *job = to_tnpu_job(base);
	struct tnpu_queue *queue = job->queue;
	struct tnpu_device *tdev = queue->tdev;
	struct dma_fence *fence;
	bool cookie;

	cookie = dma_fence_begin_signalling();
	spin_lock(&tdev->job_lock);
	job->is_handed = true;
	queue->handed++;
	if (job->is_ended) {
		fence = ERR_PTR(job->error ?: -ECANCELED);
	} else {
		/* If the device is not up, tnpu_queue_resume_all() writes it */
		job->is_pushed = true;
		job->position = queue->tail;
		if (tdev->state == TNPU_UP && queue->is_on_device)
			tnpu_queue_write_locked(queue, job);
		fence = dma_fence_get(&job->fence->base);
		trace_tnpu_job_run(job);
	}
	spin_unlock(&tdev->job_lock);
	dma_fence_end_signalling(cookie);
	return fence;
}

static void tnpu_job_free(struct drm_sched_job *base)
{
	struct tnpu_job *job = to_tnpu_job(base);
	struct tnpu_queue *queue = job->queue;
	struct tnpu_device *tdev = queue->tdev;
	bool is_handed = job->is_handed;

	drm_sched_job_cleanup(base);
	/*
	 * A job that was handed over has a queue whose destruction waits here:
	 * the references are not the last ones, nor may they be, since the
	 * device's schedulers can't end from their own work.
	 */
	tnpu_job_put(job);
	if (!is_handed)
		return;
	spin_lock(&tdev->job_lock);
	if (!--queue->handed)
		wake_up(&queue->idle);
	spin_unlock(&tdev->job_lock);
}

/* Whether anything has moved since the last look that concerns the job. */
static bool tnpu_job_has_moved(struct tnpu_job *job, bool is_running,
			       u64 commands)
{
	struct tnpu_device *tdev = job->queue->tdev;
	bool has_moved;

	spin_lock(&tdev->job_lock);
	if (is_running) {
		has_moved = commands != job->commands &&
			    commands <= le32_to_cpu(job->entry.command_count);
		if (has_moved)
			tdev->progress++;
	} else {
		has_moved = tdev->progress != job->progress &&
			    ++job->looks < TNPU_LOOKS_MAX;
	}
	job->commands = commands;
	job->progress = tdev->progress;
	job->strikes = has_moved ? 0 : job->strikes + 1;
	spin_unlock(&tdev->job_lock);
	return has_moved;
}

/* Sends a command about the job; -ENODEV if there is no device, or soon is none. */
static int tnpu_job_ask(struct tnpu_job *job, enum npu_admin_op op,
			u64 results[TNPU_ADMIN_RESULTS])
{
	struct tnpu_device *tdev = job->queue->tdev;
	bool has_cookie = op == NPU_ADMIN_JOB_STOP ||
			  op == NPU_ADMIN_CORE_RESET;
	u64 cookie = has_cookie ? le64_to_cpu(job->entry.cookie) : 0;
	int ret = -ENODEV;

	down_read(&tdev->reset_sem);
	if (tdev->state == TNPU_UP) {
		/* Should an interrupt have been lost, the event is there. */
		irq_wake_thread(tdev->irq, tdev);
		ret = tnpu_ring_call(tdev, op, job->queue->slot, cookie, 0,
				     results);
	}
	up_read(&tdev->reset_sem);
	return ret == -ECANCELED ? -ENODEV : ret;
}

static void tnpu_job_suspect(struct tnpu_job *job)
{
	struct tnpu_device *tdev = job->queue->tdev;

	spin_lock(&tdev->job_lock);
	job->queue->is_suspect = true;
	spin_unlock(&tdev->job_lock);
}

/* What the firmware can be asked for, the least that hurts others first. */
static const struct {
	enum npu_admin_op op;
	enum tnpu_rung rung;
	bool is_at_once; /* the job has ended when it is answered */
} job_rungs[] = {
	{ NPU_ADMIN_JOB_STOP, TNPU_RUNG_JOB, false },
	{ NPU_ADMIN_QUEUE_RESET, TNPU_RUNG_QUEUE, true },
	{ NPU_ADMIN_CORE_RESET, TNPU_RUNG_CORE, false },
};

/*
 * Has the firmware end a running job in a way not tried yet. False: there is none
 * that it knows and that helps.
 */
static bool tnpu_job_climb(struct tnpu_job *job)
{
	struct tnpu_device *tdev = job->queue->tdev;
	int ret;

	while (job->rung < ARRAY_SIZE(job_rungs)) {
		unsigned int i = job->rung++;

		ret = tnpu_job_ask(job, job_rungs[i].op, NULL);
		if (ret == -ENODEV)
			return true;
		if (!ret && job_rungs[i].is_at_once &&
		    !dma_fence_is_signaled(&job->fence->base))
			ret = -EAGAIN;
		tnpu_recover_note(tdev, job_rungs[i].rung, ret);
		if (!ret)
			return true; /* the next look will see */
		if (ret == -ETIMEDOUT)
			return false;
	}
	return false;
}

/*
 * Looks after a job that has not ended for TNPU_JOB_BACKSTOP_MS. Returns why the
 * device has to be recovered, or NULL.
 */
static const char *tnpu_job_look_after(struct tnpu_job *job)
{
	struct tnpu_device *tdev = job->queue->tdev;
	u64 results[TNPU_ADMIN_RESULTS];
	bool is_running;
	int ret;

	ret = tnpu_job_ask(job, NPU_ADMIN_QUEUE_PROGRESS, results);
	if (ret == -ENODEV)
		return NULL;
	if (ret)
		return "the firmware does not tell how a job is";
	is_running = results[0] == le64_to_cpu(job->entry.cookie);
	if (!is_running)
		tnpu_userq_refresh_all(tdev); /* it may wait for these */
	if (tnpu_job_has_moved(job, is_running, results[1]))
		return NULL;
	if (job->strikes < (is_running ? TNPU_STRIKES_STOP :
					 TNPU_STRIKES_RECOVER))
		return NULL;
	if (is_running && tnpu_job_climb(job))
		return NULL;
	tnpu_job_suspect(job);
	return "a job neither runs nor stops";
}

static enum drm_gpu_sched_stat tnpu_job_timedout(struct drm_sched_job *base)
{
	struct tnpu_job *job = to_tnpu_job(base);
	bool cookie = dma_fence_begin_signalling();
	const char *why = NULL;

	if (!dma_fence_is_signaled(&job->fence->base))
		why = tnpu_job_look_after(job);
	dma_fence_end_signalling(cookie);
	/* Which leaves its own section where it resets the function. */
	if (why)
		tnpu_recover_device(job->queue->tdev, why);
	/* If its end was brought about, that signals the fence, as always. */
	return tnpu_sched_no_hang(base);
}

const struct drm_sched_backend_ops tnpu_job_sched_ops = {
	.run_job = tnpu_job_run,
	.timedout_job = tnpu_job_timedout,
	.free_job = tnpu_job_free,
};

/* --- SUBMIT --------------------------------------------------------------- */

/**
 * struct tnpu_submit - a SUBMIT under way
 * @file: who submits
 * @args: what they say
 * @job: the job
 * @outs: what it signals
 */
struct tnpu_submit {
	struct drm_file *file;
	struct drm_tnpu_submit *args;
	struct tnpu_job *job;
	struct tnpu_outs outs;
};

static int tnpu_submit_check(const struct drm_tnpu_submit *args)
{
	if (args->flags || args->commands % NPU_COMMAND_ALIGN ||
	    args->regions % NPU_REGION_TABLE_ALIGN ||
	    args->result % NPU_RESULT_ALIGN || !args->command_count ||
	    args->command_count > NPU_MAX_COMMANDS ||
	    args->region_count > NPU_MAX_REGIONS ||
	    args->in_sync_count > DRM_TNPU_MAX_SYNCS ||
	    args->out_sync_count > DRM_TNPU_MAX_SYNCS)
		return -EINVAL;
	return 0;
}

/* Makes the job wait for a fence, whose reference goes. */
static int tnpu_submit_add_in(void *priv, struct dma_fence *fence)
{
	struct tnpu_job *job = priv;

	if (fence->context != job->queue->fence_context)
		return drm_sched_job_add_dependency(&job->base, fence);
	dma_fence_put(fence); /* runs before, anyway */
	return 0;
}

static int tnpu_submit_find_syncs(struct tnpu_submit *submit)
{
	const struct drm_tnpu_submit *args = submit->args;
	int ret;

	ret = tnpu_sync_find_ins(submit->file, args->in_syncs,
				 args->in_sync_count, tnpu_submit_add_in,
				 submit->job);
	if (ret)
		return ret;
	return tnpu_sync_find_outs(submit->file, args->out_syncs,
				   args->out_sync_count, &submit->outs);
}

/* An index is used again soon; commands to the firmware may come late. */
static u64 tnpu_job_cookie(struct tnpu_device *tdev, u32 index)
{
	u32 generation = atomic_inc_return(&tdev->generation);

	return (u64)generation << 32 | index;
}

static int tnpu_submit_name_job(struct tnpu_submit *submit)
{
	const struct drm_tnpu_submit *args = submit->args;
	struct tnpu_job *job = submit->job;
	struct tnpu_device *tdev = job->queue->tdev;
	u32 index;
	int ret;

	ret = xa_alloc(&tdev->jobs, &index, job, xa_limit_32b, GFP_KERNEL);
	if (ret)
		return ret;
	job->entry = (struct npu_job){
		.cookie = cpu_to_le64(tnpu_job_cookie(tdev, index)),
		.commands = cpu_to_le64(args->commands),
		.regions = cpu_to_le64(args->regions),
		.result = cpu_to_le64(args->result),
		.command_count = cpu_to_le32(args->command_count),
		.region_count = cpu_to_le32(args->region_count),
	};
	return 0;
}

/* Puts the job on its queue's list, if the queue takes jobs. */
static int tnpu_submit_enlist(struct tnpu_job *job)
{
	struct tnpu_queue *queue = job->queue;
	struct tnpu_device *tdev = queue->tdev;
	int ret = 0;

	lockdep_assert_held(&queue->submit_lock);
	if (queue->is_closed)
		return -ENOENT;
	tnpu_fence_init(job->fence, queue->fence_context, ++queue->seqno);
	spin_lock(&tdev->job_lock);
	if (tdev->state == TNPU_LOST) {
		ret = -EIO;
	} else if (tdev->state == TNPU_GONE) {
		ret = -ENODEV;
	} else if (queue->state.status != DRM_TNPU_QUEUE_OK) {
		ret = -ECANCELED;
	} else {
		kref_get(&job->kref); /* of the list */
		tnpu_power_hold(tdev); /* until tnpu_job_signal() */
		list_add_tail(&job->link, &queue->jobs);
		job->number = ++queue->state.submitted;
		trace_tnpu_job_queue(job);
	}
	spin_unlock(&tdev->job_lock);
	return ret;
}

/* The point of no return; from here on the scheduler owns the job. */
static void tnpu_submit_push(struct tnpu_submit *submit)
{
	struct tnpu_job *job = submit->job;
	struct dma_fence *fence = &job->fence->base;

	drm_sched_job_arm(&job->base);
	tnpu_sync_push_outs(&submit->outs, fence);
	drm_sched_entity_push_job(&job->base);
}

static int tnpu_submit(struct tnpu_submit *submit, struct tnpu_queue *queue)
{
	struct tnpu_job *job;
	int ret;

	job = tnpu_job_alloc(queue);
	if (!job)
		return -ENOMEM;
	submit->job = job;
	ret = drm_sched_job_init(&job->base, &queue->entity, 1,
				 submit->file->driver_priv,
				 submit->file->client_id);
	if (ret)
		goto put_job;
	ret = tnpu_submit_find_syncs(submit);
	if (ret)
		goto free_outs;
	ret = tnpu_submit_name_job(submit);
	if (ret)
		goto free_outs;

	mutex_lock(&queue->submit_lock);
	ret = tnpu_submit_enlist(job);
	if (!ret) {
		submit->args->job = job->number;
		tnpu_submit_push(submit);
	}
	mutex_unlock(&queue->submit_lock);
	if (!ret) {
		tnpu_sync_free_outs(&submit->outs);
		return 0;
	}

	/* With the lock, since the firmware may name any cookie. */
	spin_lock(&queue->tdev->job_lock);
	xa_erase(&queue->tdev->jobs, tnpu_job_index(job));
	spin_unlock(&queue->tdev->job_lock);
free_outs:
	tnpu_sync_free_outs(&submit->outs);
	drm_sched_job_cleanup(&job->base);
put_job:
	tnpu_job_put(job);
	return ret;
}

int tnpu_job_submit_ioctl(struct drm_device *drm, void *data,
			  struct drm_file *file)
{
	struct tnpu_submit submit = { .file = file, .args = data };
	struct tnpu_queue *queue;
	int ret;

	ret = tnpu_submit_check(submit.args);
	if (ret)
		return ret;
	queue = tnpu_queue_find(file->driver_priv, submit.args->queue);
	if (!queue)
		return -ENOENT;
	ret = queue->user ? -EINVAL : tnpu_power_get(queue->tdev);
	if (!ret) {
		ret = tnpu_submit(&submit, queue);
		tnpu_power_put(queue->tdev);
	}
	tnpu_queue_put(queue);
	return ret;
}

/* --- JOB_CANCEL ------------------------------------------------------------- */

static struct tnpu_job *tnpu_cancel_find_locked(struct tnpu_queue *queue,
						u64 number)
{
	struct tnpu_job *job;

	list_for_each_entry(job, &queue->jobs, link)
		if (job->number == number)
			return job;
	return NULL;
}

/* Returns the cookie that the firmware has to be told, if any. */
static int tnpu_cancel_mark(struct tnpu_queue *queue, u64 number, u64 *cookie)
{
	struct tnpu_job *job;
	LIST_HEAD(ended);
	int ret = 0;

	spin_lock(&queue->tdev->job_lock);
	job = tnpu_cancel_find_locked(queue, number);
	if (job) {
		tnpu_queue_cancel_locked(queue, job);
		if (job->is_pushed)
			*cookie = le64_to_cpu(job->entry.cookie);
		tnpu_queue_end_cancelled_locked(queue, &ended);
	} else {
		ret = number && number <= queue->state.submitted ? -EALREADY :
								   -ENOENT;
	}
	spin_unlock(&queue->tdev->job_lock);
	tnpu_job_signal(&ended);
	return ret;
}

static int tnpu_cancel_tell(struct tnpu_queue *queue, u64 cookie)
{
	struct tnpu_device *tdev = queue->tdev;
	u32 recoveries;
	int ret = 0;

	down_read(&tdev->reset_sem);
	recoveries = tdev->recoveries;
	dma_wmb(); /* partner: the firmware reads the command, then entries */
	if (tdev->state == TNPU_UP)
		ret = tnpu_ring_call(tdev, NPU_ADMIN_JOB_CANCEL, queue->slot,
				     cookie, 0, NULL);
	up_read(&tdev->reset_sem);
	/* If it refuses, the queue is gone; recovery ends marked jobs, too. */
	return tnpu_recover_settle(tdev, recoveries, ret == -EIO ? 0 : ret);
}

int tnpu_job_cancel_ioctl(struct drm_device *drm, void *data,
			  struct drm_file *file)
{
	struct tnpu_device *tdev = to_tnpu_device(drm);
	const struct drm_tnpu_job_cancel *args = data;
	struct tnpu_queue *queue;
	u64 cookie = 0;
	int ret;

	if (args->pad)
		return -EINVAL;
	if (tdev->fw.abi < 2)
		return -EOPNOTSUPP;
	queue = tnpu_queue_find(file->driver_priv, args->queue);
	if (!queue)
		return -ENOENT;
	if (queue->user) {
		cookie = args->job;
		ret = cookie ? 0 : -ENOENT;
	} else {
		ret = tnpu_cancel_mark(queue, args->job, &cookie);
	}
	if (!ret && cookie)
		ret = tnpu_cancel_tell(queue, cookie);
	tnpu_queue_put(queue);
	return ret;
}
