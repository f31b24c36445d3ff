// SPDX-License-Identifier: MIT
/*
 * From a partitioned graph to a program. Operators that follow each other on one
 * unit are a segment. Those of the machine are compiled as if they were a model of
 * their own: what other segments write are its inputs, what those read its outputs,
 * each with a place in memory, its home. So no pass or plan knows of the CPU.
 */
#include <errno.h>
#include <string.h>

#include "pass.h"
#include "plan.h"

#define HOME_ALIGN 64

/* A run of operators on one unit. */
struct segment {
	bool is_cpu;
	int first;
	int count;
};

/* Of a tensor: which operators touch it, as positions in the list. */
struct span {
	int first;		/* -1: none */
	int last;
	bool is_shared;		/* by segments, or touched on the CPU */
};

struct build {
	struct tnc *c;
	struct segment *segment;
	int segments;
	struct span *span;	/* by tensor that owns its bytes */
	struct tnc_home *home;	/* likewise */
	struct tnc_program *program;	/* its parts are kept, as is room for: */
	int cmds_room, layers_room;
	uint32_t constants_room;
};

static bool is_cpu(const struct tnc_op *op)
{
	return op->mode & TNC_MODE_CPU;
}

static int root_of(const struct tnc *c, int id)
{
	return tnc_tensor_root(c, id)->id;
}

/* --- Segments -------------------------------------------------------------- */

static bool is_output(const struct tnc *c, int id)
{
	for (int i = 0; i < c->outputs.count; i++)
		if (c->outputs.id[i] == id)
			return true;
	return false;
}

/*
 * Reshapes go with the operator before them. On the CPU they are aliases, unless
 * the model wants the result in a place of its own.
 */
static void settle_reshapes(struct tnc *c)
{
	bool before_is_cpu = false;
	int kept = 0;

	for (int i = 0; i < c->ops; i++)
		if (c->op[i]->kind != TNC_RESHAPE) {
			before_is_cpu = is_cpu(c->op[i]);
			break;
		}
	for (int i = 0; i < c->ops; i++) {
		struct tnc_op *op = c->op[i];

		if (op->kind == TNC_RESHAPE && before_is_cpu) {
			op->mode |= TNC_MODE_CPU;
			if (!is_output(c, op->output)) {
				c->tensor[op->output]->alias = op->input[0];
				continue;
			}
		}
		before_is_cpu = is_cpu(op);
		c->op[kept++] = op;
	}
	c->ops = kept;
}

static void find_segments(struct build *b)
{
	struct tnc *c = b->c;

	b->segment = tnc_alloc(c, c->ops + 1, sizeof(*b->segment));
	for (int i = 0; i < c->ops; i++) {
		if (!i || is_cpu(c->op[i]) != is_cpu(c->op[i - 1]))
			b->segment[b->segments++] = (struct segment){
				.is_cpu = is_cpu(c->op[i]), .first = i
			};
		b->segment[b->segments - 1].count++;
	}
}

/* --- Homes ----------------------------------------------------------------- */

static void touch(struct build *b, const struct segment *s, int tensor, int op)
{
	struct span *span;

	if (tensor == TNC_INPUT_NONE)
		return;
	span = &b->span[root_of(b->c, tensor)];
	span->is_shared |= s->is_cpu ||
			   (span->first >= 0 && span->first < s->first);
	if (span->first < 0)
		span->first = s->is_cpu ? op : s->first;
	/* the machine takes its segment's operators in any order */
	span->last = s->is_cpu ? op : s->first + s->count - 1;
}

static void find_spans(struct build *b)
{
	struct tnc *c = b->c;

	b->span = tnc_alloc(c, c->tensors + 1, sizeof(*b->span));
	for (int i = 0; i < c->tensors; i++)
		b->span[i].first = -1;
	for (int i = 0; i < b->segments; i++) {
		const struct segment *s = &b->segment[i];

		for (int k = s->first; k < s->first + s->count; k++) {
			const struct tnc_op *op = c->op[k];

			for (int n = 0; n < op->inputs; n++)
				touch(b, s, op->input[n], k);
			touch(b, s, op->output, k);
		}
	}
}

static void set_home(struct build *b, int tensor, int region, uint64_t offset)
{
	if (offset > UINT32_MAX)
		tnc_error(b->c, -ENOSPC, "more than 4 GiB of memory");
	b->home[tensor] = (struct tnc_home){ true, region, offset };
}

