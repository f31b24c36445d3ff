// SPDX-License-Identifier: MIT
/*
 * ONNX operators with a window that moves over a picture: convolutions and
 * pools. ONNX has channels before rows and columns, the graph has them last:
 * so transpositions stand around each such operator, which pass 'n' takes away
 * again. A line of samples is a picture of one row.
 */
#include <errno.h>
#include <float.h>
#include <string.h>

#include "onnx_ops.h"

#define SPREAD_MAX 256	/* cells of a window with dilation */

struct window {
	int dims;		/* 1: the picture has one row */
	struct tnc_hw size;
	struct tnc_hw stride;
	struct tnc_hw dilation;
	struct tnc_pads pads;
};

/*
 * How many directions the node's picture has: of three, the first is the business
 * of onnx_volume.c, and here are the last two.
 */
static int directions(struct tnc_onnx *im, int dims)
{
	int rank = tnc_onnx_tensor(im, tnc_onnx_input(im, 0))->rank;

	return rank == 5 ? 3 : dims;
}

/* An attribute with an entry for each direction, 1 if it is absent. */
static struct tnc_hw pair(struct tnc_onnx *im, const char *name, int dims)
{
	struct tnc_onnx_ints list = tnc_onnx_attr_ints(im, name);
	int all = directions(im, dims);
	struct tnc_hw hw = { 1, 1 };

	if (!list.count)
		return hw;
	if (list.count != all)
		tnc_error(im->c, -EINVAL, "\"%s\" has %d entries, needs %d",
			  name, list.count, all);
	for (int i = 0; i < all; i++)
		if (list.at[i] < 1 || list.at[i] > TNC_WINDOW_MAX)
			tnc_error(im->c, -EINVAL, "\"%s\" has the entry %lld",
				  name, (long long)list.at[i]);
	if (dims == 2)
		hw.h = list.at[all - 2];
	hw.w = list.at[all - 1];
	return hw;
}

/* Padding that keeps a size, but for the stride; the odd cell goes last. */
void tnc_onnx_pad_same(int in, int span, int stride, bool is_odd_first,
		       int *first, int *last)
{
	int64_t total = (int64_t)((in + stride - 1) / stride - 1) * stride +
			span - in;

	if (total < 0)
		total = 0;
	*first = (total + is_odd_first) / 2;
	*last = total - *first;
}

static struct tnc_hw span_of(const struct window *w)
{
	return (struct tnc_hw){ (w->size.h - 1) * w->dilation.h + 1,
				(w->size.w - 1) * w->dilation.w + 1 };
}

/* Fills in all but the size, for the picture @in (channels last). */
static void read_window(struct tnc_onnx *im, struct window *w,
			const struct tnc_tensor *in)
{
	struct tnc_onnx_ints pads = tnc_onnx_attr_ints(im, "pads");
	const char *mode = tnc_onnx_attr_string(im, "auto_pad", "NOTSET");
	bool is_lower = !strcmp(mode, "SAME_LOWER");
	int all = directions(im, w->dims);
	struct tnc_hw span;

	w->stride = pair(im, "strides", w->dims);
	w->dilation = pair(im, "dilations", w->dims);
	span = span_of(w);
	if (is_lower || !strcmp(mode, "SAME_UPPER")) {
		tnc_onnx_pad_same(in->shape[1], span.h, w->stride.h, is_lower,
				  &w->pads.top, &w->pads.bottom);
		tnc_onnx_pad_same(in->shape[2], span.w, w->stride.w, is_lower,
				  &w->pads.left, &w->pads.right);
		return;
	}
	if (!strcmp(mode, "VALID") || !pads.count)
		return;
	if (strcmp(mode, "NOTSET"))
		tnc_error(im->c, -EINVAL, "unknown auto_pad %.32s", mode);
	if (pads.count != 2 * all)
		tnc_error(im->c, -EINVAL, "\"pads\" has %d entries, needs %d",
			  pads.count, 2 * all);
	for (int i = 0; i < pads.count; i++)
		if (pads.at[i] < 0 || pads.at[i] > TNC_WINDOW_MAX)
			tnc_error(im->c, -EINVAL, "\"pads\" has the entry %lld",
				  (long long)pads.at[i]);
	w->pads.left = pads.at[all - 1];
	w->pads.right = pads.at[2 * all - 1];
	if (w->dims == 2) {
		w->pads.top = pads.at[all - 2];
		w->pads.bottom = pads.at[2 * all - 2];
	}
}

