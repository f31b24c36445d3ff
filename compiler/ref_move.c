// SPDX-License-Identifier: MIT
/*
 * The reference executor's operators that move bytes: for each element of the
 * output, which element of the input it is. Called by ref.c; any type.
 */
#include <errno.h>
#include <string.h>

#include "ref.h"

struct move {
	const struct tnc_op *op;
	const struct tnc_tensor *in;
	const struct tnc_tensor *out;
	bool is_reversed[TNC_RANK_MAX];
};

/*
 * Where element @at of the output comes from: fills in @from, one entry for each
 * dimension of the input; false for an element of none.
 */
typedef bool source_fn(const struct move *m, const int *at, int *from);

static bool from_transpose(const struct move *m, const int *at, int *from)
{
	for (int d = 0; d < m->out->rank; d++)
		from[m->op->list[0].id[d]] = at[d];
	return true;
}

static bool from_slice(const struct move *m, const int *at, int *from)
{
	for (int d = 0; d < m->out->rank; d++)
		from[d] = m->op->list[0].id[d] + at[d] * m->op->list[1].id[d];
	return true;
}

static bool from_pad(const struct move *m, const int *at, int *from)
{
	for (int d = 0; d < m->out->rank; d++) {
		from[d] = at[d] - m->op->list[0].id[d];
		if (from[d] < 0 || from[d] >= m->in->shape[d])
			return false;
	}
	return true;
}

/* Beyond an edge the elements come back, the edge itself twice or once. */
static bool from_mirror_pad(const struct move *m, const int *at, int *from)
{
	bool is_symmetric = m->op->mode & TNC_MODE_SYMMETRIC;

	for (int d = 0; d < m->out->rank; d++) {
		int size = m->in->shape[d];

		from[d] = at[d] - m->op->list[0].id[d];
		if (from[d] < 0)
			from[d] = -from[d] - is_symmetric;
		else if (from[d] >= size)
			from[d] = 2 * size - 2 - from[d] + is_symmetric;
	}
	return true;
}

static bool from_tile(const struct move *m, const int *at, int *from)
{
	for (int d = 0; d < m->out->rank; d++)
		from[d] = at[d] % m->in->shape[d];
	return true;
}

static bool from_broadcast(const struct move *m, const int *at, int *from)
{
	int new = m->out->rank - m->in->rank;

	for (int d = 0; d < m->in->rank; d++)
		from[d] = m->in->shape[d] > 1 ? at[new + d] : 0;
	return true;
}

static bool from_reverse(const struct move *m, const int *at, int *from)
{
	for (int d = 0; d < m->out->rank; d++)
		from[d] = m->is_reversed[d] ? m->in->shape[d] - 1 - at[d] :
					      at[d];
	return true;
}

static bool from_space_to_depth(const struct move *m, const int *at, int *from)
{
	int block = m->op->list[0].id[0];
	int place = at[3] / m->in->shape[3];

	from[0] = at[0];
	from[1] = at[1] * block + place / block;
	from[2] = at[2] * block + place % block;
	from[3] = at[3] % m->in->shape[3];
	return true;
}

/* ONNX also knows the other order of depth: blocks within a channel. */
static bool from_depth_to_space(const struct move *m, const int *at, int *from)
{
	int block = m->op->list[0].id[0];
	int place = at[1] % block * block + at[2] % block;

	from[0] = at[0];
	from[1] = at[1] / block;
	from[2] = at[2] / block;
	from[3] = m->op->mode & TNC_MODE_ONNX ?
			  at[3] * block * block + place :
			  place * m->out->shape[3] + at[3];
	return true;
}

static bool from_space_to_batch(const struct move *m, const int *at, int *from)
{
	int dims = m->op->list[0].count;
	int place = at[0] / m->in->shape[0];
	bool is_inside = true;

	for (int d = m->out->rank - 1; d > 0; d--) {
		int block = d <= dims ? m->op->list[0].id[d - 1] : 1;
		int before = d <= dims ? m->op->list[1].id[d - 1] : 0;

		from[d] = at[d] * block + place % block - before;
		if (from[d] < 0 || from[d] >= m->in->shape[d])
			is_inside = false;
		place /= block;
	}
	from[0] = at[0] % m->in->shape[0];
	return is_inside;
}

static bool from_batch_to_space(const struct move *m, const int *at, int *from)
{
	int dims = m->op->list[0].count;
	int place = 0;

	for (int d = 1; d < m->out->rank; d++) {
		int block = d <= dims ? m->op->list[0].id[d - 1] : 1;
		int where = at[d] + (d <= dims ? m->op->list[1].id[d - 1] : 0);

		from[d] = where / block;
		place = place * block + where % block;
	}
	from[0] = place * m->out->shape[0] + at[0];
	return true;
}

