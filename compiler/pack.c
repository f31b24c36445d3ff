// SPDX-License-Identifier: MIT
/*
 * Packs weights into the blocks that CONV and DWCONV read: biases, factors,
 * and weights in the order in which the array takes them. The layout is that
 * of npu/isa.h.
 */
#include <string.h>

#include "plan.h"
#include "vector.h"

static void put32(uint8_t *to, uint32_t value)
{
	to[0] = value;
	to[1] = value >> 8;
	to[2] = value >> 16;
	to[3] = value >> 24;
}

static void pack_biases(const struct tnc_geometry *g,
			const struct tnc_tensor *bias, int first, int channels,
			uint8_t *block)
{
	int size = g->format & NPU_CONV_WIDE ? 8 : 4;

	/* A bias that is not there is 0, as the block is. */
	if (bias)
		memcpy(block, bias->data + (size_t)size * first,
		       (size_t)size * channels);
}

/* All of the block but the weights. */
static void pack_head(const struct tnc *c, const struct tnc_op *op,
		      const struct tnc_geometry *g,
		      const struct tnc_dead *dead, int first, int channels,
		      uint8_t *block)
{
	const struct tnc_quant *w = &tnc_op_input(c, op, 1)->quant;
	uint8_t *mult = block + npu_conv_mult_offset(g->format, channels);
	uint8_t *shift = block + npu_conv_shift_offset(g->format, channels);
	uint8_t *zero = block + npu_conv_zero_offset(g->format, channels);
	const struct tnc_factor *factor;

	pack_biases(g, tnc_op_input(c, op, 2), first, channels, block);
	for (int i = 0; i < channels; i++) {
		if (g->format & NPU_CONV_WEIGHT_ZP)
			zero[i] = w->zero_point[w->count > 1 ? first + i : 0];
		if (g->format & NPU_CONV_OFM32)
			continue;
		factor = &op->factor[op->factors > 1 ? first + i : 0];
		put32(mult + 4 * i, dead && dead->multiplier ?
					    dead->multiplier[first + i] :
					    factor->multiplier);
		shift[i] = factor->shift;
	}
}

static void pack_addition(const struct tnc *c, const struct tnc_op *op,
			  uint8_t *to)
{
	const struct tnc_op *sum = op->sum;
	int second = op->input[TNC_INPUT_SECOND];
	int index = sum->input[1] == second; /* of the second summand */
	struct npu_conv_add add = {
		.a_mult = sum->factor[!index].multiplier,
		.a_shift = sum->factor[!index].shift,
		.b_mult = sum->factor[index].multiplier,
		.b_shift = sum->factor[index].shift,
		.ofm_mult = sum->factor[2].multiplier,
		.ofm_shift = sum->factor[2].shift,
		.left_shift = TNC_SUM_SHIFT,
		.b_zp = c->tensor[second]->quant.zero_point[0],
		.ofm_zp = tnc_op_output(c, op)->quant.zero_point[0],
		.act_min = sum->clamp_min,
		.act_max = sum->clamp_max,
	};

	memcpy(to, &add, sizeof(add));
}

/*
 * What stands in the head for channels that are the same everywhere: mostly that
 * is the zero point, and then zeros do.
 */
static void pack_constants(const struct tnc *c, const struct tnc_op *op,
			   const struct tnc_dead *dead, int first,
			   int channels, uint8_t *block)
{
	int zero_point = tnc_op_product(c, op)->quant.zero_point[0];
	uint8_t *mult = block + npu_conv_mult_offset(0, channels);
	uint8_t *shift = block + npu_conv_shift_offset(0, channels);

	for (int i = 0; i < channels; i++) {
		int difference = dead->value[first + i] - zero_point;

		if (!dead->is_constant[first + i])
			continue;
		put32(block + 4 * i, difference);
		put32(mult + 4 * i, difference ? 1 << 30 : 0);
		shift[i] = difference ? 1 : i ? shift[i - 1] : 0;
	}
}

