/* SPDX-License-Identifier: MIT */
/*
 * What DMA_DECODE has decoded before. A model's weights are decoded anew in each
 * inference, which costs the host several times what it takes to see that the
 * stream is still the same. Called by dma_decode.c, and by who reads SRAM; the
 * machine (core.c) brings the memory.
 *
 * It can't be told from decoding: an entry counts if the command's fields and all
 * bytes of the stream, read from memory now, are those that it was made of.
 * Whatever differs, or can't be read, is left to the decoder and to its faults.
 *
 * Nor are results that were found copied to SRAM at once. They are owed to it, and
 * paid before anything looks at the place or changes a part of it; the array takes
 * a block of weights from the entry itself. What is overwritten by another result
 * that is owed, or cleared, never has to be paid.
 */
#ifndef NPU_DMA_MEMO_H
#define NPU_DMA_MEMO_H

#include "unit.h"

#define DMA_MEMO_SIZE (8u << 20) /* bytes; touched as they are needed */
#define DMA_MEMO_SLOTS 2048
#define DMA_MEMO_DEBTS 16

/* Bytes of the store, from @from on, that belong at @place in SRAM. */
struct dma_debt {
	struct unit_range place;
	uint32_t from;
};

/**
 * struct dma_memo - streams and what they decode to
 * @store: DMA_MEMO_SIZE bytes, aligned to 8
 * @used: how many of them hold entries, one behind the other
 * @refused: streams in a row that found no entry and no room
 * @slots: where in @store the entry is that hashes to this slot, plus 1; or 0
 * @debts: that no two have a byte in common
 * @debt_count: of them
 */
struct dma_memo {
	uint8_t *store;
	uint32_t used;
	uint32_t refused;
	uint32_t slots[DMA_MEMO_SLOTS];
	struct dma_debt debts[DMA_MEMO_DEBTS];
	uint32_t debt_count;
};

void dma_memo_init(struct dma_memo *memo, uint8_t *store);

/* Do the command's work from memory of it. False: SRAM is as it was. */
bool dma_memo_recall(struct unit_ctx *ctx, const struct npu_cmd_decode *cmd);

/* Where the decoder is to put the stream as it reads it; NULL: nowhere. */
uint8_t *dma_memo_begin(struct unit_ctx *ctx, const struct npu_cmd_decode *cmd);

/* The stream is all there, and decoded. Not without dma_memo_begin(). */
void dma_memo_end(struct unit_ctx *ctx, const struct npu_cmd_decode *cmd);

/*
 * Pay what is owed to a range of SRAM; to what a command touches, but for weights
 * that the array can take from an entry; to nobody, since SRAM has been cleared.
 */
void dma_memo_pay(struct unit_ctx *ctx, const struct unit_range *range);
void dma_memo_pay_for(struct unit_ctx *ctx, const struct unit_access *access);
void dma_memo_forgive(struct dma_memo *memo);

/* Where the bytes of a range are that was paid for: SRAM, or an entry. */
const uint8_t *dma_memo_place(const struct unit_ctx *ctx,
			      const struct unit_range *range);

#endif