static source_fn *const source_of[TNC_OP_KINDS] = {
	[TNC_TRANSPOSE] = from_transpose,
	[TNC_SLICE] = from_slice,
	[TNC_PAD] = from_pad,
	[TNC_MIRROR_PAD] = from_mirror_pad,
	[TNC_TILE] = from_tile,
	[TNC_BROADCAST_TO] = from_broadcast,
	[TNC_REVERSE] = from_reverse,
	[TNC_SPACE_TO_DEPTH] = from_space_to_depth,
	[TNC_DEPTH_TO_SPACE] = from_depth_to_space,
	[TNC_SPACE_TO_BATCH_ND] = from_space_to_batch,
	[TNC_BATCH_TO_SPACE_ND] = from_batch_to_space,
};

/* The element that stands where the input has none: zero, or what is given. */
static void fill_value(const struct tnc *c, const struct tnc_op *op,
		       uint8_t *value)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	const struct tnc_tensor *given = tnc_op_input(c, op, 1);
	int64_t zero = out->quant.count ? out->quant.zero_point[0] : 0;
	int size = tnc_type_info[out->type].size;

	if (given)
		memcpy(value, given->data, size);
	else if (out->type == TNC_FLOAT32)
		memset(value, 0, size);
	else
		memcpy(value, &zero, size);
}

static void next(const struct tnc_tensor *t, int *at)
{
	for (int d = t->rank - 1; d >= 0; d--) {
		if (++at[d] < t->shape[d])
			return;
		at[d] = 0;
	}
}

void tnc_ref_move(struct tnc *c, struct tnc_op *op)
{
	struct move m = {
		.op = op,
		.in = tnc_op_input(c, op, 0),
		.out = tnc_op_output(c, op),
	};
	const uint8_t *in = (const uint8_t *)tnc_ref_value(c, m.in->id);
	int64_t elements = tnc_tensor_elements(m.out);
	int size = tnc_type_info[m.out->type].size;
	int at[TNC_RANK_MAX] = { 0 }, from[TNC_RANK_MAX];
	uint8_t *to = m.out->value, fill[8];

	fill_value(c, op, fill);
	if (op->kind == TNC_REVERSE)
		for (int i = 0; i < op->list[0].count; i++)
			m.is_reversed[op->list[0].id[i]] = true;
	for (int64_t i = 0; i < elements; i++, to += size) {
		int64_t index = 0;

		if (source_of[op->kind](&m, at, from)) {
			for (int d = 0; d < m.in->rank; d++)
				index = index * m.in->shape[d] + from[d];
			memcpy(to, in + index * size, size);
		} else {
			memcpy(to, fill, size);
		}
		next(m.out, at);
	}
}

/* Rows of each input in turn, a row being all from the axis on. */
void tnc_ref_concatenation(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	uint8_t *to = out->value;
	int64_t rows = 1;

	for (int d = 0; d < op->axis; d++)
		rows *= out->shape[d];
	for (int64_t row = 0; row < rows; row++) {
		for (int i = 0; i < op->inputs; i++) {
			const struct tnc_tensor *in = tnc_op_input(c, op, i);
			int64_t bytes = tnc_tensor_bytes(in) / rows;
			const int8_t *from = tnc_ref_value(c, in->id);

			memcpy(to, from + row * bytes, bytes);
			to += bytes;
		}
	}
}

/* Dimensions from @first up to @end as one. */
static int64_t product(const struct tnc_tensor *t, int first, int end)
{
	int64_t size = 1;

	for (int d = first; d < end; d++)
		size *= t->shape[d];
	return size;
}

static int64_t index_at(struct tnc *c, const struct tnc_tensor *t, int64_t i)
{
	struct tnc_tensor constant = *t;

	constant.data = (uint8_t *)tnc_ref_value(c, t->id);
	return tnc_tensor_integer(&constant, i);
}

/*
 * Indices below 0 count from the end. One that is out of range, which only a model's
 * input can be, is an error.
 */
void tnc_ref_gather(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *index = tnc_op_input(c, op, 1);
	int batch_dims = op->list[0].count ? op->list[0].id[0] : 0;
	int64_t batches = product(in, 0, batch_dims);
	int64_t outer = product(in, batch_dims, op->axis);
	int64_t indices = product(index, batch_dims, index->rank);
	int64_t bytes = product(in, op->axis + 1, in->rank) *
			tnc_type_info[in->type].size;
	const int8_t *from = tnc_ref_value(c, in->id);
	uint8_t *to = tnc_op_output(c, op)->value;
	int size = in->shape[op->axis];

	for (int64_t b = 0; b < batches; b++)
	for (int64_t o = 0; o < outer; o++)
	for (int64_t i = 0; i < indices; i++) {
		int64_t number = index_at(c, index, b * indices + i);
		int64_t at = number < 0 ? number + size : number;

		if (at < 0 || at >= size)
			tnc_error(c, -EINVAL, "index %lld of %d",
				  (long long)number, size);
		memcpy(to, from + ((b * outer + o) * size + at) * bytes,
		       bytes);
		to += bytes;
	}
}
