/* SPDX-License-Identifier: GPL-2.0-only */
/* User-mode queues: what they have that other queues have not. */
#ifndef TNPU_USERQ_H
#define TNPU_USERQ_H

#include <linux/types.h>
#include <npu/ring.h>

struct drm_device;
struct drm_file;
struct drm_tnpu_queue_create;
struct tnpu_device;
struct tnpu_file;
struct tnpu_queue;
struct tnpu_userq;
struct vm_area_struct;

int tnpu_userq_check(struct tnpu_device *tdev,
		     const struct drm_tnpu_queue_create *args);
struct tnpu_userq *tnpu_userq_alloc(const struct drm_tnpu_queue_create *args);
void tnpu_userq_open(struct tnpu_queue *queue);
void tnpu_userq_close(struct tnpu_queue *queue);
void tnpu_userq_put(struct tnpu_userq *userq);
int tnpu_userq_announce(struct tnpu_queue *queue,
			const struct npu_admin_queue *create);
void tnpu_userq_end_locked(struct tnpu_queue *queue);
void tnpu_userq_let_sleep_locked(struct tnpu_queue *queue);
void tnpu_userq_add_work_locked(struct tnpu_queue *queue, const u64 work[3]);

void tnpu_userq_event(struct tnpu_device *tdev, const struct npu_event *event);
bool tnpu_userq_is_busy(struct tnpu_device *tdev, u32 slot);
void tnpu_userq_refresh_all(struct tnpu_device *tdev);
void tnpu_userq_refresh_file(struct tnpu_file *tfile);
int tnpu_userq_refresh(struct tnpu_queue *queue);

int tnpu_userq_mmap(struct tnpu_file *tfile, struct vm_area_struct *vma);
int tnpu_queue_map_ioctl(struct drm_device *drm, void *data,
			 struct drm_file *file);

#endif
