// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device coredump (npu/dump.h): taken by recovery before it resets, or when a
 * job timed out, and handed over to devcoredump by a work item of its own, which
 * may allocate. Knows nothing of how the device is recovered.
 */

#include "tnpu_dump.h"

#include <linux/devcoredump.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/utsname.h>
#include <linux/vmalloc.h>
#include <drm/drm_managed.h>
#include <npu/dump.h>

#include "tnpu_device.h"
#include "tnpu_job.h"
#include "tnpu_queue.h"

#define TNPU_DUMP_ENTRIES 32 /* of each ring */

/* Of the buffer */
enum {
	TNPU_DUMP_FREE,
	TNPU_DUMP_BUSY,
	TNPU_DUMP_FULL,
};

/* --- Sections ----------------------------------------------------------------- */

/* Begins a section of zeros in the buffer; NULL if there is no room. */
static void *tnpu_dump_add(struct tnpu_dump *dump, enum npu_dump_kind kind,
			   size_t bytes)
{
	struct npu_dump_section *section = dump->buffer + dump->size;
	size_t size = round_up(bytes, 8);

	if (size > NPU_DUMP_MAX_SIZE - sizeof(*section) - dump->size)
		return NULL;
	section->kind = cpu_to_le32(kind);
	section->size = cpu_to_le32(size);
	memset(section + 1, 0, size);
	dump->size += sizeof(*section) + size;
	dump->section_count++;
	return section + 1;
}

static void tnpu_dump_device(struct tnpu_device *tdev, const char *why)
{
	const struct tnpu_config *config = &tdev->config;
	struct npu_dump_device *device;
	unsigned int i;

	BUILD_BUG_ON(ARRAY_SIZE(device->rungs) != TNPU_RUNG_COUNT);
	device = tnpu_dump_add(&tdev->dump, NPU_DUMP_DEVICE, sizeof(*device));
	if (!device)
		return;
	device->time_ns = cpu_to_le64(ktime_get_real_ns());
	device->hw_version = cpu_to_le32(config->version);
	device->cores = cpu_to_le32(config->cores);
	device->macs = cpu_to_le32(config->macs);
	device->sram_size = cpu_to_le32(config->sram_size);
	device->clock_khz = cpu_to_le32(config->clock_khz);
	device->recoveries = cpu_to_le32(tdev->recoveries);
	for (i = 0; i < TNPU_RUNG_COUNT; i++)
		device->rungs[i] =
			cpu_to_le32(atomic_read(&tdev->recovery.rungs[i]));
	strscpy(device->name, dev_name(tdev->drm.dev), sizeof(device->name));
	snprintf(device->driver, sizeof(device->driver), "%d.%d",
		 tdev->drm.driver->major, tdev->drm.driver->minor);
	strscpy(device->kernel, init_utsname()->release,
		sizeof(device->kernel));
	strscpy(device->why, why, sizeof(device->why));
}

static __le32 tnpu_dump_scratch(struct tnpu_device *tdev, unsigned int i)
{
	return cpu_to_le32(tnpu_device_read(tdev, NPU_REG_SCRATCH(i)));
}

static void tnpu_dump_firmware(struct tnpu_device *tdev)
{
	struct npu_dump_firmware *fw;

	fw = tnpu_dump_add(&tdev->dump, NPU_DUMP_FIRMWARE, sizeof(*fw));
	if (!fw)
		return;
	memcpy(fw->name, tdev->fw.name, sizeof(fw->name));
	fw->image_size = cpu_to_le32(tdev->fw.size);
	fw->abi = cpu_to_le32(tdev->fw.abi);
	fw->state = tnpu_dump_scratch(tdev, NPU_FW_SCRATCH_STATE);
	fw->mcause = tnpu_dump_scratch(tdev, NPU_FW_SCRATCH_MCAUSE);
	fw->mepc = tnpu_dump_scratch(tdev, NPU_FW_SCRATCH_MEPC);
	fw->mtval = tnpu_dump_scratch(tdev, NPU_FW_SCRATCH_MTVAL);
	fw->ra = tnpu_dump_scratch(tdev, NPU_FW_SCRATCH_RA);
	fw->sp = tnpu_dump_scratch(tdev, NPU_FW_SCRATCH_SP);
}

static void tnpu_dump_registers(struct tnpu_device *tdev)
{
	static const u32 offsets[] = {
		NPU_REG_ID, NPU_REG_VERSION, NPU_REG_CTRL, NPU_REG_BOOT_STATUS,
		NPU_REG_IMAGE_LO, NPU_REG_IMAGE_HI, NPU_REG_IMAGE_SIZE,
		NPU_REG_ARG_LO, NPU_REG_ARG_HI, NPU_REG_COUNT_READS,
		NPU_REG_COUNT_WRITES, NPU_REG_COUNT_DOORBELLS,
		NPU_REG_COUNT_INTERRUPTS,
	};
	struct npu_dump_register *regs;
	unsigned int i;

	regs = tnpu_dump_add(&tdev->dump, NPU_DUMP_REGISTERS,
			     (ARRAY_SIZE(offsets) + NPU_SCRATCH_COUNT) *
			     sizeof(*regs));
	if (!regs)
		return;
	for (i = 0; i < ARRAY_SIZE(offsets) + NPU_SCRATCH_COUNT; i++) {
		u32 offset = i < ARRAY_SIZE(offsets) ?
			     offsets[i] :
			     NPU_REG_SCRATCH(i - ARRAY_SIZE(offsets));

		regs[i].offset = cpu_to_le32(offset);
		regs[i].value = cpu_to_le32(tnpu_device_read(tdev, offset));
	}
}

