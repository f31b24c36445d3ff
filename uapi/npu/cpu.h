/* SPDX-License-Identifier: MIT */
/*
 * Operators that a program has run on the CPU, by the library: what the machine
 * can't do. The compiler writes these records, the library checks them once and
 * runs them between the jobs of a program (npu/program.h: segments). What each
 * operator computes is said in the manual, section 12.
 */
#ifndef NPU_CPU_H
#define NPU_CPU_H

#include <npu/types.h>

#define NPU_SECTION_CPU_OPS ".npu.cpu_ops" /* struct npu_cpu_op[] */
#define NPU_SECTION_CPU_TENSORS ".npu.cpu_tensors" /* struct npu_cpu_tensor[] */
#define NPU_SECTION_CPU_WORDS ".npu.cpu_words" /* npu_le32[]: lists of both */
#define NPU_SECTION_LOOPS ".npu.loops" /* struct npu_loop[]; optional */
#define NPU_SECTION_LOOP_PROGRAMS ".npu.loop_programs" /* bytes: see there */

#define NPU_CPU_MAX_OPS (1u << 20)
#define NPU_CPU_MAX_TENSORS (1u << 20)
#define NPU_CPU_MAX_INPUTS 1024
#define NPU_CPU_MAX_LOOPS 256
#define NPU_CPU_MAX_LOOP_DEPTH 8 /* of loops within loops */
#define NPU_CPU_MAX_TURNS (1u << 16) /* of all loops in a run */
#define NPU_CPU_MAX_WORK (1ull << 40) /* elementary steps of one operator */
#define NPU_CPU_ABSENT 0xffffffffu /* index of an input that is left out */

/*
 * The one list of operators: name, number, fewest and most inputs, fewest and
 * most words of attributes. Numbers are never used again for another one.
 */
#define NPU_CPU_OPS(X) \
	X(QUANTIZE, 1, 1, 3, 2, 2) \
	X(DEQUANTIZE, 2, 1, 3, 1, 1) \
	X(CAST, 3, 1, 1, 0, 0) \
	X(DYNAMIC_QUANTIZE, 4, 1, 1, 1, 1) \
	X(UNARY, 5, 1, 1, 3, 3) \
	X(BINARY, 6, 2, 2, 3, 3) \
	X(SELECT, 7, 3, 3, 0, 0) \
	X(RESHAPE, 8, 1, 1, 0, 0) \
	X(TRANSPOSE, 9, 1, 1, 0, 8) \
	X(CONCATENATION, 10, 1, NPU_CPU_MAX_INPUTS, 1, 1) \
	X(SLICE, 11, 1, 1, 0, 16) \
	X(PAD, 12, 1, 2, 1, 9) \
	X(TILE, 13, 1, 1, 0, 0) \
	X(GATHER, 14, 2, 2, 2, 2) \
	X(GATHER_ND, 15, 2, 2, 1, 1) \
	X(SPACE_TO_DEPTH, 16, 1, 1, 1, 1) \
	X(DEPTH_TO_SPACE, 17, 1, 1, 2, 2) \
	X(SPACE_TO_BATCH, 18, 1, 2, 4, 4) \
	X(BATCH_TO_SPACE, 19, 1, 1, 4, 4) \
	X(ONE_HOT, 20, 3, 3, 1, 1) \
	X(TOPK, 21, 1, 1, 3, 3) \
	X(CUMSUM, 22, 1, 1, 3, 3) \
	X(RESIZE, 23, 1, 1, 5, 5) \
	X(REDUCE, 24, 1, 1, 2, 2) \
	X(ARG, 25, 1, 1, 3, 3) \
	X(POOL, 26, 1, 1, 13, 13) \
	X(CONV, 27, 2, 3, 9, 9) \
	X(DEPTHWISE_CONV, 28, 2, 3, 8, 8) \
	X(TRANSPOSE_CONV, 29, 2, 3, 6, 6) \
	X(MATMUL, 30, 2, 3, 4, 4) \
	X(CONV_INTEGER, 31, 2, 9, 7, 7) \
	X(MATMUL_INTEGER, 32, 2, 8, 0, 0) \
	X(SOFTMAX, 33, 1, 1, 3, 3) \
	X(L2_NORMALIZATION, 34, 1, 1, 1, 1) \
	X(LAYER_NORM, 35, 1, 3, 2, 2) \
	X(LSTM, 36, 20, 20, 3, 3) \
	X(SVDF, 37, 5, 5, 4, 4) \
	X(DETECTION_POSTPROCESS, 38, 3, 3, 12, 12) \
	X(SCATTER_ND, 39, 2, 2, 0, 0) \
	X(CUSTOM, 40, 0, NPU_CPU_MAX_INPUTS, NPU_CPU_CUSTOM_WORDS, 1u << 16) \
	X(LOOP, 41, 1, NPU_CPU_MAX_INPUTS, NPU_CPU_LOOP_WORDS, \
	  NPU_CPU_LOOP_WORDS)

