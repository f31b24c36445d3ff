// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address spaces and the contexts through which the device knows them. A space
 * has a context while it has queues, so there are always enough: the device has
 * more contexts than queues.
 */

#include "tnpu_vm.h"

#include <kunit/visibility.h>
#include <linux/slab.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_managed.h>
#include <drm/tinynpu_accel.h>

#include "tnpu_bind.h"
#include "tnpu_device.h"
#include "tnpu_drv.h"

/* --- Contexts --------------------------------------------------------------- */

/* Takes the context back, if there is one; no queue uses it. */
static void tnpu_vm_detach_locked(struct tnpu_vm *vm)
{
	struct tnpu_device *tdev = vm->tdev;
	struct tnpu_context *context;
	u32 recoveries;
	int ret = 0;

	lockdep_assert_held(&vm->pt_lock);
	if (vm->context < 0)
		return;
	context = &tdev->contexts[vm->context];
	down_read(&tdev->reset_sem);
	recoveries = tdev->recoveries;
	if (tdev->state == TNPU_UP && context->is_set)
		ret = tnpu_ring_call(tdev, NPU_ADMIN_CONTEXT_CLEAR, vm->context,
				     0, 0, NULL);
	context->is_set = false;
	up_read(&tdev->reset_sem);
	/* If the firmware refuses, a reset will do it. */
	tnpu_recover_insist(tdev, recoveries, ret);

	spin_lock(&tdev->job_lock);
	context->is_taken = false;
	spin_unlock(&tdev->job_lock);
	vm->context = -1;
}

static int tnpu_vm_take_context(struct tnpu_vm *vm)
{
	struct tnpu_device *tdev = vm->tdev;
	int ret = -ENOSPC;
	int i;

	spin_lock(&tdev->job_lock);
	for (i = 0; i < NPU_MAX_CONTEXTS; i++) {
		if (tdev->contexts[i].is_taken)
			continue;
		tdev->contexts[i].is_taken = true;
		vm->context = i;
		ret = 0;
		break;
	}
	spin_unlock(&tdev->job_lock);
	return ret;
}

static int tnpu_vm_attach_locked(struct tnpu_vm *vm)
{
	struct tnpu_device *tdev = vm->tdev;
	struct tnpu_context *context;
	u32 recoveries;
	int ret;

	lockdep_assert_held(&vm->pt_lock);
	ret = tnpu_vm_take_context(vm);
	if (ret)
		return ret;
	context = &tdev->contexts[vm->context];
	down_read(&tdev->reset_sem);
	recoveries = tdev->recoveries;
	if (tdev->state == TNPU_UP) {
		context->root = tnpu_pt_root(&vm->pt);
		context->is_set = true;
		ret = tnpu_ring_call(tdev, NPU_ADMIN_CONTEXT_SET, vm->context,
				     context->root, 0, NULL);
	} else {
		ret = tdev->state == TNPU_GONE ? -ENODEV : -EIO;
	}
	up_read(&tdev->reset_sem);
	ret = tnpu_recover_settle(tdev, recoveries, ret);
	if (ret)
		tnpu_vm_detach_locked(vm);
	return ret;
}

/**
 * tnpu_vm_attach() - have a queue use an address space
 * @vm: address space
 * @context: set: its number for the device
 *
 * Return: 0 (tnpu_vm_leave() ends it), -ENOENT (it is being destroyed), -ENOSPC
 * (all contexts are taken), -EIO, -ENODEV.
 */
int tnpu_vm_attach(struct tnpu_vm *vm, u32 *context)
{
	int ret = 0;

	mutex_lock(&vm->lock);
	mutex_lock(&vm->pt_lock);
	if (vm->is_closed)
		ret = -ENOENT;
	else if (vm->context < 0)
		ret = tnpu_vm_attach_locked(vm);
	if (!ret)
		vm->queues++;
	*context = vm->context;
	mutex_unlock(&vm->pt_lock);
	mutex_unlock(&vm->lock);
	return ret;
}

/**
 * tnpu_vm_leave() - a queue does not use an address space any more
 * @vm: address space; the firmware has forgotten the queue
 */
