// SPDX-License-Identifier: MIT
/*
 * The reference executor: computes the graph with plain loops, byte for byte
 * as the TensorFlow Lite Micro reference kernels do. It is the oracle that
 * compiled programs are compared with, and what constant folding uses; it
 * shares no code with the machine.
 */
#include <errno.h>
#include <string.h>

#include "cpu.h"
#include "ref.h"

const int8_t *tnc_ref_value(const struct tnc *c, int id)
{
	const struct tnc_tensor *root = tnc_tensor_root(c, id);

	if (c->tensor[id]->is_view)
		root = c->tensor[id];
	return (const int8_t *)(root->data ? root->data : root->value);
}

struct ref_window tnc_ref_window(const struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);

	return (struct ref_window){
		.in_h = in->shape[1],
		.in_w = in->shape[2],
		.in_c = in->shape[3],
		.out_h = out->shape[1],
		.out_w = out->shape[2],
		.out_c = out->shape[3],
		.size = tnc_op_window(c, op),
		.stride = op->stride,
		.dilation = op->dilation,
		.pads = tnc_op_pads(c, op),
	};
}

/* Factors of the operator: those a pass fixed, or computed now. */
const struct tnc_factor *tnc_ref_factors(struct tnc *c, struct tnc_op *op)
{
	if (op->factors)
		return op->factor;
	if (!op->ref_factor) {
		op->ref_factor = tnc_alloc(c, tnc_op_factor_count(c, op),
					   sizeof(*op->ref_factor));
		tnc_op_factors(c, op, op->ref_factor);
	}
	return op->ref_factor;
}

static int average(int sum, int count)
{
	return sum > 0 ? (sum + count / 2) / count : (sum - count / 2) / count;
}

static void ref_pool(struct tnc *c, struct tnc_op *op)
{
	struct ref_window w = tnc_ref_window(c, op);
	const int8_t *value = tnc_ref_value(c, op->input[0]);
	bool is_max = op->kind == TNC_MAX_POOL_2D;
	bool is_wide = tnc_op_output(c, op)->type == TNC_INT16;
	int8_t *out = (int8_t *)tnc_op_output(c, op)->value;
	int low, high;

	tnc_op_clamp(c, op, &low, &high);

	for (int oy = 0; oy < w.out_h; oy++)
	for (int ox = 0; ox < w.out_w; ox++)
	for (int oc = 0; oc < w.out_c; oc++) {
		int64_t cells = (int64_t)w.size.h * w.size.w;
		int sum = 0, count = 0, max = INT16_MIN;

		for (int64_t k = 0; k < cells; k++) {
			int64_t at = ref_cell(&w, oy, ox, k / w.size.w,
					      k % w.size.w);
			int x;

			if (at < 0)
				continue;
			at = at * w.in_c + oc;
			x = is_wide ? ((const int16_t *)value)[at] : value[at];
			sum += x;
			count++;
			max = x > max ? x : max;
		}
		if (!is_max)
			max = count ? average(sum, count) : 0;
		max = ref_clamp(max, low, high);
		if (is_wide)
			memcpy(out, &(int16_t){ max }, 2);
		else
			*out = max;
		out += is_wide ? 2 : 1;
	}
}

static void ref_reshape(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);

	memcpy(out->value, tnc_ref_value(c, op->input[0]), tnc_tensor_bytes(out));
}

static void ref_softmax(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int depth = out->shape[out->rank - 1];
	int64_t rows = tnc_tensor_elements(out) / depth;
	const int8_t *in = tnc_ref_value(c, op->input[0]);
	struct tnc_factor factor = tnc_ref_factors(c, op)[0];

	if (out->type == TNC_INT16) {
		tnc_ref_rows(c, op);
		return;
	}

	for (int64_t row = 0; row < rows; row++)
		tnc_ref_softmax_row(in + row * depth,
				    (int8_t *)out->value + row * depth, depth,
				    factor);
}

static void ref_arithmetic(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);

	if (out->type == TNC_INT8 && out->quant.count)
		tnc_ref_binary(c, op);
	else
		tnc_ref_elementwise(c, op);
}

