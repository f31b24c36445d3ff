// SPDX-License-Identifier: MIT
/*
 * From tiles to steps: what each command of the MAC and VEC unit reads and
 * writes, the buffers for it, and the transfers that fill and empty them.
 * Where buffers lie and when loads are issued is for place.c to find.
 */
#include <errno.h>

#include "steps.h"
#include "view.h"

#define BLOCK_ALIGN 16
#define RESERVED_MAX 1024 /* steps that there is room for from the start */

/* How a picture lies in its map, in bytes. */
struct layout {
	uint32_t offset;
	uint32_t row;
	uint32_t pixel;
	int size;		/* of an element */
};

static struct layout layout_of(const struct tnc_tensor *t)
{
	struct tnc_layout l = tnc_layout_of(t);

	return (struct layout){
		.offset = l.offset,
		.row = l.stride[1],
		.pixel = l.stride[2],
		.size = tnc_type_info[t->type].size,
	};
}

/* From the start of the map to that of an area. */
static uint32_t offset_of(const struct tnc_area *a, const struct layout *l)
{
	return l->offset + a->y * l->row + a->x * l->pixel +
	       a->channel * l->size;
}

/* From the start of the map to behind the area's last byte. */
static uint32_t end_of(const struct tnc_area *a, const struct layout *l)
{
	return offset_of(a, l) + (a->h - 1) * l->row + (a->w - 1) * l->pixel +
	       a->channels * l->size;
}

static int buffer_add(struct tnc_plan *p, uint32_t size, int op, int step)
{
	struct tnc_buffer *b;

	p->buffer = tnc_grow(p->c, p->buffer, p->buffers, &p->buffers_room,
			     sizeof(*p->buffer));
	b = &p->buffer[p->buffers];
	*b = (struct tnc_buffer){
		.size = (size + 15) & ~15u,
		.op = op,
		.first = step,
		.last = step,
	};
	return p->buffers++;
}

static struct tnc_transfer *transfer_add(struct tnc_plan *p, bool is_store)
{
	struct tnc_transfer **list = is_store ? &p->store : &p->load;
	int *count = is_store ? &p->stores : &p->loads;
	int *room = is_store ? &p->stores_room : &p->loads_room;
	struct tnc_transfer *t;

	*list = tnc_grow(p->c, *list, *count, room, sizeof(**list));
	t = &(*list)[(*count)++];
	*t = (struct tnc_transfer){ .is_store = is_store, .n = { 1, 1, 1 } };
	return t;
}

static void touch(struct tnc_plan *p, int buffer)
{
	p->buffer[buffer].last = p->steps;
}

/* A block of bytes that lie together on both sides. */
static struct tnc_transfer *transfer_block(struct tnc_plan *p, bool is_store,
					   int buffer, int region,
					   uint32_t offset, uint32_t size,
					   int op)
{
	struct tnc_transfer *t = transfer_add(p, is_store);

	t->buffer = buffer;
	t->region = region;
	t->offset = offset;
	t->run = size;
	t->op = op;
	t->step = p->steps;
	for (int i = 0; i < 3; i++) {
		t->mem_stride[i] = size;
		t->sram_stride[i] = size;
	}
	return t;
}

/*
 * An area of a map in memory, dense in SRAM: as few and as long runs as the
 * map's layout allows.
 */
static struct tnc_transfer *transfer_area(struct tnc_plan *p, bool is_store,
					  int buffer,
					  const struct tnc_map *map,
					  const struct tnc_area *a,
					  const struct layout *l, int op)
{
	uint32_t pixel = a->channels * l->size, row = pixel * a->w;
	uint32_t offset = map->offset + offset_of(a, l);
	struct tnc_transfer *t = transfer_block(p, is_store, buffer,
						map->region, offset,
						row * a->h, op);

	if (a->w > 1 && pixel != l->pixel) {
		t->run = pixel;
		t->n[0] = a->w;
		t->mem_stride[0] = l->pixel;
		t->sram_stride[0] = pixel;
		t->n[1] = a->h;
		t->mem_stride[1] = l->row;
		t->sram_stride[1] = row;
	} else if (a->h > 1 && row != l->row) {
		t->run = row;
		t->n[0] = a->h;
		t->mem_stride[0] = l->row;
		t->sram_stride[0] = row;
	}
	return t;
}

