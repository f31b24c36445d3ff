// SPDX-License-Identifier: MIT
/*
 * The maps: one for each activation tensor that owns its bytes. Decides where
 * in memory those are that have to be there, and which may stay in SRAM.
 */
#include <errno.h>

#include "plan.h"
#include "view.h"

#define PITCH_MAX 65535
#define SCRATCH_ALIGN 64

/* For each tensor that owns its bytes, the last operator that reads them. */
static int *last_readers(struct tnc *c)
{
	int *last = tnc_alloc(c, c->tensors, sizeof(*last));

	for (int i = 0; i < c->ops; i++)
		for (int k = 0; k < c->op[i]->inputs; k++)
			if (tnc_op_input(c, c->op[i], k))
				last[tnc_tensor_root(c, c->op[i]->input[k])->id] = i;
	for (int i = 0; i < c->outputs.count; i++)
		last[tnc_tensor_root(c, c->outputs.id[i])->id] = c->ops;
	for (int i = 0; i < c->variables; i++)
		last[tnc_tensor_root(c, c->variable[i].kept)->id] = c->ops;
	return last;
}

/* Does the other input read bytes of the same map, others or at other times? */
static bool is_shared(const struct tnc_plan *p, int op_number, int index)
{
	const struct tnc_op *op = p->c->op[op_number];
	const struct tnc_geometry *g = &p->op[op_number].geometry;
	int map = p->map_of[tnc_operand(op, g, index)];

	for (int i = 0; i < g->inputs; i++) {
		int other = tnc_operand(op, g, i);

		if (i != index && p->map_of[other] == map &&
		    (p->c->tensor[other]->is_view || g->has_sum))
			return true;
	}
	return false;
}

/* The first input that the output may be written over; the last is none. */
static int first_overwritten(const struct tnc_op *op,
			     const struct tnc_geometry *g)
{
	if (g->has_sum)
		return 1;
	return tnc_op_is_binary(op) || op->kind == TNC_VECTOR ? 0 : g->inputs;
}

/*
 * Others of a chain may still read the rows that an operator of it would write over. And
 * a sum would be in SRAM as long as the whole chain that made the summand, if that has
 * windows: no other operator has so many maps live at once as a convolution that adds.
 */
static bool keeps_apart(const struct tnc_plan *p, int op_number,
			const struct tnc_map *map)
{
	return p->hint[op_number].joins ||
	       (p->op[op_number].geometry.has_sum &&
		p->hint[map->first_op].rolls);
}

/* Does nobody need the input's bytes any more, which are as many as the output's? */
static bool can_overwrite(const struct tnc_plan *p, int op_number, int index,
			  const int *last_reader)
{
	const struct tnc *c = p->c;
	const struct tnc_op *op = c->op[op_number];
	int input = tnc_operand(op, &p->op[op_number].geometry, index);
	const struct tnc_tensor *root = tnc_tensor_root(c, input);
	const struct tnc_map *map = &p->map[p->map_of[input]];

	return map->first_op >= 0 && !keeps_apart(p, op_number, map) &&
	       !c->tensor[input]->is_view && !is_shared(p, op_number, index) &&
	       root->type == tnc_op_output(c, op)->type &&
	       tnc_tensor_bytes(root) == tnc_tensor_bytes(tnc_op_output(c, op)) &&
	       last_reader[root->id] == op_number;
}

/*
 * A sum or its like can write its result over an input that nobody reads later: both
 * are one map then. Returns it, or -1.
 */
static int map_to_overwrite(const struct tnc_plan *p, int op_number,
			    const int *last_reader)
{
	const struct tnc_op *op = p->c->op[op_number];
	const struct tnc_geometry *g = &p->op[op_number].geometry;

	if (tnc_op_output(p->c, op)->is_view || p->hint[op_number].rolls)
		return -1;
	for (int i = first_overwritten(op, g); i < g->inputs; i++)
		if (can_overwrite(p, op_number, i, last_reader))
			return p->map_of[tnc_operand(op, g, i)];
	return -1;
}

