// SPDX-License-Identifier: GPL-2.0-only
/*
 * User-mode queues: the process writes jobs into a ring in its own memory and
 * rings a doorbell that is mapped into it; the driver makes and ends the queue,
 * wakes the process when the firmware says so, and never looks into the ring.
 * Called by tnpu_queue.c, and by tnpu_ring.c with the firmware's events.
 */

/**
 * DOC: doorbells in processes
 *
 * BAR 2 has a page for each of the firmware's queues, and nothing in it but the
 * doorbell. A mapping is filled by the fault handler: with the doorbell as long
 * as queue and device are there, else with a page of memory that belongs to the
 * queue and that nobody reads. So whoever rings too late writes to that, and a
 * doorbell is never another queue's. drm_dev_unplug() takes away all mappings,
 * tnpu_userq_close() those of a queue.
 *
 * During a reset doorbells stay mapped: the device forgets who rang, and new
 * firmware looks into each ring when it is told of the queue. Mappings can't be
 * taken away then, since that may wait for what waits for the reset.
 */

#include "tnpu_userq.h"

#include <linux/eventfd.h>
#include <linux/kref.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>
#include <drm/tinynpu_accel.h>

#include "tnpu_device.h"
#include "tnpu_drv.h"
#include "tnpu_job.h"
#include "tnpu_power.h"
#include "tnpu_queue.h"

/**
 * struct tnpu_userq - what a user-mode queue has besides
 *
 * References: one of the queue, one of each mapping of its doorbell.
 *
 * @kref: references
 * @tdev: device; valid for mappings, since their file holds it
 * @slot: of the queue
 * @ring: address in its address space
 * @entries: of the ring
 * @lock: guards @is_live against faults under way
 * @is_live: the doorbell is the queue's
 * @page: stands in for the doorbell afterwards
 * @is_awake: the queue keeps the device awake; guarded by tnpu_device.job_lock
 * @work: jobs, cycles and energy before the firmware's last restart; guarded by
 *	tnpu_device.job_lock
 */
struct tnpu_userq {
	struct kref kref;
	struct tnpu_device *tdev;
	u32 slot;
	u64 ring;
	u32 entries;
	struct mutex lock; /* is_live */
	bool is_live;
	struct page *page;
	bool is_awake;
	u64 work[3];
};

/* --- Life ------------------------------------------------------------------- */

static bool tnpu_userq_is_ring_valid(const struct drm_tnpu_queue_create *args)
{
	u64 size = PAGE_ALIGN(sizeof(struct npu_queue_ring));

	return args->entries >= 2 && args->entries <= NPU_QUEUE_ENTRIES_MAX &&
	       is_power_of_2(args->entries) &&
	       !(args->ring % DRM_TNPU_PAGE_SIZE) &&
	       args->ring <= (1ull << DRM_TNPU_VA_BITS) - size;
}

/**
 * tnpu_userq_check() - look at what QUEUE_CREATE says of the ring
 * @tdev: device
 * @args: arguments
 *
 * Return: 0, -EINVAL, or -EOPNOTSUPP if there can't be user-mode queues.
 */
int tnpu_userq_check(struct tnpu_device *tdev,
		     const struct drm_tnpu_queue_create *args)
{
	if (args->pad)
		return -EINVAL;
	if (!(args->flags & DRM_TNPU_QUEUE_USER))
		return args->entries || args->ring ? -EINVAL : 0;
	if (!tnpu_userq_is_ring_valid(args))
		return -EINVAL;
	/* With larger pages a process would get others' doorbells, too. */
	if (tdev->fw.abi < 2 || PAGE_SIZE != NPU_DOORBELL_STRIDE)
		return -EOPNOTSUPP;
	return 0;
}

/**
 * tnpu_userq_alloc() - make what a user-mode queue has besides
 * @args: arguments that tnpu_userq_check() has looked at
 *
 * Return: an object for tnpu_userq_put(), or NULL.
 */
struct tnpu_userq *tnpu_userq_alloc(const struct drm_tnpu_queue_create *args)
{
	struct tnpu_userq *userq;

	userq = kzalloc(sizeof(*userq), GFP_KERNEL_ACCOUNT);
	if (!userq)
		return NULL;
	userq->page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!userq->page) {
		kfree(userq);
		return NULL;
	}
	kref_init(&userq->kref);
	mutex_init(&userq->lock);
	userq->ring = args->ring;
	userq->entries = args->entries;
	return userq;
}

static void tnpu_userq_release(struct kref *kref)
{
	struct tnpu_userq *userq = container_of(kref, struct tnpu_userq, kref);

	mutex_destroy(&userq->lock);
	__free_page(userq->page);
	kfree(userq);
}

void tnpu_userq_put(struct tnpu_userq *userq)
{
	kref_put(&userq->kref, tnpu_userq_release);
}

