// SPDX-License-Identifier: MIT
/*
 * Convolutions and pools of volumes, [batch, channel, depth, row, column]: along the
 * depth they are sums (maxima, averages) of those of pictures. All planes that meet
 * one tap of the window's depth are pictures of one batch.
 */
#include <errno.h>
#include <float.h>
#include <string.h>

#include "onnx_ops.h"

/* What the window does along the depth. */
struct depth {
	int taps;
	int stride;
	int dilation;
	int before, after;	/* planes of padding */
	int out;
};

static int first_of(struct tnc_onnx *im, const char *name, int absent)
{
	struct tnc_onnx_ints list = tnc_onnx_attr_ints(im, name);
	int64_t value = list.count ? list.at[0] : absent;

	if (value < 1 || value > TNC_WINDOW_MAX)
		tnc_error(im->c, -EINVAL, "\"%s\" begins with %lld", name,
			  (long long)value);
	return value;
}

static void read_padding(struct tnc_onnx *im, struct depth *d, int in, int span)
{
	struct tnc_onnx_ints pads = tnc_onnx_attr_ints(im, "pads");
	const char *mode = tnc_onnx_attr_string(im, "auto_pad", "NOTSET");

	if (!strncmp(mode, "SAME_", 5)) {
		tnc_onnx_pad_same(in, span, d->stride,
				  !strcmp(mode, "SAME_LOWER"), &d->before,
				  &d->after);
		return;
	}
	if (!strcmp(mode, "VALID") || !pads.count)
		return;
	if (pads.count != 6 || pads.at[0] < 0 || pads.at[3] < 0 ||
	    pads.at[0] > TNC_WINDOW_MAX || pads.at[3] > TNC_WINDOW_MAX)
		tnc_error(im->c, -EINVAL, "\"pads\" do not fit a volume");
	d->before = pads.at[0];
	d->after = pads.at[3];
}

static struct depth depth_of(struct tnc_onnx *im, int in, int taps)
{
	struct depth d = {
		.taps = taps,
		.stride = first_of(im, "strides", 1),
		.dilation = first_of(im, "dilations", 1),
	};
	int span = (taps - 1) * d.dilation + 1;
	int64_t room;

	read_padding(im, &d, in, span);
	room = (int64_t)in + d.before + d.after - span;
	if (room < 0)
		tnc_error(im->c, -EINVAL, "a window of %d on %d planes", span,
			  in + d.before + d.after);
	d.out = room / d.stride + 1;
	return d;
}

/* With planes of @value before and behind. */
static int padded(struct tnc_onnx *im, int id, const struct depth *d,
		  float value)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);
	int32_t shape[5];
	struct tnc_op *op;
	int out;

	if (!d->before && !d->after)
		return id;
	memcpy(shape, t->shape, sizeof(shape));
	shape[2] += d->before + d->after;
	out = tnc_onnx_new(im, t->type, 5, shape);
	op = tnc_onnx_op(im, TNC_PAD, out, 2, id, tnc_onnx_float(im, value));
	for (int i = 0; i < 5; i++) {
		tnc_list_append(im->c, &op->list[0], i == 2 ? d->before : 0);
		tnc_list_append(im->c, &op->list[1], i == 2 ? d->after : 0);
	}
	return out;
}

/* The planes that meet tap @tap, as pictures of one batch. */
static int planes(struct tnc_onnx *im, int id, const struct depth *d, int tap)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);
	int32_t shape[5];
	struct tnc_op *op;
	int out;

	memcpy(shape, t->shape, sizeof(shape));
	shape[2] = d->out;
	out = tnc_onnx_new(im, t->type, 5, shape);
	op = tnc_onnx_op(im, TNC_SLICE, out, 1, id);
	for (int i = 0; i < 5; i++) {
		tnc_list_append(im->c, &op->list[0],
				i == 2 ? tap * d->dilation : 0);
		tnc_list_append(im->c, &op->list[1], i == 2 ? d->stride : 1);
	}
	out = tnc_onnx_transpose(im, out, (const int[]){ 0, 2, 1, 3, 4 });
	return tnc_onnx_reshape(im, out, 4,
				(const int32_t[]){ shape[0] * d->out, shape[1],
						   shape[3], shape[4] });
}

