// SPDX-License-Identifier: MIT
/*
 * What the verifier asks of operators on rows and along axes, and of resizing.
 * Called by verify.c alone.
 */
#include <errno.h>
#include <math.h>

#include "ref.h"
#include "vector.h"
#include "verify.h"

#define SOFTMAX16_DEPTH_MAX 65535	/* the sum is of 31 bits */

static void refuse(struct tnc *c, const char *what)
{
	tnc_error(c, -EOPNOTSUPP, "unsupported %s", what);
}

static void need_same_shape(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);

	if (in->rank < 1)
		tnc_error(c, -EINVAL, "a row of a scalar");
	tnc_need_rank(c, tnc_op_output(c, op), in->rank);
	for (int d = 0; d < in->rank; d++)
		tnc_need_size(c, tnc_op_output(c, op), d, in->shape[d]);
}

static void need_output(struct tnc *c, const struct tnc_op *op, float scale,
			int zero)
{
	const struct tnc_quant *q = &tnc_op_output(c, op)->quant;

	if (q->scale[0] != scale || q->zero_point[0] != zero)
		tnc_error(c, -EINVAL,
			  "output must have scale %g and zero point %d",
			  scale, zero);
}

void tnc_verify_log_softmax(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	struct tnc_ref_log_softmax s;

	tnc_need_activation(c, in);
	tnc_need_activation(c, tnc_op_output(c, op));
	need_same_shape(c, op);
	need_output(c, op, 1.0f / 16, 127);
	s = tnc_ref_log_softmax_of(in);
	if (s.scale.shift < 1 || s.scale.shift > 30 || s.reverse.shift > 0 ||
	    s.reverse.shift < -31)
		refuse(c, "scale");
}

void tnc_verify_l2_normalization(struct tnc *c, const struct tnc_op *op)
{
	tnc_need_activation(c, tnc_op_input(c, op, 0));
	tnc_need_activation(c, tnc_op_output(c, op));
	need_same_shape(c, op);
	need_output(c, op, 1.0f / 128, 0);
	if (tnc_op_output(c, op)->shape[tnc_op_output(c, op)->rank - 1] > 32768)
		refuse(c, "length of a row");
}

void tnc_verify_softmax16(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);

	tnc_need_same_type(c, in, out);
	if (in->quant.count != 1 || out->quant.count != 1)
		tnc_error(c, -EINVAL, "needs one scale on each side");
	need_same_shape(c, op);
	if (fabsf(out->quant.scale[0] * 32768 - 1) > 1e-3f)
		tnc_error(c, -EINVAL, "output must have scale 1/32768");
	if (in->shape[in->rank - 1] > SOFTMAX16_DEPTH_MAX)
		refuse(c, "length of a row");
	if (!isnormal(op->beta) || op->beta <= 0)
		tnc_error(c, -EINVAL, "beta is %g", op->beta);
}

/* MEAN and SUM scale what they add; the others leave elements as they are. */
void tnc_verify_reduction(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	bool is_sum = op->kind == TNC_MEAN || op->kind == TNC_SUM;

	tnc_need_same_type(c, in, out);
	if (!tnc_vector_has(in->type))
		refuse(c, tnc_type_info[in->type].name);
	if (is_sum && in->type != TNC_INT8 && in->type != TNC_INT16)
		refuse(c, tnc_type_info[in->type].name);
	if (is_sum && (in->quant.count != 1 || out->quant.count != 1))
		tnc_error(c, -EINVAL, "needs one scale on each side");
	if (!is_sum && in->quant.count && out->quant.count)
		tnc_need_same_quant(c, in, out);
	tnc_need_reduction(c, op);
}

void tnc_verify_arg(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);

	if (!tnc_vector_has(in->type) || out->type != TNC_INT32)
		refuse(c, "types");
	if (op->axis < 0 || op->axis >= in->rank)
		tnc_error(c, -EINVAL, "axis %d of %d dimensions", op->axis,
			  in->rank);
	if (out->rank != in->rank)
		tnc_need_rank(c, out, in->rank - 1);
	for (int d = 0, to = 0; d < in->rank; d++) {
		if (d == op->axis && out->rank != in->rank)
			continue;
		tnc_need_size(c, out, to++, d == op->axis ? 1 : in->shape[d]);
	}
}

void tnc_verify_resize(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);

	tnc_need_same_type(c, in, out);
	if (in->type != TNC_INT8 && in->type != TNC_INT16)
		refuse(c, tnc_type_info[in->type].name);
	tnc_need_rank(c, in, 4);
	tnc_need_rank(c, out, 4);
	tnc_need_size(c, out, 0, in->shape[0]);
	tnc_need_size(c, out, 3, in->shape[3]);
	for (int d = 1; d < 3; d++)
		if (in->shape[d] > UINT16_MAX || out->shape[d] > UINT16_MAX)
			refuse(c, "size of a picture");
	if (in->quant.count && out->quant.count)
		tnc_need_same_quant(c, in, out);
}