static int positions(struct tnc_onnx *im, int in, int pads, int span,
		     int stride, bool is_ceil)
{
	int64_t room = (int64_t)in + pads - span;

	if (room < 0)
		tnc_error(im->c, -EINVAL, "a window of %d on %d cells", span,
			  in + pads);
	return (room + (is_ceil ? stride - 1 : 0)) / stride + 1;
}

static struct tnc_hw output_size(struct tnc_onnx *im, const struct window *w,
				 const struct tnc_tensor *in, bool is_ceil)
{
	struct tnc_hw span = span_of(w);

	return (struct tnc_hw){
		positions(im, in->shape[1], w->pads.top + w->pads.bottom,
			  span.h, w->stride.h, is_ceil),
		positions(im, in->shape[2], w->pads.left + w->pads.right,
			  span.w, w->stride.w, is_ceil),
	};
}

static void set_window(struct tnc_op *op, const struct window *w)
{
	op->stride = w->stride;
	op->dilation = w->dilation;
	op->pad = TNC_PAD_EXPLICIT;
	op->pads = w->pads;
}

/* A picture as the graph has it, of an input with one or two directions. */
static int picture(struct tnc_onnx *im, int id, int *dims)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);

	if (t->rank != 3 && t->rank != 4)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: %d dimensions, must be 3 or 4",
			  t->rank);
	*dims = t->rank - 2;
	if (t->rank == 3)
		id = tnc_onnx_reshape(im, id, 4,
				      (const int32_t[]){ t->shape[0],
							 t->shape[1], 1,
							 t->shape[2] });
	return tnc_onnx_nhwc(im, id);
}

static int from_picture(struct tnc_onnx *im, int id, int dims)
{
	const struct tnc_tensor *t;

	id = tnc_onnx_nchw(im, id);
	t = tnc_onnx_tensor(im, id);
	if (dims == 2)
		return id;
	return tnc_onnx_reshape(im, id, 3,
				(const int32_t[]){ t->shape[0], t->shape[1],
						   t->shape[3] });
}

/* Padding that is wider than the window becomes an operator of its own. */
static int pad_apart(struct tnc_onnx *im, int id, struct window *w)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);
	struct tnc_hw span = span_of(w);
	struct tnc_pads p = w->pads;
	int before[4] = { 0, p.top, p.left, 0 };
	int after[4] = { 0, p.bottom, p.right, 0 };
	int32_t shape[4];
	struct tnc_op *op;
	int out;

	if (p.top < span.h && p.bottom < span.h && p.left < span.w &&
	    p.right < span.w)
		return id;
	for (int d = 0; d < 4; d++)
		shape[d] = t->shape[d] + before[d] + after[d];
	out = tnc_onnx_new(im, t->type, 4, shape);
	tnc_onnx_tensor(im, out)->quant = t->quant;
	op = tnc_onnx_op(im, TNC_PAD, out, 1, id);
	for (int d = 0; d < 4; d++) {
		tnc_list_append(im->c, &op->list[0], before[d]);
		tnc_list_append(im->c, &op->list[1], after[d]);
	}
	w->pads = (struct tnc_pads){ 0 };
	return out;
}

