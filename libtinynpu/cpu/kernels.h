/* SPDX-License-Identifier: MIT */
/*
 * What the kernels share: the functions behind the table of op.c, and small
 * helpers on tensors. Private to libtinynpu/cpu.
 */
#ifndef TINYNPU_CPU_KERNELS_H
#define TINYNPU_CPU_KERNELS_H

#include "cpu.h"

#include <stdbool.h>

#define MAX_RANK NPU_PROGRAM_MAX_RANK

/*
 * One operator: @check says why it can't run or NULL, @scratch what memory it
 * needs (NULL: none), @run computes.
 */
struct cpu_kernel {
	const char *(*check)(const struct cpu_op *op);
	uint64_t (*scratch)(const struct cpu_op *op);
	const char *(*run)(const struct cpu_op *op, void *scratch);
};

extern const struct cpu_kernel cpu_quantize, cpu_dequantize, cpu_cast,
	cpu_dynamic_quantize;				/* convert.c */
extern const struct cpu_kernel cpu_unary;		/* unary.c */
extern const struct cpu_kernel cpu_binary, cpu_select;	/* binary.c */
extern const struct cpu_kernel cpu_reshape, cpu_transpose, cpu_concatenation,
	cpu_slice, cpu_pad, cpu_tile, cpu_space_to_depth, cpu_depth_to_space,
	cpu_space_to_batch, cpu_batch_to_space;		/* move.c */
extern const struct cpu_kernel cpu_gather, cpu_gather_nd, cpu_scatter_nd,
	cpu_one_hot;					/* gather.c */
extern const struct cpu_kernel cpu_topk, cpu_arg, cpu_cumsum; /* order.c */
extern const struct cpu_kernel cpu_resize;		/* resize.c */
extern const struct cpu_kernel cpu_reduce;		/* reduce.c */
extern const struct cpu_kernel cpu_pool;		/* pool.c */
extern const struct cpu_kernel cpu_conv, cpu_depthwise_conv,
	cpu_transpose_conv;				/* conv.c */
extern const struct cpu_kernel cpu_matmul;		/* matmul.c */
extern const struct cpu_kernel cpu_conv_integer,
	cpu_matmul_integer;				/* integer.c */
extern const struct cpu_kernel cpu_softmax, cpu_l2_normalization,
	cpu_layer_norm;					/* norm.c */
extern const struct cpu_kernel cpu_lstm, cpu_svdf;	/* recurrent.c */
extern const struct cpu_kernel cpu_detection_postprocess; /* detection.c */
extern const struct cpu_kernel cpu_custom;		/* custom.c */
extern const struct cpu_kernel cpu_loop;		/* loop.c */

/* --- Tensors --------------------------------------------------------------- */

static inline bool is_type(const struct cpu_tensor *t, uint32_t dtype)
{
	return t->dtype == dtype;
}

static inline bool is_float(const struct cpu_tensor *t)
{
	return t->dtype == NPU_DTYPE_FLOAT32;
}

static inline bool is_integer(const struct cpu_tensor *t)
{
	return t->dtype != NPU_DTYPE_FLOAT32 && t->dtype != NPU_DTYPE_BOOL;
}

/* What scales and zero points may give a meaning: 32 bits at most. */
static inline bool is_quantisable(const struct cpu_tensor *t)
{
	return is_integer(t) && t->dtype != NPU_DTYPE_INT64;
}

/* int8 or uint8 */
static inline bool is_byte(const struct cpu_tensor *t)
{
	return t->dtype == NPU_DTYPE_INT8 || t->dtype == NPU_DTYPE_UINT8;
}

static inline bool is_same_shape(const struct cpu_tensor *a,
				 const struct cpu_tensor *b)
{
	uint32_t i;

	if (a->rank != b->rank)
		return false;
	for (i = 0; i < a->rank; i++)
		if (a->shape[i] != b->shape[i])
			return false;
	return true;
}

/* Input @index, or NULL if it is left out. */
static inline const struct cpu_tensor *input(const struct cpu_op *op,
					     uint32_t index)
{
	return index < op->inputs ? op->in[index] : NULL;
}

