// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of VM_BIND's ranges: which are refused, and that after any sequence
 * of binds both what is booked and what the machine finds in the tables is what a
 * plain list of pages says. No queue uses the address space, so no firmware has to
 * be told.
 */

#include <kunit/test.h>
#include <linux/overflow.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/tinynpu_accel.h>

#include "../tnpu_bind.h"
#include "../tnpu_bo.h"
#include "../tnpu_vm.h"
#include "fake.h"

#define TNPU_BIND_TEST_BUFFERS 3
#define TNPU_BIND_TEST_PAGES 48 /* of each */
#define TNPU_BIND_TEST_BASE (SZ_1G - 32 * SZ_4K) /* the window crosses tables */
#define TNPU_BIND_TEST_WINDOW 96
#define TNPU_BIND_TEST_STEPS 1500

/* What a page of the window ought to be. */
struct tnpu_bind_page {
	struct drm_gem_object *obj;
	u64 offset;
	u64 entry;
};

struct tnpu_bind_test {
	struct tnpu_device *tdev;
	struct tnpu_fake_file *file;
	u32 handles[TNPU_BIND_TEST_BUFFERS];
	struct drm_gem_object *objs[TNPU_BIND_TEST_BUFFERS];
	dma_addr_t bus[TNPU_BIND_TEST_BUFFERS][TNPU_BIND_TEST_PAGES];
	struct tnpu_bind_page window[TNPU_BIND_TEST_WINDOW];
	u32 seed;
};

static void tnpu_bind_test_make_buffer(struct kunit *test, unsigned int number)
{
	struct tnpu_bind_test *t = test->priv;
	struct drm_tnpu_bo_create create = {
		.size = TNPU_BIND_TEST_PAGES * SZ_4K,
	};
	struct drm_gem_object *obj;
	struct sg_table *sgt;
	struct scatterlist *sg;
	unsigned int i, page = 0, at;

	KUNIT_ASSERT_EQ(test, 0, tnpu_bo_create_ioctl(&t->tdev->drm, &create,
						      &t->file->base));
	obj = drm_gem_object_lookup(&t->file->base, create.handle);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	drm_gem_object_put(obj); /* the handle's reference will do */
	t->handles[number] = create.handle;
	t->objs[number] = obj;
	sgt = tnpu_bo_get_pages(obj);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	for_each_sgtable_dma_sg(sgt, sg, i)
		for (at = 0; at < sg_dma_len(sg); at += SZ_4K)
			t->bus[number][page++] = sg_dma_address(sg) + at;
	KUNIT_ASSERT_EQ(test, TNPU_BIND_TEST_PAGES, page);
}

static int tnpu_bind_test_init(struct kunit *test)
{
	struct tnpu_bind_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	t->tdev = tnpu_fake_device(test);
	t->file = tnpu_fake_open(test, t->tdev);
	for (i = 0; i < TNPU_BIND_TEST_BUFFERS; i++)
		tnpu_bind_test_make_buffer(test, i);
	return 0;
}

static int tnpu_bind_test_bind(struct tnpu_bind_test *t,
			       struct drm_tnpu_vm_bind bind)
{
	return tnpu_vm_bind_ioctl(&t->tdev->drm, &bind, &t->file->base);
}