/* Weights [out][in][rows][columns], also of a line of samples. */
static int weights_of(struct tnc_onnx *im, int id, int dims)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);

	if (t->rank != dims + 2)
		tnc_error(im->c, -EINVAL, "weights have %d dimensions, not %d",
			  t->rank, dims + 2);
	if (dims == 2)
		return id;
	return tnc_onnx_reshape(im, id, 4,
				(const int32_t[]){ t->shape[0], t->shape[1], 1,
						   t->shape[2] });
}

/* Everything about a convolution but its operator. */
struct conv {
	struct tnc_onnx_conv what;
	struct window window;
	struct tnc_hw out;
	int x;			/* channels last */
	int w;			/* as ONNX has them */
};

static int output_of(struct tnc_onnx *im, const struct conv *v, int channels)
{
	int out = tnc_onnx_new(im, v->what.type, 4,
			       (const int32_t[]){
				       tnc_onnx_tensor(im, v->x)->shape[0],
				       v->out.h, v->out.w, channels });

	tnc_onnx_tensor(im, out)->quant = v->what.out;
	return out;
}

static int convolve_integers(struct tnc_onnx *im, const struct conv *v)
{
	int out = output_of(im, v, tnc_onnx_tensor(im, v->w)->shape[0]);
	int w = tnc_onnx_nhwc(im, v->w);
	struct tnc_op *op = tnc_onnx_op(im, v->what.kind, out, 2, v->x, w);

	for (int i = 0; i < TNC_ONNX_EXTRA; i++)
		tnc_op_add_input(im->c, op, v->what.extra[i]);
	set_window(op, &v->window);
	return out;
}

static int convolve(struct tnc_onnx *im, const struct conv *v, int x, int w,
		    int bias, struct tnc_quant quant, bool is_depthwise)
{
	int channels = tnc_onnx_tensor(im, w)->shape[0];
	int out = output_of(im, v, channels);
	struct tnc_op *op;

	w = tnc_onnx_transpose(im, w,
			       is_depthwise ? (const int[]){ 1, 2, 3, 0 } :
					      (const int[]){ 0, 2, 3, 1 });
	quant.axis = is_depthwise ? 3 : 0;
	tnc_onnx_tensor(im, w)->quant = quant;
	op = tnc_onnx_op(im,
			 is_depthwise ? TNC_DEPTHWISE_CONV_2D : TNC_CONV_2D,
			 out, 2, x, w);
	if (bias != TNC_INPUT_NONE)
		tnc_op_add_input(im->c, op, bias);
	set_window(op, &v->window);
	if (quant.count)
		op->mode |= TNC_MODE_ONNX;
	return out;
}

/* Groups of channels that know nothing of each other: one after the other. */
static int convolve_groups(struct tnc_onnx *im, const struct conv *v,
			   int groups)
{
	int in = tnc_onnx_tensor(im, v->x)->shape[3] / groups;
	int channels = tnc_onnx_tensor(im, v->w)->shape[0];
	int size = channels / groups, out = output_of(im, v, channels);
	int *part = tnc_alloc(im->c, groups, sizeof(*part));
	struct tnc_op *op;

	for (int g = 0; g < groups; g++) {
		struct tnc_quant quant = v->what.weights;
		int bias = v->what.bias;

		if (bias != TNC_INPUT_NONE)
			bias = tnc_onnx_slice(im, bias, 0, g * size, size);
		if (quant.count > 1) {
			quant.count = size;
			quant.scale += g * size;
			quant.zero_point += g * size;
		}
		part[g] = convolve(im, v,
				   tnc_onnx_slice(im, v->x, 3, g * in, in),
				   tnc_onnx_slice(im, v->w, 0, g * size, size),
				   bias, quant, false);
	}
	op = tnc_onnx_op(im, TNC_CONCATENATION, out, 0);
	for (int g = 0; g < groups; g++)
		tnc_op_add_input(im->c, op, part[g]);
	op->axis = 3;
	return out;
}

