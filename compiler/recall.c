// SPDX-License-Identifier: MIT
/*
 * Tiles that were chosen before. The search for a schedule changes the hints of a few
 * operators at a time: for the others, the same choice in the same room comes back
 * with nearly every plan. An operator's latest answers are kept, by a hash of what was
 * asked; one that is lost is worked out again, so that nothing depends on it.
 */
#include <string.h>

#include "plan.h"

#define ANSWERS 16 /* of each operator; a power of two */

struct tnc_recall {
	struct tnc_tile_question question;
	struct tnc_tile_answer answer;
	bool is_there;
};

static struct tnc_recall *find(const struct tnc_plan *p, int op,
			       const struct tnc_tile_question *q)
{
	uint64_t hash = q->sram + q->buffer * 31 + q->flags * 7 +
			(uint64_t)q->channels * 127 + (uint64_t)q->rows * 8191;

	hash = hash * UINT64_C(0x9e3779b97f4a7c15) >> 32;
	return &p->c->recall[op * ANSWERS + hash % ANSWERS];
}

/* Needs: all operators of the graph. Leaves: room for answers, and none yet. */
void tnc_recall_start(struct tnc *c)
{
	c->recall = tnc_alloc(c, (size_t)c->ops + 1,
			      ANSWERS * sizeof(*c->recall));
}

/* What was answered to the same question about the operator; NULL: not known. */
const struct tnc_tile_answer *tnc_recall(const struct tnc_plan *p, int op,
					 const struct tnc_tile_question *q)
{
	const struct tnc_recall *r = find(p, op, q);

	return r->is_there && !memcmp(&r->question, q, sizeof(*q)) ?
		       &r->answer :
		       NULL;
}

void tnc_recall_keep(const struct tnc_plan *p, int op,
		     const struct tnc_tile_question *q,
		     const struct tnc_tile_answer *answer)
{
	*find(p, op, q) = (struct tnc_recall){ *q, *answer, true };
}
