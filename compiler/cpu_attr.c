// SPDX-License-Identifier: MIT
/*
 * Which CPU operator each kind of the graph is, and the words of its attributes as
 * the manual orders them. Called by cpu.c alone, for operators of any soundness.
 */
#include <math.h>
#include <string.h>

#include "cpu.h"
#include "plan.h"

static const struct row {
	const char *(*set)(const struct tnc *c, const struct tnc_op *op,
			   struct tnc_cpu_op *to);
	uint32_t kind;
	int32_t function;
} rows[TNC_OP_KINDS];

static void add(struct tnc_cpu_op *to, int32_t word)
{
	to->attr[to->op.attrs++].i = word;
}

static void add_float(struct tnc_cpu_op *to, float word)
{
	to->attr[to->op.attrs++].f = word;
}

static void add_hw(struct tnc_cpu_op *to, struct tnc_hw hw)
{
	add(to, hw.h);
	add(to, hw.w);
}

/* What the activation function leaves. */
static void add_bounds(struct tnc_cpu_op *to, enum tnc_act act)
{
	static const float bounds[][2] = {
		[TNC_ACT_NONE] = { -INFINITY, INFINITY },
		[TNC_ACT_RELU] = { 0, INFINITY },
		[TNC_ACT_RELU_N1_TO_1] = { -1, 1 },
		[TNC_ACT_RELU6] = { 0, 6 },
		[TNC_ACT_CLAMP] = { -INFINITY, INFINITY },
	};

	add_float(to, bounds[act][0]);
	add_float(to, bounds[act][1]);
}

static bool is_size(struct tnc_hw hw)
{
	return hw.h >= 1 && hw.w >= 1 && hw.h <= TNC_WINDOW_MAX &&
	       hw.w <= TNC_WINDOW_MAX;
}

/* What tnc_op_pads() needs. */
static const char *check_window(const struct tnc *c, const struct tnc_op *op,
				bool has_weights)
{
	if (tnc_op_input(c, op, 0)->rank != 4 ||
	    tnc_op_output(c, op)->rank != 4 ||
	    (has_weights && tnc_op_input(c, op, 1)->rank != 4))
		return "no pictures";
	if (!is_size(op->stride) || !is_size(op->dilation) ||
	    !is_size(tnc_op_window(c, op)))
		return "size of window, stride or dilation";
	return NULL;
}

static const char *set_conv(const struct tnc *c, const struct tnc_op *op,
			    struct tnc_cpu_op *to)
{
	const char *bad = check_window(c, op, true);
	struct tnc_pads pads;

	if (bad)
		return bad;
	pads = tnc_op_pads(c, op);
	add_hw(to, op->stride);
	add_hw(to, op->dilation);
	add(to, pads.top);
	add(to, pads.left);
	if (op->kind == TNC_CONV_2D) {
		int depth = tnc_op_input(c, op, 1)->shape[3];

		add(to, tnc_op_input(c, op, 0)->shape[3] / depth);
	}
	add_bounds(to, op->act);
	return NULL;
}

/* Padding of the convolution that would turn the output into the input. */
static int pad_before(int in, int out, int window, int stride)
{
	int64_t total = (int64_t)(in - 1) * stride + window - out;

	return total > 0 ? total / 2 : 0;
}

static const char *set_transpose_conv(const struct tnc *c,
				      const struct tnc_op *op,
				      struct tnc_cpu_op *to)
{
	const char *bad = check_window(c, op, true);
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *weights = tnc_op_input(c, op, 1);
	const struct tnc_tensor *out = tnc_op_output(c, op);

	if (bad)
		return bad;
	add_hw(to, op->stride);
	for (int d = 1; d < 3; d++)
		add(to, op->pad != TNC_PAD_SAME ?
			(d == 1 ? op->pads.top : op->pads.left) :
			pad_before(in->shape[d], out->shape[d],
				   weights->shape[d],
				   d == 1 ? op->stride.h : op->stride.w));
	add_bounds(to, op->act);
	return NULL;
}

