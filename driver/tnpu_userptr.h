/* SPDX-License-Identifier: GPL-2.0-only */
/* Buffers of user memory. */
#ifndef TNPU_USERPTR_H
#define TNPU_USERPTR_H

#include <linux/types.h>

struct drm_device;
struct drm_file;
struct drm_gem_object;
struct sg_table;

bool tnpu_userptr_is(const struct drm_gem_object *obj);
bool tnpu_userptr_is_readonly(const struct drm_gem_object *obj);
struct sg_table *tnpu_userptr_sgt(struct drm_gem_object *obj);
int tnpu_bo_userptr_ioctl(struct drm_device *drm, void *data,
			  struct drm_file *file);

#endif
