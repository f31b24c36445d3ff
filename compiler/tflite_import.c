// SPDX-License-Identifier: MIT
/*
 * What the operators of a TFLite file mean: for each that is understood, how it
 * comes into the graph. Options are taken as they are; the verifier judges
 * them. Operators that only move bytes are in tflite_move.c.
 */
#include <errno.h>
#include <string.h>

#include "tflite.h"

#define TENSOR_TYPE_INT32 2

struct tnc_tensor *tnc_tflite_input(const struct tnc_tflite_op *from,
				    int index)
{
	struct tnc *c = from->c;

	if (index >= from->in.count || from->in.id[index] == TNC_INPUT_NONE)
		tnc_error(c, -EINVAL, "%d inputs, needs %d", from->in.count,
			  index + 1);
	return c->tensor[from->in.id[index]];
}

struct tnc_tensor *tnc_tflite_output(const struct tnc_tflite_op *from,
				     int index)
{
	struct tnc *c = from->c;

	if (index >= from->out.count || from->out.id[index] == TNC_INPUT_NONE)
		tnc_error(c, -EINVAL, "%d outputs, needs %d", from->out.count,
			  index + 1);
	return c->tensor[from->out.id[index]];
}

/* Values of any number of elements; the shape is the caller's business. */
void tnc_tflite_constant(const struct tnc_tflite_op *from, int index,
			 struct tnc_list *list)
{
	struct tnc *c = from->c;
	const struct tnc_tensor *t = tnc_tflite_input(from, index);
	int64_t count = tnc_tensor_elements(t);
	int outer = c->at_tensor;

	tnc_place_tensor(c, t->id);
	if (!t->data)
		tnc_error(c, -EOPNOTSUPP, "unsupported: must be constant");
	if (t->type != TNC_INT32 && t->type != TNC_INT64)
		tnc_error(c, -EINVAL, "is of %s, must be int32 or int64",
			  tnc_type_info[t->type].name);
	if (count > TNC_INPUTS_MAX)
		tnc_error(c, -EINVAL, "%lld values", (long long)count);
	for (int64_t i = 0; i < count; i++) {
		int64_t value = tnc_tensor_integer(t, i);

		/* Ends of slices are often as large as can be. */
		value = value > INT32_MAX ? INT32_MAX : value;
		value = value < INT32_MIN ? INT32_MIN : value;
		tnc_list_append(c, list, value);
	}
	tnc_place_tensor(c, outer);
}

int tnc_tflite_constant_one(const struct tnc_tflite_op *from, int index)
{
	struct tnc_list list = { 0 };

	tnc_tflite_constant(from, index, &list);
	if (list.count != 1)
		tnc_error(from->c, -EINVAL, "%d values instead of one",
			  list.count);
	return list.id[0];
}

struct tnc_op *tnc_tflite_op(const struct tnc_tflite_op *from,
			     enum tnc_op_kind kind, int inputs)
{
	struct tnc *c = from->c;
	const struct tnc_op_info *info = &tnc_op_info[kind];
	struct tnc_op *op;

	if (from->out.count != 1)
		tnc_error(c, -EINVAL, "%d outputs instead of 1",
			  from->out.count);
	op = tnc_op_append(c, kind);
	op->source = from->number;
	for (int i = 0; i < from->in.count && i < inputs; i++)
		tnc_op_add_input(c, op, from->in.id[i]);
	while (op->inputs > info->inputs_min &&
	       op->input[op->inputs - 1] == TNC_INPUT_NONE)
		op->inputs--;
	if (op->inputs < info->inputs_min)
		tnc_error(c, -EINVAL, "%d inputs, needs %d", op->inputs,
			  info->inputs_min);
	op->output = tnc_tflite_output(from, 0)->id;
	return op;
}

enum tnc_act tnc_tflite_act(const struct tnc_tflite_op *from, int field)
{
	static const int known[] = {
		TNC_ACT_NONE, TNC_ACT_RELU, TNC_ACT_RELU_N1_TO_1,
		TNC_ACT_RELU6,
	};
	int act = tnc_fb_i8(&from->options, field, 0);

	if (act < 0 || act >= TNC_ARRAY_SIZE(known))
		tnc_error(from->c, -EOPNOTSUPP,
			  "unsupported fused activation %d", act);
	return known[act];
}

