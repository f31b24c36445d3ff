// SPDX-License-Identifier: MIT
/*
 * See dma_memo.h. Entries are never taken out one by one: a store that is full
 * keeps what it has, since whoever goes round more than fits would find nothing
 * of it if the oldest made way. Only when no entry has been of use for long, the
 * programs are others by now, and all are forgotten.
 */
#include "dma_memo.h"

#include <string.h>

#define PART_SIZE 4096 /* bytes of a stream that are compared at once: a page */
#define PATIENCE 4096
#define TRIES 8

/* The stream stands behind it, then what it decodes to. */
struct entry {
	struct npu_cmd_decode key;
	uint8_t bytes[];
};

void dma_memo_init(struct dma_memo *memo, uint8_t *store)
{
	memset(memo, 0, sizeof(*memo));
	memo->store = store;
}

/* What the result depends on; of the header and the destination it does not. */
static struct npu_cmd_decode key_of(const struct npu_cmd_decode *cmd)
{
	struct npu_cmd_decode key = *cmd;

	memset(&key.hdr, 0, sizeof(key.hdr));
	key.dst = 0;
	return key;
}

static const struct entry *entry_at(const struct dma_memo *memo, uint32_t slot)
{
	return (const struct entry *)(memo->store + slot - 1);
}

/*
 * Where the key is, or else is to be: one of a few slots in a row, the first if all
 * are others'.
 */
static uint32_t *slot_of(struct dma_memo *memo,
			 const struct npu_cmd_decode *key)
{
	const uint32_t *words = (const uint32_t *)key;
	uint32_t hash = 2166136261u, i, *slot; /* FNV-1a, by words */

	for (i = 0; i < sizeof(*key) / sizeof(*words); i++)
		hash = (hash ^ words[i]) * 16777619u;
	hash ^= hash >> 16;
	for (i = 0; i < TRIES; i++) {
		slot = &memo->slots[(hash + i) % DMA_MEMO_SLOTS];
		if (!*slot || !memcmp(&entry_at(memo, *slot)->key, key,
				      sizeof(*key)))
			return slot;
	}
	return &memo->slots[hash % DMA_MEMO_SLOTS];
}

static uint64_t entry_size(const struct npu_cmd_decode *cmd)
{
	uint64_t size = sizeof(struct entry) + cmd->coded +
			npu_decode_bytes(cmd);

	return (size + 7) & ~7ull;
}

/* Are these bytes, which end within a page, in memory? */
static bool is_there(struct unit_ctx *ctx, const struct npu_cmd_decode *cmd,
		     uint32_t at, const uint8_t *bytes, uint32_t size)
{
	uint64_t offset = (uint64_t)cmd->src + at;
	uint64_t address = ctx->regions[cmd->src_region].base + offset;
	uint8_t part[PART_SIZE];
	const uint8_t *page = NULL;

	if (ctx->show)
		page = ctx->show(ctx->opaque, address - address % PART_SIZE);
	if (page)
		return !memcmp(page + address % PART_SIZE, bytes, size);
	return !unit_region_read(ctx, cmd->src_region, offset, part, size) &&
	       !memcmp(part, bytes, size);
}

static bool is_unchanged(struct unit_ctx *ctx,
			 const struct npu_cmd_decode *cmd,
			 const uint8_t *stream)
{
	uint64_t begin = ctx->regions[cmd->src_region].base + cmd->src;
	uint32_t at, size;

	for (at = 0; at < cmd->coded; at += size) {
		size = PART_SIZE - (begin + at) % PART_SIZE;
		if (size > cmd->coded - at)
			size = cmd->coded - at;
		if (!is_there(ctx, cmd, at, stream + at, size))
			return false;
	}
	return true;
}

bool dma_memo_recall(struct unit_ctx *ctx, const struct npu_cmd_decode *cmd)
{
	const struct npu_cmd_decode key = key_of(cmd);
	const struct entry *entry;
	uint32_t slot;

	if (!ctx->memo)
		return false;
	slot = *slot_of(ctx->memo, &key);
	if (!slot)
		return false;
	entry = entry_at(ctx->memo, slot);
	if (memcmp(&entry->key, &key, sizeof(key)) ||
	    !is_unchanged(ctx, cmd, entry->bytes))
		return false;
	memcpy(ctx->sram + unit_place(ctx, cmd->dst),
	       entry->bytes + cmd->coded, npu_decode_bytes(cmd));
	ctx->memo->refused = 0;
	return true;
}

uint8_t *dma_memo_begin(struct unit_ctx *ctx, const struct npu_cmd_decode *cmd)
{
	struct dma_memo *memo = ctx->memo;

	if (!memo || entry_size(cmd) > DMA_MEMO_SIZE)
		return NULL;
	if (entry_size(cmd) > DMA_MEMO_SIZE - memo->used) {
		if (++memo->refused < PATIENCE)
			return NULL;
		dma_memo_init(memo, memo->store);
	}
	return ((struct entry *)(memo->store + memo->used))->bytes;
}

void dma_memo_end(struct unit_ctx *ctx, const struct npu_cmd_decode *cmd)
{
	struct dma_memo *memo = ctx->memo;
	struct entry *entry = (struct entry *)(memo->store + memo->used);

	entry->key = key_of(cmd);
	memcpy(entry->bytes + cmd->coded,
	       ctx->sram + unit_place(ctx, cmd->dst), npu_decode_bytes(cmd));
	*slot_of(memo, &entry->key) = memo->used + 1;
	memo->used += entry_size(cmd);
}