/*
 * The buffer of a resident map. If memory has it, its bytes are brought in up to
 * @end, which is as far as the step at hand looks.
 */
static int resident_buffer(struct tnc_plan *p, struct tnc_map *map, int op,
			   uint32_t end)
{
	struct tnc_transfer *load;

	if (map->buffer < 0) {
		map->buffer = buffer_add(p, map->size, op, p->steps);
		p->buffer[map->buffer].is_loaded = map->first_op < 0;
		map->loaded = 0;
	}
	/* What is stored later is stored from where it is, whole. */
	if (map->output >= 0 || map->is_kept)
		end = map->size;
	if (map->first_op < 0 && map->loaded < end) {
		load = transfer_block(p, false, map->buffer, map->region,
				      map->offset + map->loaded,
				      end - map->loaded, op);
		load->in_buffer = map->loaded;
		map->loaded = end;
	}
	touch(p, map->buffer);
	return map->buffer;
}

static struct tnc_surface resident_surface(int buffer, const struct tnc_area *a,
					   const struct layout *l)
{
	return (struct tnc_surface){
		.buffer = buffer,
		.offset = offset_of(a, l),
		.row_pitch = l->row,
		.pixel_pitch = l->pixel,
		.h = a->h,
		.w = a->w,
		.c = a->channels,
		.size = l->size,
	};
}

static uint32_t area_bytes(const struct tnc_area *a, int size)
{
	return (uint32_t)a->h * a->w * a->channels * size;
}

static struct tnc_surface tile_surface(int buffer, const struct tnc_area *a,
				       int size)
{
	return (struct tnc_surface){
		.buffer = buffer,
		.row_pitch = (uint32_t)a->w * a->channels * size,
		.pixel_pitch = a->channels * size,
		.h = a->h,
		.w = a->w,
		.c = a->channels,
		.size = size,
	};
}

static bool same_area(const struct tnc_area *a, const struct tnc_area *b)
{
	return a->y == b->y && a->h == b->h && a->x == b->x && a->w == b->w &&
	       a->channel == b->channel && a->channels == b->channels;
}

/* A map of which SRAM has a window of rows: the operand lies in the latest. */
static struct tnc_surface window_surface(struct tnc_plan *p,
					 const struct tnc_map *map,
					 const struct tnc_area *a,
					 const struct layout *l)
{
	struct tnc_area in_window = *a;

	in_window.y -= map->first_row;
	touch(p, map->buffer);
	return resident_surface(map->buffer, &in_window, l);
}

/*
 * Room for the band @a of a map of which there is a window: behind the rows before
 * it that are still needed. These are carried to the head of a new window, or of the
 * one they are in, once they don't overlap what lies there.
 */
static void window_extend(struct tnc_walk *w, struct tnc_map *map,
			  const struct tnc_area *a, const struct layout *l,
			  struct tnc_carry *carry)
{
	struct tnc_plan *p = w->p;
	bool in_place = p->hint[w->number].rolls == TNC_ROLL_PLACE;
	int before = map->buffer, kept = a->y - w->keep_from;
	int over = w->keep_from - map->first_row;
	uint32_t end;

	if (before < 0 || !in_place)
		map->buffer = buffer_add(p, 0, w->number, p->steps);
	if (!in_place || over >= kept) {
		*carry = (struct tnc_carry){
			.from = before,
			.to = map->buffer,
			.offset = over * l->row,
			.size = over || !in_place ? kept * l->row : 0,
		};
		if (carry->size)
			touch(p, before);
		map->first_row = w->keep_from;
	}
	end = (a->y + a->h - map->first_row) * l->row;
	if (p->buffer[map->buffer].size < end)
		p->buffer[map->buffer].size = (end + 15) & ~15u;
}

