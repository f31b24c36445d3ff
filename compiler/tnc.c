// SPDX-License-Identifier: MIT
/*
 * The entry points: each catches the one jump that tnc_error() makes, and
 * turns it into a status and a message.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pass.h"
#include "plan.h"
#include "text.h"

#define DEFAULT_MEMORY_LIMIT ((size_t)1 << 30)

void tnc_options_init(struct tnc_options *options)
{
	*options = (struct tnc_options){
		.name = "model",
		.machine = NPU_MACHINE_DEFAULT,
		.hw_minor = NPU_HW_VERSION_MINOR,
		.dump_to = stdout,
	};
}

static void finish(struct tnc *c)
{
	tnc_arena_destroy(c->arena);
	tnc_arena_destroy(c->kept);
}

static int start(struct tnc *c, const struct tnc_options *options,
		 struct tnc_error *error)
{
	size_t limit = options->memory_limit;

	*c = (struct tnc){ .options = *options, .model_name = "" };
	tnc_place_none(c);
	if (!limit)
		limit = DEFAULT_MEMORY_LIMIT;
	c->arena = tnc_arena_create(limit, options->fail_allocation);
	c->kept = tnc_arena_create(limit, options->fail_allocation);
	if (c->arena && c->kept)
		return 0;
	finish(c);
	snprintf(error->text, sizeof(error->text), "%s: out of memory",
		 options->name);
	return -ENOMEM;
}

static void import(struct tnc *c, const void *bytes, size_t size)
{
	size_t magic = strlen(TNC_TEXT_MAGIC);

	if (size >= magic && !memcmp(bytes, TNC_TEXT_MAGIC, magic)) {
		tnc_text_read(c, bytes, size);
	} else {
		if (tnc_onnx_detect(bytes, size))
			tnc_onnx_import(c, bytes, size);
		else
			tnc_tflite_import(c, bytes, size);
		tnc_make_signed(c);
	}
	tnc_verify(c);
	tnc_dump(c, 'i');
}

static int failed(struct tnc *c, struct tnc_error *error)
{
	*error = c->error;
	return c->status;
}

static void compile(struct tnc *c, const void *model, size_t size,
		    void **program, size_t *program_size)
{
	struct tnc_program *best;

	if (c->quantised)
		import(c, c->quantised, c->quantised_size);
	else
		import(c, model, size);
	tnc_pass_run_first(c);
	best = tnc_segments_make(c);
	tnc_loops_compile(c, best);
	if (c->options.dump && strchr(c->options.dump, 'p'))
		tnc_disassemble(best->cmd, best->cmds, 0, c->options.dump_to);
	tnc_program_write(c, best, model, size, program, program_size);
	if (c->options.partition_to)
		tnc_partition_print(c, c->options.partition_to);
}

/* --- Attempts -------------------------------------------------------------- */

/* Whether it has worked out. The error is in @c, and the jump goes back. */
static bool attempt(struct tnc *c, const void *model, size_t size,
		    void **program, size_t *program_size)
{
	jmp_buf outer;

	memcpy(outer, c->on_error, sizeof(outer));
	if (setjmp(c->on_error)) {
		memcpy(c->on_error, outer, sizeof(outer));
		return false;
	}
	compile(c, model, size, program, program_size);
	memcpy(c->on_error, outer, sizeof(outer));
	return true;
}

/* What the operator that the error is about was refused for before, or NULL. */
static const struct tnc_refusal *earlier_refusal(const struct tnc *c)
{
	for (int i = 0; i < c->refusals; i++)
		if (c->at_op >= 0 && c->refusal[i].source == c->at_op)
			return &c->refusal[i];
	return NULL;
}

static bool is_refusal(const struct tnc *c)
{
	return (c->status == -EOPNOTSUPP || c->status == -ENOSPC) &&
	       !c->options.no_fallback && c->at_op >= 0 && c->refusals < TNC_REFUSALS_MAX;
}

static void note_refusal(struct tnc *c, struct tnc_refusal *refusal)
{
	refusal->source = c->at_op;
	refusal->status = c->status;
	refusal->error = c->error;
	refusal->why = c->why - c->error.text;
	c->refusals++;
}

/* The error that counts is the first one: why it can't run on the machine. */
static _Noreturn void give_up(struct tnc *c, const struct tnc_refusal *refusal)
{
	if (refusal) {
		c->status = refusal->status;
		c->error = refusal->error;
	}
	longjmp(c->on_error, 1);
}

