// SPDX-License-Identifier: MIT
/*
 * Operators of the graph that no integer arithmetic is defined for, float ones first
 * of all, as the library's CPU operators: the verifier asks whether there is one, the
 * reference executor runs it.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "cpu.h"
#include "pass.h"
#include "verify.h"

static const uint8_t dtype_of[TNC_TYPES] = {
	[TNC_INT8] = NPU_DTYPE_INT8,
	[TNC_INT32] = NPU_DTYPE_INT32,
	[TNC_UINT8] = NPU_DTYPE_UINT8,
	[TNC_INT16] = NPU_DTYPE_INT16,
	[TNC_INT64] = NPU_DTYPE_INT64,
	[TNC_BOOL] = NPU_DTYPE_BOOL,
	[TNC_FLOAT32] = NPU_DTYPE_FLOAT32,
};

static bool is_small(const struct tnc_tensor *t)
{
	return t && (t->type == TNC_INT8 || t->type == TNC_UINT8 ||
		     t->type == TNC_INT16);
}

static bool is_float(const struct tnc_tensor *t)
{
	return t && t->type == TNC_FLOAT32;
}

/*
 * Small integers stand for quantised numbers: those are the reference executor's own
 * business, but where they come from or become others.
 */
bool tnc_cpu_is(const struct tnc *c, const struct tnc_op *op)
{
	bool has_float = is_float(tnc_op_output(c, op));
	bool has_small = is_small(tnc_op_output(c, op));

	if (!tnc_cpu_has(op->kind))
		return false;
	if (op->mode & TNC_MODE_CPU || op->kind == TNC_CUSTOM ||
	    op->kind == TNC_WHILE)
		return true;
	/* bytes that only move are the reference executor's own business */
	if (tnc_op_info[op->kind].attrs & TNC_IS_MOVE ||
	    op->kind == TNC_RESHAPE)
		return false;
	for (int i = 0; i < op->inputs; i++) {
		has_float |= is_float(tnc_op_input(c, op, i));
		has_small |= is_small(tnc_op_input(c, op, i));
	}
	if (op->kind == TNC_QUANTIZE || op->kind == TNC_DEQUANTIZE)
		return has_float;
	return op->kind == TNC_CAST || op->kind == TNC_CONV_INTEGER ||
	       op->kind == TNC_MATMUL_INTEGER ||
	       op->kind == TNC_DYNAMIC_QUANTIZE || !has_small;
}

/* @is_real: as float numbers. */
static const char *set_tensor(const struct tnc *c, const struct tnc_tensor *t,
			      bool is_real, struct cpu_tensor *to)
{
	const struct tnc_tensor *root = tnc_tensor_root(c, t->id);

	*to = (struct cpu_tensor){
		.dtype = dtype_of[t->type],
		.rank = t->rank,
		.quants = t->type == TNC_FLOAT32 ? 0 : t->quant.count,
		.quant_axis = t->quant.axis,
		.scale = t->quant.scale,
		.zero_point = t->quant.zero_point,
		.data = root->data ? root->data : root->value,
	};
	for (int i = 0; i < t->rank; i++)
		to->shape[i] = t->shape[i];
	if (is_real) {
		to->dtype = NPU_DTYPE_FLOAT32;
		to->quants = 0;
	}
	return cpu_tensor_init(to);
}

/*
 * Returns NULL, or why the operator can't be run. Values need not be there yet.
 * @is_real: as it would be with float numbers instead of quantised ones.
 */
const char *tnc_cpu_init(struct tnc *c, const struct tnc_op *op, bool is_real,
			 struct tnc_cpu_op *to)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);
	const char *bad = set_tensor(c, out, is_real && out->quant.count,
				     &to->out);

	to->in = tnc_alloc(c, op->inputs + 1, sizeof(*to->in));
	to->input = tnc_alloc(c, op->inputs + 1, sizeof(*to->input));
	to->id = tnc_alloc(c, op->inputs + 1, sizeof(*to->id));
	for (int i = 0; !bad && i < op->inputs; i++) {
		const struct tnc_tensor *t = tnc_op_input(c, op, i);

		to->id[i] = op->input[i];
		to->input[i] = t ? &to->in[i] : NULL;
		bad = t ? set_tensor(c, t, is_real &&
					   (t->quant.count ||
					    tnc_partition_is_bias(c, op, i)),
				     &to->in[i]) : NULL;
	}
	to->attr = tnc_alloc(c, tnc_cpu_words(op), sizeof(*to->attr));
	to->op = (struct cpu_op){
		.inputs = op->inputs,
		.out = &to->out,
		.in = to->input,
		.attr = to->attr,
	};
	if (!bad)
		bad = tnc_cpu_set(c, op, to);
	return bad ? bad : cpu_op_check(&to->op);
}

void tnc_cpu_verify(struct tnc *c, const struct tnc_op *op, bool is_real)
{
	struct tnc_arena_mark mark = tnc_arena_mark(c->arena);
	struct tnc_cpu_op cpu;
	const char *bad = tnc_cpu_has(op->kind) ?
		tnc_cpu_init(c, op, is_real, &cpu) : "nothing computes it";

	if (bad)
		tnc_error(c, -EOPNOTSUPP, "unsupported: %s", bad);
	tnc_arena_rewind(c->arena, mark);
	if (tnc_op_info[op->kind].attrs & TNC_HAS_PAD &&
	    op->kind != TNC_TRANSPOSE_CONV)
		tnc_verify_window(c, op);
}

/* All tensors must have values, or room for one. */
void tnc_cpu_run(struct tnc *c, const struct tnc_op *op)
{
	struct tnc_arena_mark mark = tnc_arena_mark(c->arena);
	struct tnc_cpu_op cpu;
	const char *bad = tnc_cpu_init(c, op, false, &cpu);
	uint8_t *scratch;

	if (!bad) {
		/* Memory of an arena lies on 16 bytes, scratch on 64. */
		scratch = tnc_alloc(c, cpu_op_scratch(&cpu.op) + 64, 1);
		scratch += -(uintptr_t)scratch % 64;
		bad = cpu_op_run(&cpu.op, scratch);
	}
	if (bad)
		tnc_error(c, -EINVAL, "%s", bad);
	tnc_arena_rewind(c->arena, mark);
}
