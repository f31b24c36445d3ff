// SPDX-License-Identifier: MIT
/*
 * Part of pass 'u': an LSTM step by step. What the inputs of all steps add to the
 * gates is one convolution; what the hidden state adds is one for each step, all
 * four gates at once, and what follows from the gates are programs of the vector
 * unit. Weights and programs are the same tensors in all steps, so that they need
 * to be loaded only once.
 */
#include <errno.h>
#include <string.h>

#include "sequence.h"
#include "unroll.h"
#include "vector.h"

/* Order of the gates along the channels: the sigmoids side by side. */
static const enum tnc_gate gate_at[TNC_GATES] = {
	TNC_GATE_INPUT, TNC_GATE_FORGET, TNC_GATE_OUTPUT, TNC_GATE_CELL,
};

#define SIGMOIDS 3

/* What one LSTM is unrolled with. Pictures are [1, batches or 1, ..., channels]. */
struct unroll {
	struct tnc *c;
	const struct tnc_op *op;
	struct tnc_lstm l;
	int axis;		/* of a picture: the steps */
	const struct tnc_tensor *cells; /* like which gates and cells are made */
	int weights;		/* recurrent ones */
	struct tnc_factor *factor; /* theirs */
	/* Programs, once the first step has made them. */
	int sigmoids, update, cell, hidden;
};

/* --- Weights of all gates as those of one layer ----------------------------- */

static int gate_input(const struct unroll *u, int first, int channel)
{
	return u->op->input[first + gate_at[channel / u->l.cells]];
}

/* The rows of all gates' tensors, of which @first is the input gate's. */
static int join_rows(const struct unroll *u, int first, int rank,
		     int row_elements)
{
	struct tnc *c = u->c;
	const struct tnc_tensor *one = tnc_op_input(c, u->op, first);
	const int32_t shape[4] = { TNC_GATES * u->l.cells, 1, 1,
				   row_elements };
	struct tnc_tensor *all = c->tensor[tnc_unroll_tensor(c, one, shape,
							     rank)];
	size_t bytes = tnc_tensor_bytes(one);

	all->data = tnc_alloc(c, TNC_GATES, bytes);
	for (int i = 0; i < TNC_GATES; i++)
		memcpy(all->data + i * bytes,
		       tnc_op_input(c, u->op, first + gate_at[i])->data, bytes);
	return all->id;
}

/* Weights and the factors that their sums are multiplied with. */
static int join_weights(const struct unroll *u, int first,
			const struct tnc_factor of_gate[TNC_GATES],
			struct tnc_factor **factor)
{
	struct tnc *c = u->c;
	int channels = TNC_GATES * u->l.cells;
	int depth = tnc_op_input(c, u->op, first)->shape[1];
	struct tnc_tensor *all = c->tensor[join_rows(u, first, 4, depth)];

	all->quant.count = channels;
	all->quant.axis = 0;
	all->quant.scale = tnc_alloc(c, channels, sizeof(float));
	all->quant.zero_point = tnc_alloc(c, channels, sizeof(int32_t));
	*factor = tnc_alloc(c, channels, sizeof(**factor));
	for (int i = 0; i < channels; i++) {
		int id = gate_input(u, first, i);

		all->quant.scale[i] = c->tensor[id]->quant.scale[0];
		(*factor)[i] = of_gate[gate_at[i / u->l.cells]];
	}
	return all->id;
}

/* What the inputs of all steps add to the gates. */
static int gates_of_input(const struct unroll *u)
{
	struct tnc *c = u->c;
	const struct tnc_tensor *in = tnc_op_input(c, u->op, TNC_LSTM_INPUT);
	const int32_t shape[4] = { 1, in->shape[0], in->shape[1],
				   in->shape[2] };
	struct tnc_factor *factor;
	int weights = join_weights(u, TNC_LSTM_WEIGHTS, u->l.input, &factor);
	int bias = join_rows(u, TNC_LSTM_BIAS, 1, 1);

	return tnc_unroll_pointwise(
		c, u->op, tnc_unroll_reshape(c, u->op, in->id, shape, 4),
		weights, bias, factor, u->cells);
}

/* --- Programs of the vector unit -------------------------------------------- */

/*
 * An operator of up to three inputs. @program is the block of its program, which
 * @write makes for the first one.
 */
static int vector(const struct unroll *u, const int inputs[3], int output,
		  int *program,
		  void (*write)(const struct unroll *u, struct tnc_vector *v))
{
	struct tnc_op *op = tnc_unroll_append(u->c, u->op, TNC_VECTOR,
					      inputs[0], output);
	struct tnc_vector *v;

	for (int i = 1; i < 3; i++)
		if (inputs[i] != TNC_INPUT_NONE)
			tnc_op_add_input(u->c, op, inputs[i]);
	if (*program != TNC_INPUT_NONE) {
		tnc_op_add_input(u->c, op, *program);
		return output;
	}
	v = tnc_alloc(u->c, 1, sizeof(*v));
	v->c = u->c;
	write(u, v);
	tnc_vector_finish(v, op);
	*program = op->input[op->inputs - 1];
	return output;
}

