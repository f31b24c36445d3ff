/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What older kernels lack: the driver is written for the newest interfaces, and
 * the compiler reads this file before each of its files (see Kbuild). In the
 * kernel's own tree it would not exist, but for tnpu_sched_no_hang() and two
 * macros that would be written out in their one place.
 */
#ifndef TNPU_COMPAT_H
#define TNPU_COMPAT_H

#include "config.h"

#include <drm/drm_drv.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_gpuvm.h>
#include <drm/gpu_scheduler.h>

#ifdef TNPU_HAVE_DRIVER_DATE
#define TNPU_DRIVER_DATE .date = "20261123",
#else
#define TNPU_DRIVER_DATE
#endif

#ifdef TNPU_HAVE_GEM_GPUVA_FEATURE
#define TNPU_GEM_FEATURES (DRIVER_GEM | DRIVER_GEM_GPUVA)
#else
#define TNPU_GEM_FEATURES DRIVER_GEM
#endif

#ifndef TNPU_HAVE_SCHED_CLIENT_ID
static inline int tnpu_compat_sched_job_init(struct drm_sched_job *job,
					     struct drm_sched_entity *entity,
					     u32 credits, void *owner,
					     u64 drm_client_id)
{
	return drm_sched_job_init(job, entity, credits, owner);
}

#define drm_sched_job_init tnpu_compat_sched_job_init
#endif

#ifndef TNPU_HAVE_SCHED_INIT_ARGS
struct drm_sched_init_args {
	const struct drm_sched_backend_ops *ops;
	struct workqueue_struct *submit_wq;
	struct workqueue_struct *timeout_wq;
	u32 num_rqs;
	u32 credit_limit;
	unsigned int hang_limit;
	long timeout;
	atomic_t *score;
	const char *name;
	struct device *dev;
};

static inline int tnpu_compat_sched_init(struct drm_gpu_scheduler *sched,
					 const struct drm_sched_init_args *args)
{
	return drm_sched_init(sched, args->ops, args->submit_wq, args->num_rqs,
			      args->credit_limit, args->hang_limit,
			      args->timeout, args->timeout_wq, args->score,
			      args->name, args->dev);
}

#define drm_sched_init tnpu_compat_sched_init
#endif

/**
 * tnpu_sched_no_hang() - what a timeout handler returns if the job is well
 * @job: the job that the handler was called for
 *
 * Older schedulers take the job off their list before they call the handler and
 * forget to put it back; nor would they look at it again if it finished in the
 * meantime.
 *
 * Return: what the handler has to return.
 */
static inline enum drm_gpu_sched_stat
tnpu_sched_no_hang(struct drm_sched_job *job)
{
#ifdef TNPU_HAVE_SCHED_NO_HANG
	return DRM_GPU_SCHED_STAT_NO_HANG;
#else
	struct drm_gpu_scheduler *sched = job->sched;

	spin_lock(&sched->job_list_lock);
	list_add(&job->list, &sched->pending_list);
	spin_unlock(&sched->job_list_lock);
	/* Not by drm_sched_wqueue_start(): somebody may have stopped it. */
	queue_work(sched->submit_wq, &sched->work_free_job);
	return DRM_GPU_SCHED_STAT_NOMINAL;
#endif
}

#ifndef TNPU_HAVE_GPUVM_MAP_REQ
struct drm_gpuvm_map_req {
	struct drm_gpuva_op_map map;
};

static inline int tnpu_compat_sm_map(struct drm_gpuvm *gpuvm, void *priv,
				     const struct drm_gpuvm_map_req *req)
{
	return drm_gpuvm_sm_map(gpuvm, priv, req->map.va.addr,
				req->map.va.range, req->map.gem.obj,
				req->map.gem.offset);
}

#define drm_gpuvm_sm_map tnpu_compat_sm_map
#endif

#ifndef TNPU_HAVE_GPUVM_BO_OBTAIN_LOCKED
#define drm_gpuvm_bo_obtain_locked drm_gpuvm_bo_obtain
#endif

#ifdef TNPU_HAVE_IMPORT_NS_WORD
#define TNPU_IMPORT_KUNIT MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING)
#else
#define TNPU_IMPORT_KUNIT MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING")
#endif

#ifndef TNPU_HAVE_GEM_IS_IMPORTED
static inline bool drm_gem_is_imported(const struct drm_gem_object *obj)
{
	return obj->import_attach;
}
#endif

#ifndef TNPU_HAVE_GEM_HUGE_MNT
/* In huge.c, which calls the helper. */
int drm_gem_huge_mnt_create(struct drm_device *drm, const char *value);
struct drm_gem_shmem_object *tnpu_compat_shmem_create(struct drm_device *drm,
						      size_t size);

#ifndef TNPU_COMPAT_HUGE
#define drm_gem_shmem_create tnpu_compat_shmem_create
#endif
#endif

#endif
