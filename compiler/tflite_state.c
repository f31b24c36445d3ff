// SPDX-License-Identifier: MIT
/*
 * What a TFLite file keeps from one run to the next. That are tensors which are
 * variables themselves, the states of LSTM and SVDF, and variables with names,
 * which operators read and assign through handles. Either way it becomes pairs of
 * tensors: what is there at the beginning of a run, what is there at its end.
 */
#include <errno.h>
#include <string.h>

#include "pass.h"
#include "sequence.h"
#include "tflite.h"

#define ACTIVATION_TANH 4
#define NONE (-1)

/* A variable with a name: tensors, or NONE. */
struct named {
	const char *container;
	const char *name;
	int read;		/* what the first reader of the run gets */
	int current;		/* what the next reader gets */
	int init;
};

struct tnc_tflite_state {
	int *of_handle;		/* by tensor: 1 + number of a named one, or 0 */
	int *of_tensor;		/* by tensor: 1 + number of a variable, or 0 */
	struct named *named;
	int count, room;
	bool is_init;		/* within the graph that is called once */
	int branches;		/* that may not be taken, around this place */
};

struct tnc_tflite_state *tnc_tflite_state_create(struct tnc *c)
{
	struct tnc_tflite_state *state = tnc_alloc(c, 1, sizeof(*state));

	state->of_handle = tnc_alloc(c, TNC_TENSORS_MAX, sizeof(int));
	state->of_tensor = tnc_alloc(c, TNC_TENSORS_MAX, sizeof(int));
	return state;
}

void tnc_tflite_state_branch(struct tnc_tflite_state *state, int change)
{
	state->branches += change;
}

/* Zeros are what int8 begins with, too: its own zero. */
static int zeros_of(struct tnc *c, const struct tnc_tensor *like)
{
	struct tnc_tensor *zeros;

	if (like->type != TNC_INT8 || !like->quant.count ||
	    !like->quant.zero_point[0])
		return TNC_INPUT_NONE;
	zeros = tnc_tensor_new(c, like);
	zeros->data = tnc_alloc(c, 1, tnc_tensor_bytes(like));
	memset(zeros->data, like->quant.zero_point[0], tnc_tensor_bytes(like));
	return zeros->id;
}

void tnc_tflite_variable_tensor(struct tnc *c, struct tnc_tflite_state *state,
				int id)
{
	state->of_tensor[id] = c->variables + 1;
	tnc_variable_append(c, id, id, zeros_of(c, c->tensor[id]));
}

/* Input @index, which has to be a variable that nothing has updated yet. */
static struct tnc_variable *variable_of(const struct tnc_tflite_op *from,
					int index)
{
	const struct tnc_tensor *t = tnc_tflite_input(from, index);
	int number = from->state->of_tensor[t->id];
	struct tnc_variable *v;

	if (!number)
		tnc_error(from->c, -EINVAL, "input %d is no variable", index);
	v = &from->c->variable[number - 1];
	if (from->state->branches)
		tnc_error(from->c, -EOPNOTSUPP,
			  "unsupported: a state in a branch");
	if (v->kept != v->read)
		tnc_error(from->c, -EOPNOTSUPP,
			  "unsupported: variable %d is updated twice",
			  v->read);
	return v;
}

/* Another operator of the same inputs, for what the first one leaves behind. */
static int append_update(const struct tnc_tflite_op *from,
			 const struct tnc_op *op, enum tnc_op_kind kind,
			 int state)
{
	struct tnc *c = from->c;
	struct tnc_op *update = tnc_op_append(c, kind);

	update->source = from->number;
	for (int i = 0; i < op->inputs; i++)
		tnc_op_add_input(c, update, op->input[i]);
	update->alpha = op->alpha;
	update->mode = op->mode;
	for (int i = 0; i < op->list[0].count; i++)
		tnc_list_append(c, &update->list[0], op->list[0].id[i]);
	update->output = tnc_tensor_new(c, c->tensor[state])->id;
	return update->output;
}

