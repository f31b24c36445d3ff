// SPDX-License-Identifier: MIT
/*
 * Additions that the output stage of the array does: a sum, one of whose summands is
 * what the convolution right before it makes for nobody else. The graph keeps both
 * operators, the sum with a mark, up to its schedule, where the two become one.
 */
#include <string.h>

#include "pass.h"
#include "plan.h"

/* Operators that a convolution waits for: its input is in SRAM as long. */
#define BETWEEN_MAX 4

/* Is the tensor there for one operator alone, which reads it once and as it is? */
static bool has_one_reader(const struct tnc *c, int id)
{
	int readers = 0;

	for (int i = 0; i < c->tensors; i++)
		if (c->tensor[i] && c->tensor[i]->alias == id)
			return false;
	for (int i = 0; i < c->ops; i++)
		for (int k = 0; k < c->op[i]->inputs; k++)
			readers += c->op[i]->input[k] == id;
	for (int i = 0; i < c->outputs.count; i++)
		readers += 2 * (c->outputs.id[i] == id);
	for (int i = 0; i < c->variables; i++)
		readers += 2 * (c->variable[i].kept == id);
	return readers == 1;
}

static bool same_shape(const struct tnc_tensor *a, const struct tnc_tensor *b)
{
	if (a->rank != b->rank)
		return false;
	for (int d = 0; d < a->rank; d++)
		if (a->shape[d] != b->shape[d])
			return false;
	return true;
}

static bool is_convolution(const struct tnc *c, const struct tnc_op *op)
{
	return (op->kind == TNC_CONV_2D ||
		op->kind == TNC_DEPTHWISE_CONV_2D) &&
	       tnc_op_input(c, op, 0)->type == TNC_INT8 &&
	       tnc_op_output(c, op)->type == TNC_INT8;
}

static bool is_sum(const struct tnc *c, const struct tnc_op *op)
{
	return op->kind == TNC_ADD && !(op->mode & TNC_MODE_ONNX) &&
	       same_shape(tnc_op_input(c, op, 0), tnc_op_input(c, op, 1)) &&
	       same_shape(tnc_op_input(c, op, 0), tnc_op_output(c, op));
}

/* Is operator @at a convolution for nothing but a summand of @sum? */
static bool makes_summand(const struct tnc *c, int at, const struct tnc_op *sum)
{
	const struct tnc_tensor *product = tnc_op_output(c, c->op[at]);

	return (sum->input[0] == product->id || sum->input[1] == product->id) &&
	       is_convolution(c, c->op[at]) && product->alias < 0 &&
	       has_one_reader(c, product->id);
}

/* Is operator @number a sum that the output stage of the one before it can do? */
bool tnc_fuse_can(const struct tnc *c, int number)
{
	return number > 0 && is_sum(c, c->op[number]) &&
	       makes_summand(c, number - 1, c->op[number]);
}

/* The last convolution, but not far before the sum, that could be right before it. */
static int find_convolution(const struct tnc *c, int number)
{
	for (int at = number - 1; at >= 0 && at >= number - 1 - BETWEEN_MAX; at--)
		if (makes_summand(c, at, c->op[number]))
			return at;
	return -1;
}

/* What is between does not look at the convolution's result. */
static void delay(struct tnc *c, int at, int number)
{
	struct tnc_op *conv = c->op[at];

	memmove(c->op + at, c->op + at + 1,
		(number - 1 - at) * sizeof(*c->op));
	c->op[number - 1] = conv;
}

/*
 * Machines before 1.4 can't, and nothing is gained where others' arrays are imitated. Who
 * asks for points to interrupt a job at finds the cheapest in front of sums: two small
 * maps are all that is live.
 */
static bool is_wanted(const struct tnc *c)
{
	return c->options.hw_minor >= NPU_HW_MINOR_CONV_ADD &&
	       !c->options.machine.restricted && !c->options.yield_cycles;
}

/*
 * Needs: a legal graph, its views settled. Leaves: marks, and convolutions right before
 * the marked sums.
 */
void tnc_pass_fuse(struct tnc *c)
{
	for (int i = 0; is_wanted(c) && i < c->ops; i++) {
		int at = is_sum(c, c->op[i]) ? find_convolution(c, i) : -1;

		if (at < 0)
			continue;
		delay(c, at, i);
		c->op[i]->mode |= TNC_MODE_FUSED;
	}
}

/* The convolution has both operators' inputs then, and the sum's output. */
static void join(struct tnc *c, struct tnc_op *conv, const struct tnc_op *sum)
{
	int second = sum->input[sum->input[0] == conv->output];

	while (conv->inputs < TNC_INPUT_SECOND)
		tnc_op_add_input(c, conv, TNC_INPUT_NONE);
	tnc_op_add_input(c, conv, second);
	conv->output = sum->output;
	conv->sum = sum;
}

/* Needs: marks. Leaves: no marked operator in the list, but part of the one before. */
void tnc_fuse_join(struct tnc *c)
{
	int kept = 0;

	for (int i = 0; i < c->ops; i++) {
		if (c->op[i]->mode & TNC_MODE_FUSED)
			join(c, c->op[kept - 1], c->op[i]);
		else
			c->op[kept++] = c->op[i];
	}
	c->ops = kept;
}
