// SPDX-License-Identifier: MIT
/*
 * Maps that are never whole: where operators take turns, what one of them makes and
 * the others of the chain use up may stay in SRAM as a window of rows, however large
 * the map is. Each band gets a window of its own; rows of the one before that are
 * still needed are copied to its head, which costs less than reading them from memory
 * and leaves all operands as contiguous as commands want them. The search asks for it
 * (hint.rolls, of all operators of a chain); here is said which maps can be had so.
 */
#include "plan.h"
#include "steps.h"
#include "view.h"

/* The chain that @op belongs to; itself, if that does not roll. */
void tnc_roll_span(const struct tnc_plan *p, int op, int *first, int *last)
{
	*first = *last = op;
	if (op < 0 || op >= p->c->ops || !p->hint[op].rolls)
		return;
	while (*first > 0 && p->hint[*first].joins)
		--*first;
	while (*last + 1 < p->c->ops && p->hint[*last + 1].joins)
		++*last;
}

/* Does @op read the whole tensor, by bands, where it reads the map at all? */
static bool reads_bands(const struct tnc_plan *p, int number, int map,
			int tensor)
{
	const struct tnc_op *op = p->c->op[number];
	const struct tnc_geometry *g = &p->op[number].geometry;

	for (int i = 0; i < g->inputs; i++) {
		int input = tnc_operand(op, g, i);

		if (p->map_of[input] == map &&
		    (input != tensor || g->is_move || g->is_product ||
		     g->repeats_row[i]))
			return false;
	}
	return true;
}

/* Is the operator's output made and used up by its chain alone? */
static bool can_roll(const struct tnc_plan *p, int number)
{
	const struct tnc_op *op = p->c->op[number];
	const struct tnc_map *map = &p->map[p->map_of[op->output]];
	int first, last;

	tnc_roll_span(p, number, &first, &last);
	if (map->first_op != number || map->last_op > last ||
	    map->output >= 0 || map->is_kept || !map->is_resident ||
	    map->root->id != op->output || p->op[number].geometry.is_move)
		return false;
	for (int i = number + 1; i <= map->last_op; i++)
		if (p->c->op[i]->output == op->output ||
		    p->map_of[p->c->op[i]->output] == p->map_of[op->output] ||
		    !reads_bands(p, i, p->map_of[op->output], op->output))
			return false;
	return map->last_op > number;
}

/* Needs: maps. Leaves: those that are rolled. */
void tnc_roll_find(struct tnc_plan *p)
{
	for (int i = 0; i < p->c->ops; i++)
		if (p->hint[i].rolls && can_roll(p, i))
			p->map[p->map_of[p->c->op[i]->output]].is_rolled = true;
}

static int most(int a, int b)
{
	return a > b ? a : b;
}

/* Rows of a map of @rows when its chain cuts it into so many bands. */
static int band(const struct tnc_plan *p, int op, int rows)
{
	int bands = most(p->hint[op].rows, 1);

	return npu_div_up(rows, bands);
}

/* About how many bytes the windows of a rolled map take: two at a time. */
uint64_t tnc_roll_bytes(const struct tnc_plan *p, const struct tnc_map *map)
{
	const struct tnc_geometry *g = &p->op[map->first_op].geometry;
	int rows = band(p, map->first_op, g->out_h), window = rows;

	for (int i = map->first_op + 1; i <= map->last_op; i++) {
		const struct tnc_geometry *of = &p->op[i].geometry;
		int span = (of->window.h - 1) * of->dilation.h + 1;

		if (of->in_h == g->out_h)
			window = most(window, rows + span - of->stride.h);
	}
	return 2 * (uint64_t)window * (map->size / g->out_h);
}

/*
 * Do all chains that roll take turns as the search asked? Else there would be
 * maps of which nobody keeps what others need.
 */
bool tnc_roll_holds(const struct tnc_plan *p)
{
	int first, last;

	for (int i = 0; i < p->c->ops; i = last + 1) {
		tnc_roll_span(p, i, &first, &last);
		if (first < last &&
		    tnc_chain_length(p, first) != last - first + 1)
			return false;
	}
	return true;
}
