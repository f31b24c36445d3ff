// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues: created and destroyed by ioctls and with their file, taken through a
 * recovery by tnpu_device.c. What happens to single jobs is in tnpu_job.c.
 */

#include "tnpu_queue.h"

#include <linux/capability.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/eventfd.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <drm/drm_file.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "tnpu_device.h"
#include "tnpu_drv.h"
#include "tnpu_job.h"
#include "tnpu_power.h"
#include "tnpu_user.h"
#include "tnpu_userq.h"
#include "tnpu_vm.h"

#define TNPU_PRIORITY_FREE 1 /* above it, CAP_SYS_NICE is needed */

unsigned int tnpu_queue_max_deadline_ms;
module_param_named(max_deadline_ms, tnpu_queue_max_deadline_ms, uint, 0644);
MODULE_PARM_DESC(max_deadline_ms,
		 "No job of a queue created from now on runs longer; 0: no limit");

static void tnpu_queue_fini_slots(struct drm_device *drm, void *data)
{
	struct tnpu_device *tdev = to_tnpu_device(drm);
	unsigned int i;

	for (i = 0; i < NPU_MAX_QUEUES; i++)
		if (tdev->slots[i].sched.ops)
			drm_sched_fini(&tdev->slots[i].sched);
	if (tdev->sched_wq)
		destroy_workqueue(tdev->sched_wq);
	if (tdev->reset_wq)
		destroy_workqueue(tdev->reset_wq);
}

static int tnpu_queue_init_slot(struct tnpu_device *tdev, unsigned int i)
{
	struct tnpu_slot *slot = &tdev->slots[i];
	const struct drm_sched_init_args args = {
		.ops = &tnpu_job_sched_ops,
		.submit_wq = tdev->sched_wq,
		.timeout_wq = tdev->reset_wq,
		.num_rqs = 1,
		.credit_limit = TNPU_QUEUE_ENTRIES,
		.timeout = msecs_to_jiffies(TNPU_JOB_BACKSTOP_MS),
		.name = slot->name,
		.dev = tdev->drm.dev,
	};
	int ret;

	snprintf(slot->name, sizeof(slot->name), "npu-q%u", i);
	ret = drm_sched_init(&slot->sched, &args);
	if (ret)
		slot->sched.ops = NULL;
	return ret;
}

/**
 * tnpu_queue_init_slots() - set up the schedulers
 * @tdev: device
 *
 * They end with the DRM device.
 *
 * Return: 0 or -errno.
 */
int tnpu_queue_init_slots(struct tnpu_device *tdev)
{
	unsigned int i;
	int ret;

	ret = drmm_add_action_or_reset(&tdev->drm, tnpu_queue_fini_slots, NULL);
	if (ret)
		return ret;
	tdev->sched_wq = alloc_ordered_workqueue("tinynpu-sched",
						 WQ_MEM_RECLAIM);
	tdev->reset_wq = alloc_ordered_workqueue("tinynpu-reset",
						 WQ_MEM_RECLAIM);
	if (!tdev->sched_wq || !tdev->reset_wq)
		return -ENOMEM;
	for (i = 0; i < NPU_MAX_QUEUES; i++) {
		ret = tnpu_queue_init_slot(tdev, i);
		if (ret)
			return ret;
	}
	return 0;
}

static int tnpu_queue_take_slot(struct tnpu_queue *queue)
{
	struct tnpu_device *tdev = queue->tdev;
	int ret = -ENOSPC;
	unsigned int i;

	spin_lock(&tdev->job_lock);
	for (i = 0; i < NPU_MAX_QUEUES; i++) {
		if (tdev->slots[i].is_taken)
			continue;
		tdev->slots[i].is_taken = true;
		queue->slot = i;
		ret = 0;
		break;
	}
	spin_unlock(&tdev->job_lock);
	return ret;
}

static void tnpu_queue_leave_slot(struct tnpu_queue *queue)
{
	struct tnpu_device *tdev = queue->tdev;

	spin_lock(&tdev->job_lock);
	tdev->slots[queue->slot].is_taken = false;
	spin_unlock(&tdev->job_lock);
}

