// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers of user memory: pinned pages, counted as locked memory of the user who
 * pinned them, until the buffer is gone. tnpu_bo.c asks here which buffers are of
 * this kind.
 *
 * Pinned for long, the pages stay those that the device sees: page migration
 * leaves them alone, fork() copies for the child, and munmap() or exit drop the
 * process's reference only.
 */

#include "tnpu_userptr.h"

#include <linux/capability.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/tinynpu_accel.h>

#include "tnpu_bo.h"

/**
 * struct tnpu_userptr - a buffer of user memory
 * @base: GEM object
 * @user: whose locked memory it is
 * @pages: they, pinned
 * @count: how many
 * @sgt: they, as the device sees them
 * @is_readonly: the device may not write
 */
struct tnpu_userptr {
	struct drm_gem_object base;
	struct user_struct *user;
	struct page **pages;
	unsigned long count;
	struct sg_table sgt;
	bool is_readonly;
};

static struct tnpu_userptr *to_tnpu_userptr(struct drm_gem_object *obj)
{
	return container_of(obj, struct tnpu_userptr, base);
}

static enum dma_data_direction
tnpu_userptr_direction(const struct tnpu_userptr *userptr)
{
	return userptr->is_readonly ? DMA_TO_DEVICE : DMA_BIDIRECTIONAL;
}

/* --- Steps of making one, and back ----------------------------------------- */

static int tnpu_userptr_account(struct tnpu_userptr *userptr)
{
	unsigned long max = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;

	if (capable(CAP_IPC_LOCK))
		max = LONG_MAX;
	userptr->user = get_uid(current_user());
	if (atomic_long_add_return(userptr->count,
				   &userptr->user->locked_vm) <= max)
		return 0;
	atomic_long_sub(userptr->count, &userptr->user->locked_vm);
	free_uid(userptr->user);
	return -ENOMEM;
}

static void tnpu_userptr_unaccount(struct tnpu_userptr *userptr)
{
	atomic_long_sub(userptr->count, &userptr->user->locked_vm);
	free_uid(userptr->user);
}

static int tnpu_userptr_pin(struct tnpu_userptr *userptr, u64 addr)
{
	unsigned int flags =
		FOLL_LONGTERM | (userptr->is_readonly ? 0 : FOLL_WRITE);
	unsigned long done = 0;
	int ret = 0;

	userptr->pages = kvmalloc_array(userptr->count, sizeof(struct page *),
					GFP_KERNEL_ACCOUNT);
	if (!userptr->pages)
		return -ENOMEM;
	while (done < userptr->count) {
		ret = pin_user_pages_fast(addr + (done << PAGE_SHIFT),
					  userptr->count - done, flags,
					  userptr->pages + done);
		if (ret <= 0)
			break;
		done += ret;
	}
	if (done == userptr->count)
		return 0;
	unpin_user_pages(userptr->pages, done);
	kvfree(userptr->pages);
	return ret ?: -EFAULT;
}

static void tnpu_userptr_unpin(struct tnpu_userptr *userptr)
{
	unpin_user_pages_dirty_lock(userptr->pages, userptr->count,
				    !userptr->is_readonly);
	kvfree(userptr->pages);
}

static int tnpu_userptr_map(struct tnpu_userptr *userptr, struct device *dev)
{
	int ret;

	ret = sg_alloc_table_from_pages(&userptr->sgt, userptr->pages,
					userptr->count, 0,
					(u64)userptr->count << PAGE_SHIFT,
					GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret;
	ret = dma_map_sgtable(dev, &userptr->sgt,
			      tnpu_userptr_direction(userptr), 0);
	if (ret)
		sg_free_table(&userptr->sgt);
	return ret;
}

static void tnpu_userptr_unmap(struct tnpu_userptr *userptr,
			       struct device *dev)
{
	dma_unmap_sgtable(dev, &userptr->sgt, tnpu_userptr_direction(userptr),
			  0);
	sg_free_table(&userptr->sgt);
}

/* --- The GEM object --------------------------------------------------------- */

static void tnpu_userptr_free(struct drm_gem_object *obj)
{
	struct tnpu_userptr *userptr = to_tnpu_userptr(obj);

	tnpu_userptr_unmap(userptr, obj->dev->dev);
	tnpu_userptr_unpin(userptr);
	tnpu_userptr_unaccount(userptr);
	drm_gem_object_release(obj);
	kfree(userptr);
}

/* Others would depend on what one process does with its memory. */
static struct dma_buf *tnpu_userptr_export(struct drm_gem_object *obj,
					   int flags)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static enum drm_gem_object_status
tnpu_userptr_status(struct drm_gem_object *obj)
{
	return DRM_GEM_OBJECT_RESIDENT;
}

static const struct drm_gem_object_funcs tnpu_userptr_funcs = {
	.free = tnpu_userptr_free,
	.export = tnpu_userptr_export,
	.status = tnpu_userptr_status,
};

bool tnpu_userptr_is(const struct drm_gem_object *obj)
{
	return obj->funcs == &tnpu_userptr_funcs;
}

bool tnpu_userptr_is_readonly(const struct drm_gem_object *obj)
{
	return tnpu_userptr_is(obj) &&
	       container_of_const(obj, struct tnpu_userptr, base)->is_readonly;
}

struct sg_table *tnpu_userptr_sgt(struct drm_gem_object *obj)
{
	return &to_tnpu_userptr(obj)->sgt;
}

/* Returns a buffer with a reference. */
static struct tnpu_userptr *
tnpu_userptr_create(struct drm_device *drm,
		    const struct drm_tnpu_bo_userptr *args)
{
	struct tnpu_userptr *userptr;
	int ret;

	userptr = kzalloc(sizeof(*userptr), GFP_KERNEL_ACCOUNT);
	if (!userptr)
		return ERR_PTR(-ENOMEM);
	userptr->count = args->size >> PAGE_SHIFT;
	userptr->is_readonly = args->flags & DRM_TNPU_BO_READONLY;
	ret = tnpu_userptr_account(userptr);
	if (ret)
		goto free;
	ret = tnpu_userptr_pin(userptr, args->addr);
	if (ret)
		goto unaccount;
	ret = tnpu_userptr_map(userptr, drm->dev);
	if (ret)
		goto unpin;
	userptr->base.funcs = &tnpu_userptr_funcs;
	drm_gem_private_object_init(drm, &userptr->base, args->size);
	return userptr;

unpin:
	tnpu_userptr_unpin(userptr);
unaccount:
	tnpu_userptr_unaccount(userptr);
free:
	kfree(userptr);
	return ERR_PTR(ret);
}

int tnpu_bo_userptr_ioctl(struct drm_device *drm, void *data,
			  struct drm_file *file)
{
	struct drm_tnpu_bo_userptr *args = data;
	struct tnpu_userptr *userptr;
	int ret;

	if (args->flags & ~DRM_TNPU_BO_READONLY || !args->size ||
	    args->size > DRM_TNPU_MAX_BO_SIZE ||
	    !PAGE_ALIGNED(args->addr | args->size))
		return -EINVAL;
	if (args->addr > ULONG_MAX - args->size)
		return -EFAULT;
	if (!tnpu_bo_can_pin(args->size))
		return -ENOMEM;
	userptr = tnpu_userptr_create(drm, args);
	if (IS_ERR(userptr))
		return PTR_ERR(userptr);
	ret = drm_gem_handle_create(file, &userptr->base, &args->handle);
	drm_gem_object_put(&userptr->base);
	return ret;
}
