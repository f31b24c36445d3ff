// SPDX-License-Identifier: MIT
/*
 * How each operator is cut into tiles, so that what a tile needs besides the
 * resident maps fits into what they leave of the SRAM. Where there is room for
 * it, everything that moves has two buffers, one in use and one on its way.
 */
#include <errno.h>

#include "plan.h"

/* Chunks are not cut below so many channels but as a last resort. */
#define CHANNELS_GOOD 16

/* What a command costs, as bytes that its fetch keeps others from moving. */
#define COMMAND_COST NPU_CMD_SIZE

/*
 * What has been given up for an operator that did not fit: nothing; second
 * buffers; chunks of a decent size. Between the last two, maps are spilled.
 */
enum { LEVEL_ROOMY, LEVEL_TIGHT, LEVEL_LAST };

struct moving {
	uint64_t in;		/* bytes of all inputs' tiles */
	uint64_t out;
	uint64_t weights;	/* a product's second matrix likewise */
	uint64_t buffered;	/* bytes of the weight buffer, instead */
};

struct need {
	uint64_t sram;
	uint64_t buffer;
};

static const struct tnc_map *map_of(const struct tnc_plan *p, int tensor)
{
	return &p->map[p->map_of[tensor]];
}

static uint64_t round16(uint64_t bytes)
{
	return (bytes + 15) & ~(uint64_t)15;
}

/* A block that operators have in common is where the first one has put it. */
static bool is_buffered(const struct tnc_plan *p, int number)
{
	const struct tnc_op_plan *op = &p->op[number];

	return p->op[op->twin].is_shared ? p->op[op->twin].is_buffered :
					   op->is_buffered;
}

/* Some chunks are in the weight buffer, some in SRAM. */
static bool is_mixed(const struct tnc_plan *p, int number)
{
	return is_buffered(p, number) && p->hint[number].in_sram;
}

static struct moving moving_bytes(const struct tnc_plan *p, int number,
				  const struct tnc_tile *tile)
{
	const struct tnc_op *op = p->c->op[number];
	const struct tnc_geometry *g = &p->op[number].geometry;
	struct moving m = { 0 };

	for (int i = 0; i < g->inputs; i++) {
		uint64_t bytes = round16(tnc_geometry_in_bytes(g, tile, i));

		if (map_of(p, tnc_operand(op, g, i))->is_resident)
			continue;
		if (g->is_product && i == 1)
			m.weights += bytes;
		else
			m.in += bytes;
	}
	if (!map_of(p, op->output)->is_resident)
		m.out = round16(tnc_geometry_out_bytes(g, tile));
	if (is_buffered(p, number))
		m.buffered = round16(tnc_geometry_chunk_bytes(g, tile->c));
	else
		m.weights += round16(tnc_geometry_chunk_bytes(g, tile->c));
	return m;
}

/* Bytes of SRAM and weight buffer that the tiles take, second ones included. */
static struct need tile_need(const struct tnc_plan *p, int number,
			     const struct tnc_tile *tile)
{
	const struct tnc_op_plan *op = &p->op[number];
	const struct tnc_geometry *g = &op->geometry;
	struct moving m = moving_bytes(p, number, tile);
	bool is_cut = tile->c < g->out_c || tnc_geometry_batches(g) > 1;
	bool has_chunks = !g->block && is_cut;
	bool has_tiles = is_cut || tile->h < g->out_h ||
			 tile->w < g->out_w;

	if (op->level != LEVEL_ROOMY)
		has_chunks = has_tiles = false;
	if (is_mixed(p, number))
		m.weights += m.buffered;
	return (struct need){
		.sram = (m.in + m.out) * (has_tiles ? 2 : 1) +
			m.weights * (has_chunks ? 2 : 1),
		.buffer = m.buffered * (has_chunks ? 2 : 1),
	};
}

