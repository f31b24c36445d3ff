// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a developer may want to see of the device, and one thing to do: a
 * recovery without need. Below /sys/kernel/debug/accel/DEVICE.
 */

#include "tnpu_debugfs.h"

#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <drm/drm_debugfs.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "tnpu_device.h"
#include "tnpu_inject.h"
#include "tnpu_power.h"
#include "tnpu_queue.h"
#include "tnpu_vm.h"

static const char *const state_names[] = {
	[TNPU_STARTING] = "starting",
	[TNPU_UP] = "up",
	[TNPU_ASLEEP] = "asleep",
	[TNPU_LOST] = "lost",
	[TNPU_GONE] = "gone",
};

static struct tnpu_device *tnpu_debugfs_device(struct seq_file *m)
{
	struct drm_debugfs_entry *entry = m->private;

	return to_tnpu_device(entry->dev);
}

static int tnpu_debugfs_fw_log(struct seq_file *m, void *data)
{
	struct tnpu_device *tdev = tnpu_debugfs_device(m);
	struct drm_printer p = drm_seq_file_printer(m);
	int idx;

	if (!drm_dev_enter(&tdev->drm, &idx))
		return -ENODEV;
	tnpu_ring_print_log(tdev, &p);
	drm_dev_exit(idx);
	return 0;
}

static int tnpu_debugfs_fw_state(struct seq_file *m, void *data)
{
	static const struct {
		const char *name;
		u32 reg;
	} regs[] = {
		{ "boot status", NPU_REG_BOOT_STATUS },
		{ "firmware state", NPU_REG_SCRATCH(NPU_FW_SCRATCH_STATE) },
		{ "mcause", NPU_REG_SCRATCH(NPU_FW_SCRATCH_MCAUSE) },
		{ "mepc", NPU_REG_SCRATCH(NPU_FW_SCRATCH_MEPC) },
		{ "mtval", NPU_REG_SCRATCH(NPU_FW_SCRATCH_MTVAL) },
		{ "register reads", NPU_REG_COUNT_READS },
		{ "register writes", NPU_REG_COUNT_WRITES },
		{ "doorbells", NPU_REG_COUNT_DOORBELLS },
		{ "interrupts", NPU_REG_COUNT_INTERRUPTS },
	};
	struct tnpu_device *tdev = tnpu_debugfs_device(m);
	const struct npu_init *init = tdev->ring.init;
	unsigned int i;
	int idx, ret;

	ret = tnpu_power_enter(tdev, &idx);
	if (ret)
		return ret;
	seq_printf(m, "firmware: %s\n", tdev->fw.name);
	seq_printf(m, "protocol: %u\n", tdev->fw.abi);
	seq_printf(m, "state: %s\n", state_names[READ_ONCE(tdev->state)]);
	seq_printf(m, "recoveries: %u\n", READ_ONCE(tdev->recoveries));
	seq_printf(m, "heartbeat: %u\n",
		   le32_to_cpu(READ_ONCE(init->heartbeat)));
	seq_printf(m, "jobs done: %llu\n",
		   le64_to_cpu(READ_ONCE(init->jobs_done)));
	seq_printf(m, "event ring: head %u, tail %u\n", tdev->ring.event_head,
		   le32_to_cpu(READ_ONCE(init->event_tail)));
	seq_printf(m, "admin ring: head %u, tail %u\n",
		   le32_to_cpu(READ_ONCE(init->admin_head)),
		   tdev->ring.admin_tail);
	for (i = 0; i < ARRAY_SIZE(regs); i++)
		seq_printf(m, "%s: %#x\n", regs[i].name,
			   tnpu_device_read(tdev, regs[i].reg));
	tnpu_power_exit(tdev, idx);
	return 0;
}

static int tnpu_debugfs_recoveries(struct seq_file *m, void *data)
{
	struct tnpu_device *tdev = tnpu_debugfs_device(m);
	unsigned int i;

	for (i = 0; i < TNPU_RUNG_COUNT; i++)
		seq_printf(m, "%s: %d\n", tnpu_rung_names[i],
			   atomic_read(&tdev->recovery.rungs[i]));
	return 0;
}

static void tnpu_debugfs_queue(struct seq_file *m,
			       const struct tnpu_queue *queue)
{
	const struct drm_tnpu_queue_state *state = &queue->state;

	seq_printf(m, "queue %u: context %u, priority %u, status %u, reason %u",
		   queue->slot, queue->context, queue->priority, state->status,
		   state->reason);
	seq_printf(m, ", %llu jobs submitted, %llu ended, %u handed over",
		   state->submitted, state->completed, queue->handed);
	if (queue->user)
		seq_puts(m, ", user-mode");
	else if (queue->is_on_device)
		seq_printf(m, ", ring head %u, tail %u",
			   le32_to_cpu(READ_ONCE(queue->ring->head)),
			   queue->tail);
	seq_puts(m, "\n");
}

static int tnpu_debugfs_queues(struct seq_file *m, void *data)
{
	struct tnpu_device *tdev = tnpu_debugfs_device(m);
	unsigned int i;

	spin_lock(&tdev->job_lock);
	for (i = 0; i < NPU_MAX_QUEUES; i++)
		if (tdev->slots[i].queue)
			tnpu_debugfs_queue(m, tdev->slots[i].queue);
	spin_unlock(&tdev->job_lock);
	return 0;
}

