// SPDX-License-Identifier: MIT
/*
 * What the verifier asks of operators that move bytes: any type, the same on
 * both sides, and shapes and lists that fit together. Called by verify.c alone.
 */
#include <errno.h>

#include "verify.h"

/* The pictures' order: batch, then height and width, then channels. */
enum { BATCH, HEIGHT, WIDTH, CHANNELS, PICTURE };

static void need_list(struct tnc *c, const struct tnc_op *op, int list,
		      int count)
{
	if (op->list[list].count != count)
		tnc_error(c, -EINVAL, "\"%s\" has %d entries, needs %d",
			  tnc_op_info[op->kind].list[list],
			  op->list[list].count, count);
}

/* Entries of a list, one for each dimension, within bounds. */
static void need_entries(struct tnc *c, const struct tnc_op *op, int list,
			 int low, int high)
{
	for (int i = 0; i < op->list[list].count; i++)
		if (op->list[list].id[i] < low || op->list[list].id[i] > high)
			tnc_error(c, -EINVAL, "\"%s\" has the entry %d",
				  tnc_op_info[op->kind].list[list],
				  op->list[list].id[i]);
}

static void need_axis(struct tnc *c, int axis, int rank)
{
	if (axis < 0 || axis >= rank)
		tnc_error(c, -EINVAL, "axis %d of %d dimensions", axis, rank);
}

/* What all of them need: bytes of @in that mean the same in the output. */
static void verify_move(struct tnc *c, const struct tnc_op *op,
			const struct tnc_tensor *in)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);

	tnc_need_same_type(c, in, out);
	if (in->quant.count > 1 || out->quant.count > 1)
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported: moves a tensor scaled per channel");
}

static void verify_same_rank(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);

	verify_move(c, op, in);
	tnc_need_rank(c, tnc_op_output(c, op), in->rank);
}

void tnc_verify_transpose(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	unsigned int seen = 0;

	verify_same_rank(c, op);
	need_list(c, op, 0, in->rank);
	need_entries(c, op, 0, 0, in->rank - 1);
	for (int d = 0; d < in->rank; d++) {
		seen |= 1u << op->list[0].id[d];
		tnc_need_size(c, tnc_op_output(c, op), d,
			      in->shape[op->list[0].id[d]]);
	}
	if (seen != (1u << in->rank) - 1)
		tnc_error(c, -EINVAL, "\"perm\" names a dimension twice");
}

/* An input of other scale would have to be computed: pass 'r' sees to it. */
void tnc_verify_concatenation(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int64_t sum = 0;

	need_axis(c, op->axis, out->rank);
	for (int i = 0; i < op->inputs; i++) {
		const struct tnc_tensor *in = tnc_op_input(c, op, i);

		if (!in)
			tnc_error(c, -EINVAL, "input %d is missing", i);
		verify_move(c, op, in);
		tnc_need_rank(c, in, out->rank);
		for (int d = 0; d < out->rank; d++)
			if (d != op->axis)
				tnc_need_size(c, in, d, out->shape[d]);
		sum += in->shape[op->axis];
	}
	tnc_need_size(c, out, op->axis, sum);
}

void tnc_verify_slice(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);

	verify_same_rank(c, op);
	need_list(c, op, 0, in->rank);
	need_list(c, op, 1, in->rank);
	for (int d = 0; d < in->rank; d++) {
		int64_t first = op->list[0].id[d];
		int64_t last = first +
			       (int64_t)op->list[1].id[d] * (out->shape[d] - 1);

		if (first < 0 || first >= in->shape[d] || last < 0 ||
		    last >= in->shape[d])
			tnc_error(c, -EINVAL,
				  "dimension %d: %lld..%lld is not within %d",
				  d, (long long)first, (long long)last,
				  in->shape[d]);
	}
}

/* Before and after, none negative. */
static void verify_margins(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);

	verify_same_rank(c, op);
	for (int i = 0; i < TNC_LISTS; i++) {
		need_list(c, op, i, in->rank);
		need_entries(c, op, i, 0, TNC_DIM_MAX);
	}
	for (int d = 0; d < in->rank; d++)
		tnc_need_size(c, tnc_op_output(c, op), d,
			      (int64_t)in->shape[d] + op->list[0].id[d] +
				      op->list[1].id[d]);
}

void tnc_verify_pad(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *value = tnc_op_input(c, op, 1);

	verify_margins(c, op);
	if (!value)
		return;
	tnc_need_same_type(c, in, value);
	if (!value->data || tnc_tensor_elements(value) != 1)
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported: padding must be one constant");
}

void tnc_verify_mirror_pad(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);

	verify_margins(c, op);
	for (int d = 0; d < in->rank; d++) {
		int most = in->shape[d] - !(op->mode & TNC_MODE_SYMMETRIC);

		if (op->list[0].id[d] > most || op->list[1].id[d] > most)
			tnc_error(c, -EINVAL,
				  "dimension %d of %d mirrors %d and %d", d,
				  in->shape[d], op->list[0].id[d],
				  op->list[1].id[d]);
	}
}

void tnc_verify_tile(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);

	verify_same_rank(c, op);
	for (int d = 0; d < in->rank; d++)
		if (out->shape[d] % in->shape[d])
			tnc_error(c, -EINVAL, "dimension %d: %d from %d", d,
				  out->shape[d], in->shape[d]);
}

