// SPDX-License-Identifier: MIT
/*
 * The verifier: what every pass may rely on. Runs after the importer, where it
 * judges the model, and after each pass, where it judges the pass.
 *
 * A sound graph: every tensor is written once (by the model's interface, as a
 * constant, or by one operator), and before it is read; shapes, types and
 * quantisation of each operator's tensors fit together; attributes are within
 * the arithmetic's limits. Batches are of one.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "cpu.h"
#include "pass.h"
#include "ref.h"
#include "verify.h"

static void verify_quant(struct tnc *c, const struct tnc_tensor *t)
{
	const struct tnc_quant *q = &t->quant;

	if (q->count > 1 &&
	    (q->axis < 0 || q->axis >= t->rank ||
	     t->shape[q->axis] != q->count))
		tnc_error(c, -EINVAL, "%d scales do not fit dimension %d",
			  q->count, q->axis);
	for (int i = 0; i < q->count; i++) {
		if (!isnormal(q->scale[i]) || q->scale[i] <= 0)
			tnc_error(c, -EINVAL, "scale %d is %g", i,
				  q->scale[i]);
		if (t->type == TNC_INT8 &&
		    (q->zero_point[i] < -128 || q->zero_point[i] > 127))
			tnc_error(c, -EINVAL, "zero point %d is %d", i,
				  q->zero_point[i]);
		if (t->type == TNC_INT16 && q->zero_point[i])
			tnc_error(c, -EOPNOTSUPP,
				  "unsupported zero point %d of int16",
				  q->zero_point[i]);
	}
}

/* All elements of a view lie within the bytes of its owner. */
static void verify_view(struct tnc *c, const struct tnc_tensor *t,
			const struct tnc_tensor *of)
{
	int64_t end = t->offset + tnc_type_info[t->type].size;

	for (int d = 0; d < t->rank; d++) {
		if (t->stride[d] < 0 || t->stride[d] > UINT32_MAX)
			tnc_error(c, -EINVAL, "stride %d is %lld", d,
				  (long long)t->stride[d]);
		end += (t->shape[d] - 1) * t->stride[d];
	}
	if (t->data || t->offset < 0 ||
	    end > (int64_t)tnc_tensor_bytes(of))
		tnc_error(c, -EINVAL, "view is not within tensor %d", of->id);
}

static void verify_alias(struct tnc *c, const struct tnc_tensor *t)
{
	const struct tnc_tensor *of;
	int steps = 0;

	if (t->alias < 0) {
		if (t->is_view)
			tnc_error(c, -EINVAL, "view of nothing");
		return;
	}
	for (of = t; of->alias >= 0; of = tnc_tensor_get(c, of->alias))
		if (steps++ > c->tensors || !tnc_tensor_get(c, of->alias) ||
		    (of != t && of->is_view))
			tnc_error(c, -EINVAL, "alias leads nowhere");
	if (t->is_view) {
		verify_view(c, t, of);
		return;
	}
	if (t->data || tnc_tensor_bytes(t) != tnc_tensor_bytes(of))
		tnc_error(c, -EINVAL, "alias differs in size from tensor %d",
			  of->id);
}

/* Shape and quantisation on their own. */
void tnc_verify_tensor(struct tnc *c, const struct tnc_tensor *t)
{
	int outer = c->at_tensor;

	tnc_place_tensor(c, t->id);
	tnc_tensor_check_shape(c, t);
	verify_quant(c, t);
	verify_alias(c, t);
	tnc_place_tensor(c, outer);
}

static void verify_tensors(struct tnc *c)
{
	for (int i = 0; i < c->tensors; i++)
		if (c->tensor[i])
			tnc_verify_tensor(c, c->tensor[i]);
}

