// SPDX-License-Identifier: GPL-2.0-only
/*
 * The firmware image: the boot ROM fetches and judges it, so that all there is
 * to check here is what the driver itself relies on. Called by tnpu_device.c.
 */

#include "tnpu_fw.h"

#include <linux/ctype.h>
#include <linux/dma-mapping.h>
#include <linux/firmware.h>
#include <linux/iopoll.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <drm/drm_print.h>

#include "tnpu_device.h"

#define TNPU_BOOT_TIMEOUT_US (10 * USEC_PER_SEC)
#define TNPU_BOOT_POLL_US 200
#define TNPU_RESET_TIMEOUT_US (5 * USEC_PER_SEC)
#define TNPU_RESET_POLL_US 10

static unsigned int tnpu_fw_log_level = NPU_LOG_INFO;
module_param_named(fw_log_level, tnpu_fw_log_level, uint, 0444);
MODULE_PARM_DESC(fw_log_level,
		 "What the firmware logs: 0 errors, 1 ends of jobs, too, 2 all");

static const char *const boot_refusals[] = {
	[NPU_REFUSED_NONE] = "no reason given",
	[NPU_REFUSED_DMA] = "it cannot be read",
	[NPU_REFUSED_SIZE] = "its size is wrong",
	[NPU_REFUSED_MAGIC] = "it is not a firmware image",
	[NPU_REFUSED_VERSION] = "it is made for other hardware",
	[NPU_REFUSED_PLACE] = "it does not fit into the controller's memory",
	[NPU_REFUSED_DIGEST] = "it is damaged (digest)",
};

static const char *const fw_refusals[] = {
	[NPU_FW_REFUSAL_NONE] = "no reason given",
	[NPU_FW_REFUSAL_INIT] = "it cannot read the init block",
	[NPU_FW_REFUSAL_ABI] = "it speaks another version of the protocol",
	[NPU_FW_REFUSAL_RING] = "it cannot use the rings",
};

static const char *tnpu_fw_word(const char *const *words, size_t count, u32 i)
{
	return i < count ? words[i] : "unknown reason";
}

static void tnpu_fw_copy_name(struct tnpu_fw *fw)
{
	const struct npu_image_header *header = fw->image;
	size_t i;

	strscpy_pad(fw->name, header->name, sizeof(fw->name));
	for (i = 0; fw->name[i]; i++)
		if (!isascii(fw->name[i]) || !isprint(fw->name[i]))
			fw->name[i] = '?';
}

/**
 * tnpu_fw_load() - read the image into memory that the device can reach
 * @tdev: device
 *
 * Return: 0 or -errno; the reason is in the log.
 */
int tnpu_fw_load(struct tnpu_device *tdev)
{
	struct device *dev = tdev->drm.dev;
	const struct firmware *file;
	int ret;

	ret = firmware_request_nowarn(&file, TNPU_FW_FILE, dev);
	if (ret) {
		drm_err(&tdev->drm, "firmware %s cannot be loaded: %pe\n",
			TNPU_FW_FILE, ERR_PTR(ret));
		return ret;
	}
	if (file->size < sizeof(struct npu_image_header) ||
	    file->size > NPU_IMAGE_MAX_SIZE) {
		drm_err(&tdev->drm, "firmware %s has %zu bytes, which cannot be right\n",
			TNPU_FW_FILE, file->size);
		ret = -EINVAL;
		goto release;
	}
	tdev->fw.size = file->size;
	tdev->fw.image = dmam_alloc_coherent(dev, file->size,
					     &tdev->fw.image_dma, GFP_KERNEL);
	if (!tdev->fw.image) {
		ret = -ENOMEM;
		goto release;
	}
	memcpy(tdev->fw.image, file->data, file->size);
	tdev->fw.log_level = min_t(u32, tnpu_fw_log_level, NPU_LOG_DEBUG);
	tnpu_fw_copy_name(&tdev->fw);
release:
	release_firmware(file);
	return ret;
}

