// SPDX-License-Identifier: MIT
/*
 * Part of pass 'l': operators that look at a whole row, on rows that do not fit the
 * SRAM, or are too long for one program. A row is cut into parts of one length and what
 * is left of it. Programs reduce each part, then what comes of the parts; for SOFTMAX
 * and L2_NORMALIZATION a last one goes over the row again. A pool of a whole picture
 * that has no command is such a row for each channel.
 */
#include <string.h>

#include "lower.h"
#include "pass.h"

#define PART_BYTES 4096
#define PART_LEAST 1024		/* elements, if a divisor is to be found */
#define WINDOW_MAX 255		/* of a command, each way */
#define SRAM_SPARE 2048		/* for what is not the row */

/* Operators are put before @op, the first one at @at. */
struct rows {
	struct tnc *c;
	struct tnc_op *op;
	int at;
	int64_t count;
	int64_t length;
	int part;		/* elements of one; @parts of them */
	int parts;
	int left;		/* elements behind the parts */
	enum tnc_type type;
	int zero;		/* that elements are loaded less */
	int out_zero;		/* that the next result is stored with */
	int body;		/* tensors: count x parts x part, */
	int tail;		/* and count x 1 x left, or -1 */
};

/* --- Operators that are added ---------------------------------------------- */

static struct tnc_op *add_op(struct rows *r, enum tnc_op_kind kind)
{
	struct tnc *c = r->c;
	struct tnc_op *op = tnc_op_append(c, kind);

	memmove(&c->op[r->at + 1], &c->op[r->at],
		(c->ops - 1 - r->at) * sizeof(*c->op));
	c->op[r->at++] = op;
	op->origin = r->op->origin;
	op->source = r->op->source;
	return op;
}

static int add_tensor(struct rows *r, enum tnc_type type, int columns,
		      int channels)
{
	struct tnc_tensor *t = tnc_tensor_new(r->c, tnc_op_input(r->c, r->op, 0));

	t->rank = 4;
	memcpy(t->shape, (int32_t[]){ 1, r->count, columns, channels },
	       4 * sizeof(*t->shape));
	if (t->type != type)
		t->quant.count = 0;
	t->type = type;
	return t->id;
}

static int view(struct rows *r, int id, int columns, int channels)
{
	return tnc_picture_view(r->c, id, (int32_t[]){ 1, r->count, columns,
						       channels }, false);
}

static int slice(struct rows *r, int id, int begin, int length)
{
	struct tnc_op *op = add_op(r, TNC_SLICE);

	tnc_op_add_input(r->c, op, id);
	op->output = add_tensor(r, r->type, 1, length);
	for (int d = 0; d < 4; d++) {
		tnc_list_append(r->c, &op->list[0], d == 3 ? begin : 0);
		tnc_list_append(r->c, &op->list[1], 1);
	}
	return op->output;
}

static int join(struct rows *r, int first, int second)
{
	const struct tnc_tensor *a = r->c->tensor[first];
	const struct tnc_tensor *b = r->c->tensor[second];
	struct tnc_op *op = add_op(r, TNC_CONCATENATION);

	tnc_op_add_input(r->c, op, first);
	tnc_op_add_input(r->c, op, second);
	op->axis = 3;
	op->output = add_tensor(r, a->type, 1, a->shape[3] + b->shape[3]);
	return op->output;
}

/* Writes the end of a program over inputs that are in registers 0, 1, ... */
typedef void body(struct tnc_vector *v, const struct rows *r);

/* @others may be left out: -1. */
static int add_program(struct rows *r, body *write, int in, const int others[2],
		       int output)
{
	struct tnc_op *op = add_op(r, TNC_VECTOR);
	bool is_row = in == r->body || in == r->tail;
	struct tnc_vector v = { .c = r->c };

	tnc_op_add_input(r->c, op, in);
	for (int i = 0; i < 2 && others[i] >= 0; i++)
		tnc_op_add_input(r->c, op, others[i]);
	for (int i = 0; i < op->inputs; i++)
		tnc_vector_load(&v, i, i, is_row && !i ? r->zero : 0);
	write(&v, r);
	tnc_vector_add(&v, NPU_VOP_STORE, 0, 0, 0, r->out_zero);
	op->output = output;
	tnc_vector_finish(&v, op);
	return output;
}

