// SPDX-License-Identifier: MIT
/*
 * Emits the commands of a plan in their order, and orders them between the
 * units: a command waits for the last command of another unit that touches the
 * SRAM it writes, or writes what it touches. The rules are those by which the
 * machine finds hazards, so that a program that comes from here has none.
 */
#include "plan.h"
#include "vector.h"

#define RANGES_MAX (TNC_OPERANDS + 2)

struct range {
	uint64_t low, high;	/* [low, high) of SRAM */
	bool is_write;
};

/* What later commands have to know about one that was emitted. */
struct issued {
	struct range range[RANGES_MAX];
	int ranges;
	uint32_t known[NPU_UNIT_COUNT];
};

struct unit {
	struct issued *issued;
	int count;
	int room;
};

struct emitter {
	struct tnc_plan *p;
	struct tnc_program *program;
	struct unit unit[NPU_UNIT_COUNT];
	int next_load;
	int next_store;
	/* Buffers: the first command that writes, the last that reads. */
	int *first_use;
	int *last_use;
};

static bool conflict(const struct issued *a, const struct issued *b)
{
	for (int i = 0; i < a->ranges; i++)
		for (int k = 0; k < b->ranges; k++)
			if ((a->range[i].is_write || b->range[k].is_write) &&
			    a->range[i].low < b->range[k].high &&
			    b->range[k].low < a->range[i].high)
				return true;
	return false;
}

static void learn(struct issued *to, int unit, uint32_t number,
		  const struct issued *from)
{
	if (to->known[unit] < number)
		to->known[unit] = number;
	for (int u = 0; u < NPU_UNIT_COUNT; u++)
		if (to->known[u] < from->known[u])
			to->known[u] = from->known[u];
}

/* What has surely finished before any wait: unit order and queue depth. */
static void learn_order(struct emitter *e, struct issued *now, int unit)
{
	for (int u = 0; u < NPU_UNIT_COUNT; u++) {
		const struct unit *of = &e->unit[u];
		int number = u == unit ? of->count :
					 of->count - NPU_QUEUE_DEPTH;

		if (number > 0)
			learn(now, u, number, &of->issued[number - 1]);
	}
}

/* Adds the waits that the command at hand needs. */
static void order(struct emitter *e, struct issued *now, int unit,
		  struct npu_cmd_hdr *hdr)
{
	learn_order(e, now, unit);
	for (int u = 0; u < NPU_UNIT_COUNT; u++) {
		const struct unit *of = &e->unit[u];
		uint32_t number = of->count;

		if (u == unit)
			continue;
		while (number > now->known[u] &&
		       !conflict(now, &of->issued[number - 1]))
			number--;
		if (number <= now->known[u])
			continue;
		hdr->flags |= NPU_CMD_WAIT(u);
		hdr->wait[u] = number;
		learn(now, u, number, &of->issued[number - 1]);
	}
}

static void use(struct emitter *e, int buffer)
{
	int number = e->program->cmds;

	if (e->first_use[buffer] < 0)
		e->first_use[buffer] = number;
	e->last_use[buffer] = number;
}

static void add_range(struct issued *now, uint64_t low, uint64_t high,
		      bool is_write)
{
	now->range[now->ranges++] = (struct range){ low, high, is_write };
}

static void emit(struct emitter *e, int unit, union npu_cmd *cmd,
		 struct issued *now, int op)
{
	struct tnc_program *pr = e->program;
	struct unit *of = &e->unit[unit];
	struct tnc *c = e->p->c;
	int op_room = pr->cmds_room;

	order(e, now, unit, &cmd->hdr);
	of->issued = tnc_grow(c, of->issued, of->count, &of->room,
			      sizeof(*of->issued));
	of->issued[of->count++] = *now;
	pr->cmd_op = tnc_grow(c, pr->cmd_op, pr->cmds, &op_room,
			      sizeof(*pr->cmd_op));
	pr->cmd = tnc_grow(c, pr->cmd, pr->cmds, &pr->cmds_room,
			   sizeof(*pr->cmd));
	pr->cmd[pr->cmds] = *cmd;
	pr->cmd_op[pr->cmds++] = op;
}

