// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the page tables: what the machine finds in them after changes,
 * and that a change never needs more tables than were allocated for it.
 */

#include <kunit/test.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <drm/tinynpu_accel.h>

#include "../tnpu_pt.h"
#include "fake.h"

#define TNPU_PT_TEST_BUS 0x123456000000ull /* a multiple of 2 MiB */
#define TNPU_PT_TEST_END BIT_ULL(DRM_TNPU_VA_BITS)

/* What a test has: a tree, and memory that is none. */
struct tnpu_pt_test {
	struct tnpu_pt pt;
	struct sg_table sgt;
};

/* A stretch of the bus. */
struct tnpu_pt_piece {
	dma_addr_t bus;
	u64 size;
};

static int tnpu_pt_test_init(struct kunit *test)
{
	struct tnpu_device *tdev = tnpu_fake_device(test);
	struct tnpu_pt_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	return tnpu_pt_init(&t->pt, tdev->drm.dev);
}

static void tnpu_pt_test_exit(struct kunit *test)
{
	struct tnpu_pt_test *t = test->priv;

	if (t)
		tnpu_pt_fini(&t->pt);
}

/* Maps all pieces; whether an entry was valid before. */
static bool tnpu_pt_test_map(struct kunit *test, u64 addr, u64 size, u64 offset,
			     bool is_readonly, const struct tnpu_pt_piece *pieces,
			     unsigned int count)
{
	struct tnpu_pt_test *t = test->priv;
	struct tnpu_pt_change change;
	struct scatterlist *sg;
	unsigned int i;
	int ret;

	ret = sg_alloc_table(&t->sgt, count, GFP_KERNEL);
	KUNIT_ASSERT_EQ(test, 0, ret);
	for_each_sgtable_dma_sg(&t->sgt, sg, i) {
		sg_dma_address(sg) = pieces[i].bus;
		sg_dma_len(sg) = pieces[i].size;
	}
	tnpu_pt_change_init(&change);
	ret = tnpu_pt_prepare_map(&t->pt, &change, addr, size, &t->sgt, offset);
	if (!ret)
		tnpu_pt_map_sgt(&t->pt, &change, addr, size, &t->sgt, offset,
				is_readonly);
	tnpu_pt_free(&t->pt, &change);
	sg_free_table(&t->sgt);
	KUNIT_ASSERT_EQ(test, 0, ret);
	return change.is_stale;
}

static bool tnpu_pt_test_map_one(struct kunit *test, u64 addr, dma_addr_t bus,
				 u64 size)
{
	return tnpu_pt_test_map(test, addr, size, 0, false,
				&(struct tnpu_pt_piece){ bus, size }, 1);
}

static bool tnpu_pt_test_unmap(struct kunit *test, u64 addr, u64 size)
{
	struct tnpu_pt_test *t = test->priv;
	struct tnpu_pt_change change;
	int ret;

	tnpu_pt_change_init(&change);
	ret = tnpu_pt_prepare_unmap(&t->pt, &change, addr, size);
	if (!ret)
		tnpu_pt_unmap(&t->pt, &change, addr, size);
	tnpu_pt_free(&t->pt, &change);
	KUNIT_ASSERT_EQ(test, 0, ret);
	return change.is_stale;
}

static u64 tnpu_pt_test_find(struct kunit *test, u64 addr)
{
	struct tnpu_pt_test *t = test->priv;

	return tnpu_fake_walk(tnpu_pt_root(&t->pt), addr);
}

static u64 tnpu_pt_test_entry(dma_addr_t bus, bool is_readonly)
{
	return bus | TNPU_FAKE_V | TNPU_FAKE_R |
	       (is_readonly ? 0 : TNPU_FAKE_W);
}

/* The range is mapped to what is contiguous on the bus. */
static void tnpu_pt_test_expect(struct kunit *test, u64 addr, dma_addr_t bus,
				u64 size)
{
	u64 at;

	for (at = 0; at < size; at += TNPU_PAGE_SIZE)
		KUNIT_ASSERT_EQ_MSG(test, tnpu_pt_test_entry(bus + at, false),
				    tnpu_pt_test_find(test, addr + at),
				    "at %#llx", addr + at);
}

static void tnpu_pt_test_expect_leaves(struct kunit *test, u64 pages, u64 large)
{
	struct tnpu_pt_test *t = test->priv;
	u64 found_pages, found_large;

	tnpu_pt_count_leaves(&t->pt, &found_pages, &found_large);
	KUNIT_EXPECT_EQ(test, pages, found_pages);
	KUNIT_EXPECT_EQ(test, large, found_large);
}

static bool tnpu_pt_test_is_empty(struct kunit *test)
{
	struct tnpu_pt_test *t = test->priv;

	return !memchr_inv(phys_to_virt(tnpu_pt_root(&t->pt)), 0,
			   TNPU_PAGE_SIZE);
}

