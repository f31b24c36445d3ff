// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module: PCI device on one side, DRM device on the other, and what an open
 * file is. All else is in the files named after it.
 */

/**
 * DOC: removal
 *
 * The device can be removed at any time. Driver ioctls run inside
 * drm_dev_enter(), so drm_dev_unplug() waits for those that are under way; later
 * ones say ENODEV. tnpu_device_remove() then resets the device, signals all
 * fences and ends everything that touches registers or DMA. Files, buffers and
 * their mappings stay as long as user space keeps them; the DRM device, with the
 * schedulers, as long as a file or a job does.
 */

#include "tnpu_drv.h"

#include <linux/dma-mapping.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm.h>
#include <linux/slab.h>
#include <drm/drm_accel.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_print.h>
#include <drm/drm_vma_manager.h>
#include <drm/tinynpu_accel.h>

#include "tnpu_bind.h"
#include "tnpu_bo.h"
#include "tnpu_debugfs.h"
#include "tnpu_device.h"
#include "tnpu_hwmon.h"
#include "tnpu_job.h"
#include "tnpu_netlink.h"
#include "tnpu_power.h"
#include "tnpu_queue.h"
#include "tnpu_user.h"
#include "tnpu_userptr.h"
#include "tnpu_userq.h"
#include "tnpu_vm.h"

#define TNPU_JOB_TIMEOUT_MIN_MS 10
#define TNPU_JOB_TIMEOUT_MAX_MS (60 * 60 * MSEC_PER_SEC)

unsigned int tnpu_job_timeout_ms = 2000;
module_param_named(job_timeout_ms, tnpu_job_timeout_ms, uint, 0444);
MODULE_PARM_DESC(job_timeout_ms,
		 "A job without progress for so long is ended (10 to 3600000)");

/* --- QUERY ------------------------------------------------------------------ */

static void tnpu_query_device(struct tnpu_device *tdev,
			      struct drm_tnpu_query_device *info)
{
	const struct tnpu_config *config = &tdev->config;

	*info = (struct drm_tnpu_query_device){
		.hw_version = config->version,
		.firmware_abi = tdev->fw.abi,
		.cores = config->cores,
		.macs = config->macs,
		.sram_size = config->sram_size,
		.clock_khz = config->clock_khz,
		.sram_bw = config->sram_bw,
		.sram_latency = config->sram_latency,
		.mem_bw = config->mem_bw,
		.mem_latency = config->mem_latency,
		.va_bits = DRM_TNPU_VA_BITS,
		.page_size = DRM_TNPU_PAGE_SIZE,
		.max_queues = DRM_TNPU_MAX_QUEUES,
		.max_priority = tnpu_queue_max_priority(),
		.job_timeout_ms = tnpu_job_timeout_ms,
		.reset_count = READ_ONCE(tdev->recoveries),
		.max_vms = DRM_TNPU_MAX_VMS,
		.max_user_queues = READ_ONCE(tnpu_user_max_queues),
		.max_deadline_ms = READ_ONCE(tnpu_queue_max_deadline_ms),
		.restricted = !!(config->mode & NPU_MODE_RESTRICTED),
	};
	memcpy(info->firmware_name, tdev->fw.name, sizeof(info->firmware_name));
}

static int tnpu_query_ioctl(struct drm_device *drm, void *data,
			    struct drm_file *file)
{
	struct drm_tnpu_query *args = data;
	void __user *user = u64_to_user_ptr(args->data);
	struct drm_tnpu_query_device info;
	u32 size;

	if (args->kind != DRM_TNPU_QUERY_DEVICE)
		return -EINVAL;
	tnpu_query_device(to_tnpu_device(drm), &info);
	size = min_t(u32, args->size, sizeof(info));
	if (args->data) {
		if (copy_to_user(user, &info, size) ||
		    clear_user(user + size, args->size - size))
			return -EFAULT;
	}
	args->size = sizeof(info);
	return 0;
}

/* --- Files ------------------------------------------------------------------ */

