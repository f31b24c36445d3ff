// SPDX-License-Identifier: MIT
/*
 * ONNX's Resize and Upsample. To the nearest neighbour, any of ONNX's many ways
 * comes down to one index for each place along a dimension: where that is what
 * the graph's own operator takes, it is used, else the places are picked. Linear
 * interpolation is the graph's operator, where it has the same coordinates.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "onnx_ops.h"

struct resize {
	const struct tnc_tensor *in;
	int32_t shape[TNC_RANK_MAX];
	float scale[TNC_RANK_MAX];	/* output to input */
	const char *coordinates;
	const char *nearest;
};

static bool is(const char *a, const char *b)
{
	return !strcmp(a, b);
}

static void read_scales(struct tnc_onnx *im, struct resize *r, int index)
{
	const struct tnc_tensor *t = NULL;
	const float *at = NULL;
	int count;

	if (tnc_onnx_has_input(im, index)) {
		t = tnc_onnx_tensor(im, tnc_onnx_input(im, index));
		if (!t->data || t->type != TNC_FLOAT32)
			tnc_error(im->c, -EOPNOTSUPP,
				  "unsupported: scales must be constant");
		count = tnc_tensor_elements(t);
	} else {
		count = tnc_onnx_attr_floats(im, "scales", &at);
	}
	if (count != r->in->rank)
		tnc_error(im->c, -EINVAL, "%d scales for %d dimensions", count,
			  r->in->rank);
	for (int d = 0; d < r->in->rank; d++) {
		double size;

		r->scale[d] = t ? tnc_onnx_float_of(t, d) : at[d];
		size = floor((double)r->in->shape[d] * r->scale[d]);
		if (!(size >= 1 && size <= TNC_DIM_MAX))
			tnc_error(im->c, -EINVAL, "scale %d is %g", d,
				  r->scale[d]);
		r->shape[d] = size;
	}
}

static void read_sizes(struct tnc_onnx *im, struct resize *r)
{
	struct tnc_onnx_ints sizes = tnc_onnx_input_ints(im, 3);

	if (sizes.count != r->in->rank)
		tnc_error(im->c, -EINVAL, "%d sizes for %d dimensions",
			  sizes.count, r->in->rank);
	for (int d = 0; d < r->in->rank; d++) {
		r->shape[d] = tnc_onnx_size(im, sizes.at[d]);
		if (!r->shape[d])
			tnc_error(im->c, -EINVAL, "size %d is 0", d);
		r->scale[d] = (float)r->shape[d] / r->in->shape[d];
	}
}

/* The place in the input that place @x of dimension @d comes from. */
static double coordinate(const struct resize *r, int d, int x)
{
	if (is(r->coordinates, "asymmetric"))
		return x / (double)r->scale[d];
	if (is(r->coordinates, "align_corners"))
		return r->shape[d] == 1 ? 0 :
		       (double)x * (r->in->shape[d] - 1) / (r->shape[d] - 1);
	if (is(r->coordinates, "pytorch_half_pixel") && r->shape[d] == 1)
		return 0;
	return (x + 0.5) / (double)r->scale[d] - 0.5;
}

static int nearest(const struct resize *r, int d, int x)
{
	double at = coordinate(r, d, x), place;

	if (is(r->nearest, "floor"))
		place = floor(at);
	else if (is(r->nearest, "ceil"))
		place = ceil(at);
	else if (is(r->nearest, "round_prefer_ceil"))
		place = floor(at + 0.5);
	else
		place = ceil(at - 0.5);
	if (place < 0)
		return 0;
	return place > r->in->shape[d] - 1 ? r->in->shape[d] - 1 : place;
}

/* The index that the graph's RESIZE_NEAREST_NEIGHBOR takes by itself. */
static int plain_nearest(const struct resize *r, int d, int x)
{
	return (int64_t)x * r->in->shape[d] / r->shape[d];
}

static bool is_plain(const struct resize *r)
{
	if (r->in->rank != 4 || r->in->shape[0] != r->shape[0] ||
	    r->in->shape[1] != r->shape[1])
		return false;
	for (int d = 2; d < 4; d++)
		for (int x = 0; x < r->shape[d]; x++)
			if (nearest(r, d, x) != plain_nearest(r, d, x))
				return false;
	return true;
}

static int picked(struct tnc_onnx *im, const struct resize *r, int x)
{
	for (int d = 0; d < r->in->rank; d++) {
		int32_t *index;

		if (r->shape[d] == r->in->shape[d])
			continue;
		index = tnc_alloc(im->c, r->shape[d], sizeof(*index));
		for (int i = 0; i < r->shape[d]; i++)
			index[i] = nearest(r, d, i);
		x = tnc_onnx_pick(im, x, d,
				  tnc_onnx_int32s(im, 1, &r->shape[d], index));
	}
	return x;
}

