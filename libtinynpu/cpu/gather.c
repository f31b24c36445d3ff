// SPDX-License-Identifier: MIT
/*
 * Operators that read or write where other tensors say: indices are data and may be
 * wrong, so each is read once and then checked. Negative ones count from the
 * end.
 */
#include "kernels.h"

#include <string.h>

static const char beyond[] = "an index out of range";

static bool is_index(const struct cpu_tensor *t)
{
	return is_type(t, NPU_DTYPE_INT32) || is_type(t, NPU_DTYPE_INT64);
}

/* False if there is no such element in a dimension of @length. */
static bool find(const struct cpu_tensor *indices, uint64_t at, int64_t length,
		 int64_t *index)
{
	*index = cpu_load(indices, at);
	if (*index < 0 && *index >= -length)
		*index += length;
	return *index >= 0 && *index < length;
}

/* --- GATHER ---------------------------------------------------------------- */

/* out[batch, before, index, behind], by dimensions of in and of the indices */
static const char *check_gather(const struct cpu_op *op)
{
	const struct cpu_tensor *in = op->in[0], *indices = op->in[1];
	const struct cpu_tensor *out = op->out;
	int32_t axis = op->attr[0].i, batches = op->attr[1].i;
	uint32_t i, at = 0;

	if (in->dtype != out->dtype || !is_integer(indices))
		return "types";
	if (!is_axis(in, axis) || batches < 0 || batches > axis ||
	    batches > indices->rank ||
	    out->rank != in->rank - 1 + indices->rank - batches)
		return "axis or ranks";
	for (i = 0; i < batches; i++)
		if (in->shape[i] != indices->shape[i])
			return "batches differ";
	for (i = 0; i < axis; i++)
		if (out->shape[at++] != in->shape[i])
			return "shape of the output";
	for (i = batches; i < indices->rank; i++)
		if (out->shape[at++] != indices->shape[i])
			return "shape of the output";
	for (i = axis + 1; i < in->rank; i++)
		if (out->shape[at++] != in->shape[i])
			return "shape of the output";
	return NULL;
}

static const char *run_gather(const struct cpu_op *op, void *scratch)
{
	const struct cpu_tensor *in = op->in[0], *indices = op->in[1];
	struct cpu_axis axis = axis_of(in, op->attr[0].i);
	uint64_t size = axis.inner * cpu_element_bytes(in->dtype);
	uint64_t batches = 1, outer, count, i;
	uint8_t *to = op->out->data;

	for (i = 0; i < op->attr[1].i; i++)
		batches *= in->shape[i];
	count = indices->elements / batches;
	for (outer = 0; outer < axis.outer; outer++)
	for (i = 0; i < count; i++, to += size) {
		uint64_t batch = outer / (axis.outer / batches);
		int64_t index;

		if (!find(indices, batch * count + i, axis.length, &index))
			return beyond;
		memcpy(to, (const uint8_t *)in->data +
			   (outer * axis.length + index) * size, size);
	}
	return NULL;
}

const struct cpu_kernel cpu_gather = {
	.check = check_gather,
	.run = run_gather,
};

/* --- GATHER_ND ------------------------------------------------------------- */

static const char *check_gather_nd(const struct cpu_op *op)
{
	const struct cpu_tensor *in = op->in[0], *indices = op->in[1];
	const struct cpu_tensor *out = op->out;
	int32_t batches = op->attr[0].i;
	uint32_t depth, i, at = 0;

	if (in->dtype != out->dtype || !is_index(indices))
		return "types";
	if (!indices->rank || batches < 0 || batches >= indices->rank)
		return "ranks";
	depth = indices->shape[indices->rank - 1];
	if (depth > in->rank || batches > in->rank - depth ||
	    out->rank != indices->rank - 1 + in->rank - depth - batches)
		return "ranks";
	for (i = 0; i < batches; i++)
		if (in->shape[i] != indices->shape[i])
			return "batches differ";
	for (i = 0; i < indices->rank - 1; i++)
		if (out->shape[at++] != indices->shape[i])
			return "shape of the output";
	for (i = batches + depth; i < in->rank; i++)
		if (out->shape[at++] != in->shape[i])
			return "shape of the output";
	return NULL;
}

