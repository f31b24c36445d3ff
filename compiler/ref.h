/* SPDX-License-Identifier: MIT */
/*
 * Integer arithmetic of the TensorFlow Lite Micro reference kernels, for the
 * reference executor. Private to ref*.c, but for dead.c, which has to know what a
 * channel without weights is.
 */
#ifndef TNC_REF_H
#define TNC_REF_H

#include "ir.h"

/* High half of twice the product, rounded half away from zero. */
static inline int32_t ref_multiply_high(int32_t a, int32_t b)
{
	int64_t product = (int64_t)a * b;
	int64_t nudge = product >= 0 ? 1 << 30 : 1 - (1 << 30);

	if (a == INT32_MIN && b == INT32_MIN)
		return INT32_MAX;
	return (product + nudge) / (INT64_C(1) << 31);
}

/* x / 2^shift, rounded half away from zero; shift 0..31. */
static inline int32_t ref_shift_right(int32_t x, int shift)
{
	int64_t mask = (INT64_C(1) << shift) - 1;
	int64_t rest = x & mask;
	int64_t threshold = (mask >> 1) + (x < 0);

	return (int32_t)((int64_t)x >> shift) + (rest > threshold);
}

/* x * factor, rounded twice. */
static inline int32_t ref_scale(int32_t x, struct tnc_factor factor)
{
	int left = factor.shift > 0 ? factor.shift : 0;
	int right = factor.shift < 0 ? -factor.shift : 0;
	int32_t shifted = (uint32_t)x << left;

	return ref_shift_right(ref_multiply_high(shifted, factor.multiplier),
			       right);
}

/* As TensorFlow Lite does it where sums have 64 bits: with 16 of the factor's. */
static inline int32_t ref_scale_wide(int64_t sum, struct tnc_factor factor)
{
	int64_t reduced = factor.multiplier < 0x7fff0000 ?
				  (factor.multiplier + (1 << 15)) >> 16 :
				  0x7fff;
	int shift = 15 - factor.shift;
	uint64_t half = UINT64_C(1) << (shift - 1);

	return (int32_t)((int64_t)((uint64_t)sum * reduced + half) >> shift);
}

static inline int32_t ref_clamp(int32_t x, int32_t min, int32_t max)
{
	return x < min ? min : x > max ? max : x;
}

static inline int8_t ref_requantise(uint32_t sum, struct tnc_factor factor,
				    int zero, int min, int max)
{
	int64_t scaled = (int64_t)ref_scale((int32_t)sum, factor) + zero;

	return scaled < min ? min : scaled > max ? max : scaled;
}

/* A windowed operator's shapes and attributes, computed once. */
struct ref_window {
	int in_h, in_w, in_c;
	int out_h, out_w, out_c;
	struct tnc_hw size;
	struct tnc_hw stride;
	struct tnc_hw dilation;
	struct tnc_pads pads;
};

/* The input pixel that window cell (ky, kx) covers, or -1 in the padding. */
static inline int64_t ref_cell(const struct ref_window *w, int oy, int ox,
			       int ky, int kx)
{
	int y = oy * w->stride.h - w->pads.top + ky * w->dilation.h;
	int x = ox * w->stride.w - w->pads.left + kx * w->dilation.w;

	if (y < 0 || y >= w->in_h || x < 0 || x >= w->in_w)
		return -1;
	return (int64_t)y * w->in_w + x;
}

/* ref.c */
struct ref_window tnc_ref_window(const struct tnc *c, const struct tnc_op *op);
const int8_t *tnc_ref_value(const struct tnc *c, int id);
const struct tnc_factor *tnc_ref_factors(struct tnc *c, struct tnc_op *op);

/* ref_binary.c */
void tnc_ref_binary(struct tnc *c, struct tnc_op *op);

/* ref_conv.c */
void tnc_ref_conv(struct tnc *c, struct tnc_op *op);
void tnc_ref_depthwise(struct tnc *c, struct tnc_op *op);
void tnc_ref_transpose_conv(struct tnc *c, struct tnc_op *op);
void tnc_ref_fully_connected(struct tnc *c, struct tnc_op *op);
void tnc_ref_batch_matmul(struct tnc *c, struct tnc_op *op);

/* ref_move.c */
void tnc_ref_move(struct tnc *c, struct tnc_op *op);
void tnc_ref_gather(struct tnc *c, struct tnc_op *op);
void tnc_ref_concatenation(struct tnc *c, struct tnc_op *op);

/* ref_sequence.c */
void tnc_ref_lstm(struct tnc *c, struct tnc_op *op);
void tnc_ref_lstm_cell(struct tnc *c, struct tnc_op *op);
void tnc_ref_svdf(struct tnc *c, struct tnc_op *op);
void tnc_ref_svdf_state(struct tnc *c, struct tnc_op *op);

/* ref_view.c */
void tnc_ref_read_views(struct tnc *c, const struct tnc_op *op);
void tnc_ref_write_view(struct tnc *c, const struct tnc_op *op);

/* ref_elementwise.c, ref_unary.c */
void tnc_ref_elementwise(struct tnc *c, struct tnc_op *op);
void tnc_ref_unary(struct tnc *c, struct tnc_op *op);

/* ref_rows.c */
struct tnc_ref_log_softmax {
	struct tnc_factor scale;	/* of differences, to Q5.26 */
	struct tnc_factor reverse;	/* back */
	int diff_min;
};

struct tnc_ref_log_softmax tnc_ref_log_softmax_of(const struct tnc_tensor *in);
void tnc_ref_lines(float in_scale, int in_zero, float out_scale,
		   float (*f)(float x), int16_t table[513]);
int tnc_ref_look_up(int x, const int16_t *table);
void tnc_ref_softmax_tables(int16_t exps[513], int16_t inverses[513]);
void tnc_ref_rows(struct tnc *c, struct tnc_op *op);
void tnc_ref_reduce(struct tnc *c, struct tnc_op *op);
void tnc_ref_arg(struct tnc *c, struct tnc_op *op);

/* ref_resize.c */
void tnc_ref_resize(struct tnc *c, struct tnc_op *op);

/* ref_fixed.c */
int32_t tnc_ref_shift_left(int32_t x, int shift);
int32_t tnc_ref_exp(int32_t a, int integer_bits);
int32_t tnc_ref_reciprocal(int32_t a);
int32_t tnc_ref_logistic(int32_t a);
int32_t tnc_ref_tanh(int32_t a);
int32_t tnc_ref_log(int32_t a);
struct tnc_factor tnc_ref_rsqrt(int32_t a);

/* ref_softmax.c */
void tnc_ref_softmax_row(const int8_t *in, int8_t *out, int count,
			 struct tnc_factor factor);

/* ref_onnx.c */
struct tnc_ref_onnx_sum {
	int offset;		/* added to a byte before it is one of the model */
	float ratio[2];		/* of the inputs */
	float fixed;
};

bool tnc_ref_onnx_is(const struct tnc *c, const struct tnc_op *op);
void tnc_ref_onnx_verify(struct tnc *c, const struct tnc_op *op);
void tnc_ref_onnx(struct tnc *c, const struct tnc_op *op);
void tnc_ref_onnx_table(struct tnc *c, const struct tnc_op *op,
			int8_t table[256]);
struct tnc_ref_onnx_sum tnc_ref_onnx_sum(const struct tnc *c,
					 const struct tnc_op *op);
float tnc_ref_onnx_mean_factor(const struct tnc *c, const struct tnc_op *op);

#endif