static void (*const verify_kind[TNC_OP_KINDS])(struct tnc *c,
					       const struct tnc_op *op) = {
	[TNC_CONV_2D] = tnc_verify_conv,
	[TNC_DEPTHWISE_CONV_2D] = tnc_verify_depthwise,
	[TNC_TRANSPOSE_CONV] = tnc_verify_transpose_conv,
	[TNC_FULLY_CONNECTED] = tnc_verify_fully_connected,
	[TNC_BATCH_MATMUL] = tnc_verify_batch_matmul,
	[TNC_ADD] = tnc_verify_arithmetic,
	[TNC_SUB] = tnc_verify_arithmetic,
	[TNC_MUL] = tnc_verify_arithmetic,
	[TNC_MAXIMUM] = tnc_verify_arithmetic,
	[TNC_MINIMUM] = tnc_verify_arithmetic,
	[TNC_RELU] = tnc_verify_unary,
	[TNC_RELU6] = tnc_verify_unary,
	[TNC_RELU_N1_TO_1] = tnc_verify_unary,
	[TNC_RELU_0_TO_1] = tnc_verify_unary,
	[TNC_LEAKY_RELU] = tnc_verify_unary,
	[TNC_ELU] = tnc_verify_unary,
	[TNC_HARD_SWISH] = tnc_verify_unary,
	[TNC_HARD_SIGMOID] = tnc_verify_unary,
	[TNC_LOGISTIC] = tnc_verify_unary,
	[TNC_TANH] = tnc_verify_unary,
	[TNC_GELU] = tnc_verify_unary,
	[TNC_SOFTPLUS] = tnc_verify_unary,
	[TNC_EXP] = tnc_verify_unary,
	[TNC_LOG] = tnc_verify_unary,
	[TNC_SQRT] = tnc_verify_unary,
	[TNC_RSQRT] = tnc_verify_unary,
	[TNC_SQUARE] = tnc_verify_unary,
	[TNC_ABS] = tnc_verify_unary,
	[TNC_NEG] = tnc_verify_unary,
	[TNC_SIGN] = tnc_verify_unary,
	[TNC_SIN] = tnc_verify_unary,
	[TNC_COS] = tnc_verify_unary,
	[TNC_ERF] = tnc_verify_unary,
	[TNC_FLOOR] = tnc_verify_unary,
	[TNC_CEIL] = tnc_verify_unary,
	[TNC_ROUND] = tnc_verify_unary,
	[TNC_SQUARED_DIFFERENCE] = tnc_verify_arithmetic,
	[TNC_EQUAL] = tnc_verify_comparison,
	[TNC_NOT_EQUAL] = tnc_verify_comparison,
	[TNC_LESS] = tnc_verify_comparison,
	[TNC_LESS_EQUAL] = tnc_verify_comparison,
	[TNC_GREATER] = tnc_verify_comparison,
	[TNC_GREATER_EQUAL] = tnc_verify_comparison,
	[TNC_LOGICAL_AND] = tnc_verify_logical,
	[TNC_LOGICAL_OR] = tnc_verify_logical,
	[TNC_LOGICAL_NOT] = tnc_verify_logical,
	[TNC_SELECT] = tnc_verify_select,
	[TNC_PRELU] = tnc_verify_prelu,
	[TNC_QUANTIZE] = tnc_verify_quantize,
	[TNC_CAST] = tnc_verify_cast,
	[TNC_MEAN] = tnc_verify_reduction,
	[TNC_SUM] = tnc_verify_reduction,
	[TNC_REDUCE_MAX] = tnc_verify_reduction,
	[TNC_REDUCE_MIN] = tnc_verify_reduction,
	[TNC_REDUCE_ANY] = tnc_verify_reduction,
	[TNC_REDUCE_ALL] = tnc_verify_reduction,
	[TNC_ARG_MAX] = tnc_verify_arg,
	[TNC_ARG_MIN] = tnc_verify_arg,
	[TNC_LOG_SOFTMAX] = tnc_verify_log_softmax,
	[TNC_L2_NORMALIZATION] = tnc_verify_l2_normalization,
	[TNC_RESIZE_BILINEAR] = tnc_verify_resize,
	[TNC_RESIZE_NEAREST_NEIGHBOR] = tnc_verify_resize,
	[TNC_VECTOR] = tnc_verify_vector,
	[TNC_AVERAGE_POOL_2D] = tnc_verify_pool,
	[TNC_MAX_POOL_2D] = tnc_verify_pool,
	[TNC_RESHAPE] = tnc_verify_reshape,
	[TNC_TRANSPOSE] = tnc_verify_transpose,
	[TNC_CONCATENATION] = tnc_verify_concatenation,
	[TNC_SLICE] = tnc_verify_slice,
	[TNC_GATHER] = tnc_verify_gather,
	[TNC_PAD] = tnc_verify_pad,
	[TNC_MIRROR_PAD] = tnc_verify_mirror_pad,
	[TNC_TILE] = tnc_verify_tile,
	[TNC_BROADCAST_TO] = tnc_verify_broadcast_to,
	[TNC_REVERSE] = tnc_verify_reverse,
	[TNC_SPACE_TO_DEPTH] = tnc_verify_space_to_depth,
	[TNC_DEPTH_TO_SPACE] = tnc_verify_depth_to_space,
	[TNC_SPACE_TO_BATCH_ND] = tnc_verify_space_to_batch,
	[TNC_BATCH_TO_SPACE_ND] = tnc_verify_batch_to_space,
	[TNC_SOFTMAX] = tnc_verify_softmax,
	[TNC_SVDF] = tnc_verify_svdf,
	[TNC_SVDF_STATE] = tnc_verify_svdf_state,
	[TNC_LSTM] = tnc_verify_lstm,
	[TNC_LSTM_CELL] = tnc_verify_lstm_cell,
};

