// SPDX-License-Identifier: MIT
/*
 * Operators on the CPU as records of npu/cpu.h. Each names operands of its own:
 * the same bytes may have another shape for another operator.
 */
#include <errno.h>
#include <string.h>

#include "cpu.h"
#include "plan.h"

static int add_word(struct tnc *c, struct tnc_program *program, npu_le32 word)
{
	program->cpu_word = tnc_grow(c, program->cpu_word, program->cpu_words,
				     &program->cpu_words_room,
				     sizeof(*program->cpu_word));
	program->cpu_word[program->cpu_words] = word;
	return program->cpu_words++;
}

static int add_words(struct tnc *c, struct tnc_program *program,
		     const void *words, int count)
{
	int first = program->cpu_words;

	for (int i = 0; i < count; i++) {
		npu_le32 word;

		memcpy(&word, (const char *)words + 4 * i, sizeof(word));
		add_word(c, program, word);
	}
	return first;
}

/* Tensor @id of the graph as the operator sees it; returns the record's index. */
static int add_tensor(struct tnc *c, struct tnc_program *program,
		      const struct cpu_tensor *t, int id,
		      const struct tnc_home *home)
{
	const struct tnc_home *at = &home[tnc_tensor_root(c, id)->id];
	struct npu_cpu_tensor *record;

	program->cpu_tensor = tnc_grow(c, program->cpu_tensor,
				       program->cpu_tensors,
				       &program->cpu_tensors_room,
				       sizeof(*program->cpu_tensor));
	record = &program->cpu_tensor[program->cpu_tensors];
	*record = (struct npu_cpu_tensor){
		.dtype = t->dtype,
		.rank = t->rank,
		.region = at->region,
		.offset = at->offset,
		.quants = t->quants,
		.quant_axis = t->quant_axis,
	};
	memcpy(record->shape, t->shape, sizeof(record->shape));
	if (t->quants) {
		record->quant = add_words(c, program, t->scale, t->quants);
		add_words(c, program, t->zero_point, t->quants);
	}
	return program->cpu_tensors++;
}

/* Needs: homes of the operator's tensors. Leaves: its record. */
void tnc_emit_cpu(struct tnc *c, const struct tnc_op *op, int layer,
		  const struct tnc_home *home, struct tnc_program *program)
{
	struct npu_cpu_op record = { .layer = layer };
	struct tnc_cpu_op cpu;
	const char *bad;
	int *operand;

	tnc_place_op(c, op);
	bad = tnc_cpu_init(c, op, false, &cpu);
	if (bad)
		tnc_error(c, -EOPNOTSUPP, "unsupported: %s", bad);
	operand = tnc_alloc(c, cpu.op.inputs + 1, sizeof(*operand));
	operand[0] = add_tensor(c, program, &cpu.out, op->output, home);
	for (uint32_t i = 0; i < cpu.op.inputs; i++)
		operand[1 + i] = cpu.input[i] ?
			add_tensor(c, program, cpu.input[i], cpu.id[i], home) :
			(int)NPU_CPU_ABSENT;
	record.kind = cpu.op.kind;
	record.inputs = cpu.op.inputs;
	record.attrs = cpu.op.attrs;
	record.first = add_words(c, program, operand, cpu.op.inputs + 1);
	add_words(c, program, cpu.attr, cpu.op.attrs);
	program->cpu_op = tnc_grow(c, program->cpu_op, program->cpu_ops,
				   &program->cpu_ops_room,
				   sizeof(*program->cpu_op));
	program->cpu_op[program->cpu_ops++] = record;
	tnc_place_none(c);
}
