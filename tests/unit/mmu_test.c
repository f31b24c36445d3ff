// SPDX-License-Identifier: MIT
/*
 * The memory management unit: page tables of every shape, each rule of the
 * manual broken alone, what the TLB keeps and when it forgets.
 */
#include "mmu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define V 1ull
#define R 2ull
#define W 4ull
#define X 8ull
#define U 16ull
#define G 32ull
#define A 64ull
#define D 128ull
#define RSW 0x300ull

#define ROOT 0x80000000ull
#define MID 0x80001000ull
#define LEAF 0x80002000ull
#define TABLES 8

#define CONTEXT 5

static struct fixture {
	struct mmu mmu;
	uint64_t tables[TABLES][512];
	uint64_t refused;	/* a table that can't be read */
	uint32_t reads;
} fixture;

static int read_entry(void *opaque, uint64_t address, uint64_t *entry)
{
	struct fixture *f = opaque;
	uint64_t table = (address - ROOT) / MMU_PAGE_SIZE;

	f->reads++;
	if (address % 8 || address < ROOT || table >= TABLES ||
	    (address & ~0xfffull) == f->refused)
		return -1;
	*entry = f->tables[table][address % MMU_PAGE_SIZE / 8];
	return 0;
}

static const struct mmu_port port = { read_entry, &fixture };

static uint64_t *entry_at(uint64_t table, uint32_t index)
{
	return &fixture.tables[(table - ROOT) / MMU_PAGE_SIZE][index];
}

static uint64_t pte(uint64_t address, uint64_t flags)
{
	return address >> 12 << 10 | flags;
}

static int setup(void **state)
{
	memset(&fixture, 0, sizeof(fixture));
	mmu_reset(&fixture.mmu);
	mmu_set_root(&fixture.mmu, CONTEXT, ROOT | NPU_MMU_ROOT_VALID);
	*entry_at(ROOT, 1) = pte(MID, V);
	*entry_at(MID, 2) = pte(LEAF, V);
	*entry_at(LEAF, 3) = pte(0x123456789000, V | R | W);
	return 0;
}

/* Page table indices to an address. */
static uint64_t va(uint32_t i2, uint32_t i1, uint32_t i0, uint32_t offset)
{
	uint64_t address = (uint64_t)i2 << 30 | (uint64_t)i1 << 21 |
			   (uint64_t)i0 << 12 | offset;

	return i2 & 256 ? address | ~0ull << 39 : address;
}

#define PAGE va(1, 2, 3, 0)

static enum npu_fault access_in(uint32_t context, uint64_t address,
				bool is_write, struct mmu_span *span)
{
	return mmu_translate(&fixture.mmu, &port, context, address, is_write,
			     span);
}

static enum npu_fault access_at(uint64_t address, bool is_write)
{
	struct mmu_span span;

	return access_in(CONTEXT, address, is_write, &span);
}

static void assert_leads_to(uint64_t address, uint64_t phys, uint64_t size)
{
	struct mmu_span span;

	assert_int_equal(access_in(CONTEXT, address, false, &span), 0);
	assert_int_equal(span.phys, phys);
	assert_int_equal(span.size, size);
}

static void test_page_sizes(void **state)
{
	assert_leads_to(PAGE, 0x123456789000, 4096);
	assert_leads_to(PAGE + 0xabc, 0x123456789abc, 4096 - 0xabc);

	*entry_at(MID, 7) = pte(0x40200000, V | R);
	assert_leads_to(va(1, 7, 0, 0), 0x40200000, 1 << 21);
	assert_leads_to(va(1, 7, 511, 4095), 0x403fffff, 1);

	*entry_at(ROOT, 2) = pte(0xc0000000, V | R);
	assert_leads_to(va(2, 0, 0, 0), 0xc0000000, 1 << 30);
	assert_leads_to(va(2, 3, 4, 5), 0xc0604005, (1 << 30) - 0x604005);
}

static void test_highest_addresses(void **state)
{
	/* The upper half, and all 44 bits of a page number. */
	*entry_at(ROOT, 511) = pte(MID, V);
	*entry_at(MID, 511) = pte(LEAF, V);
	*entry_at(LEAF, 511) = pte(0xfffffffffff000, V | R);
	assert_leads_to(UINT64_MAX, 0xffffffffffffff, 1);
	assert_leads_to(va(511, 511, 511, 0), 0xfffffffffff000, 4096);
}

