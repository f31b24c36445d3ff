// SPDX-License-Identifier: MIT
/*
 * Weights that are an activation: the copies within SRAM that put a tile of it
 * behind the constant part of a weight block, in the order the array eats them.
 * Called by steps.c.
 */
#include "plan.h"

#define GROUP 4 /* depth-consecutive bytes of a channel */

/* The tile, and how it lies in SRAM and in the block. */
struct shuffle {
	struct tnc *c;
	struct tnc_moves *moves;
	int depth;
	int channels;
	uint32_t pitch;		/* from row to row of the tile */
	uint32_t block;		/* where the block's weights begin */
};

static struct tnc_move *move_add(struct shuffle *s, uint32_t from, uint32_t to,
				 uint32_t run)
{
	struct tnc_moves *m = s->moves;

	m->move = tnc_grow(s->c, m->move, m->count, &m->room,
			   sizeof(*m->move));
	m->move[m->count] = (struct tnc_move){
		.input = 1, .run = run, .n = { 1, 1, 1 }, .from = from,
		.to = s->block + to,
	};
	return &m->move[m->count++];
}

static void repeat(struct tnc_move *move, int dim, uint32_t n,
		   uint32_t from_stride, uint32_t to_stride)
{
	move->n[dim] = n;
	move->from_stride[dim] = from_stride;
	move->to_stride[dim] = to_stride;
}

/* Rows of the tile are the depth: bytes one by one. @n channels from @first on. */
static void shuffle_by_depth(struct shuffle *s, int first, int n)
{
	uint32_t to = npu_conv_weight_index(s->channels, s->depth, first, 0);
	int groups = s->depth / GROUP, rest = s->depth % GROUP;
	struct tnc_move *m;

	if (groups) {
		m = move_add(s, first, to, 1);
		repeat(m, 0, GROUP, s->pitch, 1);
		repeat(m, 1, n, 1, GROUP);
		repeat(m, 2, groups, GROUP * s->pitch, GROUP * n);
	}
	if (rest) {
		m = move_add(s, first + GROUP * groups * s->pitch,
			     to + GROUP * groups * n, 1);
		repeat(m, 0, rest, s->pitch, 1);
		repeat(m, 1, n, 1, GROUP);
	}
}

/* Rows of the tile are channels: @blocks of @n of them from @first on. */
static void shuffle_by_channel(struct shuffle *s, int first, int n, int blocks)
{
	uint32_t to = npu_conv_weight_index(s->channels, s->depth, first, 0);
	uint32_t from = first * s->pitch;
	uint32_t next = n * npu_round_up4(s->depth);
	int groups = s->depth / GROUP, rest = s->depth % GROUP;
	struct tnc_move *m;

	if (groups) {
		m = move_add(s, from, to, GROUP);
		repeat(m, 0, groups, GROUP, GROUP * n);
		repeat(m, 1, n, s->pitch, GROUP);
		repeat(m, 2, blocks, n * s->pitch, next);
	}
	if (rest) {
		m = move_add(s, from + GROUP * groups, to + GROUP * groups * n,
			     rest);
		repeat(m, 0, n, s->pitch, GROUP);
		repeat(m, 1, blocks, n * s->pitch, next);
	}
}

/*
 * Needs: the tile of the second input for all of @channels. Leaves: copies from
 * that tile to the weight block.
 */
void tnc_shuffle_create(struct tnc *c, const struct tnc_geometry *g,
			const struct tnc_surface *tile, int channels,
			struct tnc_moves *moves)
{
	struct shuffle s = {
		.c = c,
		.moves = moves,
		.depth = g->in_c,
		.channels = channels,
		.pitch = tile->row_pitch,
		.block = npu_conv_weight_offset(g->format, channels),
	};
	int blocks = channels / NPU_CONV_BLOCK_CHANNELS;
	int whole = blocks * NPU_CONV_BLOCK_CHANNELS;

	if (!g->is_transposed) {
		for (int i = 0; i < whole; i += NPU_CONV_BLOCK_CHANNELS)
			shuffle_by_depth(&s, i, NPU_CONV_BLOCK_CHANNELS);
		if (channels > whole)
			shuffle_by_depth(&s, whole, channels - whole);
		return;
	}
	if (blocks)
		shuffle_by_channel(&s, 0, NPU_CONV_BLOCK_CHANNELS, blocks);
	if (channels > whole)
		shuffle_by_channel(&s, whole, channels - whole, 1);
}