static int halve_channels(const struct tnc_geometry *g, int channels)
{
	int unit = g->channel_unit;
	int half = (channels / unit + 1) / 2 * unit;

	if (half > CHANNELS_GOOD && CHANNELS_GOOD % unit == 0)
		half = (half + CHANNELS_GOOD - 1) / CHANNELS_GOOD *
		       CHANNELS_GOOD;
	return half;
}

static int halve(int size)
{
	return (size + 1) / 2;
}

/*
 * Bytes that the operator moves through the memory port when it is cut into
 * such tiles, commands included; sets the better order of the two loops: over
 * channels outside (each chunk is loaded once, the input again for each) or
 * over areas outside (the other way round).
 */
static uint64_t tile_traffic(const struct tnc_plan *p, int number,
			     struct tnc_tile *tile)
{
	const struct tnc_geometry *g = &p->op[number].geometry;
	struct moving m = moving_bytes(p, number, tile);
	uint64_t parts = npu_div_up(g->out_c, tile->c);
	uint64_t chunks = g->block ? 1 : parts; /* a program is whole */
	uint64_t batches = tnc_geometry_batches(g);
	uint64_t areas = npu_div_up(g->batch_h, tile->h) * batches *
			 npu_div_up(g->out_w, tile->w);
	uint64_t chunk = m.weights + m.buffered;
	uint64_t in = m.in ? m.in + COMMAND_COST : 0;
	uint64_t out = m.out ? m.out + COMMAND_COST : 0;
	uint64_t weights = chunk ? chunk + COMMAND_COST : 0;
	uint64_t tiles = areas * parts;
	uint64_t by_channels = in * tiles + weights * chunks * batches;
	uint64_t by_areas = (g->is_channelwise ? in * tiles : in * areas) +
			    weights * (chunks > 1 ? tiles : batches);

	tile->is_channels_outer = by_channels <= by_areas;
	return (by_channels < by_areas ? by_channels : by_areas) +
	       (out + COMMAND_COST) * tiles;
}

struct choice {
	struct tnc_plan *p;
	int number;
	struct need room;
	int channels_min;
	struct tnc_tile best;
	uint64_t traffic;	/* of the best; UINT64_MAX: there is none */
};

static bool has_room(const struct choice *ch, const struct tnc_tile *tile)
{
	struct need need = tile_need(ch->p, ch->number, tile);

	return need.sram <= ch->room.sram && need.buffer <= ch->room.buffer;
}

/* Considers tiles of @h x @w with all numbers of channels up to @channels. */
static void consider(struct choice *ch, int h, int w, int channels)
{
	const struct tnc_geometry *g = &ch->p->op[ch->number].geometry;
	struct tnc_tile tile = { h, w, channels, true };
	int before;

	do {
		uint64_t traffic = tile_traffic(ch->p, ch->number, &tile);

		if (traffic < ch->traffic && has_room(ch, &tile) &&
		    tnc_geometry_is_legal(g, &tile)) {
			ch->best = tile;
			ch->traffic = traffic;
		}
		before = tile.c;
		tile.c = halve_channels(g, tile.c);
	} while (tile.c < before && tile.c >= ch->channels_min);
}

/* The tile that moves least of those that the operator has room for. */
static struct tnc_tile_answer best_tile(struct choice *ch)
{
	const struct tnc_geometry *g = &ch->p->op[ch->number].geometry;
	const struct tnc_hint *hint = &ch->p->hint[ch->number];
	int channels = g->out_c, h = g->batch_h;

	while (hint->channels && channels > hint->channels &&
	       halve_channels(g, channels) < channels)
		channels = halve_channels(g, channels);
	if (hint->rows)
		h = npu_div_up(h, hint->rows);
	for (; h > 1; h = halve(h))
		consider(ch, h, g->out_w, channels);
	for (int w = g->out_w; w > 1; w = halve(w))
		consider(ch, 1, w, channels);
	consider(ch, 1, 1, channels);
	if (ch->traffic == UINT64_MAX)
		return (struct tnc_tile_answer){ .is_found = false };
	return (struct tnc_tile_answer){
		.tile = ch->best,
		.need = tile_need(ch->p, ch->number, &ch->best).sram,
		.is_found = true,
	};
}