static void emit_decode(struct emitter *e, const struct tnc_transfer *t)
{
	const struct tnc_buffer *b = &e->p->buffer[t->buffer];
	struct issued now = { .ranges = 0 };
	union npu_cmd cmd = { .decode = {
		.hdr.op = NPU_OP_DMA_DECODE,
		.src = t->offset,
		.dst = b->addr,
		.coded = t->coded->size,
		.src_region = t->region,
		.palette = t->coded->palette,
	} };

	for (int i = 0; i < NPU_CODE_SECTIONS; i++)
		cmd.decode.section[i] = t->coded->section[i];
	add_range(&now, b->addr, (uint64_t)b->addr + t->run, true);
	use(e, t->buffer);
	emit(e, NPU_UNIT_DMA, &cmd, &now, t->op);
}

static void emit_transfer(struct emitter *e, const struct tnc_transfer *t)
{
	const struct tnc_buffer *b;
	uint32_t addr;
	union npu_cmd cmd = { .hdr = { .op = NPU_OP_DMA_COPY } };
	struct npu_cmd_copy *copy = &cmd.copy;
	struct issued now = { .ranges = 0 };

	if (t->coded) {
		emit_decode(e, t);
		return;
	}
	copy->src_region = t->region;
	copy->src = t->offset;
	copy->dst_region = t->region;
	copy->dst = t->offset;
	copy->run = t->run;
	for (int i = 0; i < 3; i++) {
		copy->n[i] = t->n[i];
		copy->src_stride[i] = t->mem_stride[i];
		copy->dst_stride[i] = t->mem_stride[i];
	}
	if (t->buffer < 0) {
		copy->dst_region = t->to_region;
		copy->dst = t->to_offset;
		emit(e, NPU_UNIT_DMA, &cmd, &now, t->op);
		return;
	}
	b = &e->p->buffer[t->buffer];
	for (int i = 0; i < 3; i++) {
		if (t->is_store)
			copy->src_stride[i] = t->sram_stride[i];
		else
			copy->dst_stride[i] = t->sram_stride[i];
	}
	addr = b->addr + t->in_buffer;
	if (t->is_store) {
		copy->src_region = NPU_REGION_SRAM;
		copy->src = addr;
	} else {
		copy->dst_region = NPU_REGION_SRAM;
		copy->dst = addr;
	}
	/* Transfers are dense in SRAM. */
	add_range(&now, addr,
		  (uint64_t)addr +
			  (uint64_t)t->run * t->n[0] * t->n[1] * t->n[2],
		  !t->is_store);
	use(e, t->buffer);
	emit(e, NPU_UNIT_DMA, &cmd, &now, t->op);
}

/* Where a side of a transfer begins; its range goes to @now if it is in SRAM. */
static uint32_t side(struct emitter *e, struct issued *now, int tensor,
		     uint32_t offset, const struct tnc_move *move,
		     bool is_write, uint8_t *region)
{
	const struct tnc_plan *p = e->p;
	const struct tnc_map *map = &p->map[p->map_of[tensor]];
	const uint32_t *stride = is_write ? move->to_stride :
					    move->from_stride;
	uint64_t low, bytes = move->run;

	if (!map->is_resident) {
		*region = map->region;
		return map->offset + offset;
	}
	*region = NPU_REGION_SRAM;
	for (int i = 0; i < 3; i++)
		bytes += (uint64_t)(move->n[i] - 1) * stride[i];
	low = p->buffer[map->buffer].addr + offset;
	add_range(now, low, low + bytes, is_write);
	use(e, map->buffer);
	return low;
}

static void emit_fill(struct emitter *e, const struct tnc_move *m,
		      const struct tnc_op *op, int number)
{
	union npu_cmd cmd = { .hdr = { .op = NPU_OP_DMA_FILL } };
	struct npu_cmd_fill *fill = &cmd.fill;
	struct issued now = { .ranges = 0 };

	fill->dst = side(e, &now, op->output, m->to, m, true,
			 &fill->dst_region);
	fill->value = m->value;
	fill->run = m->run;
	for (int i = 0; i < 3; i++) {
		fill->n[i] = m->n[i];
		fill->dst_stride[i] = m->to_stride[i];
	}
	emit(e, NPU_UNIT_DMA, &cmd, &now, number);
}