/* A row violates one rule, or is just within all of them. */
static void tnpu_bind_test_ranges(struct kunit *test)
{
	struct tnpu_bind_test *t = test->priv;
	const u64 end = 1ull << DRM_TNPU_VA_BITS;
	const u64 size = TNPU_BIND_TEST_PAGES * SZ_4K;
	const struct {
		u32 op;
		u64 addr, size, offset;
		int error;
	} rows[] = {
		{ DRM_TNPU_VM_BIND_MAP, 0, size, 0, 0 },
		{ DRM_TNPU_VM_BIND_MAP, end - size, size, 0, 0 },
		{ DRM_TNPU_VM_BIND_MAP, end - SZ_4K, SZ_4K, size - SZ_4K, 0 },
		{ DRM_TNPU_VM_BIND_MAP, end, SZ_4K, 0, -EINVAL },
		{ DRM_TNPU_VM_BIND_MAP, end - SZ_4K, SZ_8K, 0, -EINVAL },
		{ DRM_TNPU_VM_BIND_MAP, -(u64)SZ_4K, SZ_4K, 0, -EINVAL },
		{ DRM_TNPU_VM_BIND_MAP, -(u64)SZ_4K, SZ_8K, 0, -EINVAL },
		{ DRM_TNPU_VM_BIND_MAP, 0, 0, 0, -EINVAL },
		{ DRM_TNPU_VM_BIND_MAP, 0, SZ_4K + 1, 0, -EINVAL },
		{ DRM_TNPU_VM_BIND_MAP, SZ_2K, SZ_4K, 0, -EINVAL },
		{ DRM_TNPU_VM_BIND_MAP, 0, SZ_4K, SZ_2K, -EINVAL },
		{ DRM_TNPU_VM_BIND_MAP, 0, size + SZ_4K, 0, -EINVAL },
		{ DRM_TNPU_VM_BIND_MAP, 0, size, SZ_4K, -EINVAL },
		{ DRM_TNPU_VM_BIND_MAP, 0, SZ_4K, size, -EINVAL },
		{ DRM_TNPU_VM_BIND_MAP, 0, SZ_8K, -(u64)SZ_4K, -EINVAL },
		{ DRM_TNPU_VM_BIND_UNMAP, 0, end, 0, 0 },
		{ DRM_TNPU_VM_BIND_UNMAP, 0, end + SZ_4K, 0, -EINVAL },
		{ DRM_TNPU_VM_BIND_UNMAP, SZ_4K, end, 0, -EINVAL },
		{ DRM_TNPU_VM_BIND_UNMAP, SZ_4K, -(u64)SZ_4K, 0, -EINVAL },
		{ DRM_TNPU_VM_BIND_UNMAP, 0, 0, 0, -EINVAL },
		{ DRM_TNPU_VM_BIND_UNMAP, 0, SZ_4K, SZ_4K, -EINVAL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		bool is_map = rows[i].op == DRM_TNPU_VM_BIND_MAP;

		KUNIT_EXPECT_EQ_MSG(test, rows[i].error,
				    tnpu_bind_test_bind(t, (struct drm_tnpu_vm_bind){
					.op = rows[i].op,
					.handle = is_map ? t->handles[0] : 0,
					.addr = rows[i].addr,
					.size = rows[i].size,
					.bo_offset = rows[i].offset,
				    }), "row %u", i);
	}
}

/* Makes a bind, and notes what it changes; pages count from the window's begin. */
static void tnpu_bind_test_map(struct kunit *test, u32 first, u32 count,
			       u32 buffer, u32 offset, bool is_readonly)
{
	struct tnpu_bind_test *t = test->priv;
	u32 i;

	KUNIT_ASSERT_EQ(test, 0, tnpu_bind_test_bind(t, (struct drm_tnpu_vm_bind){
		.op = DRM_TNPU_VM_BIND_MAP,
		.flags = is_readonly ? DRM_TNPU_VM_BIND_READONLY : 0,
		.handle = t->handles[buffer],
		.addr = TNPU_BIND_TEST_BASE + first * (u64)SZ_4K,
		.size = count * (u64)SZ_4K,
		.bo_offset = offset * (u64)SZ_4K,
	}));
	for (i = 0; i < count; i++)
		t->window[first + i] = (struct tnpu_bind_page){
			.obj = t->objs[buffer],
			.offset = (offset + i) * (u64)SZ_4K,
			.entry = t->bus[buffer][offset + i] | TNPU_FAKE_V |
				 TNPU_FAKE_R | (is_readonly ? 0 : TNPU_FAKE_W),
		};
}

static void tnpu_bind_test_unmap(struct kunit *test, u32 first, u32 count)
{
	struct tnpu_bind_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, 0, tnpu_bind_test_bind(t, (struct drm_tnpu_vm_bind){
		.op = DRM_TNPU_VM_BIND_UNMAP,
		.addr = TNPU_BIND_TEST_BASE + first * (u64)SZ_4K,
		.size = count * (u64)SZ_4K,
	}));
	memset(t->window + first, 0, count * sizeof(t->window[0]));
}

/* The tables say of each page what it ought to be. */
static void tnpu_bind_test_check_tables(struct kunit *test)
{
	struct tnpu_bind_test *t = test->priv;
	dma_addr_t root = tnpu_pt_root(&t->file->own.vm->pt);
	u32 i;

	for (i = 0; i < TNPU_BIND_TEST_WINDOW; i++)
		KUNIT_EXPECT_EQ_MSG(test, t->window[i].entry,
				    tnpu_fake_walk(root, TNPU_BIND_TEST_BASE +
						   i * (u64)SZ_4K),
				    "page %u", i);
}