static void tnpu_pt_test_page(struct kunit *test)
{
	const u64 addr = 0x7000;

	KUNIT_EXPECT_FALSE(test, tnpu_pt_test_map_one(test, addr,
						      TNPU_PT_TEST_BUS,
						      TNPU_PAGE_SIZE));
	tnpu_pt_test_expect(test, addr, TNPU_PT_TEST_BUS, TNPU_PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, tnpu_pt_test_find(test, addr - TNPU_PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 0, tnpu_pt_test_find(test, addr + TNPU_PAGE_SIZE));
	tnpu_pt_test_expect_leaves(test, 1, 0);
}

static void tnpu_pt_test_readonly(struct kunit *test)
{
	const struct tnpu_pt_piece piece = { TNPU_PT_TEST_BUS, SZ_2M };

	tnpu_pt_test_map(test, SZ_2M, SZ_2M, 0, true, &piece, 1);
	tnpu_pt_test_map(test, SZ_4M, SZ_4K, 0, true, &piece, 1);
	KUNIT_EXPECT_EQ(test, tnpu_pt_test_entry(TNPU_PT_TEST_BUS, true),
			tnpu_pt_test_find(test, SZ_2M));
	KUNIT_EXPECT_EQ(test, tnpu_pt_test_entry(TNPU_PT_TEST_BUS, true),
			tnpu_pt_test_find(test, SZ_4M));
}

static void tnpu_pt_test_bounds(struct kunit *test)
{
	const dma_addr_t highest = BIT_ULL(TNPU_BUS_BITS) - TNPU_PAGE_SIZE;

	tnpu_pt_test_map_one(test, 0, 0, TNPU_PAGE_SIZE);
	tnpu_pt_test_map_one(test, TNPU_PT_TEST_END - TNPU_PAGE_SIZE, highest,
			     TNPU_PAGE_SIZE);
	tnpu_pt_test_expect(test, 0, 0, TNPU_PAGE_SIZE);
	tnpu_pt_test_expect(test, TNPU_PT_TEST_END - TNPU_PAGE_SIZE, highest,
			    TNPU_PAGE_SIZE);
	tnpu_pt_test_expect_leaves(test, 2, 0);
	KUNIT_EXPECT_TRUE(test, tnpu_pt_test_unmap(test, 0, TNPU_PT_TEST_END));
	KUNIT_EXPECT_TRUE(test, tnpu_pt_test_is_empty(test));
}

static void tnpu_pt_test_large(struct kunit *test)
{
	tnpu_pt_test_map_one(test, SZ_1G - SZ_2M, TNPU_PT_TEST_BUS, SZ_4M);
	tnpu_pt_test_expect_leaves(test, 0, 2);
	tnpu_pt_test_expect(test, SZ_1G - SZ_2M, TNPU_PT_TEST_BUS, SZ_4M);
}

/* Whatever is not congruent, or not long enough, is in pages. */
static void tnpu_pt_test_not_large(struct kunit *test)
{
	tnpu_pt_test_map_one(test, SZ_2M, TNPU_PT_TEST_BUS + SZ_4K, SZ_2M);
	tnpu_pt_test_expect_leaves(test, 512, 0);
	tnpu_pt_test_map_one(test, SZ_2M + SZ_4K, TNPU_PT_TEST_BUS, SZ_2M);
	tnpu_pt_test_expect_leaves(test, 513, 0);
	tnpu_pt_test_map_one(test, SZ_8M, TNPU_PT_TEST_BUS, SZ_2M - SZ_4K);
	tnpu_pt_test_expect_leaves(test, 1024, 0);
	tnpu_pt_test_map_one(test, SZ_16M - SZ_4K, TNPU_PT_TEST_BUS - SZ_4K,
			     SZ_2M + SZ_8K);
	tnpu_pt_test_expect_leaves(test, 1026, 1);
	tnpu_pt_test_expect(test, SZ_16M - SZ_4K, TNPU_PT_TEST_BUS - SZ_4K,
			    SZ_2M + SZ_8K);
}

static void tnpu_pt_test_split(struct kunit *test)
{
	const u64 addr = SZ_4M;

	tnpu_pt_test_map_one(test, addr, TNPU_PT_TEST_BUS, SZ_4M);
	KUNIT_EXPECT_TRUE(test, tnpu_pt_test_unmap(test, addr + SZ_1M, SZ_2M));
	tnpu_pt_test_expect_leaves(test, 512, 0);
	tnpu_pt_test_expect(test, addr, TNPU_PT_TEST_BUS, SZ_1M);
	tnpu_pt_test_expect(test, addr + SZ_1M + SZ_2M,
			    TNPU_PT_TEST_BUS + SZ_1M + SZ_2M, SZ_1M);
	KUNIT_EXPECT_EQ(test, 0, tnpu_pt_test_find(test, addr + SZ_1M));
	KUNIT_EXPECT_EQ(test, 0, tnpu_pt_test_find(test, addr + SZ_2M));
}

/* A page over a large leaf, and a large leaf over pages. */
static void tnpu_pt_test_replace(struct kunit *test)
{
	const dma_addr_t other = TNPU_PT_TEST_BUS + SZ_1G;

	tnpu_pt_test_map_one(test, 0, TNPU_PT_TEST_BUS, SZ_2M);
	KUNIT_EXPECT_TRUE(test, tnpu_pt_test_map_one(test, SZ_64K, other,
						     SZ_4K));
	tnpu_pt_test_expect(test, 0, TNPU_PT_TEST_BUS, SZ_64K);
	tnpu_pt_test_expect(test, SZ_64K, other, SZ_4K);
	tnpu_pt_test_expect(test, SZ_64K + SZ_4K,
			    TNPU_PT_TEST_BUS + SZ_64K + SZ_4K, SZ_4K);
	KUNIT_EXPECT_TRUE(test, tnpu_pt_test_map_one(test, 0, other, SZ_2M));
	tnpu_pt_test_expect_leaves(test, 0, 1);
	tnpu_pt_test_expect(test, 0, other, SZ_2M);
	KUNIT_EXPECT_TRUE(test, tnpu_pt_test_map_one(test, 0, TNPU_PT_TEST_BUS,
						     SZ_2M));
}

/* Only what was valid before may be in the device's translations. */
static void tnpu_pt_test_stale(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, tnpu_pt_test_unmap(test, 0, TNPU_PT_TEST_END));
	tnpu_pt_test_map_one(test, 0, TNPU_PT_TEST_BUS, SZ_8K);
	KUNIT_EXPECT_FALSE(test, tnpu_pt_test_unmap(test, SZ_8K, SZ_1G));
	KUNIT_EXPECT_FALSE(test, tnpu_pt_test_map_one(test, SZ_8K,
						      TNPU_PT_TEST_BUS, SZ_4K));
	KUNIT_EXPECT_TRUE(test, tnpu_pt_test_unmap(test, 0, SZ_4K));
	KUNIT_EXPECT_FALSE(test, tnpu_pt_test_unmap(test, 0, SZ_4K));
}