static void test_permissions(void **state)
{
	static const struct {
		uint64_t flags;
		enum npu_fault read, write;
	} rows[] = {
		{ V | R, 0, NPU_FAULT_PAGE_WRITE },
		{ V | R | W, 0, 0 },
		{ V | R | X, 0, NPU_FAULT_PAGE_WRITE },
		{ V | R | W | X, 0, 0 },
		{ V | R | W | U | G | A | D | RSW, 0, 0 },
		{ V | X, NPU_FAULT_PAGE_READ, NPU_FAULT_PAGE_WRITE },
		{ V | W, NPU_FAULT_PAGE_READ, NPU_FAULT_PAGE_WRITE },
		{ V | W | X, NPU_FAULT_PAGE_READ, NPU_FAULT_PAGE_WRITE },
		{ V, NPU_FAULT_PAGE_READ, NPU_FAULT_PAGE_WRITE },
		{ R | W, NPU_FAULT_PAGE_READ, NPU_FAULT_PAGE_WRITE },
		{ 0, NPU_FAULT_PAGE_READ, NPU_FAULT_PAGE_WRITE },
	};
	uint32_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		*entry_at(LEAF, 3) = pte(0x5000, rows[i].flags);
		mmu_invalidate_all(&fixture.mmu);
		assert_int_equal(access_at(PAGE, false), rows[i].read);
		assert_int_equal(access_at(PAGE, true), rows[i].write);
		mmu_invalidate_all(&fixture.mmu);
		assert_int_equal(access_at(PAGE, true), rows[i].write);
		assert_int_equal(access_at(PAGE, false), rows[i].read);
	}
}

static void test_reserved_bits(void **state)
{
	uint32_t bit;

	for (bit = 54; bit < 64; bit++) {
		*entry_at(LEAF, 3) = pte(0x5000, V | R | W) | 1ull << bit;
		assert_int_equal(access_at(PAGE, false), NPU_FAULT_PAGE_READ);
		*entry_at(LEAF, 3) = pte(0x5000, V | R | W);
		*entry_at(ROOT, 1) = pte(MID, V) | 1ull << bit;
		assert_int_equal(access_at(PAGE, true), NPU_FAULT_PAGE_WRITE);
		*entry_at(ROOT, 1) = pte(MID, V);
	}
	assert_int_equal(access_at(PAGE, true), 0);
}

static void test_pointer_flags(void **state)
{
	static const uint64_t bad[] = { A, D, U, A | D | U };
	uint32_t i;

	for (i = 0; i < 4; i++) {
		*entry_at(MID, 2) = pte(LEAF, V | bad[i]);
		assert_int_equal(access_at(PAGE, false), NPU_FAULT_PAGE_READ);
	}
	*entry_at(MID, 2) = pte(LEAF, V | G | RSW);
	assert_int_equal(access_at(PAGE, false), 0);
}

static void test_misaligned_superpages(void **state)
{
	uint32_t bit;

	for (bit = 12; bit < 21; bit++) {
		*entry_at(MID, 7) = pte(0x40000000 | 1ull << bit, V | R);
		assert_int_equal(access_at(va(1, 7, 0, 0), false),
				 NPU_FAULT_PAGE_READ);
	}
	for (bit = 12; bit < 30; bit++) {
		*entry_at(ROOT, 2) = pte(0x40000000 | 1ull << bit, V | R | W);
		assert_int_equal(access_at(va(2, 0, 0, 0), true),
				 NPU_FAULT_PAGE_WRITE);
	}
}

static void test_addresses_that_are_not_canonical(void **state)
{
	uint32_t bit;

	assert_int_equal(access_at(PAGE, false), 0);
	for (bit = 39; bit < 64; bit++) {
		assert_int_equal(access_at(PAGE | 1ull << bit, false),
				 NPU_FAULT_PAGE_READ);
		assert_int_equal(access_at(~(1ull << bit), true),
				 NPU_FAULT_PAGE_WRITE);
	}
	assert_int_equal(access_at(PAGE | 1ull << 38, false),
			 NPU_FAULT_PAGE_READ);
}