/* A result for each part, as channels of one pixel. */
static int of_parts(struct rows *r, body *write, int other, enum tnc_type type)
{
	const int others[] = { other, -1 };
	int all = view(r, add_program(r, write, r->body, others,
				      add_tensor(r, type, r->parts, 1)),
		       1, r->parts);

	if (r->tail < 0)
		return all;
	return join(r, all, add_program(r, write, r->tail, others,
					add_tensor(r, type, 1, 1)));
}

/* And one of those for the row. */
static int of_row(struct rows *r, body *write, int parts)
{
	static const int none[] = { -1, -1 };

	return add_program(r, write, parts, none,
			   add_tensor(r, r->c->tensor[parts]->type, 1, 1));
}

/* --- Rows ------------------------------------------------------------------ */

/* @sides: 2 if the result is a row of the same size, else 1. */
static bool is_long(const struct tnc *c, enum tnc_type type, int64_t length,
		    int sides)
{
	int64_t bytes = length * tnc_type_info[type].size;

	return bytes > UINT16_MAX ||
	       bytes * sides > c->options.machine.sram_size - SRAM_SPARE;
}

static struct rows rows_of(struct tnc *c, int at, int64_t length)
{
	const struct tnc_tensor *in = tnc_op_input(c, c->op[at], 0);
	int most = PART_BYTES / tnc_type_info[in->type].size, row;
	struct rows r = {
		.c = c,
		.op = c->op[at],
		.at = at,
		.count = tnc_tensor_elements(in) / length,
		.length = length,
		.part = tnc_largest_divisor(length, most),
		.type = in->type,
		.tail = -1,
	};

	if (r.part < PART_LEAST && most < length)
		r.part = most;
	r.parts = length / r.part;
	r.left = length % r.part;
	row = view(&r, r.op->input[0], 1, length);
	if (!r.left) {
		r.body = view(&r, row, r.parts, r.part);
		return r;
	}
	r.body = view(&r, slice(&r, row, 0, length - r.left), r.parts, r.part);
	r.tail = slice(&r, row, length - r.left, r.left);
	return r;
}

/* The operator is done by those before it. */
static void drop_op(struct rows *r)
{
	struct tnc *c = r->c;

	c->ops--;
	memmove(&c->op[r->at], &c->op[r->at + 1],
		(c->ops - r->at) * sizeof(*c->op));
}

/* The result as another row: a last program, or two and what joins them. */
static void finish(struct rows *r, body *write, const int others[2])
{
	struct tnc *c = r->c;
	int row = tnc_picture_view(c, r->op->output, (int32_t[]){
		1, r->count, 1, r->length }, true), body, tail;

	if (r->tail < 0) {
		row = tnc_picture_view(c, row, (int32_t[]){
			1, r->count, r->parts, r->part }, true);
		add_program(r, write, r->body, others, row);
	} else {
		body = add_program(r, write, r->body, others,
				   add_tensor(r, r->type, r->parts, r->part));
		tail = add_program(r, write, r->tail, others,
				   add_tensor(r, r->type, 1, r->left));
		join(r, view(r, body, 1, r->length - r->left), tail);
		c->op[r->at - 1]->output = row;
	}
	drop_op(r);
}

/* --- Programs -------------------------------------------------------------- */

static void greatest(struct tnc_vector *v, const struct rows *r)
{
	tnc_vector_add(v, NPU_VOP_RMAX, 0, 0, 0, 0);
}

static void least(struct tnc_vector *v, const struct rows *r)
{
	tnc_vector_add(v, NPU_VOP_RMIN, 0, 0, 0, 0);
}

static void sum(struct tnc_vector *v, const struct rows *r)
{
	tnc_vector_add(v, NPU_VOP_RSUM, 0, 0, 0, 0);
}

static enum npu_vop arg_of(const struct rows *r)
{
	return r->op->kind == TNC_ARG_MAX ? NPU_VOP_ARGMAX : NPU_VOP_ARGMIN;
}

static void place(struct tnc_vector *v, const struct rows *r)
{
	tnc_vector_add(v, arg_of(r), 0, 0, 0, 0);
}