/* The greatest exponent that the operator's arithmetic has a meaning for. */
static int shift_max(const struct tnc *c, const struct tnc_op *op)
{
	switch (op->kind) {
	case TNC_ADD:
	case TNC_SUB:
		return 0;
	case TNC_CONV_2D:
	case TNC_DEPTHWISE_CONV_2D:
	case TNC_FULLY_CONNECTED:
	case TNC_BATCH_MATMUL:
		return tnc_op_is_wide(c, op) ? 7 : 30;
	case TNC_SOFTMAX:
		return 31;
	default:
		return 30;
	}
}

/* Is it a finite, positive float32? */
static void verify_float_factor(struct tnc *c, struct tnc_factor factor)
{
	float f;

	memcpy(&f, &factor.multiplier, sizeof(f));
	if (!isfinite(f) || f < 0 || factor.shift)
		tnc_error(c, -EOPNOTSUPP, "unsupported ratio of scales (%g)",
			  f);
}

/*
 * The arithmetic shifts 32-bit values left by a positive exponent: factors of
 * 2^30 and more have no meaning there, nor have those of an addition or of a
 * softmax outside their documented range.
 */
static void verify_factors(struct tnc *c, const struct tnc_op *op)
{
	int count = tnc_op_factor_count(c, op);
	struct tnc_factor *factor = op->factor;

	if (!count || !(tnc_op_info[op->kind].attrs & TNC_HAS_REQUANT))
		return;
	if (op->factors && op->factors != count)
		tnc_error(c, -EINVAL, "%d factors, needs %d", op->factors,
			  count);
	if (!op->factors) {
		factor = tnc_alloc(c, count, sizeof(*factor));
		tnc_op_factors(c, op, factor);
	}
	for (int i = 0; i < count; i++) {
		bool is_wide = tnc_op_output(c, op)->type == TNC_INT16;
		int least = op->kind == TNC_SOFTMAX && !is_wide ? 0 : -31;
		int most = shift_max(c, op);

		if (op->mode & TNC_MODE_ONNX) {
			verify_float_factor(c, factor[i]);
			continue;
		}
		if (factor[i].multiplier < 0 || factor[i].shift < least ||
		    factor[i].shift > most)
			tnc_error(c, -EOPNOTSUPP,
				  "unsupported ratio of scales (factor %d is %d * 2^%d)",
				  i, factor[i].multiplier,
				  factor[i].shift - 31);
	}
}

/* Needs: sound tensors. Leaves the operator alone; returns only if it is sound. */
void tnc_verify_op(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_op_info *info = &tnc_op_info[op->kind];
	const struct tnc_type_info *type;

	tnc_place_op(c, op);
	if (op->inputs < info->inputs_min || op->inputs > info->inputs_max)
		tnc_error(c, -EINVAL, "%d inputs", op->inputs);
	for (int i = 0; i < info->inputs_min; i++)
		if (!tnc_op_input(c, op, i))
			tnc_error(c, -EINVAL, "input %d is missing", i);
	/* what was refused is on its way to the CPU, perhaps as float numbers */
	if (tnc_ref_onnx_is(c, op) || tnc_cpu_is(c, op) ||
	    tnc_refusal_of(c, op)) {
		if (tnc_ref_onnx_is(c, op) && !tnc_refusal_of(c, op))
			tnc_ref_onnx_verify(c, op);
		else
			tnc_cpu_verify(c, op, tnc_refusal_of(c, op) &&
					      tnc_partition_is_real(op));
		if (op->kind == TNC_WHILE)
			tnc_loop_verify_op(c, op);
		tnc_place_none(c);
		return;
	}
	if (!verify_kind[op->kind])
		tnc_error(c, -EOPNOTSUPP, "unsupported operator %s",
			  tnc_op_title(op));
	verify_kind[op->kind](c, op);
	type = &tnc_type_info[tnc_op_output(c, op)->type];
	if (op->act == TNC_ACT_CLAMP &&
	    (op->clamp_min < type->min || op->clamp_max > type->max ||
	     op->clamp_min > op->clamp_max))
		tnc_error(c, -EINVAL, "clamp to %d..%d", op->clamp_min,
			  op->clamp_max);
	verify_factors(c, op);
	tnc_place_none(c);
}

