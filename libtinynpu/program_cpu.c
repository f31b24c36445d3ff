// SPDX-License-Identifier: MIT
/*
 * Segments of a program, and the operators that it has run on the CPU: checks
 * once all that they may touch, so that a session only computes.
 */
#include "cpu/cpu.h"
#include "reader.h"

#include <errno.h>
#include <stdlib.h>

/* --- Records --------------------------------------------------------------- */

struct npu_program_segment
tinynpu_program_segment(const struct tinynpu_program *program, uint32_t index)
{
	if (!program->segment_count)
		return (struct npu_program_segment){
			.unit = NPU_SEGMENT_JOB,
			.count = program->command_count,
		};
	return program->segments[index];
}

static uint64_t region_size(const struct tinynpu_program *prog, uint32_t region)
{
	if (region == NPU_REGION_CONSTANTS)
		return prog->constants_size;
	if (region == NPU_REGION_SCRATCH)
		return prog->info->scratch_size;
	region -= NPU_REGION_TENSORS;
	if (region == prog->tensor_count)
		return prog->variables_size;
	return region < prog->tensor_count ? prog->tensors[region].size : 0;
}

static bool is_writable(const struct tinynpu_program *prog, uint32_t region)
{
	return region == NPU_REGION_SCRATCH ||
	       (region >= NPU_REGION_TENSORS &&
		region - NPU_REGION_TENSORS >= prog->info->inputs);
}

static uint64_t tensor_bytes(const struct cpu_tensor *t)
{
	return t->elements * cpu_element_bytes(t->dtype);
}

/* --- Tensors --------------------------------------------------------------- */

/* Words [first, first + count), or not within the section. */
static bool has_words(const struct program_cpu *cpu, uint64_t first,
		      uint64_t count)
{
	return first + count <= cpu->word_count;
}

static int read_tensor(const struct reader *r, uint32_t index)
{
	const struct program_cpu *cpu = &r->prog->cpu;
	const struct npu_cpu_tensor *record = &cpu->records[index];
	struct cpu_tensor *t = &cpu->tensors[index];
	uint64_t size = region_size(r->prog, record->region);
	const char *bad;
	uint32_t i;

	if (record->rank > NPU_PROGRAM_MAX_RANK || record->reserved)
		return malformed(r, "CPU tensor %u: rank or reserved field",
				 index);
	if (!has_words(cpu, record->quant, 2ull * record->quants))
		return malformed(r, "CPU tensor %u: scales beyond the words",
				 index);
	*t = (struct cpu_tensor){
		.dtype = record->dtype,
		.rank = record->rank,
		.quants = record->quants,
		.quant_axis = record->quant_axis,
	};
	for (i = 0; i < record->rank; i++)
		t->shape[i] = record->shape[i];
	if (t->quants) {
		t->scale = (const float *)(cpu->words + record->quant);
		t->zero_point = (const int32_t *)(cpu->words + record->quant +
						  record->quants);
	}
	bad = cpu_tensor_init(t);
	if (bad)
		return malformed(r, "CPU tensor %u: %s", index, bad);
	if (record->offset % cpu_element_bytes(t->dtype) ||
	    record->offset > size || tensor_bytes(t) > size - record->offset)
		return malformed(r, "CPU tensor %u: not within region %u", index,
				 record->region);
	return 0;
}

/* --- Operators ------------------------------------------------------------- */

struct cpu_op tinynpu_program_cpu_op(const struct tinynpu_program *program,
				     const struct cpu_tensor *tensors,
				     uint32_t index,
				     const struct cpu_tensor **in)
{
	const struct npu_cpu_op *record = &program->cpu.ops[index];
	const npu_le32 *words = program->cpu.words + record->first;
	uint32_t i;

	for (i = 0; i < record->inputs; i++)
		in[i] = words[1 + i] == NPU_CPU_ABSENT ? NULL :
			&tensors[words[1 + i]];
	return (struct cpu_op){
		.kind = record->kind,
		.inputs = record->inputs,
		.attrs = record->attrs,
		.out = &tensors[words[0]],
		.in = in,
		.attr = (const union cpu_word *)(words + 1 + record->inputs),
	};
}

static bool overlap(const struct program_cpu *cpu, uint32_t a, uint32_t b)
{
	const struct npu_cpu_tensor *x = &cpu->records[a];
	const struct npu_cpu_tensor *y = &cpu->records[b];

	return x->region == y->region &&
	       x->offset < y->offset + tensor_bytes(&cpu->tensors[b]) &&
	       y->offset < x->offset + tensor_bytes(&cpu->tensors[a]);
}

/* The output may be written, and touches no input. */
static int check_output(const struct reader *r, uint32_t index)
{
	const struct program_cpu *cpu = &r->prog->cpu;
	const npu_le32 *operands = cpu->words + cpu->ops[index].first;
	uint32_t region = cpu->records[operands[0]].region, i;

	if (!is_writable(r->prog, region))
		return malformed(r, "CPU operator %u: writes region %u", index,
				 region);
	for (i = 1; i <= cpu->ops[index].inputs; i++)
		if (operands[i] != NPU_CPU_ABSENT &&
		    overlap(cpu, operands[0], operands[i]))
			return malformed(r, "CPU operator %u: operands overlap",
					 index);
	return 0;
}

