// SPDX-License-Identifier: MIT
/*
 * The table of ONNX operators that are understood, and the import of one node.
 */
#include <errno.h>
#include <string.h>

#include "onnx_ops.h"
#include "pass.h"

#define MICROSOFT "com.microsoft"

/* By name: who imports it, and the operator of the graph it has to do with. */
static const struct row {
	const char *name;
	void (*import)(struct tnc_onnx *im, int kind);
	int kind;
} rows[] = {
	{ "Abs", tnc_onnx_one, TNC_ABS },
	{ "Add", tnc_onnx_two, TNC_ADD },
	{ "And", tnc_onnx_two, TNC_LOGICAL_AND },
	{ "ArgMax", tnc_onnx_arg, TNC_ARG_MAX },
	{ "ArgMin", tnc_onnx_arg, TNC_ARG_MIN },
	{ "AveragePool", tnc_onnx_pool, TNC_AVERAGE_POOL_2D },
	{ "BatchNormalization", tnc_onnx_batch_norm, TNC_ADD },
	{ "Cast", tnc_onnx_cast_node, TNC_CAST },
	{ "Ceil", tnc_onnx_one, TNC_CEIL },
	{ "Celu", tnc_onnx_celu, TNC_ELU },
	{ "Clip", tnc_onnx_clip, TNC_CLIP },
	{ "Concat", tnc_onnx_concat, TNC_CONCATENATION },
	{ "Constant", tnc_onnx_constant_node, 0 },
	{ "ConstantOfShape", tnc_onnx_constant_of_shape, TNC_BROADCAST_TO },
	{ "Conv", tnc_onnx_conv, TNC_CONV_2D },
	{ "ConvInteger", tnc_onnx_conv_integer, TNC_CONV_INTEGER },
	{ "ConvTranspose", tnc_onnx_conv_transpose, TNC_TRANSPOSE_CONV },
	{ "Cos", tnc_onnx_one, TNC_COS },
	{ "Cosh", tnc_onnx_hyperbolic, TNC_ADD },
	{ "CumSum", tnc_onnx_cumsum, TNC_CUMSUM },
	{ "DepthToSpace", tnc_onnx_depth, TNC_DEPTH_TO_SPACE },
	{ "DequantizeLinear", tnc_onnx_dequantize, TNC_DEQUANTIZE },
	{ "Div", tnc_onnx_two, TNC_DIV },
	{ "Dropout", tnc_onnx_same, 0 },
	{ "DynamicQuantizeLinear", tnc_onnx_dynamic_quantize,
	  TNC_DYNAMIC_QUANTIZE },
	{ "Einsum", tnc_onnx_einsum, TNC_BATCH_MATMUL },
	{ "Elu", tnc_onnx_with_alpha, TNC_ELU },
	{ "Equal", tnc_onnx_two, TNC_EQUAL },
	{ "Erf", tnc_onnx_one, TNC_ERF },
	{ "Exp", tnc_onnx_one, TNC_EXP },
	{ "Expand", tnc_onnx_expand, TNC_BROADCAST_TO },
	{ "EyeLike", tnc_onnx_eye_like, 0 },
	{ "Flatten", tnc_onnx_flatten, TNC_RESHAPE },
	{ "Floor", tnc_onnx_one, TNC_FLOOR },
	{ "GRU", tnc_onnx_recurrent, TNC_ONNX_GRU },
	{ "Gather", tnc_onnx_gather, TNC_GATHER },
	{ "GatherElements", tnc_onnx_gather_elements, TNC_GATHER },
	{ "GatherND", tnc_onnx_gather_nd, TNC_GATHER_ND },
	{ "Gelu", tnc_onnx_gelu, TNC_GELU },
	{ "Gemm", tnc_onnx_gemm, TNC_FULLY_CONNECTED },
	{ "GlobalAveragePool", tnc_onnx_global_pool, TNC_MEAN },
	{ "GlobalMaxPool", tnc_onnx_global_pool, TNC_REDUCE_MAX },
	{ "Greater", tnc_onnx_two, TNC_GREATER },
	{ "GreaterOrEqual", tnc_onnx_two, TNC_GREATER_EQUAL },
	{ "GroupNormalization", tnc_onnx_group_norm, TNC_ADD },
	{ "HardSigmoid", tnc_onnx_hard_sigmoid, TNC_HARD_SIGMOID },
	{ "HardSwish", tnc_onnx_one, TNC_HARD_SWISH },
	{ "Hardmax", tnc_onnx_hardmax, TNC_ONE_HOT },
	{ "Identity", tnc_onnx_same, 0 },
	{ "If", tnc_onnx_if, TNC_SELECT },
	{ "InstanceNormalization", tnc_onnx_instance_norm, TNC_ADD },
	{ "IsNaN", tnc_onnx_is_nan, TNC_NOT_EQUAL },
	{ "LRN", tnc_onnx_lrn, TNC_DIV },
	{ "LSTM", tnc_onnx_recurrent, TNC_ONNX_LSTM },
	{ "LayerNormalization", tnc_onnx_layer_norm, TNC_LAYER_NORM },
	{ "LeakyRelu", tnc_onnx_with_alpha, TNC_LEAKY_RELU },
	{ "Less", tnc_onnx_two, TNC_LESS },
	{ "LessOrEqual", tnc_onnx_two, TNC_LESS_EQUAL },
	{ "Log", tnc_onnx_one, TNC_LOG },
	{ "LogSoftmax", tnc_onnx_softmax, TNC_LOG_SOFTMAX },
	{ "Loop", tnc_onnx_loop, 0 },
	{ "LpNormalization", tnc_onnx_lp_normalization, TNC_DIV },
	{ "MatMul", tnc_onnx_matmul, TNC_FULLY_CONNECTED },
	{ "MatMulInteger", tnc_onnx_matmul_integer, TNC_MATMUL_INTEGER },
	{ "Max", tnc_onnx_many, TNC_MAXIMUM },
	{ "MaxPool", tnc_onnx_pool, TNC_MAX_POOL_2D },
	{ "Mean", tnc_onnx_mean, TNC_DIV },
	{ "MeanVarianceNormalization", tnc_onnx_mean_variance, TNC_MUL },
	{ "Min", tnc_onnx_many, TNC_MINIMUM },
	{ "Mish", tnc_onnx_mish, TNC_MUL },
	{ "Mod", tnc_onnx_mod, TNC_FLOOR_MOD },
	{ "Mul", tnc_onnx_two, TNC_MUL },
	{ "Neg", tnc_onnx_one, TNC_NEG },
	{ "Not", tnc_onnx_one, TNC_LOGICAL_NOT },
	{ "OneHot", tnc_onnx_one_hot, TNC_ONE_HOT },
	{ "Or", tnc_onnx_two, TNC_LOGICAL_OR },
	{ "PRelu", tnc_onnx_two, TNC_PRELU },
	{ "Pad", tnc_onnx_pad, TNC_PAD },
	{ "Pow", tnc_onnx_two, TNC_POW },
	{ "QLinearConv", tnc_onnx_qlinear_conv, TNC_CONV_2D },
	{ "QLinearMatMul", tnc_onnx_qlinear_matmul, TNC_FULLY_CONNECTED },
	{ "QuantizeLinear", tnc_onnx_quantize, TNC_QUANTIZE },
	{ "RNN", tnc_onnx_recurrent, TNC_ONNX_RNN },
	{ "Range", tnc_onnx_range, 0 },
	{ "Reciprocal", tnc_onnx_reciprocal, TNC_DIV },
	{ "ReduceL1", tnc_onnx_norm, TNC_ABS },
	{ "ReduceL2", tnc_onnx_norm, TNC_SQRT },
	{ "ReduceLogSum", tnc_onnx_norm, TNC_LOG },
	{ "ReduceLogSumExp", tnc_onnx_norm, TNC_EXP },
	{ "ReduceMax", tnc_onnx_reduction, TNC_REDUCE_MAX },
	{ "ReduceMean", tnc_onnx_reduction, TNC_MEAN },
	{ "ReduceMin", tnc_onnx_reduction, TNC_REDUCE_MIN },
	{ "ReduceProd", tnc_onnx_reduction, TNC_REDUCE_PROD },
	{ "ReduceSum", tnc_onnx_reduction, TNC_SUM },
	{ "ReduceSumSquare", tnc_onnx_norm, TNC_SQUARE },
	{ "Relu", tnc_onnx_one, TNC_RELU },
	{ "Reshape", tnc_onnx_reshape_node, TNC_RESHAPE },
	{ "Resize", tnc_onnx_resize, TNC_RESIZE_BILINEAR },
	{ "Round", tnc_onnx_one, TNC_ROUND },
	{ "Scan", tnc_onnx_scan, 0 },
	{ "Scatter", tnc_onnx_scatter_elements, TNC_SCATTER_ND },
	{ "ScatterElements", tnc_onnx_scatter_elements, TNC_SCATTER_ND },
	{ "ScatterND", tnc_onnx_scatter_nd, TNC_SCATTER_ND },
	{ "Selu", tnc_onnx_selu, TNC_ELU },
	{ "Shape", tnc_onnx_shape, 0 },
	{ "Shrink", tnc_onnx_shrink, TNC_SELECT },
	{ "Sigmoid", tnc_onnx_one, TNC_LOGISTIC },
	{ "Sign", tnc_onnx_one, TNC_SIGN },
	{ "Sin", tnc_onnx_one, TNC_SIN },
	{ "Sinh", tnc_onnx_hyperbolic, TNC_SUB },
	{ "Size", tnc_onnx_size_node, 0 },
	{ "Slice", tnc_onnx_slice_node, TNC_SLICE },
	{ "Softmax", tnc_onnx_softmax, TNC_SOFTMAX },
	{ "Softplus", tnc_onnx_one, TNC_SOFTPLUS },
	{ "Softsign", tnc_onnx_softsign, TNC_DIV },
	{ "SpaceToDepth", tnc_onnx_depth, TNC_SPACE_TO_DEPTH },
	{ "Split", tnc_onnx_split, TNC_SLICE },
	{ "Sqrt", tnc_onnx_one, TNC_SQRT },
	{ "Squeeze", tnc_onnx_squeeze, TNC_RESHAPE },
	{ "Sub", tnc_onnx_two, TNC_SUB },
	{ "Sum", tnc_onnx_many, TNC_ADD },
	{ "Tan", tnc_onnx_tan, TNC_DIV },
	{ "Tanh", tnc_onnx_one, TNC_TANH },
	{ "ThresholdedRelu", tnc_onnx_thresholded, TNC_SELECT },
	{ "Tile", tnc_onnx_tile, TNC_TILE },
	{ "TopK", tnc_onnx_topk, TNC_TOPK_VALUES },
	{ "Transpose", tnc_onnx_transpose_node, TNC_TRANSPOSE },
	{ "Trilu", tnc_onnx_trilu, TNC_SELECT },
	{ "Unsqueeze", tnc_onnx_unsqueeze, TNC_RESHAPE },
	{ "Upsample", tnc_onnx_resize, TNC_RESIZE_BILINEAR },
	{ "Where", tnc_onnx_where, TNC_SELECT },
	{ "Xor", tnc_onnx_xor, TNC_EQUAL },
};

