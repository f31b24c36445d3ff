// SPDX-License-Identifier: GPL-2.0-only
/*
 * VM_BIND: binds are booked in order when they are submitted and made, in the
 * same order, when what they wait for has happened.
 */

/**
 * DOC: the way of a bind
 *
 * 1. In the ioctl, everything that can fail: pages of the buffer, page tables,
 *    mappings, fences. Then, with the address space and the buffers locked, it is
 *    booked: drm_gpuvm says from now on what will be mapped once all binds are
 *    made. From here on it can only fail with the device.
 * 2. tnpu_bind_work() makes it, when its in-syncs have signalled: it changes
 *    entries and, if one was valid before, has the device forget its
 *    translations, which is waited for. Should the firmware not answer, a
 *    recovery does it. Then the fence is signalled. Here nothing is allocated,
 *    and no lock is taken under which something is.
 * 3. tnpu_bind_clean() frees mappings that were replaced, and tables. Only now
 *    may a buffer lose its last reference and its pages go elsewhere.
 *
 * Binds do not go through the DRM scheduler: they need neither its credits nor
 * its timeouts, one address space should not wait for another's firmware calls,
 * and the end of an address space must not wait for fences of others.
 */

#include "tnpu_bind.h"

#include <kunit/visibility.h>
#include <linux/dma-resv.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <drm/drm_exec.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/tinynpu_accel.h>

#include "tnpu_bo.h"
#include "tnpu_device.h"
#include "tnpu_drv.h"
#include "tnpu_fence.h"
#include "tnpu_sync.h"
#include "tnpu_vm.h"

/**
 * struct tnpu_mapping - a range of a buffer, mapped
 * @base: drm_gpuvm's part
 * @link: in tnpu_bind.replaced, or .spare
 */
struct tnpu_mapping {
	struct drm_gpuva base;
	struct list_head link;
};

/**
 * struct tnpu_bind - a change of an address space
 * @vm: address space, which outlives its binds
 * @link: in tnpu_vm.binds, then in .ended
 * @addr: first address
 * @size: bytes
 * @obj: buffer to map, with a reference, or NULL to unmap
 * @bo_offset: first byte of it
 * @sgt: its pages
 * @is_readonly: map it so
 * @change: tables
 * @vm_bo: while it is booked: the buffer in this address space
 * @spare: mappings allocated beforehand: the new one, and the rests on the left
 *	and on the right
 * @replaced: mappings that are gone, but may be in the device's translations
 * @fence: its end, with a reference
 * @outs: syncobjs to signal
 * @deps: fences to wait for, with references
 * @dep_count: how many
 * @dep: how many have signalled
 * @is_waiting: @callback is set for the next one
 * @callback: runs the address space's work
 */
struct tnpu_bind {
	struct tnpu_vm *vm;
	struct list_head link;

	u64 addr;
	u64 size;
	struct drm_gem_object *obj;
	u64 bo_offset;
	struct sg_table *sgt;
	bool is_readonly;

	struct tnpu_pt_change change;
	struct drm_gpuvm_bo *vm_bo;
	struct list_head spare;
	struct list_head replaced;

	struct tnpu_fence *fence;
	struct tnpu_outs outs;
	struct dma_fence **deps;
	u32 dep_count;
	u32 dep;
	bool is_waiting;
	struct dma_fence_cb callback;
};

static struct tnpu_vm *to_tnpu_vm(struct drm_gpuvm *base)
{
	return container_of(base, struct tnpu_vm, base);
}

static struct tnpu_mapping *to_tnpu_mapping(struct drm_gpuva *base)
{
	return container_of(base, struct tnpu_mapping, base);
}

/* --- Booking ---------------------------------------------------------------- */

static struct tnpu_mapping *tnpu_bind_take_spare(struct tnpu_bind *bind)
{
	struct tnpu_mapping *mapping =
		list_first_entry(&bind->spare, struct tnpu_mapping, link);

	list_del_init(&mapping->link);
	return mapping;
}

static int tnpu_bind_step_map(struct drm_gpuva_op *op, void *priv)
{
	struct tnpu_bind *bind = priv;
	struct tnpu_mapping *mapping = tnpu_bind_take_spare(bind);

	drm_gpuva_map(&bind->vm->base, &mapping->base, &op->map);
	drm_gpuva_link(&mapping->base, bind->vm_bo);
	return 0;
}

