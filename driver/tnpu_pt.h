/* SPDX-License-Identifier: GPL-2.0-only */
/* Page tables in Sv39 format: what the device's MMU walks. */
#ifndef TNPU_PT_H
#define TNPU_PT_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/types.h>

struct device;
struct sg_table;
struct tnpu_pt_node;

#define TNPU_PAGE_SHIFT 12
#define TNPU_PAGE_SIZE BIT_ULL(TNPU_PAGE_SHIFT)
#define TNPU_BUS_BITS 56 /* what an entry can name */

/**
 * struct tnpu_pt - a tree of page tables
 * @dev: whose memory it is in
 * @root: first table, or NULL
 */
struct tnpu_pt {
	struct device *dev;
	struct tnpu_pt_node *root;
};

/**
 * struct tnpu_pt_change - tables of a change, besides those in the tree
 * @spare: for the change, by level
 * @unused: the device may still use them
 * @is_stale: an entry was valid before, so the device may know it
 */
struct tnpu_pt_change {
	struct list_head spare[2];
	struct list_head unused;
	bool is_stale;
};

int tnpu_pt_init(struct tnpu_pt *pt, struct device *dev);
void tnpu_pt_fini(struct tnpu_pt *pt);
dma_addr_t tnpu_pt_root(const struct tnpu_pt *pt);

void tnpu_pt_change_init(struct tnpu_pt_change *change);
int tnpu_pt_prepare_map(struct tnpu_pt *pt, struct tnpu_pt_change *change,
			u64 addr, u64 size, struct sg_table *sgt, u64 offset);
int tnpu_pt_prepare_unmap(struct tnpu_pt *pt, struct tnpu_pt_change *change,
			  u64 addr, u64 size);
void tnpu_pt_map_sgt(struct tnpu_pt *pt, struct tnpu_pt_change *change,
		     u64 addr, u64 size, struct sg_table *sgt, u64 offset,
		     bool is_readonly);
void tnpu_pt_unmap(struct tnpu_pt *pt, struct tnpu_pt_change *change, u64 addr,
		   u64 size);
void tnpu_pt_count_leaves(const struct tnpu_pt *pt, u64 *pages, u64 *large);
void tnpu_pt_free(struct tnpu_pt *pt, struct tnpu_pt_change *change);

#endif
