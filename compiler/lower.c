// SPDX-License-Identifier: MIT
/*
 * Part of pass 'l': operators that no command of the machine computes become
 * programs of its vector unit. Each is written here as the machine's manual
 * says it, with the numbers of quantise*.c.
 */
#include <math.h>
#include <string.h>

#include "lower.h"
#include "pass.h"

#define MIN_OF(t) (tnc_type_info[(t)->type].min)
#define MAX_OF(t) (tnc_type_info[(t)->type].max)

static int zero_of(const struct tnc_tensor *t)
{
	return t && t->quant.count ? t->quant.zero_point[0] : 0;
}

static bool is_quantised(const struct tnc_tensor *t)
{
	return t->quant.count && (t->type == TNC_INT8 || t->type == TNC_INT16);
}

static void store(struct lowering *l, int reg, int zero)
{
	tnc_vector_add(&l->v, NPU_VOP_STORE, 0, reg, 0, zero);
}

/* Adds the output's zero point, clamps, and stores. */
static void finish(struct lowering *l, int reg)
{
	bool is_whole = l->min == MIN_OF(l->out) && l->max == MAX_OF(l->out);

	if (is_whole || l->out->type == TNC_INT32) {
		store(l, reg, l->out_zero);
		return;
	}
	tnc_vector_imm(&l->v, NPU_VOP_ADD, reg, reg, l->out_zero);
	tnc_vector_clamp(&l->v, reg, reg, l->min, l->max);
	store(l, reg, 0);
}

/* Bytes to bytes: whatever it is, a table of it. */
void tnc_lower_put_table(struct lowering *l, const int8_t table[256])
{
	tnc_vector_load(&l->v, 0, 0, MIN_OF(l->in));
	tnc_vector_add(&l->v, NPU_VOP_LUT8, 0, 0, 0,
		       tnc_vector_table(&l->v, table, 256, 1));
	if (l->out->type == TNC_UINT8)
		tnc_vector_imm(&l->v, NPU_VOP_AND, 0, 0, 255);
	store(l, 0, 0);
}

static void lower_table(struct lowering *l)
{
	int8_t table[256];

	tnc_ref_unary_table(l->v.c, l->op, table);
	tnc_lower_put_table(l, table);
}


static int limit(const struct lowering *l, int q)
{
	return q < MIN_OF(l->out) ? MIN_OF(l->out) :
	       q > MAX_OF(l->out) ? MAX_OF(l->out) : q;
}

/* Where @real lies in the output's type. */
static int quantised(const struct lowering *l, float real)
{
	float q = roundf(real / l->out->quant.scale[0]);

	return limit(l, l->out_zero + (q > 1e6f ? 1000000 : (int)q));
}

static void lower_relu(struct lowering *l)
{
	l->min = quantised(l, l->op->kind == TNC_RELU_N1_TO_1 ? -1 : 0);
	if (l->op->kind != TNC_RELU)
		l->max = quantised(l, 1);
	tnc_vector_load(&l->v, 0, 0, l->in_zero);
	tnc_vector_scale(&l->v, 0, 0, l->factor[0]);
	finish(l, 0);
}

static void lower_relu6(struct lowering *l)
{
	float six = roundf(6.0f / l->in->quant.scale[0]);

	l->min = l->in_zero;
	l->max = six + l->in_zero < l->max ? (int)six + l->in_zero : l->max;
	l->out_zero = 0;
	tnc_vector_load(&l->v, 0, 0, 0);
	finish(l, 0);
}

static void lower_leaky_relu(struct lowering *l)
{
	tnc_vector_load(&l->v, 0, 0, l->in_zero);
	tnc_vector_imm(&l->v, NPU_VOP_LT, 1, 0, 0);
	tnc_vector_scale(&l->v, 2, 0, l->factor[1]);
	tnc_vector_scale(&l->v, 0, 0, l->factor[0]);
	tnc_vector_add(&l->v, NPU_VOP_SELECT, 1, 2, 0, 0);
	finish(l, 1);
}

