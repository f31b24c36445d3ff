// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables. A change goes in two steps, since it is part of signalling a
 * fence, where nothing may be allocated: first all tables that it may need are
 * allocated (tnpu_pt_prepare_map() or _unmap()), then entries are written, with
 * the tree locked. What the change leaves behind, tables that it took out or did
 * not need, is freed once the device's translations are invalidated.
 *
 * Where bus addresses allow it, leaves are of 2 MiB. One that loses a part is
 * split into pages first.
 */

#include "tnpu_pt.h"

#include <kunit/visibility.h>
#include <linux/dma-mapping.h>
#include <linux/minmax.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/slab.h>

#define TNPU_PT_LEVELS 3
#define TNPU_PT_ENTRIES 512
#define TNPU_PT_BITS 9

#define TNPU_PTE_V BIT_ULL(0)
#define TNPU_PTE_R BIT_ULL(1)
#define TNPU_PTE_W BIT_ULL(2)
#define TNPU_PTE_PPN_SHIFT 10

/**
 * struct tnpu_pt_node - one table
 * @entries: what the device reads
 * @bus: its bus address
 * @used: how many entries are valid
 * @link: in a list of tables that are not in use
 * @child: tables that the entries point to; on the last level there are none.
 *	An entry that is valid without one is a large leaf.
 */
struct tnpu_pt_node {
	__le64 *entries;
	dma_addr_t bus;
	unsigned int used;
	struct list_head link;
	struct tnpu_pt_node *child[];
};

/* Level 0 is the last one, whose entries are pages. */
static unsigned int tnpu_pt_shift(unsigned int level)
{
	return TNPU_PAGE_SHIFT + level * TNPU_PT_BITS;
}

static unsigned int tnpu_pt_index(u64 addr, unsigned int level)
{
	return (addr >> tnpu_pt_shift(level)) % TNPU_PT_ENTRIES;
}

static u64 tnpu_pt_span(unsigned int level)
{
	return 1ull << tnpu_pt_shift(level);
}

/* Whether a large leaf may begin here. */
static bool tnpu_pt_fits_large(u64 addr, dma_addr_t bus, u64 size)
{
	u64 span = tnpu_pt_span(1);

	return size >= span && IS_ALIGNED(addr, span) && IS_ALIGNED(bus, span);
}

static __le64 tnpu_pt_entry(dma_addr_t bus, u64 flags)
{
	return cpu_to_le64(((u64)bus >> TNPU_PAGE_SHIFT << TNPU_PTE_PPN_SHIFT) |
			   TNPU_PTE_V | flags);
}

static struct tnpu_pt_node *tnpu_pt_node_create(struct tnpu_pt *pt,
						unsigned int level)
{
	struct tnpu_pt_node *node;

	node = kzalloc(struct_size(node, child, level ? TNPU_PT_ENTRIES : 0),
		       GFP_KERNEL_ACCOUNT);
	if (!node)
		return NULL;
	node->entries = dma_alloc_coherent(pt->dev, TNPU_PAGE_SIZE, &node->bus,
					   GFP_KERNEL_ACCOUNT);
	if (!node->entries) {
		kfree(node);
		return NULL;
	}
	INIT_LIST_HEAD(&node->link);
	return node;
}

static void tnpu_pt_node_destroy(struct tnpu_pt *pt, struct tnpu_pt_node *node)
{
	dma_free_coherent(pt->dev, TNPU_PAGE_SIZE, node->entries, node->bus);
	kfree(node);
}

/**
 * tnpu_pt_init() - make an empty tree
 * @pt: tree
 * @dev: device that reads it
 *
 * Return: 0 or -ENOMEM.
 */
int tnpu_pt_init(struct tnpu_pt *pt, struct device *dev)
{
	pt->dev = dev;
	pt->root = tnpu_pt_node_create(pt, TNPU_PT_LEVELS - 1);
	return pt->root ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_pt_init);

/**
 * tnpu_pt_fini() - free all tables
 * @pt: tree that the device does not use any more
 */
void tnpu_pt_fini(struct tnpu_pt *pt)
{
	struct tnpu_pt_node *node;
	unsigned int i, j;

	if (!pt->root)
		return;
	for (i = 0; i < TNPU_PT_ENTRIES; i++) {
		node = pt->root->child[i];
		if (!node)
			continue;
		for (j = 0; j < TNPU_PT_ENTRIES; j++)
			if (node->child[j])
				tnpu_pt_node_destroy(pt, node->child[j]);
		tnpu_pt_node_destroy(pt, node);
	}
	tnpu_pt_node_destroy(pt, pt->root);
	pt->root = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_pt_fini);