static void test_contexts(void **state)
{
	struct mmu_span span;
	uint32_t context;

	assert_int_equal(access_at(PAGE, false), 0);
	for (context = 0; context < NPU_MAX_CONTEXTS + 2; context++) {
		if (context == CONTEXT)
			continue;
		assert_int_equal(access_in(context, PAGE, false, &span),
				 NPU_FAULT_CONTEXT);
	}
	assert_int_equal(access_in(UINT32_MAX, PAGE, false, &span),
			 NPU_FAULT_CONTEXT);
	/* The same address elsewhere in another context. */
	mmu_set_root(&fixture.mmu, 6, (ROOT + 0x3000) | NPU_MMU_ROOT_VALID);
	*entry_at(ROOT + 0x3000, 1) = pte(0x80000000, V | R);
	assert_int_equal(access_in(6, PAGE, false, &span), 0);
	assert_int_equal(span.phys, 0x80000000 + (PAGE & 0x3fffffff));
	assert_leads_to(PAGE, 0x123456789000, 4096);
	/* A root without VALID is none, whatever its address. */
	mmu_set_root(&fixture.mmu, 6, ROOT);
	assert_int_equal(access_in(6, PAGE, false, &span), NPU_FAULT_CONTEXT);
}

static void test_tables_that_cannot_be_read(void **state)
{
	static const uint64_t tables[] = { ROOT, MID, LEAF };
	uint32_t i;

	for (i = 0; i < 3; i++) {
		fixture.refused = tables[i];
		assert_int_equal(access_at(PAGE, false), NPU_FAULT_BUS);
	}
	fixture.refused = 0;
	assert_int_equal(access_at(PAGE, false), 0);
	*entry_at(ROOT, 9) = pte(0xfffffffffff000, V);
	assert_int_equal(access_at(va(9, 0, 0, 0), true), NPU_FAULT_BUS);
}

static void test_table_that_points_to_itself(void **state)
{
	*entry_at(ROOT, 4) = pte(ROOT, V);
	assert_int_equal(access_at(va(4, 4, 4, 0), false),
			 NPU_FAULT_PAGE_READ);
	assert_int_equal(fixture.reads, 3);
}

/* --- The TLB ---------------------------------------------------------------- */

static void test_tlb_keeps_leaves(void **state)
{
	assert_int_equal(access_at(PAGE, false), 0);
	assert_int_equal(fixture.reads, 3);
	assert_int_equal(access_at(PAGE + 8, true), 0);
	assert_int_equal(fixture.reads, 3);
	assert_int_equal(fixture.mmu.hits, 1);
	assert_int_equal(fixture.mmu.misses, 1);

	/* Until told otherwise, also when the table says otherwise. */
	*entry_at(LEAF, 3) = 0;
	assert_int_equal(access_at(PAGE, true), 0);
}

static void test_tlb_keeps_no_refusal(void **state)
{
	*entry_at(LEAF, 3) = 0;
	assert_int_equal(access_at(PAGE, false), NPU_FAULT_PAGE_READ);
	*entry_at(LEAF, 3) = pte(0x5000, V | R);
	assert_leads_to(PAGE, 0x5000, 4096);
	assert_int_equal(access_at(PAGE, true), NPU_FAULT_PAGE_WRITE);
	*entry_at(LEAF, 3) = pte(0x6000, V | R | W);
	assert_int_equal(access_at(PAGE, true), 0);
	assert_leads_to(PAGE, 0x6000, 4096);
}

static void test_tlb_replaces(void **state)
{
	uint32_t i, round;

	/* Many more pages than entries, all in their right place. */
	for (i = 0; i < 512; i++)
		*entry_at(LEAF, i) = pte((uint64_t)i << 16, V | R);
	for (i = 0; i < 64; i++)
		*entry_at(MID, 100 + i) = pte((uint64_t)(i + 1) << 21, V | R);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 512; i++)
			assert_leads_to(va(1, 2, i, 0), (uint64_t)i << 16,
					4096);
		for (i = 0; i < 64; i++)
			assert_leads_to(va(1, 100 + i, 1, 0),
					((uint64_t)(i + 1) << 21) + 4096,
					(1 << 21) - 4096);
	}
	/* As many as it has stay. */
	mmu_invalidate_all(&fixture.mmu);
	for (i = 0; i < MMU_TLB_SETS * MMU_TLB_WAYS; i++)
		access_at(va(1, 2, i, 0), false);
	fixture.reads = 0;
	for (i = 0; i < MMU_TLB_SETS * MMU_TLB_WAYS; i++)
		access_at(va(1, 2, i, 0), false);
	assert_int_equal(fixture.reads, 0);
}