static uint64_t aligned(uint64_t size)
{
	return (size + HOME_ALIGN - 1) & -(uint64_t)HOME_ALIGN;
}

/* Variables are in a region of their own, with what they begin with. */
static void set_variable_homes(struct build *b, int region)
{
	struct tnc *c = b->c;
	uint64_t end = 0;

	for (int i = 0; i < c->variables; i++) {
		int read = c->variable[i].read;

		set_home(b, read, region, end);
		end += aligned(tnc_tensor_bytes(c->tensor[read]));
	}
	if (end > UINT32_MAX)
		tnc_error(c, -ENOSPC, "more than 4 GiB of variables");
	b->program->variables = tnc_alloc(c, 1, end + 1);
	b->program->variables_size = end;
	for (int i = 0; i < c->variables; i++) {
		const struct tnc_variable *v = &c->variable[i];

		if (v->init != TNC_INPUT_NONE)
			memcpy(b->program->variables + b->home[v->read].offset,
			       tnc_tensor_root(c, v->init)->data,
			       tnc_tensor_bytes(c->tensor[v->init]));
	}
}

/* Inputs and outputs of the model are regions. */
static void set_interface_homes(struct build *b)
{
	struct tnc *c = b->c;
	int region = NPU_REGION_TENSORS;

	for (int i = 0; i < c->inputs.count; i++)
		set_home(b, c->inputs.id[i], region++, 0);
	for (int i = 0; i < c->outputs.count; i++, region++) {
		int root = root_of(c, c->outputs.id[i]);

		if (!b->home[root].is_set && !c->tensor[root]->data)
			set_home(b, root, region, 0);
	}
	set_variable_homes(b, region);
}

static bool live_together(const struct build *b, int one, int other)
{
	const struct span *x = &b->span[one], *y = &b->span[other];

	return x->first <= y->last && y->first <= x->last;
}

/*
 * The first gap among all that lives at the same time. @placed are those that have
 * a home already, by offset; returns where in that order the tensor belongs.
 */
static int first_gap(const struct build *b, int tensor, const int *placed,
		     int count, uint64_t *offset)
{
	uint64_t size = aligned(tnc_tensor_bytes(b->c->tensor[tensor]));
	int at = 0;

	*offset = 0;
	for (int i = 0; i < count; i++) {
		const struct tnc_home *home = &b->home[placed[i]];
		uint64_t end = home->offset +
			aligned(tnc_tensor_bytes(b->c->tensor[placed[i]]));

		if (live_together(b, tensor, placed[i])) {
			if (home->offset >= *offset + size)
				break;
			*offset = end > *offset ? end : *offset;
		}
	}
	while (at < count && b->home[placed[at]].offset <= *offset)
		at++;
	return at;
}

/* Returns where the last one ends. */
static uint64_t set_scratch_homes(struct build *b)
{
	struct tnc *c = b->c;
	int *placed = tnc_alloc(c, c->tensors + 1, sizeof(*placed));
	uint64_t end = 0, offset;
	int count = 0;

	for (int i = 0; i < c->tensors; i++) {
		int at;

		if (!b->span[i].is_shared || b->home[i].is_set ||
		    c->tensor[i]->data)
			continue;
		at = first_gap(b, i, placed, count, &offset);
		memmove(placed + at + 1, placed + at,
			(count - at) * sizeof(*placed));
		placed[at] = i;
		count++;
		set_home(b, i, NPU_REGION_SCRATCH, offset);
		offset += aligned(tnc_tensor_bytes(c->tensor[i]));
		end = offset > end ? offset : end;
	}
	return end;
}

/* Constants that operators on the CPU read; copied into the program. */
static void set_constant_homes(struct build *b)
{
	struct tnc_program *program = b->program;
	struct tnc *c = b->c;
	uint64_t size = 0;

	for (int i = 0; i < c->tensors; i++) {
		if (!b->span[i].is_shared || !c->tensor[i]->data)
			continue;
		set_home(b, i, NPU_REGION_CONSTANTS, size);
		size += aligned(tnc_tensor_bytes(c->tensor[i]));
	}
	if (size > UINT32_MAX)
		tnc_error(c, -ENOSPC, "more than 4 GiB of constants");
	program->constants = tnc_alloc(c, 1, size + 1);
	program->constants_size = size;
	for (int i = 0; i < c->tensors; i++)
		if (b->home[i].is_set &&
		    b->home[i].region == NPU_REGION_CONSTANTS)
			memcpy(program->constants + b->home[i].offset,
			       c->tensor[i]->data,
			       tnc_tensor_bytes(c->tensor[i]));
}