static void tnpu_dump_rings(struct tnpu_device *tdev)
{
	const struct npu_init *init = tdev->ring.init;
	struct npu_dump_rings *rings;

	rings = tnpu_dump_add(&tdev->dump, NPU_DUMP_RINGS, sizeof(*rings));
	if (!rings)
		return;
	rings->admin_head = READ_ONCE(init->admin_head);
	rings->admin_tail = READ_ONCE(init->admin_tail);
	rings->admin_armed = READ_ONCE(init->admin_armed);
	rings->event_head = READ_ONCE(init->event_head);
	rings->event_tail = READ_ONCE(init->event_tail);
	rings->event_armed = READ_ONCE(init->event_armed);
	rings->log_tail = READ_ONCE(init->log_tail);
	rings->heartbeat = READ_ONCE(init->heartbeat);
	rings->jobs_done = READ_ONCE(init->jobs_done);
}

/* The last entries of a ring of @count, whose tail may be anything. */
static void tnpu_dump_ring(struct tnpu_device *tdev, enum npu_dump_kind kind,
			   const void *ring, u32 count, size_t entry, u32 tail)
{
	u32 n = min(tail, TNPU_DUMP_ENTRIES);
	void *entries = tnpu_dump_add(&tdev->dump, kind, n * entry);
	u32 i;

	if (!entries)
		return;
	for (i = 0; i < n; i++)
		memcpy(entries + i * entry,
		       ring + (tail - n + i) % count * entry, entry);
}

static void tnpu_dump_job_locked(struct tnpu_queue *queue,
				 struct npu_dump_queue *out)
{
	const struct tnpu_job *job =
		list_first_entry_or_null(&queue->jobs, struct tnpu_job, link);

	if (!job)
		return;
	out->job = cpu_to_le64(job->number);
	out->cookie = job->entry.cookie;
	out->command_count = job->entry.command_count;
	out->commands_done = cpu_to_le32(min_t(u64, job->commands, U32_MAX));
}

static void tnpu_dump_queue_locked(struct tnpu_queue *queue,
				   struct npu_dump_queue *out)
{
	const struct drm_tnpu_queue_state *state = &queue->state;
	u32 flags = queue->user ? NPU_DUMP_QUEUE_USER : 0;

	if (queue->is_suspect || state->reason == DRM_TNPU_REASON_TIMEOUT)
		flags |= NPU_DUMP_QUEUE_GUILTY;
	if (queue->is_on_device)
		flags |= NPU_DUMP_QUEUE_ON_DEVICE;
	out->slot = cpu_to_le32(queue->slot);
	out->context = cpu_to_le32(queue->context);
	out->priority = cpu_to_le32(queue->priority);
	out->flags = cpu_to_le32(flags);
	out->status = cpu_to_le32(state->status);
	out->reason = cpu_to_le32(state->reason);
	out->fault_code = cpu_to_le32(state->fault_code);
	out->fault_unit = cpu_to_le32(state->fault_unit);
	out->fault_cmd = cpu_to_le32(state->fault_cmd);
	out->fault_info = cpu_to_le32(state->fault_info);
	out->fault_addr = cpu_to_le64(state->fault_addr);
	out->fault_job = cpu_to_le64(state->fault_job);
	out->submitted = cpu_to_le64(state->submitted);
	out->completed = cpu_to_le64(state->completed);
	if (queue->ring)
		out->ring_head = READ_ONCE(queue->ring->head);
	out->ring_tail = cpu_to_le32(queue->tail);
	tnpu_dump_job_locked(queue, out);
}

static void tnpu_dump_queues(struct tnpu_device *tdev)
{
	struct npu_dump_queue *out;
	unsigned int i, n = 0;

	spin_lock(&tdev->job_lock);
	for (i = 0; i < NPU_MAX_QUEUES; i++)
		n += !!tdev->slots[i].queue;
	out = tnpu_dump_add(&tdev->dump, NPU_DUMP_QUEUES, n * sizeof(*out));
	for (i = 0; out && i < NPU_MAX_QUEUES; i++)
		if (tdev->slots[i].queue)
			tnpu_dump_queue_locked(tdev->slots[i].queue, out++);
	spin_unlock(&tdev->job_lock);
}

static void tnpu_dump_log(struct tnpu_device *tdev)
{
	u32 tail = le32_to_cpu(READ_ONCE(tdev->ring.init->log_tail));
	u32 n = min(tail, NPU_LOG_SIZE);
	char *text = tnpu_dump_add(&tdev->dump, NPU_DUMP_LOG, n);
	u32 i;

	for (i = 0; text && i < n; i++)
		text[i] = READ_ONCE(tdev->ring.log[(tail - n + i) %
						   NPU_LOG_SIZE]);
}