/* Tables without entries do not stay. */
static void tnpu_pt_test_emptied(struct kunit *test)
{
	u64 addr;

	for (addr = SZ_4K; addr < TNPU_PT_TEST_END; addr += 9ull * SZ_1G)
		tnpu_pt_test_map_one(test, addr, TNPU_PT_TEST_BUS, SZ_4K);
	for (addr = SZ_4K; addr < TNPU_PT_TEST_END; addr += 9ull * SZ_1G) {
		KUNIT_EXPECT_FALSE(test, tnpu_pt_test_is_empty(test));
		tnpu_pt_test_unmap(test, addr, SZ_4K);
	}
	KUNIT_EXPECT_TRUE(test, tnpu_pt_test_is_empty(test));
}

/* A part of a buffer in pieces, from the middle of one to the middle of another. */
static void tnpu_pt_test_offset(struct kunit *test)
{
	const struct tnpu_pt_piece pieces[] = {
		{ TNPU_PT_TEST_BUS, SZ_8K },
		{ TNPU_PT_TEST_BUS + SZ_1G, SZ_16K },
		{ TNPU_PT_TEST_BUS + SZ_2M, SZ_2M },
		{ TNPU_PT_TEST_BUS + SZ_8M, SZ_4K },
	};

	tnpu_pt_test_map(test, SZ_1M, SZ_16K, SZ_8K + SZ_4K, false, pieces,
			 ARRAY_SIZE(pieces));
	tnpu_pt_test_expect(test, SZ_1M, TNPU_PT_TEST_BUS + SZ_1G + SZ_4K,
			    SZ_8K + SZ_4K);
	tnpu_pt_test_expect(test, SZ_1M + SZ_8K + SZ_4K,
			    TNPU_PT_TEST_BUS + SZ_2M, SZ_4K);
	tnpu_pt_test_expect_leaves(test, 4, 0);
}

#define TNPU_PT_TEST_PIECES 8
#define TNPU_PT_TEST_WINDOW SZ_16M
#define TNPU_PT_TEST_PAGES (TNPU_PT_TEST_WINDOW / SZ_4K)
#define TNPU_PT_TEST_STEPS 400