/* Only the first caller frees: destruction or the device's removal. */
static void tnpu_queue_free_ring(struct tnpu_queue *queue)
{
	struct tnpu_device *tdev = queue->tdev;
	struct npu_queue_ring *ring;
	dma_addr_t ring_dma;

	spin_lock(&tdev->job_lock);
	ring = queue->ring;
	ring_dma = queue->ring_dma;
	queue->ring = NULL;
	spin_unlock(&tdev->job_lock);
	if (ring)
		dma_free_coherent(tdev->drm.dev, sizeof(*ring), ring, ring_dma);
}

static void tnpu_queue_release(struct kref *kref)
{
	struct tnpu_queue *queue = container_of(kref, struct tnpu_queue, kref);
	struct drm_device *drm = &queue->tdev->drm;

	mutex_destroy(&queue->submit_lock);
	if (queue->event)
		eventfd_ctx_put(queue->event);
	if (queue->user)
		tnpu_userq_put(queue->user);
	kfree(queue);
	drm_dev_put(drm);
}

struct tnpu_queue *tnpu_queue_get(struct tnpu_queue *queue)
{
	kref_get(&queue->kref);
	return queue;
}

void tnpu_queue_put(struct tnpu_queue *queue)
{
	kref_put(&queue->kref, tnpu_queue_release);
}

/**
 * tnpu_queue_find() - look a queue up
 * @tfile: whose it is
 * @number: as user space names it
 *
 * Return: the queue with a reference for the caller, or NULL.
 */
struct tnpu_queue *tnpu_queue_find(struct tnpu_file *tfile, u32 number)
{
	struct tnpu_queue *queue;

	xa_lock(&tfile->queues);
	queue = xa_load(&tfile->queues, number);
	if (queue)
		tnpu_queue_get(queue);
	xa_unlock(&tfile->queues);
	return queue;
}

/* What jobs are written into; a user-mode queue has a ring of its own. */
static int tnpu_queue_alloc_ring(struct tnpu_queue *queue,
				 const struct drm_tnpu_queue_create *args)
{
	if (args->flags & DRM_TNPU_QUEUE_USER) {
		queue->user = tnpu_userq_alloc(args);
		return queue->user ? 0 : -ENOMEM;
	}
	queue->ring = dma_alloc_coherent(queue->tdev->drm.dev,
					 sizeof(*queue->ring),
					 &queue->ring_dma, GFP_KERNEL);
	return queue->ring ? 0 : -ENOMEM;
}

static struct tnpu_queue *tnpu_queue_alloc(struct tnpu_file *tfile,
					   struct tnpu_vm *vm, u32 context,
					   const struct drm_tnpu_queue_create *args)
{
	struct tnpu_device *tdev = tfile->tdev;
	struct tnpu_queue *queue;

	queue = kzalloc(sizeof(*queue), GFP_KERNEL);
	if (!queue)
		return NULL;
	queue->tdev = tdev;
	if (tnpu_queue_alloc_ring(queue, args)) {
		kfree(queue);
		return NULL;
	}
	kref_init(&queue->kref);
	drm_dev_get(&tdev->drm);
	queue->tfile = tfile;
	queue->vm = vm;
	queue->context = context;
	queue->priority = args->priority;
	queue->deadline_ms = args->deadline_ms;
	queue->fence_context = dma_fence_context_alloc(1);
	mutex_init(&queue->submit_lock);
	INIT_LIST_HEAD(&queue->jobs);
	init_waitqueue_head(&queue->idle);
	return queue;
}

static int tnpu_queue_announce_ring(struct tnpu_queue *queue,
				    const struct npu_admin_queue *create)
{
	__le64 args[TNPU_ADMIN_ARGS];

	BUILD_BUG_ON(sizeof(args) != sizeof(*create));
	memcpy(args, create, sizeof(args));
	queue->tail = 0;
	queue->ring->tail = 0;
	queue->ring->head = 0;
	queue->ring->armed = 0;
	return tnpu_ring_send(queue->tdev, NPU_ADMIN_QUEUE_CREATE, args, NULL);
}

