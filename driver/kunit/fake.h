/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device without hardware, for KUnit: memory stands where registers would be,
 * and no firmware runs, but what a test plays of it.
 */
#ifndef TNPU_FAKE_H
#define TNPU_FAKE_H

#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/types.h>
#include <drm/drm_file.h>

#include "../tnpu_device.h"
#include "../tnpu_drv.h"

/* What an entry of the tables says besides the address, as the manual has it. */
#define TNPU_FAKE_V BIT_ULL(0)
#define TNPU_FAKE_R BIT_ULL(1)
#define TNPU_FAKE_W BIT_ULL(2)

/**
 * struct tnpu_fake_file - an open file, as ioctls see it
 * @base: DRM's part
 * @own: the driver's
 */
struct tnpu_fake_file {
	struct drm_file base;
	struct tnpu_file own;
};

struct tnpu_device *tnpu_fake_device(struct kunit *test);
struct tnpu_fake_file *tnpu_fake_open(struct kunit *test,
				      struct tnpu_device *tdev);
u64 tnpu_fake_walk(dma_addr_t root, u64 addr);
u32 tnpu_fake_roll(u32 *seed, u32 sides);

#endif
