// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers: GEM objects in shared memory, as DRM's helpers have them, whose pages
 * are pinned from the first VM_BIND on; imported ones; and those of user memory,
 * which tnpu_userptr.c has.
 */

#include "tnpu_bo.h"

#include <kunit/visibility.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_vma_manager.h>
#include <drm/tinynpu_accel.h>

#include "tnpu_userptr.h"

static enum drm_gem_object_status tnpu_bo_status(struct drm_gem_object *obj)
{
	struct drm_gem_shmem_object *shmem = to_drm_gem_shmem_obj(obj);

	/* Pages or not is a snapshot, for statistics. */
	return READ_ONCE(shmem->pages) || READ_ONCE(shmem->sgt) ?
		       DRM_GEM_OBJECT_RESIDENT : 0;
}

static const struct drm_gem_object_funcs tnpu_bo_funcs = {
	.free = drm_gem_shmem_object_free,
	.print_info = drm_gem_shmem_object_print_info,
	.pin = drm_gem_shmem_object_pin,
	.unpin = drm_gem_shmem_object_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = drm_gem_shmem_object_vmap,
	.vunmap = drm_gem_shmem_object_vunmap,
	.mmap = drm_gem_shmem_object_mmap,
	.status = tnpu_bo_status,
	.vm_ops = &drm_gem_shmem_vm_ops,
};

/**
 * tnpu_bo_create_object() - allocate a buffer for DRM's helpers
 * @drm: device
 * @size: bytes
 *
 * Return: a zeroed object with our functions, which the helpers free.
 */
struct drm_gem_object *tnpu_bo_create_object(struct drm_device *drm,
					     size_t size)
{
	struct drm_gem_shmem_object *shmem;

	shmem = kzalloc(sizeof(*shmem), GFP_KERNEL);
	if (!shmem)
		return ERR_PTR(-ENOMEM);
	shmem->base.funcs = &tnpu_bo_funcs;
	return &shmem->base;
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_bo_create_object);

/**
 * tnpu_bo_can_pin() - whether so much memory may be pinned
 * @size: bytes
 *
 * What can not fit would be had from others, one process after the other being
 * killed, before the last page is refused.
 *
 * Return: whether it may.
 */
bool tnpu_bo_can_pin(u64 size)
{
	return size >> PAGE_SHIFT <= totalram_pages() / 2;
}

/**
 * tnpu_bo_is_readonly() - whether the device may only read a buffer
 * @obj: buffer
 *
 * Return: whether it is so.
 */
bool tnpu_bo_is_readonly(const struct drm_gem_object *obj)
{
	return tnpu_userptr_is_readonly(obj);
}

/**
 * tnpu_bo_get_pages() - pin the pages of a buffer
 * @obj: buffer
 *
 * Return: what the device sees, which is the buffer's and stays as long as that,
 * or an error pointer.
 */
struct sg_table *tnpu_bo_get_pages(struct drm_gem_object *obj)
{
	if (tnpu_userptr_is(obj))
		return tnpu_userptr_sgt(obj);
	if (!tnpu_bo_can_pin(obj->size))
		return ERR_PTR(-ENOMEM);
	return drm_gem_shmem_get_pages_sgt(to_drm_gem_shmem_obj(obj));
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_bo_get_pages);

int tnpu_bo_create_ioctl(struct drm_device *drm, void *data,
			 struct drm_file *file)
{
	struct drm_tnpu_bo_create *args = data;
	struct drm_gem_shmem_object *shmem;
	int ret;

	if (args->flags & ~DRM_TNPU_BO_WC || !args->size ||
	    args->size > DRM_TNPU_MAX_BO_SIZE)
		return -EINVAL;
	shmem = drm_gem_shmem_create(drm, PAGE_ALIGN(args->size));
	/* The file behind it says ENOSPC if there is no memory for its inode. */
	if (shmem == ERR_PTR(-ENOSPC))
		return -ENOMEM;
	if (IS_ERR(shmem))
		return PTR_ERR(shmem);
	shmem->map_wc = args->flags & DRM_TNPU_BO_WC;
	ret = drm_gem_handle_create(file, &shmem->base, &args->handle);
	drm_gem_object_put(&shmem->base);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_bo_create_ioctl);

int tnpu_bo_mmap_offset_ioctl(struct drm_device *drm, void *data,
			      struct drm_file *file)
{
	struct drm_tnpu_bo_mmap_offset *args = data;
	struct drm_gem_object *obj;
	int ret;

	if (args->flags)
		return -EINVAL;
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	ret = tnpu_userptr_is(obj) ? -EINVAL : drm_gem_create_mmap_offset(obj);
	if (!ret)
		args->offset = drm_vma_node_offset_addr(&obj->vma_node);
	drm_gem_object_put(obj);
	return ret;
}

static u32 tnpu_bo_flags(struct drm_gem_object *obj)
{
	if (tnpu_userptr_is(obj))
		return DRM_TNPU_BO_IS_USERPTR |
		       (tnpu_bo_is_readonly(obj) ? DRM_TNPU_BO_READONLY : 0);
	if (drm_gem_is_imported(obj))
		return DRM_TNPU_BO_IMPORTED;
	return to_drm_gem_shmem_obj(obj)->map_wc ? DRM_TNPU_BO_WC : 0;
}

int tnpu_bo_info_ioctl(struct drm_device *drm, void *data,
		       struct drm_file *file)
{
	struct drm_tnpu_bo_info *args = data;
	struct drm_gem_object *obj;

	if (args->flags)
		return -EINVAL;
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	args->flags = tnpu_bo_flags(obj);
	args->size = obj->size;
	drm_gem_object_put(obj);
	return 0;
}
