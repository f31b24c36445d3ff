// SPDX-License-Identifier: MIT
/*
 * Chains: operators that take turns, band of rows by band of rows. The first
 * one's input may come from memory while the others work, and the last one's output
 * go there. What passes between them stays in SRAM, either whole or as a window of
 * rows (roll.c).
 */
#include "steps.h"

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* Does one of the operators from @first on, before @number, write to the map? */
static bool is_written(const struct tnc_plan *p, int first, int number, int map)
{
	for (int i = first; i < number; i++)
		if (p->map_of[p->c->op[i]->output] == map)
			return true;
	return false;
}

/*
 * Can the operator's tiles come among those of the chain that begins at @first?
 * They have to be bands of rows, none may be overwritten that an earlier operator
 * still reads, and what is in memory has to be there. A product needs all of its
 * second matrix at once.
 */
static bool can_take_turns(const struct tnc_plan *p, int first, int number)
{
	const struct tnc_op *op = p->c->op[number];
	const struct tnc_op_plan *plan = &p->op[number];
	const struct tnc_geometry *g = &plan->geometry;
	int out = p->map_of[op->output];

	if (g->is_move || g->is_product || plan->tile.c < g->out_c ||
	    plan->tile.w < g->out_w)
		return false;
	for (int i = 0; i < g->inputs; i++) {
		int in = p->map_of[tnc_operand(op, g, i)];

		if (in == out || (!p->map[in].is_resident &&
				  is_written(p, first, number, in)))
			return false;
	}
	return true;
}

/* How many operators from @first on take turns. */
int tnc_chain_length(const struct tnc_plan *p, int first)
{
	int count = 1;

	if (!can_take_turns(p, first, first))
		return 1;
	while (count < TNC_CHAIN_MAX && first + count < p->c->ops &&
	       p->hint[first + count].joins &&
	       can_take_turns(p, first, first + count))
		count++;
	return count;
}

struct chain {
	struct tnc_walk walk[TNC_CHAIN_MAX];
	int count;
	int row[TNC_CHAIN_MAX];	/* rows of each output that have their step */
};

static bool reads(const struct tnc_walk *w, int tensor)
{
	for (int i = 0; i < w->g->inputs; i++)
		if (tnc_operand(w->op, w->g, i) == tensor)
			return true;
	return false;
}

static int rows_wanted(const struct chain *chain, int k);

static struct tnc_area next_band(const struct chain *chain, int k)
{
	const struct tnc_walk *w = &chain->walk[k];
	int left = w->g->out_h - chain->row[k];
	int rows = w->plan->tile.h;

	if (left && w->p->hint[w->number].follows &&
	    w->p->map[w->p->map_of[w->op->output]].is_rolled)
		rows = rows_wanted(chain, k);
	return (struct tnc_area){
		.y = chain->row[k],
		.h = least(rows, left),
		.w = w->g->out_w,
		.channels = w->g->out_c,
	};
}

/*
 * Of a map that is rolled, a band is what lets another operator go on: so a
 * window holds no more than that one looks at.
 */
static int rows_wanted(const struct chain *chain, int k)
{
	const struct tnc_walk *of = &chain->walk[k];
	struct tnc_tile tile = of->plan->tile;
	struct tnc_step unused; /* what is missing before the area */
	int end = of->g->out_h;

	for (int q = k + 1; q < chain->count; q++) {
		const struct tnc_walk *w = &chain->walk[q];
		struct tnc_area out, in;

		if (chain->row[q] == w->g->out_h || !reads(w, of->op->output))
			continue;
		out = next_band(chain, q);
		for (int i = 0; i < w->g->inputs; i++) {
			if (tnc_operand(w->op, w->g, i) != of->op->output)
				continue;
			in = tnc_walk_input(w, i, &out, &unused);
			if (in.y + in.h > chain->row[k])
				end = least(end, in.y + in.h);
		}
	}
	tile.h = end - chain->row[k];
	return tnc_geometry_is_legal(of->g, &tile) ? tile.h :
						     of->plan->tile.h;
}

/* Has the chain made all that the next band of operator @k needs of @input? */
static bool has_input(const struct chain *chain, int k, int input,
		      const struct tnc_area *out)
{
	const struct tnc_walk *w = &chain->walk[k];
	const struct tnc_plan *p = w->p;
	int tensor = tnc_operand(w->op, w->g, input);
	struct tnc_step unused;
	struct tnc_area in;

	for (int q = 0; q < k; q++) {
		const struct tnc_walk *of = &chain->walk[q];

		if (p->map_of[of->op->output] != p->map_of[tensor] ||
		    chain->row[q] == of->g->out_h)
			continue;
		/* Other views of the map have its rows elsewhere. */
		if (of->op->output != tensor ||
		    (!tnc_geometry_is_second(w->g, input) &&
		     (of->g->out_h != w->g->in_h || of->g->out_w != w->g->in_w)))
			return false;
		in = tnc_walk_input(w, input, out, &unused);
		if (in.y + in.h > chain->row[q])
			return false;
	}
	return true;
}

/* The first row of what operator @k makes that another one still looks at. */
static int first_needed(const struct chain *chain, int k)
{
	const struct tnc_walk *of = &chain->walk[k];
	int first = chain->row[k];
	struct tnc_step unused;

	for (int q = k + 1; q < chain->count; q++) {
		const struct tnc_walk *w = &chain->walk[q];
		struct tnc_area out, in;

		if (chain->row[q] == w->g->out_h || !reads(w, of->op->output))
			continue;
		out = next_band(chain, q);
		for (int i = 0; i < w->g->inputs; i++) {
			if (tnc_operand(w->op, w->g, i) != of->op->output)
				continue;
			in = tnc_walk_input(w, i, &out, &unused);
			first = least(first, in.y);
		}
	}
	return first;
}

/* Adds the next step of operator @k, if there is one and it can be. */
static bool chain_step(struct chain *chain, int k)
{
	struct tnc_walk *w = &chain->walk[k];
	struct tnc_area out = next_band(chain, k);

	if (!out.h)
		return false;
	for (int i = 0; i < w->g->inputs; i++)
		if (!has_input(chain, k, i, &out))
			return false;
	tnc_place_op(w->p->c, w->op);
	if (!chain->row[k])
		w->plan->first_step = w->p->steps;
	w->keep_from = first_needed(chain, k);
	tnc_walk_step(w, &out);
	chain->row[k] += out.h;
	w->plan->last_step = w->p->steps - 1;
	/* Of several that write to the map, the last to end. */
	if (chain->row[k] == w->g->out_h)
		w->p->map[w->p->map_of[w->op->output]].writer = w->number;
	tnc_place_none(w->p->c);
	return true;
}

/* The last operator that can go on does: so maps are used up soon. */
void tnc_chain_walk(struct tnc_plan *p, int first, int count)
{
	struct chain chain = { .count = count };
	int k;

	for (k = 0; k < count; k++)
		chain.walk[k] = tnc_walk_of(p, first + k);
	do {
		for (k = count - 1; k >= 0 && !chain_step(&chain, k); k--)
			;
	} while (k >= 0);
}