/* The graph's own operator, on a picture with its channels last. */
static int resized(struct tnc_onnx *im, const struct resize *r, int x,
		   enum tnc_op_kind kind, unsigned int mode)
{
	int32_t shape[4] = { r->shape[0], r->shape[2], r->shape[3],
			     r->shape[1] };
	int out;

	x = tnc_onnx_nhwc(im, x);
	out = tnc_onnx_new(im, r->in->type, 4, shape);
	tnc_onnx_tensor(im, out)->quant = r->in->quant;
	tnc_onnx_op(im, kind, out, 1, x)->mode = mode;
	return tnc_onnx_nchw(im, out);
}

static int linear(struct tnc_onnx *im, const struct resize *r, int x)
{
	unsigned int mode = TNC_MODE_HALF_PIXEL;

	if (r->in->rank != 4 || r->in->shape[0] != r->shape[0] ||
	    r->in->shape[1] != r->shape[1])
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: only pictures are interpolated");
	for (int d = 2; d < 4; d++)
		if (r->scale[d] != (float)r->shape[d] / r->in->shape[d] &&
		    !is(r->coordinates, "align_corners"))
			tnc_error(im->c, -EOPNOTSUPP,
				  "unsupported: scale %g of %d places",
				  r->scale[d], r->in->shape[d]);
	if (is(r->coordinates, "asymmetric"))
		mode = 0;
	else if (is(r->coordinates, "align_corners"))
		mode = TNC_MODE_ALIGN_CORNERS;
	else if (is(r->coordinates, "pytorch_half_pixel") &&
		 (r->shape[2] == 1 || r->shape[3] == 1))
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported pytorch_half_pixel to a size of 1");
	return resized(im, r, x, TNC_RESIZE_BILINEAR, mode);
}

static void read_resize(struct tnc_onnx *im, struct resize *r, int is_old)
{
	r->coordinates = tnc_onnx_attr_string(
		im, "coordinate_transformation_mode",
		is_old ? "asymmetric" : "half_pixel");
	r->nearest = tnc_onnx_attr_string(im, "nearest_mode",
					  is_old ? "floor" :
						   "round_prefer_floor");
	if (!is(r->coordinates, "asymmetric") &&
	    !is(r->coordinates, "half_pixel") &&
	    !is(r->coordinates, "pytorch_half_pixel") &&
	    !is(r->coordinates, "align_corners"))
		tnc_error(im->c, -EOPNOTSUPP, "unsupported coordinates %.32s",
			  r->coordinates);
	if (!is(r->nearest, "floor") && !is(r->nearest, "ceil") &&
	    !is(r->nearest, "round_prefer_floor") &&
	    !is(r->nearest, "round_prefer_ceil"))
		tnc_error(im->c, -EINVAL, "unknown nearest_mode %.32s",
			  r->nearest);
	tnc_onnx_attr_float(im, "cubic_coeff_a", 0);
	tnc_onnx_attr_float(im, "extrapolation_value", 0);
	tnc_onnx_need_int(im, "exclude_outside", 0);
	tnc_onnx_need_int(im, "antialias", 0);
}

/* Upsample, and Resize up to opset 10, have no region and no way to choose. */
void tnc_onnx_resize(struct tnc_onnx *im, int kind)
{
	bool is_old = im->opset < 11 || is(im->node->op_type, "Upsample");
	int x = tnc_onnx_input(im, 0);
	struct resize r = { .in = tnc_onnx_tensor(im, x) };
	const char *mode = tnc_onnx_attr_string(im, "mode", "nearest");

	read_resize(im, &r, is_old);
	if (is_old)
		read_scales(im, &r, 1);
	else if (tnc_onnx_has_input(im, 2) && !tnc_onnx_is_empty(im, 2))
		read_scales(im, &r, 2);
	else
		read_sizes(im, &r);
	if (is(mode, "linear") || is(mode, "bilinear"))
		x = linear(im, &r, x);
	else if (!is(mode, "nearest"))
		tnc_error(im->c, -EOPNOTSUPP, "unsupported mode %.32s", mode);
	else if (is_plain(&r))
		x = resized(im, &r, x, TNC_RESIZE_NEAREST_NEIGHBOR, 0);
	else
		x = picked(im, &r, x);
	tnc_onnx_output(im, 0, x);
}