static void tnpu_debugfs_vm(struct seq_file *m, struct tnpu_vm *vm)
{
	u64 pages, large;

	mutex_lock(&vm->pt_lock);
	tnpu_pt_count_leaves(&vm->pt, &pages, &large);
	seq_printf(m, "context %d, %u queues, %u binds wait, %llu leaves of 4 KiB, %llu of 2 MiB\n",
		   vm->context, READ_ONCE(vm->queues), READ_ONCE(vm->pending),
		   pages, large);
	mutex_unlock(&vm->pt_lock);
}

static int tnpu_debugfs_vms(struct seq_file *m, void *data)
{
	struct tnpu_device *tdev = tnpu_debugfs_device(m);
	struct tnpu_vm *vm;

	mutex_lock(&tdev->vms_lock);
	list_for_each_entry(vm, &tdev->vms, link)
		tnpu_debugfs_vm(m, vm);
	mutex_unlock(&tdev->vms_lock);
	return 0;
}

static void tnpu_debugfs_work(struct seq_file *m, const char *what,
			      unsigned int number, const struct npu_work *work)
{
	if (!work->jobs && !work->busy_ns && !work->cycles)
		return;
	seq_printf(m, "%s %u: %llu ns busy, %llu cycles, %llu fJ, %llu jobs, ",
		   what, number, le64_to_cpu(work->busy_ns),
		   le64_to_cpu(work->cycles), le64_to_cpu(work->energy_fj),
		   le64_to_cpu(work->jobs));
	seq_printf(m, "%u faults, %u timeouts, %u cancelled, %u preemptions\n",
		   le32_to_cpu(work->faults), le32_to_cpu(work->timeouts),
		   le32_to_cpu(work->cancelled),
		   le32_to_cpu(work->preemptions));
}

/* Who has done nothing is left out. */
static int tnpu_debugfs_counters(struct seq_file *m, void *data)
{
	struct tnpu_device *tdev = tnpu_debugfs_device(m);
	struct npu_counters *counters;
	unsigned int i;
	int idx, ret;

	counters = kmalloc(sizeof(*counters), GFP_KERNEL);
	if (!counters)
		return -ENOMEM;
	ret = tnpu_device_enter(tdev, &idx);
	if (ret)
		goto free;
	ret = tnpu_counters_read(tdev, counters);
	tnpu_device_exit(idx);
	if (ret)
		goto free;
	seq_printf(m, "time: %llu ns\n", le64_to_cpu(counters->time_ns));
	for (i = 0; i < ARRAY_SIZE(counters->core); i++)
		tnpu_debugfs_work(m, "core", i, &counters->core[i]);
	for (i = 0; i < ARRAY_SIZE(counters->context); i++)
		tnpu_debugfs_work(m, "context", i, &counters->context[i]);
	for (i = 0; i < ARRAY_SIZE(counters->queue); i++)
		tnpu_debugfs_work(m, "queue", i, &counters->queue[i]);
free:
	kfree(counters);
	return ret;
}

static const struct drm_debugfs_info tnpu_debugfs_files[] = {
	{ "counters", tnpu_debugfs_counters },
	{ "fw_log", tnpu_debugfs_fw_log },
	{ "fw_state", tnpu_debugfs_fw_state },
	{ "queues", tnpu_debugfs_queues },
	{ "recoveries", tnpu_debugfs_recoveries },
	{ "vms", tnpu_debugfs_vms },
};

/* Takes the rung to begin with, enum tnpu_rung; a restart is the least. */
static int tnpu_debugfs_recover(void *data, u64 value)
{
	struct tnpu_device *tdev = data;
	int idx, ret;

	if (value > TNPU_RUNG_WEDGED)
		return -EINVAL;
	ret = tnpu_power_enter(tdev, &idx);
	if (ret)
		return ret;
	WRITE_ONCE(tdev->recovery.first,
		   max_t(u32, value, TNPU_RUNG_FIRMWARE));
	tnpu_recover_request(tdev, "debugfs asks for it");
	flush_work(&tdev->recovery.work);
	tnpu_power_exit(tdev, idx);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(tnpu_debugfs_recover_fops, NULL, tnpu_debugfs_recover,
			 "%llu\n");

static int tnpu_debugfs_get_log_level(void *data, u64 *value)
{
	struct tnpu_device *tdev = data;

	*value = READ_ONCE(tdev->fw.log_level);
	return 0;
}

static int tnpu_debugfs_set_log_level(void *data, u64 value)
{
	struct tnpu_device *tdev = data;
	int idx, ret;

	if (value > U32_MAX)
		return -EINVAL;
	ret = tnpu_device_enter(tdev, &idx);
	if (ret)
		return ret;
	ret = tnpu_fw_set_log_level(tdev, value);
	tnpu_device_exit(idx);
	return ret;
}
DEFINE_DEBUGFS_ATTRIBUTE(tnpu_debugfs_log_level_fops, tnpu_debugfs_get_log_level,
			 tnpu_debugfs_set_log_level, "%llu\n");

/**
 * tnpu_debugfs_init() - offer the files
 * @tdev: device that is not registered yet
 */
void tnpu_debugfs_init(struct tnpu_device *tdev)
{
	drm_debugfs_add_files(&tdev->drm, tnpu_debugfs_files,
			      ARRAY_SIZE(tnpu_debugfs_files));
	debugfs_create_file("fw_log_level", 0600, tdev->drm.debugfs_root, tdev,
			    &tnpu_debugfs_log_level_fops);
	debugfs_create_file("recover", 0200, tdev->drm.debugfs_root, tdev,
			    &tnpu_debugfs_recover_fops);
	tnpu_inject_init(tdev);
}
