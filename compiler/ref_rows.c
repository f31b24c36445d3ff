// SPDX-License-Identifier: MIT
/*
 * The reference executor's operators on rows and along axes: those that look at
 * all of some elements before they know the result for one. Called by ref.c.
 */
#include <math.h>
#include <string.h>

#include "ref.h"

/* An element of any integer type. */
static int32_t element(const void *value, enum tnc_type type, int64_t i)
{
	switch (type) {
	case TNC_INT8: return ((const int8_t *)value)[i];
	case TNC_INT16: return ((const int16_t *)value)[i];
	case TNC_INT32: return ((const int32_t *)value)[i];
	default: return ((const uint8_t *)value)[i];
	}
}

static void put(void *value, enum tnc_type type, int64_t i, int32_t x)
{
	if (type == TNC_INT32)
		((int32_t *)value)[i] = x;
	else if (type == TNC_INT16)
		((int16_t *)value)[i] = x;
	else
		((uint8_t *)value)[i] = x;
}

/* --- LOG_SOFTMAX ---------------------------------------------------------- */

struct tnc_ref_log_softmax tnc_ref_log_softmax_of(const struct tnc_tensor *in)
{
	double real = in->quant.scale[0] * 67108864.0;
	struct tnc_ref_log_softmax s = {
		.scale = tnc_factor_of(fmin(real, 2147483647.0)),
	};

	s.reverse = tnc_factor_of((double)(INT64_C(1) << (31 - s.scale.shift)) /
				  s.scale.multiplier);
	s.diff_min = -((INT64_C(31) << 26) >> s.scale.shift);
	return s;
}

/* Of more than 4095 elements the sum may leave its format; that counts as 1. */
static void log_softmax_row(const struct tnc_ref_log_softmax *s,
			    const int8_t *in, int8_t *out, int count)
{
	int32_t log, least;
	uint32_t sum = 0;
	int max = -128;

	for (int i = 0; i < count; i++)
		max = in[i] > max ? in[i] : max;
	for (int i = 0; i < count; i++)
		if (in[i] - max >= s->diff_min)
			sum += ref_shift_right(
				tnc_ref_exp(ref_scale(in[i] - max, s->scale),
					    5), 12);
	log = (int32_t)sum > 0 ? tnc_ref_log(sum) : 0;
	least = ref_scale((int32_t)((uint32_t)log + (UINT32_C(1) << 31)),
			  s->reverse);
	if (least < s->diff_min - 1)
		least = s->diff_min - 1;
	for (int i = 0; i < count; i++) {
		int32_t q5;

		out[i] = -128;
		if (in[i] - max <= least)
			continue;
		q5 = ref_scale(in[i] - max, s->scale) - log;
		out[i] = ref_clamp(ref_shift_right(q5, 22) + 127, -128, 127);
	}
}

/* --- SOFTMAX of int16 --------------------------------------------------- */

#define STEPS 512

/*
 * A table of a function of int16, between whose 513 entries lines are drawn;
 * entries are moved so that half of the error in the middle goes to each side.
 */
void tnc_ref_lines(float in_scale, int in_zero, float out_scale,
		   float (*f)(float x), int16_t table[STEPS + 1])
{
	float low = in_scale * (INT16_MIN - in_zero);
	float high = in_scale * (INT16_MAX - in_zero);
	float step = (high - low) / STEPS;
	float unit = 65536.0f / (out_scale * INT16_MAX - out_scale * INT16_MIN);

	for (int i = 0; i < STEPS; i++) {
		float here = roundf(f(low + i * step) * unit);
		float next = f(low + (i + 1) * step) * unit;
		float line = roundf((next + here) / 2);
		float middle = roundf(f(low + i * step + step / 2) * unit);
		float entry = here - roundf((line - middle) / 2);

		table[i] = fminf(fmaxf(entry, INT16_MIN), INT16_MAX);
	}
	table[STEPS] = fminf(fmaxf(roundf(f(high) * unit), INT16_MIN),
			     INT16_MAX);
}

static float inverse_of_one_plus(float x)
{
	return 1.0f / (1.0f + x);
}

void tnc_ref_softmax_tables(int16_t exps[STEPS + 1], int16_t inverses[STEPS + 1])
{
	tnc_ref_lines(10.0f / 65535, INT16_MAX, 2.0f / 65535, expf, exps);
	tnc_ref_lines(1.0f / 65535, INT16_MIN, 2.0f / 65535,
		      inverse_of_one_plus, inverses);
}

int tnc_ref_look_up(int x, const int16_t *table)
{
	int at = 256 + (x >> 7), slope = table[at + 1] - table[at];

	return table[at] + ((slope * (x & 127) + 64) >> 7);
}

struct softmax16 {
	struct tnc_factor factor;
	int16_t exps[STEPS + 1], inverses[STEPS + 1];
};

static int exp_of(const struct softmax16 *s, int difference)
{
	int64_t x = (int64_t)ref_scale(difference, s->factor) + INT16_MAX;

	x = x < INT16_MIN ? INT16_MIN : x > INT16_MAX ? INT16_MAX : x;
	return tnc_ref_look_up(x, s->exps);
}

