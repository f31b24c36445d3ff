// SPDX-License-Identifier: MIT
/*
 * Loops of a program: each is made of two programs within the file, the condition
 * and the body, which are read like any other.
 */
#include "cpu/cpu.h"
#include "reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const part_names[NPU_LOOP_PARTS] = { "condition", "body" };

static const struct npu_program_tensor *
value_of(const struct program_loop *loop, enum npu_loop_part part, uint32_t i)
{
	return &loop->part[part]->tensors[i];
}

static bool is_alike(const struct npu_program_tensor *a,
		     const struct npu_program_tensor *b)
{
	return a->dtype == b->dtype && a->size == b->size;
}

/* What goes in must be what comes out, and be what the condition looks at. */
static int check_interface(const struct reader *r, uint32_t index)
{
	const struct program_loop *loop = &r->prog->loops[index];
	const struct tinynpu_program *condition = loop->part[NPU_LOOP_CONDITION];
	const struct tinynpu_program *body = loop->part[NPU_LOOP_BODY];
	uint32_t values = body->info->inputs, i;

	if (condition->variables_size || body->variables_size)
		return malformed(r, "loop %u: has variables", index);
	if (body->info->outputs != values ||
	    condition->info->inputs != values ||
	    condition->info->outputs != 1 ||
	    condition->tensors[values].dtype != NPU_DTYPE_BOOL ||
	    condition->tensors[values].size != 1)
		return malformed(r, "loop %u: condition and body do not fit",
				 index);
	for (i = 0; i < values; i++) {
		const struct npu_program_tensor *value =
			value_of(loop, NPU_LOOP_BODY, i);

		if (!is_alike(value, value_of(loop, NPU_LOOP_CONDITION, i)) ||
		    !is_alike(value, value_of(loop, NPU_LOOP_BODY, values + i)))
			return malformed(r, "loop %u: value %u changes its type or size",
					 index, i);
	}
	return 0;
}

/* Programs lie one behind the other: none is read twice. @end: of the last one. */
static int read_loop(const struct reader *r, uint32_t index,
		     const struct npu_loop *record, const char *bytes,
		     uint64_t size, uint64_t *end)
{
	struct program_loop *loop = &r->prog->loops[index];
	int part, err = 0;

	for (part = 0; !err && part < NPU_LOOP_PARTS; part++) {
		char name[64];

		if (record->offset[part] < *end ||
		    record->offset[part] > size ||
		    record->size[part] > size - record->offset[part])
			return malformed(r, "loop %u: %s not among the programs",
					 index, part_names[part]);
		*end = record->offset[part] + record->size[part];
		snprintf(name, sizeof(name), "%.32s: loop %u %s", r->name, index,
			 part_names[part]);
		err = program_read_inner(bytes + record->offset[part],
					 record->size[part], name, r->depth + 1,
					 &loop->part[part], r->error);
	}
	return err ? err : check_interface(r, index);
}

int reader_read_loops(const struct reader *r)
{
	struct tinynpu_program *prog = r->prog;
	const struct npu_loop *records;
	uint32_t count, size, i;
	const void *bytes;
	uint64_t end = 0;
	int err;

	err = reader_find_records(r, NPU_SECTION_LOOPS, sizeof(*records),
				  NPU_CPU_MAX_LOOPS, (const void **)&records,
				  &count);
	if (!err)
		err = reader_find_records(r, NPU_SECTION_LOOP_PROGRAMS, 1,
					  UINT32_MAX, &bytes, &size);
	if (err || !count)
		return err;
	if (r->depth == NPU_CPU_MAX_LOOP_DEPTH)
		return malformed(r, "loops within loops, more than %u deep",
				 r->depth);
	prog->loops = calloc(count, sizeof(*prog->loops));
	if (!prog->loops)
		return tinynpu_error_set(r->error, -ENOMEM, "out of memory");
	prog->loop_count = count;
	for (i = 0; !err && i < count; i++)
		err = read_loop(r, i, &records[i], bytes, size, &end);
	return err;
}

void program_loops_fini(struct tinynpu_program *program)
{
	uint32_t i;
	int part;

	for (i = 0; i < program->loop_count; i++)
		for (part = 0; part < NPU_LOOP_PARTS; part++)
			tinynpu_program_close(program->loops[i].part[part]);
	free(program->loops);
}

static bool fits(const struct cpu_tensor *t,
		 const struct npu_program_tensor *value)
{
	return t && t->dtype == value->dtype &&
	       t->elements * cpu_element_bytes(t->dtype) == value->size;
}

int reader_check_loop(const struct reader *r, uint32_t index,
		      const struct cpu_op *op)
{
	uint32_t number = op->attr[NPU_CPU_LOOP_NUMBER].i, i;
	uint32_t result = op->attr[NPU_CPU_LOOP_RESULT].i;
	const struct program_loop *loop;

	if (number >= r->prog->loop_count)
		return malformed(r, "CPU operator %u: no loop %u", index, number);
	loop = &r->prog->loops[number];
	if (op->inputs != loop->part[NPU_LOOP_BODY]->info->inputs)
		return malformed(r, "CPU operator %u: %u values", index,
				 op->inputs);
	for (i = 0; i < op->inputs; i++)
		if (!fits(op->in[i], value_of(loop, NPU_LOOP_BODY, i)))
			return malformed(r, "CPU operator %u: value %u of another type or size",
					 index, i);
	if (!fits(op->out, value_of(loop, NPU_LOOP_BODY, result)))
		return malformed(r, "CPU operator %u: result of another type or size",
				 index);
	return 0;
}