/* Rows of the last dimension; leading ones that are 1 do not count. */
static void make_matrix(struct cpu_tensor *t, uint32_t depth)
{
	t->rank = 2;
	t->shape[0] = t->elements / depth;
	t->shape[1] = depth;
}

static const char *set_fully_connected(const struct tnc *c,
				       const struct tnc_op *op,
				       struct tnc_cpu_op *to)
{
	const struct tnc_tensor *weights = tnc_op_input(c, op, 1);

	if (weights->rank != 2 || to->in[0].elements % weights->shape[1] ||
	    to->out.elements % weights->shape[0])
		return "shapes do not fit";
	make_matrix(&to->in[0], weights->shape[1]);
	make_matrix(&to->out, weights->shape[0]);
	add(to, 0);
	add(to, 1);
	add_bounds(to, op->act);
	return NULL;
}

static const char *set_matmul(const struct tnc *c, const struct tnc_op *op,
			      struct tnc_cpu_op *to)
{
	add(to, !!(op->mode & TNC_MODE_ADJOINT_A));
	add(to, !!(op->mode & TNC_MODE_ADJOINT_B));
	add_bounds(to, op->act);
	return NULL;
}

static const char *set_binary(const struct tnc *c, const struct tnc_op *op,
			      struct tnc_cpu_op *to)
{
	add(to, rows[op->kind].function);
	add_bounds(to, op->act);
	return NULL;
}

static const char *set_unary(const struct tnc *c, const struct tnc_op *op,
			     struct tnc_cpu_op *to)
{
	add(to, op->mode & TNC_MODE_APPROXIMATE ? NPU_CPU_GELU_TANH :
						  rows[op->kind].function);
	add_float(to, op->alpha);
	add_float(to, op->beta);
	return NULL;
}

static const char *set_relu(const struct tnc *c, const struct tnc_op *op,
			    struct tnc_cpu_op *to)
{
	add(to, NPU_CPU_CLAMP);
	add_float(to, op->kind == TNC_RELU_N1_TO_1 ? -1 : 0);
	add_float(to, op->kind == TNC_RELU ? INFINITY :
		      op->kind == TNC_RELU6 ? 6 : 1);
	return NULL;
}

static const char *set_clip(const struct tnc *c, const struct tnc_op *op,
			    struct tnc_cpu_op *to)
{
	to->op.inputs = 1;
	add(to, NPU_CPU_CLAMP);
	for (int i = 1; i < 3; i++) {
		const struct tnc_tensor *bound = tnc_op_input(c, op, i);

		if (bound && (!bound->data || bound->type != TNC_FLOAT32 ||
			      tnc_tensor_elements(bound) != 1))
			return "bounds must be constant";
		if (bound)
			add_float(to, *(const float *)bound->data);
		else
			add_float(to, i == 1 ? -INFINITY : INFINITY);
	}
	return NULL;
}

static const char *set_pool(const struct tnc *c, const struct tnc_op *op,
			    struct tnc_cpu_op *to)
{
	const char *bad = check_window(c, op, false);
	struct tnc_pads pads;

	if (bad)
		return bad;
	pads = tnc_op_pads(c, op);
	add(to, op->mode & TNC_MODE_COUNT_PAD ? NPU_CPU_POOL_AVERAGE_PADDED :
						rows[op->kind].function);
	add_hw(to, op->window);
	add_hw(to, op->stride);
	add_hw(to, op->dilation);
	add(to, pads.top);
	add(to, pads.left);
	add(to, pads.bottom);
	add(to, pads.right);
	add_bounds(to, op->act);
	return NULL;
}

static const char *set_reduce(const struct tnc *c, const struct tnc_op *op,
			      struct tnc_cpu_op *to)
{
	uint32_t mask = 0;

	for (int i = 0; i < op->list[0].count; i++) {
		int axis = op->list[0].id[i];

		if (axis < 0 || axis >= TNC_RANK_MAX)
			return "no such axis";
		mask |= 1u << axis;
	}
	add(to, rows[op->kind].function);
	add(to, mask);
	return NULL;
}

