// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address spaces: VM_BIND, and the contexts through which the device knows
 * them. drm_gpuvm keeps book of what is mapped where and splits mappings;
 * tnpu_pt.c writes the tables.
 */

/**
 * DOC: a change of an address space
 *
 * 1. Everything that can fail: pages of the buffer, tables, bookkeeping.
 * 2. Bookkeeping and table entries change. Mappings that are replaced, and
 *    tables that become empty, are set aside.
 * 3. If an entry was valid before, the device's translations are invalidated,
 *    which is waited for. Should the firmware not answer, a recovery does it.
 * 4. What was set aside is freed. Only now may a buffer lose its last reference
 *    and its pages go elsewhere.
 */

#include "tnpu_vm.h"

#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <drm/drm_file.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_print.h>
#include <drm/tinynpu_accel.h>

#include "tnpu_device.h"
#include "tnpu_drv.h"

/**
 * struct tnpu_mapping - a range of a buffer, mapped
 * @base: drm_gpuvm's part
 * @link: in tnpu_bind.replaced, or .spare
 * @is_readonly: the device may not write
 */
struct tnpu_mapping {
	struct drm_gpuva base;
	struct list_head link;
	bool is_readonly;
};

/**
 * struct tnpu_bind - a change under way
 * @vm: address space
 * @sgt: pages of the buffer to map
 * @vm_bo: that buffer in this address space
 * @is_readonly: map it so
 * @spare: mappings allocated beforehand: the new one, and the rests on the left
 *	and on the right
 * @replaced: mappings that are gone, but may be in the device's translations
 */
struct tnpu_bind {
	struct tnpu_vm *vm;
	struct sg_table *sgt;
	struct drm_gpuvm_bo *vm_bo;
	bool is_readonly;
	struct list_head spare;
	struct list_head replaced;
};

static struct tnpu_vm *to_tnpu_vm(struct drm_gpuvm *base)
{
	return container_of(base, struct tnpu_vm, base);
}

static struct tnpu_mapping *to_tnpu_mapping(struct drm_gpuva *base)
{
	return container_of(base, struct tnpu_mapping, base);
}

/* --- Steps of a change ----------------------------------------------------- */

static int tnpu_bind_prepare(struct tnpu_bind *bind)
{
	struct tnpu_mapping *mapping;
	int i;

	for (i = 0; i < 3; i++) {
		mapping = kzalloc(sizeof(*mapping), GFP_KERNEL_ACCOUNT);
		if (!mapping)
			return -ENOMEM;
		list_add(&mapping->link, &bind->spare);
	}
	return 0;
}

static struct tnpu_mapping *tnpu_bind_take_spare(struct tnpu_bind *bind)
{
	struct tnpu_mapping *mapping =
		list_first_entry(&bind->spare, struct tnpu_mapping, link);

	list_del_init(&mapping->link);
	return mapping;
}

static void tnpu_bind_link(struct tnpu_mapping *mapping,
			   struct drm_gpuvm_bo *vm_bo)
{
	dma_resv_lock(vm_bo->obj->resv, NULL);
	drm_gpuva_link(&mapping->base, vm_bo);
	dma_resv_unlock(vm_bo->obj->resv);
}

/* Writes the entries of a new mapping. */
static void tnpu_bind_write_entries(struct tnpu_bind *bind,
				    struct tnpu_mapping *mapping)
{
	u64 addr = mapping->base.va.addr;
	u64 left = mapping->base.va.range;
	u64 skip = mapping->base.gem.offset;
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(bind->sgt, sg, i) {
		u64 length = sg_dma_len(sg);

		if (skip >= length) {
			skip -= length;
			continue;
		}
		length = min(length - skip, left);
		tnpu_pt_map(&bind->vm->pt, addr, sg_dma_address(sg) + skip,
			    length, mapping->is_readonly);
		addr += length;
		left -= length;
		skip = 0;
		if (!left)
			break;
		cond_resched();
	}
}

static int tnpu_vm_step_map(struct drm_gpuva_op *op, void *priv)
{
	struct tnpu_bind *bind = priv;
	struct tnpu_mapping *mapping = tnpu_bind_take_spare(bind);

	mapping->is_readonly = bind->is_readonly;
	drm_gpuva_map(&bind->vm->base, &mapping->base, &op->map);
	tnpu_bind_link(mapping, bind->vm_bo);
	tnpu_bind_write_entries(bind, mapping);
	return 0;
}