/*
 * Inputs are what each part has to offer, its place there, and the parts' numbers.
 * The first part that has the best has the place.
 */
static void place_of_parts(struct tnc_vector *v, const struct rows *r)
{
	tnc_vector_add(v, arg_of(r), 0, 0, 0, 0);
	tnc_vector_add(v, NPU_VOP_EQ, 2, 2, 0, 0);
	tnc_vector_imm(v, NPU_VOP_SELECT, 2, 1, 0);
	tnc_vector_add(v, NPU_VOP_RSUM, 2, 2, 0, 0);
	tnc_vector_imm(v, NPU_VOP_MUL, 0, 0, r->part);
	tnc_vector_add(v, NPU_VOP_ADD, 0, 0, 2, 0);
}

static void squares(struct tnc_vector *v, const struct rows *r)
{
	tnc_vector_add(v, NPU_VOP_MUL, 0, 0, 0, 0);
	tnc_vector_add(v, NPU_VOP_RSUM, 0, 0, 0, 0);
}

static void normalised(struct tnc_vector *v, const struct rows *r)
{
	tnc_lower_by_root(v);
}

/*
 * SOFTMAX of int8, as its command does it. Register 0 is the element, 1 the greatest
 * one; then 0 is the exponential, and 1 whether the difference is too large for it.
 */
static void exponential(struct tnc_vector *v, const struct rows *r)
{
	struct tnc_factor factor;
	int64_t most;

	tnc_op_factors(r->c, r->op, &factor);
	most = (INT64_C(31) << 26) >> factor.shift;
	tnc_vector_add(v, NPU_VOP_SUB, 0, 0, 1, 0);
	tnc_vector_imm(v, NPU_VOP_LT, 1, 0, most < 255 ? -most : -255);
	tnc_vector_imm(v, NPU_VOP_SHL, 0, 0, factor.shift);
	tnc_vector_imm(v, NPU_VOP_SRDHM, 0, 0, factor.multiplier);
	tnc_vector_add(v, NPU_VOP_EXP, 0, 0, 0, 0);
}

/* Register 0, or 0 where register 1 says so; register 7 is spare. */
static void unless(struct tnc_vector *v)
{
	tnc_vector_add(v, NPU_VOP_CONST, 7, 0, 0, 0);
	tnc_vector_add(v, NPU_VOP_SELECT, 1, 7, 0, 0);
}

static void exponentials(struct tnc_vector *v, const struct rows *r)
{
	exponential(v, r);
	tnc_vector_imm(v, NPU_VOP_RDIVP, 0, 0, 12);
	unless(v);
	tnc_vector_add(v, NPU_VOP_RSUM, 0, 1, 0, 0);
}

/* Register 2 is the sum; all is 0 if that needs its highest four bits, or wraps to 0. */
static void shares(struct tnc_vector *v, const struct rows *r)
{
	exponential(v, r);
	tnc_vector_imm(v, NPU_VOP_LE, 3, 2, 0);
	tnc_vector_add(v, NPU_VOP_OR, 1, 1, 3, 0);
	tnc_vector_imm(v, NPU_VOP_LT, 3, 2, 1 << 28);
	tnc_vector_imm(v, NPU_VOP_EQ, 3, 3, 0);
	tnc_vector_add(v, NPU_VOP_OR, 1, 1, 3, 0);
	tnc_vector_add(v, NPU_VOP_CLZ, 3, 2, 0, 0);
	tnc_vector_add(v, NPU_VOP_SHL, 2, 2, 3, 0);
	tnc_vector_imm(v, NPU_VOP_ADD, 2, 2, INT32_MIN);
	tnc_vector_add(v, NPU_VOP_RECIP, 2, 2, 0, 0);
	tnc_vector_add(v, NPU_VOP_SRDHM, 0, 2, 0, 0);
	tnc_vector_add(v, NPU_VOP_CONST, 4, 0, 0, 12 + 31 - 8);
	tnc_vector_add(v, NPU_VOP_SUB, 3, 4, 3, 0);
	tnc_vector_add(v, NPU_VOP_RDIVP, 0, 0, 3, 0);
	unless(v);
	tnc_vector_imm(v, NPU_VOP_ADD, 0, 1, INT8_MIN);
}