static void pad_and_stride(const struct tnc_tflite_op *from,
			   struct tnc_op *op)
{
	int pad = tnc_fb_i8(&from->options, 0, 0);

	if (pad != 0 && pad != 1)
		tnc_error(from->c, -EINVAL, "unknown padding %d", pad);
	op->pad = pad ? TNC_PAD_VALID : TNC_PAD_SAME;
	op->stride.w = tnc_fb_i32(&from->options, 1, 0);
	op->stride.h = tnc_fb_i32(&from->options, 2, 0);
}

/* A mode of the operator that is a truth value of field @field. */
static unsigned int mode_of(const struct tnc_tflite_op *from, int field,
			    enum tnc_mode mode)
{
	return tnc_fb_i8(&from->options, field, 0) ? mode : 0;
}

/*
 * Sums of int16 inputs have 64 bits unless the bias has 32, or the options say
 * so where there is none: then there is one of zeros.
 */
static void import_bias_type(const struct tnc_tflite_op *from,
			     struct tnc_op *op, int field, int channels)
{
	struct tnc_tensor *bias;

	if (op->inputs > 2 ||
	    tnc_fb_i8(&from->options, field, 0) != TENSOR_TYPE_INT32 ||
	    tnc_op_input(from->c, op, 0)->type != TNC_INT16)
		return;
	bias = tnc_tensor_new(from->c, tnc_op_input(from->c, op, 0));
	bias->type = TNC_INT32;
	bias->rank = 1;
	bias->shape[0] = channels;
	bias->data = tnc_alloc(from->c, channels, sizeof(int32_t));
	tnc_op_add_input(from->c, op, bias->id);
}

static void import_conv(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, TNC_CONV_2D, 3);

	pad_and_stride(from, op);
	op->act = tnc_tflite_act(from, 3);
	op->dilation.w = tnc_fb_i32(&from->options, 4, 1);
	op->dilation.h = tnc_fb_i32(&from->options, 5, 1);
	import_bias_type(from, op, 6, tnc_op_input(from->c, op, 1)->shape[0]);
}

/* The depth multiplier, field 3, follows from the shapes. */
static void import_depthwise(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, TNC_DEPTHWISE_CONV_2D, 3);

	pad_and_stride(from, op);
	op->act = tnc_tflite_act(from, 4);
	op->dilation.w = tnc_fb_i32(&from->options, 5, 1);
	op->dilation.h = tnc_fb_i32(&from->options, 6, 1);
}

/* In the file: output shape, weights, input, bias. */
static void import_transpose_conv(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, TNC_TRANSPOSE_CONV, 2);

	op->input[0] = tnc_tflite_input(from, 2)->id;
	if (from->in.count > 3 && from->in.id[3] != TNC_INPUT_NONE)
		tnc_op_add_input(from->c, op, from->in.id[3]);
	pad_and_stride(from, op);
	op->act = tnc_tflite_act(from, 3);
}

static void import_pool(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, from->row->kind, 1);

	pad_and_stride(from, op);
	op->window.w = tnc_fb_i32(&from->options, 3, 0);
	op->window.h = tnc_fb_i32(&from->options, 4, 0);
	op->act = tnc_tflite_act(from, 5);
}

static void import_fully_connected(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, TNC_FULLY_CONNECTED, 3);

	op->act = tnc_tflite_act(from, 0);
	if (tnc_fb_i8(&from->options, 1, 0))
		tnc_error(from->c, -EOPNOTSUPP, "unsupported shuffled weights");
	import_bias_type(from, op, 4, tnc_op_input(from->c, op, 1)->shape[0]);
}

static void import_batch_matmul(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, TNC_BATCH_MATMUL, 2);

	op->mode = mode_of(from, 0, TNC_MODE_ADJOINT_A) |
		   mode_of(from, 1, TNC_MODE_ADJOINT_B);
}

/* With an activation in field 0. */
static void import_binary(const struct tnc_tflite_op *from)
{
	tnc_tflite_op(from, from->row->kind, 2)->act = tnc_tflite_act(from, 0);
}

/* Nothing but inputs that all count. */
static void import_plain(const struct tnc_tflite_op *from)
{
	tnc_tflite_op(from, from->row->kind,
		      tnc_op_info[from->row->kind].inputs_max);
}

