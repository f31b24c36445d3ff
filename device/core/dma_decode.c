// SPDX-License-Identifier: MIT
/*
 * DMA_DECODE: a coded stream in memory to bytes in SRAM, as the manual says. The
 * stream is a stranger's: whatever it says, each byte of the result takes one
 * word at most, and nothing behind its stated end is read.
 *
 * A palette entry's table becomes one of 1024 slots here, so that a byte costs a
 * look-up, a multiplication and a word now and then. Sixteen bytes, one of each
 * lane, are decoded together where a block and the words at hand allow.
 */
#include "dma.h"
#include "dma_memo.h"
#include "kernels/kernels.h"
#include "operands.h"

#include <npu/code.h>

#include <string.h>

#define WORDS_SIZE 4096 /* bytes of the stream that are read at once */
#define ROUND_WORDS (2 * NPU_CODE_LANES) /* bytes a round may take */
#define PERIOD_MAX (4 * NPU_CODE_WIDTH_MAX) /* bytes until columns repeat */

_Static_assert(NPU_CODE_LANES == KERNEL_LANES &&
	       NPU_CODE_TOTAL_BITS == KERNEL_SLOT_BITS &&
	       NPU_CODE_STATE_MIN == 1u << 16, "the loops' own numbers");

/* Info of a DECODE fault */
enum { BAD_ENTRY = 1, NO_WORD = 2, BAD_END = 3 };

struct stream {
	struct unit_ctx *ctx;
	uint8_t region;
	uint64_t next; /* offset of what is not read yet */
	uint64_t end;
	uint32_t used; /* of @bytes; likewise the next */
	uint32_t count;
	uint8_t *copy; /* where what is read goes, too; or NULL */
	uint8_t bytes[WORDS_SIZE];
};

struct decoder {
	struct stream stream;
	const struct kernels *kernels;
	uint32_t palette;
	uint32_t state[NPU_CODE_LANES];
	uint8_t *out;
	uint32_t done;
	uint32_t end; /* where the tail begins */
	/* Where the tables of a block's bytes begin: a period, and on. */
	uint32_t tables[PERIOD_MAX + NPU_CODE_LANES];
	uint32_t period;
	uint32_t slots[NPU_CODE_PALETTE_MAX * NPU_CODE_TOTAL];
};

/* --- Checks -------------------------------------------------------------------- */

static uint32_t section_offset(uint32_t index, uint32_t member)
{
	return __builtin_offsetof(struct npu_cmd_decode, section) +
	       index * sizeof(struct npu_code_section) + member;
}

#define SECTION_FAULT(ctx, index, member)                                 \
	unit_fault_field(ctx, section_offset(index,                       \
		__builtin_offsetof(struct npu_code_section, member)))

static int check_empty(struct unit_ctx *ctx, const struct npu_code_section *s,
		       uint32_t index)
{
	if (s->rows)
		return SECTION_FAULT(ctx, index, rows);
	if (s->width)
		return SECTION_FAULT(ctx, index, width);
	if (s->unit)
		return SECTION_FAULT(ctx, index, unit);
	return 0;
}

static int check_sections(struct unit_ctx *ctx,
			  const struct npu_cmd_decode *decode)
{
	bool is_over = false;
	uint32_t i;

	for (i = 0; i < NPU_CODE_SECTIONS; i++) {
		const struct npu_code_section *s = &decode->section[i];

		if (i ? is_over && s->bytes : !s->bytes)
			return SECTION_FAULT(ctx, i, bytes);
		is_over = !s->bytes;
		if (is_over && check_empty(ctx, s, i))
			return -1;
		if (is_over)
			continue;
		if (s->width < 1 || s->width > NPU_CODE_WIDTH_MAX)
			return SECTION_FAULT(ctx, i, width);
		if (s->unit != 1 && s->unit != 2 && s->unit != 4)
			return SECTION_FAULT(ctx, i, unit);
	}
	if (npu_decode_bytes(decode) < NPU_CODE_TAIL)
		return SECTION_FAULT(ctx, 0, bytes);
	return 0;
}

static uint32_t head_size(const struct npu_cmd_decode *decode)
{
	return decode->palette * sizeof(struct npu_code_entry) +
	       NPU_CODE_HEAD;
}