/* Tells the firmware; reset_sem is held. */
static int tnpu_queue_announce(struct tnpu_queue *queue)
{
	const struct npu_admin_queue create = {
		.queue = cpu_to_le32(queue->slot),
		.context = cpu_to_le32(queue->context),
		.priority = cpu_to_le32(queue->priority),
		.entries = cpu_to_le32(TNPU_QUEUE_ENTRIES),
		.ring = cpu_to_le64(queue->ring_dma),
		.watchdog_ns = cpu_to_le64((u64)tnpu_job_timeout_ms *
					   NSEC_PER_MSEC),
		.deadline_ns = cpu_to_le64((u64)queue->deadline_ms *
					   NSEC_PER_MSEC),
	};
	int ret;

	if (queue->user)
		ret = tnpu_userq_announce(queue, &create);
	else
		ret = tnpu_queue_announce_ring(queue, &create);
	queue->is_on_device = !ret;
	return ret;
}

/* Makes the queue one of the device's; tnpu_queue_stop() even if it fails. */
static int tnpu_queue_start(struct tnpu_queue *queue)
{
	struct tnpu_device *tdev = queue->tdev;
	struct tnpu_slot *slot = &tdev->slots[queue->slot];
	u32 recoveries;
	int ret;

	down_read(&tdev->reset_sem);
	recoveries = tdev->recoveries;
	if (tdev->state == TNPU_UP) {
		spin_lock(&tdev->job_lock);
		slot->queue = queue;
		spin_unlock(&tdev->job_lock);
		ret = tnpu_queue_announce(queue);
	} else {
		ret = tdev->state == TNPU_GONE ? -ENODEV : -EIO;
	}
	up_read(&tdev->reset_sem);
	return tnpu_recover_settle(tdev, recoveries, ret);
}

/* Takes the queue from the device, which has no job of it afterwards. */
static void tnpu_queue_stop(struct tnpu_queue *queue)
{
	struct tnpu_device *tdev = queue->tdev;
	struct tnpu_slot *slot = &tdev->slots[queue->slot];
	u64 work[TNPU_ADMIN_RESULTS] = {};
	u32 recoveries;
	int ret = 0;

	down_read(&tdev->reset_sem);
	recoveries = tdev->recoveries;
	if (tdev->state == TNPU_UP && queue->is_on_device)
		ret = tnpu_ring_call(tdev, NPU_ADMIN_QUEUE_DESTROY,
				     queue->slot, 0, 0, work);
	spin_lock(&tdev->job_lock);
	if (slot->queue == queue)
		slot->queue = NULL;
	if (queue->user) {
		tnpu_userq_add_work_locked(queue, work);
		tnpu_userq_let_sleep_locked(queue);
	}
	queue->is_on_device = false;
	spin_unlock(&tdev->job_lock);
	up_read(&tdev->reset_sem);
	/* Firmware that refuses may go on with the queue: end it, too. */
	tnpu_recover_insist(tdev, recoveries, ret);
}

static void tnpu_queue_end_jobs_locked(struct tnpu_queue *queue, int error,
				       struct list_head *ended)
{
	struct tnpu_job *job, *next;

	list_for_each_entry_safe(job, next, &queue->jobs, link)
		tnpu_job_end_locked(job, error, ended);
}

static void tnpu_queue_cancel_jobs(struct tnpu_queue *queue)
{
	LIST_HEAD(ended);

	spin_lock(&queue->tdev->job_lock);
	tnpu_queue_end_jobs_locked(queue, -ECANCELED, &ended);
	spin_unlock(&queue->tdev->job_lock);
	tnpu_job_signal(&ended);
}

static bool tnpu_queue_is_idle(struct tnpu_queue *queue)
{
	bool is_idle;

	/* With the lock: tnpu_job_free() is through with the queue, too. */
	spin_lock(&queue->tdev->job_lock);
	is_idle = !queue->handed;
	spin_unlock(&queue->tdev->job_lock);
	return is_idle;
}

/*
 * The scheduler's worker, when it has popped a job, puts the entity back into
 * the run queue if there is another job, without looking whether the entity has
 * just been taken out of it for good: the run queue would keep a pointer to
 * freed memory. So it must not work meanwhile; it has this queue only.
 */
static void tnpu_queue_fini_entity(struct tnpu_queue *queue)
{
	struct drm_gpu_scheduler *sched =
		&queue->tdev->slots[queue->slot].sched;

	drm_sched_wqueue_stop(sched);
	drm_sched_entity_fini(&queue->entity);
	drm_sched_wqueue_start(sched);
}

