// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables. tnpu_vm.c calls, with the address space locked, in this order:
 * reserve the tables that a mapping will need (which may fail), change entries
 * (which can't), take tables out that have become empty, invalidate the
 * device's translations, free those tables.
 */

#include "tnpu_pt.h"

#include <linux/dma-mapping.h>
#include <linux/minmax.h>
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
 * @link: in a list of tables that are not used any more
 * @child: tables that the entries point to; on the last level there are none
 */
struct tnpu_pt_node {
	__le64 *entries;
	dma_addr_t bus;
	unsigned int used;
	struct list_head link;
	struct tnpu_pt_node *child[];
};

/* Level 0 is the last one, whose entries are pages. */
static unsigned int tnpu_pt_index(u64 addr, unsigned int level)
{
	return (addr >> (TNPU_PAGE_SHIFT + level * TNPU_PT_BITS)) %
	       TNPU_PT_ENTRIES;
}

static u64 tnpu_pt_span(unsigned int level)
{
	return TNPU_PAGE_SIZE << (level * TNPU_PT_BITS);
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

dma_addr_t tnpu_pt_root(const struct tnpu_pt *pt)
{
	return pt->root->bus;
}

/* The table that @addr's entry on @level points to, created if there is none */
static struct tnpu_pt_node *tnpu_pt_descend(struct tnpu_pt *pt,
					    struct tnpu_pt_node *node,
					    unsigned int level, u64 addr)
{
	unsigned int i = tnpu_pt_index(addr, level);
	struct tnpu_pt_node *child = node->child[i];

	if (child)
		return child;
	child = tnpu_pt_node_create(pt, level - 1);
	if (!child)
		return NULL;
	node->child[i] = child;
	node->used++;
	dma_wmb(); /* the new table is empty before the device sees it */
	WRITE_ONCE(node->entries[i], tnpu_pt_entry(child->bus, 0));
	return child;
}

/**
 * tnpu_pt_reserve() - make sure that a range can be mapped
 * @pt: tree
 * @addr: first address
 * @size: bytes
 *
 * Return: 0 or -ENOMEM; what was created stays until tnpu_pt_trim().
 */
int tnpu_pt_reserve(struct tnpu_pt *pt, u64 addr, u64 size)
{
	u64 span = tnpu_pt_span(1);
	u64 end = addr + size;
	struct tnpu_pt_node *node;

	for (addr = round_down(addr, span); addr < end; addr += span) {
		node = tnpu_pt_descend(pt, pt->root, 2, addr);
		if (!node || !tnpu_pt_descend(pt, node, 1, addr))
			return -ENOMEM;
		cond_resched();
	}
	return 0;
}

/* The last table on the way to @addr, if there is one. */
static struct tnpu_pt_node *tnpu_pt_leaf(struct tnpu_pt *pt, u64 addr)
{
	struct tnpu_pt_node *node = pt->root->child[tnpu_pt_index(addr, 2)];

	return node ? node->child[tnpu_pt_index(addr, 1)] : NULL;
}

/**
 * tnpu_pt_map() - map a contiguous range
 * @pt: tree with the range's tables reserved and its entries invalid
 * @addr: first address
 * @bus: first bus address
 * @size: bytes
 * @is_readonly: the device may not write
 */
void tnpu_pt_map(struct tnpu_pt *pt, u64 addr, dma_addr_t bus, u64 size,
		 bool is_readonly)
{
	u64 flags = TNPU_PTE_R | (is_readonly ? 0 : TNPU_PTE_W);
	u64 end = addr + size;
	struct tnpu_pt_node *leaf;

	for (; addr < end; addr += TNPU_PAGE_SIZE, bus += TNPU_PAGE_SIZE) {
		leaf = tnpu_pt_leaf(pt, addr);
		leaf->used++;
		WRITE_ONCE(leaf->entries[tnpu_pt_index(addr, 0)],
			   tnpu_pt_entry(bus, flags));
	}
}

/**
 * tnpu_pt_unmap() - unmap a range that is mapped
 * @pt: tree
 * @addr: first address
 * @size: bytes
 *
 * The device may use the old entries until its translations are invalidated.
 */
void tnpu_pt_unmap(struct tnpu_pt *pt, u64 addr, u64 size)
{
	u64 end = addr + size;
	struct tnpu_pt_node *leaf;
	__le64 *entry;

	for (; addr < end; addr += TNPU_PAGE_SIZE) {
		leaf = tnpu_pt_leaf(pt, addr);
		entry = &leaf->entries[tnpu_pt_index(addr, 0)];
		if (!*entry)
			continue; /* an imported buffer was shorter than said */
		leaf->used--;
		WRITE_ONCE(*entry, 0);
	}
}

/* Takes the table below @addr's entry on @level out, if it is empty. */
static void tnpu_pt_trim_child(struct tnpu_pt_node *node, unsigned int level,
			       u64 addr, struct list_head *unused)
{
	unsigned int i = tnpu_pt_index(addr, level);
	struct tnpu_pt_node *child = node->child[i];

	if (!child || child->used)
		return;
	WRITE_ONCE(node->entries[i], 0);
	node->child[i] = NULL;
	node->used--;
	list_add_tail(&child->link, unused);
}

/**
 * tnpu_pt_trim() - take out the tables of a range that are empty
 * @pt: tree
 * @addr: first address
 * @size: bytes
 * @unused: they are added here, for tnpu_pt_free() once the device's
 *	translations are invalidated
 */
void tnpu_pt_trim(struct tnpu_pt *pt, u64 addr, u64 size,
		  struct list_head *unused)
{
	u64 end = addr + size, next;
	struct tnpu_pt_node *node;

	for (addr = round_down(addr, tnpu_pt_span(1)); addr < end;
	     addr = next) {
		node = pt->root->child[tnpu_pt_index(addr, 2)];
		next = round_down(addr, tnpu_pt_span(2)) + tnpu_pt_span(2);
		if (!node)
			continue;
		for (; addr < min(end, next); addr += tnpu_pt_span(1))
			tnpu_pt_trim_child(node, 1, addr, unused);
		tnpu_pt_trim_child(pt->root, 2, next - 1, unused);
		cond_resched();
	}
}

/**
 * tnpu_pt_free() - free tables that were taken out
 * @pt: tree that they were part of
 * @unused: list of them
 */
void tnpu_pt_free(struct tnpu_pt *pt, struct list_head *unused)
{
	struct tnpu_pt_node *node, *next;

	list_for_each_entry_safe(node, next, unused, link)
		tnpu_pt_node_destroy(pt, node);
	INIT_LIST_HEAD(unused);
}