static void lower_abs(struct lowering *l)
{
	tnc_vector_load(&l->v, 0, 0, l->in_zero);
	tnc_vector_add(&l->v, NPU_VOP_ABS, 0, 0, 0, 0);
	if (l->in->quant.scale[0] != l->out->quant.scale[0])
		tnc_vector_scale(&l->v, 0, 0, l->factor[0]);
	finish(l, 0);
}

/* Of int16. Registers: 0 the input, 1 the root with 20 bits of fraction. */
static void lower_rsqrt(struct lowering *l)
{
	struct tnc_factor last = l->factor[0];
	struct tnc_vector *v = &l->v;

	last.shift -= 20;
	tnc_vector_load(v, 0, 0, l->in_zero);
	tnc_vector_add(v, NPU_VOP_RSQRT, 1, 0, 0, 0);
	tnc_vector_add(v, NPU_VOP_RSQRT_SHIFT, 2, 0, 0, 0);
	tnc_vector_add(v, NPU_VOP_CONST, 3, 0, 0, 20);
	tnc_vector_add(v, NPU_VOP_SUB, 2, 3, 2, 0);
	tnc_vector_add(v, NPU_VOP_CONST, 3, 0, 0, 1);
	tnc_vector_add(v, NPU_VOP_SHL, 2, 3, 2, 0);
	tnc_vector_add(v, NPU_VOP_SRDHM, 1, 2, 1, 0);
	if (last.shift < -31)
		tnc_vector_add(v, NPU_VOP_CONST, 1, 0, 0, 0);
	else
		tnc_vector_scale(v, 1, 1, last);
	tnc_vector_imm(v, NPU_VOP_LE, 0, 0, 0);
	tnc_vector_add(v, NPU_VOP_CONST, 2, 0, 0, INT16_MAX);
	tnc_vector_add(v, NPU_VOP_SELECT, 0, 2, 1, 0);
	finish(l, 0);
}

/*
 * Between entries of a table of the sigmoid, whose entries are 16 bits without
 * a sign: it has them less 2^15. Registers: 0 the input in units of a table's
 * entry, 1 its size, 2 the result.
 */
static void lower_sigmoid(struct lowering *l)
{
	bool is_tanh = l->op->kind == TNC_TANH;
	int bits = is_tanh ? 8 : 9, half = is_tanh ? 1 << 23 : 1 << 24;
	int unit = 1 << (is_tanh ? 8 : 10), last = is_tanh ? 0xffff << 8 :
							     0x7fff << 10;
	struct tnc_factor f = tnc_ref_sigmoid_factor(l->op,
						     l->in->quant.scale[0]);
	struct tnc_vector *v = &l->v;
	int16_t table[256];

	for (int i = 0; i < 256; i++)
		table[i] = tnc_ref_sigmoid(i) - 32768;
	tnc_vector_load(v, 0, 0, 0);
	tnc_vector_imm(v, NPU_VOP_MUL, 0, 0, f.multiplier);
	if (f.shift) {
		tnc_vector_imm(v, NPU_VOP_ADD, 0, 0, 1 << (f.shift - 1));
		tnc_vector_imm(v, NPU_VOP_SHR, 0, 0, f.shift);
	}
	tnc_vector_add(v, NPU_VOP_ABS, 1, 0, 0, 0);
	tnc_vector_add(v, NPU_VOP_INTERP, 2, 1, bits,
		       tnc_vector_table(v, table, 256, 2));
	/* Of an input beyond the table; both less the half. */
	tnc_vector_imm(v, NPU_VOP_LT, 1, 1, 255 << bits);
	tnc_vector_imm(v, NPU_VOP_SELECT, 1, 2, last - half);
	/* The negative of a number is that of its size, less one. */
	tnc_vector_imm(v, NPU_VOP_XOR, 2, 1, -1);
	tnc_vector_imm(v, NPU_VOP_LT, 0, 0, 0);
	tnc_vector_add(v, NPU_VOP_SELECT, 0, 2, 1, 0);
	tnc_vector_imm(v, NPU_VOP_ADD, 0, 0, unit / 2 + (is_tanh ? 0 : half));
	tnc_vector_imm(v, NPU_VOP_SHR, 0, 0, is_tanh ? 8 : 10);
	store(l, 0, 0);
}