dma_addr_t tnpu_pt_root(const struct tnpu_pt *pt)
{
	return pt->root->bus;
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_pt_root);

/* --- Before a change: tables ----------------------------------------------- */

void tnpu_pt_change_init(struct tnpu_pt_change *change)
{
	INIT_LIST_HEAD(&change->spare[0]);
	INIT_LIST_HEAD(&change->spare[1]);
	INIT_LIST_HEAD(&change->unused);
	change->is_stale = false;
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_pt_change_init);

static int tnpu_pt_add_spare(struct tnpu_pt *pt, struct tnpu_pt_change *change,
			     unsigned int level, u64 count)
{
	struct tnpu_pt_node *node;

	while (count--) {
		node = tnpu_pt_node_create(pt, level);
		if (!node)
			return -ENOMEM;
		list_add(&node->link, &change->spare[level]);
		cond_resched();
	}
	return 0;
}

/* How many tables of pages a range needs beyond those counted so far. */
static u64 tnpu_pt_count_tables(u64 addr, dma_addr_t bus, u64 size, u64 *counted)
{
	u64 span = tnpu_pt_span(1);
	u64 end = addr + size;
	u64 count = 0;
	u64 step;

	for (; addr < end; addr += step, bus += step) {
		if (tnpu_pt_fits_large(addr, bus, end - addr)) {
			step = span;
			continue;
		}
		step = min(end, round_down(addr, span) + span) - addr;
		if (round_down(addr, span) == *counted)
			continue;
		*counted = round_down(addr, span);
		count++;
	}
	return count;
}

/**
 * tnpu_pt_prepare_map() - allocate the tables that tnpu_pt_map_sgt() may need
 * @pt: tree
 * @change: set up, for tnpu_pt_free() even after an error
 * @addr: first address
 * @size: bytes
 * @sgt: what is to be mapped
 * @offset: from its begin, in bytes
 *
 * Return: 0 or -ENOMEM.
 */
int tnpu_pt_prepare_map(struct tnpu_pt *pt, struct tnpu_pt_change *change,
			u64 addr, u64 size, struct sg_table *sgt, u64 offset)
{
	u64 tables = 0, counted = U64_MAX, at = addr, left = size;
	struct scatterlist *sg;
	unsigned int i;
	int ret;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		u64 length = sg_dma_len(sg);

		if (offset >= length) {
			offset -= length;
			continue;
		}
		length = min(length - offset, left);
		tables += tnpu_pt_count_tables(at, sg_dma_address(sg) + offset,
					       length, &counted);
		at += length;
		left -= length;
		offset = 0;
		if (!left)
			break;
	}
	ret = tnpu_pt_add_spare(pt, change, 0, tables);
	if (ret)
		return ret;
	return tnpu_pt_add_spare(pt, change, 1,
				 ((addr + size - 1) >> tnpu_pt_shift(2)) -
				 (addr >> tnpu_pt_shift(2)) + 1);
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_pt_prepare_map);

/**
 * tnpu_pt_prepare_unmap() - allocate the tables that tnpu_pt_unmap() may need
 * @pt: tree
 * @change: set up, for tnpu_pt_free() even after an error
 * @addr: first address
 * @size: bytes
 *
 * That is one for each end at which a large leaf may have to be split.
 *
 * Return: 0 or -ENOMEM.
 */
int tnpu_pt_prepare_unmap(struct tnpu_pt *pt, struct tnpu_pt_change *change,
			  u64 addr, u64 size)
{
	u64 span = tnpu_pt_span(1);

	return tnpu_pt_add_spare(pt, change, 0, !IS_ALIGNED(addr, span) +
				 !IS_ALIGNED(addr + size, span));
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_pt_prepare_unmap);

/* --- The change ------------------------------------------------------------- */

static struct tnpu_pt_node *tnpu_pt_take_spare(struct tnpu_pt_change *change,
					       unsigned int level)
{
	struct tnpu_pt_node *node = list_first_entry(&change->spare[level],
						     struct tnpu_pt_node, link);

	list_del_init(&node->link);
	return node;
}

static void tnpu_pt_set_child(struct tnpu_pt_node *node, unsigned int i,
			      struct tnpu_pt_node *child)
{
	if (!node->entries[i])
		node->used++;
	node->child[i] = child;
	dma_wmb(); /* the table is whole before the device sees it */
	WRITE_ONCE(node->entries[i], tnpu_pt_entry(child->bus, 0));
}