/* So does what is booked; how many mappings that takes. */
static u32 tnpu_bind_test_check_booked(struct kunit *test)
{
	struct tnpu_bind_test *t = test->priv;
	struct tnpu_vm *vm = t->file->own.vm;
	struct drm_gpuva *va;
	u32 i, pages = 0, mappings = 0;
	u64 at;

	mutex_lock(&vm->lock);
	drm_gpuvm_for_each_va(va, &vm->base) {
		if (va == &vm->base.kernel_alloc_node)
			continue;
		mappings++;
		for (at = 0; at < va->va.range; at += SZ_4K) {
			i = (va->va.addr + at - TNPU_BIND_TEST_BASE) / SZ_4K;
			pages++;
			if (i < TNPU_BIND_TEST_WINDOW &&
			    t->window[i].obj == va->gem.obj &&
			    t->window[i].offset == va->gem.offset + at)
				continue;
			KUNIT_FAIL(test, "booked at %#llx", va->va.addr + at);
		}
	}
	mutex_unlock(&vm->lock);
	for (i = 0; i < TNPU_BIND_TEST_WINDOW; i++)
		pages -= !!t->window[i].obj;
	KUNIT_EXPECT_EQ(test, 0, pages);
	return mappings;
}

/* Each row takes a part of a mapping away, or maps another buffer there. */
static void tnpu_bind_test_parts(struct kunit *test)
{
	static const struct {
		u32 first, count, rests;
	} rows[] = {
		{ 10, 20, 0 }, /* all of it */
		{ 0, 96, 0 }, /* and more */
		{ 10, 1, 1 }, /* begin */
		{ 29, 1, 1 }, /* end */
		{ 0, 20, 1 }, /* beyond the begin */
		{ 20, 20, 1 }, /* beyond the end */
		{ 15, 5, 2 }, /* middle */
		{ 0, 10, 1 }, /* beside it */
		{ 30, 10, 1 }, /* likewise */
	};
	unsigned int i, other;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (other = 0; other < 2; other++) {
			u32 count = min_t(u32, rows[i].count,
					  TNPU_BIND_TEST_PAGES);
			u32 rests = rows[i].rests;

			tnpu_bind_test_map(test, 10, 20, 0, 3, i % 2);
			if (other)
				tnpu_bind_test_map(test, rows[i].first, count,
						   1, 0, false);
			else
				tnpu_bind_test_unmap(test, rows[i].first,
						     rows[i].count);
			tnpu_bind_test_check_tables(test);
			KUNIT_EXPECT_EQ_MSG(test, rests + other,
					    tnpu_bind_test_check_booked(test),
					    "row %u", i);
			tnpu_bind_test_unmap(test, 0, TNPU_BIND_TEST_WINDOW);
		}
	}
}

static void tnpu_bind_test_step(struct kunit *test)
{
	struct tnpu_bind_test *t = test->priv;
	u32 first = tnpu_fake_roll(&t->seed, TNPU_BIND_TEST_WINDOW);
	u32 count = 1 + tnpu_fake_roll(&t->seed, TNPU_BIND_TEST_PAGES);
	u32 offset = tnpu_fake_roll(&t->seed, TNPU_BIND_TEST_PAGES);
	u32 buffer = tnpu_fake_roll(&t->seed, TNPU_BIND_TEST_BUFFERS);

	count = min(count, TNPU_BIND_TEST_WINDOW - first);
	if (tnpu_fake_roll(&t->seed, 3))
		tnpu_bind_test_map(test, first,
				   min(count, TNPU_BIND_TEST_PAGES - offset),
				   buffer, offset, tnpu_fake_roll(&t->seed, 2));
	else
		tnpu_bind_test_unmap(test, first, count);
}

static void tnpu_bind_test_random(struct kunit *test)
{
	int i;

	for (i = 0; i < TNPU_BIND_TEST_STEPS; i++) {
		tnpu_bind_test_step(test);
		tnpu_bind_test_check_tables(test);
		tnpu_bind_test_check_booked(test);
	}
}

static struct kunit_case tnpu_bind_test_cases[] = {
	KUNIT_CASE(tnpu_bind_test_ranges),
	KUNIT_CASE(tnpu_bind_test_parts),
	KUNIT_CASE(tnpu_bind_test_random),
	{}
};

static struct kunit_suite tnpu_bind_test_suite = {
	.name = "tnpu_bind",
	.init = tnpu_bind_test_init,
	.test_cases = tnpu_bind_test_cases,
};

kunit_test_suite(tnpu_bind_test_suite);
