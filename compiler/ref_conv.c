// SPDX-License-Identifier: MIT
/*
 * The reference executor's operators that multiply with weights. Sums are exact
 * in 64 bits; where TensorFlow Lite Micro has 32, the low ones count. Called by
 * ref.c.
 */
#include <math.h>
#include <string.h>

#include "ref.h"

/* What all sums of an operator have in common. */
struct product {
	struct tnc *c;
	const struct tnc_op *op;
	const struct tnc_tensor *in;
	const struct tnc_tensor *weights;
	const struct tnc_tensor *out;
	const int8_t *value;	/* of the input, whatever its type is */
	const int8_t *w;
	const struct tnc_factor *factor;
	bool is_wide;		/* 64 bits count */
	bool is_float;		/* factors are */
	int in_zero, out_zero;
	int min, max;
};

static struct product product_of(struct tnc *c, struct tnc_op *op)
{
	struct product p = {
		.c = c,
		.op = op,
		.in = tnc_op_input(c, op, 0),
		.weights = tnc_op_input(c, op, 1),
		.out = tnc_op_output(c, op),
		.value = tnc_ref_value(c, op->input[0]),
		.w = tnc_ref_value(c, op->input[1]),
		.is_wide = tnc_op_is_wide(c, op),
		.is_float = op->mode & TNC_MODE_ONNX,
	};

	p.in_zero = p.in->quant.zero_point[0];
	if (p.out->type == TNC_INT32)
		return p;
	p.factor = tnc_ref_factors(c, op);
	p.out_zero = p.out->quant.zero_point[0];
	tnc_op_clamp(c, op, &p.min, &p.max);
	return p;
}

static int32_t in_at(const struct product *p, int64_t index)
{
	int16_t x;

	if (p->in->type == TNC_INT8)
		return p->value[index];
	memcpy(&x, p->value + index * 2, 2);
	return x;
}

static int weight_zero(const struct product *p, int channel)
{
	const struct tnc_quant *q = &p->weights->quant;

	return q->zero_point[q->count > 1 ? channel : 0];
}

/* Bias of a channel, 0 when there is none. */
static int64_t bias_of(const struct product *p, int channel)
{
	const struct tnc_tensor *bias = tnc_op_input(p->c, p->op, 2);
	int32_t narrow;
	int64_t wide;

	if (!bias)
		return 0;
	if (bias->type == TNC_INT64) {
		memcpy(&wide, bias->data + (size_t)channel * 8, 8);
		return wide;
	}
	memcpy(&narrow, bias->data + (size_t)channel * 4, 4);
	return narrow;
}

/* @count elements, of the input from @at on. */
static int64_t dot(const struct product *p, int64_t at, const int8_t *w,
		   int count, int w_zero)
{
	const int8_t *in = p->value + at;
	int64_t sum = 0;

	if (p->in->type != TNC_INT8) {
		for (int i = 0; i < count; i++)
			sum += (int64_t)(in_at(p, at + i) - p->in_zero) *
			       (w[i] - w_zero);
		return sum;
	}
	while (count > 0) {
		/* Short enough that the partial sum cannot overflow. */
		int part = count < 32768 ? count : 32768;
		int32_t partial = 0;

		for (int i = 0; i < part; i++)
			partial += (in[i] - p->in_zero) * (w[i] - w_zero);
		sum += partial;
		in += part;
		w += part;
		count -= part;
	}
	return sum;
}

/* As ONNX Runtime does it: in float32, rounded half to even. */
static int32_t scale_float(const struct product *p, int32_t sum,
			   struct tnc_factor factor)
{
	float f, v;

	memcpy(&f, &factor.multiplier, sizeof(f));
	v = (float)sum * f;
	v = fmaxf(v, (float)(p->min - p->out_zero));
	v = fminf(v, (float)(p->max - p->out_zero));
	return (int32_t)nearbyintf(v) + p->out_zero;
}

static void put(const struct product *p, int64_t index, int channel,
		int64_t sum)
{
	int64_t x = (int32_t)sum;
	struct tnc_factor factor;
	int32_t whole = x;
	int16_t word;

	if (p->out->type == TNC_INT32) {
		memcpy(p->out->value + index * 4, &whole, 4);
		return;
	}
	factor = p->factor[tnc_op_factor_count(p->c, p->op) > 1 ? channel : 0];
	if (p->is_float)
		x = scale_float(p, (int32_t)x, factor);
	else if (p->is_wide)
		x = (int64_t)ref_scale_wide(sum, factor) + p->out_zero;
	else
		x = (int64_t)ref_scale((int32_t)x, factor) + p->out_zero;
	word = x < p->min ? p->min : x > p->max ? p->max : x;
	if (p->out->type == TNC_INT8)
		p->out->value[index] = (uint8_t)word;
	else
		memcpy(p->out->value + index * 2, &word, 2);
}

void tnc_ref_conv(struct tnc *c, struct tnc_op *op)
{
	struct ref_window w = tnc_ref_window(c, op);
	struct product p = product_of(c, op);
	int cells = w.size.h * w.size.w;
	int64_t index = 0;

	for (int oy = 0; oy < w.out_h; oy++)
	for (int ox = 0; ox < w.out_w; ox++)
	for (int oc = 0; oc < w.out_c; oc++) {
		const int8_t *filter = p.w + (int64_t)oc * cells * w.in_c;
		int w_zero = weight_zero(&p, oc);
		int64_t sum = bias_of(&p, oc);

		for (int k = 0; k < cells; k++) {
			int64_t in = ref_cell(&w, oy, ox, k / w.size.w,
					      k % w.size.w);

			if (in >= 0)
				sum += dot(&p, in * w.in_c,
					   filter + (int64_t)k * w.in_c,
					   w.in_c, w_zero);
		}
		put(&p, index++, oc, sum);
	}
}