static loff_t tnpu_userq_offset(u32 slot)
{
	return (loff_t)NPU_DOORBELL_QUEUE(slot) << PAGE_SHIFT;
}

/**
 * tnpu_userq_open() - let the doorbell be the queue's
 * @queue: user-mode queue that has its slot
 *
 * The caller has the device awake; it stays so.
 */
void tnpu_userq_open(struct tnpu_queue *queue)
{
	struct tnpu_userq *userq = queue->user;

	mutex_lock(&userq->lock);
	userq->tdev = queue->tdev;
	userq->slot = queue->slot;
	userq->is_live = true;
	mutex_unlock(&userq->lock);

	tnpu_power_hold(queue->tdev);
	spin_lock(&queue->tdev->job_lock);
	userq->is_awake = true;
	spin_unlock(&queue->tdev->job_lock);
}

/**
 * tnpu_userq_let_sleep_locked() - let the device sleep, as far as the queue goes
 * @queue: user-mode queue, which the firmware has forgotten or that has been so
 */
void tnpu_userq_let_sleep_locked(struct tnpu_queue *queue)
{
	lockdep_assert_held(&queue->tdev->job_lock);
	if (queue->user->is_awake)
		tnpu_power_put(queue->tdev);
	queue->user->is_awake = false;
}

/**
 * tnpu_userq_close() - take the doorbell away
 * @queue: user-mode queue that is about to leave its slot
 *
 * Who has it mapped writes to memory from now on.
 */
void tnpu_userq_close(struct tnpu_queue *queue)
{
	struct tnpu_userq *userq = queue->user;

	mutex_lock(&userq->lock);
	userq->is_live = false;
	mutex_unlock(&userq->lock);
	unmap_mapping_range(queue->tdev->drm.anon_inode->i_mapping,
			    tnpu_userq_offset(queue->slot), PAGE_SIZE, 1);
}

/**
 * tnpu_userq_announce() - tell the firmware of a queue
 * @queue: user-mode queue, new, or one that the last firmware had
 * @create: the command, but for the ring
 *
 * The firmware finds in the ring where to begin.
 *
 * Return: 0 or -errno of tnpu_ring_send().
 */
int tnpu_userq_announce(struct tnpu_queue *queue,
			const struct npu_admin_queue *create)
{
	struct npu_admin_queue command = *create;
	__le64 args[TNPU_ADMIN_ARGS];

	BUILD_BUG_ON(sizeof(args) != sizeof(command));
	command.ring = cpu_to_le64(queue->user->ring);
	command.entries = cpu_to_le32(queue->user->entries);
	memcpy(args, &command, sizeof(args));

	spin_lock(&queue->tdev->job_lock);
	queue->user->work[0] = queue->state.completed;
	queue->user->work[1] = queue->state.cycles;
	queue->user->work[2] = queue->state.energy_fj;
	spin_unlock(&queue->tdev->job_lock);
	return tnpu_ring_send(queue->tdev, NPU_ADMIN_USER_QUEUE_CREATE, args,
			      NULL);
}

/* --- Events ------------------------------------------------------------------ */

static void tnpu_userq_wake_locked(struct tnpu_queue *queue)
{
	lockdep_assert_held(&queue->tdev->job_lock);
	if (queue->event)
		eventfd_signal(queue->event);
}

/**
 * tnpu_userq_end_locked() - the device is lost or gone: so is the queue
 * @queue: user-mode queue
 */
void tnpu_userq_end_locked(struct tnpu_queue *queue)
{
	LIST_HEAD(none);

	tnpu_queue_ban_locked(queue, DRM_TNPU_REASON_RESET, &none);
	tnpu_userq_let_sleep_locked(queue);
	tnpu_userq_wake_locked(queue);
}

static void tnpu_userq_halt_locked(struct tnpu_queue *queue,
				   const struct npu_event *event)
{
	LIST_HEAD(none);

	tnpu_job_record_fault_locked(queue, le64_to_cpu(event->id), event);
	tnpu_queue_ban_locked(queue, tnpu_job_reason(event), &none);
}

/**
 * tnpu_userq_event() - a queue has come to where it is waited for, or to its end
 * @tdev: device
 * @event: copy of the firmware's event
 */
void tnpu_userq_event(struct tnpu_device *tdev, const struct npu_event *event)
{
	u16 slot = le16_to_cpu(event->queue);
	struct tnpu_queue *queue;
	bool is_known;

	spin_lock(&tdev->job_lock);
	queue = slot < NPU_MAX_QUEUES ? tdev->slots[slot].queue : NULL;
	is_known = queue && queue->user;
	if (is_known) {
		tdev->progress++;
		if (le16_to_cpu(event->type) == NPU_EVENT_USER_HALT)
			tnpu_userq_halt_locked(queue, event);
		tnpu_userq_wake_locked(queue);
	}
	spin_unlock(&tdev->job_lock);
	if (!is_known)
		drm_err_ratelimited(&tdev->drm, "firmware wakes queue %u, not a user-mode one\n",
				    slot);
}