/* Register 0 becomes the sum of inputs 0 and 1, as int16. */
static void write_gate_sum(struct tnc_vector *v)
{
	tnc_vector_load(v, 0, 0, 0);
	tnc_vector_load(v, 1, 1, 0);
	tnc_vector_add(v, NPU_VOP_ADD, 0, 0, 1, 0);
	tnc_vector_clamp(v, 0, 0, INT16_MIN, INT16_MAX);
}

/*
 * What the table says of register 0, which then is in units of its entries with
 * @bits of fraction, in register 2; uses register 1. The table has what is above
 * one half, for positive numbers. Of a negative x it is the negative of what it
 * is for -x, less one: that of bits turned over. @half is added, then @shift bits
 * are dropped.
 */
static void write_table(struct tnc_vector *v, int entries, int bits, int half,
			int shift)
{
	int16_t table[TNC_SIGMOID_ENTRIES];

	for (int i = 0; i < entries; i++)
		table[i] = tnc_sigmoid_entry(i) - 32768;
	tnc_vector_imm(v, NPU_VOP_SHR, 1, 0, 31);
	tnc_vector_add(v, NPU_VOP_ABS, 0, 0, 0, 0);
	tnc_vector_add(v, NPU_VOP_INTERP, 2, 0, bits,
		       tnc_vector_table(v, table, entries, 2));
	tnc_vector_add(v, NPU_VOP_XOR, 2, 2, 1, 0);
	tnc_vector_imm(v, NPU_VOP_ADD, 2, 2, half);
	tnc_vector_imm(v, NPU_VOP_SHR, 2, 2, shift);
}

/* So many entries are enough for three times an int16. */
#define SIGMOID_ENTRIES (3 * 32768 / 512 + 2)

static void write_tanh(struct tnc_vector *v, int shift)
{
	tnc_vector_imm(v, NPU_VOP_MUL, 0, 0, shift > 0 ? 3 << shift : 3);
	if (shift < 0) {
		tnc_vector_imm(v, NPU_VOP_ADD, 0, 0, 1 << (-shift - 1));
		tnc_vector_imm(v, NPU_VOP_SHR, 0, 0, -shift);
	}
	write_table(v, TNC_SIGMOID_ENTRIES, 8, 1 << 7, 8);
}

static void store(struct tnc_vector *v, int reg, int zero)
{
	tnc_vector_add(v, NPU_VOP_STORE, 0, reg, 0, zero);
}

static void write_sigmoids(const struct unroll *u, struct tnc_vector *v)
{
	write_gate_sum(v);
	tnc_vector_imm(v, NPU_VOP_MUL, 0, 0, 3);
	write_table(v, SIGMOID_ENTRIES, 9, (1 << 24) + (1 << 9), 10);
	store(v, 2, 0);
}

/* tanh(cell gate) x input gate */
static void write_update(const struct unroll *u, struct tnc_vector *v)
{
	write_gate_sum(v);
	write_tanh(v, 0);
	tnc_vector_load(v, 3, 2, 0);
	tnc_vector_add(v, NPU_VOP_MUL, 2, 2, 3, 0);
	tnc_vector_scale(v, 2, 2, u->l.update);
	store(v, 2, 0);
}

/* forget gate x cell + update */
static void write_cell(const struct unroll *u, struct tnc_vector *v)
{
	tnc_vector_load(v, 0, 0, 0);
	tnc_vector_load(v, 1, 1, 0);
	tnc_vector_load(v, 2, 2, 0);
	tnc_vector_add(v, NPU_VOP_MUL, 0, 0, 1, 0);
	tnc_vector_scale(v, 0, 0, u->l.forget);
	tnc_vector_clamp(v, 0, 0, INT16_MIN, INT16_MAX);
	tnc_vector_add(v, NPU_VOP_ADD, 0, 0, 2, 0);
	if (u->l.clip >= 0)
		tnc_vector_clamp(v, 0, 0, -u->l.clip, u->l.clip);
	store(v, 0, 0);
}

/* tanh(cell) x output gate */
static void write_hidden(const struct unroll *u, struct tnc_vector *v)
{
	tnc_vector_load(v, 0, 0, 0);
	write_tanh(v, u->l.tanh_shift);
	tnc_vector_load(v, 3, 1, 0);
	tnc_vector_add(v, NPU_VOP_MUL, 2, 2, 3, 0);
	tnc_vector_scale(v, 2, 2, u->l.output);
	store(v, 2, u->l.hidden_zero);
}

/* --- Steps ------------------------------------------------------------------ */

/* The @size channels from @begin on. */
static int part(const struct unroll *u, int of, int begin, int size)
{
	return tnc_unroll_slice(u->c, u->op, of, 3, begin, size);
}