static struct tnc_surface input_surface(struct tnc_walk *w, int index,
					const struct tnc_area *a)
{
	struct tnc_plan *p = w->p;
	int tensor = tnc_operand(w->op, w->g, index);
	const struct layout l = layout_of(p->c->tensor[tensor]);
	struct tnc_map *map = &p->map[p->map_of[tensor]];
	struct tnc_transfer *load;
	int buffer;

	if (map->is_rolled)
		return window_surface(p, map, a, &l);
	if (map->is_resident)
		return resident_surface(
			resident_buffer(p, map, w->number, end_of(a, &l)), a,
			&l);
	if (w->in_buffer[index] < 0 || !same_area(a, &w->last_in[index])) {
		buffer = buffer_add(p, area_bytes(a, l.size), w->number,
				    p->steps);
		p->buffer[buffer].is_loaded = true;
		load = transfer_area(p, false, buffer, map, a, &l, w->number);
		if (map->writer >= 0)
			load->ready = p->op[map->writer].last_step + 1;
		w->in_buffer[index] = buffer;
		w->last_in[index] = *a;
	}
	touch(p, w->in_buffer[index]);
	return tile_surface(w->in_buffer[index], a, l.size);
}

static struct tnc_surface output_surface(struct tnc_walk *w,
					 const struct tnc_area *a,
					 struct tnc_carry *carry)
{
	struct tnc_plan *p = w->p;
	const struct layout l = layout_of(tnc_op_output(p->c, w->op));
	struct tnc_map *map = &p->map[p->map_of[w->op->output]];
	int buffer;

	if (map->is_rolled) {
		window_extend(w, map, a, &l, carry);
		return window_surface(p, map, a, &l);
	}
	if (map->is_resident)
		return resident_surface(resident_buffer(p, map, w->number, 0),
					a, &l);
	buffer = buffer_add(p, area_bytes(a, l.size), w->number, p->steps);
	transfer_area(p, true, buffer, map, a, &l, w->number);
	return tile_surface(buffer, a, l.size);
}

static int weights_buffer(struct tnc_walk *w, int number, int channels)
{
	struct tnc_plan *p = w->p;
	const struct tnc_chunk *chunk;
	struct tnc_transfer *load;

	if (w->chunk != number && w->shared && *w->shared >= 0) {
		w->chunk = number;
		w->chunk_buffer = *w->shared;
	}
	if (w->chunk != number) {
		bool in_sram = p->hint[w->number].in_sram >
			       number % w->plan->chunks * w->plan->tile.c;

		chunk = &w->plan->chunk[number % w->plan->chunks];
		w->chunk = number;
		w->chunk_buffer = buffer_add(p,
			tnc_geometry_chunk_bytes(w->g, channels), w->number,
			p->steps);
		if (w->shared)
			*w->shared = w->chunk_buffer;
		p->buffer[w->chunk_buffer].is_buffered =
			w->plan->is_buffered && !in_sram;
		p->buffer[w->chunk_buffer].is_loaded = true;
		load = transfer_block(p, false, w->chunk_buffer,
				      NPU_REGION_CONSTANTS,
				      w->plan->chunk_offset[number %
							    w->plan->chunks],
				      chunk->size, w->number);
		load->is_ahead = in_sram;
		if (chunk->is_coded)
			load->coded = &chunk->coded;
	}
	touch(p, w->chunk_buffer);
	return w->chunk_buffer;
}