static int map_add(struct tnc_plan *p, int tensor, int first_op)
{
	const struct tnc_tensor *root = tnc_tensor_root(p->c, tensor);
	struct tnc_map *map;

	if (p->map_of[root->id] < 0) {
		map = &p->map[p->maps];
		*map = (struct tnc_map){
			.root = root,
			.size = tnc_tensor_bytes(root),
			.is_resident = true,
			.input = -1,
			.output = -1,
			.first_op = first_op,
			.last_op = first_op,
			.buffer = -1,
		};
		p->map_of[root->id] = p->maps++;
	}
	p->map_of[tensor] = p->map_of[root->id];
	return p->map_of[root->id];
}

/* A map whose rows are longer than a pitch can say is moved in tiles. */
static void check_pitch(struct tnc_map *map, const struct tnc_tensor *view)
{
	struct tnc_layout l = tnc_layout_of(view);

	if ((view->shape[1] > 1 && l.stride[1] > PITCH_MAX) ||
	    (view->shape[2] > 1 && l.stride[2] > PITCH_MAX) ||
	    view->shape[1] > PITCH_MAX)
		map->is_resident = false;
}

static void add_operands(struct tnc_plan *p, int op_number,
			 const int *last_reader)
{
	struct tnc *c = p->c;
	const struct tnc_op *op = c->op[op_number];
	const struct tnc_geometry *g = &p->op[op_number].geometry;
	int map;

	for (int i = 0; i < g->inputs; i++) {
		int input = tnc_operand(op, g, i);

		map = map_add(p, input, -1);
		p->map[map].last_op = op_number;
		if (!g->is_move)
			check_pitch(&p->map[map], c->tensor[input]);
	}
	map = map_to_overwrite(p, op_number, last_reader);
	if (map >= 0)
		p->map_of[op->output] = map;
	map = map_add(p, op->output, op_number);
	p->map[map].last_op = op_number;
	if (!g->is_move)
		check_pitch(&p->map[map], c->tensor[op->output]);
}

static void give_home(struct tnc_map *map, int region, uint32_t offset)
{
	map->has_home = true;
	map->region = region;
	map->offset = offset;
}

/* Where variables are when a run begins, and when it ends. */
static void give_variables_homes(struct tnc_plan *p)
{
	struct tnc *c = p->c;
	int region = NPU_REGION_VARIABLES(c->inputs.count + c->outputs.count);
	uint64_t end = 0;

	p->variable_offset = tnc_alloc(c, c->variables + 1, sizeof(uint32_t));
	for (int i = 0; i < c->variables; i++) {
		struct tnc_map *map =
			&p->map[map_add(p, c->variable[i].read, -1)];

		p->variable_offset[i] = end;
		give_home(map, region, end);
		end += (map->size + SCRATCH_ALIGN - 1) & -SCRATCH_ALIGN;
		if (end > UINT32_MAX)
			tnc_error(c, -ENOSPC, "more than 4 GiB of variables");
	}
	p->variables_size = end;
}

/* A variable is written when nobody needs any more what it was before. */
static void add_kept(struct tnc_plan *p, const struct tnc_variable *v)
{
	struct tnc_map *map = &p->map[map_add(p, v->kept, -1)];
	const struct tnc_map *before = &p->map[p->map_of[v->read]];

	map->is_kept = true;
	if (map->last_op < before->last_op)
		map->last_op = before->last_op;
}

/* Of the model the inputs and outputs are regions; of a segment it is said. */
struct tnc_home tnc_home_of_input(const struct tnc *c, int index)
{
	if (c->home)
		return c->home[c->inputs.id[index]];
	return (struct tnc_home){ true, NPU_REGION_TENSORS + index, 0 };
}

struct tnc_home tnc_home_of_output(const struct tnc *c, int index)
{
	if (c->home)
		return c->home[c->outputs.id[index]];
	return (struct tnc_home){
		true, NPU_REGION_TENSORS + c->inputs.count + index, 0
	};
}