/* A rest of @old that stays mapped, if there is one on this side. */
static struct tnpu_mapping *tnpu_bind_rest(struct tnpu_bind *bind,
					   const struct drm_gpuva_op_map *side,
					   const struct tnpu_mapping *old)
{
	struct tnpu_mapping *rest;

	if (!side)
		return NULL;
	rest = tnpu_bind_take_spare(bind);
	rest->is_readonly = old->is_readonly;
	return rest;
}

static int tnpu_vm_step_remap(struct drm_gpuva_op *op, void *priv)
{
	struct tnpu_bind *bind = priv;
	struct drm_gpuva_op_remap *remap = &op->remap;
	struct tnpu_mapping *old = to_tnpu_mapping(remap->unmap->va);
	struct tnpu_mapping *prev = tnpu_bind_rest(bind, remap->prev, old);
	struct tnpu_mapping *next = tnpu_bind_rest(bind, remap->next, old);
	u64 addr, size;

	drm_gpuva_op_remap_to_unmap_range(remap, &addr, &size);
	drm_gpuva_remap(prev ? &prev->base : NULL, next ? &next->base : NULL,
			remap);
	if (prev)
		tnpu_bind_link(prev, old->base.vm_bo);
	if (next)
		tnpu_bind_link(next, old->base.vm_bo);
	tnpu_pt_unmap(&bind->vm->pt, addr, size);
	list_add_tail(&old->link, &bind->replaced);
	return 0;
}

static int tnpu_vm_step_unmap(struct drm_gpuva_op *op, void *priv)
{
	struct tnpu_bind *bind = priv;
	struct tnpu_mapping *old = to_tnpu_mapping(op->unmap.va);

	drm_gpuva_unmap(&op->unmap);
	tnpu_pt_unmap(&bind->vm->pt, old->base.va.addr, old->base.va.range);
	list_add_tail(&old->link, &bind->replaced);
	return 0;
}

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

static void tnpu_bind_finish(struct tnpu_bind *bind)
{
	struct tnpu_mapping *mapping, *next;

	list_for_each_entry_safe(mapping, next, &bind->replaced, link)
		tnpu_mapping_destroy(mapping);
	list_for_each_entry_safe(mapping, next, &bind->spare, link)
		kfree(mapping);
}

/* Returns when the device knows nothing of the range's old entries. */
static int tnpu_vm_invalidate(struct tnpu_vm *vm, u64 addr, u64 size)
{
	struct tnpu_device *tdev = vm->tdev;
	u32 recoveries;
	int ret = 0;

	lockdep_assert_held(&vm->lock);
	if (vm->context < 0)
		return 0;
	down_read(&tdev->reset_sem);
	recoveries = tdev->recoveries;
	if (tdev->state == TNPU_UP)
		ret = tnpu_ring_call(tdev, NPU_ADMIN_INVALIDATE, vm->context,
				     addr, size, NULL);
	up_read(&tdev->reset_sem);
	/* If the firmware refuses, a reset will do it. */
	return tnpu_device_settle(tdev, recoveries, ret ? -ETIMEDOUT : 0);
}

/* Steps 3 and 4 of a change. */
static int tnpu_bind_settle(struct tnpu_bind *bind, u64 addr, u64 size)
{
	struct tnpu_vm *vm = bind->vm;
	LIST_HEAD(unused);
	int ret = 0;

	tnpu_pt_trim(&vm->pt, addr, size, &unused);
	if (!list_empty(&bind->replaced) || !list_empty(&unused))
		ret = tnpu_vm_invalidate(vm, addr, size);
	tnpu_pt_free(&vm->pt, &unused);
	return ret;
}

/* --- Life ------------------------------------------------------------------ */

static void tnpu_vm_free(struct drm_gpuvm *base)
{
	struct tnpu_vm *vm = to_tnpu_vm(base);

	mutex_destroy(&vm->lock);
	kfree(vm);
}

static const struct drm_gpuvm_ops tnpu_vm_ops = {
	.vm_free = tnpu_vm_free,
	.sm_step_map = tnpu_vm_step_map,
	.sm_step_remap = tnpu_vm_step_remap,
	.sm_step_unmap = tnpu_vm_step_unmap,
};

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

	vm = kzalloc(sizeof(*vm), GFP_KERNEL);
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
	drm_gpuvm_init(&vm->base, "tinynpu", 0, &tdev->drm, resv_obj, 0,
		       1ull << DRM_TNPU_VA_BITS, 0, 0, &tnpu_vm_ops);
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