int dma_decode_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		     struct unit_access *access)
{
	const struct npu_cmd_decode *decode = &cmd->decode;
	uint64_t bytes = npu_decode_bytes(decode);
	struct unit_extent dst = { .addr = decode->dst, .n = { 1, 1, 1 } };

	if (UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_decode, reserved))
		return -1;
	if (decode->coded % 2)
		return UNIT_FAULT_FIELD(ctx, npu_cmd_decode, coded);
	if (decode->palette < 1 || decode->palette > NPU_CODE_PALETTE_MAX)
		return UNIT_FAULT_FIELD(ctx, npu_cmd_decode, palette);
	if (check_sections(ctx, decode))
		return -1;
	if (decode->coded < head_size(decode))
		return UNIT_FAULT_FIELD(ctx, npu_cmd_decode, coded);
	if (bytes > NPU_MAX_CMD_BYTES || decode->coded > NPU_MAX_CMD_BYTES)
		return unit_fault(ctx, NPU_FAULT_WORK, 0, 0);
	dst.run = bytes;
	if (unit_access_write_weights(ctx, access, &dst))
		return -1;
	return unit_check_region(ctx, decode->src_region, decode->src,
				 decode->coded);
}

/* --- The stream ------------------------------------------------------------------ */

/* Offset in the region of the next byte that is taken. */
static uint64_t stream_offset(const struct stream *s)
{
	return s->next - (s->count - s->used);
}

static int stream_fill(struct stream *s)
{
	uint32_t kept = s->count - s->used;
	uint32_t size = sizeof(s->bytes) - kept;

	if (size > s->end - s->next)
		size = s->end - s->next;
	memmove(s->bytes, s->bytes + s->used, kept);
	s->used = 0;
	s->count = kept;
	if (unit_region_read(s->ctx, s->region, s->next, s->bytes + kept,
			     size))
		return -1;
	if (s->copy) {
		memcpy(s->copy, s->bytes + kept, size);
		s->copy += size;
	}
	s->next += size;
	s->count += size;
	return 0;
}

static int stream_take(struct stream *s, void *to, uint32_t size)
{
	if (s->count - s->used < size && stream_fill(s))
		return -1;
	if (s->count - s->used < size)
		return unit_fault(s->ctx, NPU_FAULT_DECODE, NO_WORD, s->end);
	memcpy(to, s->bytes + s->used, size);
	s->used += size;
	return 0;
}

/* --- Tables ---------------------------------------------------------------------- */

static void make_slots(uint32_t *slots, const struct npu_code_entry *entry)
{
	uint32_t k, i;

	for (k = 0; k < NPU_CODE_CLASSES; k++) {
		uint32_t frequency = npu_code_frequency(entry->table, k);
		uint8_t low = npu_code_class_low(k) + entry->centre;
		uint32_t slot = frequency | (uint32_t)low << 21 |
			      npu_code_class_bits(k) << 29;

		for (i = 0; i < frequency; i++)
			*slots++ = slot | i << 11;
	}
}

static int take_palette(struct decoder *d)
{
	struct npu_code_entry entry;
	uint32_t i;

	for (i = 0; i < d->palette; i++) {
		uint64_t offset = stream_offset(&d->stream);

		if (stream_take(&d->stream, &entry, sizeof(entry)))
			return -1;
		if (entry.table >= NPU_CODE_TABLES)
			return unit_fault(d->stream.ctx, NPU_FAULT_DECODE,
					  BAD_ENTRY, offset);
		make_slots(d->slots + i * NPU_CODE_TOTAL, &entry);
	}
	return stream_take(&d->stream, d->state, sizeof(d->state));
}

/* The tables of a block's columns: their numbers are in the stream. */
static int choose_columns(struct decoder *d, uint32_t columns, uint32_t unit)
{
	uint32_t bits = npu_code_choice_bits(d->palette), i;
	uint64_t offset = stream_offset(&d->stream), numbers = 0;
	uint32_t words = (columns * bits + 15) / 16;

	if (stream_take(&d->stream, &numbers, 2 * words))
		return -1;
	d->period = columns * unit;
	for (i = 0; i < d->period + NPU_CODE_LANES; i++) {
		uint32_t column = i / unit % columns;
		uint32_t entry = numbers >> column * bits & ((1u << bits) - 1);

		if (entry >= d->palette)
			return unit_fault(d->stream.ctx, NPU_FAULT_DECODE,
					  BAD_ENTRY, offset);
		d->tables[i] = entry * NPU_CODE_TOTAL;
	}
	return 0;
}

/* --- Bytes ----------------------------------------------------------------------- */