/* Begins anew, with the same options and what has been refused so far. */
static void restart(struct tnc *c, struct tnc_arena_mark mark)
{
	struct tnc fresh = {
		.options = c->options,
		.arena = c->arena,
		.kept = c->kept,
		.model_name = "",
		.refusal = c->refusal,
		.refusals = c->refusals,
		.quantised = c->quantised,
		.quantised_size = c->quantised_size,
	};

	memcpy(fresh.on_error, c->on_error, sizeof(fresh.on_error));
	tnc_arena_rewind(c->arena, mark);
	*c = fresh;
	tnc_place_none(c);
}

/*
 * Quantises the model and keeps the graph as text: attempts begin with that, so that
 * the calibration inputs are run once.
 */
static void quantise(struct tnc *c, const void *model, size_t size)
{
	char *text = NULL;
	size_t length = 0;
	FILE *to;

	import(c, model, size);
	tnc_pass_run_quantising(c);
	to = open_memstream(&text, &length);
	if (to) {
		tnc_text_write(c, to);
		if (!fclose(to))
			c->quantised = tnc_arena_alloc(c->kept, length + 1);
	}
	if (c->quantised)
		memcpy(c->quantised, text, length);
	c->quantised_size = length;
	free(text);
	if (!c->quantised)
		tnc_error(c, -ENOMEM, "out of memory for the quantised graph");
	c->options.quantise = NULL;
}

/*
 * Whether the machine can do an operator is known for sure when it is compiled: so
 * what any pass refuses by name runs on the CPU in the next attempt. Each attempt
 * refuses another one, so this ends.
 */
static void compile_somehow(struct tnc *c, const void *model, size_t size,
			    void **program, size_t *program_size)
{
	const char *bad = npu_machine_check(&c->options.machine);
	struct tnc_refusal *refusal;
	struct tnc_arena_mark mark;

	if (bad)
		tnc_error(c, -EINVAL, "machine: %s", bad);
	refusal = tnc_alloc(c, TNC_REFUSALS_MAX, sizeof(*refusal));
	c->refusal = refusal;
	mark = tnc_arena_mark(c->arena);
	if (c->options.quantise) {
		quantise(c, model, size);
		restart(c, mark);
	}
	while (!attempt(c, model, size, program, program_size)) {
		if (!is_refusal(c) || earlier_refusal(c))
			give_up(c, earlier_refusal(c));
		note_refusal(c, &refusal[c->refusals]);
		restart(c, mark);
	}
}

/* What has been compiled, as a graph of its own: up to its partition. */
static int partitioned(const struct tnc *from, const void *model, size_t size,
		       struct tnc_graph **graph, struct tnc_error *error)
{
	struct tnc_graph *g = calloc(1, sizeof(*g));
	struct tnc_refusal *refusal;
	int status;

	if (!g) {
		snprintf(error->text, sizeof(error->text), "out of memory");
		return -ENOMEM;
	}
	status = start(&g->tnc, &from->options, error);
	if (status) {
		free(g);
		return status;
	}
	if (setjmp(g->tnc.on_error)) {
		status = failed(&g->tnc, error);
		tnc_graph_close(g);
		return status;
	}
	refusal = tnc_alloc(&g->tnc, from->refusals + 1, sizeof(*refusal));
	memcpy(refusal, from->refusal, from->refusals * sizeof(*refusal));
	g->tnc.refusal = refusal;
	g->tnc.refusals = from->refusals;
	if (from->quantised)
		import(&g->tnc, from->quantised, from->quantised_size);
	else
		import(&g->tnc, model, size);
	tnc_pass_run_first(&g->tnc);
	*graph = g;
	return 0;
}

int tnc_compile_to_graph(const void *model, size_t size,
			 const struct tnc_options *options, void **program,
			 size_t *program_size, struct tnc_graph **graph,
			 struct tnc_error *error)
{
	struct tnc c;
	int status = start(&c, options, error);

	*program = NULL;
	*program_size = 0;
	if (graph)
		*graph = NULL;
	if (status)
		return status;
	if (setjmp(c.on_error)) {
		*error = c.error;
		finish(&c);
		return c.status;
	}
	compile_somehow(&c, model, size, program, program_size);
	if (graph)
		status = partitioned(&c, model, size, graph, error);
	finish(&c);
	if (status) {
		free(*program);
		*program = NULL;
	}
	return status;
}

