// SPDX-License-Identifier: MIT
/*
 * The table of operators, and what holds for all of them: names, types, counts
 * of inputs and attributes, how much work one may be.
 */
#include "kernels.h"

#include <math.h>

static const struct cpu_kernel *const kernels[NPU_CPU_KINDS] = {
	[NPU_CPU_QUANTIZE] = &cpu_quantize,
	[NPU_CPU_DEQUANTIZE] = &cpu_dequantize,
	[NPU_CPU_CAST] = &cpu_cast,
	[NPU_CPU_DYNAMIC_QUANTIZE] = &cpu_dynamic_quantize,
	[NPU_CPU_UNARY] = &cpu_unary,
	[NPU_CPU_BINARY] = &cpu_binary,
	[NPU_CPU_SELECT] = &cpu_select,
	[NPU_CPU_RESHAPE] = &cpu_reshape,
	[NPU_CPU_TRANSPOSE] = &cpu_transpose,
	[NPU_CPU_CONCATENATION] = &cpu_concatenation,
	[NPU_CPU_SLICE] = &cpu_slice,
	[NPU_CPU_PAD] = &cpu_pad,
	[NPU_CPU_TILE] = &cpu_tile,
	[NPU_CPU_GATHER] = &cpu_gather,
	[NPU_CPU_GATHER_ND] = &cpu_gather_nd,
	[NPU_CPU_SPACE_TO_DEPTH] = &cpu_space_to_depth,
	[NPU_CPU_DEPTH_TO_SPACE] = &cpu_depth_to_space,
	[NPU_CPU_SPACE_TO_BATCH] = &cpu_space_to_batch,
	[NPU_CPU_BATCH_TO_SPACE] = &cpu_batch_to_space,
	[NPU_CPU_ONE_HOT] = &cpu_one_hot,
	[NPU_CPU_TOPK] = &cpu_topk,
	[NPU_CPU_CUMSUM] = &cpu_cumsum,
	[NPU_CPU_RESIZE] = &cpu_resize,
	[NPU_CPU_REDUCE] = &cpu_reduce,
	[NPU_CPU_ARG] = &cpu_arg,
	[NPU_CPU_POOL] = &cpu_pool,
	[NPU_CPU_CONV] = &cpu_conv,
	[NPU_CPU_DEPTHWISE_CONV] = &cpu_depthwise_conv,
	[NPU_CPU_TRANSPOSE_CONV] = &cpu_transpose_conv,
	[NPU_CPU_MATMUL] = &cpu_matmul,
	[NPU_CPU_CONV_INTEGER] = &cpu_conv_integer,
	[NPU_CPU_MATMUL_INTEGER] = &cpu_matmul_integer,
	[NPU_CPU_SOFTMAX] = &cpu_softmax,
	[NPU_CPU_L2_NORMALIZATION] = &cpu_l2_normalization,
	[NPU_CPU_LAYER_NORM] = &cpu_layer_norm,
	[NPU_CPU_LSTM] = &cpu_lstm,
	[NPU_CPU_SVDF] = &cpu_svdf,
	[NPU_CPU_DETECTION_POSTPROCESS] = &cpu_detection_postprocess,
	[NPU_CPU_SCATTER_ND] = &cpu_scatter_nd,
	[NPU_CPU_CUSTOM] = &cpu_custom,
	[NPU_CPU_LOOP] = &cpu_loop,
};

static const struct {
	const char *name;
	uint32_t inputs_min, inputs_max;
	uint32_t attrs_min, attrs_max;
} infos[NPU_CPU_KINDS] = {
#define X(name, number, least, most, words_least, words_most) \
	[NPU_CPU_##name] = { #name, least, most, words_least, words_most },
	NPU_CPU_OPS(X)
#undef X
};

uint32_t cpu_element_bytes(uint32_t dtype)
{
	static const uint8_t bytes[] = {
		[NPU_DTYPE_INT8] = 1,	 [NPU_DTYPE_UINT8] = 1,
		[NPU_DTYPE_INT16] = 2,	 [NPU_DTYPE_INT32] = 4,
		[NPU_DTYPE_FLOAT32] = 4, [NPU_DTYPE_INT64] = 8,
		[NPU_DTYPE_BOOL] = 1,
	};

	return dtype < sizeof(bytes) ? bytes[dtype] : 0;
}

static const char *check_quants(const struct cpu_tensor *t)
{
	int64_t low, high;
	uint32_t i;

	if (!t->quants)
		return NULL;
	if (!is_quantisable(t))
		return "a quantisation of no small integers";
	if (t->quants > 1 && (t->quant_axis >= t->rank ||
			      t->quants != t->shape[t->quant_axis]))
		return "scales do not fit the axis";
	cpu_type_range(t->dtype, &low, &high);
	for (i = 0; i < t->quants; i++) {
		if (!(t->scale[i] > 0) || !isfinite(t->scale[i]))
			return "a scale that is no positive number";
		if (t->zero_point[i] < low || t->zero_point[i] > high)
			return "a zero point beyond its type";
	}
	return NULL;
}

const char *cpu_tensor_init(struct cpu_tensor *t)
{
	uint64_t elements = 1;
	uint32_t i;

	if (!cpu_element_bytes(t->dtype))
		return "unknown type";
	if (t->rank > MAX_RANK)
		return "too many dimensions";
	for (i = 0; i < t->rank; i++) {
		/* both factors are at most 2^32: no overflow */
		elements *= t->shape[i];
		if (!elements || elements > UINT32_MAX ||
		    t->shape[i] > INT32_MAX)
			return "empty or too large";
	}
	t->elements = elements;
	return check_quants(t);
}

const char *cpu_op_name(uint32_t kind)
{
	return kind < NPU_CPU_KINDS ? infos[kind].name : NULL;
}

const char *cpu_op_check(const struct cpu_op *op)
{
	uint32_t i;

	if (op->kind >= NPU_CPU_KINDS || !kernels[op->kind])
		return "no such operator";
	if (op->inputs < infos[op->kind].inputs_min ||
	    op->inputs > infos[op->kind].inputs_max)
		return "wrong number of inputs";
	if (op->attrs < infos[op->kind].attrs_min ||
	    op->attrs > infos[op->kind].attrs_max)
		return "wrong number of attributes";
	for (i = 0; i < infos[op->kind].inputs_min; i++)
		if (!op->in[i] && op->kind != NPU_CPU_LSTM &&
		    op->kind != NPU_CPU_SVDF)
			return "an input is missing";
	return kernels[op->kind]->check(op);
}

uint64_t cpu_op_scratch(const struct cpu_op *op)
{
	const struct cpu_kernel *kernel = kernels[op->kind];

	return kernel->scratch ? kernel->scratch(op) : 0;
}

const char *cpu_op_run(const struct cpu_op *op, void *scratch)
{
	return kernels[op->kind]->run(op, scratch);
}
