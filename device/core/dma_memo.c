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

/*
 * What the stream decodes to stands behind it, then the stream. If it was found at
 * @host, all of it under one @seal, it need not be compared there again.
 */
struct entry {
	struct npu_cmd_decode key;
	uint64_t seal;
	const uint8_t *host;
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

static struct entry *entry_at(const struct dma_memo *memo, uint32_t slot)
{
	return (struct entry *)(memo->store + slot - 1);
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

/* Where bytes of memory that end within a page are, and under which seal. */
struct part {
	const uint8_t *host; /* NULL: who knows */
	uint64_t seal;
};

static struct part find_part(struct unit_ctx *ctx, uint64_t address)
{
	struct part part = { 0 };

	if (ctx->show)
		part.host = ctx->show(ctx->opaque,
				      address - address % PART_SIZE,
				      &part.seal);
	if (part.host)
		part.host += address % PART_SIZE;
	return part;
}

static bool is_equal(struct unit_ctx *ctx, const struct npu_cmd_decode *cmd,
		     const struct part *part, uint32_t at, const uint8_t *bytes,
		     uint32_t size)
{
	uint8_t copy[PART_SIZE];

	if (part->host)
		return !memcmp(part->host, bytes, size);
	return !unit_region_read(ctx, cmd->src_region,
				 (uint64_t)cmd->src + at, copy, size) &&
	       !memcmp(copy, bytes, size);
}

/*
 * Is the stream in memory that of the entry? Looks at all pages, since they may be
 * others by now, but not at bytes that are known not to have changed.
 */
static bool is_unchanged(struct unit_ctx *ctx,
			 const struct npu_cmd_decode *cmd, struct entry *entry)
{
	uint64_t begin = ctx->regions[cmd->src_region].base + cmd->src;
	const uint8_t *stream = entry->bytes + npu_decode_bytes(cmd);
	struct part first = find_part(ctx, begin), part = first;
	bool is_sealed = first.seal;
	uint32_t at, size;

	for (at = 0; at < cmd->coded; at += size) {
		size = PART_SIZE - (begin + at) % PART_SIZE;
		if (size > cmd->coded - at)
			size = cmd->coded - at;
		if (at)
			part = find_part(ctx, begin + at);
		is_sealed = is_sealed && part.seal == first.seal &&
			    part.host == first.host + at;
		if (part.seal && part.seal == entry->seal &&
		    part.host == entry->host + at)
			continue;
		if (!is_equal(ctx, cmd, &part, at, stream + at, size))
			return false;
	}
	entry->seal = is_sealed ? first.seal : 0;
	entry->host = first.host;
	return true;
}

/* --- Debts ---------------------------------------------------------------------- */

static const struct unit_range everything = { 0, UINT32_MAX };

static struct unit_range place_of(const struct npu_cmd_decode *cmd)
{
	return (struct unit_range){
		.low = cmd->dst,
		.high = cmd->dst + (uint32_t)npu_decode_bytes(cmd),
	};
}

static bool is_within(const struct unit_range *range,
		      const struct unit_range *around)
{
	return around->low <= range->low && range->high <= around->high;
}

static void add_debt(struct dma_memo *memo, const struct dma_debt *debt,
		     uint32_t low, uint32_t high)
{
	memo->debts[memo->debt_count++] = (struct dma_debt){
		.place = { low, high },
		.from = debt->from + (low - debt->place.low),
	};
}

/* The last one takes its place. */
static struct dma_debt take_debt(struct dma_memo *memo, uint32_t i)
{
	struct dma_debt debt = memo->debts[i];