static void wide_exponentials(struct tnc_vector *v, const struct rows *r)
{
	struct tnc_factor factor;

	tnc_op_factors(r->c, r->op, &factor);
	tnc_lower_wide_exp(v, factor);
	tnc_vector_add(v, NPU_VOP_RSUM, 0, 0, 0, 0);
}

static void wide_shares(struct tnc_vector *v, const struct rows *r)
{
	struct tnc_factor factor;

	tnc_op_factors(r->c, r->op, &factor);
	tnc_lower_wide_exp(v, factor);
	tnc_vector_imm(v, NPU_VOP_ADD, 1, 2, 0);
	tnc_lower_wide_share(v);
}

static void log_exponentials(struct tnc_vector *v, const struct rows *r)
{
	struct tnc_ref_log_softmax s =
		tnc_ref_log_softmax_of(tnc_op_input(r->c, r->op, 0));

	tnc_lower_log_sum(v, &s);
	tnc_vector_imm(v, NPU_VOP_ADD, 0, 3, 0);
}

static void log_shares(struct tnc_vector *v, const struct rows *r)
{
	struct tnc_ref_log_softmax s =
		tnc_ref_log_softmax_of(tnc_op_input(r->c, r->op, 0));

	tnc_vector_imm(v, NPU_VOP_ADD, 3, 2, 0);
	tnc_vector_add(v, NPU_VOP_SUB, 0, 0, 1, 0);
	tnc_vector_scale(v, 2, 0, s.scale);
	tnc_lower_log_share(v, &s);
	tnc_vector_imm(v, NPU_VOP_ADD, 0, 4, 0);
}

/* A mean, rounded; within what the activation function leaves. */
static void average(struct tnc_vector *v, const struct rows *r)
{
	int half = r->length / 2;

	tnc_vector_add(v, NPU_VOP_RSUM, 0, 0, 0, 0);
	tnc_vector_imm(v, NPU_VOP_LT, 1, 0, 0);
	tnc_vector_imm(v, NPU_VOP_MUL, 1, 1, -2 * half);
	tnc_vector_imm(v, NPU_VOP_ADD, 1, 1, half);
	tnc_vector_add(v, NPU_VOP_ADD, 0, 0, 1, 0);
	tnc_vector_imm(v, NPU_VOP_DIV, 0, 0, r->length);
}

static void clamped(struct tnc_vector *v, const struct rows *r)
{
	int min, max;

	if (r->op->kind == TNC_AVERAGE_POOL_2D)
		average(v, r);
	else
		greatest(v, r);
	tnc_op_clamp(r->c, r->op, &min, &max);
	tnc_vector_clamp(v, 0, 0, min, max);
}

/* --- Operators ------------------------------------------------------------- */

/* 0, 1, ... */
static int numbers(struct rows *r, int count)
{
	struct tnc_tensor *t = r->c->tensor[add_tensor(r, TNC_INT32, 1, count)];

	t->name = "numbers";
	t->shape[1] = 1;
	t->data = tnc_alloc(r->c, count, sizeof(int32_t));
	for (int i = 0; i < count; i++)
		((int32_t *)t->data)[i] = i;
	return t->id;
}

/* Number @at, whose elements lie in rows of @length: returns where it is then. */
int tnc_lower_long_arg(struct tnc *c, int at, int64_t length)
{
	enum tnc_type type = tnc_op_input(c, c->op[at], 0)->type;
	bool is_max = c->op[at]->kind == TNC_ARG_MAX;
	int best, others[2];
	struct rows r;

	if (!is_long(c, type, length, 1))
		return at;
	r = rows_of(c, at, length);
	best = of_parts(&r, is_max ? greatest : least, -1, type);
	others[0] = of_parts(&r, place, -1, TNC_INT32);
	others[1] = numbers(&r, r.parts + !!r.left);
	add_program(&r, place_of_parts, best, others,
		    tnc_picture_view(c, r.op->output, (int32_t[]){
			    1, r.count, 1, 1 }, true));
	drop_op(&r);
	return r.at - 1;
}