int tnc_onnx_convolution(struct tnc_onnx *im, const struct tnc_onnx_conv *what)
{
	struct conv v = { .what = *what };
	int64_t groups = tnc_onnx_attr_int(im, "group", 1);
	const struct tnc_tensor *w, *x;
	struct tnc_hw size;
	int out;

	v.x = picture(im, what->x, &v.window.dims);
	v.w = weights_of(im, what->w, v.window.dims);
	x = tnc_onnx_tensor(im, v.x);
	w = tnc_onnx_tensor(im, v.w);
	v.window.size = (struct tnc_hw){ w->shape[2], w->shape[3] };
	size = pair(im, "kernel_shape", v.window.dims);
	if (tnc_onnx_has_attr(im, "kernel_shape") &&
	    (size.h != w->shape[2] || size.w != w->shape[3]))
		tnc_error(im->c, -EINVAL, "\"kernel_shape\" is not the weights'");
	if (groups < 1 || groups > x->shape[3] ||
	    x->shape[3] != groups * w->shape[1] || w->shape[0] % groups)
		tnc_error(im->c, -EINVAL,
			  "weights for %d of %d channels in %lld groups",
			  w->shape[1], x->shape[3], (long long)groups);
	if (what->weights.count > 1 && what->weights.count != w->shape[0])
		tnc_error(im->c, -EINVAL, "%d scales of weights for %d channels",
			  what->weights.count, w->shape[0]);
	read_window(im, &v.window, x);
	v.out = output_size(im, &v.window, x, false);
	v.x = pad_apart(im, v.x, &v.window);
	if (what->kind == TNC_CONV_INTEGER)
		out = convolve_integers(im, &v);
	else if (groups == 1 || w->shape[1] == 1)
		out = convolve(im, &v, v.x, v.w, what->bias, what->weights,
			       groups > 1);
	else
		out = convolve_groups(im, &v, groups);
	return from_picture(im, out, v.window.dims);
}

void tnc_onnx_conv(struct tnc_onnx *im, int kind)
{
	struct tnc_onnx_conv what = {
		.x = tnc_onnx_input(im, 0),
		.w = tnc_onnx_input(im, 1),
		.bias = tnc_onnx_has_input(im, 2) ? tnc_onnx_input(im, 2) :
						    TNC_INPUT_NONE,
	};

	what.type = tnc_onnx_tensor(im, what.x)->type;
	if (tnc_onnx_tensor(im, what.x)->rank == 5)
		tnc_onnx_output(im, 0, tnc_onnx_volume_conv(im, &what));
	else
		tnc_onnx_output(im, 0, tnc_onnx_convolution(im, &what));
}

/*
 * Of one direction: the size of the output, which may be given, and what is cut off
 * before. @more cells are added behind.
 */
static int transposed_size(struct tnc_onnx *im, int in, int span, int stride,
			   int more, int given, bool is_odd_first, int *first,
			   int last)
{
	int64_t whole = (int64_t)(in - 1) * stride + span + more;

	if (!given)
		return tnc_onnx_size(im, whole - *first - last);
	if (given > whole)
		tnc_error(im->c, -EINVAL, "%d cells of %lld", given,
			  (long long)whole);
	*first = (whole - given + is_odd_first) / 2;
	return given;
}

static struct tnc_hw given_size(struct tnc_onnx *im, const struct window *w,
				const struct tnc_tensor *in)
{
	const char *mode = tnc_onnx_attr_string(im, "auto_pad", "NOTSET");

	if (tnc_onnx_has_attr(im, "output_shape"))
		return pair(im, "output_shape", w->dims);
	if (strncmp(mode, "SAME_", 5))
		return (struct tnc_hw){ 0, 0 };
	return (struct tnc_hw){ tnc_onnx_size(im, (int64_t)in->shape[1] *
							  w->stride.h),
				tnc_onnx_size(im, (int64_t)in->shape[2] *
							  w->stride.w) };
}

/* Cells that are added behind, none if the node does not say so. */
static struct tnc_hw output_padding(struct tnc_onnx *im, int dims)
{
	struct tnc_onnx_ints list = tnc_onnx_attr_ints(im, "output_padding");
	struct tnc_hw more = { 0, 0 };