static void lower_quantize(struct lowering *l)
{
	tnc_vector_load(&l->v, 0, 0, l->in_zero);
	tnc_vector_scale(&l->v, 0, 0, l->factor[0]);
	store(l, 0, l->out_zero);
}

/* Numbers without a scale: between 0 or -1 and nothing, 1 or 6. */
static void lower_plain_relu(struct lowering *l)
{
	tnc_vector_load(&l->v, 0, 0, 0);
	tnc_vector_imm(&l->v, NPU_VOP_MAX, 0, 0,
		       l->op->kind == TNC_RELU_N1_TO_1 ? -1 : 0);
	if (l->op->kind != TNC_RELU)
		tnc_vector_imm(&l->v, NPU_VOP_MIN, 0, 0,
			       l->op->kind == TNC_RELU6 ? 6 : 1);
	store(l, 0, 0);
}

static void lower_plain_function(struct lowering *l)
{
	tnc_vector_load(&l->v, 0, 0, 0);
	if (l->op->kind == TNC_ABS) {
		tnc_vector_add(&l->v, NPU_VOP_ABS, 0, 0, 0, 0);
	} else if (l->op->kind == TNC_NEG) {
		tnc_vector_imm(&l->v, NPU_VOP_MUL, 0, 0, -1);
	} else if (l->op->kind == TNC_SQUARE) {
		tnc_vector_add(&l->v, NPU_VOP_MUL, 0, 0, 0, 0);
	} else { /* SIGN */
		tnc_vector_imm(&l->v, NPU_VOP_MAX, 0, 0, -1);
		tnc_vector_imm(&l->v, NPU_VOP_MIN, 0, 0, 1);
	}
	store(l, 0, 0);
}

/* What a type can't hold is cut off. */
static void lower_cast(struct lowering *l)
{
	int unused = 32 - 8 * tnc_type_info[l->out->type].size;

	tnc_vector_load(&l->v, 0, 0, 0);
	if (l->out->type == TNC_BOOL) {
		tnc_vector_imm(&l->v, NPU_VOP_NE, 0, 0, 0);
	} else if (l->out->type == TNC_UINT8) {
		tnc_vector_imm(&l->v, NPU_VOP_AND, 0, 0, 255);
	} else if (unused) {
		tnc_vector_imm(&l->v, NPU_VOP_SHL, 0, 0, unused);
		tnc_vector_imm(&l->v, NPU_VOP_SHR, 0, 0, unused);
	}
	store(l, 0, 0);
}

/* Both inputs in registers 0 and 1, as they are. */
static void load_both(struct lowering *l)
{
	tnc_vector_load(&l->v, 0, 0, 0);
	tnc_vector_load(&l->v, 1, 1, 0);
}

/* Likewise by value, with so many bits of fraction. */
static void load_scaled(struct lowering *l, int bits)
{
	const int zero[] = { l->in_zero, l->other_zero };

	for (int i = 0; i < 2; i++) {
		tnc_vector_load(&l->v, i, i, zero[i]);
		if (bits)
			tnc_vector_imm(&l->v, NPU_VOP_SHL, i, i, bits);
		tnc_vector_scale(&l->v, i, i, l->factor[i]);
	}
}