void tnpu_vm_leave(struct tnpu_vm *vm)
{
	mutex_lock(&vm->lock);
	mutex_lock(&vm->pt_lock);
	if (!--vm->queues)
		tnpu_vm_detach_locked(vm);
	mutex_unlock(&vm->pt_lock);
	mutex_unlock(&vm->lock);
}

/**
 * tnpu_vm_invalidate_locked() - have the device forget old entries of a range
 * @vm: address space
 * @addr: first address
 * @size: bytes
 *
 * Return: 0 (it knows nothing of them), -EIO, -ENODEV.
 */
int tnpu_vm_invalidate_locked(struct tnpu_vm *vm, u64 addr, u64 size)
{
	struct tnpu_device *tdev = vm->tdev;
	u32 recoveries;
	int ret = 0;

	lockdep_assert_held(&vm->pt_lock);
	if (vm->context < 0)
		return 0;
	down_read(&tdev->reset_sem);
	recoveries = tdev->recoveries;
	if (tdev->state == TNPU_UP)
		ret = tnpu_ring_call(tdev, NPU_ADMIN_INVALIDATE, vm->context,
				     addr, size, NULL);
	up_read(&tdev->reset_sem);
	/* If the firmware refuses, a reset will do it. */
	return tnpu_recover_insist(tdev, recoveries, ret);
}

/* --- Life ------------------------------------------------------------------ */

static void tnpu_vm_fini_device(struct drm_device *drm, void *data)
{
	struct tnpu_device *tdev = to_tnpu_device(drm);

	if (tdev->bind_wq)
		destroy_workqueue(tdev->bind_wq);
	if (tdev->clean_wq)
		destroy_workqueue(tdev->clean_wq);
}

/**
 * tnpu_vm_init_device() - set up what all address spaces share
 * @tdev: device
 *
 * It ends with the DRM device.
 *
 * Return: 0 or -errno.
 */
