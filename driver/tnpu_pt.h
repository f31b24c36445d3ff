/* SPDX-License-Identifier: GPL-2.0-only */
/* Page tables in Sv39 format: what the device's MMU walks. */
#ifndef TNPU_PT_H
#define TNPU_PT_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/types.h>

struct device;
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

int tnpu_pt_init(struct tnpu_pt *pt, struct device *dev);
void tnpu_pt_fini(struct tnpu_pt *pt);
dma_addr_t tnpu_pt_root(const struct tnpu_pt *pt);
int tnpu_pt_reserve(struct tnpu_pt *pt, u64 addr, u64 size);
void tnpu_pt_map(struct tnpu_pt *pt, u64 addr, dma_addr_t bus, u64 size,
		 bool is_readonly);
void tnpu_pt_unmap(struct tnpu_pt *pt, u64 addr, u64 size);
void tnpu_pt_trim(struct tnpu_pt *pt, u64 addr, u64 size,
		  struct list_head *unused);
void tnpu_pt_free(struct tnpu_pt *pt, struct list_head *unused);

#endif