int tnc_compile(const void *model, size_t size,
		const struct tnc_options *options, void **program,
		size_t *program_size, struct tnc_error *error)
{
	return tnc_compile_to_graph(model, size, options, program,
				    program_size, NULL, error);
}

int tnc_graph_open(const void *bytes, size_t size,
		   const struct tnc_options *options,
		   struct tnc_graph **graph, struct tnc_error *error)
{
	struct tnc_graph *g = calloc(1, sizeof(*g));
	int status;

	*graph = NULL;
	if (!g) {
		snprintf(error->text, sizeof(error->text), "out of memory");
		return -ENOMEM;
	}
	status = start(&g->tnc, options, error);
	if (status) {
		free(g);
		return status;
	}
	if (setjmp(g->tnc.on_error)) {
		status = failed(&g->tnc, error);
		tnc_graph_close(g);
		return status;
	}
	import(&g->tnc, bytes, size);
	*graph = g;
	return 0;
}

void tnc_graph_close(struct tnc_graph *graph)
{
	if (!graph)
		return;
	finish(&graph->tnc);
	free(graph);
}

int tnc_graph_pass(struct tnc_graph *graph, char letter,
		   struct tnc_error *error)
{
	if (setjmp(graph->tnc.on_error))
		return failed(&graph->tnc, error);
	tnc_pass_run(&graph->tnc, letter);
	return 0;
}

int tnc_graph_print(struct tnc_graph *graph, FILE *to)
{
	tnc_text_write(&graph->tnc, to);
	return ferror(to) ? -EIO : 0;
}

int tnc_graph_run(struct tnc_graph *graph, const void *const *inputs,
		  void *const *outputs, struct tnc_error *error)
{
	if (setjmp(graph->tnc.on_error))
		return failed(&graph->tnc, error);
	tnc_ref_run(&graph->tnc, inputs, outputs);
	return 0;
}

void tnc_graph_keep_state(struct tnc_graph *graph, int keep)
{
	graph->tnc.keeps_state = keep;
}

int tnc_graph_reset_state(struct tnc_graph *graph, struct tnc_error *error)
{
	if (setjmp(graph->tnc.on_error))
		return failed(&graph->tnc, error);
	tnc_ref_reset(&graph->tnc);
	return 0;
}

int tnc_graph_inputs(const struct tnc_graph *graph)
{
	return graph->tnc.inputs.count;
}

int tnc_graph_outputs(const struct tnc_graph *graph)
{
	return graph->tnc.outputs.count;
}

static void describe(const struct tnc_tensor *t, struct tnc_tensor_info *info)
{
	*info = (struct tnc_tensor_info){
		.id = t->id,
		.name = t->name,
		.type = tnc_type_info[t->type].name,
		.rank = t->rank,
		.shape = t->shape,
		.size_bytes = tnc_tensor_bytes(t),
	};
	if (t->quant.count) {
		info->scale = t->quant.scale[0];
		info->zero_point = t->quant.zero_point[0];
	}
}

void tnc_graph_input(const struct tnc_graph *graph, int index,
		     struct tnc_tensor_info *info)
{
	const struct tnc *c = &graph->tnc;

	describe(c->tensor[c->inputs.id[index]], info);
}

void tnc_graph_output(const struct tnc_graph *graph, int index,
		      struct tnc_tensor_info *info)
{
	const struct tnc *c = &graph->tnc;

	describe(c->tensor[c->outputs.id[index]], info);
}

int tnc_graph_find(const struct tnc_graph *graph, const char *name)
{
	const struct tnc *c = &graph->tnc;

	for (int i = c->tensors - 1; i >= 0; i--)
		if (c->tensor[i] && !strcmp(c->tensor[i]->name, name))
			return i;
	return -1;
}

const void *tnc_graph_value(const struct tnc_graph *graph, int id,
			    size_t *size_bytes)
{
	const struct tnc *c = &graph->tnc;

	if (id < 0 || id >= c->tensors || !c->tensor[id])
		return NULL;
	*size_bytes = tnc_tensor_bytes(c->tensor[id]);
	return c->tensor[id]->is_view ? c->tensor[id]->value :
					tnc_tensor_root(c, id)->value;
}