/* --- Slices: segments as graphs -------------------------------------------- */

/* Own copies: passes change tensors and operators. */
static void copy_graph(struct tnc *c, const struct segment *s)
{
	struct tnc_tensor **tensor = tnc_alloc(c, TNC_TENSORS_MAX,
					       sizeof(*tensor));
	struct tnc_op **op = tnc_alloc(c, s->count, sizeof(*op));

	for (int i = 0; i < c->tensors; i++)
		if (c->tensor[i]) {
			tensor[i] = tnc_alloc(c, 1, sizeof(**tensor));
			*tensor[i] = *c->tensor[i];
		}
	for (int i = 0; i < s->count; i++) {
		const struct tnc_op *from = c->op[s->first + i];

		op[i] = tnc_alloc(c, 1, sizeof(**op));
		*op[i] = *from;
		op[i]->input = tnc_alloc(c, from->inputs + 1,
					 sizeof(*from->input));
		memcpy(op[i]->input, from->input,
		       from->inputs * sizeof(*from->input));
		op[i]->inputs_room = from->inputs;
	}
	c->tensor = tensor;
	c->op = op;
	c->ops = s->count;
	c->ops_room = s->count;
}

/* What comes from outside, and what is used there. */
static void set_interface(struct tnc *c, const struct build *b,
			  const struct segment *s)
{
	bool *is_own = tnc_alloc(c, c->tensors + 1, sizeof(*is_own));
	bool *is_listed = tnc_alloc(c, c->tensors + 1, sizeof(*is_listed));

	c->inputs = (struct tnc_list){ 0 };
	c->outputs = (struct tnc_list){ 0 };
	for (int i = 0; i < c->ops; i++)
		is_own[c->op[i]->output] = true;
	for (int i = 0; i < c->ops; i++) {
		const struct tnc_op *op = c->op[i];

		for (int k = 0; k < op->inputs; k++) {
			int root = op->input[k] == TNC_INPUT_NONE ? -1 :
				   root_of(c, op->input[k]);

			if (root < 0 || is_own[root] || is_listed[root] ||
			    c->tensor[root]->data)
				continue;
			is_listed[root] = true;
			tnc_list_append(c, &c->inputs, root);
		}
		if (b->home[op->output].is_set)
			tnc_list_append(c, &c->outputs, op->output);
	}
}

/* --- The program ----------------------------------------------------------- */

/* Memory that outlives what a segment takes to be compiled. */
static void *keep(struct build *b, size_t count, size_t size)
{
	void *memory = tnc_arena_alloc(b->c->kept, count * size);

	if (!memory)
		tnc_error(b->c, -ENOMEM, "out of memory for %zu times %zu bytes",
			  count, size);
	return memory;
}

/* Room for @count elements, @used of which are there already. */
static void *extend(struct build *b, void *old, int used, int count, int room,
		    size_t size)
{
	void *new;

	if (count <= room)
		return old;
	new = keep(b, 2 * (size_t)count, size);
	if (used)
		memcpy(new, old, used * size);
	return new;
}

static void add_commands(struct build *b, const struct tnc_program *part)
{
	struct tnc_program *all = b->program;
	int count = all->cmds + part->cmds;

	all->cmd = extend(b, all->cmd, all->cmds, count, b->cmds_room,
			  sizeof(*all->cmd));
	all->cmd_op = extend(b, all->cmd_op, all->cmds, count, b->cmds_room,
			     sizeof(*all->cmd_op));
	if (count > b->cmds_room)
		b->cmds_room = 2 * count;
	for (int i = 0; i < part->cmds; i++) {
		all->cmd[all->cmds + i] = part->cmd[i];
		all->cmd_op[all->cmds + i] = part->cmd_op[i] < 0 ? -1 :
					     all->layers + part->cmd_op[i];
	}
	all->cmds = count;
}

