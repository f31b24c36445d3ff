// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device that KUnit tests have: a DRM device on KUnit's bus, set up as far as
 * the functions under test need it, and an open file.
 */

#include "fake.h"

#include <kunit/device.h>
#include <kunit/resource.h>
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/module.h>
#include <drm/drm_accel.h>
#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <npu/regs.h>

#include "../tnpu_bo.h"
#include "../tnpu_vm.h"

DEFINE_DRM_ACCEL_FOPS(tnpu_fake_fops);

static const struct drm_driver tnpu_fake_driver = {
	.driver_features = DRIVER_COMPUTE_ACCEL | TNPU_GEM_FEATURES |
			   DRIVER_SYNCOBJ | DRIVER_SYNCOBJ_TIMELINE,
	.gem_create_object = tnpu_bo_create_object,
	.fops = &tnpu_fake_fops,
	.name = "tinynpu-kunit",
	.desc = "TinyNPU without a machine",
	TNPU_DRIVER_DATE
};

/**
 * tnpu_fake_device() - make a device that is up
 * @test: with which it ends
 *
 * Return: the device; the test is over if there is none.
 */
struct tnpu_device *tnpu_fake_device(struct kunit *test)
{
	struct device *dev = kunit_device_register(test, "npu");
	struct tnpu_device *tdev;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_ASSERT_EQ(test, 0,
			dma_coerce_mask_and_coherent(dev,
						     DMA_BIT_MASK(TNPU_BUS_BITS)));
	tdev = devm_drm_dev_alloc(dev, &tnpu_fake_driver, struct tnpu_device,
				  drm);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, tdev);
	tdev->regs = (void __iomem *)kunit_kzalloc(test, NPU_BAR_REGS_SIZE,
						   GFP_KERNEL);
	tdev->doorbells = (void __iomem *)kunit_kzalloc(test,
							NPU_BAR_DOORBELLS_SIZE,
							GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, (void __force *)tdev->regs);
	KUNIT_ASSERT_NOT_NULL(test, (void __force *)tdev->doorbells);
	init_rwsem(&tdev->reset_sem);
	spin_lock_init(&tdev->job_lock);
	xa_init_flags(&tdev->jobs, XA_FLAGS_ALLOC1);
	tdev->state = TNPU_UP;
	KUNIT_ASSERT_EQ(test, 0, tnpu_vm_init_device(tdev));
	return tdev;
}

static void tnpu_fake_close(void *data)
{
	struct tnpu_fake_file *file = data;
	int handle = 0;

	tnpu_vm_destroy_all(&file->own);
	while (idr_get_next(&file->base.object_idr, &handle))
		drm_gem_handle_delete(&file->base, handle);
	idr_destroy(&file->base.object_idr);
	mutex_destroy(&file->base.prime.lock);
}

/**
 * tnpu_fake_open() - open a device
 * @test: with which the file is closed
 * @tdev: device
 *
 * Return: a file with an address space and no buffers.
 */
struct tnpu_fake_file *tnpu_fake_open(struct kunit *test,
				      struct tnpu_device *tdev)
{
	struct tnpu_fake_file *file = kunit_kzalloc(test, sizeof(*file),
						    GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, file);
	/* As drm_open_helper() does it, for what buffers need. */
	idr_init_base(&file->base.object_idr, 1);
	spin_lock_init(&file->base.table_lock);
	mutex_init(&file->base.prime.lock);
	file->base.prime.dmabufs = RB_ROOT;
	file->base.prime.handles = RB_ROOT;
	file->base.driver_priv = &file->own;

	file->own.tdev = tdev;
	xa_init_flags(&file->own.queues, XA_FLAGS_ALLOC1);
	xa_init_flags(&file->own.vms, XA_FLAGS_ALLOC1);
	file->own.vm = tnpu_vm_create(tdev);
	KUNIT_ASSERT_NOT_NULL(test, file->own.vm);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, tnpu_fake_close,
							   file));
	return file;
}

/**
 * tnpu_fake_walk() - find what an address is mapped to, as the machine does
 * @root: bus address of the root table
 * @addr: address, a multiple of a page
 *
 * Nothing translates bus addresses of a device on KUnit's bus, so that tables can
 * be found by them.
 *
 * Return: the page's bus address with its flags, or 0.
 */
u64 tnpu_fake_walk(dma_addr_t root, u64 addr)
{
	dma_addr_t table = root;
	int level;

	for (level = 2; level >= 0; level--) {
		unsigned int shift = 12 + 9 * level;
		const __le64 *entries = phys_to_virt(table);
		u64 entry = le64_to_cpu(entries[addr >> shift & 511]);
		u64 bus = entry >> 10 << 12;

		if (!(entry & TNPU_FAKE_V))
			return 0;
		if (entry & TNPU_FAKE_R)
			return bus | (addr & (BIT_ULL(shift) - BIT_ULL(12))) |
			       (entry & 1023);
		table = bus;
	}
	return 0;
}

/**
 * tnpu_fake_roll() - a random number that is the same each time
 * @seed: of it, and of the next
 * @sides: how many numbers there are
 *
 * Return: a number below @sides.
 */
u32 tnpu_fake_roll(u32 *seed, u32 sides)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % sides;
}

TNPU_IMPORT_KUNIT;
MODULE_AUTHOR("The TinyNPU authors");
MODULE_DESCRIPTION("KUnit tests of the TinyNPU driver");
MODULE_LICENSE("GPL");
