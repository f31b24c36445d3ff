// SPDX-License-Identifier: MIT
/*
 * VPROG: walks a program over the pixels of a command, some hundred lanes at a
 * time: as many whole pixels of a row as fit, or a part of one pixel that does
 * not. A reduction needs all parts of its pixel before the next instruction can
 * go on with any, so a pixel in parts is gone over once for each reduction, the
 * instructions before it computed anew: no memory is needed but for one part.
 *
 * Called by vec.c.
 */
#include "vec_program.h"

#include "operands.h"
#include "vec.h"
#include "vec_lanes.h"

#include <string.h>

#define OFFSET(member) __builtin_offsetof(struct npu_cmd_vprog, member)
#define RANGE(member, least, most) \
	OPERAND_RANGE(npu_cmd_vprog, member, least, most)

static const struct operand_range vprog_ranges[] = {
	RANGE(program_size, 8, UINT16_MAX),
	RANGE(height, 1, UINT16_MAX),
	RANGE(width, 1, UINT16_MAX),
	RANGE(channels, 1, UINT16_MAX),
	RANGE(count, 1, NPU_VPROG_MAX),
	RANGE(flags, 0, NPU_VPROG_FLAGS),
	RANGE(a_type, 0, NPU_TYPE_COUNT - 1),
	RANGE(b_type, 0, NPU_TYPE_COUNT - 1),
	RANGE(c_type, 0, NPU_TYPE_COUNT - 1),
	RANGE(ofm_type, 1, NPU_TYPE_COUNT - 1),
};

/* One of the inputs or, last, the output. */
struct operand {
	const struct npu_surface *surface;
	enum npu_type type;
	bool is_one; /* one channel */
	uint32_t bytes; /* of a pixel */
	uint32_t offset; /* of the surface in the command */
};

#define OPERANDS (VEC_PROGRAM_INPUTS + 1)
#define OUTPUT VEC_PROGRAM_INPUTS

static void operands_of(struct operand *operand,
			const struct npu_cmd_vprog *cmd)
{
	const struct npu_surface *surface = &cmd->a;
	const uint8_t *type = &cmd->a_type;
	uint32_t i;

	for (i = 0; i < OPERANDS; i++) {
		bool is_one = cmd->flags >> i & 1;

		operand[i] = (struct operand){
			.surface = surface + i,
			.type = type[i],
			.is_one = is_one,
			.bytes = (is_one ? 1 : cmd->channels) *
				 npu_type_size(type[i]),
			.offset = OFFSET(a) + i * sizeof(*surface),
		};
	}
}

/* Fields that contradict each other. */
static int check_operands(struct unit_ctx *ctx, const struct npu_cmd_vprog *cmd,
			  const struct operand *operand)
{
	static const struct npu_surface none;
	const struct operand *ofm = &operand[OUTPUT];
	uint32_t i;

	if (cmd->program % 4)
		return UNIT_FAULT_FIELD(ctx, npu_cmd_vprog, program);
	if (cmd->program_size < cmd->count * sizeof(struct npu_vinsn))
		return UNIT_FAULT_FIELD(ctx, npu_cmd_vprog, program_size);
	for (i = 0; i < VEC_PROGRAM_INPUTS; i++) {
		if (operand[i].type)
			continue;
		if (memcmp(operand[i].surface, &none, sizeof(none)))
			return unit_fault_field(ctx, operand[i].offset);
		if (operand[i].is_one)
			return UNIT_FAULT_FIELD(ctx, npu_cmd_vprog, flags);
	}
	return operands_check_output(ctx, ofm->surface, ofm->offset,
				     cmd->height, cmd->width, ofm->bytes);
}

static struct unit_extent extent_of(const struct operand *operand,
				    const struct npu_cmd_vprog *cmd)
{
	return unit_extent_surface(operand->surface, cmd->height, cmd->width,
				   operand->bytes);
}

/* What is read and written, the program among it. */
static int check_ranges(struct unit_ctx *ctx, const struct npu_cmd_vprog *cmd,
			const struct operand *operand,
			struct unit_access *access)
{
	struct unit_extent block = {
		.addr = cmd->program,
		.run = cmd->program_size,
		.n = { 1, 1, 1 },
	};
	struct unit_extent extent;
	uint32_t i;

