// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rings shared with the firmware: admin commands go out and are waited for,
 * events come in. Called by tnpu_device.c and by all who command the firmware;
 * events of jobs go on to tnpu_job.c.
 */

/**
 * DOC: what the firmware writes
 *
 * The firmware is not trusted to be sane, only its reset is. Everything that it
 * writes is read once, into local variables, and bounded before it is used: an
 * event ring's tail must not be further ahead than the ring is long, answers are
 * looked up among the calls that wait, jobs by cookie among those that were
 * handed over. What does not fit is reported, rate-limited, and ignored; a tail
 * that makes no sense is a reason for recovery.
 *
 * Order of accesses (npu/ring.h): the partner of dma_wmb() before a tail is the
 * firmware's read barrier behind its read of that tail, and the reverse for
 * dma_rmb(); mb() stands between a tail and the look at "armed", and between our
 * "armed" and the last look at the tail.
 */

#include "tnpu_ring.h"

#include <kunit/visibility.h>
#include <linux/completion.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <drm/drm_print.h>

#include "tnpu_device.h"
#include "tnpu_job.h"
#include "tnpu_limits.h"
#include "tnpu_queue.h"
#include "tnpu_userq.h"

/* A heart that stands still so often in a row has stopped. */
#define TNPU_ADMIN_QUIET_S 3
#define TNPU_ADMIN_TIMEOUT_S 30

static unsigned int tnpu_ring_abi_max = NPU_RING_ABI_MAX;
module_param_named(fw_abi_max, tnpu_ring_abi_max, uint, 0444);
MODULE_PARM_DESC(fw_abi_max,
		 "Highest version of the protocol with the firmware to speak, for tests");

/**
 * struct tnpu_call - somebody waits for an answer; on their stack
 * @link: in tnpu_ring.calls; off the list when @done
 * @done: answered or aborted
 * @seq: which answer
 * @error: 0 or -errno
 * @results: what the firmware told
 */
struct tnpu_call {
	struct list_head link;
	struct completion done;
	u32 seq;
	int error;
	u64 results[TNPU_ADMIN_RESULTS];
};

/**
 * tnpu_ring_init() - allocate the shared memory
 * @tdev: device
 *
 * Return: 0 or -ENOMEM.
 */
int tnpu_ring_init(struct tnpu_device *tdev)
{
	struct device *dev = tdev->drm.dev;
	struct tnpu_ring *ring = &tdev->ring;

	spin_lock_init(&ring->lock);
	INIT_LIST_HEAD(&ring->calls);
	init_waitqueue_head(&ring->space);
	ring->init = dmam_alloc_coherent(dev, sizeof(*ring->init),
					 &ring->init_dma, GFP_KERNEL);
	ring->admin = dmam_alloc_coherent(dev, NPU_ADMIN_ENTRIES *
					  sizeof(*ring->admin),
					  &ring->admin_dma, GFP_KERNEL);
	ring->events = dmam_alloc_coherent(dev, NPU_EVENT_ENTRIES *
					   sizeof(*ring->events),
					   &ring->events_dma, GFP_KERNEL);
	ring->log = dmam_alloc_coherent(dev, NPU_LOG_SIZE, &ring->log_dma,
					GFP_KERNEL);
	if (!ring->init || !ring->admin || !ring->events || !ring->log)
		return -ENOMEM;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_ring_init);

static u16 tnpu_ring_highest_abi(void)
{
	return clamp_t(u32, tnpu_ring_abi_max, NPU_RING_ABI_MIN,
		       NPU_RING_ABI_MAX);
}

/**
 * tnpu_ring_prepare() - empty the rings for new firmware
 * @tdev: device that is in reset, with its interrupt disabled
 */
void tnpu_ring_prepare(struct tnpu_device *tdev)
{
	struct tnpu_ring *ring = &tdev->ring;
	struct npu_init *init = ring->init;

	memset(init, 0, sizeof(*init));
	init->magic = cpu_to_le32(NPU_INIT_MAGIC);
	init->abi_min = cpu_to_le16(NPU_RING_ABI_MIN);
	init->abi_max = cpu_to_le16(tnpu_ring_highest_abi());
	init->admin_ring = cpu_to_le64(ring->admin_dma);
	init->event_ring = cpu_to_le64(ring->events_dma);
	init->log = cpu_to_le64(ring->log_dma);
	init->event_armed = cpu_to_le32(1);
	memset(ring->log, 0, NPU_LOG_SIZE);
	ring->event_head = 0;
	ring->admin_tail = 0;
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_ring_prepare);

