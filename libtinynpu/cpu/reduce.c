// SPDX-License-Identifier: MIT
/*
 * REDUCE: over any set of dimensions, which need not be neighbours. The output
 * has the others, as ones or left out.
 */
#include "kernels.h"

#include <math.h>

static bool has_integers(int32_t function)
{
	return function <= NPU_CPU_REDUCE_MIN ||
	       function == NPU_CPU_REDUCE_L1 ||
	       function == NPU_CPU_REDUCE_SUM_SQUARE;
}

static const char *check(const struct cpu_op *op)
{
	const struct cpu_tensor *in = op->in[0];
	int32_t function = op->attr[0].i;
	uint64_t kept = 1;
	uint32_t i;

	if (function < 0 || function >= NPU_CPU_REDUCE_COUNT)
		return "no such function";
	if (in->dtype != op->out->dtype)
		return "types differ";
	if (function == NPU_CPU_REDUCE_ANY || function == NPU_CPU_REDUCE_ALL ?
	    !is_type(in, NPU_DTYPE_BOOL) :
	    !is_float(in) && !(is_integer(in) && has_integers(function)))
		return "not of this type";
	if ((uint32_t)op->attr[1].i >> in->rank)
		return "no such dimension";
	for (i = 0; i < in->rank; i++)
		if (!((uint32_t)op->attr[1].i >> i & 1))
			kept *= in->shape[i];
	return kept == op->out->elements ? NULL : "shape of the output";
}

/* --- Walks over what is kept and what is reduced --------------------------- */

/* The dimensions of @in that are in @mask, with their strides. */
static void walk_some(struct cpu_walk *walk, const struct cpu_tensor *in,
		      uint32_t mask)
{
	int64_t stride[MAX_RANK];
	uint32_t i;

	*walk = (struct cpu_walk){ 0 };
	cpu_broadcast_strides(in, in, stride);
	for (i = 0; i < in->rank; i++) {
		if (!(mask >> i & 1))
			continue;
		walk->shape[walk->rank] = in->shape[i];
		/* of dimensions of length 1 the stride is 0: no matter */
		walk->stride[0][walk->rank++] = stride[i];
	}
}

/* --- Float ----------------------------------------------------------------- */

struct sum {
	double value; /* of sums */
	float extreme;
};

static void add_row(int32_t function, struct sum *sum, const float *x,
		    int64_t step, uint32_t count)
{
	double value = sum->value;
	uint32_t i;

	switch (function) {
	case NPU_CPU_REDUCE_PROD:
		for (i = 0; i < count; i++)
			value *= x[i * step];
		break;
	case NPU_CPU_REDUCE_MAX:
	case NPU_CPU_REDUCE_LOG_SUM_EXP:
		for (i = 0; i < count; i++)
			sum->extreme = fmaxf(sum->extreme, x[i * step]);
		break;
	case NPU_CPU_REDUCE_MIN:
		for (i = 0; i < count; i++)
			sum->extreme = fminf(sum->extreme, x[i * step]);
		break;
	case NPU_CPU_REDUCE_L1:
		for (i = 0; i < count; i++)
			value += fabsf(x[i * step]);
		break;
	case NPU_CPU_REDUCE_L2:
	case NPU_CPU_REDUCE_SUM_SQUARE:
		for (i = 0; i < count; i++)
			value += (double)x[i * step] * x[i * step];
		break;
	default:
		for (i = 0; i < count; i++)
			value += x[i * step];
	}
	sum->value = value;
}

static struct sum reduce_floats(int32_t function, const float *x,
				struct cpu_walk walk)
{
	struct sum sum = {
		function == NPU_CPU_REDUCE_PROD,
		function == NPU_CPU_REDUCE_MIN ? INFINITY : -INFINITY
	};

	do {
		add_row(function, &sum, x + walk.at[0], walk_stride(&walk, 0),
			walk_row(&walk));
	} while (cpu_walk_next_row(&walk));
	return sum;
}