static void emit_copy(struct emitter *e, const struct tnc_move *m,
		      const struct tnc_op *op, int number)
{
	union npu_cmd cmd = { .hdr = { .op = NPU_OP_DMA_COPY } };
	struct npu_cmd_copy *copy = &cmd.copy;
	struct issued now = { .ranges = 0 };

	copy->src = side(e, &now, op->input[m->input], m->from, m, false,
			 &copy->src_region);
	copy->dst = side(e, &now, op->output, m->to, m, true,
			 &copy->dst_region);
	copy->run = m->run;
	for (int i = 0; i < 3; i++) {
		copy->n[i] = m->n[i];
		copy->src_stride[i] = m->from_stride[i];
		copy->dst_stride[i] = m->to_stride[i];
	}
	emit(e, NPU_UNIT_DMA, &cmd, &now, number);
}

/* The table is read as a whole, as far as anybody knows. */
static void emit_gather(struct emitter *e, const struct tnc_move *m,
			const struct tnc_op *op, int number)
{
	union npu_cmd cmd = { .hdr = { .op = NPU_OP_DMA_GATHER } };
	struct npu_cmd_gather *gather = &cmd.gather;
	struct issued now = { .ranges = 0 };
	const struct tnc_indices *indices = &m->indices;
	struct tnc_move list = {
		.run = (uint32_t)m->n[0] * indices->size,
		.n = { m->n[2], 1, 1 },
		.from_stride = { (uint32_t)m->n[0] * indices->size },
	};
	uint64_t table = (uint64_t)(indices->rows - 1) * m->from_stride[0];
	struct tnc_move all = *m;

	all.n[0] = 1;
	all.run += table;
	gather->src = side(e, &now, op->input[0], m->from, &all, false,
			   &gather->src_region);
	gather->dst = side(e, &now, op->output, m->to, m, true,
			   &gather->dst_region);
	gather->index = side(e, &now, op->input[indices->input], indices->from,
			     &list, false, &gather->index_region);
	gather->index_size = indices->size;
	gather->rows = indices->rows;
	gather->run = m->run;
	for (int i = 0; i < 3; i++) {
		gather->n[i] = m->n[i];
		gather->src_stride[i] = m->from_stride[i];
		gather->dst_stride[i] = m->to_stride[i];
	}
	emit(e, NPU_UNIT_DMA, &cmd, &now, number);
}

static void emit_moves(struct emitter *e, const struct tnc_step *s)
{
	const struct tnc_op *op = e->p->c->op[s->op];

	for (int i = 0; i < s->moves.count; i++) {
		if (s->moves.move[i].input < 0)
			emit_fill(e, &s->moves.move[i], op, s->op);
		else if (s->moves.move[i].indices.input)
			emit_gather(e, &s->moves.move[i], op, s->op);
		else
			emit_copy(e, &s->moves.move[i], op, s->op);
	}
}

/* The operand's address and pitches; its range goes to @now. */
static struct npu_surface operand(struct emitter *e, struct issued *now,
				  const struct tnc_surface *s, bool is_write)
{
	const struct tnc_buffer *b = &e->p->buffer[s->buffer];
	struct npu_surface surface = {
		.addr = b->addr + s->offset,
		.row_pitch = s->h > 1 ? s->row_pitch : 0,
		.pixel_pitch = s->w > 1 ? s->pixel_pitch : 0,
	};
	uint64_t bytes = (uint64_t)(s->h - 1) * s->row_pitch +
			 (uint64_t)(s->w - 1) * s->pixel_pitch +
			 (uint64_t)s->c * s->size;

	add_range(now, surface.addr, surface.addr + bytes, is_write);
	use(e, s->buffer);
	return surface;
}

static void emit_conv(struct emitter *e, const struct tnc_step *s,
		      const struct tnc_op *op, union npu_cmd *cmd,
		      struct issued *now)
{
	const struct tnc_geometry *g = &e->p->op[s->op].geometry;
	const struct tnc_buffer *weights = &e->p->buffer[s->weights];
	struct npu_cmd_conv *conv = &cmd->conv;