void tnc_maps_create(struct tnc_plan *p)
{
	struct tnc *c = p->c;
	const int *last_reader = last_readers(c);

	p->map = tnc_alloc(c, c->tensors, sizeof(*p->map));
	p->map_of = tnc_alloc(c, c->tensors, sizeof(*p->map_of));
	for (int i = 0; i < c->tensors; i++)
		p->map_of[i] = -1;
	for (int i = 0; i < c->inputs.count; i++) {
		struct tnc_map *map = &p->map[map_add(p, c->inputs.id[i], -1)];

		struct tnc_home home = tnc_home_of_input(c, i);

		map->input = i;
		give_home(map, home.region, home.offset);
	}
	give_variables_homes(p);
	for (int i = 0; i < c->ops; i++)
		add_operands(p, i, last_reader);
	for (int i = 0; i < c->outputs.count; i++) {
		struct tnc_map *map = &p->map[map_add(p, c->outputs.id[i], -1)];

		if (map->output < 0)
			map->output = i;
		if (!map->has_home && !map->root->data) {
			struct tnc_home home = tnc_home_of_output(c, i);

			give_home(map, home.region, home.offset);
		}
	}
	for (int i = 0; i < c->variables; i++)
		add_kept(p, &c->variable[i]);
}

/* Operators that take turns all run for as long as their chain. */
static int end_of_chain(const struct tnc_plan *p, int op)
{
	int first, last;

	tnc_roll_span(p, op, &first, &last);
	return last;
}

static bool meet_in_scratch(const struct tnc_plan *p, const struct tnc_map *a,
			    const struct tnc_map *b)
{
	return !a->is_resident && a->has_home &&
	       a->region == NPU_REGION_SCRATCH &&
	       (a->is_kept || b->first_op <= end_of_chain(p, a->last_op)) &&
	       (b->is_kept || a->first_op <= end_of_chain(p, b->last_op));
}

/* Puts constant maps among the constants, and the rest into scratch memory. */
void tnc_maps_place(struct tnc_plan *p)
{
	uint64_t scratch = p->c->scratch_base;

	for (int i = 0; i < p->maps; i++) {
		struct tnc_map *map = &p->map[i];
		uint64_t offset = p->c->scratch_base;

		if (map->root->data) {
			give_home(map, NPU_REGION_CONSTANTS, p->constants_size);
			p->constants_size += (map->size + 15) & ~15u;
			continue;
		}
		if (map->is_resident || (map->has_home && !map->is_scratch))
			continue;
		/* Behind every earlier one that is live at the same time. */
		for (int k = 0; k < i; k++) {
			const struct tnc_map *other = &p->map[k];
			uint64_t end = (uint64_t)other->offset + other->size;

			if (meet_in_scratch(p, other, map) && end > offset)
				offset = end;
		}
		offset = (offset + SCRATCH_ALIGN - 1) & -SCRATCH_ALIGN;
		if (offset + map->size > UINT32_MAX)
			tnc_error(p->c, -ENOSPC,
				  "more than 4 GiB of scratch memory");
		give_home(map, NPU_REGION_SCRATCH, offset);
		map->is_scratch = true;
		if (offset + map->size > scratch)
			scratch = offset + map->size;
	}
	p->scratch_size = scratch;
}

/* While the operators from @first to @last take turns. */
static bool is_live(const struct tnc_map *map, int first, int last)
{
	return map->is_resident && map->first_op <= last &&
	       first <= map->last_op;
}

static uint64_t sram_bytes(const struct tnc_plan *p, const struct tnc_map *map)
{
	if (map->is_rolled)
		return tnc_roll_bytes(p, map);
	return (map->size + 15) & ~15u;
}

/* Bytes of SRAM that resident maps hold while operator @op runs. */
uint64_t tnc_maps_live(const struct tnc_plan *p, int op)
{
	uint64_t bytes = 0;
	int first, last;

	tnc_roll_span(p, op, &first, &last);
	for (int i = 0; i < p->maps; i++)
		if (is_live(&p->map[i], first, last))
			bytes += sram_bytes(p, &p->map[i]);
	return bytes;
}

/* Sends the largest map or block that stays in SRAM at @op to memory. */
bool tnc_maps_spill(struct tnc_plan *p, int op)
{
	struct tnc_map *largest = NULL;
	uint64_t bytes;
	int block = tnc_share_largest(p, op, &bytes), first, last;

	tnc_roll_span(p, op, &first, &last);
	for (int i = 0; i < p->maps; i++)
		if (is_live(&p->map[i], first, last) && !p->map[i].is_rolled &&
		    (!largest || p->map[i].size > largest->size))
			largest = &p->map[i];
	if (block >= 0 && (!largest || bytes > largest->size)) {
		p->op[block].is_shared = false;
		return true;
	}
	if (!largest)
		return false;
	largest->is_resident = false;
	return true;
}