/* What input @index needs for @out; tells the step what is missing before. */
struct tnc_area tnc_walk_input(const struct tnc_walk *w, int index,
			      const struct tnc_area *out, struct tnc_step *step)
{
	const struct tnc_geometry *g = w->g;
	struct tnc_area in = { .channels = g->in_c };
	/* The first input of a product may be the same for all batches. */
	int y = g->in_h == g->batch_h ? out->y % g->batch_h : out->y;

	if (tnc_geometry_is_second(g, index))
		return *out;
	tnc_geometry_range(y, out->h, g->stride.h,
			   (g->window.h - 1) * g->dilation.h + 1, g->pads.top,
			   g->in_h, &in.y, &in.h, &step->pad_top);
	tnc_geometry_range(out->x, out->w, g->stride.w,
			   (g->window.w - 1) * g->dilation.w + 1, g->pads.left,
			   g->in_w, &in.x, &in.w, &step->pad_left);
	if (g->resize.is_there) {
		tnc_resize_range(&g->resize, 0, out->y, out->h, &in.y, &in.h);
		tnc_resize_range(&g->resize, 1, out->x, out->w, &in.x, &in.w);
		step->in_y = in.y;
		step->in_x = in.x;
	}
	if (g->is_channelwise) {
		in.channel = out->channel / g->multiplier;
		in.channels = out->channels / g->multiplier;
	}
	if (g->repeats_row[index]) {
		in.y = 0;
		in.h = 1;
	}
	if (g->repeats_column[index]) {
		in.x = 0;
		in.w = 1;
	}
	if (g->repeats_channel[index]) {
		in.channel = 0;
		in.channels = 1;
	}
	return in;
}

/* The matrix of a batch, or those of its columns that a tile needs. */
static struct tnc_area matrix_area(const struct tnc_geometry *g,
			       const struct tnc_area *out)
{
	int batch = out->y / g->batch_h;

	if (g->is_transposed)
		return (struct tnc_area){
			.y = batch * g->out_c + out->channel,
			.h = out->channels,
			.w = 1,
			.channels = g->in_c,
		};
	return (struct tnc_area){
		.y = batch * g->in_c,
		.h = g->in_c,
		.w = 1,
		.channel = out->channel,
		.channels = out->channels,
	};
}

/* The weights of a step; brought in, or made of the second input. */
static void step_weights(struct tnc_walk *w, const struct tnc_area *out,
			 struct tnc_step *step)
{
	const struct tnc_geometry *g = w->g;
	int chunk = g->block ? 0 : out->y / g->batch_h * w->plan->chunks +
				   out->channel / w->plan->tile.c;
	bool is_new = chunk != w->chunk;

	step->weights = -1;
	if (!g->has_weights && !g->block)
		return;
	if (g->is_product && is_new) {
		struct tnc_area in = matrix_area(g, out);

		step->in[1] = input_surface(w, 1, &in);
	}
	step->weights = weights_buffer(w, chunk, out->channels);
	if (g->is_product && is_new)
		tnc_shuffle_create(w->p->c, g, &step->in[1], out->channels,
				   &step->shuffle);
}

static void step_append(struct tnc_plan *p, const struct tnc_step *step)
{
	if (p->steps == TNC_STEPS_MAX)
		tnc_error(p->c, -ENOSPC, "more than %d tiles", TNC_STEPS_MAX);
	p->step = tnc_grow(p->c, p->step, p->steps, &p->steps_room,
			   sizeof(*p->step));
	p->step[p->steps++] = *step;
}

void tnc_walk_step(struct tnc_walk *w, const struct tnc_area *out)
{
	struct tnc_plan *p = w->p;
	struct tnc_step step = {
		.op = w->number,
		.channel = out->channel,
		.out_y = out->y,
		.out_x = out->x,
	};

	/* In the order in which the DMA unit had best bring them. */
	for (int i = 0; i < (w->g->is_product ? 1 : w->g->inputs); i++) {
		struct tnc_area in = tnc_walk_input(w, i, out, &step);

		step.in[i] = input_surface(w, i, &in);
	}
	step_weights(w, out, &step);
	step.out = output_surface(w, out, &step.carry);
	step_append(p, &step);
}

/* The map a transfer touches is there while its step lasts, if it is in SRAM. */
static void touch_map(struct tnc_walk *w, int tensor)
{
	struct tnc_map *map = &w->p->map[w->p->map_of[tensor]];

	if (map->is_resident)
		resident_buffer(w->p, map, w->number, map->size);
}