static enum npu_vop vop_of(enum tnc_op_kind kind)
{
	switch (kind) {
	case TNC_ADD: return NPU_VOP_ADD;
	case TNC_SUB: return NPU_VOP_SUB;
	case TNC_MUL: return NPU_VOP_MUL;
	case TNC_MAXIMUM: return NPU_VOP_MAX;
	case TNC_MINIMUM: return NPU_VOP_MIN;
	case TNC_EQUAL: return NPU_VOP_EQ;
	case TNC_NOT_EQUAL: return NPU_VOP_NE;
	case TNC_LESS:
	case TNC_GREATER: return NPU_VOP_LT;
	case TNC_LESS_EQUAL:
	case TNC_GREATER_EQUAL: return NPU_VOP_LE;
	case TNC_LOGICAL_AND: return NPU_VOP_AND;
	default: return NPU_VOP_OR;
	}
}

static void lower_comparison(struct lowering *l)
{
	bool is_turned = l->op->kind == TNC_GREATER ||
			 l->op->kind == TNC_GREATER_EQUAL;

	if (l->in->type == TNC_INT8)
		load_scaled(l, 8);
	else
		load_both(l);
	tnc_vector_add(&l->v, vop_of(l->op->kind), 0, is_turned, !is_turned, 0);
	store(l, 0, 0);
}

/* Bytes that are not 0 are all the same. */
static void lower_logical(struct lowering *l)
{
	for (int i = 0; i < l->op->inputs; i++) {
		tnc_vector_load(&l->v, i, i, 0);
		tnc_vector_imm(&l->v, NPU_VOP_NE, i, i, 0);
	}
	if (l->op->kind == TNC_LOGICAL_NOT)
		tnc_vector_imm(&l->v, NPU_VOP_XOR, 0, 0, 1);
	else
		tnc_vector_add(&l->v, vop_of(l->op->kind), 0, 0, 1, 0);
	store(l, 0, 0);
}

static void lower_select(struct lowering *l)
{
	for (int i = 0; i < 3; i++)
		tnc_vector_load(&l->v, i, i, 0);
	tnc_vector_add(&l->v, NPU_VOP_SELECT, 0, 1, 2, 0);
	if (l->out->type == TNC_BOOL)
		tnc_vector_imm(&l->v, NPU_VOP_NE, 0, 0, 0);
	store(l, 0, 0);
}

static void lower_prelu(struct lowering *l)
{
	tnc_vector_load(&l->v, 0, 0, l->in_zero);
	tnc_vector_load(&l->v, 1, 1, l->other_zero);
	tnc_vector_add(&l->v, NPU_VOP_MUL, 1, 0, 1, 0);
	tnc_vector_scale(&l->v, 1, 1, l->factor[1]);
	tnc_vector_imm(&l->v, NPU_VOP_LT, 2, 0, 0);
	tnc_vector_scale(&l->v, 0, 0, l->factor[0]);
	tnc_vector_add(&l->v, NPU_VOP_SELECT, 2, 1, 0, 0);
	finish(l, 2);
}

/* Elements as they are: plain numbers, or of MAXIMUM and MINIMUM. */
static void lower_plain(struct lowering *l)
{
	load_both(l);
	if (l->op->kind == TNC_SQUARED_DIFFERENCE) {
		tnc_vector_add(&l->v, NPU_VOP_SUB, 0, 0, 1, 0);
		tnc_vector_add(&l->v, NPU_VOP_MUL, 0, 0, 0, 0);
	} else {
		tnc_vector_add(&l->v, vop_of(l->op->kind), 0, 0, 1, 0);
	}
	l->out_zero = 0;
	finish(l, 0);
}

static void lower_sum(struct lowering *l)
{
	load_scaled(l, l->in->type == TNC_INT16 ? 15 : 20);
	tnc_vector_add(&l->v, vop_of(l->op->kind), 0, 0, 1, 0);
	tnc_vector_scale(&l->v, 0, 0, l->factor[2]);
	finish(l, 0);
}

static void lower_product(struct lowering *l)
{
	tnc_vector_load(&l->v, 0, 0, l->in_zero);
	tnc_vector_load(&l->v, 1, 1, l->other_zero);
	tnc_vector_add(&l->v, NPU_VOP_MUL, 0, 0, 1, 0);
	tnc_vector_scale(&l->v, 0, 0, l->factor[0]);
	finish(l, 0);
}