/* Invalidates an entry, and takes out the table that it points to. */
static void tnpu_pt_clear_entry(struct tnpu_pt_node *node, unsigned int i,
				struct tnpu_pt_change *change)
{
	WRITE_ONCE(node->entries[i], 0);
	node->used--;
	change->is_stale = true;
	if (!node->child[i])
		return;
	list_add_tail(&node->child[i]->link, &change->unused);
	node->child[i] = NULL;
}

/* The middle table for @addr, or NULL. */
static struct tnpu_pt_node *tnpu_pt_middle(struct tnpu_pt *pt, u64 addr)
{
	return pt->root->child[tnpu_pt_index(addr, 2)];
}

static struct tnpu_pt_node *tnpu_pt_need_middle(struct tnpu_pt *pt,
						struct tnpu_pt_change *change,
						u64 addr)
{
	struct tnpu_pt_node *node = tnpu_pt_middle(pt, addr);

	if (node)
		return node;
	node = tnpu_pt_take_spare(change, 1);
	tnpu_pt_set_child(pt->root, tnpu_pt_index(addr, 2), node);
	return node;
}

/* The table of pages for @addr, made from a large leaf if there was one. */
static struct tnpu_pt_node *tnpu_pt_need_pages(struct tnpu_pt_node *middle,
					       struct tnpu_pt_change *change,
					       u64 addr)
{
	unsigned int i = tnpu_pt_index(addr, 1);
	u64 entry = le64_to_cpu(middle->entries[i]);
	struct tnpu_pt_node *node = middle->child[i];
	unsigned int page;

	if (node)
		return node;
	node = tnpu_pt_take_spare(change, 0);
	for (page = 0; entry && page < TNPU_PT_ENTRIES; page++) {
		node->entries[page] = cpu_to_le64(entry);
		entry += BIT_ULL(TNPU_PTE_PPN_SHIFT);
		node->used++;
	}
	tnpu_pt_set_child(middle, i, node);
	return node;
}

static void tnpu_pt_map_large(struct tnpu_pt_node *middle,
			      struct tnpu_pt_change *change, u64 addr,
			      __le64 entry)
{
	unsigned int i = tnpu_pt_index(addr, 1);

	if (middle->entries[i])
		tnpu_pt_clear_entry(middle, i, change);
	middle->used++;
	WRITE_ONCE(middle->entries[i], entry);
}

static void tnpu_pt_map_page(struct tnpu_pt_node *middle,
			     struct tnpu_pt_change *change, u64 addr,
			     __le64 entry)
{
	struct tnpu_pt_node *node = tnpu_pt_need_pages(middle, change, addr);
	unsigned int i = tnpu_pt_index(addr, 0);

	if (node->entries[i])
		change->is_stale = true;
	else
		node->used++;
	WRITE_ONCE(node->entries[i], entry);
}

/* Maps a range that is contiguous on the bus. */
static void tnpu_pt_map(struct tnpu_pt *pt, struct tnpu_pt_change *change,
			u64 addr, dma_addr_t bus, u64 size, u64 flags)
{
	u64 end = addr + size;
	struct tnpu_pt_node *middle;
	u64 step;

	for (; addr < end; addr += step, bus += step) {
		middle = tnpu_pt_need_middle(pt, change, addr);
		if (tnpu_pt_fits_large(addr, bus, end - addr)) {
			step = tnpu_pt_span(1);
			tnpu_pt_map_large(middle, change, addr,
					  tnpu_pt_entry(bus, flags));
		} else {
			step = tnpu_pt_span(0);
			tnpu_pt_map_page(middle, change, addr,
					 tnpu_pt_entry(bus, flags));
		}
	}
}

/**
 * tnpu_pt_map_sgt() - map a range, whatever was there
 * @pt: tree
 * @change: from tnpu_pt_prepare_map() with the same range
 * @addr: first address
 * @size: bytes
 * @sgt: what is mapped
 * @offset: from its begin, in bytes
 * @is_readonly: the device may not write
 *
 * The device may use old entries until its translations are invalidated, which
 * is needed if @change->is_stale.
 */