/* The value of a sum in register 0, scaled as the output wants it. */
static void scaled_sum(struct tnc_vector *v, const struct rows *r)
{
	struct tnc_factor factor;
	float real;

	tnc_vector_add(v, NPU_VOP_RSUM, 0, 0, 0, 0);
	if (tnc_ref_onnx_is(r->c, r->op)) {
		real = tnc_ref_onnx_mean_factor(r->c, r->op);
		memcpy(&factor.multiplier, &real, sizeof(real));
		tnc_vector_add(v, NPU_VOP_ITOF, 0, 0, 0, 0);
		tnc_vector_imm(v, NPU_VOP_FMUL, 0, 0, factor.multiplier);
		tnc_vector_add(v, NPU_VOP_FTOI, 0, 0, 0, 0);
	} else {
		tnc_op_factors(r->c, r->op, &factor);
		tnc_vector_scale(v, 0, 0, factor);
	}
}

static void reduced(struct tnc_vector *v, const struct rows *r)
{
	tnc_vector_add(v, tnc_lower_reducer(r->op->kind), 0, 0, 0, 0);
}

/* Likewise; that it is too long for one program is known. */
int tnc_lower_long_reduction(struct tnc *c, int at, int64_t length)
{
	static const int none[] = { -1, -1 };
	struct rows r = rows_of(c, at, length);
	const struct tnc_quant *quant = &tnc_op_input(c, r.op, 0)->quant;
	bool is_scaled = quant->count &&
			 tnc_lower_reducer(r.op->kind) == NPU_VOP_RSUM;
	int parts;

	if (is_scaled)
		r.zero = quant->zero_point[0];
	parts = of_parts(&r, reduced, -1, is_scaled ? TNC_INT32 : r.type);
	if (is_scaled)
		r.out_zero = tnc_op_output(c, r.op)->quant.zero_point[0];
	add_program(&r, is_scaled ? scaled_sum : reduced, parts, none,
		    tnc_picture_view(c, r.op->output, (int32_t[]){
			    1, r.count, 1, 1 }, true));
	drop_op(&r);
	return r.at - 1;
}

/* Of each window of the input's pixels, the channels' sums or maxima. */
static int of_windows(struct rows *r, const int64_t shape[3],
		      struct tnc_hw window, bool is_sum)
{
	struct tnc *c = r->c;
	int32_t channels = shape[2];
	struct tnc_op *op = add_op(r, is_sum ? TNC_DEPTHWISE_CONV_2D :
					       TNC_MAX_POOL_2D);
	struct tnc_tensor *out = c->tensor[add_tensor(r, is_sum ? TNC_INT32 :
								  r->type, 1,
						      channels)];

	out->shape[1] = shape[0] * shape[1];
	op->output = out->id;
	tnc_op_add_input(c, op, tnc_picture_view(c, r->op->input[0],
		(int32_t[]){ 1, shape[0] * shape[1] * window.h, window.w,
			     channels }, false));
	if (is_sum) {
		tnc_op_add_input(c, op, tnc_lower_constant(c, TNC_INT8, 4,
			(int32_t[]){ 1, window.h, window.w, channels }, 1));
		/* of 32 bits, so that sums have them, too */
		tnc_op_add_input(c, op, tnc_lower_constant(c, TNC_INT32, 1,
							   &channels, 0));
	}
	tnc_lower_set_window(c, op, window);
	return out->id;
}

/*
 * A reduction of shape[0] x (shape[1] windows) x shape[2] along the windows; the
 * last dimension is that of channels.
 */
int tnc_lower_windows(struct tnc *c, int at, const int64_t shape[3],
		      struct tnc_hw window)
{
	static const int perm[] = { 0, 1, 3, 2 }, none[] = { -1, -1 };
	struct rows r = {
		.c = c,
		.op = c->op[at],
		.at = at,
		.count = shape[0],
		.type = tnc_op_input(c, c->op[at], 0)->type,
		.body = -1,
		.tail = -1,
	};
	bool is_sum = r.op->kind != TNC_REDUCE_MAX;
	int parts = of_windows(&r, shape, window, is_sum);
	struct tnc_op *turn = add_op(&r, TNC_TRANSPOSE);

