// SPDX-License-Identifier: MIT
/*
 * Pass 'd': layers whose weights are too many for the SRAM, though of one output
 * channel only.
 *
 * Needs: a legal graph.
 * Leaves: no convolution of int8 whose smallest tile does not fit, unless its window
 * alone is too large. Such a one is cut along its input channels: each part leaves its
 * sums, int32, and programs of the vector unit add and scale them as the output stage
 * would have done.
 */
#include <errno.h>
#include <string.h>

#include "pass.h"
#include "plan.h"
#include "vector.h"

/* What a part may take of the SRAM: weights of a channel, and input for a pixel. */
#define SHARE 8

#define CHANNELS_MAX 65535	/* that a field can say */

static int taps_of(const struct tnc_geometry *g)
{
	return g->window.h * g->window.w;
}

/* Does a tile of one pixel and one output channel not fit? */
static bool is_too_deep(const struct tnc *c, const struct tnc_geometry *g)
{
	const struct tnc_tile tile = { 1, 1, g->channel_unit, true };
	uint64_t bytes = tnc_geometry_chunk_bytes(g, g->channel_unit) +
			 tnc_geometry_in_bytes(g, &tile, 0) +
			 tnc_geometry_out_bytes(g, &tile) + 3 * 16;

	return bytes > c->options.machine.sram_size || g->in_c > CHANNELS_MAX;
}

/* Input channels of a part; 0: the window alone is too large. */
static int part_of(const struct tnc *c, const struct tnc_geometry *g)
{
	int channels = c->options.machine.sram_size / SHARE / taps_of(g);

	return channels >= 4 ? channels & ~3 : channels;
}

static struct tnc_op *append(struct tnc *c, const struct tnc_op *like,
			     enum tnc_op_kind kind)
{
	struct tnc_op *op = tnc_op_append(c, kind);

	op->origin = like->origin;
	op->source = like->source;
	return op;
}

/* Channels @first and on of the input. */
static int input_part(struct tnc *c, const struct tnc_op *op, int first,
		      int channels)
{
	struct tnc_tensor *out = tnc_tensor_new(c, tnc_op_input(c, op, 0));
	struct tnc_op *slice = append(c, op, TNC_SLICE);

	out->alias = -1;
	out->is_view = false;
	out->shape[3] = channels;
	slice->output = out->id;
	tnc_op_add_input(c, slice, op->input[0]);
	for (int d = 0; d < 4; d++) {
		tnc_list_append(c, &slice->list[0], d == 3 ? first : 0);
		tnc_list_append(c, &slice->list[1], 1);
	}
	return out->id;
}

static int weights_part(struct tnc *c, const struct tnc_op *op, int first,
			int channels)
{
	const struct tnc_tensor *all = tnc_op_input(c, op, 1);
	struct tnc_tensor *part = tnc_tensor_new(c, all);
	int64_t rows = tnc_tensor_elements(all) / all->shape[3];

	part->shape[3] = channels;
	part->data = tnc_alloc(c, rows, channels);
	for (int64_t i = 0; i < rows; i++)
		memcpy(part->data + i * channels,
		       all->data + i * all->shape[3] + first, channels);
	return part->id;
}

/* A tensor of int32 like the output. */
static int sums_like(struct tnc *c, const struct tnc_op *op)
{
	struct tnc_tensor *t = tnc_tensor_new(c, tnc_op_output(c, op));

	t->alias = -1;
	t->is_view = false;
	t->type = TNC_INT32;
	t->quant = (struct tnc_quant){ 0 };
	return t->id;
}

static int convolve_part(struct tnc *c, const struct tnc_op *op, int first,
			 int channels)
{
	int in = input_part(c, op, first, channels);
	struct tnc_op *part = append(c, op, TNC_CONV_2D);

	part->stride = op->stride;
	part->dilation = op->dilation;
	part->pad = TNC_PAD_EXPLICIT;
	part->pads = op->pads;
	part->act = TNC_ACT_CLAMP;
	part->mode = op->mode;
	tnc_op_add_input(c, part, in);
	tnc_op_add_input(c, part, weights_part(c, op, first, channels));
	if (!first && tnc_op_input(c, op, 2))
		tnc_op_add_input(c, part, op->input[2]);
	part->output = sums_like(c, op);
	return part->output;
}

static int add_sums(struct tnc *c, const struct tnc_op *op, int a, int b)
{
	struct tnc_vector v = { .c = c };
	struct tnc_op *sum = append(c, op, TNC_ADD);

	tnc_op_add_input(c, sum, a);
	tnc_op_add_input(c, sum, b);
	sum->output = sums_like(c, op);
	tnc_vector_load(&v, 0, 0, 0);
	tnc_vector_load(&v, 1, 1, 0);
	tnc_vector_add(&v, NPU_VOP_ADD, 0, 0, 1, 0);
	tnc_vector_add(&v, NPU_VOP_STORE, 0, 0, 0, 0);
	tnc_vector_finish(&v, sum);
	return sum->output;
}