/* Three pages, a 2 MiB page and another context; tells what is forgotten. */
static const uint64_t places[] = {
	0x40403000, 0x40404000, 0x40405000, 0x40e00000, 0xffffffffc0000000,
};

static void fill_tlb(void)
{
	struct mmu_span span;
	uint32_t i;

	setup(NULL);
	*entry_at(LEAF, 4) = pte(0x4000, V | R);
	*entry_at(LEAF, 5) = pte(0x5000, V | R);
	*entry_at(MID, 7) = pte(0x40200000, V | R);
	*entry_at(ROOT, 511) = pte(0x40000000, V | R);
	mmu_set_root(&fixture.mmu, 6, ROOT | NPU_MMU_ROOT_VALID);
	for (i = 0; i < 5; i++)
		assert_int_equal(access_at(places[i], false), 0);
	assert_int_equal(access_in(6, places[0], false, &span), 0);
}

static uint32_t forgotten(void)
{
	struct mmu_span span;
	uint32_t i, result = 0, before;

	for (i = 0; i < 6; i++) {
		before = fixture.mmu.misses;
		access_in(i < 5 ? CONTEXT : 6, places[i % 5], false, &span);
		result |= (fixture.mmu.misses - before) << i;
	}
	return result;
}

static void test_invalidate(void **state)
{
	static const struct {
		uint64_t address, size;
		uint32_t expected;
	} rows[] = {
		{ 0x40404000, 4096, 0x02 },
		{ 0x40404fff, 1, 0x02 },
		{ 0x40404fff, 2, 0x06 },
		{ 0x40403001, 0x1000, 0x03 },
		{ 0x40404000, 0, 0 },
		{ 0x40402000, 0x1000, 0 },
		{ 0x40406000, 0x1000, 0 },
		{ 0x40fff000, 1, 0x08 },
		{ 0x41000000, 1 << 20, 0 },
		{ 0, 0x41000000, 0x0f },
		{ 0, UINT64_MAX, 0x1f },
		{ 0xfffffffff0000000, UINT64_MAX, 0x10 },
	};
	uint32_t i;

	fill_tlb();
	assert_int_equal(forgotten(), 0);
	mmu_invalidate_all(&fixture.mmu);
	assert_int_equal(forgotten(), 0x3f);
	mmu_invalidate_context(&fixture.mmu, CONTEXT);
	assert_int_equal(forgotten(), 0x1f);
	mmu_set_root(&fixture.mmu, 6, ROOT | NPU_MMU_ROOT_VALID);
	assert_int_equal(forgotten(), 0x20);
	mmu_invalidate_context(&fixture.mmu, 1000);
	assert_int_equal(forgotten(), 0);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		fill_tlb();
		mmu_invalidate_range(&fixture.mmu, CONTEXT, rows[i].address,
				     rows[i].size);
		assert_int_equal(forgotten(), rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_page_sizes, setup),
		cmocka_unit_test_setup(test_highest_addresses, setup),
		cmocka_unit_test_setup(test_permissions, setup),
		cmocka_unit_test_setup(test_reserved_bits, setup),
		cmocka_unit_test_setup(test_pointer_flags, setup),
		cmocka_unit_test_setup(test_misaligned_superpages, setup),
		cmocka_unit_test_setup(test_addresses_that_are_not_canonical,
				       setup),
		cmocka_unit_test_setup(test_contexts, setup),
		cmocka_unit_test_setup(test_tables_that_cannot_be_read, setup),
		cmocka_unit_test_setup(test_table_that_points_to_itself,
				       setup),
		cmocka_unit_test_setup(test_tlb_keeps_leaves, setup),
		cmocka_unit_test_setup(test_tlb_keeps_no_refusal, setup),
		cmocka_unit_test_setup(test_tlb_replaces, setup),
		cmocka_unit_test_setup(test_invalidate, setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("mmu", tests, NULL, NULL);
}