static int tnpu_bind_step_remap(struct drm_gpuva_op *op, void *priv)
{
	struct tnpu_bind *bind = priv;
	struct drm_gpuva_op_remap *remap = &op->remap;
	struct tnpu_mapping *old = to_tnpu_mapping(remap->unmap->va);
	struct tnpu_mapping *prev = NULL, *next = NULL;

	if (remap->prev)
		prev = tnpu_bind_take_spare(bind);
	if (remap->next)
		next = tnpu_bind_take_spare(bind);
	drm_gpuva_remap(prev ? &prev->base : NULL, next ? &next->base : NULL,
			remap);
	if (prev)
		drm_gpuva_link(&prev->base, old->base.vm_bo);
	if (next)
		drm_gpuva_link(&next->base, old->base.vm_bo);
	list_add_tail(&old->link, &bind->replaced);
	return 0;
}

static int tnpu_bind_step_unmap(struct drm_gpuva_op *op, void *priv)
{
	struct tnpu_bind *bind = priv;
	struct tnpu_mapping *old = to_tnpu_mapping(op->unmap.va);

	drm_gpuva_unmap(&op->unmap);
	list_add_tail(&old->link, &bind->replaced);
	return 0;
}

static void tnpu_bind_free_vm(struct drm_gpuvm *base)
{
	struct tnpu_vm *vm = to_tnpu_vm(base);

	mutex_destroy(&vm->lock);
	mutex_destroy(&vm->pt_lock);
	kfree(vm);
}

const struct drm_gpuvm_ops tnpu_bind_gpuvm_ops = {
	.vm_free = tnpu_bind_free_vm,
	.sm_step_map = tnpu_bind_step_map,
	.sm_step_remap = tnpu_bind_step_remap,
	.sm_step_unmap = tnpu_bind_step_unmap,
};

/* Locks the buffer to map, and those that are mapped in the range. */
static int tnpu_bind_lock_objects(struct tnpu_bind *bind, struct drm_exec *exec)
{
	int ret;

	drm_exec_init(exec, DRM_EXEC_INTERRUPTIBLE_WAIT |
			    DRM_EXEC_IGNORE_DUPLICATES, 0);
	drm_exec_until_all_locked(exec) {
		ret = 0;
		if (bind->obj) {
			ret = drm_exec_prepare_obj(exec, bind->obj, 1);
			/* Only behind a lock, which is what ends contention. */
			drm_exec_retry_on_contention(exec);
		}
		if (ret)
			break;
		ret = drm_gpuvm_prepare_range(&bind->vm->base, exec,
					      bind->addr, bind->size, 0);
		drm_exec_retry_on_contention(exec);
		if (ret)
			break;
	}
	return ret;
}

/* Takes the fence's reference. */
static int tnpu_bind_add_dep(void *priv, struct dma_fence *fence)
{
	struct tnpu_bind *bind = priv;

	if (fence->context == bind->vm->fence_context)
		dma_fence_put(fence); /* signals before, anyway */
	else
		bind->deps[bind->dep_count++] = fence;
	return 0;
}

/* An exporter may still be moving the memory. */
static int tnpu_bind_wait_for_exporter(struct tnpu_bind *bind)
{
	struct dma_fence *fence;
	int ret;

	ret = dma_resv_get_singleton(bind->obj->resv, DMA_RESV_USAGE_KERNEL,
				     &fence);
	if (!ret && fence)
		tnpu_bind_add_dep(bind, fence);
	return ret;
}

static int tnpu_bind_book_map(struct tnpu_bind *bind)
{
	const struct drm_gpuvm_map_req req = {
		.map.va.addr = bind->addr,
		.map.va.range = bind->size,
		.map.gem.obj = bind->obj,
		.map.gem.offset = bind->bo_offset,
	};
	int ret;

	ret = tnpu_bind_wait_for_exporter(bind);
	if (ret)
		return ret;
	bind->vm_bo = drm_gpuvm_bo_obtain_locked(&bind->vm->base, bind->obj);
	if (IS_ERR(bind->vm_bo))
		return PTR_ERR(bind->vm_bo);
	ret = drm_gpuvm_sm_map(&bind->vm->base, bind, &req);
	drm_gpuvm_bo_put(bind->vm_bo);
	return ret;
}