/* A row of what each output channel has: multiplier, or shift. */
static int factors(struct tnc *c, const struct tnc_op *op, bool is_shift)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	struct tnc_tensor *t = c->tensor[sums_like(c, op)];
	int32_t *to = tnc_alloc(c, out->shape[3], sizeof(*to));

	t->name = is_shift ? "shifts" : "multipliers";
	t->shape[0] = t->shape[1] = t->shape[2] = 1;
	for (int i = 0; i < out->shape[3]; i++) {
		const struct tnc_factor *f =
			&op->factor[op->factors > 1 ? i : 0];

		to[i] = is_shift ? f->shift : f->multiplier;
	}
	t->data = (uint8_t *)to;
	return t->id;
}

/* r0 scaled as the output stage does it: SCALE of the manual, shifts in r2. */
static void put_scale(struct tnc_vector *v)
{
	tnc_vector_load(v, 1, 1, 0);
	tnc_vector_load(v, 2, 2, 0);
	tnc_vector_imm(v, NPU_VOP_MAX, 3, 2, 0);
	tnc_vector_add(v, NPU_VOP_SHL, 0, 0, 3, 0);
	tnc_vector_add(v, NPU_VOP_SRDHM, 0, 0, 1, 0);
	tnc_vector_imm(v, NPU_VOP_MIN, 3, 2, 0);
	tnc_vector_add(v, NPU_VOP_CONST, 4, 0, 0, 0);
	tnc_vector_add(v, NPU_VOP_SUB, 3, 4, 3, 0);
	tnc_vector_add(v, NPU_VOP_RDIVP, 0, 0, 3, 0);
}

/* Of ONNX the factors are the bits of floats; the clamp that follows is enough. */
static void put_float_scale(struct tnc_vector *v, int zero, int min, int max)
{
	tnc_vector_load(v, 1, 1, 0);
	tnc_vector_add(v, NPU_VOP_ITOF, 0, 0, 0, 0);
	tnc_vector_add(v, NPU_VOP_FMUL, 0, 0, 1, 0);
	tnc_vector_add(v, NPU_VOP_FTOI, 0, 0, 0, 0);
	tnc_vector_clamp(v, 0, 0, min - zero, max - zero);
}

/* The operator becomes the last step: from sums to its own output. */
static void requantise(struct tnc *c, struct tnc_op *op, int sums)
{
	int zero = tnc_op_output(c, op)->quant.zero_point[0];
	bool is_float = op->mode & TNC_MODE_ONNX;
	struct tnc_vector v = { .c = c };
	int mult = factors(c, op, false);
	int shift = is_float ? -1 : factors(c, op, true);

	op->inputs = 0;
	op->stride = op->dilation = (struct tnc_hw){ 1, 1 };
	op->pads = (struct tnc_pads){ 0 };
	tnc_op_add_input(c, op, sums);
	tnc_op_add_input(c, op, mult);
	if (!is_float)
		tnc_op_add_input(c, op, shift);
	tnc_vector_load(&v, 0, 0, 0);
	if (is_float)
		put_float_scale(&v, zero, op->clamp_min, op->clamp_max);
	else
		put_scale(&v);
	tnc_vector_imm(&v, NPU_VOP_ADD, 0, 0, zero);
	tnc_vector_clamp(&v, 0, 0, op->clamp_min, op->clamp_max);
	tnc_vector_add(&v, NPU_VOP_STORE, 0, 0, 0, 0);
	tnc_vector_finish(&v, op);
}

static void cut(struct tnc *c, struct tnc_op *op, int part)
{
	int depth = tnc_op_input(c, op, 0)->shape[3], sums = -1;

	for (int first = 0; first < depth; first += part) {
		int rest = depth - first;
		int id = convolve_part(c, op, first, rest < part ? rest : part);

		sums = sums < 0 ? id : add_sums(c, op, sums, id);
	}
	requantise(c, op, sums);
}

static bool can_be_cut(const struct tnc *c, const struct tnc_op *op)
{
	return op->kind == TNC_CONV_2D && !tnc_op_is_wide(c, op) &&
	       tnc_op_input(c, op, 0)->type == TNC_INT8 &&
	       tnc_op_output(c, op)->type == TNC_INT8;
}

void tnc_pass_depth(struct tnc *c)
{
	struct tnc_op **old = c->op;
	int count = c->ops;

	c->op = NULL;
	c->ops = 0;
	c->ops_room = 0;
	for (int i = 0; i < count; i++) {
		struct tnc_op *op = old[i];
		struct tnc_geometry g;

		if (can_be_cut(c, op)) {
			g = tnc_geometry_of(c, op);
			if (is_too_deep(c, &g) && part_of(c, &g) > 0)
				cut(c, op, part_of(c, &g));
		}
		tnc_op_push(c, op);
	}
}