static int tnpu_open(struct drm_device *drm, struct drm_file *file)
{
	struct tnpu_device *tdev = to_tnpu_device(drm);
	struct tnpu_file *tfile;

	tfile = kzalloc(sizeof(*tfile), GFP_KERNEL);
	if (!tfile)
		return -ENOMEM;
	tfile->tdev = tdev;
	tfile->file = file;
	xa_init_flags(&tfile->queues, XA_FLAGS_ALLOC1);
	xa_init_flags(&tfile->vms, XA_FLAGS_ALLOC1);
	tfile->user = tnpu_user_get(tdev);
	if (!tfile->user)
		goto free_file;
	tfile->vm = tnpu_vm_create(tdev);
	if (!tfile->vm)
		goto put_user;
	file->driver_priv = tfile;
	return 0;

put_user:
	tnpu_user_put(tdev, tfile->user);
free_file:
	kfree(tfile);
	return -ENOMEM;
}

static void tnpu_postclose(struct drm_device *drm, struct drm_file *file)
{
	struct tnpu_file *tfile = file->driver_priv;

	tnpu_queue_destroy_all(tfile);
	tnpu_vm_destroy_all(tfile);
	tnpu_user_put(tfile->tdev, tfile->user);
	kfree(tfile);
}

static void tnpu_show_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	struct tnpu_file *tfile = file->driver_priv;
	const struct tnpu_config *config = &tfile->tdev->config;
	u64 cycles;

	tnpu_userq_refresh_file(tfile);
	cycles = atomic64_read(&tfile->cycles);
	drm_printf(p, "drm-engine-npu:\t%llu ns\n",
		   mul_u64_u32_div(cycles, USEC_PER_SEC, config->clock_khz));
	drm_printf(p, "drm-engine-capacity-npu:\t%u\n", config->cores);
	drm_printf(p, "drm-cycles-npu:\t%llu\n", cycles);
	drm_printf(p, "drm-maxfreq-npu:\t%u KHz\n", config->clock_khz);
	drm_show_memory_stats(p, file);
}

/* --- The DRM device ----------------------------------------------------------- */

/* Runs a driver ioctl, if there is a device for it. */
static int tnpu_ioctl_enter(struct drm_device *drm, void *data,
			    struct drm_file *file, drm_ioctl_t *ioctl)
{
	int idx, ret;

	ret = tnpu_device_enter(to_tnpu_device(drm), &idx);
	if (ret)
		return ret;
	ret = ioctl(drm, data, file);
	tnpu_device_exit(idx);
	return ret;
}

#define TNPU_IOCTL_ENTRY(name)                                              \
	static int name##_entry(struct drm_device *drm, void *data,         \
				struct drm_file *file)                      \
	{                                                                   \
		return tnpu_ioctl_enter(drm, data, file, name);             \
	}

TNPU_IOCTL_ENTRY(tnpu_query_ioctl)
TNPU_IOCTL_ENTRY(tnpu_bo_create_ioctl)
TNPU_IOCTL_ENTRY(tnpu_bo_mmap_offset_ioctl)
TNPU_IOCTL_ENTRY(tnpu_queue_create_ioctl)
TNPU_IOCTL_ENTRY(tnpu_queue_destroy_ioctl)
TNPU_IOCTL_ENTRY(tnpu_queue_state_ioctl)
TNPU_IOCTL_ENTRY(tnpu_job_submit_ioctl)
TNPU_IOCTL_ENTRY(tnpu_vm_create_ioctl)
TNPU_IOCTL_ENTRY(tnpu_vm_destroy_ioctl)
TNPU_IOCTL_ENTRY(tnpu_bo_info_ioctl)
TNPU_IOCTL_ENTRY(tnpu_bo_userptr_ioctl)
TNPU_IOCTL_ENTRY(tnpu_job_cancel_ioctl)
TNPU_IOCTL_ENTRY(tnpu_queue_map_ioctl)