	for (i = 0; i < OPERANDS; i++) {
		if (!operand[i].type)
			continue;
		extent = extent_of(&operand[i], cmd);
		if (i == OUTPUT ? unit_access_write(ctx, access, &extent) :
				  unit_access_read(ctx, access, &extent))
			return -1;
	}
	return unit_access_read(ctx, access, &block);
}

/*
 * The output may be exactly an input of its size: each element is read before
 * its place is written.
 */
static bool is_in_place(const struct operand *input, const struct operand *ofm)
{
	return !memcmp(input->surface, ofm->surface, sizeof(*ofm->surface)) &&
	       npu_type_size(input->type) == npu_type_size(ofm->type) &&
	       !input->is_one && !ofm->is_one;
}

static int check_overlaps(struct unit_ctx *ctx, const struct npu_cmd_vprog *cmd,
			  const struct operand *operand)
{
	struct unit_extent ofm = extent_of(&operand[OUTPUT], cmd);
	struct unit_extent block = {
		.addr = cmd->program,
		.run = cmd->program_size,
		.n = { 1, 1, 1 },
	};
	uint32_t i;

	for (i = 0; i < VEC_PROGRAM_INPUTS; i++) {
		struct unit_extent input = extent_of(&operand[i], cmd);

		if (operand[i].type &&
		    !is_in_place(&operand[i], &operand[OUTPUT]) &&
		    operands_check_overlap(ctx, &input, operand[i].offset,
					   &ofm))
			return -1;
	}
	return operands_check_overlap(ctx, &block, OFFSET(program), &ofm);
}

int vec_program_check(struct unit_ctx *ctx, const union npu_cmd *cmd,
		      struct unit_access *access)
{
	const struct npu_cmd_vprog *c = &cmd->vprog;
	/* What costs no step is work for the host all the same. */
	const uint32_t work[] = { c->height, c->width, c->channels,
				  (uint32_t)c->steps + c->count };
	struct operand operand[OPERANDS];

	if (UNIT_CHECK_RESERVED(ctx, cmd, npu_cmd_vprog, reserved) ||
	    operands_check_ranges(ctx, cmd, vprog_ranges,
				  OPERAND_ARRAY_SIZE(vprog_ranges)))
		return -1;
	operands_of(operand, c);
	if (check_operands(ctx, c, operand) ||
	    operands_check_work(ctx, NPU_MAX_CMD_STEPS, work,
				OPERAND_ARRAY_SIZE(work)) ||
	    check_ranges(ctx, c, operand, access) ||
	    vec_program_verify(ctx, c))
		return -1;
	return check_overlaps(ctx, c, operand);
}

/* A program on its way over the pixels of a command. */
struct walk {
	const struct npu_cmd_vprog *cmd;
	uint8_t *sram;
	const uint8_t *block;
	struct operand operand[OPERANDS];
	struct npu_vinsn insn[NPU_VPROG_MAX];
	enum npu_vform form[NPU_VPROG_MAX];
	struct lanes lanes;

	/* Where: channels from @first on of @pixels pixels */
	uint32_t y, x, pixels;
	uint32_t first, channels;

	/* Of a pixel in parts: results so far, those before @pending are final */
	bool is_in_parts;
	uint32_t pending; /* instruction; the program's end: none */
	struct lanes_reduction reductions[NPU_VPROG_MAX];
};

static void walk_start(struct walk *w, uint8_t *sram,
		       const struct npu_cmd_vprog *cmd)
{
	uint32_t i;

	w->cmd = cmd;
	w->sram = sram;
	w->block = sram + cmd->program;
	operands_of(w->operand, cmd);
	memcpy(w->insn, w->block, cmd->count * sizeof(w->insn[0]));
	for (i = 0; i < cmd->count; i++)
		vec_program_form(w->insn[i].op, &w->form[i]);
	lanes_init(&w->lanes);
	w->first = 0;
	w->is_in_parts = cmd->channels > LANES;
	w->pending = cmd->count;
}

/* Where the lanes of a pixel lie, the @i-th of those at hand. */
static uint8_t *place(const struct walk *w, const struct operand *operand,
		      uint32_t i)
{
	uint32_t first = operand->is_one ? 0 : w->first;

	return w->sram + operands_pixel(operand->surface, w->y, w->x + i) +
	       first * npu_type_size(operand->type);
}

/* All lanes at hand are one run of elements. */
static bool is_dense(const struct walk *w, const struct operand *operand)
{
	return !operand->is_one &&
	       (w->pixels == 1 ||
		operand->surface->pixel_pitch == operand->bytes);
}