	if (!list.count)
		return more;
	if (list.count != dims)
		tnc_error(im->c, -EINVAL,
			  "\"output_padding\" has %d entries, needs %d",
			  list.count, dims);
	more.w = tnc_onnx_size(im, list.at[dims - 1]);
	more.h = dims == 2 ? tnc_onnx_size(im, list.at[0]) : 0;
	return more;
}

/* Weights with zeros in between, instead of dilation. */
static int spread_weights(struct tnc_onnx *im, int id, struct window *w)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);
	struct tnc_hw span = span_of(w);
	int32_t shape[4] = { t->shape[0], t->shape[1], span.h, span.w };
	int64_t planes = (int64_t)t->shape[0] * t->shape[1];
	float *spread;

	if (!t->data || t->type != TNC_FLOAT32)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: dilation of weights that are not constant");
	spread = tnc_alloc(im->c, planes * span.h, span.w * sizeof(*spread));
	for (int64_t i = 0; i < planes; i++)
		for (int y = 0; y < w->size.h; y++)
			for (int x = 0; x < w->size.w; x++)
				spread[(i * span.h + y * w->dilation.h) *
					       span.w + x * w->dilation.w] =
					tnc_onnx_float_of(t, (i * w->size.h +
							      y) * w->size.w +
							     x);
	w->size = span;
	w->dilation = (struct tnc_hw){ 1, 1 };
	return tnc_onnx_floats(im, 4, shape, spread);
}

/* One group, or all. */
static int transposed_group(struct tnc_onnx *im, int kind, int x, int weights,
			    int bias, const struct window *w,
			    const int32_t *shape)
{
	int out = tnc_onnx_new(im, tnc_onnx_tensor(im, x)->type, 4, shape);
	struct tnc_op *op;

	weights = tnc_onnx_transpose(im, weights, (const int[]){ 1, 2, 3, 0 });
	op = tnc_onnx_op(im, kind, out, 2, x, weights);
	if (bias != TNC_INPUT_NONE)
		tnc_op_add_input(im->c, op, bias);
	set_window(op, w);
	return out;
}

static int transposed_groups(struct tnc_onnx *im, int kind, int x, int weights,
			     int bias, const struct window *w,
			     const int32_t *shape, int groups)
{
	int in = tnc_onnx_tensor(im, x)->shape[3] / groups, size = shape[3];
	int *part = tnc_alloc(im->c, groups, sizeof(*part));

	for (int g = 0; g < groups; g++)
		part[g] = transposed_group(
			im, kind, tnc_onnx_slice(im, x, 3, g * in, in),
			tnc_onnx_slice(im, weights, 0, g * in, in),
			bias == TNC_INPUT_NONE ? bias :
				tnc_onnx_slice(im, bias, 0, g * size, size),
			w, shape);
	return groups == 1 ? part[0] : tnc_onnx_join(im, part, groups, 3);
}