/* --- The whole ------------------------------------------------------------------ */

static void tnpu_dump_fill(struct tnpu_device *tdev, const char *why)
{
	struct tnpu_ring *ring = &tdev->ring;
	struct tnpu_dump *dump = &tdev->dump;
	struct npu_dump *head = dump->buffer;

	dump->size = sizeof(*head);
	dump->section_count = 0;
	tnpu_dump_device(tdev, why);
	tnpu_dump_firmware(tdev);
	tnpu_dump_registers(tdev);
	tnpu_dump_rings(tdev);
	tnpu_dump_ring(tdev, NPU_DUMP_ADMIN, ring->admin, NPU_ADMIN_ENTRIES,
		       sizeof(*ring->admin),
		       le32_to_cpu(READ_ONCE(ring->init->admin_tail)));
	tnpu_dump_ring(tdev, NPU_DUMP_EVENTS, ring->events, NPU_EVENT_ENTRIES,
		       sizeof(*ring->events),
		       le32_to_cpu(READ_ONCE(ring->init->event_tail)));
	tnpu_dump_queues(tdev);
	tnpu_dump_log(tdev);
	*head = (struct npu_dump){
		.magic = cpu_to_le64(NPU_DUMP_MAGIC),
		.version = cpu_to_le16(NPU_DUMP_VERSION),
		.section_count = cpu_to_le16(dump->section_count),
		.size = cpu_to_le32(dump->size),
	};
}

/* devcoredump keeps the first dump of a device, and frees all later ones. */
static void tnpu_dump_publish(struct tnpu_device *tdev)
{
	struct tnpu_dump *dump = &tdev->dump;
	void *copy = vmalloc(dump->size);

	if (copy) {
		memcpy(copy, dump->buffer, dump->size);
		dev_coredumpv(tdev->drm.dev, copy, dump->size, GFP_KERNEL);
	}
	atomic_set_release(&dump->state, TNPU_DUMP_FREE);
}

/* Fills the buffer, unless an earlier dump has not been handed over yet. */
static void tnpu_dump_try(struct tnpu_device *tdev, const char *why)
{
	struct tnpu_dump *dump = &tdev->dump;

	lockdep_assert_held(&tdev->reset_sem);
	if (atomic_cmpxchg_acquire(&dump->state, TNPU_DUMP_FREE,
				   TNPU_DUMP_BUSY) != TNPU_DUMP_FREE)
		return;
	tnpu_dump_fill(tdev, why);
	atomic_set_release(&dump->state, TNPU_DUMP_FULL);
}

/**
 * tnpu_dump_take() - write down how the device is
 * @tdev: device whose registers may be read; its reset_sem is held
 * @why: a sentence
 *
 * Allocates nothing. While an earlier dump is being handed over nothing happens.
 */
void tnpu_dump_take(struct tnpu_device *tdev, const char *why)
{
	tnpu_dump_try(tdev, why);
	queue_work(system_unbound_wq, &tdev->dump.work);
}

static void tnpu_dump_work(struct work_struct *work)
{
	struct tnpu_dump *dump = container_of(work, struct tnpu_dump, work);
	struct tnpu_device *tdev = container_of(dump, struct tnpu_device, dump);
	const char *hang = xchg(&dump->hang, NULL);

	down_read(&tdev->reset_sem);
	if (hang && tdev->state == TNPU_UP)
		tnpu_dump_try(tdev, hang);
	up_read(&tdev->reset_sem);
	if (atomic_cmpxchg_acquire(&dump->state, TNPU_DUMP_FULL,
				   TNPU_DUMP_BUSY) == TNPU_DUMP_FULL)
		tnpu_dump_publish(tdev);
}

/**
 * tnpu_dump_request() - have a dump taken soon, since a job hangs
 * @tdev: device
 * @why: a sentence, which stays valid
 */
void tnpu_dump_request(struct tnpu_device *tdev, const char *why)
{
	WRITE_ONCE(tdev->dump.hang, why);
	queue_work(system_unbound_wq, &tdev->dump.work);
}

/**
 * tnpu_dump_flush() - be done with dumps
 * @tdev: device that is gone: nobody asks for another one
 */
void tnpu_dump_flush(struct tnpu_device *tdev)
{
	flush_work(&tdev->dump.work);
}

static void tnpu_dump_free(struct drm_device *drm, void *buffer)
{
	kvfree(buffer);
}

/**
 * tnpu_dump_init() - have room for a dump
 * @tdev: device
 *
 * Return: 0 or -ENOMEM.
 */
int tnpu_dump_init(struct tnpu_device *tdev)
{
	INIT_WORK(&tdev->dump.work, tnpu_dump_work);
	tdev->dump.buffer = kvzalloc(NPU_DUMP_MAX_SIZE, GFP_KERNEL);
	if (!tdev->dump.buffer)
		return -ENOMEM;
	return drmm_add_action_or_reset(&tdev->drm, tnpu_dump_free,
					tdev->dump.buffer);
}