/* --- Accounts --------------------------------------------------------------- */

/* Moves a sum on; returns by how much. What comes late may be less: ignored. */
static u64 tnpu_userq_raise(u64 *sum, u64 value)
{
	u64 old = *sum;

	if ((s64)(value - old) <= 0)
		return 0;
	*sum = value;
	return value - old;
}

/**
 * tnpu_userq_add_work_locked() - book what the firmware says the queue has done
 * @queue: user-mode queue
 * @work: jobs, cycles and energy since it was announced
 */
void tnpu_userq_add_work_locked(struct tnpu_queue *queue, const u64 work[3])
{
	struct drm_tnpu_queue_state *state = &queue->state;
	const u64 *before = queue->user->work;
	u64 jobs, cycles;

	lockdep_assert_held(&queue->tdev->job_lock);
	jobs = tnpu_userq_raise(&state->completed, before[0] + work[0]);
	cycles = tnpu_userq_raise(&state->cycles, before[1] + work[1]);
	tnpu_userq_raise(&state->energy_fj, before[2] + work[2]);
	state->submitted = state->completed;
	atomic64_add(cycles, &queue->tfile->cycles);
	if (jobs || cycles)
		queue->tdev->progress++;
}

/* The user-mode queue in a slot, if the firmware knows it, or NULL. */
static struct tnpu_queue *tnpu_userq_at_locked(struct tnpu_device *tdev,
					       u32 slot)
{
	struct tnpu_queue *queue = tdev->slots[slot].queue;

	lockdep_assert_held(&tdev->job_lock);
	return queue && queue->user && queue->is_on_device ? queue : NULL;
}

/*
 * Asks the firmware and books the answer. Takes no reference: the last one must
 * not be put by who works for all queues.
 */
static int tnpu_userq_refresh_slot(struct tnpu_device *tdev, u32 slot)
{
	struct tnpu_queue *queue;
	u64 work[TNPU_ADMIN_RESULTS];
	u64 id = 0;
	int ret;

	lockdep_assert_held(&tdev->reset_sem);
	spin_lock(&tdev->job_lock);
	queue = tnpu_userq_at_locked(tdev, slot);
	if (queue)
		id = queue->fence_context;
	spin_unlock(&tdev->job_lock);
	if (!id || tdev->state != TNPU_UP)
		return 0;
	ret = tnpu_ring_call(tdev, NPU_ADMIN_QUEUE_WORK, slot, 0, 0, work);
	if (ret)
		return ret;
	spin_lock(&tdev->job_lock);
	queue = tnpu_userq_at_locked(tdev, slot);
	if (queue && queue->fence_context == id)
		tnpu_userq_add_work_locked(queue, work);
	spin_unlock(&tdev->job_lock);
	return 0;
}

/**
 * tnpu_userq_is_busy() - whether a queue has a job running
 * @tdev: device whose reset_sem is held
 * @slot: of a user-mode queue that the firmware knows
 *
 * Return: true if the firmware says so.
 */
bool tnpu_userq_is_busy(struct tnpu_device *tdev, u32 slot)
{
	u64 results[TNPU_ADMIN_RESULTS];

	return !tnpu_ring_call(tdev, NPU_ADMIN_QUEUE_PROGRESS, slot, 0, 0,
			       results) && results[0];
}

/**
 * tnpu_userq_refresh_all() - see what all user-mode queues have done
 * @tdev: device
 *
 * Allocates nothing, since it is part of signalling fences.
 */
void tnpu_userq_refresh_all(struct tnpu_device *tdev)
{
	u32 slot;

	down_read(&tdev->reset_sem);
	for (slot = 0; slot < NPU_MAX_QUEUES; slot++)
		if (tnpu_userq_refresh_slot(tdev, slot))
			break;
	up_read(&tdev->reset_sem);
}

/**
 * tnpu_userq_refresh_file() - see what a file's user-mode queues have done
 * @tfile: file
 */
void tnpu_userq_refresh_file(struct tnpu_file *tfile)
{
	struct tnpu_device *tdev = tfile->tdev;
	struct tnpu_queue *queue;
	unsigned long number;
	u64 slots = 0;
	int idx;

	xa_lock(&tfile->queues);
	xa_for_each(&tfile->queues, number, queue)
		if (queue->user)
			slots |= 1ull << queue->slot;
	xa_unlock(&tfile->queues);
	if (!slots || tnpu_device_enter(tdev, &idx))
		return;
	down_read(&tdev->reset_sem);
	for (; slots; slots &= slots - 1)
		if (tnpu_userq_refresh_slot(tdev, __ffs64(slots)))
			break;
	up_read(&tdev->reset_sem);
	tnpu_device_exit(idx);
}

