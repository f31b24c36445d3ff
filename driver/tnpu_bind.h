/* SPDX-License-Identifier: GPL-2.0-only */
/* Binds: changes of address spaces, made one after the other. */
#ifndef TNPU_BIND_H
#define TNPU_BIND_H

#include <drm/drm_gpuvm.h>

struct drm_device;
struct drm_file;
struct tnpu_vm;

extern const struct drm_gpuvm_ops tnpu_bind_gpuvm_ops;

void tnpu_bind_init_vm(struct tnpu_vm *vm);
void tnpu_bind_end_all(struct tnpu_vm *vm, int error);
void tnpu_bind_unmap_all(struct tnpu_vm *vm);
int tnpu_vm_bind_ioctl(struct drm_device *drm, void *data,
		       struct drm_file *file);

#endif