static const char *set_softmax(const struct tnc *c, const struct tnc_op *op,
			       struct tnc_cpu_op *to)
{
	add(to, tnc_op_input(c, op, 0)->rank - 1);
	add_float(to, op->kind == TNC_SOFTMAX ? op->beta : 1);
	add(to, op->kind == TNC_LOG_SOFTMAX);
	return NULL;
}

static const char *set_l2_normalization(const struct tnc *c,
					const struct tnc_op *op,
					struct tnc_cpu_op *to)
{
	add_float(to, 1e-6f);
	return NULL;
}

static const char *set_layer_norm(const struct tnc *c, const struct tnc_op *op,
				  struct tnc_cpu_op *to)
{
	add(to, op->axis);
	add_float(to, op->alpha);
	return NULL;
}

static const char *set_arg(const struct tnc *c, const struct tnc_op *op,
			   struct tnc_cpu_op *to)
{
	add(to, op->kind == TNC_ARG_MAX);
	add(to, op->axis);
	add(to, 0);
	return NULL;
}

static const char *set_gather(const struct tnc *c, const struct tnc_op *op,
			      struct tnc_cpu_op *to)
{
	add(to, op->axis);
	add(to, op->list[0].count ? op->list[0].id[0] : 0);
	return NULL;
}

/* A list of the operator, as long as the output has dimensions. */
static const char *add_list(const struct tnc_op *op, int list,
			    struct tnc_cpu_op *to)
{
	if (op->list[list].count != (int)to->out.rank)
		return "lists of another length";
	for (int i = 0; i < op->list[list].count; i++)
		add(to, op->list[list].id[i]);
	return NULL;
}

static const char *set_transpose(const struct tnc *c, const struct tnc_op *op,
				 struct tnc_cpu_op *to)
{
	return add_list(op, 0, to);
}

static const char *set_axis(const struct tnc *c, const struct tnc_op *op,
			    struct tnc_cpu_op *to)
{
	if (op->act != TNC_ACT_NONE)
		return "an activation function";
	add(to, op->axis);
	return NULL;
}

static const char *set_slice(const struct tnc *c, const struct tnc_op *op,
			     struct tnc_cpu_op *to)
{
	const char *bad = add_list(op, 0, to);

	return bad ? bad : add_list(op, 1, to);
}

/* A slice with steps of -1 in some dimensions. */
static const char *set_reverse(const struct tnc *c, const struct tnc_op *op,
			       struct tnc_cpu_op *to)
{
	uint32_t mask = 0, d;

	for (int i = 0; i < op->list[0].count; i++)
		mask |= 1u << (op->list[0].id[i] & 31);
	for (d = 0; d < to->in[0].rank; d++)
		add(to, mask >> d & 1 ? to->in[0].shape[d] - 1 : 0);
	for (d = 0; d < to->in[0].rank; d++)
		add(to, mask >> d & 1 ? -1 : 1);
	return NULL;
}

static const char *set_pad(const struct tnc *c, const struct tnc_op *op,
			   struct tnc_cpu_op *to)
{
	if (op->kind == TNC_PAD)
		add(to, NPU_CPU_PAD_CONSTANT);
	else
		add(to, op->mode & TNC_MODE_SYMMETRIC ? NPU_CPU_PAD_SYMMETRIC :
							NPU_CPU_PAD_REFLECT);
	return add_list(op, 0, to);
}

static const char *set_depth(const struct tnc *c, const struct tnc_op *op,
			     struct tnc_cpu_op *to)
{
	if (op->list[0].count != 1)
		return "lists of another length";
	add(to, op->list[0].id[0]);
	if (op->kind == TNC_DEPTH_TO_SPACE)
		add(to, !!(op->mode & TNC_MODE_ONNX));
	return NULL;
}

static const char *set_batch(const struct tnc *c, const struct tnc_op *op,
			     struct tnc_cpu_op *to)
{
	for (int list = 0; list < 2; list++) {
		if (op->list[list].count != 2)
			return "blocks of other dimensions than two";
		add(to, op->list[list].id[0]);
		add(to, op->list[list].id[1]);
	}
	return NULL;
}

static const char *set_gather_nd(const struct tnc *c, const struct tnc_op *op,
				 struct tnc_cpu_op *to)
{
	add(to, 0);
	return NULL;
}

