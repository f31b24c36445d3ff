/* SPDX-License-Identifier: MIT */
/*
 * What the machine (core.c) and the units (dma.c, mac.c, vec.c) know of each
 * other. Each unit is two functions:
 *
 * check	looks at the command alone: every field, every reserved byte
 *		(the header is the machine's), work limits, regions, and the full
 *		extent of what it reads and writes in SRAM. Changes nothing but
 *		@access and the fault.
 * execute	is called for a command that passed, does the arithmetic on
 *		ctx->sram and cannot fail but for memory (page faults, bus), which
 *		only the DMA unit touches.
 *
 * Both return 0, or -1 with ctx->fault filled in by unit_fault() or one of the
 * helpers. The order of checks is the manual's: reserved fields, fields, work,
 * operand ranges, overlaps. Between the two, the machine checks the order
 * against other units' commands with @access (hazard.c), so what is added there
 * must be exact: a byte too many is a false hazard, one too few a missed one.
 *
 * The command is a private, aligned copy: memory can't change it in between.
 */
#ifndef NPU_UNIT_H
#define NPU_UNIT_H

#include <npu/isa.h>
#include <npu/job.h>

#include <stdbool.h>

struct dma_memo;

struct unit_fault {
	enum npu_fault code;
	uint32_t info;
	uint64_t addr;
};

/*
 * Bytes of SRAM: @run contiguous ones, repeated in three dimensions. All counts
 * are at least 1; strides may be 0 or overlap. Dimension 0 is innermost. Its
 * range, which checks, overlaps and hazards go by, is from its first byte to its
 * last, gaps included.
 */
struct unit_extent {
	uint32_t addr;
	uint32_t run;
	uint32_t n[3];
	uint32_t stride[3];
};

struct unit_range {
	uint32_t low;
	uint32_t high;		/* the byte behind the last one */
};

#define UNIT_MAX_READS 4
#define UNIT_MAX_WRITES 2

/* What a command touches in SRAM. Starts empty; filled by check. */
struct unit_access {
	struct unit_range reads[UNIT_MAX_READS];
	struct unit_range writes[UNIT_MAX_WRITES];
	uint32_t read_count;
	uint32_t write_count;
	bool has_weights; /* the last of the reads, which the array takes */
};

/*
 * What a unit sees of its core. The weight buffer, @buffer_size bytes, lies behind
 * the SRAM in @sram: see unit_place(). @memory is the way to the job's memory: @size
 * bytes at a virtual address, in or out; 0, or -1 with *fault filled in
 * (NPU_FAULT_PAGE_READ, PAGE_WRITE, BUS or CONTEXT; addr: virtual address of
 * the first byte that can't be reached). Tests may put their own there. @memo:
 * see dma_memo.h; may be NULL. @show: where the host has the page of a virtual address,
 * for reading during the command, or NULL: ask @memory; may be NULL itself. *@seal is
 * not 0 if what is there never changes while that number is given.
 */
struct unit_ctx {
	uint8_t *sram;
	uint32_t sram_size;
	uint32_t buffer_size;
	const struct npu_region *regions;
	uint32_t region_count;
	int (*memory)(void *opaque, uint64_t address, void *buffer,
		      uint32_t size, bool is_write, struct unit_fault *fault);
	void *opaque;
	struct dma_memo *memo;
	struct unit_fault fault;
	const uint8_t *(*show)(void *opaque, uint64_t page, uint64_t *seal);
};

/* --- Implemented by the units ------------------------------------------- */

int npu_dma_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		  struct unit_access *access);
int npu_dma_execute(struct unit_ctx *ctx, const union npu_cmd *cmd);

int npu_mac_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		  struct unit_access *access);
int npu_mac_execute(struct unit_ctx *ctx, const union npu_cmd *cmd);

/* NOP among them: it has a check and nothing to execute. */
int npu_vec_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		  struct unit_access *access);
int npu_vec_execute(struct unit_ctx *ctx, const union npu_cmd *cmd);

/* --- Offered by the machine: unit.c --------------------------------------- */

/* Record a fault. Always returns -1, to be returned in turn. */
int unit_fault(struct unit_ctx *ctx, enum npu_fault code, uint32_t info,
	       uint64_t addr);

/* NPU_FAULT_FIELD of the member at byte @offset of the command. */
int unit_fault_field(struct unit_ctx *ctx, uint32_t offset);
#define UNIT_FAULT_FIELD(ctx, layout, member) \
	unit_fault_field(ctx, __builtin_offsetof(struct layout, member))

/*
 * 0 if the @size bytes at @offset of the command are zero, else -1 with
 * NPU_FAULT_RESERVED, info: byte offset of the first that is not.
 */
int unit_check_reserved(struct unit_ctx *ctx, const union npu_cmd *cmd,
			uint32_t offset, uint32_t size);
#define UNIT_CHECK_RESERVED(ctx, cmd, layout, member)                        \
	unit_check_reserved(ctx, cmd,                                       \
			    __builtin_offsetof(struct layout, member),      \
			    sizeof(((struct layout *)0)->member))

/*
 * The byte behind the last one that an extent touches, in 64 bits: no field of
 * a command can make it overflow.
 */
uint64_t unit_extent_end(const struct unit_extent *extent);

/*
 * Check an extent against the SRAM and add its range to what the command reads
 * or writes. -1 with NPU_FAULT_SRAM (addr: the first address beyond the SRAM) if
 * it does not lie within, whole.
 */
int unit_access_read(struct unit_ctx *ctx, struct unit_access *access,
		     const struct unit_extent *extent);
int unit_access_write(struct unit_ctx *ctx, struct unit_access *access,
		      const struct unit_extent *extent);

/* Likewise of what may lie in the weight buffer instead. */
int unit_access_read_weights(struct unit_ctx *ctx, struct unit_access *access,
			     const struct unit_extent *extent);
int unit_access_write_weights(struct unit_ctx *ctx, struct unit_access *access,
			      const struct unit_extent *extent);

/* Where in ctx->sram an SRAM address is that has been checked. */
uint32_t unit_place(const struct unit_ctx *ctx, uint32_t addr);

/* An extent of @height x @width pixels of @channels bytes. */
struct unit_extent unit_extent_surface(const struct npu_surface *surface,
				       uint32_t height, uint32_t width,
				       uint32_t channels);

/* True if two ranges, or the ranges of two extents, have a byte in common. */
static inline bool unit_ranges_overlap(const struct unit_range *a,
				       const struct unit_range *b)
{
	return a->low < b->high && b->low < a->high;
}

bool unit_extents_overlap(const struct unit_extent *a,
			  const struct unit_extent *b);

/*
 * Check that @size bytes at @offset lie in a region, whole. -1 with
 * NPU_FAULT_REGION (info: region, addr: the first offset beyond its end, or 0
 * if there is no such region). Not for NPU_REGION_SRAM.
 */
int unit_check_region(struct unit_ctx *ctx, uint8_t region, uint64_t offset,
		      uint64_t size);

/*
 * Copy between a region, checked before, and a buffer (the SRAM, say). -1 with
 * the fault of the first byte that can't be reached; what lies before it may
 * have been copied.
 */
int unit_region_read(struct unit_ctx *ctx, uint8_t region, uint64_t offset,
		     void *buffer, uint32_t size);
int unit_region_write(struct unit_ctx *ctx, uint8_t region, uint64_t offset,
		      const void *buffer, uint32_t size);

#endif