/* Those of a part begin behind the ones before. */
static void add_constants(struct build *b, const struct tnc_program *part)
{
	struct tnc_program *all = b->program;
	uint8_t *constants = all->constants;

	if (part->constants_size <= all->constants_size)
		return;
	if (part->constants_size > b->constants_room) {
		b->constants_room = part->constants_size < UINT32_MAX / 2 ?
			2 * part->constants_size : UINT32_MAX;
		constants = keep(b, b->constants_room, 1);
		memcpy(constants, all->constants, all->constants_size);
	}
	memcpy(constants + all->constants_size,
	       part->constants + all->constants_size,
	       part->constants_size - all->constants_size);
	all->constants = constants;
	all->constants_size = part->constants_size;
}

static const char *keep_text(struct build *b, const char *text)
{
	return strcpy(keep(b, strlen(text) + 1, 1), text);
}

static void add_layers(struct build *b, const struct tnc_program *part)
{
	struct tnc_program *all = b->program;
	int count = all->layers + part->layers;

	all->layer = extend(b, all->layer, all->layers, count, b->layers_room,
			    sizeof(*all->layer));
	all->layer_name = extend(b, all->layer_name, all->layers, count,
				 b->layers_room, sizeof(*all->layer_name));
	if (count > b->layers_room)
		b->layers_room = 2 * count;
	for (int i = 0; i < part->layers; i++) {
		all->layer[all->layers + i] = part->layer[i];
		all->layer_name[all->layers + i] =
			keep_text(b, part->layer_name[i]);
	}
	all->layers = count;
}

static void add_estimate(struct tnc_program *all,
			 const struct tnc_program *part)
{
	all->estimate.cycles += part->estimate.cycles;
	all->estimate.energy_fj += part->estimate.energy_fj;
	all->estimate.mac_ops += part->estimate.mac_ops;
	all->estimate.mem_bytes += part->estimate.mem_bytes;
	all->weights_size += part->weights_size;
	all->weights_stored += part->weights_stored;
	for (int i = 0; i < NPU_UNIT_COUNT; i++)
		all->estimate.busy[i] += part->estimate.busy[i];
	if (part->sram_used > all->sram_used)
		all->sram_used = part->sram_used;
	if (part->buffer_used > all->buffer_used)
		all->buffer_used = part->buffer_used;
	if (part->sram_live > all->sram_live)
		all->sram_live = part->sram_live;
	if (part->scratch_live > all->scratch_live)
		all->scratch_live = part->scratch_live;
	if (part->scratch_size > all->scratch_size)
		all->scratch_size = part->scratch_size;
}

static void note_segment(struct build *b, int unit, int first, int count)
{
	if (count)
		b->program->segment[b->program->segments++] =
			(struct npu_program_segment){
				.unit = unit, .first = first, .count = count
			};
}

/* Makes the segment the graph, and compiles it up to its schedule. */
static void enter(struct build *b, const struct segment *s)
{
	struct tnc *c = b->c;

	copy_graph(c, s);
	set_interface(c, b, s);
	c->variables = 0;
	c->home = b->home;
	c->constants_base = aligned(b->program->constants_size);
	c->cut = NULL;	/* those of other operators, in another segment */
	tnc_pass_run_rest(c);
}

/* And back, giving up all that it took since @mark. */
static void leave(struct tnc *c, const struct tnc *whole,
		  struct tnc_arena_mark mark)
{
	c->tensor = whole->tensor;
	c->tensors = whole->tensors;
	c->op = whole->op;
	c->ops = whole->ops;
	c->ops_room = whole->ops_room;
	c->inputs = whole->inputs;
	c->outputs = whole->outputs;
	c->variables = whole->variables;
	c->home = NULL;
	tnc_arena_rewind(c->arena, mark);
}

/* A refusal costs an attempt: it should come before anything is scheduled. */
static void try_job(struct build *b, const struct segment *s)
{
	struct tnc_arena_mark mark = tnc_arena_mark(b->c->arena);
	struct tnc whole = *b->c;

	enter(b, s);
	tnc_schedule_check(b->c);
	leave(b->c, &whole, mark);
}

static void build_job(struct build *b, const struct segment *s)
{
	struct tnc_arena_mark mark = tnc_arena_mark(b->c->arena);
	struct tnc_program *all = b->program, *part;
	struct tnc whole = *b->c;
	int first = all->cmds;

	enter(b, s);
	part = tnc_schedule(b->c);
	add_commands(b, part);
	add_layers(b, part);
	add_constants(b, part);
	add_estimate(all, part);
	note_segment(b, NPU_SEGMENT_JOB, first, part->cmds);
	leave(b->c, &whole, mark);
}