/* Of indices, depth, on, off the depth is in the shape. */
static const char *set_one_hot(const struct tnc *c, const struct tnc_op *op,
			       struct tnc_cpu_op *to)
{
	for (int i = 1; i < 3; i++) {
		to->in[i] = to->in[i + 1];
		to->id[i] = to->id[i + 1];
	}
	to->op.inputs = 3;
	add(to, op->axis < 0 ? (int)to->out.rank - 1 : op->axis);
	return NULL;
}

static const char *set_topk(const struct tnc *c, const struct tnc_op *op,
			    struct tnc_cpu_op *to)
{
	add(to, (int)to->out.rank - 1);
	add(to, op->kind == TNC_TOPK_INDICES);
	add(to, !(op->mode & TNC_MODE_REVERSED));
	return NULL;
}

static const char *set_cumsum(const struct tnc *c, const struct tnc_op *op,
			      struct tnc_cpu_op *to)
{
	add(to, op->axis);
	add(to, !!(op->mode & TNC_MODE_EXCLUSIVE));
	add(to, !!(op->mode & TNC_MODE_REVERSED));
	return NULL;
}

/* Words as the manual orders them: they are in a list of the operator. */
static const char *set_detection(const struct tnc *c, const struct tnc_op *op,
				 struct tnc_cpu_op *to)
{
	if (op->list[0].count > TNC_CPU_WORDS)
		return "too many words";
	for (int i = 0; i < op->list[0].count; i++)
		add(to, op->list[0].id[i]);
	return NULL;
}

/* Lists: the options' bytes; which output, of how many. */
static bool is_custom(const struct tnc_op *op)
{
	if (op->list[1].count != 2 || !op->custom || !*op->custom)
		return false;
	for (int i = 0; i < op->list[0].count; i++)
		if (op->list[0].id[i] < 0 || op->list[0].id[i] > UINT8_MAX)
			return false;
	return true;
}

/* How many words an operator's attributes may have. */
int tnc_cpu_words(const struct tnc_op *op)
{
	if (op->kind != TNC_CUSTOM || !is_custom(op))
		return TNC_CPU_WORDS;
	return NPU_CPU_CUSTOM_WORDS + npu_div_up(strlen(op->custom), 4) +
	       npu_div_up(op->list[0].count, 4);
}

static const char *set_custom(const struct tnc *c, const struct tnc_op *op,
			      struct tnc_cpu_op *to)
{
	uint8_t *bytes = (uint8_t *)(to->attr + NPU_CPU_CUSTOM_WORDS);
	size_t name = op->custom ? strlen(op->custom) : 0;

	if (!is_custom(op))
		return "no name, bytes of options, and number of the output";
	add(to, op->list[1].id[0]);
	add(to, op->list[1].id[1]);
	add(to, name);
	add(to, op->list[0].count);
	memcpy(bytes, op->custom, name);
	bytes += npu_div_up(name, 4) * 4;
	for (int i = 0; i < op->list[0].count; i++)
		bytes[i] = op->list[0].id[i];
	to->op.attrs = tnc_cpu_words(op);
	return NULL;
}

static const char *set_loop(const struct tnc *c, const struct tnc_op *op,
			    struct tnc_cpu_op *to)
{
	if (op->list[0].count != 1 || op->list[1].count != 1)
		return "numbers of the loop and of the result";
	add(to, op->list[0].id[0]);
	add(to, op->list[1].id[0]);
	return NULL;
}

static const char *set_lstm(const struct tnc *c, const struct tnc_op *op,
			    struct tnc_cpu_op *to)
{
	add(to, !!(op->mode & TNC_MODE_TIME_MAJOR));
	add_float(to, op->alpha);
	add(to, op->kind == TNC_LSTM_CELL);
	return NULL;
}

static const char *set_svdf(const struct tnc *c, const struct tnc_op *op,
			    struct tnc_cpu_op *to)
{
	if (op->list[0].count != 1)
		return "one rank is needed";
	add(to, op->list[0].id[0]);
	add(to, op->kind == TNC_SVDF_STATE);
	add_bounds(to, op->act);
	return NULL;
}

