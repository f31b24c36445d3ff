// SPDX-License-Identifier: MIT
/*
 * Which operators stay float because int8 would ruin what they compute, and which
 * because they lie beside such and are too little work to be converted for.
 */
#include "ptq.h"

static double tolerance_of(const struct tnc_ptq *p, int id)
{
	if (id == TNC_INPUT_NONE || !p->tensor[id].is_activation)
		return TNC_PTQ_NO_NOISE;
	return p->tensor[tnc_ptq_first(p, id)].tolerance;
}

static void keep_sensitive(struct tnc_ptq *p, int index, double least)
{
	const struct tnc_op *op = p->real.op[index];
	struct tnc_ptq_op *info = &p->op[index];
	double worst = tolerance_of(p, op->output);

	worst = info->tolerance < worst ? info->tolerance : worst;
	for (int i = 0; i < op->inputs; i++) {
		double snr = tolerance_of(p, op->input[i]);

		worst = snr < worst ? snr : worst;
	}
	if (worst < least && !info->reason[0])
		snprintf(info->reason, sizeof(info->reason),
			 "int8 would leave %.1f dB", worst);
}

/* What is worth the way to the machine for its own sake. */
static bool is_work(const struct tnc_op *op)
{
	switch (op->kind) {
	case TNC_CONV_2D:
	case TNC_DEPTHWISE_CONV_2D:
	case TNC_TRANSPOSE_CONV:
	case TNC_FULLY_CONNECTED:
	case TNC_BATCH_MATMUL:
		return true;
	default:
		return false;
	}
}

/* Of an activation: is it written in float, and does int8 read it? */
struct use {
	bool is_float;
	bool is_int8_read;
};

/* What leaves the model may as well be int8. */
static void note_uses(const struct tnc_ptq *p, struct use *use)
{
	for (int i = 0; i < p->real.tensors; i++)
		use[i] = (struct use){ false, false };
	for (int i = 0; i < p->real.outputs.count; i++)
		use[p->real.outputs.id[i]].is_int8_read = true;
	for (int i = 0; i < p->real.ops; i++) {
		const struct tnc_op *op = p->real.op[i];
		bool is_int8 = !p->op[i].reason[0];

		use[op->output].is_float = !is_int8;
		for (int k = 0; is_int8 && k < op->inputs; k++)
			if (op->input[k] != TNC_INPUT_NONE)
				use[op->input[k]].is_int8_read = true;
	}
}

/* All that the operator reads is float; constants are what one likes. */
static bool reads_float(const struct tnc_ptq *p, const struct tnc_op *op,
			const struct use *use)
{
	bool has_any = false;

	for (int i = 0; i < op->inputs; i++) {
		int id = op->input[i];

		if (id == TNC_INPUT_NONE || !p->tensor[id].is_activation)
			continue;
		if (!use[id].is_float)
			return false;
		has_any = true;
	}
	return has_any;
}

/*
 * Little work behind or before what is float stays float: int8 would only round on
 * the way, and a tensor is converted once in any case. So the residual path of a
 * transformer that is normalised in float is never rounded.
 */
static bool keep_beside(struct tnc_ptq *p, struct use *use)
{
	bool is_changed = false;

	note_uses(p, use);
	for (int i = 0; i < p->real.ops; i++) {
		const struct tnc_op *op = p->real.op[i];
		struct tnc_ptq_op *info = &p->op[i];

		if (info->reason[0] || is_work(op) ||
		    (use[op->output].is_int8_read && !reads_float(p, op, use)))
			continue;
		snprintf(info->reason, sizeof(info->reason),
			 "lies beside what is float");
		is_changed = true;
	}
	return is_changed;
}

/*
 * Needs: what tnc_ptq_sense() found; reasons of what has no int8 form. Leaves: a
 * reason in each operator that int8 would leave less than @least dB of, and in small
 * ones beside such.
 */
void tnc_ptq_keep_float(struct tnc_ptq *p, double least)
{
	struct use *use = tnc_alloc(p->c, p->real.tensors + 1, sizeof(*use));

	for (int i = 0; i < p->real.ops; i++)
		if (!p->op[i].is_refused)
			p->op[i].reason[0] = '\0';
	for (int i = 0; i < p->real.ops; i++)
		keep_sensitive(p, i, least);
	while (keep_beside(p, use))
		;
}
