// SPDX-License-Identifier: MIT
/*
 * Weights, and programs of the vector unit, that several operators have in common,
 * as the steps of an unrolled LSTM do: the same block of bytes. It is in memory
 * once; where there is room it stays in SRAM from the first of these operators to
 * the last, so that it is loaded once.
 */
#include <string.h>

#include "plan.h"
#include "vector.h"

/* The tensor that makes the block, or -1: there is none that others may have. */
static int block_tensor(const struct tnc *c, const struct tnc_op *op,
			const struct tnc_geometry *g)
{
	if (g->block)
		return tnc_vector_block(c, op)->id;
	if (g->has_weights && c->tensor[op->input[1]]->data)
		return op->input[1];
	return -1;
}

static bool same_factors(const struct tnc_op *a, const struct tnc_op *b)
{
	return a->factors == b->factors &&
	       !memcmp(a->factor, b->factor, a->factors * sizeof(*a->factor));
}

/* Of operators with the same weights: is the whole block the same? */
static bool same_block(const struct tnc_plan *p, int a, int b)
{
	const struct tnc_op *x = p->c->op[a], *y = p->c->op[b];
	const struct tnc_geometry *g = &p->op[a].geometry;
	const struct tnc_geometry *h = &p->op[b].geometry;

	if (g->block || h->block)
		return g->block == h->block;
	return x->kind == y->kind && g->format == h->format && !g->has_sum &&
	       g->in_c == h->in_c && g->out_c == h->out_c &&
	       tnc_op_input(p->c, x, 2) == tnc_op_input(p->c, y, 2) &&
	       same_factors(x, y);
}

/* Needs: geometries. Leaves: who shares what with whom. */
void tnc_share_find(struct tnc_plan *p)
{
	int *first = tnc_alloc(p->c, p->c->tensors, sizeof(*first));

	p->sharer = tnc_alloc(p->c, p->c->ops + 1, sizeof(*p->sharer));
	for (int i = 0; i < p->c->tensors; i++)
		first[i] = -1;
	for (int i = 0; i < p->c->ops; i++) {
		struct tnc_op_plan *op = &p->op[i];
		int tensor = block_tensor(p->c, p->c->op[i], &op->geometry);

		op->twin = i;
		op->last_user = i;
		if (tensor < 0)
			continue;
		if (first[tensor] < 0)
			first[tensor] = i;
		if (first[tensor] == i || !same_block(p, first[tensor], i))
			continue;
		op->twin = first[tensor];
		p->op[op->twin].last_user = i;
		if (!p->op[op->twin].is_shared)
			p->sharer[p->sharers++] = op->twin;
		p->op[op->twin].is_shared = true;
	}
}

static uint64_t bytes_of(const struct tnc_op_plan *op)
{
	return (tnc_geometry_chunk_bytes(&op->geometry, op->geometry.out_c) +
		15) & ~UINT64_C(15);
}

static bool is_live(const struct tnc_plan *p, int first, int op)
{
	return p->op[first].is_shared && first < op &&
	       op <= p->op[first].last_user;
}

/* Bytes of SRAM, or of the buffer, that blocks hold while @op runs, not its own. */
uint64_t tnc_share_live(const struct tnc_plan *p, int op, bool is_buffered)
{
	uint64_t bytes = 0;

	for (int i = 0; i < p->sharers; i++)
		if (is_live(p, p->sharer[i], op) &&
		    p->op[p->sharer[i]].is_buffered == is_buffered &&
		    p->op[op].twin != p->sharer[i])
			bytes += bytes_of(&p->op[p->sharer[i]]);
	return bytes;
}

/* The largest block in SRAM at @op, or -1. */
int tnc_share_largest(const struct tnc_plan *p, int op, uint64_t *bytes)
{
	int largest = -1;

	*bytes = 0;
	for (int i = 0; i < p->sharers; i++) {
		uint64_t size = bytes_of(&p->op[p->sharer[i]]);

		if (!is_live(p, p->sharer[i], op) ||
		    p->op[p->sharer[i]].is_buffered || size <= *bytes)
			continue;
		*bytes = size;
		largest = p->sharer[i];
	}
	return largest;
}