/*
 * From here on the bind belongs to tnpu_bind_work(). Returns its fence, with a
 * reference.
 */
static struct dma_fence *tnpu_bind_push(struct tnpu_bind *bind)
{
	struct tnpu_vm *vm = bind->vm;
	struct dma_fence *fence = &bind->fence->base;

	lockdep_assert_held(&vm->lock);
	tnpu_fence_init(bind->fence, vm->fence_context, ++vm->seqno);
	dma_fence_get(fence);
	if (bind->obj)
		dma_resv_add_fence(bind->obj->resv, fence,
				   DMA_RESV_USAGE_BOOKKEEP);
	tnpu_sync_push_outs(&bind->outs, fence);
	spin_lock(&vm->bind_lock);
	list_add_tail(&bind->link, &vm->binds);
	WRITE_ONCE(vm->pending, vm->pending + 1);
	spin_unlock(&vm->bind_lock);
	return fence;
}

static int tnpu_bind_book(struct tnpu_bind *bind, struct dma_fence **fence)
{
	struct tnpu_vm *vm = bind->vm;
	struct drm_exec exec;
	int ret;

	lockdep_assert_held(&vm->lock);
	if (vm->is_closed)
		return -ENOENT;
	if (READ_ONCE(vm->pending) >= DRM_TNPU_MAX_BINDS)
		return -ENOSPC;
	ret = tnpu_bind_lock_objects(bind, &exec);
	if (!ret && bind->obj)
		ret = tnpu_bind_book_map(bind);
	else if (!ret)
		ret = drm_gpuvm_sm_unmap(&vm->base, bind, bind->addr,
					 bind->size);
	if (!ret)
		*fence = tnpu_bind_push(bind);
	drm_exec_fini(&exec);
	return ret;
}

/* --- Making it ---------------------------------------------------------------- */

static void tnpu_bind_wake(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct tnpu_bind *bind = container_of(cb, struct tnpu_bind, callback);

	queue_work(bind->vm->tdev->bind_wq, &bind->vm->bind_work);
}

static void tnpu_bind_stop_waiting(struct tnpu_bind *bind)
{
	if (bind->is_waiting)
		dma_fence_remove_callback(bind->deps[bind->dep],
					  &bind->callback);
	bind->is_waiting = false;
}

/* If not, tnpu_bind_wake() will tell when it is worth to look again. */
static bool tnpu_bind_is_ready(struct tnpu_bind *bind)
{
	for (; bind->dep < bind->dep_count; bind->dep++) {
		struct dma_fence *fence = bind->deps[bind->dep];

		if (bind->is_waiting && !dma_fence_is_signaled(fence))
			return false;
		if (!bind->is_waiting &&
		    !dma_fence_add_callback(fence, &bind->callback,
					    tnpu_bind_wake)) {
			bind->is_waiting = true;
			return false;
		}
		tnpu_bind_stop_waiting(bind);
	}
	return true;
}

/* The bind that can be made or has to be given up now, if there is one. */
static struct tnpu_bind *tnpu_bind_next(struct tnpu_vm *vm)
{
	struct tnpu_bind *bind;

	spin_lock(&vm->bind_lock);
	bind = list_first_entry_or_null(&vm->binds, struct tnpu_bind, link);
	spin_unlock(&vm->bind_lock);
	if (!bind)
		return NULL;
	if (READ_ONCE(vm->bind_error))
		tnpu_bind_stop_waiting(bind);
	else if (!tnpu_bind_is_ready(bind))
		return NULL;
	return bind;
}

/* Why no more binds are made, or 0. */
static int tnpu_bind_error(struct tnpu_vm *vm)
{
	switch (READ_ONCE(vm->tdev->state)) {
	case TNPU_LOST:
		return -EIO;
	case TNPU_GONE:
		return -ENODEV;
	default:
		return READ_ONCE(vm->bind_error);
	}
}