/**
 * tnpu_queue_destroy() - end a queue that nobody can find any more
 * @queue: queue; the file's reference goes
 *
 * All its jobs have ended when this returns. Waits for the firmware, but for no
 * fence of others: jobs whose dependencies have not signalled are left to the
 * scheduler's kill work, and refer to slot and device only.
 */
static void tnpu_queue_destroy(struct tnpu_queue *queue)
{
	mutex_lock(&queue->submit_lock);
	queue->is_closed = true;
	mutex_unlock(&queue->submit_lock);

	if (queue->user)
		tnpu_userq_close(queue);
	tnpu_queue_stop(queue);
	tnpu_queue_cancel_jobs(queue);
	tnpu_queue_fini_entity(queue);
	wait_event(queue->idle, tnpu_queue_is_idle(queue));
	tnpu_queue_free_ring(queue);
	tnpu_queue_leave_slot(queue);
	tnpu_vm_leave(queue->vm);
	tnpu_user_leave_queue(queue->tdev, queue->tfile->user);
	tnpu_queue_put(queue);
}

/**
 * tnpu_queue_destroy_all() - end all queues of a file that is closed
 * @tfile: the file
 */
void tnpu_queue_destroy_all(struct tnpu_file *tfile)
{
	struct tnpu_queue *queue;
	unsigned long number;

	xa_for_each(&tfile->queues, number, queue) {
		xa_erase(&tfile->queues, number);
		tnpu_queue_destroy(queue);
	}
	xa_destroy(&tfile->queues);
}

/**
 * tnpu_queue_write_locked() - write a job into the ring
 * @queue: queue that the firmware knows
 * @job: one of its jobs
 *
 * There is room, since the scheduler's credits are the ring's entries.
 */
void tnpu_queue_write_locked(struct tnpu_queue *queue, struct tnpu_job *job)
{
	struct npu_queue_ring *ring = queue->ring;

	lockdep_assert_held(&queue->tdev->job_lock);
	job->position = queue->tail;
	ring->jobs[queue->tail % TNPU_QUEUE_ENTRIES] = job->entry;
	dma_wmb(); /* partner: the firmware reads the tail, then entries */
	WRITE_ONCE(ring->tail, cpu_to_le32(++queue->tail));
	mb(); /* partner: the firmware arms, then looks at the tail */
	if (READ_ONCE(ring->armed))
		tnpu_device_ring_doorbell(queue->tdev,
					  NPU_DOORBELL_QUEUE(queue->slot));
}

/**
 * tnpu_queue_ban_locked() - let a queue take no more jobs
 * @queue: queue, of which a job failed
 * @reason: why
 * @ended: its other jobs are cancelled, and added here for tnpu_job_signal()
 */
void tnpu_queue_ban_locked(struct tnpu_queue *queue,
			   enum drm_tnpu_queue_reason reason,
			   struct list_head *ended)
{
	lockdep_assert_held(&queue->tdev->job_lock);
	if (queue->state.status == DRM_TNPU_QUEUE_OK) {
		queue->state.status = DRM_TNPU_QUEUE_BANNED;
		queue->state.reason = reason;
	}
	tnpu_queue_end_jobs_locked(queue, -ECANCELED, ended);
}

/**
 * tnpu_queue_cancel_locked() - let a job end as cancelled when its turn comes
 * @queue: queue
 * @job: one of its jobs, which is not running
 *
 * Firmware that has taken it meanwhile needs to be told.
 */
void tnpu_queue_cancel_locked(struct tnpu_queue *queue, struct tnpu_job *job)
{
	u32 i = job->position % TNPU_QUEUE_ENTRIES;

	lockdep_assert_held(&queue->tdev->job_lock);
	job->is_cancelled = true;
	job->entry.flags |= cpu_to_le32(NPU_JOB_CANCEL);
	/* Its place is its own until it has ended. */
	if (job->is_pushed && job->position != queue->tail &&
	    queue->is_on_device)
		WRITE_ONCE(queue->ring->jobs[i].flags, job->entry.flags);
}

/**
 * tnpu_queue_end_cancelled_locked() - end cancelled jobs whose turn it is
 * @queue: queue
 * @ended: they are added here for tnpu_job_signal()
 *
 * Those that the firmware does not know: it ends the others.
 */
void tnpu_queue_end_cancelled_locked(struct tnpu_queue *queue,
				     struct list_head *ended)
{
	struct tnpu_job *job, *next;

