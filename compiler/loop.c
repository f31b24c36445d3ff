// SPDX-License-Identifier: MIT
/*
 * Loops whose end depends on what they compute. Condition and body are graphs of
 * their own, which no pass looks into: each is compiled to a program of its own,
 * which the library runs turn by turn. They lie in the arena of the whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pass.h"
#include "plan.h"

static const char *const part_names[TNC_LOOP_PARTS] = { "condition", "body" };

static struct tnc *create_part(struct tnc *c, int loop, int part)
{
	struct tnc *inner = tnc_alloc(c, 1, sizeof(*inner));
	char text[256];
	int length = snprintf(text, sizeof(text), "%.180s: loop %d %s",
			      c->options.name, loop, part_names[part]);

	*inner = (struct tnc){
		.options = c->options,
		.arena = c->arena,
		.kept = c->kept,
		.model_name = "",
		.outer = c,
	};
	inner->options.name = tnc_strndup(c, text, length);
	inner->options.dump = NULL;
	inner->options.quantise = NULL;
	inner->options.partition_to = NULL;
	tnc_place_none(inner);
	return inner;
}

/* Returns the loop's number; its parts are to be read. */
int tnc_loop_add(struct tnc *c)
{
	int number = c->loops, depth = 0;

	for (const struct tnc *at = c; at->outer; at = at->outer)
		depth++;
	if (depth == NPU_CPU_MAX_LOOP_DEPTH)
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported: loops within loops, more than %d deep",
			  depth);
	if (number == NPU_CPU_MAX_LOOPS)
		tnc_error(c, -EOPNOTSUPP, "unsupported: more than %d loops",
			  NPU_CPU_MAX_LOOPS);
	c->loop = tnc_grow(c, c->loop, c->loops, &c->loops_room,
			   sizeof(*c->loop));
	c->loop[number] = (struct tnc_loop){ 0 };
	for (int part = 0; part < TNC_LOOP_PARTS; part++)
		c->loop[number].part[part] = create_part(c, number, part);
	c->loops++;
	return number;
}

/* Makes a part's graph by @read, whose errors become those of the whole. */
void tnc_loop_read(struct tnc *c, int loop, enum tnc_loop_part part,
		   void (*read)(struct tnc *part, void *from), void *from)
{
	struct tnc *inner = c->loop[loop].part[part];

	if (setjmp(inner->on_error))
		tnc_error_pass(c, inner->status, &inner->error);
	read(inner, from);
	tnc_verify(inner);
	if (inner->variables)
		tnc_error(inner, -EOPNOTSUPP,
			  "unsupported: a variable in a loop that can't be written out");
}

static bool is_alike(const struct tnc_tensor *a, const struct tnc_tensor *b)
{
	return a->type == b->type && tnc_tensor_bytes(a) == tnc_tensor_bytes(b);
}

/* Both parts have been read: do they make a loop? */
void tnc_loop_verify(struct tnc *c, int loop)
{
	const struct tnc *condition = c->loop[loop].part[TNC_LOOP_CONDITION];
	const struct tnc *body = c->loop[loop].part[TNC_LOOP_BODY];
	const struct tnc_tensor *truth =
		condition->tensor[condition->outputs.id[0]];
	int values = body->inputs.count;

	if (condition->inputs.count != values || body->outputs.count != values)
		tnc_error(c, -EINVAL,
			  "loop of %d values, but %d are looked at, %d made",
			  values, condition->inputs.count, body->outputs.count);
	if (condition->outputs.count != 1 || truth->type != TNC_BOOL ||
	    tnc_tensor_elements(truth) != 1)
		tnc_error(c, -EINVAL, "the condition is no bool");
	for (int i = 0; i < values; i++) {
		const struct tnc_tensor *value = body->tensor[body->inputs.id[i]];

		if (!is_alike(value, body->tensor[body->outputs.id[i]]) ||
		    !is_alike(value, condition->tensor[condition->inputs.id[i]]))
			tnc_error(c, -EOPNOTSUPP,
				  "unsupported: value %d of a loop changes its type or size",
				  i);
	}
}