	conv->ifm = operand(e, now, &s->in[0], false);
	conv->ofm = operand(e, now, &s->out, true);
	conv->ifm_h = s->in[0].h;
	conv->ifm_w = s->in[0].w;
	conv->ifm_c = s->in[0].c;
	conv->ofm_h = s->out.h;
	conv->ofm_w = s->out.w;
	conv->ofm_c = s->out.c;
	conv->kernel_h = g->window.h;
	conv->kernel_w = g->window.w;
	conv->stride_y = g->stride.h;
	conv->stride_x = g->stride.w;
	conv->dilation_y = g->dilation.h;
	conv->dilation_x = g->dilation.w;
	conv->pad_top = s->pad_top;
	conv->pad_left = s->pad_left;
	conv->ifm_zp = tnc_op_input(e->p->c, op, 0)->quant.zero_point[0];
	conv->format = g->format;
	if (g->has_sum)
		conv->second = operand(e, now, &s->in[1], false);
	if (!(g->format & NPU_CONV_OFM32)) {
		conv->ofm_zp = tnc_op_product(e->p->c, op)->quant.zero_point[0];
		conv->act_min = op->clamp_min;
		conv->act_max = op->clamp_max;
	}
	if (op->kind == TNC_DEPTHWISE_CONV_2D)
		conv->multiplier = g->multiplier;
	conv->weights = weights->addr;
	add_range(now, weights->addr,
		  weights->addr + npu_conv_block_size(conv), false);
	use(e, s->weights);
}

static void emit_pool(struct emitter *e, const struct tnc_step *s,
		      const struct tnc_op *op, union npu_cmd *cmd,
		      struct issued *now)
{
	const struct tnc_geometry *g = &e->p->op[s->op].geometry;
	struct npu_cmd_pool *pool = &cmd->pool;

	pool->ifm = operand(e, now, &s->in[0], false);
	pool->ofm = operand(e, now, &s->out, true);
	pool->ifm_h = s->in[0].h;
	pool->ifm_w = s->in[0].w;
	pool->channels = s->in[0].c;
	pool->ofm_h = s->out.h;
	pool->ofm_w = s->out.w;
	pool->kernel_h = g->window.h;
	pool->kernel_w = g->window.w;
	pool->stride_y = g->stride.h;
	pool->stride_x = g->stride.w;
	pool->pad_top = s->pad_top;
	pool->pad_left = s->pad_left;
	pool->flags = s->in[0].size == 2 ? NPU_POOL_S16 : 0;
	pool->act_min = op->clamp_min;
	pool->act_max = op->clamp_max;
}

/* MAXIMUM and MINIMUM: operands and nothing else. */
static void emit_selection(struct emitter *e, const struct tnc_step *s,
			   const struct tnc_op *op, union npu_cmd *cmd,
			   struct issued *now)
{
	struct npu_cmd_binary *b = &cmd->binary;

	b->a = operand(e, now, &s->in[0], false);
	b->b = operand(e, now, &s->in[1], false);
	b->ofm = operand(e, now, &s->out, true);
	b->height = s->out.h;
	b->width = s->out.w;
	b->channels = s->out.c;
	b->act_min = op->clamp_min;
	b->act_max = op->clamp_max;
}

static void emit_product(struct emitter *e, const struct tnc_step *s,
			 const struct tnc_op *op, union npu_cmd *cmd,
			 struct issued *now)
{
	const struct tnc *c = e->p->c;
	const struct tnc_factor *last = &op->factor[op->factors - 1];
	struct npu_cmd_binary *b = &cmd->binary;

	emit_selection(e, s, op, cmd, now);
	b->a_zp = tnc_op_input(c, op, 0)->quant.zero_point[0];
	b->b_zp = tnc_op_input(c, op, 1)->quant.zero_point[0];
	b->ofm_zp = tnc_op_output(c, op)->quant.zero_point[0];
	b->ofm_mult = last->multiplier;
	b->ofm_shift = last->shift;
}

static void emit_sum(struct emitter *e, const struct tnc_step *s,
		     const struct tnc_op *op, union npu_cmd *cmd,
		     struct issued *now)
{
	struct npu_cmd_binary *b = &cmd->binary;

