// SPDX-License-Identifier: MIT
/*
 * Operators of a TFLite file that move bytes without looking at them, or that
 * shapes alone decide: constants where the file has inputs become attributes,
 * several outputs become several operators, and what only changes a shape is a
 * RESHAPE.
 */
#include <errno.h>
#include <string.h>

#include "tflite.h"

/* A tensor like @like but for its shape. */
static struct tnc_tensor *temporary(struct tnc *c,
				    const struct tnc_tensor *like,
				    const int32_t *shape, int rank)
{
	struct tnc_tensor *t = tnc_tensor_new(c, like);

	t->rank = rank;
	memcpy(t->shape, shape, rank * sizeof(*shape));
	tnc_tensor_check_shape(c, t);
	return t;
}

static struct tnc_op *append(const struct tnc_tflite_op *from,
			     enum tnc_op_kind kind, int input, int output)
{
	struct tnc_op *op = tnc_op_append(from->c, kind);

	op->source = from->number;
	tnc_op_add_input(from->c, op, input);
	op->output = output;
	return op;
}

/* Part of @input from @begin on; its size is that of the output. */
static struct tnc_op *append_slice(const struct tnc_tflite_op *from, int input,
				   int output, const int32_t *begin,
				   const int32_t *step)
{
	struct tnc *c = from->c;
	struct tnc_op *op = append(from, TNC_SLICE, input, output);

	for (int d = 0; d < c->tensor[input]->rank; d++) {
		tnc_list_append(c, &op->list[0], begin[d]);
		tnc_list_append(c, &op->list[1], step ? step[d] : 1);
	}
	return op;
}

/* Pairs of constant input @index: to the one list and, if there is, the other. */
static void import_pairs(const struct tnc_tflite_op *from, int index,
			 struct tnc_list *first, struct tnc_list *second)
{
	struct tnc_list pairs = { 0 };

	tnc_tflite_constant(from, index, &pairs);
	if (pairs.count % 2)
		tnc_error(from->c, -EINVAL, "%d values in pairs", pairs.count);
	for (int i = 0; i < pairs.count; i += 2) {
		tnc_list_append(from->c, first, pairs.id[i]);
		if (second)
			tnc_list_append(from->c, second, pairs.id[i + 1]);
	}
}

void tnc_tflite_pad(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, TNC_PAD, 1);

	import_pairs(from, 1, &op->list[0], &op->list[1]);
	if (from->in.count > 2)
		tnc_op_add_input(from->c, op, tnc_tflite_input(from, 2)->id);
}

void tnc_tflite_mirror_pad(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, TNC_MIRROR_PAD, 1);

	import_pairs(from, 1, &op->list[0], &op->list[1]);
	if (tnc_fb_i8(&from->options, 0, 0))
		op->mode = TNC_MODE_SYMMETRIC;
}

void tnc_tflite_slice(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, TNC_SLICE, 1);

	tnc_tflite_constant(from, 1, &op->list[0]);
	for (int i = 0; i < op->list[0].count; i++)
		tnc_list_append(from->c, &op->list[1], 1);
}

/* Where TFLite's masks find their bits in a StridedSlice's options. */
enum { BEGIN_MASK, END_MASK, ELLIPSIS_MASK, NEW_AXIS_MASK, SHRINK_MASK, MASKS };

struct strided {
	const struct tnc_tflite_op *from;
	const struct tnc_tensor *in;
	struct tnc_list begin, end, step;
	uint32_t mask[MASKS];
	/* Of the input's dimensions: */
	int32_t first[TNC_RANK_MAX];
	int32_t stride[TNC_RANK_MAX];
	int32_t size[TNC_RANK_MAX];
	int dims;
};

static bool has(const struct strided *s, int mask, int i)
{
	return i < 32 && s->mask[mask] & 1u << i;
}

static int clip(int64_t value, int low, int high)
{
	return value < low ? low : value > high ? high : value;
}

static void whole_dimension(struct strided *s)
{
	if (s->dims >= s->in->rank)
		tnc_error(s->from->c, -EINVAL, "slice of %d dimensions",
			  s->in->rank);
	s->first[s->dims] = 0;
	s->stride[s->dims] = 1;
	s->size[s->dims] = s->in->shape[s->dims];
	s->dims++;
}