	tnc_op_add_input(c, turn, view(&r, parts, shape[1], shape[2]));
	turn->output = add_tensor(&r, c->tensor[parts]->type, shape[2],
				  shape[1]);
	for (int d = 0; d < 4; d++)
		tnc_list_append(c, &turn->list[0], perm[d]);
	if (is_sum)
		r.out_zero = tnc_op_output(c, r.op)->quant.zero_point[0];
	add_program(&r, is_sum ? scaled_sum : reduced, turn->output, none,
		    tnc_picture_view(c, r.op->output, (int32_t[]){
			    1, shape[0], shape[2], 1 }, true));
	drop_op(&r);
	return r.at - 1;
}

static bool is_row(const struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);

	return (op->kind == TNC_SOFTMAX || op->kind == TNC_LOG_SOFTMAX ||
		op->kind == TNC_L2_NORMALIZATION) && in->rank &&
	       is_long(c, in->type, in->shape[in->rank - 1], 2);
}

static void softmax(struct rows *r)
{
	static const struct {
		body *sum, *share;
	} kinds[] = {
		{ exponentials, shares },
		{ wide_exponentials, wide_shares },
		{ log_exponentials, log_shares },
	};
	int kind = r->op->kind == TNC_LOG_SOFTMAX ? 2 : r->type == TNC_INT16;
	int max = of_row(r, greatest, of_parts(r, greatest, -1, r->type));
	int total = of_row(r, sum, of_parts(r, kinds[kind].sum, max,
					    TNC_INT32));

	finish(r, kinds[kind].share, (int[]){ max, total });
}

static void l2_normalization(struct rows *r)
{
	int total;

	r->zero = tnc_op_input(r->c, r->op, 0)->quant.zero_point[0];
	total = of_row(r, sum, of_parts(r, squares, -1, TNC_INT32));
	finish(r, normalised, (int[]){ total, -1 });
}

/* A pool of all of a picture, with more than a command's window. */
static bool is_whole_pool(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	struct tnc_pads pads;

	if ((op->kind != TNC_AVERAGE_POOL_2D && op->kind != TNC_MAX_POOL_2D) ||
	    op->mode || in->shape[0] != 1 || out->shape[1] != 1 ||
	    out->shape[2] != 1)
		return false;
	pads = tnc_op_pads(c, op);
	return op->window.h - pads.top >= in->shape[1] &&
	       op->window.w - pads.left >= in->shape[2] &&
	       (op->window.h > WINDOW_MAX || op->window.w > WINDOW_MAX ||
		is_long(c, in->type, (int64_t)in->shape[1] * in->shape[2], 1));
}

/* Pictures of channels become rows; returns where the operator is then. */
static int whole_pool(struct tnc *c, int at)
{
	static const int perm[] = { 0, 3, 1, 2 }, none[] = { -1, -1 };
	struct tnc_op *op = tnc_insert_before(c, at, 0, TNC_TRANSPOSE);
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	struct tnc_tensor *out = tnc_op_output(c, op);
	bool is_sum = c->op[at + 1]->kind == TNC_AVERAGE_POOL_2D;
	struct rows r;
	int parts;

	for (int d = 0; d < 4; d++) {
		out->shape[d] = in->shape[perm[d]];
		tnc_list_append(c, &op->list[0], perm[d]);
	}
	r = rows_of(c, at + 1, (int64_t)in->shape[1] * in->shape[2]);
	parts = of_parts(&r, is_sum ? sum : greatest, -1,
			 is_sum ? TNC_INT32 : r.type);
	add_program(&r, clamped, parts, none,
		    tnc_picture_view(c, r.op->output, (int32_t[]){
			    1, r.count, 1, 1 }, true));
	drop_op(&r);
	return r.at - 1;
}

/* Before the pass: what has rows too long for one command gets several. */
void tnc_legalise_long_rows(struct tnc *c)
{
	for (int i = 0; i < c->ops; i++) {
		const struct tnc_tensor *in;
		struct rows r;

		if (is_whole_pool(c, c->op[i]))
			i = whole_pool(c, i);
		if (!is_row(c, c->op[i]))
			continue;
		in = tnc_op_input(c, c->op[i], 0);
		r = rows_of(c, i, in->shape[in->rank - 1]);
		if (r.op->kind == TNC_L2_NORMALIZATION)
			l2_normalization(&r);
		else
			softmax(&r);
		i = r.at - 1;
	}
}
