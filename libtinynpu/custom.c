// SPDX-License-Identifier: MIT
/*
 * Custom operators: which ones a program needs, and the functions that its user
 * brings for them. A session takes over what is there when it is created, so that a
 * run needs no lock.
 */
#include "cpu/cpu.h"
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct cpu_custom custom_of(const struct tinynpu_program *program,
				   uint32_t index, const struct cpu_tensor **in)
{
	struct cpu_op op = tinynpu_program_cpu_op(program, program->cpu.tensors,
						  index, in);

	return cpu_custom_of(&op);
}

/* The number of the operator of that name, or -1. */
static int find(const struct tinynpu_program *program, const char *name,
		size_t size)
{
	for (uint32_t i = 0; i < program->custom_count; i++)
		if (strlen(program->customs[i].name) == size &&
		    !memcmp(program->customs[i].name, name, size))
			return i;
	return -1;
}

/* Unless it is there already. */
static int add(struct tinynpu_program *program, const char *from, size_t size,
	       struct tinynpu_error *error)
{
	struct program_custom *customs;
	char *name;

	if (find(program, from, size) >= 0)
		return 0;
	customs = reallocarray(program->customs, program->custom_count + 1,
			       sizeof(*customs));
	name = strndup(from, size);
	if (customs)
		program->customs = customs;
	if (!customs || !name) {
		free(name);
		return tinynpu_error_set(error, -ENOMEM, "out of memory");
	}
	customs[program->custom_count++] = (struct program_custom){
		.name = name,
	};
	return 0;
}

/* What a program within a loop needs is needed here. */
static int add_inner(struct tinynpu_program *program,
		     const struct tinynpu_program *inner,
		     struct tinynpu_error *error)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < inner->custom_count; i++)
		err = add(program, inner->customs[i].name,
			  strlen(inner->customs[i].name), error);
	return err;
}

int program_custom_init(struct tinynpu_program *program,
			struct tinynpu_error *error)
{
	const struct cpu_tensor *in[NPU_CPU_MAX_INPUTS];
	int err = 0;

	for (uint32_t i = 0; !err && i < program->cpu.op_count; i++) {
		struct cpu_custom custom;

		if (program->cpu.ops[i].kind != NPU_CPU_CUSTOM)
			continue;
		custom = custom_of(program, i, in);
		err = add(program, custom.name, custom.name_size, error);
	}
	for (uint32_t i = 0; !err && i < program->loop_count; i++)
		for (int part = 0; !err && part < NPU_LOOP_PARTS; part++)
			err = add_inner(program, program->loops[i].part[part],
					error);
	return err;
}

void program_custom_fini(struct tinynpu_program *program)
{
	for (uint32_t i = 0; i < program->custom_count; i++)
		free(program->customs[i].name);
	free(program->customs);
}

const char *tinynpu_program_custom(const struct tinynpu_program *program,
				   unsigned int index)
{
	return index < program->custom_count ? program->customs[index].name :
					       NULL;
}

static void set(struct tinynpu_program *program, const char *name,
		tinynpu_custom_fn fn, void *data)
{
	int index = find(program, name, strlen(name));

	if (index < 0)
		return;
	pthread_mutex_lock(&program->custom_lock);
	program->customs[index].fn = fn;
	program->customs[index].data = data;
	pthread_mutex_unlock(&program->custom_lock);
	for (uint32_t i = 0; i < program->loop_count; i++)
		for (int part = 0; part < NPU_LOOP_PARTS; part++)
			set(program->loops[i].part[part], name, fn, data);
}

int tinynpu_program_set_custom(struct tinynpu_program *program,
			       const char *name, tinynpu_custom_fn fn,
			       void *data, struct tinynpu_error *error)
{
	if (find(program, name, strlen(name)) < 0)
		return tinynpu_error_set(error, -ENOENT,
			"the program has no custom operator '%s'", name);
	set(program, name, fn, data);
	return 0;
}

int session_custom_init(struct tinynpu_session *session,
			struct tinynpu_error *error)
{
	struct tinynpu_program *program = session->program;
	struct session_cpu *cpu = &session->cpu;
	uint32_t count = program->custom_count, i;

	if (!count)
		return 0;
	cpu->customs = calloc(count, sizeof(*cpu->customs));
	cpu->custom_operands = calloc(program->cpu.inputs_most + 1,
				      sizeof(*cpu->custom_operands));
	cpu->custom_in = calloc(program->cpu.inputs_most + 1,
				sizeof(*cpu->custom_in));
	if (!cpu->customs || !cpu->custom_operands || !cpu->custom_in)
		return tinynpu_error_set(error, -ENOMEM, "out of memory");
	pthread_mutex_lock(&program->custom_lock);
	memcpy(cpu->customs, program->customs, count * sizeof(*cpu->customs));
	pthread_mutex_unlock(&program->custom_lock);
	for (i = 0; i < count; i++)
		if (!cpu->customs[i].fn)
			return tinynpu_error_set(error, -ENOSYS,
				"custom operator '%s' has no function: %s",
				cpu->customs[i].name,
				"tinynpu_program_set_custom()");
	return 0;
}

void session_custom_fini(struct tinynpu_session *session)
{
	free(session->cpu.customs);
	free(session->cpu.custom_operands);
	free(session->cpu.custom_in);
}

static struct tinynpu_custom_tensor operand(const struct cpu_tensor *t)
{
	struct tinynpu_custom_tensor to = {
		.dtype = t->dtype,
		.rank = t->rank,
		.data = t->data,
		.size = t->elements * cpu_element_bytes(t->dtype),
		.quants = t->quants,
		.quant_axis = t->quant_axis,
		.scale = t->scale,
		.zero_point = t->zero_point,
	};

	memcpy(to.shape, t->shape, sizeof(to.shape));
	return to;
}

int session_custom_run(struct tinynpu_session *session, const struct cpu_op *op)
{
	struct session_cpu *cpu = &session->cpu;
	struct cpu_custom custom = cpu_custom_of(op);
	struct tinynpu_custom_tensor out = operand(op->out);
	const struct program_custom *entry =
		&cpu->customs[find(session->program, custom.name,
				   custom.name_size)];
	struct tinynpu_custom_call call = {
		.name = entry->name,
		.options = custom.options,
		.options_size = custom.options_size,
		.result = custom.result,
		.results = custom.results,
		.inputs = op->inputs,
		.input = cpu->custom_in,
		.output = &out,
		.data = entry->data,
	};

	for (uint32_t i = 0; i < op->inputs; i++) {
		cpu->custom_in[i] = op->in[i] ? &cpu->custom_operands[i] : NULL;
		if (op->in[i])
			cpu->custom_operands[i] = operand(op->in[i]);
	}
	return entry->fn(&call);
}