/* Pictures of one batch as volumes again. */
static int volume(struct tnc_onnx *im, int id, const struct depth *d)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);

	id = tnc_onnx_reshape(im, id, 5,
			      (const int32_t[]){ t->shape[0] / d->out, d->out,
						 t->shape[1], t->shape[2],
						 t->shape[3] });
	return tnc_onnx_transpose(im, id, (const int[]){ 0, 2, 1, 3, 4 });
}

static void need_float(struct tnc_onnx *im, int id)
{
	if (tnc_onnx_tensor(im, id)->type != TNC_FLOAT32)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported: a volume of %s",
			  tnc_type_info[tnc_onnx_tensor(im, id)->type].name);
}

/* The weights of one tap: [channel, depth, row, column]. */
static int weights_of(struct tnc_onnx *im, int id, int tap)
{
	const struct tnc_tensor *t = tnc_onnx_tensor(im, id);
	const int32_t shape[4] = { t->shape[0], t->shape[1], t->shape[3],
				   t->shape[4] };

	return tnc_onnx_reshape(im, tnc_onnx_slice(im, id, 2, tap, 1), 4, shape);
}

int tnc_onnx_volume_conv(struct tnc_onnx *im, const struct tnc_onnx_conv *what)
{
	const struct tnc_tensor *x = tnc_onnx_tensor(im, what->x);
	const struct tnc_tensor *w = tnc_onnx_tensor(im, what->w);
	int in, out = -1;
	struct depth d;

	need_float(im, what->x);
	if (w->rank != 5)
		tnc_error(im->c, -EINVAL, "weights have %d dimensions, not 5",
			  w->rank);
	d = depth_of(im, x->shape[2], w->shape[2]);
	in = padded(im, what->x, &d, 0.0f);
	for (int tap = 0; tap < d.taps; tap++) {
		struct tnc_onnx_conv part = *what;
		int id;

		part.x = planes(im, in, &d, tap);
		part.w = weights_of(im, what->w, tap);
		if (tap)
			part.bias = TNC_INPUT_NONE;
		id = tnc_onnx_convolution(im, &part);
		out = out < 0 ? id : tnc_onnx_binary(im, TNC_ADD, out, id);
	}
	return volume(im, out, &d);
}

/* For each plane 1 over the number of taps that meet a plane of the input. */
static int shares(struct tnc_onnx *im, const struct depth *d, int in,
		  bool counts_pads)
{
	float *share = tnc_alloc(im->c, d->out, sizeof(*share));
	const int32_t shape[5] = { 1, 1, d->out, 1, 1 };

	for (int i = 0; i < d->out; i++) {
		int taps = 0;

		for (int tap = 0; tap < d->taps; tap++) {
			int at = i * d->stride + tap * d->dilation - d->before;

			taps += counts_pads || (at >= 0 && at < in);
		}
		share[i] = 1.0f / taps;
	}
	return tnc_onnx_floats(im, 5, shape, share);
}

int tnc_onnx_volume_pool(struct tnc_onnx *im, int kind, int x)
{
	const struct tnc_quant none = { 0 };
	bool is_max = kind == TNC_MAX_POOL_2D;
	int in = tnc_onnx_tensor(im, x)->shape[2], out = -1;
	struct depth d;

	need_float(im, x);
	tnc_onnx_need_int(im, "ceil_mode", 0);
	d = depth_of(im, in, first_of(im, "kernel_shape", 1));
	x = padded(im, x, &d, is_max ? -FLT_MAX : 0.0f);
	for (int tap = 0; tap < d.taps; tap++) {
		int id = tnc_onnx_pooled(im, kind, planes(im, x, &d, tap), none);

		out = out < 0 ? id : tnc_onnx_binary(
			im, is_max ? TNC_MAXIMUM : TNC_ADD, out, id);
	}
	out = volume(im, out, &d);
	if (is_max)
		return out;
	return tnc_onnx_binary(im, TNC_MUL, out, shares(
		im, &d, in, tnc_onnx_attr_int(im, "count_include_pad", 0)));
}