/* Takes the context back, if there is one; no queue uses it. */
static void tnpu_vm_detach(struct tnpu_vm *vm)
{
	struct tnpu_device *tdev = vm->tdev;
	struct tnpu_context *context;
	u32 recoveries;
	int ret = 0;

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
	tnpu_device_settle(tdev, recoveries, ret ? -ETIMEDOUT : 0);

	spin_lock(&tdev->job_lock);
	context->is_taken = false;
	spin_unlock(&tdev->job_lock);
	vm->context = -1;
}

/**
 * tnpu_vm_destroy() - end an address space that no queue uses any more
 * @vm: address space
 */
void tnpu_vm_destroy(struct tnpu_vm *vm)
{
	struct tnpu_device *tdev = vm->tdev;
	struct drm_gpuva *va, *next;

	mutex_lock(&tdev->vms_lock);
	list_del(&vm->link);
	mutex_unlock(&tdev->vms_lock);

	mutex_lock(&vm->lock);
	tnpu_vm_detach(vm);
	tnpu_pt_fini(&vm->pt);
	drm_gpuvm_for_each_va_safe(va, next, &vm->base) {
		if (va == &vm->base.kernel_alloc_node)
			continue;
		drm_gpuva_remove(va);
		tnpu_mapping_destroy(to_tnpu_mapping(va));
	}
	mutex_unlock(&vm->lock);
	drm_gpuvm_put(&vm->base);
}

/**
 * tnpu_vm_free_tables() - give the tables' memory back
 * @tdev: device that is gone
 *
 * The files may stay open for long; what they had mapped is still booked.
 */
void tnpu_vm_free_tables(struct tnpu_device *tdev)
{
	struct tnpu_vm *vm;

	mutex_lock(&tdev->vms_lock);
	list_for_each_entry(vm, &tdev->vms, link) {
		mutex_lock(&vm->lock);
		tnpu_pt_fini(&vm->pt);
		mutex_unlock(&vm->lock);
	}
	mutex_unlock(&tdev->vms_lock);
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
	ret = tnpu_device_settle(tdev, recoveries, ret);
	if (ret)
		tnpu_vm_detach(vm);
	return ret;
}

/**
 * tnpu_vm_attach() - give an address space a context, if it has none
 * @vm: address space
 * @context: set: its number
 *
 * Return: 0, -ENOSPC (all contexts are taken), -EIO, -ENODEV.
 */
int tnpu_vm_attach(struct tnpu_vm *vm, u32 *context)
{
	int ret = 0;

	mutex_lock(&vm->lock);
	if (vm->context < 0)
		ret = tnpu_vm_attach_locked(vm);
	*context = vm->context;
	mutex_unlock(&vm->lock);
	return ret;
}

/* --- VM_BIND --------------------------------------------------------------- */

/*
 * Whether the buffer's pages may all be pinned. The pages of a buffer that can
 * not fit would be had from others, one process after the other being killed,
 * before the last one is refused.
 */
static bool tnpu_vm_can_pin(const struct drm_gem_object *obj)
{
	return obj->size >> PAGE_SHIFT <= totalram_pages() / 2;
}

/* Whether an entry can name every page of the buffer. */
static bool tnpu_vm_can_map(struct sg_table *sgt)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(sgt, sg, i)
		if (!IS_ALIGNED(sg_dma_address(sg) | sg_dma_len(sg),
				TNPU_PAGE_SIZE))
			return false;
	return true;
}

static int tnpu_vm_map_locked(struct tnpu_bind *bind,
			      const struct drm_gpuvm_map_req *req)
{
	struct tnpu_vm *vm = bind->vm;
	u64 addr = req->map.va.addr;
	u64 size = req->map.va.range;
	int ret, settled;

	ret = tnpu_pt_reserve(&vm->pt, addr, size);
	if (!ret)
		ret = drm_gpuvm_sm_map(&vm->base, bind, req);
	settled = tnpu_bind_settle(bind, addr, size);
	return ret ?: settled;
}

static struct drm_gpuvm_bo *tnpu_vm_get_bo(struct tnpu_vm *vm,
					   struct drm_gem_object *obj)
{
	struct drm_gpuvm_bo *vm_bo;

	dma_resv_lock(obj->resv, NULL);
	vm_bo = drm_gpuvm_bo_obtain_locked(&vm->base, obj);
	dma_resv_unlock(obj->resv);
	return vm_bo;
}