/* Entry @i of begin, end and strides is about the next dimension. */
static void sliced_dimension(struct strided *s, int i)
{
	int64_t begin = s->begin.id[i], end = s->end.id[i];
	int64_t step = s->step.id[i], last;
	int d = s->dims, count;

	whole_dimension(s);
	count = s->size[d];
	if (!step || step == INT32_MIN)
		tnc_error(s->from->c, -EINVAL, "stride %lld", (long long)step);
	begin += begin < 0 ? count : 0;
	end += end < 0 ? count : 0;
	if (has(s, BEGIN_MASK, i))
		begin = step > 0 ? 0 : count - 1;
	if (has(s, END_MASK, i))
		end = step > 0 ? count : -1;
	if (has(s, SHRINK_MASK, i)) {
		step = 1;
		end = begin + 1;
	}
	begin = clip(begin, step > 0 ? 0 : -1, step > 0 ? count : count - 1);
	last = clip(end, step > 0 ? 0 : -1, step > 0 ? count : count - 1);
	s->first[d] = begin;
	s->stride[d] = step;
	s->size[d] = step > 0 ? (last - begin + step - 1) / step :
				(begin - last - step - 1) / -step;
	if (s->size[d] < 1)
		tnc_error(s->from->c, -EINVAL, "slice is empty in dimension %d",
			  d);
}

static void strided_dimensions(struct strided *s)
{
	int entries = s->begin.count, named = 0;

	if (s->end.count != entries || s->step.count != entries)
		tnc_error(s->from->c, -EINVAL, "%d, %d and %d values of a slice",
			  entries, s->end.count, s->step.count);
	for (int i = 0; i < entries; i++)
		named += !has(s, NEW_AXIS_MASK, i) &&
			 !has(s, ELLIPSIS_MASK, i);
	for (int i = 0; i < entries; i++) {
		if (has(s, ELLIPSIS_MASK, i))
			for (int k = named; k < s->in->rank; k++)
				whole_dimension(s);
		else if (!has(s, NEW_AXIS_MASK, i))
			sliced_dimension(s, i);
	}
	while (s->dims < s->in->rank)
		whole_dimension(s);
}

/* New and dropped dimensions are a matter of shape: a RESHAPE behind. */
void tnc_tflite_strided_slice(const struct tnc_tflite_op *from)
{
	struct tnc *c = from->c;
	struct strided s = { .from = from, .in = tnc_tflite_input(from, 0) };
	struct tnc_tensor *out = tnc_tflite_output(from, 0), *part;

	tnc_tflite_constant(from, 1, &s.begin);
	tnc_tflite_constant(from, 2, &s.end);
	tnc_tflite_constant(from, 3, &s.step);
	for (int i = 0; i < MASKS; i++)
		s.mask[i] = tnc_fb_i32(&from->options, i, 0);
	if (tnc_fb_i8(&from->options, MASKS, 0))
		for (int i = 0; i < s.end.count && i < s.begin.count; i++)
			s.end.id[i] = clip((int64_t)s.end.id[i] + s.begin.id[i],
					   INT32_MIN, INT32_MAX);
	strided_dimensions(&s);
	part = temporary(c, out, s.size, s.dims);
	append_slice(from, s.in->id, part->id, s.first, s.stride);
	append(from, TNC_RESHAPE, part->id, out->id);
}

/* Consecutive parts along an axis, as large as the outputs are. */
static void split(const struct tnc_tflite_op *from, struct tnc_tensor *in,
		  int axis)
{
	int32_t begin[TNC_RANK_MAX] = { 0 };

	for (int i = 0; i < from->out.count; i++) {
		const struct tnc_tensor *out = tnc_tflite_output(from, i);

		if (out->rank != in->rank)
			tnc_error(from->c, -EINVAL,
				  "part has %d dimensions of %d", out->rank,
				  in->rank);
		append_slice(from, in->id, out->id, begin, NULL);
		if (out->shape[axis] > in->shape[axis] - begin[axis])
			tnc_error(from->c, -EINVAL, "parts exceed %d",
				  in->shape[axis]);
		begin[axis] += out->shape[axis];
	}
}

void tnc_tflite_split(const struct tnc_tflite_op *from)
{
	struct tnc_tensor *in = tnc_tflite_input(from, 1);

	split(from, in, tnc_tflite_axis(from, tnc_tflite_constant_one(from, 0),
					in->rank));
}

void tnc_tflite_split_v(const struct tnc_tflite_op *from)
{
	struct tnc_tensor *in = tnc_tflite_input(from, 0);

	split(from, in, tnc_tflite_axis(from, tnc_tflite_constant_one(from, 2),
					in->rank));
}

/* The shape of @t with a dimension of size 1 at @axis, or there set to 1. */
static int with_one(const struct tnc_tflite_op *from,
		    const struct tnc_tensor *t, int axis, bool is_new,
		    int32_t *shape)
{
	int rank = 0;

	if (is_new && t->rank == TNC_RANK_MAX)
		tnc_error(from->c, -EOPNOTSUPP,
			  "unsupported: more than %d dimensions", TNC_RANK_MAX);
	for (int d = 0; d < t->rank + is_new; d++)
		shape[rank++] = d == axis ? 1 :
				t->shape[is_new && d > axis ? d - 1 : d];
	return rank;
}