/* Pieces of any length, often such that a large leaf fits; their length. */
static u64 tnpu_pt_test_roll_pieces(u32 *seed, struct tnpu_pt_piece *pieces,
				    unsigned int count)
{
	unsigned int i;
	u64 size = 0;

	for (i = 0; i < count; i++) {
		bool is_large = tnpu_fake_roll(seed, 2);

		pieces[i].bus = TNPU_PT_TEST_BUS +
				(u64)tnpu_fake_roll(seed, 1000) * SZ_2M +
				(is_large ? size % SZ_2M :
				 tnpu_fake_roll(seed, 512) * SZ_4K);
		pieces[i].size = is_large ? SZ_2M :
				 (1 + tnpu_fake_roll(seed, 700)) * SZ_4K;
		size += pieces[i].size;
	}
	return size;
}

/* The same change in a table of what each page ought to be. */
static void tnpu_pt_test_model(u64 *model, u64 first, u64 size, u64 offset,
			       bool is_readonly,
			       const struct tnpu_pt_piece *pieces)
{
	for (; size; size -= SZ_4K) {
		while (offset >= pieces->size)
			offset -= pieces++->size;
		model[first++] = tnpu_pt_test_entry(pieces->bus + offset,
						    is_readonly);
		offset += SZ_4K;
	}
}

static void tnpu_pt_test_step(struct kunit *test, u64 *model, u64 base, u32 *seed)
{
	struct tnpu_pt_piece pieces[TNPU_PT_TEST_PIECES];
	unsigned int count = 1 + tnpu_fake_roll(seed, TNPU_PT_TEST_PIECES);
	u64 first = tnpu_fake_roll(seed, 4) ?
			    tnpu_fake_roll(seed, TNPU_PT_TEST_PAGES) :
			    tnpu_fake_roll(seed, TNPU_PT_TEST_PAGES / 512) * 512;
	u64 offset, size = (TNPU_PT_TEST_PAGES - first) * SZ_4K;
	bool is_readonly = tnpu_fake_roll(seed, 2);

	if (!tnpu_fake_roll(seed, 3)) {
		size = min_t(u64, size, (1 + tnpu_fake_roll(seed, 1500)) * SZ_4K);
		tnpu_pt_test_unmap(test, base + first * SZ_4K, size);
		memset(model + first, 0, size / SZ_4K * sizeof(*model));
		return;
	}
	offset = tnpu_fake_roll(seed, 2) * SZ_4K;
	size = min(size, tnpu_pt_test_roll_pieces(seed, pieces, count) - offset);
	if (!size)
		return;
	tnpu_pt_test_map(test, base + first * SZ_4K, size, offset, is_readonly,
			 pieces, count);
	tnpu_pt_test_model(model, first, size, offset, is_readonly, pieces);
}

/* Across the end of a middle table. */
static void tnpu_pt_test_random(struct kunit *test)
{
	const u64 base = SZ_2G - TNPU_PT_TEST_WINDOW / 2;
	u64 *model = kvcalloc(TNPU_PT_TEST_PAGES, sizeof(*model), GFP_KERNEL);
	u32 seed = 1;
	int step, page;

	KUNIT_ASSERT_NOT_NULL(test, model);
	for (step = 0; step < TNPU_PT_TEST_STEPS; step++) {
		tnpu_pt_test_step(test, model, base, &seed);
		for (page = step % 8; page < TNPU_PT_TEST_PAGES; page += 8)
			if (model[page] !=
			    tnpu_pt_test_find(test, base + page * SZ_4K))
				break;
		KUNIT_EXPECT_GE_MSG(test, page, TNPU_PT_TEST_PAGES,
				    "after step %d", step);
	}
	kvfree(model);
	tnpu_pt_test_unmap(test, base, TNPU_PT_TEST_WINDOW);
	KUNIT_EXPECT_TRUE(test, tnpu_pt_test_is_empty(test));
}

static struct kunit_case tnpu_pt_test_cases[] = {
	KUNIT_CASE(tnpu_pt_test_page),
	KUNIT_CASE(tnpu_pt_test_readonly),
	KUNIT_CASE(tnpu_pt_test_bounds),
	KUNIT_CASE(tnpu_pt_test_large),
	KUNIT_CASE(tnpu_pt_test_not_large),
	KUNIT_CASE(tnpu_pt_test_split),
	KUNIT_CASE(tnpu_pt_test_replace),
	KUNIT_CASE(tnpu_pt_test_stale),
	KUNIT_CASE(tnpu_pt_test_emptied),
	KUNIT_CASE(tnpu_pt_test_offset),
	KUNIT_CASE(tnpu_pt_test_random),
	{}
};

static struct kunit_suite tnpu_pt_test_suite = {
	.name = "tnpu_pt",
	.init = tnpu_pt_test_init,
	.exit = tnpu_pt_test_exit,
	.test_cases = tnpu_pt_test_cases,
};

kunit_test_suite(tnpu_pt_test_suite);