/* log(sum(exp(x))), without overflow */
static float log_sum_exp(const float *x, struct cpu_walk walk, float max)
{
	double sum = 0;
	uint32_t i;

	do {
		for (i = 0; i < walk_row(&walk); i++)
			sum += exp((double)x[walk.at[0] +
					     i * walk_stride(&walk, 0)] - max);
	} while (cpu_walk_next_row(&walk));
	return log(sum) + max;
}

static float finish(int32_t function, const struct sum *sum, const float *x,
		    const struct cpu_walk *walk, uint64_t count)
{
	switch (function) {
	case NPU_CPU_REDUCE_MEAN:
		return sum->value / count;
	case NPU_CPU_REDUCE_MAX:
	case NPU_CPU_REDUCE_MIN:
		return sum->extreme;
	case NPU_CPU_REDUCE_L2:
		return sqrt(sum->value);
	case NPU_CPU_REDUCE_LOG_SUM:
		return log(sum->value);
	case NPU_CPU_REDUCE_LOG_SUM_EXP:
		return isinf(sum->extreme) ? sum->extreme :
			log_sum_exp(x, *walk, sum->extreme);
	default:
		return sum->value;
	}
}

/* --- Integers -------------------------------------------------------------- */

static int64_t add_integer(int32_t function, int64_t sum, int64_t x)
{
	switch (function) {
	case NPU_CPU_REDUCE_PROD:
		return (uint64_t)sum * (uint64_t)x;
	case NPU_CPU_REDUCE_MAX:
		return x > sum ? x : sum;
	case NPU_CPU_REDUCE_MIN:
		return x < sum ? x : sum;
	case NPU_CPU_REDUCE_ANY:
		return sum | x;
	case NPU_CPU_REDUCE_ALL:
		return sum & x;
	case NPU_CPU_REDUCE_L1:
		return (uint64_t)sum + (x < 0 ? 0 - (uint64_t)x : (uint64_t)x);
	case NPU_CPU_REDUCE_SUM_SQUARE:
		return (uint64_t)sum + (uint64_t)x * (uint64_t)x;
	default:
		return (uint64_t)sum + (uint64_t)x;
	}
}

static int64_t reduce_integers(int32_t function, const struct cpu_tensor *in,
			       struct cpu_walk walk, int64_t base,
			       int64_t count)
{
	int64_t sum = function == NPU_CPU_REDUCE_PROD ||
		      function == NPU_CPU_REDUCE_ALL;
	uint32_t i;

	if (function == NPU_CPU_REDUCE_MAX || function == NPU_CPU_REDUCE_MIN)
		sum = cpu_load(in, base);
	do {
		for (i = 0; i < walk_row(&walk); i++)
			sum = add_integer(function, sum,
				cpu_load(in, base + walk.at[0] +
					     i * walk_stride(&walk, 0)));
	} while (cpu_walk_next_row(&walk));
	return function == NPU_CPU_REDUCE_MEAN ? sum / count : sum;
}

/* --- REDUCE ---------------------------------------------------------------- */

static const char *run(const struct cpu_op *op, void *scratch)
{
	const struct cpu_tensor *in = op->in[0];
	int32_t function = op->attr[0].i;
	uint32_t mask = op->attr[1].i, i;
	uint64_t count = in->elements / op->out->elements, to = 0;
	struct cpu_walk kept, reduced;

	walk_some(&kept, in, ~mask);
	walk_some(&reduced, in, mask);
	do {
		for (i = 0; i < walk_row(&kept); i++, to++) {
			int64_t at = kept.at[0] + i * walk_stride(&kept, 0);
			const float *x = (const float *)in->data + at;
			struct sum sum;

			if (!is_float(in)) {
				cpu_store(op->out, to,
					  reduce_integers(function, in, reduced,
							  at, count));
				continue;
			}
			sum = reduce_floats(function, x, reduced);
			((float *)op->out->data)[to] =
				finish(function, &sum, x, &reduced, count);
		}
	} while (cpu_walk_next_row(&kept));
	return NULL;
}

const struct cpu_kernel cpu_reduce = { .check = check, .run = run };
