// SPDX-License-Identifier: MIT
/*
 * The reference executor's arithmetic on bytes as ONNX Runtime has it, for operators
 * of mode "onnx" that are no sums of products: float32, rounded once, half to even.
 * The order of operations is part of it. Called by ref.c; what they need of their
 * tensors is checked here as well, for the verifier.
 */
#include <errno.h>
#include <math.h>

#include "cpu.h"
#include "ref.h"
#include "verify.h"

#define BYTES 256

static bool is_byte(const struct tnc_tensor *t)
{
	return t && (t->type == TNC_INT8 || t->type == TNC_UINT8);
}

static bool is_unary(const struct tnc_op *op)
{
	return op->inputs == 1 && (op->kind == TNC_QUANTIZE ||
				   tnc_cpu_is_function(op->kind));
}

/* Is it one of these operators? */
bool tnc_ref_onnx_is(const struct tnc *c, const struct tnc_op *op)
{
	if (!(op->mode & TNC_MODE_ONNX) || !is_byte(tnc_op_output(c, op)))
		return false;
	for (int i = 0; i < op->inputs; i++)
		if (!is_byte(tnc_op_input(c, op, i)))
			return false;
	switch (op->kind) {
	case TNC_ADD:
	case TNC_SUB:
	case TNC_MUL:
	case TNC_DIV:
	case TNC_MAXIMUM:
	case TNC_MINIMUM:
	case TNC_MEAN:
		return true;
	default:
		return is_unary(op);
	}
}

/* --- What they need ------------------------------------------------------ */

static void need_scale(struct tnc *c, const struct tnc_tensor *t)
{
	tnc_place_tensor(c, t->id);
	if (t->quant.count != 1)
		tnc_error(c, -EINVAL, "has %d scales, needs 1",
			  t->quant.count);
	tnc_place_tensor(c, -1);
}

static void need_same_shape(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);

	tnc_need_rank(c, tnc_op_output(c, op), in->rank);
	for (int d = 0; d < in->rank; d++)
		tnc_need_size(c, tnc_op_output(c, op), d, in->shape[d]);
}

void tnc_ref_onnx_verify(struct tnc *c, const struct tnc_op *op)
{
	for (int i = 0; i < op->inputs; i++)
		need_scale(c, tnc_op_input(c, op, i));
	need_scale(c, tnc_op_output(c, op));
	if (tnc_op_is_binary(op))
		tnc_need_broadcast(c, op);
	else if (op->kind == TNC_MEAN)
		tnc_need_reduction(c, op);
	else
		need_same_shape(c, op);
}

/* --- Bytes ---------------------------------------------------------------- */

static int load(const struct tnc *c, const struct tnc_tensor *t, int64_t index)
{
	const int8_t *at = tnc_ref_value(c, t->id) + index;

	return t->type == TNC_UINT8 ? (uint8_t)*at : *at;
}

/* Steps of the output's scale, to its byte. */
static int8_t store(float steps, const struct tnc_tensor *t)
{
	int zero = t->quant.zero_point[0];
	float low = tnc_type_info[t->type].min - zero;
	float high = tnc_type_info[t->type].max - zero;

	if (!(steps > low))
		steps = low;
	if (!(steps < high))
		steps = high;
	return (int)rintf(steps) + zero;
}

/* --- One input: any function, by a table --------------------------------- */

/*
 * What becomes of each byte, from the least on: it is dequantised, the function
 * computed in float32, and the result quantised.
 */
