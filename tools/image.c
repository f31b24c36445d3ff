// SPDX-License-Identifier: MIT
/* Pictures as input: reads PNG, scales, quantises. See image.h. */
#include "image.h"

#include "tool.h"

#include <math.h>
#include <png.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PIXELS (1u << 26) /* of a file */

/* Rows of pixels, channels side by side, 0..255 */
struct picture {
	uint32_t height;
	uint32_t width;
	uint32_t channels;
	float *values;
};

/* --- Reading --------------------------------------------------------------- */

static int decode(png_image *png, const char *path, struct picture *picture)
{
	static const png_color black;
	size_t count, i;
	png_byte *bytes;
	int status = TOOL_OK;

	if ((uint64_t)png->width * png->height > MAX_PIXELS)
		return tool_complain(TOOL_UNUSABLE, "%s: too large", path);
	png->format = picture->channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
	picture->height = png->height;
	picture->width = png->width;
	count = PNG_IMAGE_SIZE(*png);
	bytes = malloc(count);
	picture->values = malloc(count * sizeof(float));
	if (!bytes || !picture->values)
		status = tool_complain(TOOL_FAILED, "%s: out of memory", path);
	else if (!png_image_finish_read(png, &black, bytes, 0, NULL))
		status = tool_complain(TOOL_UNUSABLE, "%s: %s", path,
				       png->message);
	for (i = 0; !status && i < count; i++)
		picture->values[i] = bytes[i];
	free(bytes);
	return status;
}

static int read_png(const char *path, struct picture *picture)
{
	png_image png = { .version = PNG_IMAGE_VERSION };
	int status;

	if (!png_image_begin_read_from_file(&png, path))
		return tool_complain(TOOL_UNUSABLE, "%s: %s", path,
				     png.message);
	status = decode(&png, path, picture);
	png_image_free(&png);
	return status;
}

/* --- Scaling --------------------------------------------------------------- */

/* How much cell @i of @from counts for cell @o of @to. */
static float weight(uint32_t from, uint32_t to, uint32_t i, uint32_t o)
{
	double step = (double)from / to;

	if (from > to) { /* the share of the output cell that it covers */
		double low = fmax(i, o * step);
		double high = fmin(i + 1.0, (o + 1) * step);

		return high > low ? (high - low) / step : 0;
	} else { /* linear between centres, the last value beyond them */
		double centre = (o + 0.5) * step - 0.5;

		centre = fmin(fmax(centre, 0), from - 1);
		return fmax(0, 1 - fabs(centre - i));
	}
}

/* The first and last cell of @from that count for cell @o of @to. */
static void reach(uint32_t from, uint32_t to, uint32_t o, uint32_t *first,
		  uint32_t *last)
{
	double step = (double)from / to;
	double low = o * step - 1, high = (o + 1) * step + 1;

	*first = low > 0 ? low : 0;
	*last = high < from - 1 ? high : from - 1;
}

static float sample(const struct picture *in, const struct picture *out,
		    uint32_t y, uint32_t x, uint32_t c)
{
	uint32_t y0, y1, x0, x1, i, j;
	double sum = 0;

	reach(in->height, out->height, y, &y0, &y1);
	reach(in->width, out->width, x, &x0, &x1);
	for (i = y0; i <= y1; i++) {
		double row = weight(in->height, out->height, i, y);

		for (j = x0; row && j <= x1; j++)
			sum += row * weight(in->width, out->width, j, x) *
			       in->values[((size_t)i * in->width + j) *
						  in->channels + c];
	}
	return sum;
}

/* --- The tensor ------------------------------------------------------------ */

/* Height, width and channels of a tensor that a picture can become. */
static bool find_shape(const struct tinynpu_tensor_info *info,
		       struct picture *picture)
{
	const uint32_t *shape = info->shape;
	bool has_channels = info->rank == 4 ||
		(info->rank == 3 && (shape[2] == 1 || shape[2] == 3));
	uint32_t dimensions = has_channels ? 3 : 2;

	if (info->rank < dimensions || info->rank > dimensions + 1)
		return false;
	if (info->rank > dimensions && *shape++ != 1)
		return false;
	picture->height = shape[0];
	picture->width = shape[1];
	picture->channels = has_channels ? shape[2] : 1;
	return picture->channels == 1 || picture->channels == 3;
}

static void store(const struct tinynpu_tensor_info *info, void *tensor,
		  size_t at, float value)
{
	double real = info->scale == 1 ? value : value / 255.0;
	double low = info->dtype == TINYNPU_INT8 ? -128 : 0;
	double q;

	if (info->dtype == TINYNPU_FLOAT32) {
		((float *)tensor)[at] = value / 255.0;
		return;
	}
	q = round(real / info->scale) + info->zero_point;
	q = fmin(fmax(q, low), low + 255);
	((uint8_t *)tensor)[at] = (uint8_t)(int)q;
}

int image_load(const char *path, const struct tinynpu_tensor_info *info,
	       void *tensor)
{
	struct picture out = { 0 }, in = { 0 };
	uint32_t y, x, c;
	size_t at = 0;
	char type[128];
	int status;

	tool_tensor_type(info, type, sizeof(type));
	if (!find_shape(info, &out) ||
	    (info->dtype != TINYNPU_FLOAT32 &&
	     (info->scale <= 0 || (info->dtype != TINYNPU_INT8 &&
				   info->dtype != TINYNPU_UINT8))))
		return tool_complain(TOOL_UNUSABLE,
			"%s: the model's input, %s, is no picture", path, type);
	in.channels = out.channels;
	status = read_png(path, &in);
	for (y = 0; !status && y < out.height; y++)
		for (x = 0; x < out.width; x++)
			for (c = 0; c < out.channels; c++)
				store(info, tensor, at++,
				      sample(&in, &out, y, x, c));
	free(in.values);
	return status;
}
