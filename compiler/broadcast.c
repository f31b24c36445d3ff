// SPDX-License-Identifier: MIT
/*
 * Part of pass 'l': operators on two tensors one of which is repeated. The
 * machine repeats rows and pixels of a picture, but not channels. So dimensions
 * that behave alike become one; where channels are repeated they become
 * pixels of one channel, or, of a constant, are written out.
 */
#include <errno.h>
#include <string.h>

#include "pass.h"

#define CHANNELS_GOOD 4096 /* at most so many of a row that is cut */

/* Dimensions of the output, and in which of them each input is repeated. */
struct broadcast {
	int count;
	struct {
		int32_t size;
		bool is_repeated[2];
	} dim[TNC_RANK_MAX + 1];
};

static void add_dims(struct tnc *c, const struct tnc_op *op,
		     struct broadcast *b)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);

	for (int d = 0; d < out->rank; d++) {
		if (out->shape[d] == 1)
			continue;
		b->dim[b->count].size = out->shape[d];
		for (int i = 0; i < 2; i++)
			b->dim[b->count].is_repeated[i] =
				tnc_tensor_dim(tnc_op_input(c, op, i),
					       out->rank, d) == 1;
		b->count++;
	}
}

static bool is_alike(const struct broadcast *b, int d, int other)
{
	return b->dim[d].is_repeated[0] == b->dim[other].is_repeated[0] &&
	       b->dim[d].is_repeated[1] == b->dim[other].is_repeated[1];
}

/* Makes one of the first two neighbours that behave alike. */
static bool merge(struct broadcast *b)
{
	for (int d = 0; d + 1 < b->count; d++) {
		if (!is_alike(b, d, d + 1))
			continue;
		b->dim[d + 1].size *= b->dim[d].size;
		b->count--;
		memmove(&b->dim[d], &b->dim[d + 1],
			(b->count - d) * sizeof(b->dim[0]));
		return true;
	}
	return false;
}

static bool repeats_channels(const struct broadcast *b, int input)
{
	return b->count && b->dim[b->count - 1].is_repeated[input];
}

/* Rows, columns and channels, filled up with ones from the front. */
static void shape_of(const struct broadcast *b, int input, int32_t shape[4])
{
	int first = 4 - b->count;

	for (int d = 0; d < 4; d++)
		shape[d] = 1;
	for (int d = 0; d < b->count; d++)
		if (input < 0 || !b->dim[d].is_repeated[input])
			shape[first + d] = b->dim[d].size;
}

/* A constant like @id with each element @times times. */
static int write_out(struct tnc *c, int id, int times)
{
	const struct tnc_tensor *from = c->tensor[id];
	const uint8_t *data = tnc_tensor_root(c, id)->data;
	struct tnc_tensor *t = tnc_tensor_new(c, from);
	int64_t count = tnc_tensor_elements(from);

	t->rank = 2;
	t->shape[0] = count;
	t->shape[1] = times;
	tnc_tensor_check_shape(c, t);
	t->data = tnc_alloc(c, 1, tnc_tensor_bytes(t));
	for (int64_t i = 0; i < count; i++)
		memset(t->data + i * times, data[i], times);
	return t->id;
}

/* Rows that are too long for a field, and nothing is repeated: any shape will do. */
static void cut_rows(struct tnc *c, struct tnc_op *op, int64_t elements)
{
	int channels = tnc_largest_divisor(elements, CHANNELS_GOOD);
	int columns = tnc_largest_divisor(elements / channels, CHANNELS_GOOD);
	const int32_t shape[4] = { 1, elements / channels / columns, columns,
				   channels };

	for (int i = 0; i < 2; i++)
		op->input[i] = tnc_picture_view(c, op->input[i], shape, false);
	op->output = tnc_picture_view(c, op->output, shape, true);
}

/*
 * Needs: a sum or its like. Leaves: inputs and output as pictures, if one of the
 * inputs was repeated or rows are too long; else nothing has changed.
 */
void tnc_legalise_broadcast(struct tnc *c, struct tnc_op *op)
{
	struct broadcast b = { 0 };
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int64_t elements = tnc_tensor_elements(out);
	int32_t shape[4];

	if (tnc_tensor_elements(tnc_op_input(c, op, 0)) == elements &&
	    tnc_tensor_elements(tnc_op_input(c, op, 1)) == elements) {
		if (out->rank && out->shape[out->rank - 1] > UINT16_MAX)
			cut_rows(c, op, elements);
		return;
	}
	tnc_place_op(c, op);
	add_dims(c, op, &b);
	for (int i = 0; i < 2; i++) {
		if (!repeats_channels(&b, i) ||
		    !tnc_tensor_root(c, op->input[i])->data)
			continue;
		op->input[i] = write_out(c, op->input[i],
					 b.dim[b.count - 1].size);
		b.dim[b.count - 1].is_repeated[i] = false;
	}
	if (repeats_channels(&b, 0) || repeats_channels(&b, 1))
		b.dim[b.count++].size = 1;
	while (b.count > 3)
		if (!merge(&b))
			tnc_error(c, -EOPNOTSUPP,
				  "unsupported broadcast in more than 3 directions");
	for (int i = 0; i < 2; i++) {
		shape_of(&b, i, shape);
		op->input[i] = tnc_picture_view(c, op->input[i], shape, false);
	}
	shape_of(&b, -1, shape);
	op->output = tnc_picture_view(c, op->output, shape, true);
	tnc_place_none(c);
}
