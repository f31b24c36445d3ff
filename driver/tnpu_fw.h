/* SPDX-License-Identifier: GPL-2.0-only */
/* The firmware image: loading it, booting it, stopping it. */
#ifndef TNPU_FW_H
#define TNPU_FW_H

#include <linux/types.h>

struct tnpu_device;

#define TNPU_FW_FILE "tinynpu.bin"

/**
 * struct tnpu_fw - the firmware
 * @image: kept for recoveries, which may not allocate
 * @image_dma: bus address of @image
 * @size: bytes of @image
 * @name: version text of the image, printable
 * @abi: version of npu/ring.h that it chose
 * @log_level: enum npu_log_level; written with reset_sem held
 */
struct tnpu_fw {
	void *image;
	dma_addr_t image_dma;
	u32 size;
	char name[32];
	u32 abi;
	u32 log_level;
};

int tnpu_fw_load(struct tnpu_device *tdev);
int tnpu_fw_boot(struct tnpu_device *tdev);
int tnpu_fw_halt(struct tnpu_device *tdev);
bool tnpu_fw_is_running(struct tnpu_device *tdev);
int tnpu_fw_tell_log_level(struct tnpu_device *tdev);
int tnpu_fw_set_log_level(struct tnpu_device *tdev, u32 level);
void tnpu_fw_report(struct tnpu_device *tdev);

#endif