static int check_operands(const struct reader *r, uint32_t index)
{
	const struct program_cpu *cpu = &r->prog->cpu;
	const struct npu_cpu_op *record = &cpu->ops[index];
	const npu_le32 *operands = cpu->words + record->first;
	uint32_t i;

	if (!has_words(cpu, record->first,
		       1ull + record->inputs + record->attrs))
		return malformed(r, "CPU operator %u: beyond the words", index);
	if (record->inputs > NPU_CPU_MAX_INPUTS)
		return malformed(r, "CPU operator %u: %u inputs", index,
				 record->inputs);
	if (record->layer >= r->prog->layer_count)
		return malformed(r, "CPU operator %u: no layer %u", index,
				 record->layer);
	for (i = 0; i <= record->inputs; i++)
		if (operands[i] >= cpu->tensor_count &&
		    (!i || operands[i] != NPU_CPU_ABSENT))
			return malformed(r, "CPU operator %u: no tensor %u",
					 index, operands[i]);
	return 0;
}

static int check_op(const struct reader *r, uint32_t index,
		    const struct cpu_tensor **in)
{
	struct program_cpu *cpu = &r->prog->cpu;
	struct cpu_op op = tinynpu_program_cpu_op(r->prog, cpu->tensors, index,
						  in);
	const char *name = cpu_op_name(op.kind), *bad = cpu_op_check(&op);
	uint64_t scratch;

	if (bad)
		return malformed(r, "CPU operator %u (%s): %s", index,
				 name ? name : "unknown", bad);
	scratch = cpu_op_scratch(&op);
	if (op.inputs > cpu->inputs_most)
		cpu->inputs_most = op.inputs;
	if (scratch > cpu->scratch_size)
		cpu->scratch_size = scratch;
	if (op.kind == NPU_CPU_LOOP) {
		int err = reader_check_loop(r, index, &op);

		if (err)
			return err;
	}
	return check_output(r, index);
}

static int read_ops(const struct reader *r)
{
	const struct cpu_tensor *in[NPU_CPU_MAX_INPUTS];
	struct program_cpu *cpu = &r->prog->cpu;
	uint32_t i;
	int err = 0;

	cpu->tensors = calloc(cpu->tensor_count + 1, sizeof(*cpu->tensors));
	if (!cpu->tensors)
		return tinynpu_error_set(r->error, -ENOMEM, "out of memory");
	for (i = 0; !err && i < cpu->tensor_count; i++)
		err = read_tensor(r, i);
	for (i = 0; !err && i < cpu->op_count; i++)
		err = check_operands(r, i);
	for (i = 0; !err && i < cpu->op_count; i++)
		err = check_op(r, i, in);
	return err;
}

/* --- Segments -------------------------------------------------------------- */

static int check_segments(const struct reader *r)
{
	const struct tinynpu_program *prog = r->prog;
	uint32_t done[NPU_SEGMENT_CPU + 1] = { 0 }, i;
	uint32_t count = prog->segment_count ? prog->segment_count : 1;

	for (i = 0; i < count; i++) {
		struct npu_program_segment s = tinynpu_program_segment(prog, i);
		uint32_t limit = s.unit == NPU_SEGMENT_CPU ?
			prog->cpu.op_count : prog->command_count;

		if ((s.unit != NPU_SEGMENT_JOB && s.unit != NPU_SEGMENT_CPU) ||
		    s.reserved)
			return malformed(r, "segment %u: unit %u", i, s.unit);
		if (s.first != done[s.unit] || !s.count ||
		    s.count > limit - s.first)
			return malformed(r, "segment %u: %u from %u on", i,
					 s.count, s.first);
		done[s.unit] += s.count;
	}
	if (done[NPU_SEGMENT_JOB] != prog->command_count ||
	    done[NPU_SEGMENT_CPU] != prog->cpu.op_count)
		return malformed(r, "segments leave something out");
	return 0;
}

int reader_read_cpu(const struct reader *r)
{
	struct tinynpu_program *prog = r->prog;
	struct program_cpu *cpu = &prog->cpu;
	int err;

	err = reader_find_records(r, NPU_SECTION_CPU_OPS,
				  sizeof(struct npu_cpu_op), NPU_CPU_MAX_OPS,
				  (const void **)&cpu->ops, &cpu->op_count);
	if (!err)
		err = reader_find_records(r, NPU_SECTION_CPU_TENSORS,
					  sizeof(struct npu_cpu_tensor),
					  NPU_CPU_MAX_TENSORS,
					  (const void **)&cpu->records,
					  &cpu->tensor_count);
	if (!err)
		err = reader_find_records(r, NPU_SECTION_CPU_WORDS,
					  sizeof(npu_le32), UINT32_MAX,
					  (const void **)&cpu->words,
					  &cpu->word_count);
	if (!err)
		err = read_ops(r);
	return err ? err : check_segments(r);
}