void tnc_verify_broadcast_to(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);

	verify_move(c, op, in);
	if (in->rank > out->rank)
		tnc_error(c, -EINVAL, "%d dimensions from %d", out->rank,
			  in->rank);
	for (int d = 0; d < out->rank; d++) {
		int size = tnc_tensor_dim(in, out->rank, d);

		if (size != 1 && size != out->shape[d])
			tnc_error(c, -EINVAL, "dimension %d: %d from %d", d,
				  out->shape[d], size);
	}
}

void tnc_verify_reverse(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);

	verify_same_rank(c, op);
	need_entries(c, op, 0, 0, in->rank - 1);
	for (int d = 0; d < in->rank; d++)
		tnc_need_size(c, tnc_op_output(c, op), d, in->shape[d]);
}

/* Blocks of @deep's channels are squares of @wide's pixels. */
static void verify_depth(struct tnc *c, const struct tnc_op *op,
			 const struct tnc_tensor *deep,
			 const struct tnc_tensor *wide)
{
	int64_t block;

	verify_same_rank(c, op);
	tnc_need_rank(c, deep, PICTURE);
	need_list(c, op, 0, 1);
	need_entries(c, op, 0, 1, TNC_WINDOW_MAX);
	block = op->list[0].id[0];
	tnc_need_size(c, wide, BATCH, deep->shape[BATCH]);
	tnc_need_size(c, wide, HEIGHT, deep->shape[HEIGHT] * block);
	tnc_need_size(c, wide, WIDTH, deep->shape[WIDTH] * block);
	tnc_need_size(c, deep, CHANNELS,
		      wide->shape[CHANNELS] * block * block);
}

void tnc_verify_space_to_depth(struct tnc *c, const struct tnc_op *op)
{
	verify_depth(c, op, tnc_op_output(c, op), tnc_op_input(c, op, 0));
}

void tnc_verify_depth_to_space(struct tnc *c, const struct tnc_op *op)
{
	verify_depth(c, op, tnc_op_input(c, op, 0), tnc_op_output(c, op));
}

/*
 * @many has a batch for each place in a block of @wide's dimensions behind the
 * first. Of what they cover, @wide begins at "before" and may end earlier.
 */
static void verify_batch(struct tnc *c, const struct tnc_op *op,
			 const struct tnc_tensor *many,
			 const struct tnc_tensor *wide)
{
	int dims = op->list[0].count;
	int64_t batches = wide->shape[BATCH];

	verify_same_rank(c, op);
	need_list(c, op, 1, dims);
	if (dims < 1 || dims >= many->rank)
		tnc_error(c, -EINVAL, "blocks of %d dimensions out of %d",
			  dims, many->rank);
	need_entries(c, op, 0, 1, TNC_WINDOW_MAX);
	need_entries(c, op, 1, 0, TNC_DIM_MAX);
	for (int d = 1; d < many->rank; d++) {
		int64_t room = many->shape[d];

		if (d > dims) {
			tnc_need_size(c, wide, d, room);
			continue;
		}
		room = room * op->list[0].id[d - 1] - op->list[1].id[d - 1];
		batches *= op->list[0].id[d - 1];
		if (wide->shape[d] > room || batches > TNC_DIM_MAX)
			tnc_error(c, -EINVAL,
				  "dimension %d is %d, blocks cover %lld", d,
				  wide->shape[d], (long long)room);
	}
	tnc_need_size(c, many, BATCH, batches);
}

void tnc_verify_space_to_batch(struct tnc *c, const struct tnc_op *op)
{
	verify_batch(c, op, tnc_op_output(c, op), tnc_op_input(c, op, 0));
}

void tnc_verify_batch_to_space(struct tnc *c, const struct tnc_op *op)
{
	verify_batch(c, op, tnc_op_input(c, op, 0), tnc_op_output(c, op));
}

/* The output has the indices' dimensions in place of the axis. */
void tnc_verify_gather(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *index = tnc_op_input(c, op, 1);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int batch = op->list[0].count ? op->list[0].id[0] : 0;
	int d = 0;

	verify_move(c, op, in);
	need_axis(c, op->axis, in->rank);
	if (index->type != TNC_INT8 && index->type != TNC_INT16 &&
	    index->type != TNC_INT32 && index->type != TNC_INT64)
		tnc_error(c, -EINVAL, "indices of %s",
			  tnc_type_info[index->type].name);
	if (batch < 0 || batch > op->axis || batch > index->rank)
		tnc_error(c, -EINVAL, "%d dimensions of batches", batch);
	tnc_need_rank(c, out, in->rank - 1 + index->rank - batch);
	for (; d < op->axis; d++)
		tnc_need_size(c, out, d, in->shape[d]);
	for (int k = 0; k < batch; k++)
		tnc_need_size(c, index, k, in->shape[k]);
	for (int k = batch; k < index->rank; k++)
		tnc_need_size(c, out, d++, index->shape[k]);
	for (int k = op->axis + 1; k < in->rank; k++)
		tnc_need_size(c, out, d++, in->shape[k]);
	for (int64_t i = 0; index->data && i < tnc_tensor_elements(index); i++) {
		int64_t value = tnc_tensor_integer(index, i);

		if (value < 0 || value >= in->shape[op->axis])
			tnc_error(c, -EINVAL, "index %lld is %lld of %d",
				  (long long)i, (long long)value,
				  in->shape[op->axis]);
	}
}