static int tnpu_bind_make(struct tnpu_bind *bind)
{
	struct tnpu_vm *vm = bind->vm;
	int ret;

	ret = tnpu_bind_error(vm);
	if (ret)
		return ret;
	mutex_lock(&vm->pt_lock);
	if (bind->obj)
		tnpu_pt_map_sgt(&vm->pt, &bind->change, bind->addr, bind->size,
				bind->sgt, bind->bo_offset, bind->is_readonly);
	else
		tnpu_pt_unmap(&vm->pt, &bind->change, bind->addr, bind->size);
	if (bind->change.is_stale)
		ret = tnpu_vm_invalidate_locked(vm, bind->addr, bind->size);
	mutex_unlock(&vm->pt_lock);
	return ret;
}

static void tnpu_bind_end(struct tnpu_bind *bind, int error)
{
	struct tnpu_vm *vm = bind->vm;
	struct dma_fence *fence = &bind->fence->base;

	if (error)
		dma_fence_set_error(fence, error);
	dma_fence_signal(fence);
	spin_lock(&vm->bind_lock);
	list_move_tail(&bind->link, &vm->ended);
	WRITE_ONCE(vm->pending, vm->pending - 1);
	spin_unlock(&vm->bind_lock);
	wake_up_all(&vm->bound);
	queue_work(vm->tdev->clean_wq, &vm->clean_work);
}

static void tnpu_bind_work(struct work_struct *work)
{
	struct tnpu_vm *vm = container_of(work, struct tnpu_vm, bind_work);
	bool cookie = dma_fence_begin_signalling();
	struct tnpu_bind *bind;

	while ((bind = tnpu_bind_next(vm)))
		tnpu_bind_end(bind, tnpu_bind_make(bind));
	dma_fence_end_signalling(cookie);
}

/* --- After it, and if it is not to be ----------------------------------------- */

/* Frees a mapping that the device has forgotten, and maybe its buffer. */
static void tnpu_mapping_destroy(struct tnpu_mapping *mapping)
{
	struct drm_gem_object *obj = mapping->base.gem.obj;

	drm_gem_object_get(obj); /* its lock has to outlive the mapping */
	dma_resv_lock(obj->resv, NULL);
	drm_gpuva_unlink(&mapping->base);
	dma_resv_unlock(obj->resv);
	drm_gem_object_put(obj);
	kfree(mapping);
}

static void tnpu_bind_destroy(struct tnpu_bind *bind)
{
	struct tnpu_mapping *mapping, *next;

	list_for_each_entry_safe(mapping, next, &bind->replaced, link)
		tnpu_mapping_destroy(mapping);
	list_for_each_entry_safe(mapping, next, &bind->spare, link)
		kfree(mapping);
	tnpu_pt_free(&bind->vm->pt, &bind->change);
	while (bind->dep_count)
		dma_fence_put(bind->deps[--bind->dep_count]);
	kfree(bind->deps);
	tnpu_sync_free_outs(&bind->outs);
	if (bind->fence)
		tnpu_fence_put(bind->fence);
	if (bind->obj)
		drm_gem_object_put(bind->obj);
	kfree(bind);
}

static void tnpu_bind_clean(struct work_struct *work)
{
	struct tnpu_vm *vm = container_of(work, struct tnpu_vm, clean_work);
	struct tnpu_bind *bind, *next;
	LIST_HEAD(ended);

	spin_lock(&vm->bind_lock);
	list_splice_init(&vm->ended, &ended);
	spin_unlock(&vm->bind_lock);
	list_for_each_entry_safe(bind, next, &ended, link)
		tnpu_bind_destroy(bind);
}

/**
 * tnpu_bind_init_vm() - set up the part of an address space that binds use
 * @vm: address space
 */
void tnpu_bind_init_vm(struct tnpu_vm *vm)
{
	vm->fence_context = dma_fence_context_alloc(1);
	spin_lock_init(&vm->bind_lock);
	INIT_LIST_HEAD(&vm->binds);
	INIT_LIST_HEAD(&vm->ended);
	INIT_WORK(&vm->bind_work, tnpu_bind_work);
	INIT_WORK(&vm->clean_work, tnpu_bind_clean);
	init_waitqueue_head(&vm->bound);
}