static const char *run_gather_nd(const struct cpu_op *op, void *scratch)
{
	const struct cpu_tensor *in = op->in[0], *indices = op->in[1];
	uint32_t depth = indices->shape[indices->rank - 1], k;
	uint64_t rows = indices->elements / depth, batches = 1, size, i;
	uint32_t first = op->attr[0].i;
	uint8_t *to = op->out->data;

	for (k = 0; k < first; k++)
		batches *= in->shape[k];
	size = op->out->elements / rows * cpu_element_bytes(in->dtype);
	for (i = 0; i < rows; i++, to += size) {
		uint64_t at = i / (rows / batches);

		for (k = 0; k < depth; k++) {
			int64_t index;

			if (!find(indices, i * depth + k, in->shape[first + k],
				  &index))
				return beyond;
			at = at * in->shape[first + k] + index;
		}
		memcpy(to, (const uint8_t *)in->data + at * size, size);
	}
	return NULL;
}

const struct cpu_kernel cpu_gather_nd = {
	.check = check_gather_nd,
	.run = run_gather_nd,
};

/* --- SCATTER_ND ------------------------------------------------------------ */

static const char *check_scatter_nd(const struct cpu_op *op)
{
	const struct cpu_tensor *indices = op->in[0], *in = op->in[1];
	const struct cpu_tensor *out = op->out;
	uint32_t depth, i, at = 0;

	if (in->dtype != out->dtype || is_type(in, NPU_DTYPE_BOOL) ||
	    !is_index(indices))
		return "types";
	if (!indices->rank)
		return "ranks";
	depth = indices->shape[indices->rank - 1];
	if (depth > out->rank ||
	    in->rank != indices->rank - 1 + out->rank - depth)
		return "ranks";
	for (i = 0; i < indices->rank - 1; i++)
		if (in->shape[at++] != indices->shape[i])
			return "shapes do not fit";
	for (i = depth; i < out->rank; i++)
		if (in->shape[at++] != out->shape[i])
			return "shapes do not fit";
	return NULL;
}

/* Adds @count elements from number @from of @in on to those of @out from @to on. */
static void add_run(const struct cpu_tensor *in, uint64_t from,
		    const struct cpu_tensor *out, uint64_t to, uint64_t count)
{
	uint64_t i;

	for (i = 0; i < count; i++) {
		if (is_float(in))
			((float *)out->data)[to + i] +=
				((const float *)in->data)[from + i];
		else
			cpu_store(out, to + i,
				  (uint64_t)cpu_load(out, to + i) +
				  (uint64_t)cpu_load(in, from + i));
	}
}

static const char *run_scatter_nd(const struct cpu_op *op, void *scratch)
{
	const struct cpu_tensor *indices = op->in[0], *in = op->in[1];
	const struct cpu_tensor *out = op->out;
	uint32_t depth = indices->shape[indices->rank - 1], k;
	uint64_t rows = indices->elements / depth, i;
	uint64_t count = in->elements / rows;

	memset(out->data, 0, out->elements * cpu_element_bytes(out->dtype));
	for (i = 0; i < rows; i++) {
		uint64_t at = 0;

		for (k = 0; k < depth; k++) {
			int64_t index;

			if (!find(indices, i * depth + k, out->shape[k],
				  &index))
				return beyond;
			at = at * out->shape[k] + index;
		}
		add_run(in, i * count, out, at * count, count);
	}
	return NULL;
}

const struct cpu_kernel cpu_scatter_nd = {
	.check = check_scatter_nd,
	.run = run_scatter_nd,
};

/* --- ONE_HOT --------------------------------------------------------------- */

static const char *check_one_hot(const struct cpu_op *op)
{
	const struct cpu_tensor *out = op->out;
	int32_t axis = op->attr[0].i;
	uint32_t i, at = 0;

	if (!is_index(op->in[0]) || op->in[1]->dtype != out->dtype ||
	    op->in[2]->dtype != out->dtype)
		return "types";
	if (!is_axis(out, axis) || out->rank != op->in[0]->rank + 1 ||
	    op->in[1]->elements != 1 || op->in[2]->elements != 1)
		return "axis or ranks";
	for (i = 0; i < out->rank; i++)
		if (i != axis && out->shape[i] != op->in[0]->shape[at++])
			return "shape of the output";
	return NULL;
}

static const char *run_one_hot(const struct cpu_op *op, void *scratch)
{
	struct cpu_axis axis = axis_of(op->out, op->attr[0].i);
	uint32_t size = cpu_element_bytes(op->out->dtype);
	uint8_t *to = op->out->data;
	uint64_t outer, i, inner;

	for (outer = 0; outer < axis.outer; outer++)
	for (i = 0; i < axis.length; i++)
	for (inner = 0; inner < axis.inner; inner++, to += size) {
		int64_t index;
		bool is_on = find(op->in[0], outer * axis.inner + inner,
				  axis.length, &index) && index == i;

		memcpy(to, op->in[is_on ? 1 : 2]->data, size);
	}
	return NULL;
}

const struct cpu_kernel cpu_one_hot = {
	.check = check_one_hot,
	.run = run_one_hot,
};