/* The hidden state is what the last step put out, in the state's own shape. */
static int append_hidden(const struct tnc_tflite_op *from,
			 const struct tnc_op *lstm, int state)
{
	struct tnc *c = from->c;
	const struct tnc_tensor *out = c->tensor[lstm->output];
	int axis = lstm->mode & TNC_MODE_TIME_MAJOR ? 0 : 1;
	struct tnc_tensor *last = tnc_tensor_new(c, out);
	struct tnc_op *slice, *reshape;

	if (out->rank != 3)
		tnc_error(c, -EINVAL, "output has %d dimensions, needs 3",
			  out->rank);
	slice = tnc_op_append(c, TNC_SLICE);
	slice->source = from->number;
	tnc_op_add_input(c, slice, out->id);
	slice->output = last->id;
	for (int d = 0; d < out->rank; d++) {
		tnc_list_append(c, &slice->list[0],
				d == axis ? out->shape[d] - 1 : 0);
		tnc_list_append(c, &slice->list[1], 1);
	}
	last->shape[axis] = 1;
	reshape = tnc_op_append(c, TNC_RESHAPE);
	reshape->source = from->number;
	tnc_op_add_input(c, reshape, last->id);
	reshape->output = tnc_tensor_new(c, c->tensor[state])->id;
	return reshape->output;
}

/* What would change the arithmetic; the verifier looks at the others. */
static void need_plain_lstm(const struct tnc_tflite_op *from)
{
	int act = tnc_fb_i8(&from->options, 0, 0);

	if (act != ACTIVATION_TANH)
		tnc_error(from->c, -EOPNOTSUPP,
			  "unsupported activation %d of cells", act);
	for (int i = TNC_LSTM_NORMS; i < from->in.count; i++)
		if (from->in.id[i] != TNC_INPUT_NONE)
			tnc_error(from->c, -EOPNOTSUPP,
				  "unsupported layer normalisation");
	if (from->in.count > TNC_LSTM_INPUTS_IN_FILE)
		tnc_error(from->c, -EINVAL, "%d inputs", from->in.count);
}

void tnc_tflite_lstm(const struct tnc_tflite_op *from)
{
	struct tnc_variable *hidden = variable_of(from, TNC_LSTM_HIDDEN);
	struct tnc_variable *cell = variable_of(from, TNC_LSTM_CELL_STATE);
	struct tnc_op *op;

	need_plain_lstm(from);
	op = tnc_tflite_op(from, TNC_LSTM, TNC_LSTM_INPUTS);
	op->alpha = tnc_fb_f32(&from->options, 1, 0.0f);
	op->mode = tnc_fb_i8(&from->options, 3, 0) ? TNC_MODE_TIME_MAJOR : 0;
	hidden->kept = append_hidden(from, op, hidden->read);
	cell->kept = append_update(from, op, TNC_LSTM_CELL, cell->read);
}

/* Of integers the reference kernels leave the activation out. */
void tnc_tflite_svdf(const struct tnc_tflite_op *from)
{
	struct tnc_variable *state = variable_of(from, TNC_SVDF_STATE_IN);
	struct tnc_op *op = tnc_tflite_op(from, TNC_SVDF, TNC_SVDF_INPUTS);

	tnc_list_append(from->c, &op->list[0],
			tnc_fb_i32(&from->options, 0, 0));
	if (tnc_tflite_output(from, 0)->type == TNC_FLOAT32)
		op->act = tnc_tflite_act(from, 1);
	state->kept = append_update(from, op, TNC_SVDF_STATE, state->read);
}

/* The graph that is called once assigns constants, or what they come to. */
void tnc_tflite_call_once(const struct tnc_tflite_op *from)
{
	struct tnc *c = from->c;
	struct tnc_list none = { 0 };
	int first = c->ops;

	if (from->state->is_init)
		tnc_error(c, -EINVAL, "a graph that is called once calls another");
	from->state->is_init = true;
	tnc_tflite_subgraph(from, tnc_fb_i32(&from->options, 0, 0), &none,
			    &none);
	from->state->is_init = false;
	tnc_fold_all(c, first);
}

static const char *text_of(const struct tnc_tflite_op *from, int field,
			   const char *what)
{
	struct tnc_fb_vector text = tnc_fb_vector(&from->options, field, 1,
						  what);

	return tnc_strndup(from->c, (const char *)from->from->fb->data + text.at,
			   text.count);
}

void tnc_tflite_var_handle(const struct tnc_tflite_op *from)
{
	struct tnc_tflite_state *state = from->state;
	struct named v = { text_of(from, 0, "container"),
			   text_of(from, 1, "variable name"), NONE, NONE,
			   TNC_INPUT_NONE };
	int i = 0;

	if (from->out.count != 1 || from->out.id[0] == TNC_INPUT_NONE)
		tnc_error(from->c, -EINVAL, "%d outputs instead of 1",
			  from->out.count);
	while (i < state->count &&
	       (strcmp(state->named[i].name, v.name) ||
		strcmp(state->named[i].container, v.container)))
		i++;
	if (i == TNC_VARIABLES_MAX)
		tnc_error(from->c, -EOPNOTSUPP,
			  "unsupported: more than %d variables",
			  TNC_VARIABLES_MAX);
	if (i == state->count) {
		state->named = tnc_grow(from->c, state->named, state->count,
					&state->room, sizeof(v));
		state->named[state->count++] = v;
	}
	state->of_handle[from->out.id[0]] = i + 1;
}