static const char *set_resize(const struct tnc *c, const struct tnc_op *op,
			      struct tnc_cpu_op *to)
{
	bool is_nearest = op->kind == TNC_RESIZE_NEAREST_NEIGHBOR;
	bool is_aligned = op->mode & TNC_MODE_ALIGN_CORNERS;

	add(to, is_nearest ? NPU_CPU_RESIZE_NEAREST : NPU_CPU_RESIZE_BILINEAR);
	if (is_aligned)
		add(to, NPU_CPU_ALIGN_CORNERS);
	else if (!(op->mode & TNC_MODE_HALF_PIXEL))
		add(to, NPU_CPU_ASYMMETRIC);
	else
		add(to, is_nearest ? NPU_CPU_TFLITE_HALF_PIXEL :
				     NPU_CPU_HALF_PIXEL);
	add(to, is_aligned ? NPU_CPU_NEAREST_PREFER_CEIL :
			     NPU_CPU_NEAREST_FLOOR);
	add_float(to, 0);
	add_float(to, 0);
	return NULL;
}

static const char *set_quantize(const struct tnc *c, const struct tnc_op *op,
				struct tnc_cpu_op *to)
{
	if (op->kind == TNC_QUANTIZE)
		add(to, op->mode & TNC_MODE_ONNX ? NPU_CPU_HALF_EVEN :
						   NPU_CPU_HALF_AWAY);
	if (op->inputs > 1)
		add(to, op->axis);
	else if (op->kind == TNC_QUANTIZE)
		add(to, tnc_op_output(c, op)->quant.axis);
	else
		add(to, tnc_op_input(c, op, 0)->quant.axis);
	return NULL;
}

static const char *set_dynamic_quantize(const struct tnc *c,
					const struct tnc_op *op,
					struct tnc_cpu_op *to)
{
	if (op->list[0].count != 1)
		return "one result is needed";
	add(to, op->list[0].id[0]);
	return NULL;
}

static const char *set_conv_integer(const struct tnc *c,
				    const struct tnc_op *op,
				    struct tnc_cpu_op *to)
{
	const char *bad = check_window(c, op, true);
	struct tnc_pads pads;

	if (bad)
		return bad;
	pads = tnc_op_pads(c, op);
	add_hw(to, op->stride);
	add_hw(to, op->dilation);
	add(to, pads.top);
	add(to, pads.left);
	add(to, tnc_op_input(c, op, 0)->shape[3] /
		    tnc_op_input(c, op, 1)->shape[3]);
	return NULL;
}

static const char *set_plain(const struct tnc *c, const struct tnc_op *op,
			     struct tnc_cpu_op *to)
{
	return NULL;
}