	emit_product(e, s, op, cmd, now);
	b->left_shift = TNC_SUM_SHIFT;
	b->a_mult = op->factor[0].multiplier;
	b->a_shift = op->factor[0].shift;
	b->b_mult = op->factor[1].multiplier;
	b->b_shift = op->factor[1].shift;
}

/* Rows of the command are pixels of the operator. */
static void emit_softmax(struct emitter *e, const struct tnc_step *s,
			 const struct tnc_op *op, union npu_cmd *cmd,
			 struct issued *now)
{
	struct npu_cmd_softmax *softmax = &cmd->softmax;
	int64_t most = (INT64_C(31) << 26) >> op->factor[0].shift;

	softmax->ifm = operand(e, now, &s->in[0], false).addr;
	softmax->ofm = operand(e, now, &s->out, true).addr;
	softmax->ifm_pitch = s->in[0].row_pitch;
	softmax->ofm_pitch = s->out.row_pitch;
	softmax->rows = s->out.h;
	softmax->depth = s->out.c;
	softmax->mult = op->factor[0].multiplier;
	softmax->shift = op->factor[0].shift;
	softmax->diff_min = most < 255 ? -most : -255;
}

static void emit_resize(struct emitter *e, const struct tnc_step *s,
			const struct tnc_op *op, union npu_cmd *cmd,
			struct issued *now)
{
	const struct tnc_resize *r = &e->p->op[s->op].geometry.resize;
	struct npu_cmd_resize *resize = &cmd->resize;

	resize->ifm = operand(e, now, &s->in[0], false);
	resize->ofm = operand(e, now, &s->out, true);
	resize->ifm_h = s->in[0].h;
	resize->ifm_w = s->in[0].w;
	resize->channels = s->in[0].c;
	resize->ofm_h = s->out.h;
	resize->ofm_w = s->out.w;
	resize->full_h = r->size[0];
	resize->full_w = r->size[1];
	resize->ifm_y = s->in_y;
	resize->ifm_x = s->in_x;
	resize->ofm_y = s->out_y;
	resize->ofm_x = s->out_x;
	resize->flags = r->flags;
	resize->type = s->in[0].size == 2 ? NPU_TYPE_S16 : NPU_TYPE_S8;
	resize->scale_y = r->scale[0];
	resize->scale_x = r->scale[1];
}

static const uint8_t element_types[TNC_TYPES] = {
	[TNC_INT8] = NPU_TYPE_S8,   [TNC_INT16] = NPU_TYPE_S16,
	[TNC_INT32] = NPU_TYPE_S32, [TNC_UINT8] = NPU_TYPE_U8,
	[TNC_BOOL] = NPU_TYPE_U8,
};

static void emit_vector(struct emitter *e, const struct tnc_step *s,
			const struct tnc_op *op, union npu_cmd *cmd,
			struct issued *now)
{
	const struct tnc_geometry *g = &e->p->op[s->op].geometry;
	const struct tnc_buffer *program = &e->p->buffer[s->weights];
	const struct tnc_tensor *block = tnc_vector_block(e->p->c, op);
	struct npu_cmd_vprog *v = &cmd->vprog;
	int lanes = 1;

	for (int i = 0; i < g->inputs; i++) {
		const struct tnc_tensor *in = tnc_op_input(e->p->c, op, i);

		(&v->a)[i] = operand(e, now, &s->in[i], false);
		(&v->a_type)[i] = element_types[in->type];
		if (s->in[i].c > lanes)
			lanes = s->in[i].c;
	}
	for (int i = 0; i < g->inputs; i++)
		if (s->in[i].c < lanes)
			v->flags |= NPU_VPROG_A_ONE << i;
	v->ofm = operand(e, now, &s->out, true);
	v->ofm_type = element_types[tnc_op_output(e->p->c, op)->type];
	if (s->out.c < lanes)
		v->flags |= NPU_VPROG_OFM_ONE;
	v->height = s->out.h;
	v->width = s->out.w;
	v->channels = lanes;
	v->count = tnc_vector_count(block);
	v->steps = tnc_vector_steps(block);
	v->program = program->addr;
	v->program_size = g->block;
	add_range(now, program->addr, program->addr + g->block, false);
	use(e, s->weights);
}