/* Lets the boot ROM start the image. */
static int tnpu_fw_boot_rom(struct tnpu_device *tdev)
{
	struct tnpu_fw *fw = &tdev->fw;
	u32 status;
	int ret;

	tnpu_device_write(tdev, NPU_REG_IMAGE_LO, lower_32_bits(fw->image_dma));
	tnpu_device_write(tdev, NPU_REG_IMAGE_HI, upper_32_bits(fw->image_dma));
	tnpu_device_write(tdev, NPU_REG_IMAGE_SIZE, fw->size);
	tnpu_device_write(tdev, NPU_REG_ARG_LO,
			  lower_32_bits(tdev->ring.init_dma));
	tnpu_device_write(tdev, NPU_REG_ARG_HI,
			  upper_32_bits(tdev->ring.init_dma));
	tnpu_device_write(tdev, NPU_REG_CTRL, NPU_CTRL_BOOT);

	ret = read_poll_timeout(tnpu_device_read, status,
				(status & 0xff) == NPU_BOOT_RUNNING ||
				(status & 0xff) == NPU_BOOT_REFUSED ||
				status == U32_MAX,
				TNPU_BOOT_POLL_US, TNPU_BOOT_TIMEOUT_US, false,
				tdev, NPU_REG_BOOT_STATUS);
	if (status == U32_MAX) {
		drm_err(&tdev->drm, "the device vanished while it booted\n");
		return -ENODEV;
	}
	if (ret) {
		drm_err(&tdev->drm, "firmware %s: the boot ROM does not finish (status %#x)\n",
			TNPU_FW_FILE, status);
		return ret;
	}
	if ((status & 0xff) == NPU_BOOT_REFUSED) {
		drm_err(&tdev->drm, "firmware %s was refused by the boot ROM: %s\n",
			TNPU_FW_FILE,
			tnpu_fw_word(boot_refusals, ARRAY_SIZE(boot_refusals),
				     status >> 8 & 0xff));
		return -ENOEXEC;
	}
	return 0;
}

static u32 tnpu_fw_scratch(struct tnpu_device *tdev, unsigned int i)
{
	return tnpu_device_read(tdev, NPU_REG_SCRATCH(i));
}

static u32 tnpu_fw_state(struct tnpu_device *tdev)
{
	return tnpu_fw_scratch(tdev, NPU_FW_SCRATCH_STATE);
}

/* Waits until the firmware says that it is ready. */
static int tnpu_fw_wait_ready(struct tnpu_device *tdev)
{
	u32 state, reason;
	int ret;

	ret = read_poll_timeout(tnpu_fw_state, state,
				state != NPU_FW_NONE && state != NPU_FW_STARTING,
				TNPU_BOOT_POLL_US, TNPU_BOOT_TIMEOUT_US, false,
				tdev);
	switch (state) {
	case NPU_FW_READY:
		return 0;
	case NPU_FW_REFUSED:
		reason = tnpu_fw_scratch(tdev, NPU_FW_SCRATCH_REASON);
		drm_err(&tdev->drm, "firmware %s refuses to run: %s\n",
			TNPU_FW_FILE,
			tnpu_fw_word(fw_refusals, ARRAY_SIZE(fw_refusals),
				     reason));
		return -EPROTO;
	case NPU_FW_CRASHED:
		tnpu_fw_report(tdev);
		return -EIO;
	}
	drm_err(&tdev->drm, "firmware %s does not get ready (state %#x)\n",
		TNPU_FW_FILE, state);
	return ret ?: -EIO;
}

/**
 * tnpu_fw_boot() - start the firmware on a device that is in reset
 * @tdev: device whose rings are prepared
 *
 * Allocates nothing, since it is part of recovery.
 *
 * Return: 0 or -errno; the reason is in the log.
 */