static void load(struct walk *w, const struct npu_vinsn *insn)
{
	const struct operand *from = &w->operand[insn->src1];
	int32_t *to = w->lanes.registers[insn->dst];
	int32_t add = (int32_t)insn->imm;
	uint32_t i;

	if (is_dense(w, from)) {
		lanes_load(to, place(w, from, 0), from->type, add,
			   w->pixels * w->channels);
		return;
	}
	for (i = 0; i < w->pixels; i++, to += w->channels) {
		lanes_load(to, place(w, from, i), from->type, add,
			   from->is_one ? 1 : w->channels);
		if (from->is_one)
			lanes_fill(to, to[0], w->channels);
	}
}

static void store(struct walk *w, const struct npu_vinsn *insn)
{
	const struct operand *to = &w->operand[OUTPUT];
	const int32_t *from = w->lanes.registers[insn->src1];
	int32_t add = (int32_t)insn->imm;
	uint32_t i;

	if (to->is_one && w->first)
		return;
	if (is_dense(w, to)) {
		lanes_store(place(w, to, 0), from, to->type, add,
			    w->pixels * w->channels);
		return;
	}
	for (i = 0; i < w->pixels; i++, from += w->channels)
		lanes_store(place(w, to, i), from, to->type, add,
			    to->is_one ? 1 : w->channels);
}

/* A reduction within each of some whole pixels. */
static void reduce_pixels(struct walk *w, const struct npu_vinsn *insn)
{
	const int32_t *from = w->lanes.registers[insn->src1];
	int32_t *to = w->lanes.registers[insn->dst];
	uint32_t i;

	for (i = 0; i < w->pixels; i++) {
		struct lanes_reduction r = { 0 };

		lanes_reduce(&r, insn->op, from, 0, w->channels);
		lanes_fill(to, lanes_reduced(&r, insn->op), w->channels);
		from += w->channels;
		to += w->channels;
	}
}

static void reduce(struct walk *w, uint32_t i)
{
	const struct npu_vinsn *insn = &w->insn[i];

	if (!w->is_in_parts)
		reduce_pixels(w, insn);
	else if (w->pending == i)
		lanes_reduce(&w->reductions[i], insn->op,
			     w->lanes.registers[insn->src1], w->first,
			     w->channels);
	else
		lanes_fill(w->lanes.registers[insn->dst],
			   lanes_reduced(&w->reductions[i], insn->op),
			   w->channels);
}

/* Up to the pending reduction, or all. */
static void run_lanes(struct walk *w)
{
	uint32_t i;

	for (i = 0; i < w->cmd->count && i <= w->pending; i++) {
		const struct npu_vinsn *insn = &w->insn[i];

		if (w->form[i] == NPU_VFORM_LOAD)
			load(w, insn);
		else if (w->form[i] == NPU_VFORM_STORE)
			store(w, insn);
		else if (w->form[i] == NPU_VFORM_REDUCE)
			reduce(w, i);
		else
			lanes_compute(&w->lanes, insn, w->form[i], w->block,
				      w->pixels * w->channels);
	}
}

static void run_parts(struct walk *w)
{
	for (w->first = 0; w->first < w->cmd->channels;
	     w->first += w->channels) {
		uint32_t left = w->cmd->channels - w->first;

		w->channels = left < LANES ? left : LANES;
		run_lanes(w);
	}
}

static void run_long_pixel(struct walk *w)
{
	for (w->pending = 0; w->pending < w->cmd->count; w->pending++)
		if (w->form[w->pending] == NPU_VFORM_REDUCE)
			run_parts(w);
	run_parts(w);
}

static void run_row(struct walk *w)
{
	uint32_t most = w->is_in_parts ? 1 : LANES / w->cmd->channels;

	for (w->x = 0; w->x < w->cmd->width; w->x += w->pixels) {
		uint32_t left = w->cmd->width - w->x;

		w->pixels = left < most ? left : most;
		w->channels = w->cmd->channels;
		if (w->is_in_parts)
			run_long_pixel(w);
		else
			run_lanes(w);
	}
}

void vec_program_execute(uint8_t *sram, const union npu_cmd *cmd)
{
	struct walk w;

	walk_start(&w, sram, &cmd->vprog);
	for (w.y = 0; w.y < cmd->vprog.height; w.y++)
		run_row(&w);
}
