/* SPDX-License-Identifier: GPL-2.0-only */
/* Address spaces: one per open file. */
#ifndef TNPU_VM_H
#define TNPU_VM_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <drm/drm_gpuvm.h>

#include "tnpu_pt.h"

struct drm_device;
struct drm_file;
struct tnpu_device;

/**
 * struct tnpu_vm - an address space
 *
 * Lives as long as its mappings; the file it belongs to removes those.
 *
 * @base: what is mapped where
 * @tdev: device
 * @lock: one change at a time. It is held while the firmware is waited for:
 *	otherwise another change could map what this one has unmapped but not
 *	invalidated, and would return with the old translation in force.
 * @pt: page tables, guarded by @lock
 * @context: number for the device, or -1; guarded by @lock
 * @link: in tnpu_device.vms
 */
struct tnpu_vm {
	struct drm_gpuvm base;
	struct tnpu_device *tdev;
	struct mutex lock; /* all of the address space */
	struct tnpu_pt pt;
	int context;
	struct list_head link;
};

struct tnpu_vm *tnpu_vm_create(struct tnpu_device *tdev);
void tnpu_vm_destroy(struct tnpu_vm *vm);
int tnpu_vm_attach(struct tnpu_vm *vm, u32 *context);
void tnpu_vm_free_tables(struct tnpu_device *tdev);
int tnpu_vm_bind_ioctl(struct drm_device *drm, void *data,
		       struct drm_file *file);

#endif
