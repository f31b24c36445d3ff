// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device: registers, start and the end. Called by tnpu_drv.c at probe and
 * removal, and by tnpu_recover.c, which takes it through resets in between.
 */

#include "tnpu_device.h"

#include <linux/dma-fence.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/pci.h>
#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "tnpu_inject.h"
#include "tnpu_queue.h"
#include "tnpu_vm.h"

u32 tnpu_device_read(struct tnpu_device *tdev, u32 reg)
{
	return readl(tdev->regs + reg);
}

void tnpu_device_write(struct tnpu_device *tdev, u32 reg, u32 value)
{
	writel(value, tdev->regs + reg);
}

void tnpu_device_ring_doorbell(struct tnpu_device *tdev, u32 doorbell)
{
	writel(1, tdev->doorbells + doorbell * NPU_DOORBELL_STRIDE);
}

static int tnpu_device_read_config(struct tnpu_device *tdev)
{
	static const struct {
		u32 reg;
		size_t field;
	} facts[] = {
		{ NPU_REG_VERSION, offsetof(struct tnpu_config, version) },
		{ NPU_REG_CORES, offsetof(struct tnpu_config, cores) },
		{ NPU_REG_MACS, offsetof(struct tnpu_config, macs) },
		{ NPU_REG_SRAM_SIZE, offsetof(struct tnpu_config, sram_size) },
		{ NPU_REG_CLOCK_KHZ, offsetof(struct tnpu_config, clock_khz) },
		{ NPU_REG_SRAM_BW, offsetof(struct tnpu_config, sram_bw) },
		{ NPU_REG_SRAM_LATENCY,
		  offsetof(struct tnpu_config, sram_latency) },
		{ NPU_REG_MEM_BW, offsetof(struct tnpu_config, mem_bw) },
		{ NPU_REG_MEM_LATENCY,
		  offsetof(struct tnpu_config, mem_latency) },
		{ NPU_REG_MODE, offsetof(struct tnpu_config, mode) },
		{ NPU_REG_DOORBELLS, offsetof(struct tnpu_config, doorbells) },
		{ NPU_REG_CONTEXTS, offsetof(struct tnpu_config, contexts) },
	};
	struct tnpu_config *config = &tdev->config;
	u32 id = tnpu_device_read(tdev, NPU_REG_ID);
	unsigned int i;

	if (id != NPU_ID_MAGIC) {
		drm_err(&tdev->drm, "no TinyNPU here: its ID reads as %#x\n",
			id);
		return -ENODEV;
	}
	for (i = 0; i < ARRAY_SIZE(facts); i++)
		*(u32 *)((void *)config + facts[i].field) =
			tnpu_device_read(tdev, facts[i].reg);
	if (config->version >> 16 != NPU_HW_VERSION_MAJOR) {
		drm_err(&tdev->drm, "hardware version %u.%u is not supported\n",
			config->version >> 16, config->version & 0xffff);
		return -ENODEV;
	}
	if (!config->cores || config->cores > NPU_MAX_CORES ||
	    !config->clock_khz || config->contexts != NPU_MAX_CONTEXTS ||
	    config->doorbells != NPU_MAX_DOORBELLS) {
		drm_err(&tdev->drm, "bad configuration: %u cores, %u kHz, %u contexts\n",
			config->cores, config->clock_khz, config->contexts);
		return -ENODEV;
	}
	return 0;
}

static int tnpu_device_init_irq(struct tnpu_device *tdev)
{
	struct pci_dev *pdev = to_pci_dev(tdev->drm.dev);
	int ret;

	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSIX);
	if (ret < 0) {
		drm_err(&tdev->drm, "no MSI-X vector: %pe\n", ERR_PTR(ret));
		return ret;
	}
	tdev->irq = pci_irq_vector(pdev, NPU_VECTOR_EVENTS);
	return devm_request_threaded_irq(tdev->drm.dev, tdev->irq,
					 tnpu_ring_irq, tnpu_ring_irq_thread,
					 IRQF_NO_AUTOEN, "tinynpu", tdev);
}

/**
 * tnpu_device_init() - everything that does not need running firmware
 * @tdev: device whose BARs are mapped
 *
 * What is acquired here ends with the PCI device or with the DRM device.
 *
 * Return: 0 or -errno; the reason is in the log.
 */
int tnpu_device_init(struct tnpu_device *tdev)
{
	int ret;

	init_rwsem(&tdev->reset_sem);
	tnpu_recover_init(tdev);
	spin_lock_init(&tdev->job_lock);
	xa_init_flags(&tdev->jobs, XA_FLAGS_ALLOC1);
	spin_lock_init(&tdev->users_lock);
	INIT_LIST_HEAD(&tdev->users);
	ret = tnpu_device_read_config(tdev);
	if (ret)
		return ret;
	ret = tnpu_vm_init_device(tdev);
	if (ret)
		return ret;
	ret = tnpu_queue_init_slots(tdev);
	if (ret)
		return ret;
	ret = tnpu_ring_init(tdev);
	if (ret)
		return ret;
	ret = tnpu_counters_init(tdev);
	if (ret)
		return ret;
	ret = tnpu_telemetry_init(tdev);
	if (ret)
		return ret;
	ret = tnpu_limits_init(tdev);
	if (ret)
		return ret;
	ret = tnpu_dump_init(tdev);
	if (ret)
		return ret;
	ret = tnpu_fw_load(tdev);
	if (ret)
		return ret;
	return tnpu_device_init_irq(tdev);
}