static void walk_move(struct tnc_walk *w)
{
	struct tnc_step step = { .op = w->number, .weights = -1 };

	for (int i = 0; i < w->g->inputs; i++)
		touch_map(w, w->op->input[i]);
	touch_map(w, w->op->output);
	tnc_moves_of(w->p->c, w->op, &step.moves);
	step_append(w->p, &step);
}

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* Rows of the tile at row @y: none beyond its batch. */
static int rows_at(const struct tnc_walk *w, int y)
{
	return least(w->plan->tile.h, w->g->batch_h - y % w->g->batch_h);
}

static void walk_areas(struct tnc_walk *w, int channel)
{
	const struct tnc_tile *tile = &w->plan->tile;
	const struct tnc_geometry *g = w->g;
	bool is_outer = channel >= 0;

	for (int y = 0; y < g->out_h; y += rows_at(w, y))
	for (int x = 0; x < g->out_w; x += tile->w)
	for (int k = is_outer ? channel : 0; k < g->out_c; k += tile->c) {
		struct tnc_area out = {
			.y = y,
			.h = rows_at(w, y),
			.x = x,
			.w = least(tile->w, g->out_w - x),
			.channel = k,
			.channels = least(tile->c, g->out_c - k),
		};

		tnc_walk_step(w, &out);
		if (is_outer)
			break;
	}
}

/* Gives each chunk of the operator's weights a place among the constants. */
static void place_chunks(struct tnc_plan *p, int number)
{
	struct tnc_op_plan *op = &p->op[number];
	const struct tnc_op_plan *first = &p->op[op->twin];
	const struct tnc_geometry *g = &op->geometry;

	op->chunks = 0;
	if (!g->has_weights && !g->block)
		return;
	op->chunks = g->block ? 1 : npu_div_up(g->out_c, op->tile.c);
	op->chunk = tnc_chunks_of(p->c, op->twin, g,
				  g->block ? g->out_c : op->tile.c);
	op->has_own_chunks = first == op || op->chunk != first->chunk;
	if (!op->has_own_chunks) {
		op->chunk_offset = first->chunk_offset;
		return;
	}
	op->chunk_offset = tnc_alloc(p->c, op->chunks, sizeof(uint32_t));
	for (int i = 0; i < op->chunks; i++) {
		uint64_t end = (uint64_t)p->constants_size +
			       op->chunk[i].stored;

		if (end > UINT32_MAX - BLOCK_ALIGN)
			tnc_error(p->c, -ENOSPC, "more than 4 GiB of weights");
		op->chunk_offset[i] = p->constants_size;
		p->constants_size = (end + BLOCK_ALIGN - 1) & -BLOCK_ALIGN;
	}
}

struct tnc_walk tnc_walk_of(struct tnc_plan *p, int number)
{
	struct tnc_op_plan *plan = &p->op[number];

	return (struct tnc_walk){
		.p = p,
		.number = number,
		.op = p->c->op[number],
		.plan = plan,
		.g = &plan->geometry,
		.in_buffer = { -1, -1, -1 },
		.chunk = -1,
	};
}

static void walk_op(struct tnc_plan *p, int number)
{
	struct tnc_walk w = tnc_walk_of(p, number);
	struct tnc_op_plan *plan = w.plan;

	if (plan->chunks == 1 && p->op[plan->twin].is_shared)
		w.shared = &p->op[plan->twin].shared_buffer;

	tnc_place_op(p->c, w.op);
	plan->first_step = p->steps;
	if (w.g->is_move)
		walk_move(&w);
	else if (plan->tile.is_channels_outer)
		for (int k = 0; k < w.g->out_c; k += plan->tile.c)
			walk_areas(&w, k);
	else
		walk_areas(&w, -1);
	plan->last_step = p->steps - 1;
	p->map[p->map_of[w.op->output]].writer = number;
	tnc_place_none(p->c);
}

static int most(int a, int b)
{
	return a > b ? a : b;
}