int tnpu_fw_boot(struct tnpu_device *tdev)
{
	int ret;

	ret = tnpu_fw_halt(tdev);
	if (ret)
		return ret;
	ret = tnpu_fw_boot_rom(tdev);
	if (ret)
		goto halt;
	ret = tnpu_fw_wait_ready(tdev);
	if (ret)
		goto halt;
	return 0;
halt:
	tnpu_fw_halt(tdev);
	return ret;
}

/**
 * tnpu_fw_halt() - put the device into reset
 * @tdev: device
 *
 * Once the status has been read as RESET the device accesses no memory.
 *
 * Return: 0, or -ENODEV if the device does not react.
 */
int tnpu_fw_halt(struct tnpu_device *tdev)
{
	u32 status;

	tnpu_device_write(tdev, NPU_REG_CTRL, NPU_CTRL_RESET);
	/* One access to memory may be on its way: LOADING until it is done. */
	read_poll_timeout(tnpu_device_read, status,
			  status == NPU_BOOT_RESET || status == U32_MAX,
			  TNPU_BOOT_POLL_US, TNPU_BOOT_TIMEOUT_US, false,
			  tdev, NPU_REG_BOOT_STATUS);
	if (status == NPU_BOOT_RESET)
		return 0;
	drm_err(&tdev->drm, "the device cannot be reset (status %#x)\n",
		status);
	return -ENODEV;
}

/**
 * tnpu_fw_is_running() - whether there is anybody to wait for
 * @tdev: device
 *
 * Return: false if the firmware says that it crashed, or the device is dead.
 */
bool tnpu_fw_is_running(struct tnpu_device *tdev)
{
	return tnpu_fw_state(tdev) == NPU_FW_READY;
}

/**
 * tnpu_fw_tell_log_level() - tell new firmware what to log
 * @tdev: device; its reset_sem is held
 *
 * Return: 0 or -errno of tnpu_ring_call().
 */
int tnpu_fw_tell_log_level(struct tnpu_device *tdev)
{
	u32 level = READ_ONCE(tdev->fw.log_level);

	if (level == NPU_LOG_INFO)
		return 0; /* how it begins */
	return tnpu_ring_call(tdev, NPU_ADMIN_LOG_LEVEL, level, 0, 0, NULL);
}

/**
 * tnpu_fw_set_log_level() - change what the firmware logs, now and from now on
 * @tdev: device, inside drm_dev_enter()
 * @level: enum npu_log_level
 *
 * Return: 0, -EINVAL, -EIO or -ENODEV.
 */
int tnpu_fw_set_log_level(struct tnpu_device *tdev, u32 level)
{
	u32 recoveries;
	int ret = 0;

	if (level > NPU_LOG_DEBUG)
		return -EINVAL;
	down_read(&tdev->reset_sem);
	recoveries = tdev->recoveries;
	WRITE_ONCE(tdev->fw.log_level, level);
	if (tdev->state == TNPU_UP)
		ret = tnpu_ring_call(tdev, NPU_ADMIN_LOG_LEVEL, level, 0, 0,
				     NULL);
	up_read(&tdev->reset_sem);
	return tnpu_recover_settle(tdev, recoveries, ret);
}

/**
 * tnpu_fw_report() - log how the firmware crashed, if it did
 * @tdev: device
 */
void tnpu_fw_report(struct tnpu_device *tdev)
{
	u32 state = tnpu_fw_state(tdev);

	if (state != NPU_FW_CRASHED)
		return;
	drm_err(&tdev->drm, "firmware crashed: mcause %#x mepc %#x mtval %#x ra %#x sp %#x\n",
		tnpu_fw_scratch(tdev, NPU_FW_SCRATCH_MCAUSE),
		tnpu_fw_scratch(tdev, NPU_FW_SCRATCH_MEPC),
		tnpu_fw_scratch(tdev, NPU_FW_SCRATCH_MTVAL),
		tnpu_fw_scratch(tdev, NPU_FW_SCRATCH_RA),
		tnpu_fw_scratch(tdev, NPU_FW_SCRATCH_SP));
}
