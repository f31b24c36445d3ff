// SPDX-License-Identifier: MIT
/*
 * Pass 'l': legalise, so that each operator is one the machine has.
 *
 * Needs: a sound graph.
 * Leaves: no RESHAPE and no FULLY_CONNECTED, BATCH_MATMUL only of pictures of rows
 * (see matmul.c); activations are height x width x
 * channels (rank 4, batch 1) wherever an operator touches them, other shapes
 * are aliases; what one input of two repeats is a row or a pixel of a picture;
 * padding is explicit, activation functions are ranges, scales
 * are integer factors.
 */
#include <errno.h>
#include <string.h>

#include "cpu.h"
#include "pass.h"
#include "ref.h"
#include "vector.h"

/*
 * A tensor of the same bytes as @id, seen as a picture. When an operator writes
 * @id, it becomes the alias of the new tensor; when it is read, the new tensor is
 * the alias.
 */
int tnc_picture_view(struct tnc *c, int id, const int32_t shape[4],
		     bool is_output)
{
	struct tnc_tensor *t = c->tensor[id];
	struct tnc_tensor *view;

	if (t->rank == 4 && !memcmp(t->shape, shape, 4 * sizeof(*shape)))
		return id;
	view = tnc_tensor_new(c, t);
	view->rank = 4;
	memcpy(view->shape, shape, 4 * sizeof(*shape));
	if (is_output)
		t->alias = view->id;
	else
		view->alias = id;
	return view->id;
}

/* Likewise, as rows of @depth. */
int tnc_matrix_view(struct tnc *c, int id, int depth, bool is_output)
{
	int64_t rows = tnc_tensor_elements(c->tensor[id]) / depth;

	return tnc_picture_view(c, id, (int32_t[]){ 1, rows, 1, depth },
				is_output);
}

/* Rows of @depth become pixels, the weights a 1x1 filter. */
static void fully_connected_to_conv(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *weights = tnc_op_input(c, op, 1);
	struct tnc_tensor *filter = tnc_tensor_new(c, weights);

	filter->rank = 4;
	filter->shape[1] = 1;
	filter->shape[2] = 1;
	filter->shape[3] = weights->shape[1];
	filter->data = weights->data;
	op->input[0] = tnc_matrix_view(c, op->input[0], weights->shape[1], false);
	op->input[1] = filter->id;
	op->output = tnc_matrix_view(c, op->output, weights->shape[0], true);
	op->kind = TNC_CONV_2D;
}

static int depth_of(const struct tnc_tensor *t)
{
	return t->rank ? t->shape[t->rank - 1] : 1;
}

static bool is_picture(const struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);

	for (int i = 0; i < op->inputs; i++)
		if (tnc_op_input(c, op, i)->rank != 4)
			return false;
	return out->rank == 4 && out->shape[0] == 1;
}

/* Operators that take any shape get a matrix where it is not a picture. */
static void rows_to_picture(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int depth = depth_of(out);

	if (is_picture(c, op) &&
	    !(op->kind == TNC_SOFTMAX && out->shape[2] != 1))
		return;
	for (int i = 0; i < op->inputs; i++)
		op->input[i] = tnc_matrix_view(c, op->input[i], depth, false);
	op->output = tnc_matrix_view(c, op->output, depth, true);
}

static void fix_factors(struct tnc *c, struct tnc_op *op)
{
	int count = tnc_op_factor_count(c, op);

	if (op->factors || !count)
		return;
	op->factor = tnc_alloc(c, count, sizeof(*op->factor));
	tnc_op_factors(c, op, op->factor);
	op->factors = count;
}

static void fix_attributes(struct tnc *c, struct tnc_op *op)
{
	unsigned int attrs = tnc_op_info[op->kind].attrs;

	if (attrs & TNC_HAS_PAD) {
		op->pads = tnc_op_pads(c, op);
		op->pad = TNC_PAD_EXPLICIT;
	}
	if (attrs & TNC_HAS_ACT) {
		tnc_op_clamp(c, op, &op->clamp_min, &op->clamp_max);
		op->act = TNC_ACT_CLAMP;
	}
}

static void refuse_cpu(struct tnc *c, const struct tnc_op *op)
{
	tnc_place_op(c, op);
	if (tnc_ref_onnx_is(c, op))
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported: the machine does not round it so");
	if (tnc_cpu_is(c, op))
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported: the machine does not compute %s",
			  tnc_type_info[tnc_op_output(c, op)->type].name);
	tnc_place_none(c);
}

static bool drop_reshape(struct tnc *c, const struct tnc_op *op)
{
	if (op->kind != TNC_RESHAPE)
		return false;
	c->tensor[op->output]->alias = op->input[0];
	return true;
}

void tnc_pass_legalise(struct tnc *c)
{
	int kept = 0;

	tnc_legalise_matmul_inputs(c);
	tnc_legalise_wide_matmul(c);
	tnc_legalise_reductions(c);
	tnc_legalise_long_rows(c);
	for (int i = 0; i < c->ops; i++) {
		struct tnc_op *op = c->op[i];

		if (tnc_lower(c, op)) {
			c->op[kept++] = op;
			continue;
		}
		refuse_cpu(c, op);
		if (drop_reshape(c, op))
			continue;
		if (op->kind == TNC_FULLY_CONNECTED &&
		    !tnc_op_input(c, op, 1)->data)
			tnc_matmul_of_fully_connected(c, op);
		fix_factors(c, op);
		if (op->kind == TNC_FULLY_CONNECTED)
			fully_connected_to_conv(c, op);
		if (op->kind == TNC_BATCH_MATMUL)
			tnc_legalise_matmul(c, op);
		if (tnc_op_is_binary(op))
			tnc_legalise_broadcast(c, op);
		if (tnc_op_is_binary(op) || op->kind == TNC_SOFTMAX)
			rows_to_picture(c, op);
		fix_attributes(c, op);
		c->op[kept++] = op;
	}
	c->ops = kept;
	tnc_drop_unused(c);
}