void tnc_onnx_conv_transpose(struct tnc_onnx *im, int kind)
{
	struct window w = { 0 };
	int x = picture(im, tnc_onnx_input(im, 0), &w.dims), out;
	int weights = weights_of(im, tnc_onnx_input(im, 1), w.dims);
	const struct tnc_tensor *in = tnc_onnx_tensor(im, x);
	const struct tnc_tensor *t = tnc_onnx_tensor(im, weights);
	const char *mode = tnc_onnx_attr_string(im, "auto_pad", "NOTSET");
	struct tnc_hw more = output_padding(im, w.dims), given;
	bool is_odd_first = strcmp(mode, "SAME_UPPER");
	int32_t shape[4] = { in->shape[0], 0, 0, t->shape[1] };
	int64_t groups = tnc_onnx_attr_int(im, "group", 1);
	int bias = tnc_onnx_has_input(im, 2) ? tnc_onnx_input(im, 2) :
					       TNC_INPUT_NONE;

	if (t->shape[0] != in->shape[3] || groups < 1 ||
	    groups > t->shape[0] || t->shape[0] % groups)
		tnc_error(im->c, -EINVAL,
			  "weights for %d of %d channels in %lld groups",
			  t->shape[0], in->shape[3], (long long)groups);
	w.size = (struct tnc_hw){ t->shape[2], t->shape[3] };
	pair(im, "kernel_shape", w.dims);
	read_window(im, &w, in);
	if (w.dilation.h != 1 || w.dilation.w != 1)
		weights = spread_weights(im, weights, &w);
	given = given_size(im, &w, in);
	shape[1] = transposed_size(im, in->shape[1], w.size.h, w.stride.h,
				   more.h, given.h, is_odd_first, &w.pads.top,
				   w.pads.bottom);
	shape[2] = transposed_size(im, in->shape[2], w.size.w, w.stride.w,
				   more.w, given.w, is_odd_first, &w.pads.left,
				   w.pads.right);
	out = transposed_groups(im, kind, x, weights, bias, &w, shape, groups);
	tnc_onnx_output(im, 0, from_picture(im, out, w.dims));
}

/*
 * A pool may round its number of windows up. The last one has to begin within
 * the picture or what lies before it; what it covers behind is padding.
 */
static void round_up(const struct window *w, int in, int span, int stride,
		     int first, int *last, int *out)
{
	if ((int64_t)(*out - 1) * stride >= in + first)
		(*out)--;
	*last = (*out - 1) * stride + span - in - first;
	if (*last < 0)
		*last = 0;
}

/* A picture with less than anything around it. */
static int with_border(struct tnc_onnx *im, int id, struct tnc_pads pads)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);
	int before[4] = { 0, pads.top, pads.left, 0 };
	int after[4] = { 0, pads.bottom, pads.right, 0 };
	int32_t shape[4];
	struct tnc_op *op;
	int least, out;

	if (!pads.top && !pads.left && !pads.bottom && !pads.right)
		return id;
	if (t->type == TNC_FLOAT32) {
		least = tnc_onnx_float(im, -FLT_MAX);
	} else {
		least = tnc_onnx_new(im, t->type, 0, NULL);
		tnc_onnx_tensor(im, least)->quant = t->quant;
		tnc_onnx_tensor(im, least)->data = tnc_alloc(im->c, 1, 1);
		*tnc_onnx_tensor(im, least)->data = tnc_type_info[t->type].min;
	}
	for (int d = 0; d < 4; d++)
		shape[d] = t->shape[d] + before[d] + after[d];
	out = tnc_onnx_new(im, t->type, 4, shape);
	tnc_onnx_tensor(im, out)->quant = t->quant;
	op = tnc_onnx_op(im, TNC_PAD, out, 2, id, least);
	for (int d = 0; d < 4; d++) {
		tnc_list_append(im->c, &op->list[0], before[d]);
		tnc_list_append(im->c, &op->list[1], after[d]);
	}
	return out;
}

/* The picture from (@y, @x) on, with a stride; @size is what is left. */
static int strided(struct tnc_onnx *im, int id, int y, int x,
		   struct tnc_hw stride, struct tnc_hw size)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);
	const int begin[4] = { 0, y, x, 0 };
	const int step[4] = { 1, stride.h, stride.w, 1 };
	int out = tnc_onnx_new(im, t->type, 4,
			       (const int32_t[]){ t->shape[0], size.h, size.w,
						  t->shape[3] });
	struct tnc_op *op;

	tnc_onnx_tensor(im, out)->quant = t->quant;
	op = tnc_onnx_op(im, TNC_SLICE, out, 1, id);
	for (int d = 0; d < 4; d++) {
		tnc_list_append(im->c, &op->list[0], begin[d]);
		tnc_list_append(im->c, &op->list[1], step[d]);
	}
	return out;
}