static void lower_squared_difference(struct lowering *l)
{
	load_scaled(l, l->in->type == TNC_INT16 ? 0 : 7);
	tnc_vector_add(&l->v, NPU_VOP_SUB, 0, 0, 1, 0);
	tnc_vector_add(&l->v, NPU_VOP_MUL, 0, 0, 0, 0);
	tnc_vector_scale(&l->v, 0, 0, l->factor[2]);
	finish(l, 0);
}

/*
 * Programs by operator: for int8, for int16, and for elements without a scale.
 * What has none stays as it is.
 */
static const struct {
	tnc_lowering *int8, *int16, *plain;
} programs[TNC_OP_KINDS] = {
	[TNC_RELU] = { lower_table, lower_relu, lower_plain_relu },
	[TNC_RELU_N1_TO_1] = { lower_table, lower_relu, lower_plain_relu },
	[TNC_RELU_0_TO_1] = { lower_table, lower_relu, lower_plain_relu },
	[TNC_RELU6] = { lower_table, lower_relu6, lower_plain_relu },
	[TNC_LEAKY_RELU] = { .int8 = lower_table, .int16 = lower_leaky_relu },
	[TNC_ABS] = { lower_table, lower_abs, lower_plain_function },
	[TNC_LOGISTIC] = { .int8 = lower_table, .int16 = lower_sigmoid },
	[TNC_TANH] = { .int8 = lower_table, .int16 = lower_sigmoid },
	[TNC_RSQRT] = { .int8 = lower_table, .int16 = lower_rsqrt },
	[TNC_HARD_SWISH] = { .int8 = lower_table },
	[TNC_ELU] = { .int8 = lower_table },
	[TNC_GELU] = { .int8 = lower_table },
	[TNC_SOFTPLUS] = { .int8 = lower_table },
	[TNC_HARD_SIGMOID] = { .int8 = lower_table },
	[TNC_EXP] = { .int8 = lower_table, .int16 = tnc_lower_exp },
	[TNC_LOG] = { .int8 = lower_table },
	[TNC_SQRT] = { .int8 = lower_table },
	[TNC_SQUARE] = { lower_table, NULL, lower_plain_function },
	[TNC_NEG] = { lower_table, NULL, lower_plain_function },
	[TNC_SIGN] = { lower_table, NULL, lower_plain_function },
	[TNC_SIN] = { .int8 = lower_table },
	[TNC_COS] = { .int8 = lower_table },
	[TNC_ERF] = { .int8 = lower_table },
	[TNC_FLOOR] = { .int8 = lower_table },
	[TNC_CEIL] = { .int8 = lower_table },
	[TNC_ROUND] = { .int8 = lower_table },
	[TNC_QUANTIZE] = { lower_quantize, lower_quantize, lower_quantize },
	[TNC_CAST] = { lower_cast, lower_cast, lower_cast },
	[TNC_EQUAL] = { lower_comparison, lower_comparison, lower_comparison },
	[TNC_NOT_EQUAL] = { lower_comparison, lower_comparison,
			    lower_comparison },
	[TNC_LESS] = { lower_comparison, lower_comparison, lower_comparison },
	[TNC_LESS_EQUAL] = { lower_comparison, lower_comparison,
			     lower_comparison },
	[TNC_GREATER] = { lower_comparison, lower_comparison,
			  lower_comparison },
	[TNC_GREATER_EQUAL] = { lower_comparison, lower_comparison,
				lower_comparison },
	[TNC_LOGICAL_AND] = { .plain = lower_logical },
	[TNC_LOGICAL_OR] = { .plain = lower_logical },
	[TNC_LOGICAL_NOT] = { .plain = lower_logical },
	[TNC_SELECT] = { lower_select, lower_select, lower_select },
	[TNC_PRELU] = { .int8 = lower_prelu, .int16 = lower_prelu },
	[TNC_ADD] = { NULL, lower_sum, lower_plain },
	[TNC_SUB] = { NULL, lower_sum, lower_plain },
	[TNC_MUL] = { NULL, lower_product, lower_plain },
	[TNC_MAXIMUM] = { NULL, lower_plain, lower_plain },
	[TNC_MINIMUM] = { NULL, lower_plain, lower_plain },
	[TNC_SQUARED_DIFFERENCE] = { lower_squared_difference,
				     lower_squared_difference, lower_plain },
	[TNC_SOFTMAX] = { .int16 = tnc_lower_softmax },
	[TNC_LOG_SOFTMAX] = { .int8 = tnc_lower_log_softmax },
	[TNC_L2_NORMALIZATION] = { .int8 = tnc_lower_l2_normalization },
};