/* Boots the firmware; afterwards it can be talked to. */
static int tnpu_device_boot(struct tnpu_device *tdev)
{
	int ret;

	tnpu_ring_prepare(tdev);
	tnpu_inject_prepare(tdev);
	WRITE_ONCE(tdev->boots, tdev->boots + 1);
	ret = tnpu_fw_boot(tdev);
	if (ret)
		return ret;
	ret = tnpu_ring_open(tdev);
	if (ret) {
		tnpu_fw_halt(tdev);
		return ret;
	}
	enable_irq(tdev->irq);
	return 0;
}

/**
 * tnpu_device_halt() - end all that the device does
 * @tdev: device whose reset_sem is held for writing
 *
 * Return: 0 (nothing of it touches memory any more) or -errno.
 */
int tnpu_device_halt(struct tnpu_device *tdev)
{
	tnpu_ring_abort(tdev);
	return tnpu_fw_halt(tdev);
}

void tnpu_device_set_state(struct tnpu_device *tdev, enum tnpu_state state)
{
	lockdep_assert_held_write(&tdev->reset_sem);
	spin_lock(&tdev->job_lock);
	WRITE_ONCE(tdev->state, state);
	spin_unlock(&tdev->job_lock);
}

/* Tells the firmware which contexts and queues there are. */
static int tnpu_device_restore(struct tnpu_device *tdev)
{
	unsigned int i;
	int ret;

	ret = tnpu_fw_tell_log_level(tdev);
	if (ret)
		return ret;
	ret = tnpu_limits_restore(tdev);
	if (ret)
		return ret;
	for (i = 0; i < NPU_MAX_CONTEXTS; i++) {
		if (!tdev->contexts[i].is_set)
			continue;
		ret = tnpu_ring_call(tdev, NPU_ADMIN_CONTEXT_SET, i,
				     tdev->contexts[i].root, 0, NULL);
		if (ret)
			return ret;
	}
	return tnpu_queue_restore_all(tdev);
}

/**
 * tnpu_device_bring_up() - boot the firmware and tell it what the tables say
 * @tdev: device whose reset_sem is held for writing, with its interrupt disabled
 *
 * Allocates nothing, since it is part of recovery.
 *
 * Return: 0, and the device is up; or -errno, and it is in reset.
 */
int tnpu_device_bring_up(struct tnpu_device *tdev)
{
	int ret;

	ret = tnpu_device_boot(tdev);
	if (ret)
		return ret;
	ret = tnpu_device_restore(tdev);
	if (ret) {
		drm_err(&tdev->drm, "the new firmware does not take over: %pe\n",
			ERR_PTR(ret));
		disable_irq(tdev->irq);
		tnpu_device_halt(tdev);
		return ret;
	}
	tnpu_device_set_state(tdev, TNPU_UP);
	tnpu_queue_resume_all(tdev);
	return 0;
}

/**
 * tnpu_device_start() - boot the firmware for the first time
 * @tdev: device
 *
 * Return: 0 or -errno; the reason is in the log.
 */
int tnpu_device_start(struct tnpu_device *tdev)
{
	int ret;

	down_write(&tdev->reset_sem);
	ret = tnpu_device_bring_up(tdev);
	up_write(&tdev->reset_sem);
	return ret;
}

/**
 * tnpu_device_give_up() - the end: no DMA any more, no job in flight
 * @tdev: device whose reset_sem is held for writing
 * @state: TNPU_LOST or TNPU_GONE
 * @error: for the fences
 */
void tnpu_device_give_up(struct tnpu_device *tdev, enum tnpu_state state,
			 int error)
{
	tnpu_device_set_state(tdev, state);
	tnpu_device_halt(tdev);
	pci_clear_master(to_pci_dev(tdev->drm.dev));
	tnpu_queue_end_all(tdev, error);
}

/**
 * tnpu_device_enter() - begin what needs a device
 * @tdev: device
 * @idx: set: for tnpu_device_exit(), for which its removal waits
 *
 * Return: 0, -ENODEV (it was removed), -EIO (it is lost).
 */
int tnpu_device_enter(struct tnpu_device *tdev, int *idx)
{
	if (!drm_dev_enter(&tdev->drm, idx))
		return -ENODEV;
	if (READ_ONCE(tdev->state) != TNPU_LOST)
		return 0;
	drm_dev_exit(*idx);
	return -EIO;
}

void tnpu_device_exit(int idx)
{
	drm_dev_exit(idx);
}

/**
 * tnpu_device_remove() - end everything, since the device goes away
 * @tdev: device that is unplugged for user space already
 *
 * All fences are signalled, and neither registers nor DMA are used afterwards.
 */
void tnpu_device_remove(struct tnpu_device *tdev)
{
	bool was_up, cookie;

	tnpu_ring_abort(tdev);
	cookie = dma_fence_begin_signalling();
	down_write(&tdev->reset_sem);
	was_up = tdev->state == TNPU_UP;
	if (was_up)
		disable_irq(tdev->irq);
	tnpu_device_give_up(tdev, TNPU_GONE, -ENODEV);
	WRITE_ONCE(tdev->recoveries, tdev->recoveries + 1);
	up_write(&tdev->reset_sem);
	dma_fence_end_signalling(cookie);
	wake_up_all(&tdev->recovery.done);

	/* Timeout handlers may still look at the device, in vain. */
	cancel_work_sync(&tdev->recovery.work);
	flush_workqueue(tdev->reset_wq);
	tnpu_dump_flush(tdev);
	tnpu_queue_free_rings(tdev);
	tnpu_vm_free_tables(tdev);
}