/* Is the tensor there when an operator or the interface reads it? */
static void need_written(struct tnc *c, const uint8_t *written, int id)
{
	if (!tnc_tensor_get(c, id))
		tnc_error(c, -EINVAL, "there is no tensor %d", id);
	if (!written[tnc_tensor_root(c, id)->id])
		tnc_error(c, -EINVAL, "tensor %d is read before it is written",
			  id);
}

/* Views are parts: several operators may write those of one owner. */
enum { PARTLY = 1, WHOLLY };

static void write_tensor(struct tnc *c, uint8_t *written, int id)
{
	const struct tnc_tensor *t = tnc_tensor_get(c, id);

	if (!t)
		tnc_error(c, -EINVAL, "there is no tensor %d", id);
	if (t->is_view) {
		id = tnc_tensor_root(c, id)->id;
		if (!written[id])
			written[id] = PARTLY;
		return;
	}
	if (t->alias >= 0)
		tnc_error(c, -EINVAL, "tensor %d is an alias", id);
	if (written[id] == WHOLLY)
		tnc_error(c, -EINVAL, "tensor %d is written twice", id);
	written[id] = WHOLLY;
}

/* What a variable keeps is its own: nothing else writes the tensor it begins as. */
static void verify_variable_start(struct tnc *c, uint8_t *written,
				  const struct tnc_variable *v)
{
	const struct tnc_tensor *init;

	write_tensor(c, written, v->read);
	if (c->tensor[v->read]->is_view)
		tnc_error(c, -EINVAL, "variable %d is a view", v->read);
	if (v->init == TNC_INPUT_NONE)
		return;
	init = tnc_tensor_get(c, v->init);
	if (!init || !init->data ||
	    tnc_tensor_bytes(init) != tnc_tensor_bytes(c->tensor[v->read]))
		tnc_error(c, -EINVAL,
			  "variable %d needs a constant of its size to begin with",
			  v->read);
}

static void verify_variable_end(struct tnc *c, const uint8_t *written,
				const struct tnc_variable *v)
{
	const struct tnc_tensor *read = c->tensor[v->read], *kept;

	need_written(c, written, v->kept);
	kept = c->tensor[v->kept];
	if (kept->is_view)
		tnc_error(c, -EINVAL, "variable %d keeps a view", v->read);
	if (kept->type != read->type ||
	    tnc_tensor_bytes(kept) != tnc_tensor_bytes(read))
		tnc_error(c, -EINVAL, "variable %d keeps tensor %d, which differs in type or size",
			  v->read, v->kept);
}

static void verify_order(struct tnc *c)
{
	uint8_t *written = tnc_alloc(c, c->tensors + 1, sizeof(*written));

	for (int i = 0; i < c->tensors; i++)
		if (c->tensor[i] && c->tensor[i]->data)
			written[i] = WHOLLY;
	for (int i = 0; i < c->inputs.count; i++)
		write_tensor(c, written, c->inputs.id[i]);
	for (int i = 0; i < c->variables; i++)
		verify_variable_start(c, written, &c->variable[i]);
	for (int i = 0; i < c->ops; i++) {
		tnc_place_op(c, c->op[i]);
		for (int k = 0; k < c->op[i]->inputs; k++)
			if (c->op[i]->input[k] != TNC_INPUT_NONE)
				need_written(c, written, c->op[i]->input[k]);
		write_tensor(c, written, c->op[i]->output);
	}
	tnc_place_none(c);
	if (!c->inputs.count || !c->outputs.count)
		tnc_error(c, -EINVAL, "%d inputs and %d outputs",
			  c->inputs.count, c->outputs.count);
	for (int i = 0; i < c->outputs.count; i++)
		need_written(c, written, c->outputs.id[i]);
	for (int i = 0; i < c->variables; i++)
		verify_variable_end(c, written, &c->variable[i]);
}

static void verify_fused(struct tnc *c, int number)
{
	if (!(c->op[number]->mode & TNC_MODE_FUSED) || tnc_fuse_can(c, number))
		return;
	tnc_place_op(c, c->op[number]);
	tnc_error(c, -EINVAL, "is no sum of what only the convolution before it makes");
}

/* Needs: nothing. Leaves the graph alone; returns only if it is sound. */
void tnc_verify(struct tnc *c)
{
	tnc_place_none(c);
	verify_tensors(c);
	verify_order(c);
	for (int i = 0; i < c->ops; i++) {
		tnc_verify_op(c, c->op[i]);
		verify_fused(c, i);
	}
}
