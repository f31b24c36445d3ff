// SPDX-License-Identifier: MIT
/*
 * Finds what pruning has left of weights without effect: output channels that
 * are the same everywhere, since no weight of theirs sees anything but zero
 * points, and the weights that look at such a channel. The graph stays as it is,
 * and so does each value that is computed; but where it does not matter what is
 * packed, pack.c packs what is coded shortest.
 */
#include <string.h>

#include "plan.h"
#include "ref.h"

/* An operator's weights, by output channel and place. */
struct weights {
	const int8_t *data;
	int channels;
	int depth;		/* places of one output channel */
	int step;		/* from place to place */
	int next;		/* from channel to channel */
};

static struct weights weights_of(const struct tnc *c, const struct tnc_op *op,
				 const struct tnc_geometry *g)
{
	int taps = g->window.h * g->window.w;
	int depth = g->is_channelwise ? taps : taps * g->in_c;

	return (struct weights){
		.data = (const int8_t *)tnc_op_input(c, op, 1)->data,
		.channels = g->out_c,
		.depth = depth,
		.step = g->is_channelwise ? g->out_c : 1,
		.next = g->is_channelwise ? 1 : depth,
	};
}

/* Which input channel the weight at a place looks at. */
static int looks_at(const struct tnc_geometry *g, int channel, int place)
{
	return g->is_channelwise ? channel / g->multiplier : place % g->in_c;
}

static bool has_effect(const struct weights *w, const struct tnc_geometry *g,
		       const bool *is_zero, int channel)
{
	for (int k = 0; k < w->depth; k++)
		if (w->data[channel * w->next + k * w->step] &&
		    !(is_zero && is_zero[looks_at(g, channel, k)]))
			return true;
	return false;
}

static int8_t constant(const struct tnc *c, const struct tnc_op *op, int channel)
{
	const struct tnc_tensor *bias = tnc_op_input(c, op, 2);
	int32_t sum = 0;

	if (bias)
		memcpy(&sum, bias->data + 4 * channel, sizeof(sum));
	return ref_requantise(sum, op->factor[op->factors > 1 ? channel : 0],
			      tnc_op_product(c, op)->quant.zero_point[0],
			      op->clamp_min, op->clamp_max);
}

static void find_in(struct tnc *c, int number, bool **is_zero_of)
{
	const struct tnc_op *op = c->op[number];
	struct tnc_geometry g = tnc_geometry_of(c, op);
	struct tnc_dead *dead = &c->dead[number];
	int zero_point;
	struct weights w;
	bool *is_zero;

	if (!g.has_weights || g.is_product ||
	    g.format & ~NPU_CONV_ADD)
		return;
	w = weights_of(c, op, &g);
	zero_point = tnc_op_product(c, op)->quant.zero_point[0];
	dead->input = is_zero_of[op->input[0]];
	dead->is_constant = tnc_alloc(c, w.channels, sizeof(bool));
	dead->value = tnc_alloc(c, w.channels, sizeof(int8_t));
	is_zero = tnc_alloc(c, w.channels, sizeof(bool));
	for (int i = 0; i < w.channels; i++) {
		if (has_effect(&w, &g, dead->input, i))
			continue;
		dead->is_constant[i] = true;
		dead->value[i] = constant(c, op, i);
		is_zero[i] = dead->value[i] == zero_point;
	}
	is_zero_of[tnc_op_product(c, op)->id] = is_zero;
}

/* Needs: a legal graph. Leaves: c->dead. */
void tnc_dead_find(struct tnc *c)
{
	/* By tensor: its channels that are the zero point everywhere. */
	bool **is_zero_of = tnc_alloc(c, c->tensors, sizeof(*is_zero_of));

	c->dead = tnc_alloc(c, c->ops + 1, sizeof(*c->dead));
	for (int i = 0; i < c->ops; i++)
		find_in(c, i, is_zero_of);
}