static void build_cpu(struct build *b, const struct segment *s)
{
	struct tnc_program *all = b->program, part = { 0 };
	struct tnc *c = b->c;
	int first = all->cpu_ops;

	for (int i = 0; i < s->count; i++)
		tnc_emit_cpu(c, c->op[s->first + i], all->layers + i, b->home,
			     all);
	tnc_program_name_layers(c, c->op + s->first, s->count, &part);
	add_layers(b, &part);
	note_segment(b, NPU_SEGMENT_CPU, first, all->cpu_ops - first);
}

/* Appends a copy of @id to a place of its own. */
static void append_copy(struct build *b, int id, int region, uint32_t offset)
{
	struct tnc *c = b->c;
	struct tnc_op *op = tnc_op_append(c, TNC_RESHAPE);
	struct tnc_home *home;

	op->mode = TNC_MODE_CPU;
	tnc_op_add_input(c, op, id);
	op->output = tnc_tensor_new(c, c->tensor[id])->id;
	home = tnc_alloc(c, c->tensors, sizeof(*home));
	memcpy(home, b->home, (c->tensors - 1) * sizeof(*home));
	b->home = home;
	set_home(b, op->output, region, offset);
}

/*
 * At the end: outputs that are an input, a constant or another output are copied,
 * and what variables keep.
 */
static void copy_rest(struct build *b)
{
	struct tnc *c = b->c;
	struct segment s = { .is_cpu = true, .first = c->ops };

	for (int i = 0; i < c->outputs.count; i++) {
		int region = NPU_REGION_TENSORS + c->inputs.count + i;
		int id = c->outputs.id[i];

		if (b->home[root_of(c, id)].region != region)
			append_copy(b, id, region, 0);
	}
	for (int i = 0; i < c->variables; i++) {
		const struct tnc_variable *v = &c->variable[i];
		const struct tnc_home *home = &b->home[v->read];

		if (root_of(c, v->kept) != v->read)
			append_copy(b, v->kept, home->region, home->offset);
	}
	s.count = c->ops - s.first;
	if (s.count)
		build_cpu(b, &s);
}

/* What is copied at the end has to be there until then, constants too. */
static void share(struct build *b, int id)
{
	struct span *span = &b->span[root_of(b->c, id)];

	span->is_shared = true;
	span->last = b->c->ops;
}

static void share_results(struct build *b)
{
	for (int i = 0; i < b->c->outputs.count; i++)
		share(b, b->c->outputs.id[i]);
	for (int i = 0; i < b->c->variables; i++)
		share(b, b->c->variable[i].kept);
}

static struct tnc_program *build(struct tnc *c)
{
	struct build b = { .c = c };

	settle_reshapes(c);
	find_segments(&b);
	find_spans(&b);
	share_results(&b);
	b.program = tnc_alloc(c, 1, sizeof(*b.program));
	b.program->segment = tnc_alloc(c, b.segments + 1,
				       sizeof(*b.program->segment));
	b.home = tnc_alloc(c, c->tensors + 1, sizeof(*b.home));
	set_interface_homes(&b);
	c->scratch_base = set_scratch_homes(&b);
	b.program->scratch_size = c->scratch_base;
	set_constant_homes(&b);
	for (int i = 0; i < b.segments; i++)
		if (!b.segment[i].is_cpu)
			try_job(&b, &b.segment[i]);
	for (int i = 0; i < b.segments; i++) {
		if (b.segment[i].is_cpu)
			build_cpu(&b, &b.segment[i]);
		else
			build_job(&b, &b.segment[i]);
	}
	copy_rest(&b);
	return b.program;
}

/* Needs: a partitioned graph. Returns its program. */
struct tnc_program *tnc_segments_make(struct tnc *c)
{
	/* variables have a region of their own */
	int tensors = c->inputs.count + c->outputs.count + (c->variables > 0);
	bool has_cpu = false;

	if (tensors > NPU_PROGRAM_MAX_TENSORS)
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported: %d inputs, outputs and variables, at most %d",
			  tensors, NPU_PROGRAM_MAX_TENSORS);
	for (int i = 0; i < c->ops; i++)
		has_cpu |= is_cpu(c->op[i]);
	if (has_cpu)
		return build(c);
	tnc_pass_run_rest(c);
	return tnc_schedule(c);
}