static struct tnc_tile_question question_of(const struct choice *ch)
{
	const struct tnc_plan *p = ch->p;
	const struct tnc_op *op = p->c->op[ch->number];
	const struct tnc_geometry *g = &p->op[ch->number].geometry;
	const struct tnc_hint *hint = &p->hint[ch->number];
	uint64_t flags = p->op[ch->number].level;

	flags = flags << 1 | is_buffered(p, ch->number);
	flags = flags << 1 | is_mixed(p, ch->number);
	flags = flags << 1 | map_of(p, op->output)->is_resident;
	for (int i = 0; i < g->inputs; i++)
		flags = flags << 1 |
			map_of(p, tnc_operand(op, g, i))->is_resident;
	return (struct tnc_tile_question){
		.sram = ch->room.sram,
		.buffer = ch->room.buffer,
		.channels = hint->channels,
		.rows = hint->rows,
		.flags = flags,
	};
}

static bool choose(struct choice *ch)
{
	struct tnc_op_plan *op = &ch->p->op[ch->number];
	struct tnc_tile_question question = question_of(ch);
	const struct tnc_tile_answer *known =
		tnc_recall(ch->p, ch->number, &question);
	struct tnc_tile_answer answer = known ? *known : best_tile(ch);

	if (!known)
		tnc_recall_keep(ch->p, ch->number, &question, &answer);
	if (!answer.is_found)
		return false;
	op->tile = answer.tile;
	op->need = answer.need;
	return true;
}

/* Needs: maps. Leaves: a tile for the operator; false if none fits. */
bool tnc_tile_choose(struct tnc_plan *p, int number)
{
	struct tnc_op_plan *op = &p->op[number];
	uint64_t live = tnc_maps_live(p, number) +
			tnc_share_live(p, number, false);
	uint64_t held = tnc_share_live(p, number, true);
	struct choice ch = {
		.p = p,
		.number = number,
		.channels_min = op->geometry.channel_unit,
		.traffic = UINT64_MAX,
	};

	op->need = 0;
	if (live > p->machine->sram_size)
		return false;
	if (op->geometry.is_move)
		return true;
	ch.room.sram = p->machine->sram_size - live;
	if (ch.room.sram > op->cap)
		ch.room.sram = op->cap;
	ch.room.buffer = npu_machine_weight_buffer(p->machine);
	ch.room.buffer -= held < ch.room.buffer ? held : ch.room.buffer;
	if (op->level != LEVEL_LAST && ch.channels_min < CHANNELS_GOOD)
		ch.channels_min = CHANNELS_GOOD;
	if (choose(&ch))
		return true;
	if (!op->is_buffered)
		return false;
	/* Where not even the smallest chunk fits into the weight buffer. */
	op->is_buffered = false;
	op->is_buffered = !choose(&ch);
	return !op->is_buffered;
}

/* Demands less of an operator that did not fit; false: that is not enough. */
bool tnc_tile_shrink(struct tnc_plan *p, int number)
{
	struct tnc_op_plan *op = &p->op[number];

	if (op->need) {
		op->cap = op->need - 1;
		return true;
	}
	if (op->level != LEVEL_ROOMY)
		return false;
	op->level = LEVEL_TIGHT;
	op->cap = UINT64_MAX;
	return true;
}

/* After a map was spilled at the operator there is room again. */
void tnc_tile_restart(struct tnc_plan *p, int number)
{
	p->op[number].level = LEVEL_ROOMY;
	p->op[number].cap = UINT64_MAX;
}

bool tnc_tile_last_resort(struct tnc_plan *p, int number)
{
	if (p->op[number].level == LEVEL_LAST)
		return false;
	p->op[number].level = LEVEL_LAST;
	p->op[number].cap = UINT64_MAX;
	return true;
}
