/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address spaces: each file has one, number 0, and may create more. What is
 * mapped in them is tnpu_bind.c's business.
 */
#ifndef TNPU_VM_H
#define TNPU_VM_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <drm/drm_gpuvm.h>

#include "tnpu_pt.h"

struct drm_device;
struct drm_file;
struct tnpu_device;
struct tnpu_file;

/**
 * struct tnpu_vm - an address space
 *
 * References are those of @base: one of the file, one of each mapping, and one
 * of whoever looked it up. tnpu_vm_destroy() ends the mappings.
 *
 * @base: what is mapped where, once all binds are made; guarded by @lock
 * @tdev: device
 * @link: in tnpu_device.vms
 * @lock: order of binds, and their booking
 * @is_closed: takes neither binds nor queues any more; guarded by @lock
 * @queues: that use it; likewise
 * @fence_context: of its binds' fences
 * @seqno: of the last bind's fence; guarded by @lock
 * @pt_lock: guards @pt and @context. Taken to signal fences, so nothing is
 *	allocated under it. It is held while the firmware is waited for.
 * @pt: page tables
 * @context: number for the device, or -1; there is one while there are queues
 * @bind_lock: guards @binds, @ended and @pending
 * @binds: that are not made yet, in order
 * @ended: binds to clean up after
 * @pending: length of @binds
 * @bind_error: not 0: what all further binds end with
 * @bind_work: makes binds; alone takes them off @binds
 * @clean_work: empties @ended
 * @bound: wakes who waits for a bind
 */
struct tnpu_vm {
	struct drm_gpuvm base;
	struct tnpu_device *tdev;
	struct list_head link;

	struct mutex lock; /* booking */
	bool is_closed;
	u32 queues;
	u64 fence_context;
	u64 seqno;

	struct mutex pt_lock; /* tables and context */
	struct tnpu_pt pt;
	int context;

	spinlock_t bind_lock; /* lists of binds */
	struct list_head binds;
	struct list_head ended;
	u32 pending;
	int bind_error;
	struct work_struct bind_work;
	struct work_struct clean_work;
	wait_queue_head_t bound;
};

int tnpu_vm_init_device(struct tnpu_device *tdev);
struct tnpu_vm *tnpu_vm_create(struct tnpu_device *tdev);
void tnpu_vm_destroy(struct tnpu_vm *vm);
void tnpu_vm_destroy_all(struct tnpu_file *tfile);
struct tnpu_vm *tnpu_vm_find(struct tnpu_file *tfile, u32 number);
void tnpu_vm_put(struct tnpu_vm *vm);
int tnpu_vm_attach(struct tnpu_vm *vm, u32 *context);
void tnpu_vm_leave(struct tnpu_vm *vm);
int tnpu_vm_invalidate_locked(struct tnpu_vm *vm, u64 addr, u64 size);
void tnpu_vm_free_tables(struct tnpu_device *tdev);

int tnpu_vm_create_ioctl(struct drm_device *drm, void *data,
			 struct drm_file *file);
int tnpu_vm_destroy_ioctl(struct drm_device *drm, void *data,
			  struct drm_file *file);

#endif