static void import_softmax(const struct tnc_tflite_op *from)
{
	tnc_tflite_op(from, TNC_SOFTMAX, 1)->beta =
		tnc_fb_f32(&from->options, 0, 0.0f);
}

static void import_leaky_relu(const struct tnc_tflite_op *from)
{
	tnc_tflite_op(from, TNC_LEAKY_RELU, 1)->alpha =
		tnc_fb_f32(&from->options, 0, 0.0f);
}

static void import_elu(const struct tnc_tflite_op *from)
{
	tnc_tflite_op(from, TNC_ELU, 1)->alpha = 1.0f;
}

static void import_gelu(const struct tnc_tflite_op *from)
{
	tnc_tflite_op(from, TNC_GELU, 1)->mode =
		mode_of(from, 0, TNC_MODE_APPROXIMATE);
}

static void import_cumsum(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, TNC_CUMSUM, 1);

	op->axis = tnc_tflite_constant_one(from, 1);
	op->mode = mode_of(from, 0, TNC_MODE_EXCLUSIVE) |
		   mode_of(from, 1, TNC_MODE_REVERSED);
}

static void import_resize(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, from->row->kind, 1);
	/* Bilinear options begin with two sizes that nobody uses any more. */
	int align = op->kind == TNC_RESIZE_BILINEAR ? 2 : 0;

	op->mode = mode_of(from, align, TNC_MODE_ALIGN_CORNERS) |
		   mode_of(from, align + 1, TNC_MODE_HALF_PIXEL);
}

int tnc_tflite_axis(const struct tnc_tflite_op *from, int axis, int rank)
{
	if (axis < -rank || axis >= rank)
		tnc_error(from->c, -EINVAL, "axis %d of %d dimensions", axis,
			  rank);
	return axis < 0 ? axis + rank : axis;
}

/* Axes in their order, each once; whether they are kept the shape says. */
static void import_reduction(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, from->row->kind, 1);
	int rank = tnc_tflite_input(from, 0)->rank;
	struct tnc_list axes = { 0 };
	bool is_reduced[TNC_RANK_MAX] = { false };

	tnc_tflite_constant(from, 1, &axes);
	for (int i = 0; i < axes.count; i++)
		is_reduced[tnc_tflite_axis(from, axes.id[i], rank)] = true;
	for (int i = 0; i < rank; i++)
		if (is_reduced[i])
			tnc_list_append(from->c, &op->list[0], i);
}

static void import_arg(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, from->row->kind, 1);

	op->axis = tnc_tflite_axis(from, tnc_tflite_constant_one(from, 1),
			   tnc_tflite_input(from, 0)->rank);
}

static void import_gather(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, TNC_GATHER, 2);
	int batch_dims = tnc_fb_i32(&from->options, 1, 0);

	op->axis = tnc_tflite_axis(from, tnc_fb_i32(&from->options, 0, 0),
			   tnc_tflite_input(from, 0)->rank);
	if (batch_dims < 0)
		batch_dims += tnc_tflite_input(from, 1)->rank;
	tnc_list_append(from->c, &op->list[0], batch_dims);
}

/* In the file: indices, values. */
static void import_embedding_lookup(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, TNC_GATHER, 2);

	op->input[0] = tnc_tflite_input(from, 1)->id;
	op->input[1] = tnc_tflite_input(from, 0)->id;
	tnc_list_append(from->c, &op->list[0], 0);
}

/* Two results: values, and where they were. */
static void import_topk(const struct tnc_tflite_op *from)
{
	static const enum tnc_op_kind kinds[] = { TNC_TOPK_VALUES,
						  TNC_TOPK_INDICES };

	for (int i = 0; i < TNC_ARRAY_SIZE(kinds); i++) {
		struct tnc_op *op = tnc_op_append(from->c, kinds[i]);

		op->source = from->number;
		tnc_op_add_input(from->c, op, tnc_tflite_input(from, 0)->id);
		op->output = tnc_tflite_output(from, i)->id;
	}
}

static void import_one_hot(const struct tnc_tflite_op *from)
{
	tnc_tflite_op(from, TNC_ONE_HOT, 4)->axis =
		tnc_fb_i32(&from->options, 0, -1);
}