/*
 * Attributes of CUSTOM: which of its outputs this is, how many it has, bytes of its
 * name, bytes of its options; then the name, then the options, each filled up with
 * zeros to whole words.
 */
enum npu_cpu_custom {
	NPU_CPU_CUSTOM_RESULT,
	NPU_CPU_CUSTOM_RESULTS,
	NPU_CPU_CUSTOM_NAME_SIZE,
	NPU_CPU_CUSTOM_OPTIONS_SIZE,
	NPU_CPU_CUSTOM_WORDS
};

#define NPU_CPU_CUSTOM_MAX_RESULTS 256

/* Attributes of LOOP: index in NPU_SECTION_LOOPS, which of its results this is. */
enum npu_cpu_loop {
	NPU_CPU_LOOP_NUMBER,
	NPU_CPU_LOOP_RESULT,
	NPU_CPU_LOOP_WORDS
};

enum npu_cpu_kind {
#define X(name, number, least, most, words_least, words_most) \
	NPU_CPU_##name = number,
	NPU_CPU_OPS(X)
#undef X
	NPU_CPU_KINDS
};

enum npu_cpu_rounding {
	NPU_CPU_HALF_AWAY, /* TensorFlow Lite */
	NPU_CPU_HALF_EVEN, /* ONNX */
};

/* What UNARY computes: name, number of parameters, see the manual. */
#define NPU_CPU_UNARIES(X) \
	X(CLAMP, 2) \
	X(LEAKY_RELU, 1) \
	X(ELU, 1) \
	X(SELU, 2) \
	X(CELU, 1) \
	X(THRESHOLDED_RELU, 1) \
	X(HARD_SWISH, 0) \
	X(HARD_SIGMOID, 2) \
	X(LOGISTIC, 0) \
	X(SILU, 0) \
	X(MISH, 0) \
	X(TANH, 0) \
	X(GELU, 0) \
	X(GELU_TANH, 0) \
	X(SOFTPLUS, 0) \
	X(SOFTSIGN, 0) \
	X(ERF, 0) \
	X(EXP, 0) \
	X(LOG, 0) \
	X(SQRT, 0) \
	X(RSQRT, 0) \
	X(RECIPROCAL, 0) \
	X(SQUARE, 0) \
	X(ABS, 0) \
	X(NEG, 0) \
	X(SIGN, 0) \
	X(SIN, 0) \
	X(COS, 0) \
	X(TAN, 0) \
	X(ASIN, 0) \
	X(ACOS, 0) \
	X(ATAN, 0) \
	X(SINH, 0) \
	X(COSH, 0) \
	X(ASINH, 0) \
	X(ACOSH, 0) \
	X(ATANH, 0) \
	X(FLOOR, 0) \
	X(CEIL, 0) \
	X(ROUND, 0) \
	X(TRUNC, 0) \
	X(NOT, 0)

enum npu_cpu_unary {
#define X(name, parameters) NPU_CPU_##name,
	NPU_CPU_UNARIES(X)
#undef X
	NPU_CPU_UNARY_COUNT
};

/* What BINARY computes. From EQUAL on the result is bool. */
enum npu_cpu_binary {
	NPU_CPU_ADD,
	NPU_CPU_SUB,
	NPU_CPU_MUL,
	NPU_CPU_DIV,
	NPU_CPU_POW,
	NPU_CPU_MAXIMUM,
	NPU_CPU_MINIMUM,
	NPU_CPU_SQUARED_DIFFERENCE,
	NPU_CPU_FLOOR_DIV,
	NPU_CPU_FLOOR_MOD,
	NPU_CPU_TRUNC_MOD,
	NPU_CPU_PRELU,
	NPU_CPU_EQUAL,
	NPU_CPU_NOT_EQUAL,
	NPU_CPU_LESS,
	NPU_CPU_LESS_EQUAL,
	NPU_CPU_GREATER,
	NPU_CPU_GREATER_EQUAL,
	NPU_CPU_AND,
	NPU_CPU_OR,
	NPU_CPU_XOR,
	NPU_CPU_BINARY_COUNT
};

enum npu_cpu_pad {
	NPU_CPU_PAD_CONSTANT,
	NPU_CPU_PAD_REFLECT,
	NPU_CPU_PAD_SYMMETRIC,
	NPU_CPU_PAD_EDGE,
	NPU_CPU_PAD_COUNT
};