/* How each operator becomes a command. */
static const struct {
	enum npu_op code;
	enum npu_unit unit;
	void (*fill)(struct emitter *e, const struct tnc_step *s,
		     const struct tnc_op *op, union npu_cmd *cmd,
		     struct issued *now);
} kinds[TNC_OP_KINDS] = {
	[TNC_CONV_2D] = { NPU_OP_CONV, NPU_UNIT_MAC, emit_conv },
	[TNC_DEPTHWISE_CONV_2D] = { NPU_OP_DWCONV, NPU_UNIT_MAC, emit_conv },
	[TNC_BATCH_MATMUL] = { NPU_OP_CONV, NPU_UNIT_MAC, emit_conv },
	[TNC_ADD] = { NPU_OP_ADD, NPU_UNIT_VEC, emit_sum },
	[TNC_SUB] = { NPU_OP_SUB, NPU_UNIT_VEC, emit_sum },
	[TNC_MUL] = { NPU_OP_MUL, NPU_UNIT_VEC, emit_product },
	[TNC_MAXIMUM] = { NPU_OP_MAX, NPU_UNIT_VEC, emit_selection },
	[TNC_MINIMUM] = { NPU_OP_MIN, NPU_UNIT_VEC, emit_selection },
	[TNC_AVERAGE_POOL_2D] = { NPU_OP_POOL_AVG, NPU_UNIT_VEC, emit_pool },
	[TNC_MAX_POOL_2D] = { NPU_OP_POOL_MAX, NPU_UNIT_VEC, emit_pool },
	[TNC_SOFTMAX] = { NPU_OP_SOFTMAX, NPU_UNIT_VEC, emit_softmax },
	[TNC_VECTOR] = { NPU_OP_VPROG, NPU_UNIT_VEC, emit_vector },
	[TNC_RESIZE_BILINEAR] = { NPU_OP_RESIZE, NPU_UNIT_VEC, emit_resize },
	[TNC_RESIZE_NEAREST_NEIGHBOR] = { NPU_OP_RESIZE, NPU_UNIT_VEC,
					  emit_resize },
};

/* Whether there is a command that does what a legal operator asks for. */
bool tnc_emit_has(const struct tnc_op *op)
{
	return kinds[op->kind].fill || tnc_op_is_move(op);
}

/* A copy of the second input's bytes to their place among the weights. */
static void emit_shuffle(struct emitter *e, const struct tnc_step *s,
			 const struct tnc_move *m)
{
	union npu_cmd cmd = { .hdr = { .op = NPU_OP_DMA_COPY } };
	struct npu_cmd_copy *copy = &cmd.copy;
	struct issued now = { .ranges = 0 };
	uint64_t from = m->run, to = m->run;

	copy->src_region = copy->dst_region = NPU_REGION_SRAM;
	copy->src = e->p->buffer[s->in[1].buffer].addr + s->in[1].offset +
		    m->from;
	copy->dst = e->p->buffer[s->weights].addr + m->to;
	copy->run = m->run;
	for (int i = 0; i < 3; i++) {
		copy->n[i] = m->n[i];
		copy->src_stride[i] = m->from_stride[i];
		copy->dst_stride[i] = m->to_stride[i];
		from += (uint64_t)(m->n[i] - 1) * m->from_stride[i];
		to += (uint64_t)(m->n[i] - 1) * m->to_stride[i];
	}
	add_range(&now, copy->src, copy->src + from, false);
	add_range(&now, copy->dst, copy->dst + to, true);
	use(e, s->in[1].buffer);
	use(e, s->weights);
	emit(e, NPU_UNIT_DMA, &cmd, &now, s->op);
}

/* Rows of a map from its window to the next one. */
static void emit_carry(struct emitter *e, const struct tnc_carry *carry, int op)
{
	union npu_cmd cmd = { .hdr = { .op = NPU_OP_DMA_COPY } };
	struct npu_cmd_copy *copy = &cmd.copy;
	struct issued now = { .ranges = 0 };

	copy->src_region = copy->dst_region = NPU_REGION_SRAM;
	copy->src = e->p->buffer[carry->from].addr + carry->offset;
	copy->dst = e->p->buffer[carry->to].addr;
	copy->run = carry->size;
	for (int i = 0; i < 3; i++) {
		copy->n[i] = 1;
		copy->src_stride[i] = copy->dst_stride[i] = carry->size;
	}
	add_range(&now, copy->src, copy->src + carry->size, false);
	add_range(&now, copy->dst, copy->dst + carry->size, true);
	use(e, carry->from);
	use(e, carry->to);
	emit(e, NPU_UNIT_DMA, &cmd, &now, op);
}