static const struct row microsoft_rows[] = {
	{ "Gelu", tnc_onnx_gelu, TNC_GELU },
	{ "QLinearAdd", tnc_onnx_qlinear_binary, TNC_ADD },
	{ "QLinearAveragePool", tnc_onnx_qlinear_pool, TNC_AVERAGE_POOL_2D },
	{ "QLinearConcat", tnc_onnx_qlinear_concat, TNC_CONCATENATION },
	{ "QLinearGlobalAveragePool", tnc_onnx_qlinear_global_pool, TNC_MEAN },
	{ "QLinearLeakyRelu", tnc_onnx_qlinear_unary, TNC_LEAKY_RELU },
	{ "QLinearMul", tnc_onnx_qlinear_binary, TNC_MUL },
	{ "QLinearSigmoid", tnc_onnx_qlinear_unary, TNC_LOGISTIC },
};

static const struct row *find_row(const char *domain, const char *name)
{
	bool is_microsoft = !strcmp(domain, MICROSOFT);
	const struct row *row = is_microsoft ? microsoft_rows : rows;
	int count = is_microsoft ? TNC_ARRAY_SIZE(microsoft_rows) :
				   TNC_ARRAY_SIZE(rows);

	if (!is_microsoft && *domain && strcmp(domain, "ai.onnx"))
		return NULL;
	for (int i = 0; i < count; i++)
		if (!strcmp(row[i].name, name))
			return &row[i];
	return NULL;
}