void tnpu_pt_map_sgt(struct tnpu_pt *pt, struct tnpu_pt_change *change,
		     u64 addr, u64 size, struct sg_table *sgt, u64 offset,
		     bool is_readonly)
{
	u64 flags = TNPU_PTE_R | (is_readonly ? 0 : TNPU_PTE_W);
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		u64 length = sg_dma_len(sg);

		if (offset >= length) {
			offset -= length;
			continue;
		}
		length = min(length - offset, size);
		tnpu_pt_map(pt, change, addr, sg_dma_address(sg) + offset,
			    length, flags);
		addr += length;
		size -= length;
		offset = 0;
		if (!size)
			break;
		cond_resched();
	}
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_pt_map_sgt);

/* Unmaps a part of what one entry of the middle table stands for. */
static void tnpu_pt_unmap_pages(struct tnpu_pt_node *middle,
				struct tnpu_pt_change *change, u64 addr,
				u64 end)
{
	struct tnpu_pt_node *node = tnpu_pt_need_pages(middle, change, addr);
	__le64 *entry;

	for (; addr < end; addr += TNPU_PAGE_SIZE) {
		entry = &node->entries[tnpu_pt_index(addr, 0)];
		if (!*entry)
			continue;
		node->used--;
		change->is_stale = true;
		WRITE_ONCE(*entry, 0);
	}
	if (!node->used)
		tnpu_pt_clear_entry(middle, tnpu_pt_index(end - 1, 1), change);
}

/* Unmaps a part of what one entry of the root stands for. */
static void tnpu_pt_unmap_middle(struct tnpu_pt *pt,
				 struct tnpu_pt_change *change, u64 addr,
				 u64 end)
{
	struct tnpu_pt_node *middle = tnpu_pt_middle(pt, addr);
	u64 span = tnpu_pt_span(1);
	u64 last = end - 1, next;

	for (; addr < end; addr = next) {
		unsigned int i = tnpu_pt_index(addr, 1);

		next = min(end, round_down(addr, span) + span);
		if (!middle->entries[i])
			continue;
		if (next - addr == span)
			tnpu_pt_clear_entry(middle, i, change);
		else
			tnpu_pt_unmap_pages(middle, change, addr, next);
	}
	if (!middle->used)
		tnpu_pt_clear_entry(pt->root, tnpu_pt_index(last, 2), change);
}

/**
 * tnpu_pt_unmap() - unmap a range, of which any part may be mapped
 * @pt: tree
 * @change: from tnpu_pt_prepare_unmap() with the same range
 * @addr: first address
 * @size: bytes
 *
 * The device may use old entries until its translations are invalidated, which
 * is needed if @change->is_stale.
 */
void tnpu_pt_unmap(struct tnpu_pt *pt, struct tnpu_pt_change *change, u64 addr,
		   u64 size)
{
	u64 span = tnpu_pt_span(2);
	u64 end = addr + size, next;

	for (; addr < end; addr = next) {
		next = min(end, round_down(addr, span) + span);
		if (!tnpu_pt_middle(pt, addr))
			continue;
		tnpu_pt_unmap_middle(pt, change, addr, next);
		cond_resched();
	}
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_pt_unmap);

/**
 * tnpu_pt_count_leaves() - count what a tree maps
 * @pt: tree
 * @pages: set: leaves of 4 KiB
 * @large: set: leaves of 2 MiB
 */
void tnpu_pt_count_leaves(const struct tnpu_pt *pt, u64 *pages, u64 *large)
{
	struct tnpu_pt_node *middle;
	unsigned int i, j;

	*pages = 0;
	*large = 0;
	for (i = 0; pt->root && i < TNPU_PT_ENTRIES; i++) {
		middle = pt->root->child[i];
		for (j = 0; middle && j < TNPU_PT_ENTRIES; j++) {
			if (middle->child[j])
				*pages += middle->child[j]->used;
			else if (middle->entries[j])
				*large += 1;
		}
	}
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_pt_count_leaves);

/* --- After a change --------------------------------------------------------- */

/**
 * tnpu_pt_free() - free what a change has left
 * @pt: tree
 * @change: change; the device's translations are invalidated
 */
void tnpu_pt_free(struct tnpu_pt *pt, struct tnpu_pt_change *change)
{
	struct tnpu_pt_node *node, *next;

	list_splice_init(&change->spare[0], &change->unused);
	list_splice_init(&change->spare[1], &change->unused);
	list_for_each_entry_safe(node, next, &change->unused, link)
		tnpu_pt_node_destroy(pt, node);
	INIT_LIST_HEAD(&change->unused);
}
EXPORT_SYMBOL_IF_KUNIT(tnpu_pt_free);