void tnc_tflite_unpack(const struct tnc_tflite_op *from)
{
	struct tnc_tensor *in = tnc_tflite_input(from, 0);
	int axis = tnc_tflite_axis(from, tnc_fb_i32(&from->options, 1, 0),
				   in->rank);
	int32_t begin[TNC_RANK_MAX] = { 0 }, shape[TNC_RANK_MAX];
	int rank = with_one(from, in, axis, false, shape);

	if (from->out.count > in->shape[axis])
		tnc_error(from->c, -EINVAL, "%d parts of %d", from->out.count,
			  in->shape[axis]);
	for (int i = 0; i < from->out.count; i++) {
		struct tnc_tensor *part = temporary(from->c, in, shape, rank);

		begin[axis] = i;
		append_slice(from, in->id, part->id, begin, NULL);
		append(from, TNC_RESHAPE, part->id,
		       tnc_tflite_output(from, i)->id);
	}
}

void tnc_tflite_pack(const struct tnc_tflite_op *from)
{
	struct tnc *c = from->c;
	struct tnc_tensor *out = tnc_tflite_output(from, 0);
	int axis = tnc_tflite_axis(from, tnc_fb_i32(&from->options, 1, 0),
				   out->rank);
	int32_t shape[TNC_RANK_MAX];
	struct tnc_list part = { 0 };
	struct tnc_op *op;

	for (int i = 0; i < from->in.count; i++) {
		struct tnc_tensor *in = tnc_tflite_input(from, i);
		int rank = with_one(from, in, axis, true, shape);

		tnc_list_append(c, &part, temporary(c, in, shape, rank)->id);
		c->tensor[part.id[i]]->data = in->data;
		if (!in->data)
			append(from, TNC_RESHAPE, in->id, part.id[i]);
	}
	op = tnc_tflite_op(from, TNC_CONCATENATION, TNC_INPUTS_ANY);
	op->axis = axis;
	memcpy(op->input, part.id, part.count * sizeof(*part.id));
}

void tnc_tflite_concatenation(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, TNC_CONCATENATION,
					  TNC_INPUTS_ANY);

	op->axis = tnc_tflite_axis(from, tnc_fb_i32(&from->options, 0, 0),
				   tnc_tflite_output(from, 0)->rank);
	if (tnc_fb_i8(&from->options, 1, 0))
		tnc_error(from->c, -EOPNOTSUPP,
			  "unsupported activation behind a concatenation");
}

void tnc_tflite_transpose(const struct tnc_tflite_op *from)
{
	tnc_tflite_constant(from, 1,
			    &tnc_tflite_op(from, TNC_TRANSPOSE, 1)->list[0]);
}

void tnc_tflite_reverse(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, TNC_REVERSE, 1);
	struct tnc_list axes = { 0 };

	tnc_tflite_constant(from, 1, &axes);
	for (int i = 0; i < axes.count; i++)
		tnc_list_append(from->c, &op->list[0],
				tnc_tflite_axis(from, axes.id[i],
						tnc_tflite_input(from, 0)->rank));
}

void tnc_tflite_depth(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, from->row->kind, 1);

	tnc_list_append(from->c, &op->list[0],
			tnc_fb_i32(&from->options, 0, 0));
}

/* What is cut off or added behind follows from the shapes. */
void tnc_tflite_batch(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, from->row->kind, 1);

	tnc_tflite_constant(from, 1, &op->list[0]);
	import_pairs(from, 2, &op->list[1], NULL);
}

/* Makes the output a constant with room for its data. */
static struct tnc_tensor *constant_output(const struct tnc_tflite_op *from)
{
	struct tnc_tensor *out = tnc_tflite_output(from, 0);

	if (!out->data)
		out->data = tnc_alloc(from->c, 1, tnc_tensor_bytes(out));
	return out;
}

void tnc_tflite_zeros_like(const struct tnc_tflite_op *from)
{
	constant_output(from);
}

void tnc_tflite_shape(const struct tnc_tflite_op *from)
{
	const struct tnc_tensor *in = tnc_tflite_input(from, 0);
	struct tnc_tensor *out = constant_output(from);
	int size = tnc_type_info[out->type].size;

	if ((out->type != TNC_INT32 && out->type != TNC_INT64) ||
	    tnc_tensor_elements(out) != in->rank)
		tnc_error(from->c, -EINVAL, "shape of %d dimensions does not fit",
			  in->rank);
	for (int d = 0; d < in->rank; d++) {
		int64_t value = in->shape[d];

		memcpy(out->data + d * size, &value, size);
	}
}

/* A value repeated: in the file behind the dimensions, which the output has. */
void tnc_tflite_fill(const struct tnc_tflite_op *from)
{
	struct tnc_op *op = tnc_tflite_op(from, TNC_BROADCAST_TO, 1);

	op->input[0] = tnc_tflite_input(from, 1)->id;
}