static void (*const ref_kind[TNC_OP_KINDS])(struct tnc *c,
					    struct tnc_op *op) = {
	[TNC_CONV_2D] = tnc_ref_conv,
	[TNC_DEPTHWISE_CONV_2D] = tnc_ref_depthwise,
	[TNC_TRANSPOSE_CONV] = tnc_ref_transpose_conv,
	[TNC_FULLY_CONNECTED] = tnc_ref_fully_connected,
	[TNC_BATCH_MATMUL] = tnc_ref_batch_matmul,
	[TNC_ADD] = ref_arithmetic,
	[TNC_SUB] = ref_arithmetic,
	[TNC_MUL] = ref_arithmetic,
	[TNC_MAXIMUM] = ref_arithmetic,
	[TNC_MINIMUM] = ref_arithmetic,
	[TNC_RELU] = tnc_ref_unary,
	[TNC_RELU6] = tnc_ref_unary,
	[TNC_RELU_N1_TO_1] = tnc_ref_unary,
	[TNC_RELU_0_TO_1] = tnc_ref_unary,
	[TNC_LEAKY_RELU] = tnc_ref_unary,
	[TNC_ELU] = tnc_ref_unary,
	[TNC_HARD_SWISH] = tnc_ref_unary,
	[TNC_HARD_SIGMOID] = tnc_ref_unary,
	[TNC_LOGISTIC] = tnc_ref_unary,
	[TNC_TANH] = tnc_ref_unary,
	[TNC_GELU] = tnc_ref_unary,
	[TNC_SOFTPLUS] = tnc_ref_unary,
	[TNC_EXP] = tnc_ref_unary,
	[TNC_LOG] = tnc_ref_unary,
	[TNC_SQRT] = tnc_ref_unary,
	[TNC_RSQRT] = tnc_ref_unary,
	[TNC_SQUARE] = tnc_ref_unary,
	[TNC_ABS] = tnc_ref_unary,
	[TNC_NEG] = tnc_ref_unary,
	[TNC_SIGN] = tnc_ref_unary,
	[TNC_SIN] = tnc_ref_unary,
	[TNC_COS] = tnc_ref_unary,
	[TNC_ERF] = tnc_ref_unary,
	[TNC_FLOOR] = tnc_ref_unary,
	[TNC_CEIL] = tnc_ref_unary,
	[TNC_ROUND] = tnc_ref_unary,
	[TNC_SQUARED_DIFFERENCE] = tnc_ref_elementwise,
	[TNC_EQUAL] = tnc_ref_elementwise,
	[TNC_NOT_EQUAL] = tnc_ref_elementwise,
	[TNC_LESS] = tnc_ref_elementwise,
	[TNC_LESS_EQUAL] = tnc_ref_elementwise,
	[TNC_GREATER] = tnc_ref_elementwise,
	[TNC_GREATER_EQUAL] = tnc_ref_elementwise,
	[TNC_LOGICAL_AND] = tnc_ref_elementwise,
	[TNC_LOGICAL_OR] = tnc_ref_elementwise,
	[TNC_LOGICAL_NOT] = tnc_ref_elementwise,
	[TNC_SELECT] = tnc_ref_elementwise,
	[TNC_PRELU] = tnc_ref_elementwise,
	[TNC_QUANTIZE] = tnc_ref_elementwise,
	[TNC_CAST] = tnc_ref_elementwise,
	[TNC_MEAN] = tnc_ref_reduce,
	[TNC_SUM] = tnc_ref_reduce,
	[TNC_REDUCE_MAX] = tnc_ref_reduce,
	[TNC_REDUCE_MIN] = tnc_ref_reduce,
	[TNC_REDUCE_ANY] = tnc_ref_reduce,
	[TNC_REDUCE_ALL] = tnc_ref_reduce,
	[TNC_ARG_MAX] = tnc_ref_arg,
	[TNC_ARG_MIN] = tnc_ref_arg,
	[TNC_LOG_SOFTMAX] = tnc_ref_rows,
	[TNC_L2_NORMALIZATION] = tnc_ref_rows,
	[TNC_RESIZE_BILINEAR] = tnc_ref_resize,
	[TNC_RESIZE_NEAREST_NEIGHBOR] = tnc_ref_resize,
	[TNC_AVERAGE_POOL_2D] = ref_pool,
	[TNC_MAX_POOL_2D] = ref_pool,
	[TNC_RESHAPE] = ref_reshape,
	[TNC_SOFTMAX] = ref_softmax,
	[TNC_SVDF] = tnc_ref_svdf,
	[TNC_SVDF_STATE] = tnc_ref_svdf_state,
	[TNC_LSTM] = tnc_ref_lstm,
	[TNC_LSTM_CELL] = tnc_ref_lstm_cell,
	[TNC_TRANSPOSE] = tnc_ref_move,
	[TNC_CONCATENATION] = tnc_ref_concatenation,
	[TNC_SLICE] = tnc_ref_move,
	[TNC_GATHER] = tnc_ref_gather,
	[TNC_PAD] = tnc_ref_move,
	[TNC_MIRROR_PAD] = tnc_ref_move,
	[TNC_TILE] = tnc_ref_move,
	[TNC_BROADCAST_TO] = tnc_ref_move,
	[TNC_REVERSE] = tnc_ref_move,
	[TNC_SPACE_TO_DEPTH] = tnc_ref_move,
	[TNC_DEPTH_TO_SPACE] = tnc_ref_move,
	[TNC_SPACE_TO_BATCH_ND] = tnc_ref_move,
	[TNC_BATCH_TO_SPACE_ND] = tnc_ref_move,
};

/* Whether the executor can compute the operator, whose tensors are sound. */
bool tnc_ref_has(const struct tnc *c, const struct tnc_op *op)
{
	return op->kind != TNC_CUSTOM &&
	       (tnc_ref_onnx_is(c, op) || tnc_cpu_is(c, op) ||
		ref_kind[op->kind]);
}