/*
 * A whole map to @offset of @region, not before step @least: resident ones as soon
 * as they are whole. What no operator made is copied on the first one's account,
 * if there is one.
 */
static void store_map(struct tnc_plan *p, const struct tnc_map *map, int region,
		      uint32_t offset, int least)
{
	int op = map->writer >= 0 ? map->writer : p->c->ops ? 0 : -1;
	struct tnc_transfer *t;

	if (map->buffer >= 0) {
		struct tnc_buffer *b = &p->buffer[map->buffer];

		t = transfer_block(p, true, map->buffer, region, offset,
				   map->size, op);
		t->step = most(map->writer < 0 ? b->last :
						 p->op[op].last_step, least);
		b->last = most(b->last, t->step);
		return;
	}
	for (uint32_t done = 0; done < map->size; done += NPU_MAX_CMD_BYTES) {
		uint32_t left = map->size - done;

		t = transfer_block(p, true, -1, map->region,
				   map->offset + done,
				   left < NPU_MAX_CMD_BYTES ? left :
							NPU_MAX_CMD_BYTES,
				   op);
		t->to_region = region;
		t->to_offset = offset + done;
		t->step = p->steps - 1;
	}
}

/* Maps that are the model's outputs, if that is not where they are anyway. */
static void store_output(struct tnc_plan *p, int index)
{
	struct tnc *c = p->c;
	const struct tnc_map *map = &p->map[p->map_of[c->outputs.id[index]]];
	struct tnc_home home = tnc_home_of_output(c, index);

	if (map->buffer >= 0 || !map->has_home || map->region != home.region ||
	    map->offset != home.offset)
		store_map(p, map, home.region, home.offset, 0);
}

/* What was there before may still be read, and by transfers from there. */
static void store_variable(struct tnc_plan *p, int index)
{
	const struct tnc_variable *v = &p->c->variable[index];
	const struct tnc_map *map = &p->map[p->map_of[v->kept]];
	const struct tnc_map *before = &p->map[p->map_of[v->read]];
	int region = NPU_REGION_VARIABLES(p->c->inputs.count +
					  p->c->outputs.count);
	int least = before->last_op < 0 ? 0 : p->op[before->last_op].last_step;

	if (map != before)
		store_map(p, map, region, p->variable_offset[index], least);
}

/* About how many steps there will be: chains may have other bands. */
static int expected_steps(const struct tnc_plan *p)
{
	uint64_t steps = 0;

	for (int i = 0; i < p->c->ops && steps < RESERVED_MAX; i++) {
		const struct tnc_geometry *g = &p->op[i].geometry;
		const struct tnc_tile *tile = &p->op[i].tile;

		steps += g->is_move ? 1 :
				      (uint64_t)tnc_geometry_batches(g) *
					      npu_div_up(g->batch_h, tile->h) *
					      npu_div_up(g->out_w, tile->w) *
					      npu_div_up(g->out_c, tile->c);
	}
	return steps < RESERVED_MAX ? steps : RESERVED_MAX;
}

/*
 * Needs: maps and tiles. Leaves: steps, buffers with sizes and the steps that
 * use them, loads in the order of need, stores, offsets of all constants.
 */
void tnc_steps_create(struct tnc_plan *p)
{
	p->step = tnc_reserve(p->c, expected_steps(p), &p->steps_room,
			      sizeof(*p->step));
	p->load = tnc_reserve(p->c, p->steps_room, &p->loads_room,
			      sizeof(*p->load));
	for (int i = 0; i < p->c->ops; i++)
		place_chunks(p, i);
	tnc_maps_place(p);
	for (int i = 0, count; i < p->c->ops; i += count) {
		count = tnc_chain_length(p, i);
		if (count > 1)
			tnc_chain_walk(p, i, count);
		else
			walk_op(p, i);
	}
	for (int i = 0; i < p->c->outputs.count; i++)
		store_output(p, i);
	for (int i = 0; i < p->c->variables; i++)
		store_variable(p, i);
}