static void tnpu_vm_put_bo(struct drm_gpuvm_bo *vm_bo,
			   struct drm_gem_object *obj)
{
	dma_resv_lock(obj->resv, NULL);
	drm_gpuvm_bo_put(vm_bo);
	dma_resv_unlock(obj->resv);
}

static int tnpu_vm_map_object(struct tnpu_vm *vm, struct drm_gem_object *obj,
			      const struct drm_tnpu_vm_bind *args)
{
	const struct drm_gpuvm_map_req req = {
		.map.va.addr = args->addr,
		.map.va.range = args->size,
		.map.gem.obj = obj,
		.map.gem.offset = args->bo_offset,
	};
	struct tnpu_bind bind = {
		.vm = vm,
		.is_readonly = args->flags & DRM_TNPU_VM_BIND_READONLY,
		.spare = LIST_HEAD_INIT(bind.spare),
		.replaced = LIST_HEAD_INIT(bind.replaced),
	};
	int ret;

	if (!tnpu_vm_can_pin(obj))
		return -ENOMEM;
	bind.sgt = drm_gem_shmem_get_pages_sgt(to_drm_gem_shmem_obj(obj));
	if (IS_ERR(bind.sgt))
		return PTR_ERR(bind.sgt);
	if (!tnpu_vm_can_map(bind.sgt))
		return -EINVAL;
	ret = tnpu_bind_prepare(&bind);
	if (ret)
		goto finish;
	bind.vm_bo = tnpu_vm_get_bo(vm, obj);
	if (IS_ERR(bind.vm_bo)) {
		ret = PTR_ERR(bind.vm_bo);
		goto finish;
	}
	mutex_lock(&vm->lock);
	ret = tnpu_vm_map_locked(&bind, &req);
	mutex_unlock(&vm->lock);
	tnpu_vm_put_bo(bind.vm_bo, obj);
finish:
	tnpu_bind_finish(&bind);
	return ret;
}

static int tnpu_vm_map(struct tnpu_vm *vm, struct drm_file *file,
		       const struct drm_tnpu_vm_bind *args)
{
	struct drm_gem_object *obj;
	int ret;

	if (args->flags & ~DRM_TNPU_VM_BIND_READONLY ||
	    !IS_ALIGNED(args->bo_offset, TNPU_PAGE_SIZE))
		return -EINVAL;
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	if (args->size > obj->size || args->bo_offset > obj->size - args->size)
		ret = -EINVAL;
	else
		ret = tnpu_vm_map_object(vm, obj, args);
	drm_gem_object_put(obj);
	return ret;
}

static int tnpu_vm_unmap(struct tnpu_vm *vm,
			 const struct drm_tnpu_vm_bind *args)
{
	struct tnpu_bind bind = {
		.vm = vm,
		.spare = LIST_HEAD_INIT(bind.spare),
		.replaced = LIST_HEAD_INIT(bind.replaced),
	};
	int ret, settled;

	if (args->flags || args->handle || args->bo_offset)
		return -EINVAL;
	ret = tnpu_bind_prepare(&bind);
	if (ret)
		goto finish;
	mutex_lock(&vm->lock);
	ret = drm_gpuvm_sm_unmap(&vm->base, &bind, args->addr, args->size);
	settled = tnpu_bind_settle(&bind, args->addr, args->size);
	mutex_unlock(&vm->lock);
	ret = ret ?: settled;
finish:
	tnpu_bind_finish(&bind);
	return ret;
}

int tnpu_vm_bind_ioctl(struct drm_device *drm, void *data,
		       struct drm_file *file)
{
	const struct drm_tnpu_vm_bind *args = data;
	struct tnpu_file *tfile = file->driver_priv;
	u64 end;

	if (args->vm)
		return -ENOENT;
	if (!args->size ||
	    !IS_ALIGNED(args->addr | args->size, TNPU_PAGE_SIZE) ||
	    check_add_overflow(args->addr, args->size, &end) ||
	    end > 1ull << DRM_TNPU_VA_BITS)
		return -EINVAL;
	switch (args->op) {
	case DRM_TNPU_VM_BIND_MAP:
		return tnpu_vm_map(tfile->vm, file, args);
	case DRM_TNPU_VM_BIND_UNMAP:
		return tnpu_vm_unmap(tfile->vm, args);
	default:
		return -EINVAL;
	}
}