	list_for_each_entry_safe(job, next, &queue->jobs, link) {
		if (!job->is_cancelled || job->is_pushed)
			return;
		tnpu_job_end_locked(job, -ECANCELED, ended);
	}
}

/* Whether the firmware had taken the job; if in doubt, it had. */
static bool tnpu_queue_was_taken(struct tnpu_queue *queue,
				 struct tnpu_job *job)
{
	u32 head = le32_to_cpu(READ_ONCE(queue->ring->head));
	u32 waiting = queue->tail - head;

	return waiting > TNPU_QUEUE_ENTRIES ||
	       queue->tail - job->position > waiting;
}

static void tnpu_queue_lose_running_locked(struct tnpu_queue *queue,
					   struct list_head *ended)
{
	struct tnpu_job *job;
	bool is_timeout = queue->is_suspect;

	job = list_first_entry_or_null(&queue->jobs, struct tnpu_job, link);
	if (!job || !job->is_pushed ||
	    (!is_timeout && !tnpu_queue_was_taken(queue, job)))
		return;
	if (job->is_cancelled) {
		tnpu_job_end_locked(job, -ECANCELED, ended);
		return;
	}
	queue->state.fault_job = job->number;
	tnpu_job_end_locked(job, is_timeout ? -ETIMEDOUT : -EIO, ended);
	tnpu_queue_ban_locked(queue, is_timeout ? DRM_TNPU_REASON_TIMEOUT :
						  DRM_TNPU_REASON_RESET, ended);
}

/* Whether the firmware has a job of the queue that it can end. */
static bool tnpu_queue_is_busy(struct tnpu_device *tdev, u32 slot)
{
	struct tnpu_queue *queue;
	struct tnpu_job *job;
	bool is_busy = false, is_user = false;

	spin_lock(&tdev->job_lock);
	queue = tdev->slots[slot].queue;
	if (queue && queue->is_on_device) {
		is_user = queue->user;
		job = list_first_entry_or_null(&queue->jobs, struct tnpu_job,
					       link);
		is_busy = job && job->is_pushed && job->position != queue->tail;
	}
	spin_unlock(&tdev->job_lock);
	return is_user ? tnpu_userq_is_busy(tdev, slot) : is_busy;
}

/**
 * tnpu_queue_is_any_busy() - whether the firmware has jobs
 * @tdev: device that runs, but to which no more jobs are handed over; its
 *	reset_sem is held for writing
 *
 * Return: true if it is worth to wait for one.
 */
bool tnpu_queue_is_any_busy(struct tnpu_device *tdev)
{
	unsigned int i;

	lockdep_assert_held_write(&tdev->reset_sem);
	for (i = 0; i < NPU_MAX_QUEUES; i++)
		if (tnpu_queue_is_busy(tdev, i))
			return true;
	return false;
}

/**
 * tnpu_queue_lose_running() - end the jobs that a reset has interrupted
 * @tdev: device that is in reset
 *
 * Their queues are banned; a suspect is told that it was the reason.
 */
void tnpu_queue_lose_running(struct tnpu_device *tdev)
{
	LIST_HEAD(ended);
	unsigned int i;

	spin_lock(&tdev->job_lock);
	for (i = 0; i < NPU_MAX_QUEUES; i++)
		if (tdev->slots[i].queue)
			tnpu_queue_lose_running_locked(tdev->slots[i].queue,
						       &ended);
	spin_unlock(&tdev->job_lock);
	tnpu_job_signal(&ended);
}

/**
 * tnpu_queue_restore_all() - tell new firmware which queues there are
 * @tdev: device whose reset_sem is held for writing
 *
 * Banned queues are left out: they have no jobs and get none. User-mode queues
 * go on if they had no job running; else the firmware says that they are halted.
 *
 * Return: 0 or -errno of tnpu_ring_send().
 */