static const struct tnc_tflite_row rows[] = {
	{ 0, TNC_ADD, 11, import_binary },
	{ 1, TNC_AVERAGE_POOL_2D, 5, import_pool },
	{ 2, TNC_CONCATENATION, 10, tnc_tflite_concatenation },
	{ 3, TNC_CONV_2D, 1, import_conv },
	{ 4, TNC_DEPTHWISE_CONV_2D, 2, import_depthwise },
	{ 5, TNC_DEPTH_TO_SPACE, 94, tnc_tflite_depth },
	{ 6, TNC_DEQUANTIZE, 38, import_plain },
	{ 7, TNC_GATHER, 0, import_embedding_lookup },
	{ 8, TNC_FLOOR, 0, import_plain },
	{ 9, TNC_FULLY_CONNECTED, 8, import_fully_connected },
	{ 11, TNC_L2_NORMALIZATION, 12, import_plain },
	{ 12, TNC_L2_POOL_2D, 5, import_pool },
	{ 14, TNC_LOGISTIC, 0, import_plain },
	{ 17, TNC_MAX_POOL_2D, 5, import_pool },
	{ 18, TNC_MUL, 21, import_binary },
	{ 19, TNC_RELU, 0, import_plain },
	{ 20, TNC_RELU_N1_TO_1, 0, import_plain },
	{ 21, TNC_RELU6, 0, import_plain },
	{ 22, TNC_RESHAPE, 17, import_plain },
	{ 23, TNC_RESIZE_BILINEAR, 15, import_resize },
	{ 25, TNC_SOFTMAX, 9, import_softmax },
	{ 26, TNC_SPACE_TO_DEPTH, 19, tnc_tflite_depth },
	{ 27, TNC_SVDF, 6, tnc_tflite_svdf },
	{ 28, TNC_TANH, 0, import_plain },
	{ 31, TNC_OP_KINDS, 16, tnc_tflite_call },
	{ 32, TNC_DETECTION_POSTPROCESS, 0, tnc_tflite_custom },
	{ 34, TNC_PAD, 22, tnc_tflite_pad },
	{ 36, TNC_GATHER, 23, import_gather },
	{ 37, TNC_BATCH_TO_SPACE_ND, 24, tnc_tflite_batch },
	{ 38, TNC_SPACE_TO_BATCH_ND, 25, tnc_tflite_batch },
	{ 39, TNC_TRANSPOSE, 26, tnc_tflite_transpose },
	{ 40, TNC_MEAN, 27, import_reduction },
	{ 41, TNC_SUB, 28, import_binary },
	{ 42, TNC_DIV, 29, import_binary },
	{ 43, TNC_RESHAPE, 30, import_plain },
	{ 44, TNC_LSTM, 71, tnc_tflite_lstm },
	{ 45, TNC_SLICE, 32, tnc_tflite_strided_slice },
	{ 47, TNC_EXP, 33, import_plain },
	{ 48, TNC_TOPK_VALUES, 0, import_topk },
	{ 49, TNC_SLICE, 35, tnc_tflite_split },
	{ 50, TNC_LOG_SOFTMAX, 36, import_plain },
	{ 53, TNC_CAST, 37, import_plain },
	{ 54, TNC_PRELU, 0, import_plain },
	{ 55, TNC_MAXIMUM, 39, import_plain },
	{ 56, TNC_ARG_MAX, 40, import_arg },
	{ 57, TNC_MINIMUM, 39, import_plain },
	{ 58, TNC_LESS, 41, import_plain },
	{ 59, TNC_NEG, 42, import_plain },
	{ 60, TNC_PAD, 43, tnc_tflite_pad },
	{ 61, TNC_GREATER, 44, import_plain },
	{ 62, TNC_GREATER_EQUAL, 45, import_plain },
	{ 63, TNC_LESS_EQUAL, 46, import_plain },
	{ 64, TNC_SELECT, 47, import_plain },
	{ 65, TNC_SLICE, 48, tnc_tflite_slice },
	{ 66, TNC_SIN, 0, import_plain },
	{ 67, TNC_TRANSPOSE_CONV, 49, import_transpose_conv },
	{ 69, TNC_TILE, 51, import_plain },
	{ 70, TNC_RESHAPE, 52, import_plain },
	{ 71, TNC_EQUAL, 53, import_plain },
	{ 72, TNC_NOT_EQUAL, 54, import_plain },
	{ 73, TNC_LOG, 0, import_plain },
	{ 74, TNC_SUM, 27, import_reduction },
	{ 75, TNC_SQRT, 0, import_plain },
	{ 76, TNC_RSQRT, 0, import_plain },
	{ 77, TNC_RESHAPE, 55, tnc_tflite_shape },
	{ 78, TNC_POW, 56, import_plain },
	{ 79, TNC_ARG_MIN, 57, import_arg },
	{ 81, TNC_REDUCE_PROD, 27, import_reduction },
	{ 82, TNC_REDUCE_MAX, 27, import_reduction },
	{ 83, TNC_CONCATENATION, 59, tnc_tflite_pack },
	{ 84, TNC_LOGICAL_OR, 60, import_plain },
	{ 85, TNC_ONE_HOT, 61, import_one_hot },
	{ 86, TNC_LOGICAL_AND, 62, import_plain },
	{ 87, TNC_LOGICAL_NOT, 63, import_plain },
	{ 88, TNC_SLICE, 64, tnc_tflite_unpack },
	{ 89, TNC_REDUCE_MIN, 27, import_reduction },
	{ 90, TNC_FLOOR_DIV, 65, import_plain },
	{ 91, TNC_REDUCE_ANY, 27, import_reduction },
	{ 92, TNC_SQUARE, 66, import_plain },
	{ 93, TNC_RESHAPE, 67, tnc_tflite_zeros_like },
	{ 94, TNC_BROADCAST_TO, 68, tnc_tflite_fill },
	{ 95, TNC_FLOOR_MOD, 72, import_plain },
	{ 97, TNC_RESIZE_NEAREST_NEIGHBOR, 74, import_resize },
	{ 98, TNC_LEAKY_RELU, 75, import_leaky_relu },
	{ 99, TNC_SQUARED_DIFFERENCE, 76, import_plain },
	{ 100, TNC_MIRROR_PAD, 77, tnc_tflite_mirror_pad },
	{ 101, TNC_ABS, 78, import_plain },
	{ 102, TNC_SLICE, 79, tnc_tflite_split_v },
	{ 104, TNC_CEIL, 0, import_plain },
	{ 105, TNC_REVERSE, 81, tnc_tflite_reverse },
	{ 107, TNC_GATHER_ND, 83, import_plain },
	{ 108, TNC_COS, 84, import_plain },
	{ 111, TNC_ELU, 0, import_elu },
	{ 114, TNC_QUANTIZE, 89, import_plain },
	{ 116, TNC_ROUND, 0, import_plain },
	{ 117, TNC_HARD_SWISH, 91, import_plain },
	{ 118, TNC_OP_KINDS, 92, tnc_tflite_if },
	{ 119, TNC_OP_KINDS, 93, tnc_tflite_while },
	{ 122, TNC_SCATTER_ND, 0, import_plain },
	{ 123, TNC_SELECT, 98, import_plain },
	{ 126, TNC_BATCH_MATMUL, 101, import_batch_matmul },
	{ 128, TNC_CUMSUM, 102, import_cumsum },
	{ 129, TNC_OP_KINDS, 103, tnc_tflite_call_once },
	{ 130, TNC_BROADCAST_TO, 104, import_plain },
	{ 140, TNC_REDUCE_ALL, 27, import_reduction },
	{ 142, TNC_OP_KINDS, 111, tnc_tflite_var_handle },
	{ 143, TNC_OP_KINDS, 112, tnc_tflite_read_variable },
	{ 144, TNC_OP_KINDS, 113, tnc_tflite_assign_variable },
	{ 150, TNC_GELU, 116, import_gelu },
	{ 152, TNC_RELU_0_TO_1, 0, import_plain },
	{ 158, TNC_SIGN, 123, import_plain },
};

const struct tnc_tflite_row *tnc_tflite_row(int builtin)
{
	for (int i = 0; i < TNC_ARRAY_SIZE(rows); i++)
		if (rows[i].builtin == builtin)
			return &rows[i];
	return NULL;
}