/**
 * tnpu_ring_open() - let commands through
 * @tdev: device whose firmware is ready
 *
 * Return: 0, or -EPROTO if the firmware chose a version that was not offered.
 */
int tnpu_ring_open(struct tnpu_device *tdev)
{
	struct tnpu_ring *ring = &tdev->ring;
	u16 abi = le16_to_cpu(READ_ONCE(ring->init->abi));

	if (abi < NPU_RING_ABI_MIN || abi > tnpu_ring_highest_abi()) {
		drm_err(&tdev->drm, "firmware chose protocol %u, which was not offered\n",
			abi);
		return -EPROTO;
	}
	tdev->fw.abi = abi;
	spin_lock(&ring->lock);
	ring->is_open = true;
	spin_unlock(&ring->lock);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_ring_open);

/* Takes the call off the list; its owner may return as soon as it knows. */
static void tnpu_ring_finish_call(struct tnpu_ring *ring,
				  struct tnpu_call *call, int error)
{
	lockdep_assert_held(&ring->lock);
	list_del_init(&call->link);
	ring->in_flight--;
	call->error = error;
	complete(&call->done);
}

/**
 * tnpu_ring_abort() - send who waits for an answer away
 * @tdev: device, which the caller is about to recover, reset or remove
 *
 * They get -ECANCELED, as does who calls afterwards, until tnpu_ring_open().
 */
void tnpu_ring_abort(struct tnpu_device *tdev)
{
	struct tnpu_ring *ring = &tdev->ring;
	struct tnpu_call *call, *next;

	spin_lock(&ring->lock);
	ring->is_open = false;
	list_for_each_entry_safe(call, next, &ring->calls, link)
		tnpu_ring_finish_call(ring, call, -ECANCELED);
	spin_unlock(&ring->lock);
	wake_up_all(&ring->space);
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_ring_abort);

/* Puts a command into the ring if there is room; it is answered by @call. */
static int tnpu_ring_write(struct tnpu_device *tdev, struct tnpu_call *call,
			   enum npu_admin_op op,
			   const __le64 args[TNPU_ADMIN_ARGS])
{
	struct tnpu_ring *ring = &tdev->ring;
	struct npu_init *init = ring->init;
	struct npu_admin_cmd *cmd;

	spin_lock(&ring->lock);
	if (!ring->is_open || ring->in_flight >= NPU_ADMIN_ENTRIES) {
		int error = ring->is_open ? -EAGAIN : -ECANCELED;

		spin_unlock(&ring->lock);
		return error;
	}
	call->seq = ++ring->seq;
	list_add_tail(&call->link, &ring->calls);
	ring->in_flight++;

	cmd = &ring->admin[ring->admin_tail % NPU_ADMIN_ENTRIES];
	cmd->op = cpu_to_le16(op);
	cmd->reserved = 0;
	cmd->seq = cpu_to_le32(call->seq);
	memcpy(cmd->args, args, sizeof(cmd->args));
	dma_wmb();
	WRITE_ONCE(init->admin_tail, cpu_to_le32(++ring->admin_tail));
	mb(); /* partner: the firmware arms, then looks at the tail */
	if (READ_ONCE(init->admin_armed))
		tnpu_device_ring_doorbell(tdev, NPU_DOORBELL_ADMIN);
	spin_unlock(&ring->lock);
	return 0;
}

static bool tnpu_ring_has_room(struct tnpu_ring *ring)
{
	return !READ_ONCE(ring->is_open) ||
	       READ_ONCE(ring->in_flight) < NPU_ADMIN_ENTRIES;
}

