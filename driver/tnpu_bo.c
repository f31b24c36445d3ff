// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers: GEM objects in shared memory, as DRM's helpers have them. Their pages
 * are pinned from the first VM_BIND on; see tnpu_vm.c.
 */

#include "tnpu_bo.h"

#include <linux/slab.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_vma_manager.h>
#include <drm/tinynpu_accel.h>

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

int tnpu_bo_create_ioctl(struct drm_device *drm, void *data,
			 struct drm_file *file)
{
	struct drm_tnpu_bo_create *args = data;
	struct drm_gem_shmem_object *shmem;
	int ret;

	if (args->flags || !args->size || args->size > DRM_TNPU_MAX_BO_SIZE)
		return -EINVAL;
	shmem = drm_gem_shmem_create(drm, PAGE_ALIGN(args->size));
	/* The file behind it says ENOSPC if there is no memory for its inode. */
	if (shmem == ERR_PTR(-ENOSPC))
		return -ENOMEM;
	if (IS_ERR(shmem))
		return PTR_ERR(shmem);
	ret = drm_gem_handle_create(file, &shmem->base, &args->handle);
	drm_gem_object_put(&shmem->base);
	return ret;
}

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
	ret = drm_gem_create_mmap_offset(obj);
	if (!ret)
		args->offset = drm_vma_node_offset_addr(&obj->vma_node);
	drm_gem_object_put(obj);
	return ret;
}