static void pack_conv(const struct tnc_geometry *g,
		      const struct tnc_dead *dead, const uint8_t *weights,
		      int first, int channels, uint8_t *to)
{
	uint32_t depth = (uint32_t)g->window.h * g->window.w * g->in_c;

	for (int i = 0; i < channels; i++)
		for (uint32_t k = 0; k < depth; k++)
			if (!dead || !dead->input || !dead->input[k % g->in_c])
				to[npu_conv_weight_index(channels, depth, i,
							 k)] =
					weights[(size_t)(first + i) * depth +
						k];
}

static void pack_depthwise(const struct tnc_geometry *g,
			   const struct tnc_dead *dead, const uint8_t *weights,
			   int first, int channels, uint8_t *to)
{
	uint32_t taps = (uint32_t)g->window.h * g->window.w;

	for (int i = 0; i < channels; i++) {
		int in = (first + i) / g->multiplier;

		if (dead && dead->input && dead->input[in])
			continue;
		for (uint32_t tap = 0; tap < taps; tap++)
			to[npu_dwconv_weight_index(channels, taps, i, tap)] =
				weights[(size_t)tap * g->out_c + first + i];
	}
}

/* What is constant of the block of some output channels, into zeroed memory. */
void tnc_pack_chunk(const struct tnc *c, int number,
		    const struct tnc_geometry *g, int first, int channels,
		    uint8_t *block)
{
	const struct tnc_op *op = c->op[number];
	const struct tnc_dead *dead = c->dead ? &c->dead[number] : NULL;
	const uint8_t *weights;

	if (g->block) {
		memcpy(block, tnc_vector_block(c, op)->data, g->block);
		return;
	}
	weights = tnc_op_input(c, op, 1)->data;
	pack_head(c, op, g, dead, first, channels, block);
	if (dead && dead->is_constant)
		pack_constants(c, op, dead, first, channels, block);
	if (op->sum)
		pack_addition(c, op, block + npu_conv_add_offset(g->format,
								 channels));
	block += npu_conv_weight_offset(g->format, channels);
	if (g->is_product)
		return;
	if (op->kind == TNC_CONV_2D)
		pack_conv(g, dead, weights, first, channels, block);
	else
		pack_depthwise(g, dead, weights, first, channels, block);
}

static void pack_variables(struct tnc_plan *p, struct tnc_program *program)
{
	const struct tnc *c = p->c;

	program->variables_size = p->variables_size;
	program->variables = tnc_alloc(p->c, 1, p->variables_size);
	for (int i = 0; i < c->variables; i++) {
		const struct tnc_variable *v = &c->variable[i];

		if (v->init != TNC_INPUT_NONE)
			memcpy(program->variables + p->variable_offset[i],
			       tnc_tensor_root(c, v->init)->data,
			       tnc_tensor_bytes(c->tensor[v->init]));
	}
}

/* Needs: a plan. Leaves: the program's constants, and what variables begin with. */
void tnc_pack(struct tnc_plan *p, struct tnc_program *program)
{
	program->constants_size = p->constants_size;
	program->constants = tnc_alloc(p->c, 1, p->constants_size);
	for (int i = 0; i < p->maps; i++)
		if (p->map[i].root->data)
			memcpy(program->constants + p->map[i].offset,
			       p->map[i].root->data, p->map[i].size);
	for (int i = 0; i < p->c->ops; i++) {
		const struct tnc_op_plan *op = &p->op[i];

		for (int k = 0; op->has_own_chunks && k < op->chunks; k++) {
			memcpy(program->constants + op->chunk_offset[k],
			       op->chunk[k].bytes, op->chunk[k].stored);
			program->weights_size += op->chunk[k].size;
			program->weights_stored += op->chunk[k].stored;
		}
	}
	pack_variables(p, program);
}