/**
 * tnpu_userq_refresh() - see what a queue has done, and that the firmware is well
 * @queue: user-mode queue
 *
 * Return: 0, -EIO or -ENODEV.
 */
int tnpu_userq_refresh(struct tnpu_queue *queue)
{
	struct tnpu_device *tdev = queue->tdev;
	u32 recoveries;
	int ret;

	down_read(&tdev->reset_sem);
	recoveries = tdev->recoveries;
	ret = tnpu_userq_refresh_slot(tdev, queue->slot);
	up_read(&tdev->reset_sem);
	return tnpu_recover_settle(tdev, recoveries, ret);
}

/* --- Doorbells -------------------------------------------------------------- */

static void tnpu_userq_vm_open(struct vm_area_struct *vma)
{
	struct tnpu_userq *userq = vma->vm_private_data;

	kref_get(&userq->kref);
}

static void tnpu_userq_vm_close(struct vm_area_struct *vma)
{
	tnpu_userq_put(vma->vm_private_data);
}

static vm_fault_t tnpu_userq_insert(struct vm_fault *vmf, bool has_device)
{
	struct vm_area_struct *vma = vmf->vma;
	struct tnpu_userq *userq = vma->vm_private_data;
	unsigned long pfn = page_to_pfn(userq->page);
	pgprot_t prot = vma->vm_page_prot;
	struct pci_dev *pdev;

	if (has_device && userq->is_live) {
		pdev = to_pci_dev(userq->tdev->drm.dev);
		pfn = (pci_resource_start(pdev, NPU_BAR_DOORBELLS) +
		       tnpu_userq_offset(userq->slot)) >> PAGE_SHIFT;
		prot = pgprot_noncached(prot);
	}
	return vmf_insert_pfn_prot(vma, vmf->address, pfn, prot);
}

static vm_fault_t tnpu_userq_vm_fault(struct vm_fault *vmf)
{
	struct tnpu_userq *userq = vmf->vma->vm_private_data;
	bool has_device;
	vm_fault_t ret;
	int idx;

	/* Whoever ends queue or device takes away what is inserted until then. */
	mutex_lock(&userq->lock);
	has_device = drm_dev_enter(&userq->tdev->drm, &idx);
	ret = tnpu_userq_insert(vmf, has_device);
	if (has_device)
		drm_dev_exit(idx);
	mutex_unlock(&userq->lock);
	return ret;
}

static const struct vm_operations_struct tnpu_userq_vm_ops = {
	.open = tnpu_userq_vm_open,
	.close = tnpu_userq_vm_close,
	.fault = tnpu_userq_vm_fault,
};

/* The file's queue whose doorbell is at that page of the file. */
static struct tnpu_queue *tnpu_userq_find(struct tnpu_file *tfile,
					  unsigned long pgoff)
{
	struct tnpu_queue *queue, *found = NULL;
	unsigned long number;

	xa_lock(&tfile->queues);
	xa_for_each(&tfile->queues, number, queue)
		if (queue->user && NPU_DOORBELL_QUEUE(queue->slot) == pgoff)
			found = tnpu_queue_get(queue);
	xa_unlock(&tfile->queues);
	return found;
}

/**
 * tnpu_userq_mmap() - map a doorbell
 * @tfile: whose queue it has to be
 * @vma: one page, shared
 *
 * Return: 0, -EINVAL, or -ENODEV.
 */
int tnpu_userq_mmap(struct tnpu_file *tfile, struct vm_area_struct *vma)
{
	struct tnpu_queue *queue;

	if (drm_dev_is_unplugged(&tfile->tdev->drm))
		return -ENODEV;
	if (vma->vm_end - vma->vm_start != PAGE_SIZE ||
	    !(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	queue = tnpu_userq_find(tfile, vma->vm_pgoff);
	if (!queue)
		return -EINVAL;
	kref_get(&queue->user->kref);
	vma->vm_private_data = queue->user;
	vma->vm_ops = &tnpu_userq_vm_ops;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTCOPY | VM_DONTEXPAND |
			  VM_DONTDUMP);
	tnpu_queue_put(queue);
	return 0;
}

int tnpu_queue_map_ioctl(struct drm_device *drm, void *data,
			 struct drm_file *file)
{
	struct drm_tnpu_queue_map *args = data;
	struct tnpu_queue *queue;
	int ret = 0;

	if (args->flags)
		return -EINVAL;
	queue = tnpu_queue_find(file->driver_priv, args->queue);
	if (!queue)
		return -ENOENT;
	if (queue->user)
		args->offset = tnpu_userq_offset(queue->slot);
	else
		ret = -EINVAL;
	tnpu_queue_put(queue);
	return ret;
}
