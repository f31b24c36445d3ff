// SPDX-License-Identifier: MIT
/*
 * The chunks of each operator's weights, packed, and coded where that pays. The
 * search for a schedule comes back to the same cuts again and again, and has to
 * know what they cost: each cut is made once and kept until the segment is
 * scheduled.
 */
#include <errno.h>
#include <string.h>

#include "code.h"
#include "plan.h"

/* One operator's chunks, cut after every so many channels. */
struct tnc_cut {
	struct tnc_cut *next;
	int channels;
	struct tnc_chunk *chunk;
};

static void *keep(struct tnc *c, size_t count, size_t size)
{
	void *memory = tnc_arena_alloc(c->kept, count * size);

	if (!memory)
		tnc_error(c, -ENOMEM, "out of memory for %zu times %zu bytes",
			  count, size);
	return memory;
}

/* How the bytes of a weight block are laid out. */
static void block_sections(const struct tnc_geometry *g, int channels,
			   struct npu_code_section section[NPU_CODE_SECTIONS])
{
	uint32_t shifts = npu_conv_shift_offset(g->format, channels);
	uint32_t addition = npu_conv_add_offset(g->format, channels);
	uint32_t weights = npu_conv_weight_offset(g->format, channels);
	uint32_t size = tnc_geometry_constant_bytes(g, channels);
	uint32_t taps = (uint32_t)g->window.h * g->window.w;
	uint32_t unit = g->is_channelwise ? 1 : 4;
	uint32_t rows = g->is_channelwise ? taps :
			npu_round_up4(taps * g->in_c) / unit;

	/* Biases and multipliers: words, whose bytes have little in common. */
	*section++ = (struct npu_code_section){ shifts, channels, 4, 1 };
	*section++ = (struct npu_code_section){ addition - shifts,
						npu_round_up4(channels), 1,
						1 };
	if (weights > addition)
		*section++ = (struct npu_code_section){ weights - addition,
							0, 4, 1 };
	*section = (struct npu_code_section){ 0 };
	if (size == weights)
		return;
	/* Weights: a column for each output channel. */
	*section = (struct npu_code_section){ size - weights, rows,
					      NPU_CONV_BLOCK_CHANNELS, unit };
	if (rows > UINT16_MAX)
		section->rows = 0;
}

static uint64_t load_cycles(const struct npu_machine *m, union npu_cmd *cmd)
{
	struct npu_cost cost;

	npu_cost(m, cmd, &cost);
	return cost.cycles;
}

static uint32_t bursts(uint32_t bytes)
{
	return npu_div_up(bytes, NPU_COST_BURST) * NPU_COST_BURST;
}

/* Is the chunk loaded sooner, or as soon with fewer bytes, when coded? */
static bool pays(const struct tnc *c, const struct tnc_coded *coded,
		 uint32_t size)
{
	const struct npu_machine *m = &c->options.machine;
	union npu_cmd decode = { .decode = {
		.hdr.op = NPU_OP_DMA_DECODE,
		.coded = coded->size,
		.section[0].bytes = size,
	} };
	union npu_cmd copy = { .copy = {
		.hdr.op = NPU_OP_DMA_COPY,
		.dst_region = NPU_REGION_SRAM,
		.n = { 1, 1, 1 },
		.run = size,
	} };

	if (!coded->size || bursts(coded->size) >= bursts(size) ||
	    c->options.weights == TNC_WEIGHTS_RAW)
		return false;
	return c->options.weights == TNC_WEIGHTS_CODED ||
	       load_cycles(m, &decode) <= load_cycles(m, &copy);
}

static void chunk_make(struct tnc *c, int number,
		       const struct tnc_geometry *g, int first, int channels,
		       struct tnc_chunk *chunk)
{
	struct tnc_arena_mark mark = tnc_arena_mark(c->arena);
	uint32_t size = tnc_geometry_constant_bytes(g, channels);
	uint8_t *block = tnc_alloc(c, 1, size);

	tnc_pack_chunk(c, number, g, first, channels, block);
	if (!g->block) /* programs are small, and not weights */
		block_sections(g, channels, chunk->coded.section);
	if (!g->block && c->options.weights != TNC_WEIGHTS_RAW &&
	    !tnc_encode(c->coder, c->arena, block, &chunk->coded))
		tnc_error(c, -ENOMEM, "out of memory for a coded stream");
	chunk->size = size;
	chunk->is_coded = pays(c, &chunk->coded, size);
	if (chunk->is_coded) {
		size = chunk->coded.size;
		block = chunk->coded.bytes;
	}
	chunk->stored = size;
	chunk->bytes = keep(c, 1, size);
	memcpy(chunk->bytes, block, size);
	tnc_arena_rewind(c->arena, mark);
}

/* The chunks of an operator's weights, each of @channels output channels. */
const struct tnc_chunk *tnc_chunks_of(struct tnc *c, int number,
				      const struct tnc_geometry *g,
				      int channels)
{
	int count = npu_div_up(g->out_c, channels);
	struct tnc_cut *cut;

	if (!c->cut)
		c->cut = keep(c, c->ops, sizeof(*c->cut));
	if (!c->coder)
		c->coder = tnc_coder_create(c->kept);
	if (!c->coder)
		tnc_error(c, -ENOMEM, "out of memory for tables");
	for (cut = c->cut[number]; cut; cut = cut->next)
		if (cut->channels == channels)
			return cut->chunk;
	cut = keep(c, 1, sizeof(*cut));
	cut->channels = channels;
	cut->chunk = keep(c, count, sizeof(*cut->chunk));
	for (int i = 0; i < count; i++) {
		int first = i * channels, left = g->out_c - first;

		chunk_make(c, number, g, first,
			   left < channels ? left : channels, &cut->chunk[i]);
	}
	cut->next = c->cut[number];
	c->cut[number] = cut;
	return cut->chunk;
}