/* A byte by itself: @place is its place in the period. */
static int decode_one(struct decoder *d, uint32_t place)
{
	uint32_t *state = &d->state[d->done % NPU_CODE_LANES];
	uint32_t slot = d->slots[d->tables[place] +
				    *state % NPU_CODE_TOTAL];
	uint32_t x = KERNEL_SLOT_FREQUENCY(slot) *
			     (*state >> NPU_CODE_TOTAL_BITS) +
		     KERNEL_SLOT_PLACE(slot);
	uint32_t bits = KERNEL_SLOT_VALUES(slot);
	npu_le16 word = 0;

	d->out[d->done++] = KERNEL_SLOT_LOW(slot) + (x & ((1u << bits) - 1));
	*state = x >> bits;
	if (*state >= NPU_CODE_STATE_MIN)
		return 0;
	if (stream_take(&d->stream, &word, sizeof(word)))
		return -1;
	*state = *state << 16 | word;
	return 0;
}

/* As many rounds as there are words for; the block begins at byte @begin. */
static void decode_rounds(struct decoder *d, uint32_t begin, uint32_t end)
{
	struct stream *s = &d->stream;
	struct kernel_decode rounds = {
		.state = d->state,
		.slots = d->slots,
		.tables = d->tables,
		.period = d->period,
		.place = (d->done - begin) % d->period,
		.words = s->bytes + s->used,
		.last = s->bytes + s->count - ROUND_WORDS,
		.out = d->out + d->done,
		.rounds = (end - d->done) / NPU_CODE_LANES,
	};

	d->kernels->decode(&rounds);
	d->done = rounds.out - d->out;
	s->used = rounds.words - s->bytes;
}

/* The bytes up to @end of a block that began where we are. */
static int decode_block(struct decoder *d, uint32_t end)
{
	struct stream *s = &d->stream;
	uint32_t begin = d->done;

	while (d->done < end) {
		if (d->done % NPU_CODE_LANES == 0 &&
		    end - d->done >= NPU_CODE_LANES) {
			if (s->count - s->used < ROUND_WORDS && stream_fill(s))
				return -1;
			if (s->count - s->used >= ROUND_WORDS) {
				decode_rounds(d, begin, end);
				continue;
			}
		}
		if (decode_one(d, (d->done - begin) % d->period))
			return -1;
	}
	return 0;
}

static int decode_section(struct decoder *d, const struct npu_code_section *s)
{
	uint32_t left = s->bytes, size = npu_code_block(s);

	for (; left && d->done < d->end; left -= size) {
		if (size > left)
			size = left;
		if (choose_columns(d, npu_code_columns(s, size), s->unit) ||
		    decode_block(d, size < d->end - d->done ? d->done + size :
							      d->end))
			return -1;
	}
	return 0;
}

/* What is left of the states is the end of the result. */
static int decode_tail(struct decoder *d)
{
	struct stream *s = &d->stream;
	uint64_t offset = stream_offset(s);
	uint32_t i;

	for (i = 0; i < NPU_CODE_LANES; i++) {
		npu_le16 low = d->state[i];

		if (d->state[i] >> 16 != 1)
			return unit_fault(s->ctx, NPU_FAULT_DECODE, BAD_END,
					  offset);
		memcpy(d->out + d->end + 2 * i, &low, sizeof(low));
	}
	if (offset != s->end)
		return unit_fault(s->ctx, NPU_FAULT_DECODE, BAD_END, offset);
	return 0;
}

int dma_decode_execute(struct unit_ctx *ctx, const union npu_cmd *cmd)
{
	const struct npu_cmd_decode *decode = &cmd->decode;
	struct decoder d;
	uint32_t i;

	if (dma_memo_recall(ctx, decode))
		return 0;
	d.kernels = npu_kernels_best();
	d.stream.ctx = ctx;
	d.stream.region = decode->src_region;
	d.stream.next = decode->src;
	d.stream.end = (uint64_t)decode->src + decode->coded;
	d.stream.used = d.stream.count = 0;
	d.stream.copy = dma_memo_begin(ctx, decode);
	d.palette = decode->palette;
	d.out = ctx->sram + unit_place(ctx, decode->dst);
	d.done = 0;
	d.end = npu_decode_bytes(decode) - NPU_CODE_TAIL;
	if (take_palette(&d))
		return -1;
	for (i = 0; i < NPU_CODE_SECTIONS; i++)
		if (decode_section(&d, &decode->section[i]))
			return -1;
	if (decode_tail(&d))
		return -1;
	if (d.stream.copy)
		dma_memo_end(ctx, decode);
	return 0;
}