/* The variable whose handle is the first input. */
static struct named *named_of(const struct tnc_tflite_op *from)
{
	int id = from->in.count ? from->in.id[0] : TNC_INPUT_NONE;

	if (id == TNC_INPUT_NONE || !from->state->of_handle[id])
		tnc_error(from->c, -EINVAL, "input 0 is no variable");
	return &from->state->named[from->state->of_handle[id] - 1];
}

static struct tnc_tensor *tensor_of(const struct tnc_tflite_op *from,
				    const struct tnc_list *list, int index)
{
	struct tnc_tensor *t = NULL;

	if (index < list->count)
		t = tnc_tensor_get(from->c, list->id[index]);
	if (!t)
		tnc_error(from->c, -EINVAL, "operand %d is no tensor", index);
	return t;
}

void tnc_tflite_read_variable(const struct tnc_tflite_op *from)
{
	struct named *v = named_of(from);
	struct tnc_tensor *out = tensor_of(from, &from->out, 0);
	struct tnc_op *op;

	if (from->state->is_init)
		tnc_error(from->c, -EOPNOTSUPP,
			  "unsupported: read in a graph that is called once");
	if (v->current == NONE) {
		v->read = out->id;
		v->current = out->id;
		return;
	}
	op = tnc_op_append(from->c, TNC_RESHAPE);
	op->source = from->number;
	tnc_op_add_input(from->c, op, v->current);
	op->output = out->id;
}

void tnc_tflite_assign_variable(const struct tnc_tflite_op *from)
{
	struct named *v = named_of(from);
	int value = tensor_of(from, &from->in, 1)->id;

	if (from->state->is_init)
		v->init = value;
	else
		v->current = value;
}

/* --- Branches that assign -------------------------------------------------- */

/* Room for all that there may be: branches may bring more variables. */
int *tnc_tflite_state_save(struct tnc *c, struct tnc_tflite_state *state)
{
	int *current = tnc_alloc(c, TNC_VARIABLES_MAX, sizeof(*current));

	for (int i = 0; i < TNC_VARIABLES_MAX; i++)
		current[i] = i < state->count ? state->named[i].current : NONE;
	return current;
}

int *tnc_tflite_state_restore(struct tnc *c, struct tnc_tflite_state *state,
			      const int *before)
{
	int *taken = tnc_tflite_state_save(c, state);

	/* What a branch was the first to read is there for the other one, too. */
	for (int i = 0; i < state->count; i++) {
		struct named *v = &state->named[i];

		v->current = before[i] == NONE ? v->read : before[i];
	}
	return taken;
}

/* The variable as the run found it, if that is not known yet. */
static int at_begin(const struct tnc_tflite_op *from, struct named *v, int like)
{
	if (v->read == NONE)
		v->read = tnc_tensor_new(from->c, from->c->tensor[like])->id;
	return v->read;
}

void tnc_tflite_state_merge(const struct tnc_tflite_op *from, int condition,
			    const int *before, const int *taken)
{
	struct tnc *c = from->c;

	for (int i = 0; i < from->state->count; i++) {
		struct named *v = &from->state->named[i];
		int yes = taken[i], no = v->current;
		struct tnc_op *op;

		if (yes == no)
			continue;
		if (yes == NONE)
			yes = at_begin(from, v, no);
		if (no == NONE)
			no = at_begin(from, v, yes);
		if (yes == no)
			continue;
		op = tnc_op_append(c, TNC_SELECT);
		op->source = from->number;
		tnc_op_add_input(c, op, condition);
		tnc_op_add_input(c, op, yes);
		tnc_op_add_input(c, op, no);
		op->output = tnc_tensor_new(c, c->tensor[yes])->id;
		v->current = op->output;
	}
}

/* What nobody reads before it is assigned need not be kept. */
void tnc_tflite_state_finish(struct tnc *c, struct tnc_tflite_state *state)
{
	for (int i = 0; i < state->count; i++) {
		const struct named *v = &state->named[i];
		int init = v->init;

		if (v->read == NONE)
			continue;
		if (init == TNC_INPUT_NONE)
			init = zeros_of(c, c->tensor[v->read]);
		tnc_variable_append(c, v->read, v->current, init);
	}
}