/* Windows move over each picture of a batch alike. */
static bool is_batch(const struct tnc *c, const struct tnc_op *op)
{
	return tnc_op_info[op->kind].attrs & TNC_HAS_PAD &&
	       tnc_op_output(c, op)->shape[0] > 1;
}

static struct tnc_tensor *picture_of(struct tnc *c, int id, int batch)
{
	struct tnc_tensor *picture = tnc_alloc(c, 1, sizeof(*picture));
	uint8_t *all = (uint8_t *)tnc_ref_value(c, id);

	*picture = *c->tensor[id];
	picture->shape[0] = 1;
	picture->alias = -1;
	picture->is_view = false;
	picture->data = NULL;
	picture->value = all + batch * tnc_tensor_bytes(picture);
	return picture;
}

/* One after the other, each in place of the whole. */
static void ref_batch(struct tnc *c, struct tnc_op *op)
{
	struct tnc_tensor *in = tnc_op_input(c, op, 0);
	struct tnc_tensor *out = tnc_op_output(c, op);
	int batches = out->shape[0];

	for (int batch = 0; batch < batches; batch++) {
		struct tnc_tensor *from = picture_of(c, in->id, batch);
		struct tnc_tensor *to = picture_of(c, out->id, batch);

		c->tensor[in->id] = from;
		c->tensor[out->id] = to;
		ref_kind[op->kind](c, op);
		c->tensor[in->id] = in;
		c->tensor[out->id] = out;
	}
}

/* Computes one operator; its inputs must have values. */
void tnc_ref_op(struct tnc *c, struct tnc_op *op)
{
	struct tnc_tensor *out = tnc_op_output(c, op);

	tnc_place_op(c, op);
	if (!tnc_ref_has(c, op))
		tnc_error(c, -EOPNOTSUPP, "unsupported operator %s",
			  tnc_op_title(op));
	if (!out->value)
		out->value = tnc_alloc(c, 1, tnc_tensor_bytes(out));
	tnc_ref_read_views(c, op);
	if (op->kind == TNC_WHILE)
		tnc_ref_loop(c, op);
	else if (tnc_ref_onnx_is(c, op))
		tnc_ref_onnx(c, op);
	else if (tnc_cpu_is(c, op))
		tnc_cpu_run(c, op);
	else if (is_batch(c, op))
		ref_batch(c, op);
	else
		ref_kind[op->kind](c, op);
	tnc_ref_write_view(c, op);
	tnc_place_none(c);
}

/* Gives variables the bytes that they begin with. */
void tnc_ref_reset(struct tnc *c)
{
	for (int i = 0; i < c->variables; i++) {
		struct tnc_variable *v = &c->variable[i];
		size_t bytes = tnc_tensor_bytes(c->tensor[v->read]);

		if (!v->state)
			v->state = tnc_alloc(c, 1, bytes);
		if (v->init == TNC_INPUT_NONE)
			memset(v->state, 0, bytes);
		else
			memcpy(v->state, c->tensor[v->init]->data, bytes);
	}
}

static void begin_variables(struct tnc *c)
{
	if (!c->keeps_state)
		tnc_ref_reset(c);
	for (int i = 0; i < c->variables; i++) {
		struct tnc_variable *v = &c->variable[i];
		struct tnc_tensor *t = c->tensor[v->read];

		if (!v->state)
			tnc_ref_reset(c);
		if (!t->value)
			t->value = tnc_alloc(c, 1, tnc_tensor_bytes(t));
		memcpy(t->value, v->state, tnc_tensor_bytes(t));
	}
}

static void keep_variables(struct tnc *c)
{
	for (int i = 0; i < c->variables; i++) {
		const struct tnc_variable *v = &c->variable[i];

		memcpy(v->state, tnc_ref_value(c, v->kept),
		       tnc_tensor_bytes(c->tensor[v->kept]));
	}
}

/* Computes the graph. Values stay until the next run. */
void tnc_ref_run(struct tnc *c, const void *const *inputs,
		 void *const *outputs)
{
	begin_variables(c);
	tnc_ref_loops_reset(c);
	for (int i = 0; i < c->inputs.count; i++) {
		struct tnc_tensor *t = c->tensor[c->inputs.id[i]];

		if (!t->value)
			t->value = tnc_alloc(c, 1, tnc_tensor_bytes(t));
		memcpy(t->value, inputs[i], tnc_tensor_bytes(t));
	}
	for (int i = 0; i < c->ops; i++)
		tnc_ref_op(c, c->op[i]);
	for (int i = 0; i < c->outputs.count; i++) {
		const struct tnc_tensor *t = c->tensor[c->outputs.id[i]];

		memcpy(outputs[i], tnc_ref_value(c, t->id), tnc_tensor_bytes(t));
	}
	keep_variables(c);
}