/* Its floats, or NULL. */
static inline const float *floats(const struct cpu_op *op, uint32_t index)
{
	const struct cpu_tensor *t = input(op, index);

	return t ? t->data : NULL;
}

/* Elements before, of and behind dimension @axis. */
struct cpu_axis {
	uint64_t outer, length, inner;
};

static inline struct cpu_axis axis_of(const struct cpu_tensor *t,
				      uint32_t axis)
{
	struct cpu_axis a = { 1, t->shape[axis], 1 };
	uint32_t i;

	for (i = 0; i < t->rank; i++) {
		if (i < axis)
			a.outer *= t->shape[i];
		if (i > axis)
			a.inner *= t->shape[i];
	}
	return a;
}

static inline bool is_axis(const struct cpu_tensor *t, int32_t axis)
{
	return axis >= 0 && (uint32_t)axis < t->rank;
}

/* Smaller and larger values become the bounds; what is no number stays. */
static inline float clamp(float x, float low, float high)
{
	return x < low ? low : x > high ? high : x;
}

static inline bool are_bounds(union cpu_word low, union cpu_word high)
{
	return low.f <= high.f;
}

/* Integers of any type, bool as 0 and 1. */
int64_t cpu_load(const struct cpu_tensor *t, uint64_t index);
void cpu_store(const struct cpu_tensor *t, uint64_t index, int64_t value);
void cpu_type_range(uint32_t dtype, int64_t *low, int64_t *high);

/* --- Strides --------------------------------------------------------------- */

/* A walk over @shape, the last dimension innermost, with element offsets in
 * up to three operands at the side. */
#define WALK_OPERANDS 3

struct cpu_walk {
	uint32_t rank;
	uint32_t shape[MAX_RANK];
	uint32_t index[MAX_RANK];
	int64_t stride[WALK_OPERANDS][MAX_RANK];
	int64_t at[WALK_OPERANDS];
};

/* Strides, in elements, with which @t is read as a tensor of @out's shape: 0
 * where it is repeated. False if it can't be. */
bool cpu_broadcast_strides(const struct cpu_tensor *t,
			   const struct cpu_tensor *out,
			   int64_t stride[MAX_RANK]);

void cpu_walk_init(struct cpu_walk *walk, const struct cpu_tensor *shape);

/* To the next row, that is step of the dimension before the last. False at the
 * end. at[] then stands at the row's first element. */
bool cpu_walk_next_row(struct cpu_walk *walk);

/* Length of a row, and the stride of operand @operand in it. */
static inline uint32_t walk_row(const struct cpu_walk *walk)
{
	return walk->rank ? walk->shape[walk->rank - 1] : 1;
}

static inline int64_t walk_stride(const struct cpu_walk *walk, int operand)
{
	return walk->rank ? walk->stride[operand][walk->rank - 1] : 0;
}

/* --- Windows --------------------------------------------------------------- */

/* A window that moves over NHWC tensors. */
struct cpu_window {
	int64_t batch, in_h, in_w, in_c;
	int64_t out_h, out_w, out_c;
	int64_t h, w;
	int64_t stride_h, stride_w;
	int64_t dilation_h, dilation_w;
	int64_t pad_top, pad_left;
};

/* Sizes of both tensors; the six attributes from @attr on: stride, dilation and
 * padding, height before width. NULL, or what is wrong. */
const char *cpu_window_init(struct cpu_window *window,
			    const struct cpu_tensor *in,
			    const struct cpu_tensor *out,
			    const union cpu_word *attr);

/* --- Products -------------------------------------------------------------- */

#define CPU_PANEL 8 /* columns of a product that are computed side by side */

/*
 * out[m][n] = clamp(sum over k of a[m][k] x b[n][k] + bias[n]). Elements are at
 * m x a_row + k x a_depth, n x b_column + k x b_depth, and m x out_row + n.
 */
struct cpu_product {
	const float *a, *b;
	const float *bias; /* or NULL */
	float *out;
	int64_t rows, columns, depth;
	int64_t a_row, a_depth;
	int64_t b_column, b_depth;
	int64_t out_row;
	float low, high;
};

/* @panel: CPU_PANEL x depth floats. */
void cpu_product(const struct cpu_product *p, float *panel);

#endif