static void softmax16_row(const struct softmax16 *s, const int16_t *in,
			  int16_t *out, int count)
{
	int max = INT16_MIN, zeros, inverse, shift;
	int64_t sum = 0, rest;

	for (int i = 0; i < count; i++)
		max = in[i] > max ? in[i] : max;
	for (int i = 0; i < count; i++)
		sum += exp_of(s, in[i] - max);
	zeros = __builtin_clz((uint32_t)sum);
	rest = ((sum << (zeros - 1)) + (1 << 13)) >> 14;
	inverse = tnc_ref_look_up(ref_clamp(rest - (3 << 15), INT16_MIN, INT16_MAX),
			  s->inverses);
	shift = 31 - zeros;
	for (int i = 0; i < count; i++) {
		int64_t x = (int64_t)exp_of(s, in[i] - max) * inverse;

		x = (x + (1 << (shift - 1))) >> shift;
		out[i] = ref_clamp(x, 0, INT16_MAX);
	}
}

/* --- Rows ----------------------------------------------------------------- */

static void l2_normalization_row(int zero, const int8_t *in, int8_t *out,
				 int count)
{
	struct tnc_factor factor;
	int32_t sum = 0;

	for (int i = 0; i < count; i++)
		sum += (in[i] - zero) * (in[i] - zero);
	factor = tnc_ref_rsqrt(sum);
	factor.shift += 7;
	for (int i = 0; i < count; i++)
		out[i] = ref_clamp(ref_scale(in[i] - zero, factor), -128, 127);
}

void tnc_ref_rows(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	const int8_t *from = tnc_ref_value(c, in->id);
	int depth = out->shape[out->rank - 1];
	int64_t count = tnc_tensor_elements(out);
	struct tnc_ref_log_softmax log = { 0 };
	struct softmax16 softmax = { 0 };

	if (op->kind == TNC_LOG_SOFTMAX)
		log = tnc_ref_log_softmax_of(in);
	if (op->kind == TNC_SOFTMAX) {
		softmax.factor = tnc_ref_factors(c, op)[0];
		tnc_ref_softmax_tables(softmax.exps, softmax.inverses);
	}
	for (int64_t i = 0; i < count; i += depth) {
		int8_t *to = (int8_t *)out->value + i;

		if (op->kind == TNC_LOG_SOFTMAX)
			log_softmax_row(&log, from + i, to, depth);
		else if (op->kind == TNC_SOFTMAX)
			softmax16_row(&softmax, (const int16_t *)from + i,
				      (int16_t *)out->value + i, depth);
		else
			l2_normalization_row(in->quant.zero_point[0], from + i,
					     to, depth);
	}
}

/* --- Along axes ------------------------------------------------------------- */

static bool is_gone(const struct tnc_op *op, int dim)
{
	for (int i = 0; i < op->list[0].count; i++)
		if (op->list[0].id[i] == dim)
			return true;
	return false;
}

/* The element of the output to which the input's element @i belongs. */
static int64_t place(const struct tnc_op *op, const struct tnc_tensor *in,
		     int64_t i)
{
	int64_t offset = 0, stride = 1;

	for (int d = in->rank - 1; d >= 0; d--) {
		if (!is_gone(op, d)) {
			offset += i % in->shape[d] * stride;
			stride *= in->shape[d];
		}
		i /= in->shape[d];
	}
	return offset;
}

static int64_t joined(enum tnc_op_kind kind, int64_t sum, int x)
{
	switch (kind) {
	case TNC_REDUCE_MAX:
	case TNC_REDUCE_ANY:
		return x > sum ? x : sum;
	case TNC_REDUCE_MIN:
	case TNC_REDUCE_ALL:
		return x < sum ? x : sum;
	default:
		return sum + x;
	}
}

static int32_t scaled_sum(const struct tnc_op *op, const struct tnc_tensor *out,
			  struct tnc_factor factor, int32_t sum)
{
	int64_t x = (int64_t)ref_scale(sum, factor) + out->quant.zero_point[0];
	const struct tnc_type_info *type = &tnc_type_info[out->type];

	return x < type->min ? type->min : x > type->max ? type->max : x;
}

void tnc_ref_reduce(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int64_t count = tnc_tensor_elements(in), left = tnc_tensor_elements(out);
	int64_t *sum = tnc_alloc(c, left, sizeof(*sum));
	bool *is_begun = tnc_alloc(c, left, sizeof(*is_begun));
	bool is_sum = op->kind == TNC_MEAN || op->kind == TNC_SUM;
	int zero = is_sum ? in->quant.zero_point[0] : 0;

	for (int64_t i = 0; i < count; i++) {
		int x = element(tnc_ref_value(c, in->id), in->type, i) - zero;
		int64_t to = place(op, in, i);

		sum[to] = is_begun[to] ? joined(op->kind, sum[to], x) : x;
		is_begun[to] = true;
	}
	for (int64_t i = 0; i < left; i++)
		put(out->value, out->type, i,
		    is_sum ? scaled_sum(op, out, tnc_ref_factors(c, op)[0],
					sum[i]) : (int32_t)sum[i]);
}

/* The first of those that are greatest, or smallest. */
void tnc_ref_arg(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	const int8_t *value = tnc_ref_value(c, in->id);
	int64_t inner = 1, count = tnc_tensor_elements(out);
	int depth = in->shape[op->axis];

	for (int d = op->axis + 1; d < in->rank; d++)
		inner *= in->shape[d];
	for (int64_t i = 0; i < count; i++) {
		int64_t first = i / inner * inner * depth + i % inner;
		int best = 0;

		for (int k = 1; k < depth; k++) {
			int32_t x = element(value, in->type, first + k * inner);
			int32_t y = element(value, in->type,
					    first + best * inner);

			if (op->kind == TNC_ARG_MAX ? x > y : x < y)
				best = k;
		}
		((int32_t *)out->value)[i] = best;
	}
}