int tnpu_queue_restore_all(struct tnpu_device *tdev)
{
	struct tnpu_queue *queue;
	unsigned int i;
	int ret;

	lockdep_assert_held_write(&tdev->reset_sem);
	for (i = 0; i < NPU_MAX_QUEUES; i++) {
		queue = tdev->slots[i].queue;
		if (!queue)
			continue;
		queue->is_on_device = false;
		if (queue->state.status != DRM_TNPU_QUEUE_OK)
			continue;
		ret = tnpu_queue_announce(queue);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * tnpu_queue_resume_all() - hand jobs over that came while there was no device
 * @tdev: device that is up
 */
void tnpu_queue_resume_all(struct tnpu_device *tdev)
{
	struct tnpu_queue *queue;
	struct tnpu_job *job;
	unsigned int i;

	spin_lock(&tdev->job_lock);
	for (i = 0; i < NPU_MAX_QUEUES; i++) {
		queue = tdev->slots[i].queue;
		if (!queue || !queue->is_on_device)
			continue;
		list_for_each_entry(job, &queue->jobs, link)
			if (job->is_pushed)
				tnpu_queue_write_locked(queue, job);
	}
	spin_unlock(&tdev->job_lock);
}

/**
 * tnpu_queue_end_all() - end all jobs
 * @tdev: device that is neither up nor starting: no job comes after
 * @error: for their fences
 */
void tnpu_queue_end_all(struct tnpu_device *tdev, int error)
{
	struct tnpu_queue *queue;
	LIST_HEAD(ended);
	unsigned int i;

	spin_lock(&tdev->job_lock);
	for (i = 0; i < NPU_MAX_QUEUES; i++) {
		queue = tdev->slots[i].queue;
		if (!queue)
			continue;
		tnpu_queue_end_jobs_locked(queue, error, &ended);
		if (queue->user)
			tnpu_userq_end_locked(queue);
	}
	spin_unlock(&tdev->job_lock);
	tnpu_job_signal(&ended);
}

/**
 * tnpu_queue_free_rings() - give the rings' memory back
 * @tdev: device that is gone
 */
void tnpu_queue_free_rings(struct tnpu_device *tdev)
{
	struct tnpu_queue *queue;
	unsigned int i;

	for (i = 0; i < NPU_MAX_QUEUES; i++) {
		spin_lock(&tdev->job_lock);
		queue = tdev->slots[i].queue;
		if (queue)
			tnpu_queue_get(queue);
		spin_unlock(&tdev->job_lock);
		if (!queue)
			continue;
		tnpu_queue_free_ring(queue);
		tnpu_queue_put(queue);
	}
}

/* Creates a queue that has a slot and is known to the firmware. */
static int tnpu_queue_create(struct tnpu_file *tfile, struct tnpu_vm *vm,
			     u32 context,
			     const struct drm_tnpu_queue_create *args,
			     struct tnpu_queue **queue_out)
{
	struct tnpu_device *tdev = tfile->tdev;
	struct drm_gpu_scheduler *sched;
	struct tnpu_queue *queue;
	int ret;

	queue = tnpu_queue_alloc(tfile, vm, context, args);
	if (!queue)
		return -ENOMEM;
	if (args->flags & DRM_TNPU_QUEUE_EVENT_FD)
		queue->event = eventfd_ctx_fdget(args->event_fd);
	if (IS_ERR(queue->event)) {
		ret = PTR_ERR(queue->event);
		queue->event = NULL;
		goto free_queue;
	}
	ret = tnpu_queue_take_slot(queue);
	if (ret)
		goto free_queue;
	sched = &tdev->slots[queue->slot].sched;
	ret = drm_sched_entity_init(&queue->entity, DRM_SCHED_PRIORITY_KERNEL,
				    &sched, 1, NULL);
	if (ret)
		goto leave_slot;
	if (queue->user)
		tnpu_userq_open(queue);
	ret = tnpu_queue_start(queue);
	if (ret)
		goto stop;
	*queue_out = queue;
	return 0;

stop:
	tnpu_queue_stop(queue);
	drm_sched_entity_fini(&queue->entity);
leave_slot:
	tnpu_queue_leave_slot(queue);
free_queue:
	tnpu_queue_free_ring(queue);
	tnpu_queue_put(queue);
	return ret;
}

/**
 * tnpu_queue_max_priority() - what the calling task may ask for
 *
 * Return: the highest priority.
 */
u32 tnpu_queue_max_priority(void)
{
	return capable(CAP_SYS_NICE) ? NPU_PRIORITIES - 1 : TNPU_PRIORITY_FREE;
}

/* Creates a queue for an address space that is looked up. */
static int tnpu_queue_create_in(struct tnpu_file *tfile, struct tnpu_vm *vm,
				struct drm_tnpu_queue_create *args)
{
	struct tnpu_queue *queue;
	u32 number, context;
	int ret;

	/* The number is taken now, but finds the queue only when all is done */
	ret = xa_alloc(&tfile->queues, &number, NULL,
		       XA_LIMIT(1, DRM_TNPU_MAX_QUEUES), GFP_KERNEL);
	if (ret)
		return ret == -EBUSY ? -EMFILE : ret;
	ret = tnpu_user_take_queue(tfile->tdev, tfile->user);
	if (ret)
		goto erase;
	ret = tnpu_vm_attach(vm, &context);
	if (ret)
		goto leave_user;
	ret = tnpu_queue_create(tfile, vm, context, args, &queue);
	if (ret)
		goto leave_vm;
	queue->state.queue = number;
	args->queue = number;
	xa_store(&tfile->queues, number, queue, GFP_KERNEL);
	return 0;
leave_vm:
	tnpu_vm_leave(vm);
leave_user:
	tnpu_user_leave_queue(tfile->tdev, tfile->user);
erase:
	xa_erase(&tfile->queues, number);
	return ret;
}

/* Firmware of version 1 can't keep a deadline; the limit asks for one, too. */
static int tnpu_queue_check_deadline(struct tnpu_device *tdev, u32 *deadline_ms)
{
	u32 max = READ_ONCE(tnpu_queue_max_deadline_ms);

	if (max && *deadline_ms > max)
		return -EINVAL;
	if (!*deadline_ms)
		*deadline_ms = max;
	return *deadline_ms && tdev->fw.abi < 2 ? -EOPNOTSUPP : 0;
}

int tnpu_queue_create_ioctl(struct drm_device *drm, void *data,
			    struct drm_file *file)
{
	struct drm_tnpu_queue_create *args = data;
	struct tnpu_vm *vm;
	int ret;

	if (args->flags & ~(DRM_TNPU_QUEUE_EVENT_FD | DRM_TNPU_QUEUE_USER) ||
	    (!(args->flags & DRM_TNPU_QUEUE_EVENT_FD) && args->event_fd) ||
	    args->priority >= NPU_PRIORITIES)
		return -EINVAL;
	if (args->priority > TNPU_PRIORITY_FREE &&
	    args->priority > tnpu_queue_max_priority())
		return -EACCES;
	ret = tnpu_userq_check(to_tnpu_device(drm), args);
	if (ret)
		return ret;
	ret = tnpu_queue_check_deadline(to_tnpu_device(drm),
					&args->deadline_ms);
	if (ret)
		return ret;
	vm = tnpu_vm_find(file->driver_priv, args->vm);
	if (!vm)
		return -ENOENT;
	ret = tnpu_power_get(to_tnpu_device(drm));
	if (!ret) {
		ret = tnpu_queue_create_in(file->driver_priv, vm, args);
		tnpu_power_put(to_tnpu_device(drm));
	}
	tnpu_vm_put(vm);
	return ret;
}

int tnpu_queue_destroy_ioctl(struct drm_device *drm, void *data,
			     struct drm_file *file)
{
	struct drm_tnpu_queue_destroy *args = data;
	struct tnpu_file *tfile = file->driver_priv;
	struct tnpu_queue *queue;

	if (args->pad)
		return -EINVAL;
	/* A number whose queue is being created stays taken. */
	xa_lock(&tfile->queues);
	queue = xa_load(&tfile->queues, args->queue);
	if (queue)
		__xa_erase(&tfile->queues, args->queue);
	xa_unlock(&tfile->queues);
	if (!queue)
		return -ENOENT;
	tnpu_queue_destroy(queue);
	return 0;
}

int tnpu_queue_state_ioctl(struct drm_device *drm, void *data,
			   struct drm_file *file)
{
	struct drm_tnpu_queue_state *args = data;
	struct tnpu_queue *queue;
	int ret = 0;

	if (args->pad)
		return -EINVAL;
	queue = tnpu_queue_find(file->driver_priv, args->queue);
	if (!queue)
		return -ENOENT;
	if (queue->user)
		ret = tnpu_userq_refresh(queue);
	spin_lock(&queue->tdev->job_lock);
	*args = queue->state;
	spin_unlock(&queue->tdev->job_lock);
	tnpu_queue_put(queue);
	return ret;
}
