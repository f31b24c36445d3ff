// SPDX-License-Identifier: MIT
/*
 * Multipliers with fewer bits. An output is one of 256 values, and a channel's sums are
 * bounded, as its weights are known; so a multiplier of 31 bits says more than outputs
 * tell. Of those that give the same output for every sum that there can be, pack.c packs
 * the one whose last bytes are nearest to zero, as it is coded shortest.
 *
 * With the multiplier m and a right shift of e, a sum s gives v or more above the zero
 * point if and only if s x m >= (Y - 1/2) x 2^31: Y is the least result of SRDHM that
 * RDIVP rounds to v. This is monotonous in s and in m, so that all that has to hold is
 * one such inequality for the first sum that gives v, and its opposite for the sum before.
 */
#include <string.h>

#include "plan.h"

/* Limits within which no product below leaves 64 bits. */
#define SHIFT_MAX 20
#define SUM_MAX (INT64_C(1) << 30)

/* Of an output channel. */
struct sums {
	int64_t low, high;	/* bias included, shifted to the left */
};

struct multipliers {
	int64_t least, most;
};

/* False: there may be sums that wrap. */
static bool find_sums(const struct tnc *c, const struct tnc_op *op,
		      const struct tnc_geometry *g, int channel, int shift,
		      struct sums *sums)
{
	const int8_t *w = (const int8_t *)tnc_op_input(c, op, 1)->data;
	const struct tnc_tensor *bias = tnc_op_input(c, op, 2);
	int zero = tnc_op_input(c, op, 0)->quant.zero_point[0];
	int taps = g->window.h * g->window.w;
	int depth = g->is_channelwise ? taps : taps * g->in_c;
	int step = g->is_channelwise ? g->out_c : 1;
	int64_t positive = 0, negative = 0;
	int32_t sum = 0;

	w += g->is_channelwise ? channel : (size_t)channel * depth;
	for (int k = 0; k < depth; k++, w += step) {
		if (*w > 0)
			positive += *w;
		else
			negative += *w;
	}
	if (bias)
		memcpy(&sum, bias->data + 4 * (size_t)channel, sizeof(sum));
	sums->low = sum + positive * (INT8_MIN - zero) +
		    negative * (INT8_MAX - zero);
	sums->high = sum + positive * (INT8_MAX - zero) +
		     negative * (INT8_MIN - zero);
	if (sums->low < -(SUM_MAX >> shift) || sums->high > SUM_MAX >> shift)
		return false;
	sums->low *= INT64_C(1) << shift;
	sums->high *= INT64_C(1) << shift;
	return true;
}

static int64_t divide_down(int64_t a, int64_t b)
{
	return a / b - (a % b && (a < 0) != (b < 0));
}

/* @sum x m has to be @z at least. */
static void demand(struct multipliers *m, int64_t sum, int64_t z)
{
	if (sum > 0 && sum * m->least < z)
		m->least = -divide_down(-z, sum);
	if (sum < 0 && sum * m->most < z)
		m->most = divide_down(z, sum);
}

/* The opposite. */
static void forbid(struct multipliers *m, int64_t sum, int64_t z)
{
	if (sum > 0 && sum * m->most >= z)
		m->most = divide_down(z - 1, sum);
	if (sum < 0 && sum * m->least >= z)
		m->least = -divide_down(1 - z, sum);
}

/* The bound that a sum x m has to reach for an output of @v above the zero point. */
static int64_t bound(int v, int right)
{
	int64_t y = v;

	if (right) /* halves are rounded away from zero */
		y = (2 * (int64_t)v - 1) * (INT64_C(1) << (right - 1)) +
		    (v <= 0);
	return y * (INT64_C(1) << 31) - (INT64_C(1) << 30);
}

/* The first sum, a multiple of @unit, that reaches @z with multiplier @m. */
static int64_t first_sum(int64_t z, int64_t m, int64_t unit)
{
	return -divide_down(-z, m * unit) * unit;
}

/* All multipliers that do for each sum what @multiplier does. */
static struct multipliers find_multipliers(const struct tnc_op *op, int zero,
					   struct tnc_factor factor,
					   const struct sums *sums)
{
	struct multipliers m = { 0, INT32_MAX };
	int left = factor.shift > 0 ? factor.shift : 0;
	int right = factor.shift < 0 ? -factor.shift : 0;
	int64_t unit = INT64_C(1) << left;

	for (int v = op->clamp_min + 1; v <= op->clamp_max; v++) {
		int64_t z = bound(v - zero, right);
		int64_t sum = first_sum(z, factor.multiplier, unit);

		if (sum <= sums->low)
			demand(&m, sums->low, z);
		else if (sum > sums->high)
			forbid(&m, sums->high, z);
		else {
			demand(&m, sum, z);
			forbid(&m, sum - unit, z);
		}
	}
	return m;
}

/* The one whose last bytes are zero, or the last one nearest to that. */
static uint32_t choose(const struct multipliers *m)
{
	int64_t above, below;

	for (int bits = 24; bits >= 8; bits -= 8) {
		int64_t unit = INT64_C(1) << bits;
		int64_t multiple = (m->least + unit - 1) / unit * unit;

		if (multiple <= m->most)
			return multiple;
	}
	above = m->least & 0xff;
	below = 0x100 - (m->most & 0xff);
	return above < below ? m->least : m->most;
}

static uint32_t trim(const struct tnc *c, const struct tnc_op *op,
		     const struct tnc_geometry *g, int channel)
{
	struct tnc_factor factor = op->factor[op->factors > 1 ? channel : 0];
	int zero = tnc_op_product(c, op)->quant.zero_point[0];
	int left = factor.shift > 0 ? factor.shift : 0;
	struct multipliers m;
	struct sums sums;

	if (factor.multiplier <= 0 || factor.shift < -SHIFT_MAX ||
	    left > SHIFT_MAX || !find_sums(c, op, g, channel, left, &sums))
		return factor.multiplier;
	m = find_multipliers(op, zero, factor, &sums);
	return choose(&m);
}

static bool have_one_multiplier(const struct tnc_op *op)
{
	for (int i = 1; i < op->factors; i++)
		if (op->factor[i].multiplier != op->factor[0].multiplier)
			return false;
	return true;
}

/*
 * Blocks that several operators have are not looked at, as their inputs may differ; nor
 * multipliers that all channels have in common, which are coded shortest as they are.
 */
static bool has_own_weights(const struct tnc *c, const struct tnc_op *op)
{
	for (int i = 0; i < c->ops; i++)
		if (c->op[i] != op && c->op[i]->inputs > 1 &&
		    c->op[i]->input[1] == op->input[1])
			return false;
	return true;
}

/* Needs: c->dead. Leaves: there, multipliers to the same effect as the operators'. */
void tnc_trim_find(struct tnc *c)
{
	for (int i = 0; i < c->ops; i++) {
		const struct tnc_op *op = c->op[i];
		struct tnc_geometry g = tnc_geometry_of(c, op);
		uint32_t *multiplier;

		if (!g.has_weights || g.is_product ||
		    g.format & ~NPU_CONV_ADD ||
		    have_one_multiplier(op) || !has_own_weights(c, op))
			continue;
		multiplier = tnc_alloc(c, g.out_c, sizeof(*multiplier));
		for (int k = 0; k < g.out_c; k++)
			multiplier[k] = trim(c, op, &g, k);
		c->dead[i].multiplier = multiplier;
	}
}