enum npu_cpu_reduction {
	NPU_CPU_REDUCE_SUM,
	NPU_CPU_REDUCE_MEAN,
	NPU_CPU_REDUCE_PROD,
	NPU_CPU_REDUCE_MAX,
	NPU_CPU_REDUCE_MIN,
	NPU_CPU_REDUCE_ANY,
	NPU_CPU_REDUCE_ALL,
	NPU_CPU_REDUCE_L1,
	NPU_CPU_REDUCE_L2,
	NPU_CPU_REDUCE_SUM_SQUARE,
	NPU_CPU_REDUCE_LOG_SUM,
	NPU_CPU_REDUCE_LOG_SUM_EXP,
	NPU_CPU_REDUCE_COUNT
};

enum npu_cpu_pool {
	NPU_CPU_POOL_AVERAGE,
	NPU_CPU_POOL_AVERAGE_PADDED, /* cells of the padding count as zeros */
	NPU_CPU_POOL_MAX,
	NPU_CPU_POOL_L2,
	NPU_CPU_POOL_COUNT
};

enum npu_cpu_resize {
	NPU_CPU_RESIZE_NEAREST,
	NPU_CPU_RESIZE_BILINEAR,
	NPU_CPU_RESIZE_COUNT
};

/* Which place of the input an output's index stands for. */
enum npu_cpu_coordinate {
	NPU_CPU_ASYMMETRIC,
	NPU_CPU_HALF_PIXEL,
	NPU_CPU_PYTORCH_HALF_PIXEL, /* 0 for a length of 1 */
	NPU_CPU_ALIGN_CORNERS,
	NPU_CPU_TFLITE_HALF_PIXEL, /* nearest: not moved back by a half */
	NPU_CPU_COORDINATE_COUNT
};

enum npu_cpu_nearest {
	NPU_CPU_NEAREST_FLOOR,
	NPU_CPU_NEAREST_CEIL,
	NPU_CPU_NEAREST_PREFER_FLOOR,
	NPU_CPU_NEAREST_PREFER_CEIL, /* half up */
	NPU_CPU_NEAREST_COUNT
};

/**
 * struct npu_cpu_tensor - an operand
 * @dtype: enum npu_program_dtype
 * @rank: 0..NPU_PROGRAM_MAX_RANK
 * @shape: outermost first, each at least 1; elements lie dense
 * @region: NPU_REGION_*, as of the program's jobs
 * @offset: in the region, a multiple of the element's size
 * @quants: 0 (no quantisation), 1, or the length of dimension @quant_axis
 * @quant: index in NPU_SECTION_CPU_WORDS: @quants scales (float), then as many
 *	zero points
 * @quant_axis: of the channels, if @quants is more than 1
 */
struct npu_cpu_tensor {
	npu_le16 dtype;
	npu_le16 rank;
	npu_le32 shape[8];
	npu_le32 region;
	npu_le64 offset;
	npu_le32 quants;
	npu_le32 quant;
	npu_le32 quant_axis;
	npu_le32 reserved;
};

NPU_ASSERT_SIZE(struct npu_cpu_tensor, 64);

/**
 * struct npu_cpu_op - an operator
 * @kind: enum npu_cpu_kind
 * @inputs: how many, absent ones in between included
 * @attrs: words of attributes
 * @first: index in NPU_SECTION_CPU_WORDS: the output's index in
 *	NPU_SECTION_CPU_TENSORS, those of the inputs, the attributes
 * @layer: index in NPU_SECTION_LAYERS
 */
struct npu_cpu_op {
	npu_le16 kind;
	npu_le16 inputs;
	npu_le32 attrs;
	npu_le32 first;
	npu_le32 layer;
};

NPU_ASSERT_SIZE(struct npu_cpu_op, 16);

enum npu_loop_part { NPU_LOOP_CONDITION, NPU_LOOP_BODY, NPU_LOOP_PARTS };

/**
 * struct npu_loop - a loop whose end depends on what it computes
 * @offset: of each part's program (npu/program.h) in NPU_SECTION_LOOP_PROGRAMS
 * @size: its bytes
 *
 * Both parts have the loop's values as inputs. The condition has one output, a
 * bool; the body has as many outputs as inputs, of the same types and sizes.
 */
struct npu_loop {
	npu_le64 offset[NPU_LOOP_PARTS];
	npu_le64 size[NPU_LOOP_PARTS];
};

NPU_ASSERT_SIZE(struct npu_loop, 32);

#endif