int tnpu_vm_init_device(struct tnpu_device *tdev)
{
	int ret;

	INIT_LIST_HEAD(&tdev->vms);
	ret = drmm_mutex_init(&tdev->drm, &tdev->vms_lock);
	if (ret)
		return ret;
	ret = drmm_add_action_or_reset(&tdev->drm, tnpu_vm_fini_device, NULL);
	if (ret)
		return ret;
	tdev->bind_wq = alloc_workqueue("tinynpu-bind",
					WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	tdev->clean_wq = alloc_workqueue("tinynpu-clean", WQ_UNBOUND, 0);
	return tdev->bind_wq && tdev->clean_wq ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_vm_init_device);

/**
 * tnpu_vm_create() - make an empty address space
 * @tdev: device
 *
 * Return: an address space for tnpu_vm_destroy(), or NULL.
 */
struct tnpu_vm *tnpu_vm_create(struct tnpu_device *tdev)
{
	struct drm_gem_object *resv_obj;
	struct tnpu_vm *vm;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return NULL;
	vm->tdev = tdev;
	vm->context = -1;
	if (tnpu_pt_init(&vm->pt, tdev->drm.dev))
		goto free_vm;
	resv_obj = drm_gpuvm_resv_object_alloc(&tdev->drm);
	if (!resv_obj)
		goto fini_pt;
	mutex_init(&vm->lock);
	mutex_init(&vm->pt_lock);
	tnpu_bind_init_vm(vm);
	drm_gpuvm_init(&vm->base, "tinynpu", 0, &tdev->drm, resv_obj, 0,
		       1ull << DRM_TNPU_VA_BITS, 0, 0, &tnpu_bind_gpuvm_ops);
	drm_gem_object_put(resv_obj);

	mutex_lock(&tdev->vms_lock);
	list_add_tail(&vm->link, &tdev->vms);
	mutex_unlock(&tdev->vms_lock);
	return vm;

fini_pt:
	tnpu_pt_fini(&vm->pt);
free_vm:
	kfree(vm);
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_vm_create);

/**
 * tnpu_vm_destroy() - end an address space that no queue uses
 * @vm: address space that nobody can find; the file's reference goes
 *
 * Binds that have not been made end with -ECANCELED.
 */
void tnpu_vm_destroy(struct tnpu_vm *vm)
{
	struct tnpu_device *tdev = vm->tdev;

	tnpu_bind_end_all(vm, -ECANCELED);
	mutex_lock(&vm->pt_lock);
	tnpu_pt_fini(&vm->pt);
	mutex_unlock(&vm->pt_lock);
	/* The device's removal waits for tables only as long as it can see them */
	mutex_lock(&tdev->vms_lock);
	list_del(&vm->link);
	mutex_unlock(&tdev->vms_lock);

	mutex_lock(&vm->lock);
	tnpu_bind_unmap_all(vm);
	mutex_unlock(&vm->lock);
	tnpu_vm_put(vm);
}

/**
 * tnpu_vm_destroy_all() - end all address spaces of a file that is closed
 * @tfile: the file, without queues
 */
void tnpu_vm_destroy_all(struct tnpu_file *tfile)
{
	struct tnpu_vm *vm;
	unsigned long number;

	xa_for_each(&tfile->vms, number, vm)
		tnpu_vm_destroy(vm);
	xa_destroy(&tfile->vms);
	tnpu_vm_destroy(tfile->vm);
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_vm_destroy_all);

/**
 * tnpu_vm_free_tables() - give the tables' memory back
 * @tdev: device that is gone
 *
 * Binds that have not been made end with -ENODEV. The files may stay open for
 * long; what they had mapped is still booked.
 */
void tnpu_vm_free_tables(struct tnpu_device *tdev)
{
	struct tnpu_vm *vm;

	mutex_lock(&tdev->vms_lock);
	list_for_each_entry(vm, &tdev->vms, link) {
		tnpu_bind_end_all(vm, -ENODEV);
		mutex_lock(&vm->pt_lock);
		tnpu_pt_fini(&vm->pt);
		mutex_unlock(&vm->pt_lock);
	}
	mutex_unlock(&tdev->vms_lock);
}

void tnpu_vm_put(struct tnpu_vm *vm)
{
	drm_gpuvm_put(&vm->base);
}

/**
 * tnpu_vm_find() - look an address space up
 * @tfile: whose it is
 * @number: as user space names it
 *
 * Return: the address space with a reference for the caller, or NULL.
 */
struct tnpu_vm *tnpu_vm_find(struct tnpu_file *tfile, u32 number)
{
	struct tnpu_vm *vm;

	xa_lock(&tfile->vms);
	vm = number ? xa_load(&tfile->vms, number) : tfile->vm;
	if (vm)
		drm_gpuvm_get(&vm->base);
	xa_unlock(&tfile->vms);
	return vm;
}

/* --- Ioctls ------------------------------------------------------------------- */

int tnpu_vm_create_ioctl(struct drm_device *drm, void *data,
			 struct drm_file *file)
{
	struct drm_tnpu_vm_create *args = data;
	struct tnpu_file *tfile = file->driver_priv;
	struct tnpu_vm *vm;
	int ret;

	if (args->flags)
		return -EINVAL;
	vm = tnpu_vm_create(tfile->tdev);
	if (!vm)
		return -ENOMEM;
	ret = xa_alloc(&tfile->vms, &args->vm, vm,
		       XA_LIMIT(1, DRM_TNPU_MAX_VMS), GFP_KERNEL);
	if (!ret)
		return 0;
	tnpu_vm_destroy(vm);
	return ret == -EBUSY ? -EMFILE : ret;
}

/* Lets nobody begin to use it, if nobody does. */
static int tnpu_vm_close(struct tnpu_vm *vm)
{
	int ret = 0;

	mutex_lock(&vm->lock);
	if (vm->is_closed)
		ret = -ENOENT;
	else if (vm->queues)
		ret = -EBUSY;
	else
		vm->is_closed = true;
	mutex_unlock(&vm->lock);
	return ret;
}

int tnpu_vm_destroy_ioctl(struct drm_device *drm, void *data,
			  struct drm_file *file)
{
	struct drm_tnpu_vm_destroy *args = data;
	struct tnpu_file *tfile = file->driver_priv;
	struct tnpu_vm *vm;
	int ret;

	if (args->pad || !args->vm)
		return -EINVAL;
	vm = tnpu_vm_find(tfile, args->vm);
	if (!vm)
		return -ENOENT;
	ret = tnpu_vm_close(vm);
	if (!ret) {
		xa_erase(&tfile->vms, args->vm);
		tnpu_vm_destroy(vm);
	}
	tnpu_vm_put(vm);
	return ret;
}
