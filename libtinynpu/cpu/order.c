// SPDX-License-Identifier: MIT
/*
 * Operators that compare or add up along one dimension: the largest element and
 * where it is, the k largest ones in their order, sums so far.
 */
#include "kernels.h"

#include <string.h>

/* Whether element @a of @t comes before @b: is larger, or smaller. */
static bool is_before(const struct cpu_tensor *t, uint64_t a, uint64_t b,
		      bool is_largest)
{
	if (is_float(t)) {
		const float *x = t->data;

		return is_largest ? x[a] > x[b] : x[a] < x[b];
	}
	return is_largest ? cpu_load(t, a) > cpu_load(t, b) :
			    cpu_load(t, a) < cpu_load(t, b);
}

static bool is_count(const struct cpu_tensor *t)
{
	return is_type(t, NPU_DTYPE_INT32) || is_type(t, NPU_DTYPE_INT64);
}

/* --- ARG ------------------------------------------------------------------- */

static const char *check_arg(const struct cpu_op *op)
{
	const struct cpu_tensor *in = op->in[0];

	if (!is_axis(in, op->attr[1].i))
		return "no such axis";
	if (is_type(in, NPU_DTYPE_BOOL) || !is_count(op->out))
		return "types";
	if (op->out->elements * in->shape[op->attr[1].i] != in->elements)
		return "shape of the output";
	return NULL;
}

static const char *run_arg(const struct cpu_op *op, void *scratch)
{
	const struct cpu_tensor *in = op->in[0];
	struct cpu_axis axis = axis_of(in, op->attr[1].i);
	bool is_largest = op->attr[0].i, is_last = op->attr[2].i;
	uint64_t outer, inner, i;

	for (outer = 0; outer < axis.outer; outer++)
	for (inner = 0; inner < axis.inner; inner++) {
		uint64_t first = outer * axis.length * axis.inner + inner;
		uint64_t best = 0;

		for (i = 1; i < axis.length; i++) {
			uint64_t a = first + i * axis.inner;
			uint64_t b = first + best * axis.inner;

			if (is_before(in, a, b, is_largest) ||
			    (is_last && !is_before(in, b, a, is_largest)))
				best = i;
		}
		cpu_store(op->out, outer * axis.inner + inner, best);
	}
	return NULL;
}

const struct cpu_kernel cpu_arg = { .check = check_arg, .run = run_arg };

/* --- TOPK ------------------------------------------------------------------ */

/* Attributes: axis, 1 for the indices, 1 for the largest. */
static const char *check_topk(const struct cpu_op *op)
{
	const struct cpu_tensor *in = op->in[0], *out = op->out;
	int32_t axis = op->attr[0].i;
	uint32_t i;

	if (!is_axis(in, axis) || in->rank != out->rank)
		return "axis or ranks";
	if (is_type(in, NPU_DTYPE_BOOL) ||
	    (op->attr[1].i ? !is_count(out) : in->dtype != out->dtype))
		return "types";
	for (i = 0; i < in->rank; i++)
		if (i == axis ? out->shape[i] > in->shape[i] :
				out->shape[i] != in->shape[i])
			return "shape of the output";
	return NULL;
}

static uint64_t scratch_topk(const struct cpu_op *op)
{
	return op->in[0]->shape[op->attr[0].i] * sizeof(uint32_t);
}

/* A place in one line of the input. */
struct line {
	const struct cpu_tensor *in;
	uint64_t first, step;
	bool is_largest;
};

/* Equal ones stay in their order. */
static bool line_before(const struct line *l, uint32_t a, uint32_t b)
{
	uint64_t x = l->first + a * l->step, y = l->first + b * l->step;

	if (is_before(l->in, x, y, l->is_largest))
		return true;
	return !is_before(l->in, y, x, l->is_largest) && a < b;
}

/* Restores the heap below @root: the last one in order on top. */
static void sift(const struct line *l, uint32_t *heap, uint64_t root,
		 uint64_t count)
{
	uint64_t child;

	while ((child = 2 * root + 1) < count) {
		uint32_t moved = heap[root];

		if (child + 1 < count &&
		    line_before(l, heap[child], heap[child + 1]))
			child++;
		if (!line_before(l, moved, heap[child]))
			return;
		heap[root] = heap[child];
		heap[child] = moved;
		root = child;
	}
}

/* Indices of the line in order: heap sort, which needs no memory. */
static void sort(const struct line *l, uint32_t *indices, uint64_t count)
{
	uint64_t i;

	for (i = 0; i < count; i++)
		indices[i] = i;
	for (i = count / 2; i-- > 0;)
		sift(l, indices, i, count);
	for (i = count; i-- > 1;) {
		uint32_t last = indices[0];

		indices[0] = indices[i];
		indices[i] = last;
		sift(l, indices, 0, i);
	}
}

static const char *run_topk(const struct cpu_op *op, void *scratch)
{
	const struct cpu_tensor *in = op->in[0], *out = op->out;
	struct cpu_axis axis = axis_of(in, op->attr[0].i);
	uint64_t k = out->shape[op->attr[0].i], outer, inner, i;
	uint32_t size = cpu_element_bytes(in->dtype);

	for (outer = 0; outer < axis.outer; outer++)
	for (inner = 0; inner < axis.inner; inner++) {
		struct line l = {
			in, outer * axis.length * axis.inner + inner,
			axis.inner, op->attr[2].i
		};

		sort(&l, scratch, axis.length);
		for (i = 0; i < k; i++) {
			uint32_t index = ((const uint32_t *)scratch)[i];
			uint64_t to = (outer * k + i) * axis.inner + inner;

			if (op->attr[1].i)
				cpu_store(out, to, index);
			else
				memcpy((uint8_t *)out->data + to * size,
				       (const uint8_t *)in->data +
				       (l.first + index * l.step) * size, size);
		}
	}
	return NULL;
}

const struct cpu_kernel cpu_topk = {
	.check = check_topk,
	.scratch = scratch_topk,
	.run = run_topk,
};

/* --- CUMSUM ---------------------------------------------------------------- */

/* Attributes: axis, exclusive, reverse. */
static const char *check_cumsum(const struct cpu_op *op)
{
	const struct cpu_tensor *in = op->in[0];

	if (!is_axis(in, op->attr[0].i))
		return "no such axis";
	if (in->dtype != op->out->dtype || is_type(in, NPU_DTYPE_BOOL) ||
	    !is_same_shape(in, op->out))
		return "input and output differ";
	return NULL;
}

static const char *run_cumsum(const struct cpu_op *op, void *scratch)
{
	const struct cpu_tensor *in = op->in[0];
	struct cpu_axis axis = axis_of(in, op->attr[0].i);
	bool is_exclusive = op->attr[1].i, is_reverse = op->attr[2].i;
	const float *from = in->data;
	float *to = op->out->data;
	uint64_t line, i;

	for (line = 0; line < axis.outer * axis.inner; line++) {
		uint64_t first = line / axis.inner * axis.length * axis.inner +
				 line % axis.inner;
		uint64_t sum = 0;
		float real = 0;

		for (i = 0; i < axis.length; i++) {
			uint64_t k = is_reverse ? axis.length - 1 - i : i;
			uint64_t at = first + k * axis.inner;

			if (is_float(in)) {
				to[at] = is_exclusive ? real : real + from[at];
				real += from[at];
			} else {
				uint64_t x = cpu_load(in, at);

				cpu_store(op->out, at,
					  is_exclusive ? sum : sum + x);
				sum += x;
			}
		}
	}
	return NULL;
}

const struct cpu_kernel cpu_cumsum = {
	.check = check_cumsum,
	.run = run_cumsum,
};