	memo->debts[i] = memo->debts[--memo->debt_count];
	return debt;
}

static void pay_debt(struct unit_ctx *ctx, uint32_t i)
{
	struct dma_debt debt = take_debt(ctx->memo, i);

	memcpy(ctx->sram + unit_place(ctx, debt.place.low),
	       ctx->memo->store + debt.from, debt.place.high - debt.place.low);
}

/* Of what is owed already, only what lies before and behind remains. */
static void owe(struct unit_ctx *ctx, const struct dma_debt *new)
{
	struct dma_memo *memo = ctx->memo;
	uint32_t i = 0;

	while (i < memo->debt_count) {
		struct dma_debt old;

		if (!unit_ranges_overlap(&memo->debts[i].place, &new->place)) {
			i++;
			continue;
		}
		old = take_debt(memo, i);
		if (old.place.low < new->place.low)
			add_debt(memo, &old, old.place.low, new->place.low);
		if (old.place.high > new->place.high) {
			if (memo->debt_count == DMA_MEMO_DEBTS)
				pay_debt(ctx, 0);
			add_debt(memo, &old, new->place.high, old.place.high);
		}
	}
	if (memo->debt_count == DMA_MEMO_DEBTS)
		pay_debt(ctx, 0);
	add_debt(memo, new, new->place.low, new->place.high);
}

void dma_memo_pay(struct unit_ctx *ctx, const struct unit_range *range)
{
	uint32_t i = 0;

	while (ctx->memo && i < ctx->memo->debt_count)
		if (unit_ranges_overlap(&ctx->memo->debts[i].place, range))
			pay_debt(ctx, i);
		else
			i++;
}

/* The debt that has all of the range, or NULL. */
static const struct dma_debt *find_debt(const struct dma_memo *memo,
					const struct unit_range *range)
{
	uint32_t i;

	for (i = 0; memo && i < memo->debt_count; i++)
		if (is_within(range, &memo->debts[i].place))
			return &memo->debts[i];
	return NULL;
}

void dma_memo_pay_for(struct unit_ctx *ctx, const struct unit_access *access)
{
	const struct unit_range *weights;
	uint32_t reads = access->read_count, i;

	if (!ctx->memo || !ctx->memo->debt_count)
		return;
	if (access->has_weights)
		reads--;
	for (i = 0; i < reads; i++)
		dma_memo_pay(ctx, &access->reads[i]);
	for (i = 0; i < access->write_count; i++)
		dma_memo_pay(ctx, &access->writes[i]);
	weights = &access->reads[reads];
	if (access->has_weights && !find_debt(ctx->memo, weights))
		dma_memo_pay(ctx, weights);
}

void dma_memo_forgive(struct dma_memo *memo)
{
	memo->debt_count = 0;
}

const uint8_t *dma_memo_place(const struct unit_ctx *ctx,
			      const struct unit_range *range)
{
	const struct dma_debt *debt = find_debt(ctx->memo, range);

	if (!debt)
		return ctx->sram + unit_place(ctx, range->low);
	return ctx->memo->store + debt->from + (range->low - debt->place.low);
}

/* --- Entries -------------------------------------------------------------------- */

bool dma_memo_recall(struct unit_ctx *ctx, const struct npu_cmd_decode *cmd)
{
	const struct npu_cmd_decode key = key_of(cmd);
	struct entry *entry;
	uint32_t slot;

	if (!ctx->memo)
		return false;
	slot = *slot_of(ctx->memo, &key);
	if (!slot)
		return false;
	entry = entry_at(ctx->memo, slot);
	if (memcmp(&entry->key, &key, sizeof(key)) ||
	    !is_unchanged(ctx, cmd, entry))
		return false;
	owe(ctx, &(struct dma_debt){
		.place = place_of(cmd),
		.from = (uint32_t)(entry->bytes - ctx->memo->store),
	});
	ctx->memo->refused = 0;
	return true;
}

uint8_t *dma_memo_begin(struct unit_ctx *ctx, const struct npu_cmd_decode *cmd)
{
	struct dma_memo *memo = ctx->memo;

	const struct unit_range place = place_of(cmd);

	dma_memo_pay(ctx, &place);
	if (!memo || entry_size(cmd) > DMA_MEMO_SIZE)
		return NULL;
	if (entry_size(cmd) > DMA_MEMO_SIZE - memo->used) {
		if (++memo->refused < PATIENCE)
			return NULL;
		dma_memo_pay(ctx, &everything);
		dma_memo_init(memo, memo->store);
	}
	return ((struct entry *)(memo->store + memo->used))->bytes +
	       npu_decode_bytes(cmd);
}

void dma_memo_end(struct unit_ctx *ctx, const struct npu_cmd_decode *cmd)
{
	struct dma_memo *memo = ctx->memo;
	struct entry *entry = (struct entry *)(memo->store + memo->used);

	entry->key = key_of(cmd);
	entry->seal = 0;
	memcpy(entry->bytes, ctx->sram + unit_place(ctx, cmd->dst),
	       npu_decode_bytes(cmd));
	*slot_of(memo, &entry->key) = memo->used + 1;
	memo->used += entry_size(cmd);
}
