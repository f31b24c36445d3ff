/* SPDX-License-Identifier: GPL-2.0-only */
/* Buffers. */
#ifndef TNPU_BO_H
#define TNPU_BO_H

#include <linux/types.h>

struct drm_device;
struct drm_file;
struct drm_gem_object;
struct sg_table;

struct drm_gem_object *tnpu_bo_create_object(struct drm_device *drm,
					     size_t size);
bool tnpu_bo_can_pin(u64 size);
bool tnpu_bo_is_readonly(const struct drm_gem_object *obj);
struct sg_table *tnpu_bo_get_pages(struct drm_gem_object *obj);
int tnpu_bo_create_ioctl(struct drm_device *drm, void *data,
			 struct drm_file *file);
int tnpu_bo_mmap_offset_ioctl(struct drm_device *drm, void *data,
			      struct drm_file *file);
int tnpu_bo_info_ioctl(struct drm_device *drm, void *data,
		       struct drm_file *file);

#endif