/**
 * tnpu_bind_end_all() - let an address space make no more binds
 * @vm: address space
 * @error: what those end with that are not made
 *
 * All binds have ended and are cleaned up after when this returns.
 */
void tnpu_bind_end_all(struct tnpu_vm *vm, int error)
{
	WRITE_ONCE(vm->bind_error, error);
	queue_work(vm->tdev->bind_wq, &vm->bind_work);
	flush_work(&vm->bind_work);
	/* A fence may have asked for another look before it was let go. */
	cancel_work_sync(&vm->bind_work);
	flush_work(&vm->clean_work);
}

/**
 * tnpu_bind_unmap_all() - free all mappings
 * @vm: address space without tables
 */
void tnpu_bind_unmap_all(struct tnpu_vm *vm)
{
	struct drm_gpuva *va, *next;

	lockdep_assert_held(&vm->lock);
	drm_gpuvm_for_each_va_safe(va, next, &vm->base) {
		drm_gpuva_remove(va);
		tnpu_mapping_destroy(to_tnpu_mapping(va));
	}
}

/* --- The ioctl ------------------------------------------------------------------ */

/* Whether an entry can name every page of the buffer. */
static bool tnpu_bind_can_map(struct sg_table *sgt)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(sgt, sg, i)
		if (!IS_ALIGNED(sg_dma_address(sg) | sg_dma_len(sg),
				TNPU_PAGE_SIZE))
			return false;
	return true;
}

