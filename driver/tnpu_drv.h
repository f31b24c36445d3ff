/* SPDX-License-Identifier: GPL-2.0-only */
/* An open file: a client of the device. */
#ifndef TNPU_DRV_H
#define TNPU_DRV_H

#include <linux/atomic.h>
#include <linux/xarray.h>

struct tnpu_device;
struct tnpu_user;
struct tnpu_vm;

/**
 * struct tnpu_file - a client
 * @tdev: device
 * @file: what the DRM knows of it
 * @user: who opened it
 * @vm: its address space number 0
 * @vms: the others, by number
 * @queues: its queues, by number
 * @cycles: that its jobs ran
 */
struct tnpu_file {
	struct tnpu_device *tdev;
	struct drm_file *file;
	struct tnpu_user *user;
	struct tnpu_vm *vm;
	struct xarray vms;
	struct xarray queues;
	atomic64_t cycles;
};

#endif