void tnc_ref_onnx_table(struct tnc *c, const struct tnc_op *op,
			int8_t table[BYTES])
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int low = tnc_type_info[in->type].min;
	float real[BYTES], result[BYTES];
	union cpu_word words[TNC_CPU_WORDS] = { 0 };
	struct cpu_tensor reals = { .dtype = NPU_DTYPE_FLOAT32, .rank = 1,
				    .shape = { BYTES }, .elements = BYTES,
				    .data = real };
	const struct cpu_tensor *input = &reals;
	struct tnc_cpu_op cpu = {
		.op = { .inputs = 1, .out = &cpu.out, .in = &input,
			.attr = words },
		.attr = words,
		.in = &reals,
		.out = { .dtype = NPU_DTYPE_FLOAT32, .rank = 1,
			 .shape = { BYTES }, .elements = BYTES,
			 .data = result },
		.input = &input,
	};
	const char *bad = NULL;

	for (int i = 0; i < BYTES; i++) {
		real[i] = (float)(low + i - in->quant.zero_point[0]) *
			  in->quant.scale[0];
		result[i] = real[i];
	}
	if (op->kind != TNC_QUANTIZE) {
		bad = tnc_cpu_set(c, op, &cpu);
		bad = bad ? bad : cpu_op_check(&cpu.op);
		bad = bad ? bad : cpu_op_run(&cpu.op, NULL);
	}
	if (bad)
		tnc_error(c, -EOPNOTSUPP, "unsupported: %s", bad);
	for (int i = 0; i < BYTES; i++)
		table[i] = store(result[i] / out->quant.scale[0], out);
}

static void ref_unary(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int64_t elements = tnc_tensor_elements(in);
	int8_t table[BYTES];

	tnc_ref_onnx_table(c, op, table);
	for (int64_t i = 0; i < elements; i++)
		out->value[i] = table[load(c, in, i) -
				      tnc_type_info[in->type].min];
}

/* --- Two inputs ----------------------------------------------------------- */

/* Both inputs as the bytes that the model had. */
struct pair {
	int offset;		/* what int8 lack, where the model had uint8 */
	int zero[2];
	int out_zero;
	float scale[2];
	float out_scale;
};

static struct pair pair_of(const struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_quant *out = &tnc_op_output(c, op)->quant;
	struct pair p = {
		.offset = op->mode & TNC_MODE_UNSIGNED ? 128 : 0,
		.out_scale = out->scale[0],
	};

	p.out_zero = out->zero_point[0] + p.offset;
	for (int i = 0; i < 2; i++) {
		const struct tnc_quant *q = &tnc_op_input(c, op, i)->quant;

		p.zero[i] = q->zero_point[0] + p.offset;
		p.scale[i] = q->scale[0];
	}
	return p;
}

/* Two fused multiplications and additions to what does not depend on bytes. */
struct tnc_ref_onnx_sum tnc_ref_onnx_sum(const struct tnc *c,
					 const struct tnc_op *op)
{
	struct pair p = pair_of(c, op);
	struct tnc_ref_onnx_sum s = {
		.offset = p.offset,
		.ratio = { p.scale[0] / p.out_scale,
			   p.scale[1] / p.out_scale },
	};
	float zeros = fmaf(s.ratio[0], p.zero[0], s.ratio[1] * p.zero[1]);

	s.fixed = (float)p.out_zero - zeros;
	return s;
}

static float sum(const struct tnc_ref_onnx_sum *s, int a, int b)
{
	float part = fmaf(b + s->offset, s->ratio[1], s->fixed);

	return fmaf(a + s->offset, s->ratio[0], part);
}

/* Built without contraction: the product is rounded, then the sum. */
static float product(const struct pair *p, int a, int b)
{
	float ratio = p->scale[0] * p->scale[1] / p->out_scale;
	int exact = (a + p->offset - p->zero[0]) * (b + p->offset - p->zero[1]);

	return (float)exact * ratio + (float)p->out_zero;
}

/* A byte as the model has it, to one of the output's type. */
static int8_t finish(float real, int offset, const struct tnc_tensor *out)
{
	int low = tnc_type_info[out->type].min;
	int high = tnc_type_info[out->type].max;

	if (!(real > low + offset))
		return low;
	return real < high + offset ? (int)rintf(real) - offset : high;
}

/*
 * What ONNX Runtime has no operator on bytes for: both are dequantised, the result
 * is quantised. That of 0 / 0 is none, and becomes 0.
 */
