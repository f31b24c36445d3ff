// SPDX-License-Identifier: MIT
/*
 * Custom operators of TFLite files: those have a name, and options in a FlexBuffer.
 * One is understood; the others become what a user's function computes.
 */
#include <errno.h>
#include <string.h>

#include "flatbuffer.h"
#include "flexbuffer.h"
#include "tflite.h"

#define OPERATOR_CUSTOM_OPTIONS 5
#define CUSTOM_OPTIONS_MAX 65536
#define BOX 4 /* coordinates */

enum { BOXES, CLASSES, SCORES, COUNT, OUTPUTS };

/* What an option is: a word of the operator, and what it is if it is left out. */
static const struct option {
	const char *name;
	bool is_float;
	bool is_needed;
	int otherwise;
} options[] = {
	{ "max_detections", false, true, 0 },
	{ "max_classes_per_detection", false, true, 0 },
	{ "detections_per_class", false, false, 100 },
	{ "use_regular_nms", false, false, 0 },
	{ "num_classes", false, true, 0 },
	{ "nms_score_threshold", true, true, 0 },
	{ "nms_iou_threshold", true, true, 0 },
	{ "y_scale", true, true, 0 },
	{ "x_scale", true, true, 0 },
	{ "h_scale", true, true, 0 },
	{ "w_scale", true, true, 0 },
};

#define OPTIONS TNC_ARRAY_SIZE(options)

static int32_t option_word(const struct tnc_tflite_op *from,
			   const struct option *option)
{
	struct tnc_fb_vector bytes = tnc_fb_vector(from->from,
						   OPERATOR_CUSTOM_OPTIONS, 1,
						   "custom options");
	double value = option->otherwise;
	int32_t word;
	float real;

	if (!tnc_flexbuffer_find(from->from->fb->data + bytes.at, bytes.count,
				 option->name, &value) && option->is_needed)
		tnc_error(from->c, -EINVAL, "option \"%s\" is missing",
			  option->name);
	if (!option->is_float) {
		if (!(value >= 0 && value <= TNC_DIM_MAX))
			tnc_error(from->c, -EINVAL, "option \"%s\" is %g",
				  option->name, value);
		return (int32_t)value;
	}
	real = (float)value;
	memcpy(&word, &real, sizeof(word));
	return word;
}

/* Models leave open how many boxes there are: as many as there can be. */
static void set_shape(struct tnc_tensor *t, int which, const int32_t *words)
{
	int64_t rows = words[0];

	if (t->rank)
		return;
	if (!words[3])
		rows *= words[1] < words[4] ? words[1] : words[4];
	if (rows > TNC_DIM_MAX)
		rows = TNC_DIM_MAX;
	t->rank = which == BOXES ? 3 : which == COUNT ? 1 : 2;
	t->shape[0] = 1;
	t->shape[1] = rows;
	t->shape[2] = BOX;
}

/* An operator for each output. */
static void import_detection(const struct tnc_tflite_op *from)
{
	struct tnc *c = from->c;
	int32_t words[OPTIONS];

	for (int i = 0; i < OPTIONS; i++)
		words[i] = option_word(from, &options[i]);
	for (int which = 0; which < OUTPUTS; which++) {
		struct tnc_tensor *out = tnc_tflite_output(from, which);
		struct tnc_op *op = tnc_op_append(c, TNC_DETECTION_POSTPROCESS);

		op->source = from->number;
		for (int i = 0; i < 3; i++)
			tnc_op_add_input(c, op, tnc_tflite_input(from, i)->id);
		op->output = out->id;
		tnc_list_append(c, &op->list[0], which);
		for (int i = 0; i < OPTIONS; i++)
			tnc_list_append(c, &op->list[0], words[i]);
		set_shape(out, which, words);
	}
}

/* An operator for each output; the options as they are, for whoever computes it. */
static void import_unknown(const struct tnc_tflite_op *from)
{
	struct tnc *c = from->c;
	struct tnc_fb_vector bytes = tnc_fb_vector(from->from,
						   OPERATOR_CUSTOM_OPTIONS, 1,
						   "custom options");

	if (bytes.count > CUSTOM_OPTIONS_MAX)
		tnc_error(c, -EOPNOTSUPP, "unsupported: %zu bytes of options",
			  bytes.count);
	for (int i = 0; i < from->out.count; i++) {
		struct tnc_op *op = tnc_op_append(c, TNC_CUSTOM);

		op->source = from->number;
		op->custom = from->custom;
		for (int k = 0; k < from->in.count; k++)
			tnc_op_add_input(c, op, from->in.id[k]);
		op->output = tnc_tflite_output(from, i)->id;
		for (size_t k = 0; k < bytes.count; k++)
			tnc_list_append(c, &op->list[0],
					from->from->fb->data[bytes.at + k]);
		tnc_list_append(c, &op->list[1], i);
		tnc_list_append(c, &op->list[1], from->out.count);
	}
}

void tnc_tflite_custom(const struct tnc_tflite_op *from)
{
	if (strcmp(from->custom, "TFLite_Detection_PostProcess"))
		import_unknown(from);
	else
		import_detection(from);
}