static const struct drm_ioctl_desc tnpu_ioctls[] = {
	DRM_IOCTL_DEF_DRV(TNPU_QUERY, tnpu_query_ioctl_entry, 0),
	DRM_IOCTL_DEF_DRV(TNPU_BO_CREATE, tnpu_bo_create_ioctl_entry, 0),
	DRM_IOCTL_DEF_DRV(TNPU_BO_MMAP_OFFSET, tnpu_bo_mmap_offset_ioctl_entry,
			  0),
	DRM_IOCTL_DEF_DRV(TNPU_VM_BIND, tnpu_vm_bind_ioctl, 0),
	DRM_IOCTL_DEF_DRV(TNPU_QUEUE_CREATE, tnpu_queue_create_ioctl_entry, 0),
	DRM_IOCTL_DEF_DRV(TNPU_QUEUE_DESTROY, tnpu_queue_destroy_ioctl_entry,
			  0),
	DRM_IOCTL_DEF_DRV(TNPU_QUEUE_STATE, tnpu_queue_state_ioctl_entry, 0),
	DRM_IOCTL_DEF_DRV(TNPU_SUBMIT, tnpu_job_submit_ioctl_entry, 0),
	DRM_IOCTL_DEF_DRV(TNPU_VM_CREATE, tnpu_vm_create_ioctl_entry, 0),
	DRM_IOCTL_DEF_DRV(TNPU_VM_DESTROY, tnpu_vm_destroy_ioctl_entry, 0),
	DRM_IOCTL_DEF_DRV(TNPU_BO_INFO, tnpu_bo_info_ioctl_entry, 0),
	DRM_IOCTL_DEF_DRV(TNPU_BO_USERPTR, tnpu_bo_userptr_ioctl_entry, 0),
	DRM_IOCTL_DEF_DRV(TNPU_JOB_CANCEL, tnpu_job_cancel_ioctl_entry, 0),
	DRM_IOCTL_DEF_DRV(TNPU_QUEUE_MAP, tnpu_queue_map_ioctl_entry, 0),
};

/* Doorbells are below the offsets that the DRM gives to buffers. */
static int tnpu_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct drm_file *file = filp->private_data;

	if (vma->vm_pgoff >= DRM_FILE_PAGE_OFFSET_START)
		return drm_gem_mmap(filp, vma);
	return tnpu_userq_mmap(file->driver_priv, vma);
}

/* DRM_ACCEL_FOPS, but for mmap */
static const struct file_operations tnpu_fops = {
	.owner = THIS_MODULE,
	.open = accel_open,
	.release = drm_release,
	.unlocked_ioctl = drm_ioctl,
	.compat_ioctl = drm_compat_ioctl,
	.poll = drm_poll,
	.read = drm_read,
	.llseek = noop_llseek,
	.mmap = tnpu_mmap,
	.fop_flags = FOP_UNSIGNED_OFFSET,
	.show_fdinfo = drm_show_fdinfo,
};

static const struct drm_driver tnpu_drm_driver = {
	.driver_features = DRIVER_COMPUTE_ACCEL | TNPU_GEM_FEATURES |
			   DRIVER_SYNCOBJ | DRIVER_SYNCOBJ_TIMELINE,
	.open = tnpu_open,
	.postclose = tnpu_postclose,
	.gem_create_object = tnpu_bo_create_object,
	.gem_prime_import_sg_table = drm_gem_shmem_prime_import_sg_table,
	.show_fdinfo = tnpu_show_fdinfo,
	.ioctls = tnpu_ioctls,
	.num_ioctls = ARRAY_SIZE(tnpu_ioctls),
	.fops = &tnpu_fops,
	.name = "tinynpu",
	.desc = "TinyNPU",
	TNPU_DRIVER_DATE
	.major = 0,
	.minor = 1,
};

/* --- The PCI device ----------------------------------------------------------- */

static int tnpu_pci_map_bar(struct pci_dev *pdev, int bar, u64 size,
			    void __iomem **map)
{
	if (pci_resource_len(pdev, bar) < size) {
		dev_err(&pdev->dev, "BAR %d has less than %llu bytes\n", bar,
			size);
		return -ENODEV;
	}
	*map = pcim_iomap_region(pdev, bar, "tinynpu");
	return PTR_ERR_OR_ZERO(*map);
}

static int tnpu_pci_enable(struct pci_dev *pdev, struct tnpu_device *tdev)
{
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	/* More than fits into a page table's entry would be of no use. */
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(TNPU_BUS_BITS));
	if (ret)
		return ret;
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	ret = tnpu_pci_map_bar(pdev, NPU_BAR_REGS, NPU_BAR_REGS_SIZE,
			       &tdev->regs);
	if (ret)
		return ret;
	ret = tnpu_pci_map_bar(pdev, NPU_BAR_DOORBELLS, NPU_BAR_DOORBELLS_SIZE,
			       &tdev->doorbells);
	if (ret)
		return ret;
	pci_set_master(pdev);
	return 0;
}