static int8_t plain(const struct tnc *c, const struct tnc_op *op, int a, int b)
{
	const struct tnc_quant *left = &tnc_op_input(c, op, 0)->quant;
	const struct tnc_quant *right = &tnc_op_input(c, op, 1)->quant;
	const struct tnc_tensor *out = tnc_op_output(c, op);
	float x = (float)(a - left->zero_point[0]) * left->scale[0];
	float y = (float)(b - right->zero_point[0]) * right->scale[0];
	float real;

	switch (op->kind) {
	case TNC_SUB:
		real = x - y;
		break;
	case TNC_DIV:
		real = x / y;
		break;
	case TNC_MAXIMUM:
		real = x < y ? y : x;
		break;
	default:
		real = x < y ? x : y;
		break;
	}
	return store(isnan(real) ? 0 : real / out->quant.scale[0], out);
}

static int8_t combine(const struct tnc *c, const struct tnc_op *op, int a, int b)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	struct tnc_ref_onnx_sum s;
	struct pair p;

	switch (op->kind) {
	case TNC_ADD:
		s = tnc_ref_onnx_sum(c, op);
		return finish(sum(&s, a, b), s.offset, out);
	case TNC_MUL:
		p = pair_of(c, op);
		return finish(product(&p, a, b), p.offset, out);
	default:
		return plain(c, op, a, b);
	}
}

/* Element of input @index for the output's element at @at. */
static int element(const struct tnc *c, const struct tnc_op *op, int index,
		   const int *at)
{
	const struct tnc_tensor *t = tnc_op_input(c, op, index);
	int new = tnc_op_output(c, op)->rank - t->rank;
	int64_t i = 0;

	for (int d = 0; d < t->rank; d++)
		i = i * t->shape[d] + (t->shape[d] > 1 ? at[new + d] : 0);
	return load(c, t, i);
}

static void ref_binary(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int64_t elements = tnc_tensor_elements(out);
	int at[TNC_RANK_MAX] = { 0 };

	for (int64_t i = 0; i < elements; i++) {
		out->value[i] = combine(c, op, element(c, op, 0, at),
					element(c, op, 1, at));
		for (int d = out->rank - 1; d >= 0 && ++at[d] == out->shape[d];
		     d--)
			at[d] = 0;
	}
}

/* --- Averages ------------------------------------------------------------- */

/* The sum is exact, one factor scales it and divides by the count. */
float tnc_ref_onnx_mean_factor(const struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int64_t count = tnc_tensor_elements(in) / tnc_tensor_elements(out);

	return in->quant.scale[0] / (out->quant.scale[0] * (float)count);
}

static void ref_mean(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int64_t elements = tnc_tensor_elements(in);
	float factor = tnc_ref_onnx_mean_factor(c, op);
	int32_t *total = tnc_alloc(c, tnc_tensor_elements(out), sizeof(*total));
	bool goes[TNC_RANK_MAX] = { false };
	int at[TNC_RANK_MAX] = { 0 };

	for (int i = 0; i < op->list[0].count; i++)
		goes[op->list[0].id[i]] = true;
	for (int64_t i = 0; i < elements; i++) {
		int64_t to = 0;

		for (int d = 0; d < in->rank; d++)
			if (!goes[d])
				to = to * in->shape[d] + at[d];
		total[to] += load(c, in, i) - in->quant.zero_point[0];
		for (int d = in->rank - 1; d >= 0 && ++at[d] == in->shape[d];
		     d--)
			at[d] = 0;
	}
	for (int64_t i = 0; i < tnc_tensor_elements(out); i++)
		out->value[i] = store((float)total[i] * factor, out);
}

void tnc_ref_onnx(struct tnc *c, const struct tnc_op *op)
{
	if (tnc_op_is_binary(op))
		ref_binary(c, op);
	else if (op->kind == TNC_MEAN)
		ref_mean(c, op);
	else
		ref_unary(c, op);
}
