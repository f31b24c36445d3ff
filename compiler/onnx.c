// SPDX-License-Identifier: MIT
/*
 * Reads an ONNX model into the graph: its opsets, what it calls values, its
 * interface, and its nodes in an order in which each comes after what it
 * reads. Only what an output needs is imported, so that the rest need not be
 * understood. A batch of unknown size is one of 1, unless the caller says more.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "onnx.h"

#define DEPTH_MAX 16

static int compare_values(const void *a, const void *b)
{
	const struct tnc_onnx_value *x = a, *y = b;

	return strcmp(x->name, y->name);
}

struct tnc_onnx_value *tnc_onnx_find(struct tnc_onnx *im, const char *name)
{
	struct tnc_onnx_value key = { .name = name };

	return bsearch(&key, im->value, im->values, sizeof(key),
		       compare_values);
}

/* The tensor of a value that is there: what it reads comes before a node. */
int tnc_onnx_value_tensor(struct tnc_onnx *im, const char *name)
{
	struct tnc_onnx_value *v = tnc_onnx_find(im, name);

	if (!v)
		tnc_error(im->c, -EINVAL, "nothing yields value \"%s\"", name);
	if (v->tensor < 0 && v->constant)
		v->tensor = tnc_onnx_constant(im, v->constant, v->name);
	if (v->tensor < 0)
		tnc_error(im->c, -EINVAL, "value \"%s\" has no tensor", name);
	return v->tensor;
}

static struct tnc_onnx_value *add_value(struct tnc_onnx *im, const char *name)
{
	struct tnc_onnx_value *v = &im->value[im->values++];

	if (!name || !*name)
		tnc_error(im->c, -EINVAL, "a value without a name");
	*v = (struct tnc_onnx_value){ .name = name, .node = -1, .tensor = -1 };
	return v;
}

static void add_node_values(struct tnc_onnx *im, int number)
{
	const Onnx__NodeProto *node = im->graph->node[number];

	for (size_t k = 0; k < node->n_output; k++)
		if (*node->output[k])
			add_value(im, node->output[k])->node = number;
}

/* Old models list their initialisers among the inputs, too: that is one value. */
static void merge_values(struct tnc_onnx *im)
{
	struct tnc_onnx_value *v = im->value;
	int kept = 0;

	qsort(v, im->values, sizeof(*v), compare_values);
	for (int i = 0; i < im->values; i++) {
		if (!kept || strcmp(v[kept - 1].name, v[i].name)) {
			v[kept++] = v[i];
			continue;
		}
		if ((v[kept - 1].constant && v[i].input) ||
		    (v[kept - 1].input && v[i].constant)) {
			if (v[i].constant)
				v[kept - 1].constant = v[i].constant;
			v[kept - 1].input = NULL;
			continue;
		}
		tnc_error(im->c, -EINVAL, "value \"%s\" is defined twice",
			  v[i].name);
	}
	im->values = kept;
}

/* @around: values of the graph around this one, which nothing here yields. */
static void collect_values(struct tnc_onnx *im,
			   const struct tnc_onnx_value *around, int values)
{
	const Onnx__GraphProto *g = im->graph;
	size_t count = g->n_initializer + g->n_input + values;

	for (size_t i = 0; i < g->n_node; i++)
		count += g->node[i]->n_output;
	if (count > TNC_TENSORS_MAX)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: %zu values, more than %d", count,
			  TNC_TENSORS_MAX);
	im->value = tnc_alloc(im->c, count + 1, sizeof(*im->value));
	im->values = 0;
	for (int i = 0; i < values; i++) {
		im->value[im->values] = around[i];
		im->value[im->values++].node = -1;
	}
	for (size_t i = 0; i < g->n_initializer; i++)
		add_value(im, g->initializer[i]->name)->constant =
			g->initializer[i];
	for (size_t i = 0; i < g->n_input; i++)
		add_value(im, g->input[i]->name)->input = g->input[i];
	for (size_t i = 0; i < g->n_node; i++)
		add_node_values(im, i);
	merge_values(im);
}

/* What the caller says of a size that has a name; 0: nothing. */
static int32_t named_dim(struct tnc_onnx *im, const char *name)
{
	const struct tnc_options *o = &im->c->options;

	for (size_t i = 0; i < o->dims_count; i++) {
		if (strcmp(o->dims[i].name, name))
			continue;
		if (o->dims[i].size < 1 || o->dims[i].size > TNC_DIM_MAX)
			tnc_error(im->c, -EINVAL, "size \"%s\" of %ld", name,
				  o->dims[i].size);
		return o->dims[i].size;
	}
	return 0;
}