#define UNARY(kind, function) \
	[TNC_##kind] = { set_unary, NPU_CPU_UNARY, NPU_CPU_##function }
#define BINARY(kind, function) \
	[TNC_##kind] = { set_binary, NPU_CPU_BINARY, NPU_CPU_##function }
#define REDUCE(kind, function) \
	[TNC_##kind] = { set_reduce, NPU_CPU_REDUCE, NPU_CPU_REDUCE_##function }
#define POOL(kind, function) \
	[TNC_##kind] = { set_pool, NPU_CPU_POOL, NPU_CPU_POOL_##function }

static const struct row rows[TNC_OP_KINDS] = {
	[TNC_CONV_2D] = { set_conv, NPU_CPU_CONV, 0 },
	[TNC_DEPTHWISE_CONV_2D] = { set_conv, NPU_CPU_DEPTHWISE_CONV, 0 },
	[TNC_TRANSPOSE_CONV] = { set_transpose_conv, NPU_CPU_TRANSPOSE_CONV, 0 },
	[TNC_FULLY_CONNECTED] = { set_fully_connected, NPU_CPU_MATMUL, 0 },
	[TNC_BATCH_MATMUL] = { set_matmul, NPU_CPU_MATMUL, 0 },
	BINARY(ADD, ADD),
	BINARY(SUB, SUB),
	BINARY(MUL, MUL),
	BINARY(DIV, DIV),
	BINARY(MAXIMUM, MAXIMUM),
	BINARY(MINIMUM, MINIMUM),
	BINARY(SQUARED_DIFFERENCE, SQUARED_DIFFERENCE),
	BINARY(POW, POW),
	BINARY(FLOOR_DIV, FLOOR_DIV),
	BINARY(FLOOR_MOD, FLOOR_MOD),
	BINARY(EQUAL, EQUAL),
	BINARY(NOT_EQUAL, NOT_EQUAL),
	BINARY(LESS, LESS),
	BINARY(LESS_EQUAL, LESS_EQUAL),
	BINARY(GREATER, GREATER),
	BINARY(GREATER_EQUAL, GREATER_EQUAL),
	BINARY(LOGICAL_AND, AND),
	BINARY(LOGICAL_OR, OR),
	BINARY(PRELU, PRELU),
	UNARY(LOGICAL_NOT, NOT),
	[TNC_SELECT] = { set_plain, NPU_CPU_SELECT, 0 },
	[TNC_RELU] = { set_relu, NPU_CPU_UNARY, 0 },
	[TNC_RELU6] = { set_relu, NPU_CPU_UNARY, 0 },
	[TNC_RELU_N1_TO_1] = { set_relu, NPU_CPU_UNARY, 0 },
	[TNC_RELU_0_TO_1] = { set_relu, NPU_CPU_UNARY, 0 },
	[TNC_CLIP] = { set_clip, NPU_CPU_UNARY, 0 },
	UNARY(LEAKY_RELU, LEAKY_RELU),
	UNARY(ELU, ELU),
	UNARY(HARD_SWISH, HARD_SWISH),
	UNARY(HARD_SIGMOID, HARD_SIGMOID),
	UNARY(LOGISTIC, LOGISTIC),
	UNARY(TANH, TANH),
	UNARY(GELU, GELU),
	UNARY(SOFTPLUS, SOFTPLUS),
	UNARY(EXP, EXP),
	UNARY(LOG, LOG),
	UNARY(SQRT, SQRT),
	UNARY(RSQRT, RSQRT),
	UNARY(SQUARE, SQUARE),
	UNARY(ABS, ABS),
	UNARY(NEG, NEG),
	UNARY(SIGN, SIGN),
	UNARY(SIN, SIN),
	UNARY(COS, COS),
	UNARY(ERF, ERF),
	UNARY(FLOOR, FLOOR),
	UNARY(CEIL, CEIL),
	UNARY(ROUND, ROUND),
	[TNC_QUANTIZE] = { set_quantize, NPU_CPU_QUANTIZE, 0 },
	[TNC_DEQUANTIZE] = { set_quantize, NPU_CPU_DEQUANTIZE, 0 },
	[TNC_DYNAMIC_QUANTIZE] = { set_dynamic_quantize,
				   NPU_CPU_DYNAMIC_QUANTIZE, 0 },
	[TNC_CONV_INTEGER] = { set_conv_integer, NPU_CPU_CONV_INTEGER, 0 },
	[TNC_MATMUL_INTEGER] = { set_plain, NPU_CPU_MATMUL_INTEGER, 0 },
	[TNC_CAST] = { set_plain, NPU_CPU_CAST, 0 },
	[TNC_SOFTMAX] = { set_softmax, NPU_CPU_SOFTMAX, 0 },
	[TNC_LOG_SOFTMAX] = { set_softmax, NPU_CPU_SOFTMAX, 0 },
	[TNC_L2_NORMALIZATION] = { set_l2_normalization,
				   NPU_CPU_L2_NORMALIZATION, 0 },
	[TNC_LAYER_NORM] = { set_layer_norm, NPU_CPU_LAYER_NORM, 0 },
	REDUCE(MEAN, MEAN),
	REDUCE(SUM, SUM),
	REDUCE(REDUCE_MAX, MAX),
	REDUCE(REDUCE_MIN, MIN),
	REDUCE(REDUCE_PROD, PROD),
	REDUCE(REDUCE_ANY, ANY),
	REDUCE(REDUCE_ALL, ALL),
	[TNC_ARG_MAX] = { set_arg, NPU_CPU_ARG, 0 },
	[TNC_ARG_MIN] = { set_arg, NPU_CPU_ARG, 0 },
	POOL(AVERAGE_POOL_2D, AVERAGE),
	POOL(MAX_POOL_2D, MAX),
	POOL(L2_POOL_2D, L2),
	[TNC_RESIZE_BILINEAR] = { set_resize, NPU_CPU_RESIZE, 0 },
	[TNC_RESIZE_NEAREST_NEIGHBOR] = { set_resize, NPU_CPU_RESIZE, 0 },
	[TNC_GATHER] = { set_gather, NPU_CPU_GATHER, 0 },
	[TNC_GATHER_ND] = { set_gather_nd, NPU_CPU_GATHER_ND, 0 },
	[TNC_SCATTER_ND] = { set_plain, NPU_CPU_SCATTER_ND, 0 },
	[TNC_ONE_HOT] = { set_one_hot, NPU_CPU_ONE_HOT, 0 },
	[TNC_TOPK_VALUES] = { set_topk, NPU_CPU_TOPK, 0 },
	[TNC_TOPK_INDICES] = { set_topk, NPU_CPU_TOPK, 0 },
	[TNC_CUMSUM] = { set_cumsum, NPU_CPU_CUMSUM, 0 },
	[TNC_LSTM] = { set_lstm, NPU_CPU_LSTM, 0 },
	[TNC_LSTM_CELL] = { set_lstm, NPU_CPU_LSTM, 0 },
	[TNC_SVDF] = { set_svdf, NPU_CPU_SVDF, 0 },
	[TNC_SVDF_STATE] = { set_svdf, NPU_CPU_SVDF, 0 },
	[TNC_DETECTION_POSTPROCESS] = { set_detection,
					NPU_CPU_DETECTION_POSTPROCESS, 0 },
	[TNC_CUSTOM] = { set_custom, NPU_CPU_CUSTOM, 0 },
	[TNC_WHILE] = { set_loop, NPU_CPU_LOOP, 0 },
	[TNC_RESHAPE] = { set_plain, NPU_CPU_RESHAPE, 0 },
	[TNC_TRANSPOSE] = { set_transpose, NPU_CPU_TRANSPOSE, 0 },
	[TNC_CONCATENATION] = { set_axis, NPU_CPU_CONCATENATION, 0 },
	[TNC_SLICE] = { set_slice, NPU_CPU_SLICE, 0 },
	[TNC_PAD] = { set_pad, NPU_CPU_PAD, 0 },
	[TNC_MIRROR_PAD] = { set_pad, NPU_CPU_PAD, 0 },
	[TNC_TILE] = { set_plain, NPU_CPU_TILE, 0 },
	[TNC_BROADCAST_TO] = { set_plain, NPU_CPU_TILE, 0 },
	[TNC_REVERSE] = { set_reverse, NPU_CPU_SLICE, 0 },
	[TNC_SPACE_TO_DEPTH] = { set_depth, NPU_CPU_SPACE_TO_DEPTH, 0 },
	[TNC_DEPTH_TO_SPACE] = { set_depth, NPU_CPU_DEPTH_TO_SPACE, 0 },
	[TNC_SPACE_TO_BATCH_ND] = { set_batch, NPU_CPU_SPACE_TO_BATCH, 0 },
	[TNC_BATCH_TO_SPACE_ND] = { set_batch, NPU_CPU_BATCH_TO_SPACE, 0 },
};

bool tnc_cpu_has(enum tnc_op_kind kind)
{
	return rows[kind].set;
}

/* Does it compute each element of one input on its own? */
bool tnc_cpu_is_function(enum tnc_op_kind kind)
{
	return rows[kind].set && rows[kind].kind == NPU_CPU_UNARY &&
	       kind != TNC_CLIP;
}

/*
 * Needs: tensors and inputs set, a kind that has a row. Leaves: kind and attributes.
 * Returns NULL, or why that can't be.
 */
const char *tnc_cpu_set(const struct tnc *c, const struct tnc_op *op,
			struct tnc_cpu_op *to)
{
	to->op.kind = rows[op->kind].kind;
	return rows[op->kind].set(c, op, to);
}