static void emit_step(struct emitter *e, const struct tnc_step *s)
{
	const struct tnc_op *op = e->p->c->op[s->op];
	union npu_cmd cmd = { .hdr = { .op = kinds[op->kind].code } };
	struct issued now = { .ranges = 0 };

	for (int i = 0; i < s->shuffle.count; i++)
		emit_shuffle(e, s, &s->shuffle.move[i]);
	if (s->carry.size)
		emit_carry(e, &s->carry, s->op);
	kinds[op->kind].fill(e, s, op, &cmd, &now);
	emit(e, kinds[op->kind].unit, &cmd, &now, s->op);
}

static void emit_stores(struct emitter *e, int at, bool is_early)
{
	struct tnc_plan *p = e->p;

	for (; e->next_store < p->stores; e->next_store++) {
		const struct tnc_transfer *store = &p->store[e->next_store];

		if (store->at > at || (store->at == at && is_early &&
				       !store->is_early))
			return;
		emit_transfer(e, store);
	}
}

static void emit_loads(struct emitter *e, int at)
{
	struct tnc_plan *p = e->p;

	while (e->next_load < p->loads && p->load[e->next_load].at <= at)
		emit_transfer(e, &p->load[e->next_load++]);
}

/*
 * A command at which no buffer holds what it or a later one reads is a point
 * at which the job can be preempted.
 */
static void mark_dead(struct emitter *e)
{
	struct tnc_program *pr = e->program;
	int *opened = tnc_alloc(e->p->c, pr->cmds + 2, sizeof(int));
	int live = 0;

	for (int i = 0; i < e->p->buffers; i++) {
		if (e->first_use[i] < 0)
			continue;
		opened[e->first_use[i] + 1]++;
		opened[e->last_use[i] + 1]--;
	}
	for (int i = 0; i < pr->cmds; i++) {
		live += opened[i];
		if (!live)
			pr->cmd[i].hdr.flags |= NPU_CMD_SRAM_DEAD;
	}
}

/* Room for what most plans have: a command for each step and transfer. */
static void reserve(struct emitter *e)
{
	const struct tnc_plan *p = e->p;
	int transfers = p->loads + p->stores, count = p->steps + transfers;
	struct unit *mac = &e->unit[NPU_UNIT_MAC];
	struct unit *dma = &e->unit[NPU_UNIT_DMA];
	struct tnc_program *pr = e->program;

	mac->issued = tnc_reserve(p->c, p->steps, &mac->room,
				  sizeof(*mac->issued));
	dma->issued = tnc_reserve(p->c, transfers, &dma->room,
				  sizeof(*dma->issued));
	pr->cmd = tnc_reserve(p->c, count, &pr->cmds_room, sizeof(*pr->cmd));
	pr->cmd_op = tnc_alloc(p->c, count, sizeof(*pr->cmd_op));
}

/* Needs: a plan with addresses. Leaves: the program's commands. */
void tnc_emit(struct tnc_plan *p, struct tnc_program *program)
{
	struct emitter e = { .p = p, .program = program };

	reserve(&e);
	e.first_use = tnc_alloc(p->c, p->buffers + 1, sizeof(int));
	e.last_use = tnc_alloc(p->c, p->buffers + 1, sizeof(int));
	for (int i = 0; i < p->buffers; i++)
		e.first_use[i] = -1;
	for (int i = 0; i < p->steps; i++) {
		emit_stores(&e, i, true);
		emit_loads(&e, i);
		emit_stores(&e, i, false);
		if (p->step[i].moves.count)
			emit_moves(&e, &p->step[i]);
		else
			emit_step(&e, &p->step[i]);
	}
	emit_stores(&e, p->steps, false);
	program->scratch_size = p->scratch_size;
	program->sram_used = p->sram_used;
	program->buffer_used = p->buffer_used;
	mark_dead(&e);
}