/* Waits for the answer as long as the firmware's heart beats. */
static void tnpu_ring_wait(struct tnpu_device *tdev, struct tnpu_call *call)
{
	const __le32 *heartbeat = &tdev->ring.init->heartbeat;
	__le32 beat = READ_ONCE(*heartbeat);
	int second, quiet = 0;

	for (second = 0; second < TNPU_ADMIN_TIMEOUT_S; second++) {
		__le32 last = beat;

		if (wait_for_completion_timeout(&call->done, HZ))
			return;
		/* Should an interrupt have been lost, the answer is there. */
		irq_wake_thread(tdev->irq, tdev);
		beat = READ_ONCE(*heartbeat);
		quiet = beat == last ? quiet + 1 : 0;
		if (quiet >= TNPU_ADMIN_QUIET_S || !tnpu_fw_is_running(tdev))
			return;
	}
}

/**
 * tnpu_ring_send() - have the firmware execute a command
 * @tdev: device; its reset_sem is held
 * @op: command
 * @args: as npu/ring.h says for @op
 * @results: where the answer's args go, or NULL
 *
 * Sleeps until the firmware has answered, seconds if it is not well. Allocates
 * nothing, since it is used to signal fences.
 *
 * Return: 0, -EIO (refused), -ETIMEDOUT (no answer) or -ECANCELED (somebody has
 * taken the device over); for the last two see tnpu_recover_settle().
 */
int tnpu_ring_send(struct tnpu_device *tdev, enum npu_admin_op op,
		   const __le64 args[TNPU_ADMIN_ARGS],
		   u64 results[TNPU_ADMIN_RESULTS])
{
	struct tnpu_ring *ring = &tdev->ring;
	struct tnpu_call call = {};
	int ret;

	lockdep_assert_held(&tdev->reset_sem);
	init_completion(&call.done);
	do {
		wait_event(ring->space, tnpu_ring_has_room(ring));
		ret = tnpu_ring_write(tdev, &call, op, args);
	} while (ret == -EAGAIN);
	if (ret)
		return ret;

	tnpu_ring_wait(tdev, &call);
	spin_lock(&ring->lock);
	if (!list_empty(&call.link))
		tnpu_ring_finish_call(ring, &call, -ETIMEDOUT);
	spin_unlock(&ring->lock);
	wake_up(&ring->space);
	if (!call.error && results)
		memcpy(results, call.results, sizeof(call.results));
	return call.error;
}

/**
 * tnpu_ring_call() - tnpu_ring_send() for commands with up to three arguments
 * @tdev: device; its reset_sem is held
 * @op: command
 * @arg0: args[0]
 * @arg1: args[1]
 * @arg2: args[2]
 * @results: where the answer's args go, or NULL
 *
 * Return: as tnpu_ring_send().
 */
int tnpu_ring_call(struct tnpu_device *tdev, enum npu_admin_op op, u64 arg0,
		   u64 arg1, u64 arg2, u64 results[TNPU_ADMIN_RESULTS])
{
	const __le64 args[TNPU_ADMIN_ARGS] = {
		cpu_to_le64(arg0), cpu_to_le64(arg1), cpu_to_le64(arg2),
	};

	return tnpu_ring_send(tdev, op, args, results);
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_ring_call);

static void tnpu_ring_admin_done(struct tnpu_device *tdev,
				 const struct npu_event *event)
{
	struct tnpu_ring *ring = &tdev->ring;
	u32 status = le32_to_cpu(event->status);
	u64 seq = le64_to_cpu(event->id);
	struct tnpu_call *call;
	bool is_known = false, is_lie;
	int i;

	spin_lock(&ring->lock);
	list_for_each_entry(call, &ring->calls, link) {
		if (call->seq != seq)
			continue;
		for (i = 0; i < TNPU_ADMIN_RESULTS; i++)
			call->results[i] = le64_to_cpu(event->args[i]);
		tnpu_ring_finish_call(ring, call,
				      status == NPU_ADMIN_OK ? 0 : -EIO);
		is_known = true;
		break;
	}
	/* To calls that were sent away the answer may be on its way. */
	is_lie = !is_known && ring->is_open;
	spin_unlock(&ring->lock);

	if (is_lie)
		drm_err_ratelimited(&tdev->drm, "firmware answers unknown command %llu\n",
				    seq);
	else if (is_known && status != NPU_ADMIN_OK)
		drm_dbg(&tdev->drm, "firmware refused command %llu: status %u\n",
			seq, status);
}