void tnc_ref_depthwise(struct tnc *c, struct tnc_op *op)
{
	struct ref_window w = tnc_ref_window(c, op);
	struct product p = product_of(c, op);
	int cells = w.size.h * w.size.w;
	int multiplier = w.out_c / w.in_c;
	int64_t index = 0;

	for (int oy = 0; oy < w.out_h; oy++)
	for (int ox = 0; ox < w.out_w; ox++)
	for (int oc = 0; oc < w.out_c; oc++) {
		int w_zero = weight_zero(&p, oc);
		int64_t sum = bias_of(&p, oc);

		for (int k = 0; k < cells; k++) {
			int64_t in = ref_cell(&w, oy, ox, k / w.size.w,
					      k % w.size.w);

			if (in >= 0)
				sum += (in_at(&p, in * w.in_c +
						  oc / multiplier) -
					p.in_zero) *
				       (p.w[(int64_t)k * w.out_c + oc] -
					w_zero);
		}
		put(&p, index++, oc, sum);
	}
}

void tnc_ref_fully_connected(struct tnc *c, struct tnc_op *op)
{
	struct product p = product_of(c, op);
	int channels = p.weights->shape[0], depth = p.weights->shape[1];
	int64_t rows = tnc_tensor_elements(p.in) / depth;

	for (int64_t row = 0; row < rows; row++)
	for (int oc = 0; oc < channels; oc++)
		put(&p, row * channels + oc, oc,
		    bias_of(&p, oc) + dot(&p, row * depth,
					  p.w + (int64_t)oc * depth, depth,
					  weight_zero(&p, oc)));
}

/* Sums that each input element adds to, as far as its taps lie in the output. */
static void scatter(const struct product *p, int64_t in, int y, int x,
		    struct tnc_hw size, int64_t *sum)
{
	int out_h = p->out->shape[1], out_w = p->out->shape[2];
	int out_c = p->out->shape[3], in_c = p->in->shape[3];

	for (int ky = 0; ky < size.h; ky++)
	for (int kx = 0; kx < size.w; kx++) {
		int oy = y + ky, ox = x + kx;

		if (oy < 0 || oy >= out_h || ox < 0 || ox >= out_w)
			continue;
		for (int oc = 0; oc < out_c; oc++)
			sum[((int64_t)oy * out_w + ox) * out_c + oc] +=
				dot(p, in * in_c,
				    p->w + (((int64_t)oc * size.h + ky) *
						    size.w + kx) * in_c,
				    in_c, weight_zero(p, oc));
	}
}

void tnc_ref_transpose_conv(struct tnc *c, struct tnc_op *op)
{
	struct tnc_arena_mark mark;
	struct product p = product_of(c, op);
	int64_t elements = tnc_tensor_elements(p.out);
	struct tnc_hw size = tnc_op_window(c, op);
	struct tnc_pads pads = tnc_op_pads(c, op);
	int channels = p.out->shape[3];
	int64_t *sum;

	mark = tnc_arena_mark(c->arena);
	sum = tnc_alloc(c, elements, sizeof(*sum));
	for (int y = 0; y < p.in->shape[1]; y++)
	for (int x = 0; x < p.in->shape[2]; x++)
		scatter(&p, (int64_t)y * p.in->shape[2] + x,
			y * op->stride.h - pads.top,
			x * op->stride.w - pads.left, size, sum);
	for (int64_t i = 0; i < elements; i++)
		put(&p, i, i % channels,
		    sum[i] + bias_of(&p, i % channels));
	tnc_arena_rewind(c->arena, mark);
}

/* Of a matrix, which may have int16. */
static int32_t weight_at(const struct product *p, int64_t index)
{
	int16_t x;

	if (p->weights->type == TNC_INT8)
		return p->w[index];
	memcpy(&x, p->w + index * 2, 2);
	return x;
}

/* One product: matrices begin at elements @a, @b and @out. */
static void multiply(const struct product *p, const struct tnc_matmul *s,
		     int64_t a, int64_t b, int64_t out)
{
	bool adjoint_a = p->op->mode & TNC_MODE_ADJOINT_A;
	bool adjoint_b = p->op->mode & TNC_MODE_ADJOINT_B;
	int b_zero = weight_zero(p, 0);

	for (int64_t m = 0; m < s->m; m++)
	for (int64_t n = 0; n < s->n; n++) {
		int64_t sum = bias_of(p, n);

		for (int64_t k = 0; k < s->k; k++) {
			int64_t x = a + (adjoint_a ? k * s->m + m :
						     m * s->k + k);
			int64_t y = b + (adjoint_b ? n * s->k + k :
						     k * s->n + n);

			sum += (int64_t)(in_at(p, x) - p->in_zero) *
			       (weight_at(p, y) - b_zero);
		}
		put(p, out + m * s->n + n, n, sum);
	}
}

void tnc_ref_batch_matmul(struct tnc *c, struct tnc_op *op)
{
	struct product p = product_of(c, op);
	struct tnc_matmul s = tnc_matmul_of(c, op);
	int64_t batches = tnc_matmul_batches(&s);

	for (int64_t i = 0; i < batches; i++)
		multiply(&p, &s,
			 tnc_matmul_index(&s, s.a_dim, i) * s.m * s.k,
			 tnc_matmul_index(&s, s.b_dim, i) * s.k * s.n,
			 i * s.m * s.n);
}
