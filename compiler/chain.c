// SPDX-License-Identifier: MIT
/* Chains: operators whose tiles take turns, band of rows by band of rows. */
#include "steps.h"

static int least(int a, int b)
{
	return a < b ? a : b;
}

/*
 * Can the operator's tiles come among others'? They have to be bands of rows
 * of maps that stay where they are, and none may be overwritten that an earlier
 * operator still reads. A product needs all of its second matrix at once.
 */
static bool can_take_turns(const struct tnc_plan *p, int number)
{
	const struct tnc_op *op = p->c->op[number];
	const struct tnc_op_plan *plan = &p->op[number];
	const struct tnc_geometry *g = &plan->geometry;
	int out = p->map_of[op->output];

	if (g->is_move || g->is_product || plan->tile.c < g->out_c ||
	    plan->tile.w < g->out_w || !p->map[out].is_resident)
		return false;
	for (int i = 0; i < g->inputs; i++) {
		int in = p->map_of[op->input[i]];

		if (in == out || !p->map[in].is_resident)
			return false;
	}
	return true;
}

/* How many operators from @first on take turns. */
int tnc_chain_length(const struct tnc_plan *p, int first)
{
	int count = 1;

	if (!can_take_turns(p, first))
		return 1;
	while (count < TNC_CHAIN_MAX && first + count < p->c->ops &&
	       p->hint[first + count].joins &&
	       can_take_turns(p, first + count))
		count++;
	return count;
}

struct chain {
	struct tnc_walk walk[TNC_CHAIN_MAX];
	int row[TNC_CHAIN_MAX];	/* rows of each output that have their step */
};

static struct tnc_area next_band(const struct chain *chain, int k)
{
	const struct tnc_geometry *g = chain->walk[k].g;
	int left = g->out_h - chain->row[k];

	return (struct tnc_area){
		.y = chain->row[k],
		.h = least(chain->walk[k].plan->tile.h, left),
		.w = g->out_w,
		.channels = g->out_c,
	};
}

/* Has the chain made all that the next band of operator @k needs of @input? */
static bool has_input(const struct chain *chain, int k, int input,
		      const struct tnc_area *out)
{
	const struct tnc_walk *w = &chain->walk[k];
	const struct tnc_plan *p = w->p;
	struct tnc_step unused; /* what is missing before the area */
	struct tnc_area in;

	for (int q = 0; q < k; q++) {
		const struct tnc_walk *of = &chain->walk[q];

		if (p->map_of[of->op->output] !=
			    p->map_of[w->op->input[input]] ||
		    chain->row[q] == of->g->out_h)
			continue;
		/* Other views of the map have its rows elsewhere. */
		if (of->op->output != w->op->input[input] ||
		    of->g->out_h != w->g->in_h || of->g->out_w != w->g->in_w)
			return false;
		in = tnc_walk_input(w, input, out, &unused);
		if (in.y + in.h > chain->row[q])
			return false;
	}
	return true;
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
	struct chain chain = { 0 };
	int k;

	for (k = 0; k < count; k++)
		chain.walk[k] = tnc_walk_of(p, first + k);
	do {
		for (k = count - 1; k >= 0 && !chain_step(&chain, k); k--)
			;
	} while (k >= 0);
}
