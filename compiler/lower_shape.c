// SPDX-License-Identifier: MIT
/*
 * Part of pass 'l': operators that compute element by element get pictures of
 * which the vector unit can repeat rows, columns and channels. Dimensions that
 * behave alike become one; one that is too large for a row becomes two.
 */
#include <errno.h>
#include <string.h>

#include "pass.h"
#include "vector.h"

#define DIMS 3			/* rows, columns, channels */
#define CHANNELS_GOOD 4096	/* at most so many, if they can be divided */

/* Dimensions of the output, and which inputs are repeated in them: bits. */
struct dims {
	int count;
	int32_t size[TNC_RANK_MAX];
	unsigned int repeated[TNC_RANK_MAX];
};

static struct dims dims_of(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	struct dims d = { 0 };

	for (int i = 0; i < out->rank; i++) {
		unsigned int repeated = 0;

		if (out->shape[i] == 1)
			continue;
		for (int k = 0; k < op->inputs; k++)
			if (tnc_tensor_dim(tnc_op_input(c, op, k), out->rank,
					   i) == 1)
				repeated |= 1u << k;
		if (d.count && d.repeated[d.count - 1] == repeated) {
			d.size[d.count - 1] *= out->shape[i];
			continue;
		}
		d.size[d.count] = out->shape[i];
		d.repeated[d.count++] = repeated;
	}
	return d;
}

int tnc_largest_divisor(int32_t of, int most)
{
	int divisor = of < most ? of : most;

	while (of % divisor)
		divisor--;
	return divisor;
}

/* Splits the last dimension, if it is too long and there is one to spare. */
static void split(struct dims *d)
{
	int last = d->count - 1, divisor;

	if (last < 0 || d->count == DIMS || d->size[last] <= CHANNELS_GOOD)
		return;
	divisor = tnc_largest_divisor(d->size[last], CHANNELS_GOOD);
	d->size[d->count] = divisor;
	d->repeated[d->count++] = d->repeated[last];
	d->size[last] /= divisor;
	if (d->count == DIMS || d->size[last] <= CHANNELS_GOOD)
		return;
	d->size[d->count] = divisor;
	d->repeated[d->count++] = d->repeated[last];
	divisor = tnc_largest_divisor(d->size[last], CHANNELS_GOOD / divisor + 1);
	d->size[last + 1] = divisor;
	d->size[last] /= divisor;
}

static void shape_of(const struct dims *d, int input, int32_t shape[4])
{
	int first = 4 - d->count;

	for (int i = 0; i < 4; i++)
		shape[i] = 1;
	for (int i = 0; i < d->count; i++)
		if (input < 0 || !(d->repeated[i] >> input & 1))
			shape[first + i] = d->size[i];
}

/* Needs: inputs that are broadcast to the output. Leaves: pictures. */
void tnc_lower_elementwise(struct tnc *c, struct tnc_op *op)
{
	struct dims d = dims_of(c, op);
	int32_t shape[4];

	if (d.count > DIMS)
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported broadcast in more than %d directions",
			  DIMS);
	split(&d);
	for (int i = 0; i < op->inputs; i++) {
		shape_of(&d, i, shape);
		op->input[i] = tnc_picture_view(c, op->input[i], shape, false);
	}
	shape_of(&d, -1, shape);
	op->output = tnc_picture_view(c, op->output, shape, true);
}

/* Likewise, of one input: rows of the last dimension. */
void tnc_lower_matrix(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	int32_t depth = out->shape[out->rank - 1];
	int32_t rows = tnc_tensor_elements(out) / depth;
	const int32_t shape[4] = { 1, rows, 1, depth };

	op->input[0] = tnc_picture_view(c, op->input[0], shape, false);
	op->output = tnc_picture_view(c, op->output, shape, true);
}