static int tnpu_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct tnpu_device *tdev;
	int ret;

	tdev = devm_drm_dev_alloc(&pdev->dev, &tnpu_drm_driver,
				  struct tnpu_device, drm);
	if (IS_ERR(tdev))
		return PTR_ERR(tdev);
	pci_set_drvdata(pdev, tdev);
	ret = tnpu_pci_enable(pdev, tdev);
	if (ret)
		return ret;
	if (drm_gem_huge_mnt_create(&tdev->drm, "within_size"))
		drm_dbg(&tdev->drm, "buffers are in small pages\n");
	ret = tnpu_device_init(tdev);
	if (ret)
		return ret;
	ret = tnpu_device_start(tdev);
	if (ret)
		return ret;
	ret = tnpu_hwmon_init(tdev);
	if (ret)
		goto remove;
	tnpu_debugfs_init(tdev);
	ret = drm_dev_register(&tdev->drm, 0);
	if (ret)
		goto remove;
	ret = tnpu_netlink_add(tdev);
	if (ret)
		goto unplug;
	drm_info(&tdev->drm, "%u cores of %u multipliers at %u kHz, firmware %s\n",
		 tdev->config.cores, tdev->config.macs, tdev->config.clock_khz,
		 tdev->fw.name);
	tnpu_power_init(tdev);
	return 0;

unplug:
	drm_dev_unplug(&tdev->drm);
remove:
	tnpu_device_remove(tdev);
	return ret;
}

static void tnpu_pci_remove(struct pci_dev *pdev)
{
	struct tnpu_device *tdev = pci_get_drvdata(pdev);

	tnpu_netlink_remove(tdev);
	tnpu_power_fini(tdev);
	drm_dev_unplug(&tdev->drm);
	tnpu_device_remove(tdev);
}

/* Whoever resets the function (sysfs, a VM monitor) takes the firmware away. */
static void tnpu_pci_reset_prepare(struct pci_dev *pdev)
{
	tnpu_recover_reset_prepare(pci_get_drvdata(pdev));
}

static void tnpu_pci_reset_done(struct pci_dev *pdev)
{
	tnpu_recover_reset_done(pci_get_drvdata(pdev));
}

static const struct pci_error_handlers tnpu_pci_error_handlers = {
	.reset_prepare = tnpu_pci_reset_prepare,
	.reset_done = tnpu_pci_reset_done,
};

static const struct pci_device_id tnpu_pci_ids[] = {
	{ PCI_DEVICE(NPU_PCI_VENDOR_ID, NPU_PCI_DEVICE_ID) },
	{}
};
MODULE_DEVICE_TABLE(pci, tnpu_pci_ids);

static struct pci_driver tnpu_pci_driver = {
	.name = "tinynpu",
	.id_table = tnpu_pci_ids,
	.probe = tnpu_pci_probe,
	.remove = tnpu_pci_remove,
	.err_handler = &tnpu_pci_error_handlers,
	.driver.pm = pm_ptr(&tnpu_power_ops),
};

static int __init tnpu_init(void)
{
	int ret;

	tnpu_job_timeout_ms = clamp(tnpu_job_timeout_ms,
				    TNPU_JOB_TIMEOUT_MIN_MS,
				    TNPU_JOB_TIMEOUT_MAX_MS);
	ret = tnpu_netlink_register();
	if (ret)
		return ret;
	ret = pci_register_driver(&tnpu_pci_driver);
	if (ret)
		tnpu_netlink_unregister();
	return ret;
}
module_init(tnpu_init);

static void __exit tnpu_exit(void)
{
	pci_unregister_driver(&tnpu_pci_driver);
	tnpu_netlink_unregister();
}
module_exit(tnpu_exit);

MODULE_AUTHOR("The TinyNPU authors");
MODULE_DESCRIPTION("TinyNPU neural processing unit");
MODULE_FIRMWARE(TNPU_FW_FILE);
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