int32_t tnc_onnx_dim(struct tnc_onnx *im, const char *name, size_t dim,
		     const Onnx__TensorShapeProto__Dimension *d)
{
	bool is_known = d->value_case ==
		ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;

	if (!is_known && d->dim_param && named_dim(im, d->dim_param))
		return named_dim(im, d->dim_param);
	if (dim == 0 && (!is_known || d->dim_value <= 0))
		return 1;
	if (!is_known)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: dimension %zu of \"%s\" has no fixed size",
			  dim, name);
	if (d->dim_value < 1 || d->dim_value > TNC_DIM_MAX)
		tnc_error(im->c, -EINVAL,
			  "dimension %zu of \"%s\" is %lld", dim, name,
			  (long long)d->dim_value);
	return d->dim_value;
}

/* An input that the caller knows is a constant from here on. */
static bool make_constant(struct tnc_onnx *im, struct tnc_tensor *t)
{
	const struct tnc_options *o = &im->c->options;

	for (size_t i = 0; i < o->constants_count; i++) {
		const struct tnc_constant *k = &o->constants[i];

		if (strcmp(k->name, t->name))
			continue;
		if (k->size != tnc_tensor_bytes(t))
			tnc_error(im->c, -EINVAL,
				  "constant \"%s\" has %zu bytes, needs %zu",
				  t->name, k->size, tnc_tensor_bytes(t));
		t->data = tnc_alloc(im->c, 1, k->size);
		memcpy(t->data, k->data, k->size);
		return true;
	}
	return false;
}

static void import_input(struct tnc_onnx *im, const Onnx__ValueInfoProto *from)
{
	const Onnx__TypeProto__Tensor *type = NULL;
	struct tnc_onnx_value *v = tnc_onnx_find(im, from->name);
	int32_t shape[TNC_RANK_MAX];
	size_t rank;

	if (!v->input)
		return;
	if (from->type &&
	    from->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
		type = from->type->tensor_type;
	if (!type || !type->shape)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: input \"%s\" is no tensor of known shape",
			  from->name);
	rank = type->shape->n_dim;
	if (rank > TNC_RANK_MAX)
		tnc_error(im->c, -EOPNOTSUPP,
			  "input \"%s\" has %zu dimensions, at most %d are supported",
			  from->name, rank, TNC_RANK_MAX);
	for (size_t i = 0; i < rank; i++)
		shape[i] = tnc_onnx_dim(im, from->name, i, type->shape->dim[i]);
	v->tensor = tnc_onnx_new(im, tnc_onnx_type(im, from->name,
						   type->elem_type),
				 rank, shape);
	im->c->tensor[v->tensor]->name = tnc_strndup(im->c, from->name,
						     strlen(from->name));
	if (!make_constant(im, im->c->tensor[v->tensor]))
		tnc_list_append(im->c, &im->c->inputs, v->tensor);
}

/* What a walk through the nodes knows of one. */
enum state { UNSEEN, OPEN, DONE };

static int producer_of(struct tnc_onnx *im, const char *name)
{
	const struct tnc_onnx_value *v = *name ? tnc_onnx_find(im, name) : NULL;

	return v ? v->node : -1;
}

static void import_node(struct tnc_onnx *im, int number)
{
	im->node = im->graph->node[number];
	if (!im->depth)
		im->number = number;
	im->seen = 0;
	tnc_onnx_node(im);
	tnc_place_none(im->c);
}

/* --- What a node reads: inputs, and what graphs within it take from around - */

static void add_name(struct tnc_onnx *im, struct tnc_onnx_needs *needs,
		     int *room, char *name)
{
	if (!name || !*name)
		return;
	needs->name = tnc_grow(im->c, needs->name, needs->count, room,
			       sizeof(*needs->name));
	needs->name[needs->count++] = name;
}