void tnc_loop_verify_op(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_list *number = &op->list[0], *result = &op->list[1];
	const struct tnc *body;

	if (number->count != 1 || number->id[0] < 0 ||
	    number->id[0] >= c->loops || result->count != 1)
		tnc_error(c, -EINVAL, "there is no such loop");
	body = c->loop[number->id[0]].part[TNC_LOOP_BODY];
	if (op->inputs != body->inputs.count || result->id[0] < 0 ||
	    result->id[0] >= op->inputs)
		tnc_error(c, -EINVAL, "result %d of %d values, the loop has %d",
			  result->id[0], op->inputs, body->inputs.count);
	for (int i = 0; i < op->inputs; i++)
		if (!tnc_op_input(c, op, i) ||
		    !is_alike(tnc_op_input(c, op, i),
			      body->tensor[body->inputs.id[i]]))
			tnc_error(c, -EINVAL,
				  "value %d does not fit the loop", i);
	if (!is_alike(tnc_op_output(c, op),
		      body->tensor[body->inputs.id[result->id[0]]]))
		tnc_error(c, -EINVAL, "the result does not fit the loop");
}

/* --- As text --------------------------------------------------------------- */

/* malloc()ed, or NULL. */
static char *text_of(const struct tnc *part, size_t *size)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, size);

	if (!to)
		return NULL;
	tnc_text_write(part, to);
	if (!fclose(to))
		return text;
	free(text);
	return NULL;
}

/* The bytes of each part, then the parts. */
void tnc_loop_write_text(const struct tnc_loop *loop, FILE *to)
{
	char *text[TNC_LOOP_PARTS];
	size_t size[TNC_LOOP_PARTS] = { 0 };

	for (int i = 0; i < TNC_LOOP_PARTS; i++)
		text[i] = text_of(loop->part[i], &size[i]);
	fprintf(to, "loop %zu %zu\n", size[0], size[1]);
	for (int i = 0; i < TNC_LOOP_PARTS; i++) {
		fwrite(text[i] ? text[i] : "", 1, size[i], to);
		free(text[i]);
	}
}

/* --- As programs ----------------------------------------------------------- */

/* Behind what the program has already, on a multiple of 64. */
static void add_program(struct tnc *c, struct tnc_program *program,
			const void *bytes, size_t size, uint64_t *offset)
{
	size_t at = (program->loop_bytes + 63) & ~(size_t)63;
	uint8_t *all = tnc_arena_alloc(c->arena, at + size);

	if (all && program->loop_bytes)
		memcpy(all, program->loop_program, program->loop_bytes);
	if (all)
		memcpy(all + at, bytes, size);
	program->loop_program = all;
	program->loop_bytes = all ? at + size : 0;
	*offset = at;
}

static void compile_part(struct tnc *c, const struct tnc *part, int which,
			 struct tnc_program *program, struct npu_loop *record)
{
	struct tnc_options options = part->options;
	struct tnc_error error = { "out of memory" };
	size_t size = 0, program_size = 0;
	char *text = text_of(part, &size);
	void *bytes = NULL;
	uint64_t offset;
	int status = -ENOMEM;

	if (text)
		status = tnc_compile(text, size, &options, &bytes,
				     &program_size, &error);
	free(text);
	if (status)
		tnc_error_pass(c, status, &error);
	add_program(c, program, bytes, program_size, &offset);
	free(bytes);
	record->offset[which] = offset;
	record->size[which] = program_size;
	if (!program->loop_program)
		tnc_error(c, -ENOMEM, "out of memory for loops");
}

void tnc_loops_compile(struct tnc *c, struct tnc_program *program)
{
	if (!c->loops)
		return;
	program->loop = tnc_alloc(c, c->loops, sizeof(*program->loop));
	program->loops = c->loops;
	for (int i = 0; i < c->loops; i++)
		for (int part = 0; part < TNC_LOOP_PARTS; part++)
			compile_part(c, c->loop[i].part[part], part, program,
				     &program->loop[i]);
}
