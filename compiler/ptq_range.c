// SPDX-License-Identifier: MIT
/*
 * Ranges of activations on the calibration inputs, and the scales that are made of
 * them. Zero is exact in each, as padding and RELU need it.
 */
#include <math.h>

#include "ptq.h"

#define PERCENTILE 1e-4	/* of the values, shared by both ends */
#define SHRINK_STEPS 60	/* ends that are tried are 1/64 of the range apart */
#define SHRINK_PARTS 64.0f

/* A range around zero in steps of int8. */
void tnc_ptq_scale_of(float low, float high, float *scale, int *zero_point)
{
	low = fminf(low, 0);
	high = fmaxf(high, 0);
	*scale = (high - low) / TNC_PTQ_LEVELS;
	if (!isnormal(*scale)) {
		*scale = 1.0f / 128;
		*zero_point = 0;
		return;
	}
	*zero_point = (int)fminf(fmaxf(roundf(-128 - low / *scale), -128), 127);
}

static void scan_tensor(struct tnc_ptq *p, int id)
{
	struct tnc_ptq_tensor *info = &p->tensor[id];
	const struct tnc_tensor *t = p->c->tensor[id];
	const float *value = (const float *)t->value;
	int64_t elements = tnc_tensor_elements(t);
	float low = info->low, high = info->high;

	for (int64_t i = 0; i < elements; i++) {
		if (!isfinite(value[i]))
			continue;
		low = value[i] < low ? value[i] : low;
		high = value[i] > high ? value[i] : high;
	}
	info->low = low;
	info->high = high;
}

/* Needs: the real graph. Leaves: the range of each activation, zero included. */
void tnc_ptq_scan(struct tnc_ptq *p)
{
	for (size_t n = 0; n < p->options->count; n++) {
		tnc_ptq_run_real(p, n);
		for (int id = 0; id < p->real.tensors; id++)
			if (p->tensor[id].is_activation)
				scan_tensor(p, id);
	}
}

static void count_tensor(struct tnc_ptq *p, int id)
{
	struct tnc_ptq_range *range = &p->tensor[tnc_ptq_first(p, id)].range;
	const struct tnc_tensor *t = p->c->tensor[id];
	const float *value = (const float *)t->value;
	int64_t elements = tnc_tensor_elements(t);
	float parts = TNC_PTQ_BINS / (range->high - range->low);

	for (int64_t i = 0; i < elements; i++) {
		float at = (value[i] - range->low) * parts;

		if (at >= 0 && at <= TNC_PTQ_BINS)
			range->bin[at < TNC_PTQ_BINS ? (int)at :
						       TNC_PTQ_BINS - 1]++;
	}
}

static bool is_counted(const struct tnc_ptq *p, int id)
{
	const struct tnc_ptq_tensor *first;

	if (!p->tensor[id].is_activation)
		return false;
	first = &p->tensor[tnc_ptq_first(p, id)];
	return !first->is_fixed && first->range.high > first->range.low;
}

/* Needs: groups. Leaves: for each how often which values occur. */
void tnc_ptq_count(struct tnc_ptq *p)
{
	for (int id = 0; id < p->real.tensors; id++) {
		struct tnc_ptq_tensor *t = &p->tensor[id];

		if (!t->is_activation || t->group != id)
			continue;
		t->range.low = t->low;
		t->range.high = t->high;
		t->range.bin = tnc_alloc(p->c, TNC_PTQ_BINS,
					 sizeof(*t->range.bin));
	}
	for (size_t n = 0; n < p->options->count; n++) {
		tnc_ptq_run_real(p, n);
		for (int id = 0; id < p->real.tensors; id++)
			if (is_counted(p, id))
				count_tensor(p, id);
	}
}

/* Mean square error when low..high is what int8 can say. */
static double error_of(const struct tnc_ptq_range *range, float low, float high)
{
	double width = (range->high - range->low) / TNC_PTQ_BINS;
	double step = (high - low) / TNC_PTQ_LEVELS;
	double sum = 0;

	for (int i = 0; i < TNC_PTQ_BINS; i++) {
		double value = range->low + (i + 0.5) * width;
		double beyond = value < low ? low - value :
				value > high ? value - high : 0;

		sum += range->bin[i] * (beyond * beyond + step * step / 12);
	}
	return sum;
}

/* Moves one end inwards as long as there is something to gain. */
static float best_end(const struct tnc_ptq_range *range, float low, float high,
		      bool is_high)
{
	float from = is_high ? range->high : range->low;
	float best = is_high ? high : low;
	double least = error_of(range, low, high);

	for (int i = 0; i <= SHRINK_STEPS; i++) {
		float end = from * (SHRINK_PARTS - i) / SHRINK_PARTS;
		double error = is_high ? error_of(range, low, end) :
					 error_of(range, end, high);

		if (error < least) {
			least = error;
			best = end;
		}
	}
	return best;
}

static void least_error(const struct tnc_ptq_range *range, float *low,
			float *high)
{
	for (int i = 0; i < 2; i++) {
		*high = best_end(range, *low, *high, true);
		*low = best_end(range, *low, *high, false);
	}
}

static void percentile(const struct tnc_ptq_range *range, float *low,
		       float *high)
{
	double width = (range->high - range->low) / TNC_PTQ_BINS;
	double rest, total = 0;
	int first = 0, last = TNC_PTQ_BINS - 1;

	for (int i = 0; i < TNC_PTQ_BINS; i++)
		total += range->bin[i];
	rest = total * PERCENTILE / 2;
	for (double sum = range->bin[first]; sum < rest && first < last;)
		sum += range->bin[++first];
	for (double sum = range->bin[last]; sum < rest && last > first;)
		sum += range->bin[--last];
	*low = fminf(range->low + first * width, 0);
	*high = fmaxf(range->low + (last + 1) * width, 0);
}

/* Needs: counted values. Leaves: a scale for each group. */
void tnc_ptq_choose(struct tnc_ptq *p, enum tnc_ptq_method method)
{
	for (int id = 0; id < p->real.tensors; id++) {
		struct tnc_ptq_tensor *t = &p->tensor[id];
		float low = t->range.low, high = t->range.high;

		if (!t->is_activation || t->group != id || t->is_fixed)
			continue;
		if (method == TNC_PTQ_MSE && high > low)
			least_error(&t->range, &low, &high);
		else if (method == TNC_PTQ_PERCENTILE && high > low)
			percentile(&t->range, &low, &high);
		tnc_ptq_scale_of(low, high, &t->scale, &t->zero_point);
	}
}