/* The largest of cells that don't touch: one after the other of the window's. */
static int spread_pool(struct tnc_onnx *im, int id, const struct window *w)
{
	struct tnc_hw size = output_size(im, w, tnc_onnx_tensor(im, id), false);
	int out = -1;

	if (w->size.h * w->size.w > SPREAD_MAX)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported: a window of %d cells",
			  w->size.h * w->size.w);
	id = with_border(im, id, w->pads);
	for (int y = 0; y < w->size.h; y++)
		for (int x = 0; x < w->size.w; x++) {
			int part = strided(im, id, y * w->dilation.h,
					   x * w->dilation.w, w->stride, size);
			struct tnc_quant quant = tnc_onnx_tensor(im, part)->quant;

			out = out < 0 ? part : tnc_onnx_binary(
				im, TNC_MAXIMUM, out, part);
			tnc_onnx_tensor(im, out)->quant = quant;
		}
	return out;
}

int tnc_onnx_pooled(struct tnc_onnx *im, int kind, int x, struct tnc_quant quant)
{
	struct window w = { 0 };
	int picture_id = picture(im, x, &w.dims), out;
	const struct tnc_tensor *in = tnc_onnx_tensor(im, picture_id);
	bool is_ceil = tnc_onnx_attr_int(im, "ceil_mode", 0);
	bool counts_pads = tnc_onnx_attr_int(im, "count_include_pad", 0);
	struct tnc_hw size;
	struct tnc_op *op;

	if (!tnc_onnx_has_attr(im, "kernel_shape"))
		tnc_error(im->c, -EINVAL, "has no attribute \"kernel_shape\"");
	w.size = pair(im, "kernel_shape", w.dims);
	read_window(im, &w, in);
	tnc_onnx_need_int(im, "storage_order", 0);
	if (w.dilation.h != 1 || w.dilation.w != 1) {
		if (kind != TNC_MAX_POOL_2D || is_ceil)
			tnc_error(im->c, -EOPNOTSUPP,
				  "unsupported: such a pool with dilation");
		return from_picture(im, spread_pool(im, picture_id, &w), w.dims);
	}
	if (is_ceil && counts_pads)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: ceil_mode and count_include_pad");
	size = output_size(im, &w, in, is_ceil);
	if (is_ceil) {
		round_up(&w, in->shape[1], w.size.h, w.stride.h, w.pads.top,
			 &w.pads.bottom, &size.h);
		round_up(&w, in->shape[2], w.size.w, w.stride.w, w.pads.left,
			 &w.pads.right, &size.w);
	}
	out = tnc_onnx_new(im, in->type, 4,
			   (const int32_t[]){ in->shape[0], size.h, size.w,
					      in->shape[3] });
	tnc_onnx_tensor(im, out)->quant = quant;
	op = tnc_onnx_op(im, kind, out, 1, picture_id);
	op->window = w.size;
	set_window(op, &w);
	op->mode = counts_pads ? TNC_MODE_COUNT_PAD : 0;
	return from_picture(im, out, w.dims);
}

void tnc_onnx_pool(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_number(im, 0);

	if (tnc_onnx_has_output(im, 1))
		tnc_error(im->c, -EOPNOTSUPP, "unsupported second output");
	if (tnc_onnx_tensor(im, x)->rank == 5) {
		tnc_onnx_output(im, 0, tnc_onnx_volume_pool(im, kind, x));
		return;
	}
	tnc_onnx_output(im, 0, tnc_onnx_pooled(
		im, kind, x, tnc_onnx_tensor(im, x)->quant));
}

/* Of each channel one value for the whole picture. */
void tnc_onnx_global_pool(struct tnc_onnx *im, int kind)
{
	int x = tnc_onnx_input(im, 0);
	bool axes[TNC_RANK_MAX];

	for (int d = 0; d < TNC_RANK_MAX; d++)
		axes[d] = d >= 2;
	tnc_onnx_output(im, 0, tnc_onnx_reduce(im, kind, x, axes, true));
}