/* All that they read: what they define themselves has other names. */
static void add_inner_names(struct tnc_onnx *im, struct tnc_onnx_needs *needs,
			    int *room, const Onnx__NodeProto *node, int depth)
{
	if (depth > DEPTH_MAX)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: graphs within graphs, %d deep", depth);
	for (size_t i = 0; i < node->n_attribute; i++) {
		const Onnx__GraphProto *g = node->attribute[i]->g;

		for (size_t k = 0; g && k < g->n_node; k++) {
			for (size_t n = 0; n < g->node[k]->n_input; n++)
				add_name(im, needs, room, g->node[k]->input[n]);
			add_inner_names(im, needs, room, g->node[k], depth + 1);
		}
		for (size_t k = 0; g && k < g->n_output; k++)
			add_name(im, needs, room, g->output[k]->name);
	}
}

static bool has_graph(const Onnx__NodeProto *node)
{
	for (size_t i = 0; i < node->n_attribute; i++)
		if (node->attribute[i]->g)
			return true;
	return false;
}

struct tnc_onnx_needs tnc_onnx_inner_needs(struct tnc_onnx *im)
{
	struct tnc_onnx_needs needs = { 0 };
	int room = 0;

	add_inner_names(im, &needs, &room, im->node, im->depth);
	return needs;
}

static const struct tnc_onnx_needs *needs_of(struct tnc_onnx *im, int number)
{
	const Onnx__NodeProto *node = im->graph->node[number];
	struct tnc_onnx_needs *needs = &im->needs[number];
	int room = 0;

	if (needs->name)
		return needs;
	needs->name = node->input;
	needs->count = node->n_input;
	if (!has_graph(node))
		return needs;
	needs->name = NULL;
	needs->count = 0;
	for (size_t i = 0; i < node->n_input; i++)
		add_name(im, needs, &room, node->input[i]);
	add_inner_names(im, needs, &room, node, im->depth);
	return needs;
}

/*
 * Imports node @first after the nodes that it needs, those after theirs, and so
 * on; @next says how many inputs of a node were looked at already.
 */
static void import_from(struct tnc_onnx *im, int first, enum state *state,
			size_t *next, int *stack)
{
	int depth = 0;

	if (state[first] == DONE)
		return;
	stack[depth++] = first;
	state[first] = OPEN;
	while (depth) {
		int number = stack[depth - 1], need;
		const struct tnc_onnx_needs *needs = needs_of(im, number);

		if (next[number] == needs->count) {
			import_node(im, number);
			state[number] = DONE;
			depth--;
			continue;
		}
		need = producer_of(im, needs->name[next[number]++]);
		if (need < 0 || state[need] == DONE)
			continue;
		if (state[need] == OPEN)
			tnc_error(im->c, -EINVAL,
				  "node %d needs its own output", need);
		stack[depth++] = need;
		state[need] = OPEN;
	}
}

/* Marks what node numbers on the list need, and what those need. */
static bool *needed_nodes(struct tnc_onnx *im)
{
	const Onnx__GraphProto *g = im->graph;
	bool *needed = tnc_alloc(im->c, g->n_node + 1, sizeof(*needed));
	int *stack = tnc_alloc(im->c, g->n_node + 1, sizeof(*stack));
	int depth = 0;

	for (size_t i = 0; i < g->n_output; i++) {
		int node = producer_of(im, g->output[i]->name ?
					       g->output[i]->name : "");

		if (node >= 0 && !needed[node]) {
			needed[node] = true;
			stack[depth++] = node;
		}
	}
	while (depth) {
		const struct tnc_onnx_needs *needs =
			needs_of(im, stack[--depth]);

		for (size_t k = 0; k < needs->count; k++) {
			int need = producer_of(im, needs->name[k]);

			if (need < 0 || needed[need])
				continue;
			needed[need] = true;
			stack[depth++] = need;
		}
	}
	return needed;
}

static void import_nodes(struct tnc_onnx *im)
{
	size_t count = im->graph->n_node;
	enum state *state = tnc_alloc(im->c, count + 1, sizeof(*state));
	size_t *next = tnc_alloc(im->c, count + 1, sizeof(*next));
	int *stack = tnc_alloc(im->c, count + 1, sizeof(*stack));
	const bool *needed;

	im->needs = tnc_alloc(im->c, count + 1, sizeof(*im->needs));
	needed = needed_nodes(im);
	for (size_t i = 0; i < count; i++)
		if (needed[i])
			import_from(im, i, state, next, stack);
}

/*
 * An output is a tensor of its own: one that is also an input, a constant or
 * another output is copied.
 */