/* Gates input, forget and output, side by side. */
static int sigmoids_of(struct unroll *u, int from_input, int from_hidden)
{
	int channels = SIGMOIDS * u->l.cells;
	const int inputs[3] = {
		part(u, from_input, 0, channels),
		part(u, from_hidden, 0, channels),
		TNC_INPUT_NONE,
	};

	return vector(u, inputs,
		      tnc_unroll_picture(u->c, from_hidden, u->cells, channels),
		      &u->sigmoids, write_sigmoids);
}

/* What is added to the cells. */
static int update_of(struct unroll *u, int from_input, int from_hidden,
		     int sigmoids)
{
	int cells = u->l.cells;
	const int inputs[3] = {
		part(u, from_input, SIGMOIDS * cells, cells),
		part(u, from_hidden, SIGMOIDS * cells, cells),
		part(u, sigmoids, 0, cells),
	};

	return vector(u, inputs,
		      tnc_unroll_picture(u->c, from_hidden, u->cells, cells),
		      &u->update, write_update);
}

static int cell_of(struct unroll *u, int cell, int sigmoids, int update)
{
	const int inputs[3] = { part(u, sigmoids, u->l.cells, u->l.cells),
				cell, update };

	return vector(u, inputs,
		      tnc_unroll_picture(u->c, cell, u->cells, u->l.cells),
		      &u->cell, write_cell);
}

static int hidden_of(struct unroll *u, int before, int cell, int sigmoids)
{
	const int inputs[3] = { cell, part(u, sigmoids, 2 * u->l.cells,
					   u->l.cells), TNC_INPUT_NONE };

	return vector(u, inputs,
		      tnc_unroll_picture(u->c, before, u->c->tensor[before],
					 u->l.cells),
		      &u->hidden, write_hidden);
}

/* One step: @hidden and @cell become those behind it. */
static void unroll_step(struct unroll *u, int from_input, int *hidden,
			int *cell)
{
	int from_hidden = tnc_unroll_pointwise(u->c, u->op, *hidden,
					       u->weights, TNC_INPUT_NONE,
					       u->factor, u->cells);
	int sigmoids = sigmoids_of(u, from_input, from_hidden);
	int update = update_of(u, from_input, from_hidden, sigmoids);

	*cell = cell_of(u, *cell, sigmoids, update);
	*hidden = hidden_of(u, *hidden, *cell, sigmoids);
}

/* A state as a picture of one step. */
static int state_picture(const struct unroll *u, int input)
{
	int32_t shape[4] = { 1, u->l.batches, u->l.batches, u->l.cells };

	shape[u->axis] = 1;
	return tnc_unroll_reshape(u->c, u->op, u->op->input[input], shape, 4);
}

static void start(struct unroll *u)
{
	tnc_lstm_of(u->c, u->op, &u->l);
	if (u->l.steps > TNC_INPUTS_MAX)
		tnc_error(u->c, -EOPNOTSUPP, "unsupported: %d steps",
			  u->l.steps);
	u->axis = u->l.is_time_major ? 1 : 2;
	u->cells = tnc_op_input(u->c, u->op, TNC_LSTM_CELL_STATE);
	u->weights = join_weights(u, TNC_LSTM_RECURRENT, u->l.recurrent,
				  &u->factor);
}

/* The output is what was hidden after each step. */
static void join_steps(const struct unroll *u, const struct tnc_list *hidden)
{
	struct tnc *c = u->c;
	struct tnc_op *join = tnc_unroll_append(c, u->op, TNC_CONCATENATION,
						TNC_INPUT_NONE, -1);
	const struct tnc_tensor *one = c->tensor[hidden->id[0]];
	struct tnc_tensor *all = tnc_tensor_new(c, one);

	for (int i = 0; i < hidden->count; i++)
		tnc_op_add_input(c, join, hidden->id[i]);
	all->shape[u->axis] = hidden->count;
	join->axis = u->axis;
	join->output = all->id;
	tnc_unroll_append(c, u->op, TNC_RESHAPE, all->id, u->op->output);
}

void tnc_unroll_lstm(struct tnc *c, const struct tnc_op *out,
		     const struct tnc_op *cells)
{
	struct unroll u = {
		.c = c,
		.op = out ? out : cells,
		.sigmoids = TNC_INPUT_NONE,
		.update = TNC_INPUT_NONE,
		.cell = TNC_INPUT_NONE,
		.hidden = TNC_INPUT_NONE,
	};
	struct tnc_list all = { 0 };
	int from_input, hidden, cell;

	start(&u);
	from_input = gates_of_input(&u);
	hidden = state_picture(&u, TNC_LSTM_HIDDEN);
	cell = state_picture(&u, TNC_LSTM_CELL_STATE);
	for (int t = 0; t < u.l.steps; t++) {
		int step = tnc_unroll_slice(c, u.op, from_input, u.axis, t, 1);

		unroll_step(&u, step, &hidden, &cell);
		tnc_list_append(c, &all, hidden);
	}
	if (out)
		join_steps(&u, &all);
	if (cells)
		tnc_unroll_append(c, cells, TNC_RESHAPE, cell, cells->output);
}