/* Those that need a row of channels whole. */
static bool is_of_rows(enum tnc_op_kind kind)
{
	return kind == TNC_SOFTMAX || kind == TNC_LOG_SOFTMAX ||
	       kind == TNC_L2_NORMALIZATION;
}

static struct lowering lowering_of(struct tnc *c, struct tnc_op *op)
{
	struct lowering l = {
		.v.c = c,
		.op = op,
		.in = tnc_op_input(c, op, 0),
		.other = op->inputs > 1 ? tnc_op_input(c, op, 1) : NULL,
		.out = tnc_op_output(c, op),
	};

	l.in_zero = zero_of(l.in);
	l.other_zero = zero_of(l.other);
	l.out_zero = zero_of(l.out);
	l.min = MIN_OF(l.out);
	l.max = MAX_OF(l.out);
	if (is_quantised(l.out))
		tnc_op_clamp(c, op, &l.min, &l.max);
	if (op->factors)
		memcpy(l.factor, op->factor, op->factors * sizeof(*l.factor));
	else if (tnc_op_factor_count(c, op) &&
		 tnc_op_factor_count(c, op) <= TNC_ARRAY_SIZE(l.factor))
		tnc_op_factors(c, op, l.factor);
	return l;
}

/* Types that the vector unit has, and shapes that it can repeat? */
static bool is_possible(const struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *out = tnc_op_output(c, op);

	if (!tnc_vector_has(out->type))
		return false;
	for (int i = 0; i < op->inputs; i++) {
		const struct tnc_tensor *in = tnc_op_input(c, op, i);

		if (!in || !tnc_vector_has(in->type) || in->rank > out->rank)
			return false;
		for (int d = 0; d < out->rank; d++) {
			int size = tnc_tensor_dim(in, out->rank, d);

			if (size != 1 && size != out->shape[d])
				return false;
		}
	}
	return true;
}

/* What becomes of an operator, or NULL. ONNX has arithmetic of its own. */
static tnc_lowering *program_of(const struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);

	if (!in)
		return NULL;
	if (tnc_ref_onnx_is(c, op))
		return tnc_lower_onnx(op->kind);
	if (!is_quantised(in))
		return programs[op->kind].plain;
	return in->type == TNC_INT8 ? programs[op->kind].int8 :
				      programs[op->kind].int16;
}

bool tnc_lower_has(const struct tnc *c, const struct tnc_op *op)
{
	return tnc_lower_is_reduction(c, op) ||
	       (program_of(c, op) && is_possible(c, op));
}

bool tnc_lower(struct tnc *c, struct tnc_op *op)
{
	tnc_lowering *program = program_of(c, op);
	struct lowering l;

	if (tnc_lower_reduction(c, op))
		return true;
	if (!tnc_lower_has(c, op))
		return false;
	tnc_place_op(c, op);
	l = lowering_of(c, op);
	program(&l);
	if (is_of_rows(op->kind))
		tnc_lower_matrix(c, op);
	else
		tnc_lower_elementwise(c, op);
	tnc_vector_finish(&l.v, op);
	tnc_place_none(c);
	return true;
}