static void tnpu_ring_event(struct tnpu_device *tdev,
			    const struct npu_event *event)
{
	u16 type = le16_to_cpu(event->type);

	switch (type) {
	case NPU_EVENT_ADMIN_DONE:
		tnpu_ring_admin_done(tdev, event);
		break;
	case NPU_EVENT_JOB_DONE:
		tnpu_job_event(tdev, event);
		break;
	case NPU_EVENT_USER_WAKE:
	case NPU_EVENT_USER_HALT:
		tnpu_userq_event(tdev, event);
		break;
	case NPU_EVENT_CORE_RESET:
		tnpu_recover_note(tdev, TNPU_RUNG_CORE, 0);
		break;
	case NPU_EVENT_POWER:
		tnpu_limits_event(tdev, event);
		break;
	default:
		drm_err_ratelimited(&tdev->drm, "firmware sends an event of unknown type %u\n",
				    type);
		break;
	}
}

/* Handles what is in the event ring; false if that makes no sense. */
static bool tnpu_ring_take_events(struct tnpu_device *tdev)
{
	struct tnpu_ring *ring = &tdev->ring;
	u32 tail = le32_to_cpu(READ_ONCE(ring->init->event_tail));

	if (tail - ring->event_head > NPU_EVENT_ENTRIES) {
		drm_err_ratelimited(&tdev->drm, "corrupt event ring: head %u, tail %u\n",
				    ring->event_head, tail);
		return false;
	}
	dma_rmb(); /* partner: the firmware writes events, then the tail */
	while (ring->event_head != tail) {
		struct npu_event event;

		memcpy(&event,
		       &ring->events[ring->event_head % NPU_EVENT_ENTRIES],
		       sizeof(event));
		barrier(); /* what is judged is the copy */
		tnpu_ring_event(tdev, &event);
		ring->event_head++;
	}
	mb(); /* the events are read before the firmware may reuse them */
	WRITE_ONCE(ring->init->event_head, cpu_to_le32(ring->event_head));
	return true;
}

static bool tnpu_ring_has_events(struct tnpu_ring *ring)
{
	return le32_to_cpu(READ_ONCE(ring->init->event_tail)) !=
	       ring->event_head;
}

/**
 * tnpu_ring_drain() - handle the events that the firmware left behind
 * @tdev: device that is in reset, with its interrupt disabled
 */
void tnpu_ring_drain(struct tnpu_device *tdev)
{
	tnpu_ring_take_events(tdev);
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_ring_drain);

irqreturn_t tnpu_ring_irq(int irq, void *data)
{
	return IRQ_WAKE_THREAD;
}

irqreturn_t tnpu_ring_irq_thread(int irq, void *data)
{
	struct tnpu_device *tdev = data;
	struct npu_init *init = tdev->ring.init;
	bool cookie, is_sane;

	cookie = dma_fence_begin_signalling();
	do {
		WRITE_ONCE(init->event_armed, 0);
		is_sane = tnpu_ring_take_events(tdev);
		WRITE_ONCE(init->event_armed, cpu_to_le32(1));
		mb(); /* partner: the firmware writes the tail, then looks */
	} while (is_sane && tnpu_ring_has_events(&tdev->ring));
	dma_fence_end_signalling(cookie);

	if (!is_sane)
		tnpu_recover_request(tdev, "the firmware's rings are corrupt");
	return IRQ_HANDLED;
}

/**
 * tnpu_ring_print_log() - print what the firmware logged of late
 * @tdev: device, inside drm_dev_enter()
 * @p: where to
 */
void tnpu_ring_print_log(struct tnpu_device *tdev, struct drm_printer *p)
{
	u32 tail = le32_to_cpu(READ_ONCE(tdev->ring.init->log_tail));
	u32 i = tail > NPU_LOG_SIZE ? tail - NPU_LOG_SIZE : 0;
	char line[160];
	size_t length = 0;

	for (; i != tail; i++) {
		char c = READ_ONCE(tdev->ring.log[i % NPU_LOG_SIZE]);

		if (c == '\n' || length == sizeof(line) - 1) {
			line[length] = '\0';
			drm_printf(p, "%s\n", line);
			length = 0;
		}
		if (c != '\n')
			line[length++] = c >= ' ' && c <= '~' ? c : '?';
	}
	line[length] = '\0';
	if (length)
		drm_printf(p, "%s\n", line);
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_ring_print_log);
