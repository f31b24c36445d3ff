// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers in huge pages, for kernels whose helpers create all buffers in the
 * kernel's own mount of tmpfs, which has small pages: a mount of ours for all
 * devices, and a file in it in place of the one that the helper made.
 */

#include <linux/fs.h>
#include <linux/huge_mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <drm/drm_managed.h>

#ifndef TNPU_HAVE_GEM_HUGE_MNT

static DEFINE_MUTEX(huge_lock);
static struct vfsmount *huge_mnt; /* guarded by huge_lock, but users may read */
static unsigned int huge_users;

static void tnpu_compat_huge_mnt_put(struct drm_device *drm, void *data)
{
	mutex_lock(&huge_lock);
	if (!--huge_users) {
		kern_unmount(huge_mnt);
		huge_mnt = NULL;
	}
	mutex_unlock(&huge_lock);
}

static int tnpu_compat_huge_mnt_get(const char *value)
{
	struct file_system_type *type = get_fs_type("tmpfs");
	char options[32];
	int ret = 0;

	if (!type)
		return -ENODEV;
	snprintf(options, sizeof(options), "huge=%s", value);
	mutex_lock(&huge_lock);
	if (!huge_users) {
		huge_mnt = vfs_kern_mount(type, SB_KERNMOUNT, type->name,
					  options);
		ret = PTR_ERR_OR_ZERO(huge_mnt);
	}
	if (!ret)
		huge_users++;
	else
		huge_mnt = NULL;
	mutex_unlock(&huge_lock);
	module_put(type->owner);
	return ret;
}

int drm_gem_huge_mnt_create(struct drm_device *drm, const char *value)
{
	int ret;

	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		return 0;
	ret = tnpu_compat_huge_mnt_get(value);
	if (ret)
		return ret;
	return drmm_add_action_or_reset(drm, tnpu_compat_huge_mnt_put, NULL);
}

struct drm_gem_shmem_object *tnpu_compat_shmem_create(struct drm_device *drm,
						      size_t size)
{
	struct drm_gem_shmem_object *shmem =
		drm_gem_shmem_create(drm, size);
	struct file *file, *old;

	if (IS_ERR(shmem) || !huge_mnt || size < HPAGE_PMD_SIZE)
		return shmem;
	file = shmem_file_setup_with_mnt(huge_mnt, "drm mm object", size,
					 VM_NORESERVE);
	if (IS_ERR(file))
		return shmem; /* small pages do, too */
	old = shmem->base.filp;
	mapping_set_gfp_mask(file->f_mapping,
			     mapping_gfp_mask(old->f_mapping));
	shmem->base.filp = file;
	fput(old);
	return shmem;
}

#endif