static int tnpu_bind_check(const struct drm_tnpu_vm_bind *args)
{
	u64 end;

	if (!args->size || !IS_ALIGNED(args->addr | args->size, TNPU_PAGE_SIZE) ||
	    check_add_overflow(args->addr, args->size, &end) ||
	    end > 1ull << DRM_TNPU_VA_BITS)
		return -EINVAL;
	if (args->in_sync_count > DRM_TNPU_MAX_SYNCS ||
	    args->out_sync_count > DRM_TNPU_MAX_SYNCS)
		return -EINVAL;
	if (!(args->flags & DRM_TNPU_VM_BIND_ASYNC) &&
	    (args->in_syncs || args->in_sync_count || args->out_syncs ||
	     args->out_sync_count))
		return -EINVAL;
	switch (args->op) {
	case DRM_TNPU_VM_BIND_MAP:
		if (args->flags & ~(DRM_TNPU_VM_BIND_READONLY |
				    DRM_TNPU_VM_BIND_ASYNC) ||
		    !IS_ALIGNED(args->bo_offset, TNPU_PAGE_SIZE))
			return -EINVAL;
		return 0;
	case DRM_TNPU_VM_BIND_UNMAP:
		if (args->flags & ~DRM_TNPU_VM_BIND_ASYNC || args->handle ||
		    args->bo_offset)
			return -EINVAL;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Finds the buffer and its pages. */
static int tnpu_bind_find_pages(struct tnpu_bind *bind, struct drm_file *file,
				const struct drm_tnpu_vm_bind *args)
{
	struct drm_gem_object *obj;

	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	bind->obj = obj;
	bind->bo_offset = args->bo_offset;
	bind->is_readonly = args->flags & DRM_TNPU_VM_BIND_READONLY;
	if (args->size > obj->size || args->bo_offset > obj->size - args->size)
		return -EINVAL;
	if (tnpu_bo_is_readonly(obj) && !bind->is_readonly)
		return -EACCES;
	bind->sgt = tnpu_bo_get_pages(obj);
	if (IS_ERR(bind->sgt))
		return PTR_ERR(bind->sgt);
	return tnpu_bind_can_map(bind->sgt) ? 0 : -EINVAL;
}

static int tnpu_bind_alloc_parts(struct tnpu_bind *bind, u32 deps)
{
	struct tnpu_mapping *mapping;
	int i;

	for (i = 0; i < 3; i++) {
		mapping = kzalloc(sizeof(*mapping), GFP_KERNEL_ACCOUNT);
		if (!mapping)
			return -ENOMEM;
		list_add(&mapping->link, &bind->spare);
	}
	bind->fence = tnpu_fence_alloc();
	bind->deps = kcalloc(deps, sizeof(*bind->deps), GFP_KERNEL_ACCOUNT);
	return bind->fence && bind->deps ? 0 : -ENOMEM;
}

/* Everything that can fail; what was acquired is in @bind even then. */
static int tnpu_bind_prepare(struct tnpu_bind *bind, struct drm_file *file,
			     const struct drm_tnpu_vm_bind *args)
{
	struct tnpu_pt *pt = &bind->vm->pt;
	int ret;

	if (args->op == DRM_TNPU_VM_BIND_MAP) {
		ret = tnpu_bind_find_pages(bind, file, args);
		if (ret)
			return ret;
		ret = tnpu_pt_prepare_map(pt, &bind->change, bind->addr,
					  bind->size, bind->sgt,
					  bind->bo_offset);
	} else {
		ret = tnpu_pt_prepare_unmap(pt, &bind->change, bind->addr,
					    bind->size);
	}
	if (ret)
		return ret;
	/* One more for what an exporter does. */
	ret = tnpu_bind_alloc_parts(bind, args->in_sync_count + 1);
	if (ret)
		return ret;
	ret = tnpu_sync_find_ins(file, args->in_syncs, args->in_sync_count,
				 tnpu_bind_add_dep, bind);
	if (ret)
		return ret;
	return tnpu_sync_find_outs(file, args->out_syncs, args->out_sync_count,
				   &bind->outs);
}

static struct tnpu_bind *tnpu_bind_alloc(struct tnpu_vm *vm, u64 addr, u64 size)
{
	struct tnpu_bind *bind;

	bind = kzalloc(sizeof(*bind), GFP_KERNEL_ACCOUNT);
	if (!bind)
		return NULL;
	bind->vm = vm;
	bind->addr = addr;
	bind->size = size;
	tnpu_pt_change_init(&bind->change);
	INIT_LIST_HEAD(&bind->spare);
	INIT_LIST_HEAD(&bind->replaced);
	return bind;
}

/* Submits a bind, and returns its fence with a reference. */
static struct dma_fence *tnpu_bind_submit(struct tnpu_vm *vm,
					  struct drm_file *file,
					  const struct drm_tnpu_vm_bind *args)
{
	struct dma_fence *fence;
	struct tnpu_bind *bind;
	int ret;

	bind = tnpu_bind_alloc(vm, args->addr, args->size);
	if (!bind)
		return ERR_PTR(-ENOMEM);
	ret = tnpu_bind_prepare(bind, file, args);
	if (!ret) {
		mutex_lock(&vm->lock);
		ret = tnpu_bind_book(bind, &fence);
		mutex_unlock(&vm->lock);
	}
	if (ret) {
		tnpu_bind_destroy(bind);
		return ERR_PTR(ret);
	}
	queue_work(vm->tdev->bind_wq, &vm->bind_work);
	return fence;
}

/* Waits for a bind and tells how it ended. */
static int tnpu_bind_wait(struct tnpu_vm *vm, struct dma_fence *fence)
{
	int ret;

	ret = wait_event_killable(vm->bound, dma_fence_is_signaled(fence));
	if (!ret)
		ret = dma_fence_get_status(fence);
	return ret < 0 ? ret : 0;
}

int tnpu_vm_bind_ioctl(struct drm_device *drm, void *data,
		       struct drm_file *file)
{
	struct tnpu_device *tdev = to_tnpu_device(drm);
	const struct drm_tnpu_vm_bind *args = data;
	struct dma_fence *fence;
	struct tnpu_vm *vm;
	int idx, ret;

	ret = tnpu_device_enter(tdev, &idx);
	if (ret)
		return ret;
	ret = tnpu_bind_check(args);
	vm = ret ? NULL : tnpu_vm_find(file->driver_priv, args->vm);
	fence = vm ? tnpu_bind_submit(vm, file, args) :
		     ERR_PTR(ret ?: -ENOENT);
	/* The removal of the device, which may end the bind, waits for this. */
	tnpu_device_exit(idx);

	ret = PTR_ERR_OR_ZERO(fence);
	if (!ret) {
		if (!(args->flags & DRM_TNPU_VM_BIND_ASYNC))
			ret = tnpu_bind_wait(vm, fence);
		dma_fence_put(fence);
	}
	if (vm)
		tnpu_vm_put(vm);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_vm_bind_ioctl);