/* What messages call the node: its operator, and its name if it has one. */
static const char *title(struct tnc_onnx *im)
{
	const char *type = im->node->op_type, *name = im->node->name;
	size_t length = strlen(type) + (name ? strlen(name) : 0) + 4;
	char *text;

	if (!name || !*name)
		return type;
	text = tnc_alloc(im->c, length, 1);
	snprintf(text, length, "%s \"%s\"", type, name);
	return text;
}

/*
 * What comes of constants is computed at once: attributes may hang on it. But
 * not what quantised weights stand for: pass 'q' wants them as they are.
 */
static void fold(struct tnc_onnx *im, int first)
{
	for (int i = first; i < im->c->ops;) {
		int ops = im->c->ops;

		if (im->c->op[i]->kind != TNC_DEQUANTIZE)
			tnc_fold_op(im->c, im->c->op[i]);
		if (im->c->ops == ops)
			i++;
	}
}

void tnc_onnx_node(struct tnc_onnx *im)
{
	const char *domain = im->node->domain ? im->node->domain : "";
	const struct row *row;
	int first = im->c->ops;

	im->c->at_op = im->number;
	im->c->at_op_name = "?";
	if (!im->node->op_type)
		tnc_error(im->c, -EINVAL, "a node without an operator");
	im->c->at_op_name = title(im);
	row = find_row(domain, im->node->op_type);
	if (!row && tnc_onnx_custom(im))
		return;
	if (!row)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported operator %.64s%s%.64s",
			  domain, *domain ? "." : "", im->node->op_type);
	row->import(im, row->kind);
	tnc_onnx_check_attrs(im);
	fold(im, first);
}