static void import_output(struct tnc_onnx *im, const Onnx__ValueInfoProto *from)
{
	struct tnc *c = im->c;
	const char *name = from->name ? from->name : "";
	int id = tnc_onnx_value_tensor(im, name);
	const struct tnc_tensor *t = c->tensor[id];
	bool is_own = !t->data;

	for (int i = 0; i < c->inputs.count; i++)
		is_own &= c->inputs.id[i] != id;
	for (int i = 0; i < c->outputs.count; i++)
		is_own &= c->outputs.id[i] != id;
	if (!is_own)
		id = tnc_onnx_reshape(im, id, t->rank, t->shape);
	c->tensor[id]->name = tnc_strndup(c, name, strlen(name));
	tnc_list_append(c, &c->outputs, id);
}

static void check_graph(struct tnc_onnx *im)
{
	const Onnx__GraphProto *g = im->graph;

	if (g->n_node > TNC_OPS_MAX)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: %zu nodes, more than %d", g->n_node,
			  TNC_OPS_MAX);
	if (g->n_sparse_initializer)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported sparse initialisers");
}

void tnc_onnx_part(struct tnc_onnx *im, const Onnx__GraphProto *graph,
		   const struct tnc_onnx_value *around, int values,
		   const int *argument, int arguments, int *result, int results)
{
	im->graph = graph;
	if (++im->depth > DEPTH_MAX)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: graphs within graphs, %d deep",
			  im->depth);
	check_graph(im);
	if (graph->n_input != arguments || graph->n_output < results)
		tnc_error(im->c, -EINVAL,
			  "a graph of %zu inputs and %zu outputs, not %d and %d",
			  graph->n_input, graph->n_output, arguments, results);
	collect_values(im, around, values);
	for (int i = 0; i < arguments; i++) {
		struct tnc_onnx_value *v =
			tnc_onnx_find(im, graph->input[i]->name);

		v->tensor = argument[i];
		v->constant = NULL;
	}
	import_nodes(im);
	for (int i = 0; i < results; i++)
		result[i] = tnc_onnx_value_tensor(im,
						  graph->output[i]->name ?
						  graph->output[i]->name : "");
}

void tnc_onnx_subgraph(struct tnc_onnx *im, const Onnx__GraphProto *graph,
		       const int *argument, int arguments, int *result,
		       int results)
{
	struct tnc_onnx inner = *im;
	const char *name = im->c->at_op_name;

	tnc_onnx_part(&inner, graph, im->value, im->values, argument, arguments,
		      result, results);
	im->c->at_op = im->number;
	im->c->at_op_name = name;
}

static void import_graph(struct tnc_onnx *im)
{
	const Onnx__GraphProto *g = im->graph;

	check_graph(im);
	collect_values(im, NULL, 0);
	for (size_t i = 0; i < g->n_input; i++)
		import_input(im, g->input[i]);
	import_nodes(im);
	for (size_t i = 0; i < g->n_output; i++)
		import_output(im, g->output[i]);
}

static void read_opset(struct tnc_onnx *im, const Onnx__ModelProto *model)
{
	for (size_t i = 0; i < model->n_opset_import; i++) {
		const Onnx__OperatorSetIdProto *set = model->opset_import[i];

		if (set->domain && *set->domain &&
		    strcmp(set->domain, "ai.onnx"))
			continue;
		if (set->version < TNC_ONNX_OPSET_MIN ||
		    set->version > TNC_ONNX_OPSET_MAX)
			tnc_error(im->c, -EOPNOTSUPP,
				  "unsupported opset %lld, must be %d to %d",
				  (long long)set->version, TNC_ONNX_OPSET_MIN,
				  TNC_ONNX_OPSET_MAX);
		im->opset = set->version;
		return;
	}
	tnc_error(im->c, -EINVAL, "the model names no opset of ONNX");
}

/* Needs: nothing. Leaves: a graph that the verifier has yet to judge. */
void tnc_onnx_import(struct tnc *c, const uint8_t *data, size_t size)
{
	const Onnx__ModelProto *model = tnc_onnx_unpack(c, data, size);
	struct tnc_onnx im = { .c = c, .graph = model->graph };

	if (!model->graph)
		tnc_error(c, -EINVAL, "the model has no graph");
	if (model->n_functions)
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported: the model defines functions");
	read_opset(&im, model);
	if (model->graph->name)
		c->model_name = tnc_strndup(c, model->graph->name,
					    strlen(model->graph->name));
	import_graph(&im);
	tnc_onnx_group(c);
	tnc_drop_unused(c);
}
