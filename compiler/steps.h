/* SPDX-License-Identifier: MIT */
/*
 * How steps are made, for the two that do: steps.c, an operator after the other,
 * and chain.c, where operators take turns. Private to the compiler.
 */
#ifndef TNC_STEPS_H
#define TNC_STEPS_H

#include "plan.h"

/* Where in its output the tile of a step lies. */
struct tnc_area {
	int y, h;
	int x, w;
	int channel, channels;
};

/* What the steps of one operator share while they are made. */
struct tnc_walk {
	struct tnc_plan *p;
	int number;
	const struct tnc_op *op;
	struct tnc_op_plan *plan;
	const struct tnc_geometry *g;
	struct tnc_area last_in[TNC_OPERANDS]; /* the tiles that are loaded */
	int in_buffer[TNC_OPERANDS];
	int chunk;			/* the chunk that is loaded, or -1 */
	int chunk_buffer;
	int *shared;			/* where it is for others, too, or NULL */
	int keep_from;	/* row of the output that others still need, if rolled */
};

/* steps.c */
struct tnc_walk tnc_walk_of(struct tnc_plan *p, int number);
struct tnc_area tnc_walk_input(const struct tnc_walk *w, int index,
			       const struct tnc_area *out,
			       struct tnc_step *step);
void tnc_walk_step(struct tnc_walk *w, const struct tnc_area *out);

/* chain.c */
int tnc_chain_length(const struct tnc_plan *p, int first);
void tnc_chain_walk(struct tnc_plan *p, int first, int count);

#endif
