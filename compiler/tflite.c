// SPDX-License-Identifier: MIT
/*
 * Reads a TensorFlow Lite model (FlatBuffer "TFL3") into the graph. Takes what
 * the file says as it is; whether it makes sense is the verifier's business.
 * Tensors come in when an operator or the model's interface first names them,
 * so that what nobody needs need not be understood.
 */
#include <errno.h>
#include <string.h>

#include "flatbuffer.h"
#include "pass.h"
#include "tflite.h"
#include "tflite_ops.h"

/* Field numbers of TensorFlow's schema.fbs. */
enum {
	MODEL_VERSION = 0,
	MODEL_OPCODES = 1,
	MODEL_SUBGRAPHS = 2,
	MODEL_BUFFERS = 4,
	OPCODE_OLD_BUILTIN = 0,
	OPCODE_CUSTOM = 1,
	OPCODE_BUILTIN = 3,
	SUBGRAPH_TENSORS = 0,
	SUBGRAPH_INPUTS = 1,
	SUBGRAPH_OUTPUTS = 2,
	SUBGRAPH_OPERATORS = 3,
	SUBGRAPH_NAME = 4,
	OPERATOR_OPCODE = 0,
	OPERATOR_INPUTS = 1,
	OPERATOR_OUTPUTS = 2,
	OPERATOR_OPTIONS_TYPE = 3,
	OPERATOR_OPTIONS = 4,
	TENSOR_SHAPE = 0,
	TENSOR_TYPE = 1,
	TENSOR_BUFFER = 2,
	TENSOR_NAME = 3,
	TENSOR_QUANTIZATION = 4,
	TENSOR_IS_VARIABLE = 5,
	TENSOR_SPARSITY = 6,
	QUANTIZATION_SCALE = 2,
	QUANTIZATION_ZERO_POINT = 3,
	QUANTIZATION_DETAILS_TYPE = 4,
	QUANTIZATION_DIMENSION = 6,
	BUFFER_DATA = 0,
	BUFFER_OFFSET = 1,
};

#define SCHEMA_VERSION 3
#define TENSOR_TYPE_RESOURCE 13
#define SUBGRAPHS_MAX 1024
#define DEPTH_MAX 32
#define CALLS_MAX 100000	/* of graphs by others, all in all */
#define OP_CUSTOM 32

/* What is being read: the file, and one of its graphs. */
struct importer {
	struct tnc *c;
	struct tnc_fb fb;
	struct tnc_fb_vector opcodes;
	struct tnc_fb_vector buffers;
	struct tnc_fb_vector subgraphs;
	struct tnc_fb_table graph;
	struct tnc_fb_vector tensors;
	int first_tensor;	/* number of the graph's tensor 0 */
	bool *is_used;		/* by graph */
	int depth;		/* of graphs within graphs */
	bool is_copy;		/* the graph was read before, with other numbers */
	int *calls;
	struct tnc_tflite_state *state;
};

/* Names of tensor types, and which of them the graph has. */
static const struct {
	const char *name;
	int type;
} tensor_types[] = {
	{ "float32", TNC_FLOAT32 },
	{ "float16", -1 },
	{ "int32", TNC_INT32 },
	{ "uint8", TNC_UINT8 },
	{ "int64", TNC_INT64 },
	{ "string", -1 },
	{ "bool", TNC_BOOL },
	{ "int16", TNC_INT16 },
	{ "complex64", -1 },
	{ "int8", TNC_INT8 },
	{ "float64", -1 },
	{ "complex128", -1 },
	{ "uint64", -1 },
	{ "resource", -1 },
	{ "variant", -1 },
	{ "uint32", -1 },
	{ "uint16", -1 },
	{ "int4", TNC_INT8 },
};

#define TENSOR_TYPE_INT4 17

static enum tnc_type import_type(struct tnc *c, int type)
{
	if (type < 0 || type >= TNC_ARRAY_SIZE(tensor_types))
		tnc_error(c, -EINVAL, "unknown tensor type %d", type);
	if (tensor_types[type].type < 0)
		tnc_error(c, -EOPNOTSUPP, "unsupported tensor type %s",
			  tensor_types[type].name);
	return tensor_types[type].type;
}

static void import_shape(struct tnc *c, struct tnc_tensor *t,
			 const struct tnc_fb_table *from)
{
	struct tnc_fb_vector shape = tnc_fb_vector(from, TENSOR_SHAPE, 4,
						   "tensor shape");

	if (shape.count > TNC_RANK_MAX)
		tnc_error(c, -EOPNOTSUPP, "%zu dimensions, at most %d are supported",
			  shape.count, TNC_RANK_MAX);
	t->rank = shape.count;
	for (int i = 0; i < t->rank; i++)
		t->shape[i] = tnc_fb_at_i32(&shape, i);
}

static void import_quantisation(struct tnc *c, struct tnc_tensor *t,
				const struct tnc_fb_table *from)
{
	struct tnc_fb_table q = tnc_fb_sub(from, TENSOR_QUANTIZATION,
					   "quantisation");
	struct tnc_fb_vector scale = tnc_fb_vector(&q, QUANTIZATION_SCALE, 4,
						   "scales");
	struct tnc_fb_vector zero = tnc_fb_vector(&q, QUANTIZATION_ZERO_POINT,
						  8, "zero points");

	if (tnc_fb_i8(&q, QUANTIZATION_DETAILS_TYPE, 0))
		tnc_error(c, -EOPNOTSUPP, "unsupported custom quantisation");
	if (!scale.count)
		return;
	if (zero.count && zero.count != scale.count)
		tnc_error(c, -EINVAL, "%zu scales, but %zu zero points",
			  scale.count, zero.count);
	if (scale.count > TNC_DIM_MAX)
		tnc_error(c, -EINVAL, "%zu scales", scale.count);
	t->quant.count = scale.count;
	t->quant.axis = tnc_fb_i32(&q, QUANTIZATION_DIMENSION, 0);
	t->quant.scale = tnc_alloc(c, scale.count, sizeof(float));
	t->quant.zero_point = tnc_alloc(c, scale.count, sizeof(int32_t));
	for (int i = 0; i < t->quant.count; i++) {
		int64_t z = zero.count ? tnc_fb_at_i64(&zero, i) : 0;

		if (z < INT32_MIN || z > INT32_MAX)
			tnc_error(c, -EINVAL, "zero point %lld is impossible",
				  (long long)z);
		t->quant.scale[i] = tnc_fb_at_f32(&scale, i);
		t->quant.zero_point[i] = z;
	}
}

/* Two elements in a byte, the first one in the low bits. */
static void unpack_int4(struct tnc_tensor *t, const uint8_t *from)
{
	int64_t count = tnc_tensor_elements(t);

	for (int64_t i = 0; i < count; i++) {
		int nibble = from[i / 2] >> 4 * (i % 2) & 15;

		t->data[i] = (uint8_t)(nibble < 8 ? nibble : nibble - 16);
	}
}

/* Elements of int4 become int8; there are constants of them only. */
static void import_data(const struct importer *im, struct tnc_tensor *t,
			const struct tnc_fb_table *from)
{
	bool is_int4 = tnc_fb_i8(from, TENSOR_TYPE, 0) == TENSOR_TYPE_INT4;
	uint32_t number = tnc_fb_i32(from, TENSOR_BUFFER, 0);
	size_t bytes = tnc_tensor_bytes(t);
	struct tnc_fb_table buffer;
	struct tnc_fb_vector data;

	if (number == 0)
		return;
	if (number >= im->buffers.count)
		tnc_error(im->c, -EINVAL, "buffer %u of %zu", number,
			  im->buffers.count);
	buffer = tnc_fb_at_table(&im->buffers, number, "buffer");
	if (tnc_fb_u64(&buffer, BUFFER_OFFSET) > 1)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: data after the end of the FlatBuffer");
	data = tnc_fb_vector(&buffer, BUFFER_DATA, 1, "buffer data");
	if (!data.count)
		return;
	if (is_int4)
		bytes = (bytes + 1) / 2;
	if (data.count != bytes)
		tnc_error(im->c, -EINVAL,
			  "shape needs %zu bytes, but its buffer holds %zu",
			  bytes, data.count);
	t->data = tnc_alloc(im->c, 1, tnc_tensor_bytes(t));
	if (is_int4)
		unpack_int4(t, im->fb.data + data.at);
	else
		memcpy(t->data, im->fb.data + data.at, bytes);
}

static const char *import_name(struct tnc *c, const struct tnc_fb_table *from,
			       int field, const char *what)
{
	struct tnc_fb_vector name = tnc_fb_vector(from, field, 1, what);

	return tnc_strndup(c, (const char *)from->fb->data + name.at,
			   name.count);
}

static struct tnc_fb_table tensor_table(const struct importer *im, int number)
{
	if (number < 0 || (size_t)number >= im->tensors.count)
		tnc_error(im->c, -EINVAL, "tensor %d of %zu", number,
			  im->tensors.count);
	return tnc_fb_at_table(&im->tensors, number, "tensor");
}

/* Tensor @number of the file's graph; returns its number here. */
static int import_tensor(const struct importer *im, int number)
{
	struct tnc *c = im->c;
	struct tnc_fb_table from = tensor_table(im, number);
	int outer = c->at_tensor, id = im->first_tensor + number;
	struct tnc_tensor *t;

	if (tnc_tensor_get(c, id))
		return id;
	tnc_place_tensor(c, id);
	t = tnc_tensor_add(c, id);
	t->name = import_name(c, &from, TENSOR_NAME, "tensor name");
	t->type = import_type(c, tnc_fb_i8(&from, TENSOR_TYPE, 0));
	import_shape(c, t, &from);
	tnc_tensor_check_shape(c, t);
	import_quantisation(c, t, &from);
	if (tnc_fb_sub(&from, TENSOR_SPARSITY, "sparsity").at)
		tnc_error(c, -EOPNOTSUPP, "unsupported sparse tensor");
	if (tnc_fb_i8(&from, TENSOR_IS_VARIABLE, 0) && im->is_copy)
		tnc_error(c, -EOPNOTSUPP,
			  "unsupported: a variable of a graph that is used twice");
	if (tnc_fb_i8(&from, TENSOR_IS_VARIABLE, 0))
		tnc_tflite_variable_tensor(c, im->state, id);
	else
		import_data(im, t, &from);
	if (!t->data && tnc_fb_i8(&from, TENSOR_TYPE, 0) == TENSOR_TYPE_INT4)
		tnc_error(c, -EOPNOTSUPP, "unsupported int4, must be constant");
	tnc_place_tensor(c, outer);
	return id;
}

/* A tensor that stands for a variable has a number, but is none of the graph's. */
static bool is_resource(const struct importer *im, int number)
{
	struct tnc_fb_table from = tensor_table(im, number);

	return tnc_fb_i8(&from, TENSOR_TYPE, 0) == TENSOR_TYPE_RESOURCE;
}

static _Noreturn void unsupported(struct tnc *c, int builtin,
				  const struct tnc_fb_table *code)
{
	const char *name = NULL;

	if (builtin == OP_CUSTOM)
		tnc_error(c, -EOPNOTSUPP, "unsupported operator CUSTOM \"%.64s\"",
			  import_name(c, code, OPCODE_CUSTOM, "custom name"));
	if (builtin >= 0 && builtin < TNC_ARRAY_SIZE(tflite_op_name))
		name = tflite_op_name[builtin];
	if (!name || !*name)
		tnc_error(c, -EINVAL, "unknown operator code %d", builtin);
	tnc_error(c, -EOPNOTSUPP, "unsupported operator %s", name);
}

/* The operator's number in the file, and its name if it is a custom one. */
static int import_code(const struct importer *im, uint32_t opcode,
		       struct tnc_tflite_op *op)
{
	struct tnc_fb_table code;
	int builtin, old;

	if (opcode >= im->opcodes.count)
		tnc_error(im->c, -EINVAL, "operator code %u of %zu", opcode,
			  im->opcodes.count);
	code = tnc_fb_at_table(&im->opcodes, opcode, "operator code");
	/* Small codes may stand in the old field only, large ones in the new. */
	old = tnc_fb_i8(&code, OPCODE_OLD_BUILTIN, 0);
	builtin = tnc_fb_i32(&code, OPCODE_BUILTIN, 0);
	if (builtin < old)
		builtin = old;
	im->c->at_op_name = "";
	if (builtin >= 0 && builtin < TNC_ARRAY_SIZE(tflite_op_name))
		im->c->at_op_name = tflite_op_name[builtin];
	op->row = tnc_tflite_row(builtin);
	if (!op->row)
		unsupported(im->c, builtin, &code);
	if (builtin == OP_CUSTOM)
		op->custom = import_name(im->c, &code, OPCODE_CUSTOM,
					 "custom name");
	return builtin;
}

/* Operands are tensors of the file; -1 stands for one that was left out. */
static void import_operands(const struct importer *im,
			    const struct tnc_fb_table *from, int field,
			    const char *what, bool has_resources,
			    struct tnc_list *list)
{
	struct tnc_fb_vector ids = tnc_fb_vector(from, field, 4, what);

	if (ids.count > TNC_INPUTS_MAX)
		tnc_error(im->c, -EINVAL, "%zu %s", ids.count, what);
	for (size_t i = 0; i < ids.count; i++) {
		int id = tnc_fb_at_i32(&ids, i);

		if (id != -1)
			id = has_resources && is_resource(im, id) ?
				im->first_tensor + id : import_tensor(im, id);
		tnc_list_append(im->c, list, id);
	}
}

/*
 * A float activation with weights of int8 ("dynamic range"): the weights are float
 * numbers that are stored that way. They become a constant when it is folded.
 */
static void dequantise_weights(struct tnc *c, struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *weights = tnc_op_input(c, op, 1);
	struct tnc_tensor *real;
	struct tnc_op *before;

	if (!in || in->type != TNC_FLOAT32 || !weights ||
	    weights->type != TNC_INT8 || !weights->quant.count)
		return;
	real = tnc_tensor_new(c, weights);
	real->type = TNC_FLOAT32;
	real->quant = (struct tnc_quant){ 0 };
	before = tnc_op_append(c, TNC_DEQUANTIZE);
	before->source = op->source;
	tnc_op_add_input(c, before, weights->id);
	before->output = real->id;
	op->input[1] = real->id;
	c->op[c->ops - 1] = op;
	c->op[c->ops - 2] = before;
}

static void import_operator(const struct importer *im,
			    const struct tnc_fb_table *from, int number)
{
	struct tnc *c = im->c;
	struct tnc_tflite_op op = { .c = c, .number = number, .from = from,
				    .state = im->state, .importer = im };
	int first = c->ops, type;
	bool has_resources;

	c->at_op = number;
	c->at_op_name = "?";
	import_code(im, tnc_fb_i32(from, OPERATOR_OPCODE, 0), &op);
	has_resources = op.row->kind == TNC_OP_KINDS;
	import_operands(im, from, OPERATOR_INPUTS, "operator inputs",
			has_resources, &op.in);
	import_operands(im, from, OPERATOR_OUTPUTS, "operator outputs",
			has_resources, &op.out);
	type = tnc_fb_i8(from, OPERATOR_OPTIONS_TYPE, 0);
	if (type != 0 && op.row->options_type &&
	    (uint8_t)type != op.row->options_type)
		tnc_error(c, -EINVAL, "options of type %d, expected %d", type,
			  op.row->options_type);
	op.options = tnc_fb_sub(from, OPERATOR_OPTIONS, "operator options");
	op.row->import(&op);
	if (op.row->kind == TNC_CONV_2D ||
	    op.row->kind == TNC_DEPTHWISE_CONV_2D ||
	    op.row->kind == TNC_FULLY_CONNECTED)
		dequantise_weights(c, c->op[c->ops - 1]);
	tnc_place_none(c);
	/* Shapes that the model computes are known from here on. */
	for (int i = first; i < c->ops; i++)
		tnc_fold_shape(c, c->op[i]);
}

static void import_interface(const struct importer *im, int field,
			     const char *what, struct tnc_list *list)
{
	struct tnc_fb_vector ids = tnc_fb_vector(&im->graph, field, 4, what);

	if (ids.count > TNC_TENSORS_MAX)
		tnc_error(im->c, -EINVAL, "%zu %s", ids.count, what);
	for (size_t i = 0; i < ids.count; i++) {
		int id = tnc_fb_at_i32(&ids, i);

		tnc_list_append(im->c, list, import_tensor(im, id));
	}
}

static void import_operators(const struct importer *im)
{
	struct tnc_fb_vector ops = tnc_fb_vector(&im->graph,
						 SUBGRAPH_OPERATORS, 4,
						 "operators");

	for (size_t i = 0; i < ops.count; i++) {
		struct tnc_fb_table op = tnc_fb_at_table(&ops, i, "operator");

		import_operator(im, &op, i);
	}
}

/* Makes graph @number the one that is read; tensors are numbered on and on. */
static void enter(struct importer *im, size_t number)
{
	im->first_tensor = 0;
	for (size_t i = 0;; i++) {
		im->graph = tnc_fb_at_table(&im->subgraphs, i, "subgraph");
		im->tensors = tnc_fb_vector(&im->graph, SUBGRAPH_TENSORS, 4,
					    "tensors");
		if (i == number)
			return;
		im->first_tensor += im->tensors.count;
	}
}

/* Numbers of their own for the tensors of a graph that is read once more. */
static void renumber(struct importer *im)
{
	im->first_tensor = im->c->tensors;
	if (im->tensors.count > TNC_TENSORS_MAX - (size_t)im->c->tensors)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported: more than %d tensors",
			  TNC_TENSORS_MAX);
	im->c->tensors += im->tensors.count;
}

/* What is constant stays so: loops may hang on it. */
static void pass_argument(const struct tnc_tflite_op *from, int argument,
			  int input)
{
	const struct tnc_tensor *value = from->c->tensor[argument];
	struct tnc_tensor *t = from->c->tensor[input];

	if (value->data && !t->data && value->type == t->type &&
	    tnc_tensor_bytes(value) == tnc_tensor_bytes(t))
		t->data = value->data;
	else
		tnc_tflite_same(from, argument, input);
}

/* One more graph within graphs: neither too deep nor too often. */
static void enter_inner(struct importer *im, int number)
{
	if (number < 1 || (size_t)number >= im->subgraphs.count)
		tnc_error(im->c, -EINVAL, "graph %d of %zu", number,
			  im->subgraphs.count);
	if (++*im->calls > CALLS_MAX)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: graphs are called more than %d times",
			  CALLS_MAX);
	if (++im->depth > DEPTH_MAX)
		tnc_error(im->c, -EOPNOTSUPP,
			  "unsupported: graphs within graphs, %d deep",
			  im->depth);
}

void tnc_tflite_subgraph(const struct tnc_tflite_op *from, int number,
			 const struct tnc_list *arguments,
			 struct tnc_list *results)
{
	struct importer im = *from->importer;
	struct tnc_list inputs = { 0 };

	enter_inner(&im, number);
	im.is_copy = im.is_used[number];
	im.is_used[number] = true;
	enter(&im, number);
	if (im.is_copy)
		renumber(&im);
	import_interface(&im, SUBGRAPH_INPUTS, "inputs", &inputs);
	if (inputs.count != arguments->count)
		tnc_error(from->c, -EINVAL, "graph %d has %d inputs, not %d",
			  number, inputs.count, arguments->count);
	for (int i = 0; i < inputs.count; i++)
		pass_argument(from, arguments->id[i], inputs.id[i]);
	import_operators(&im);
	import_interface(&im, SUBGRAPH_OUTPUTS, "outputs", results);
}

/* The graph @number of the importer @from, all else forgotten: a graph of its own. */
struct inner {
	const struct importer *from;
	size_t number;
};

static void read_inner(struct tnc *part, void *arg)
{
	const struct inner *inner = arg;
	struct importer im = *inner->from;

	im.c = part;
	im.is_copy = true;
	im.state = tnc_tflite_state_create(part);
	enter(&im, inner->number);
	tnc_tensors_reserve(part, im.tensors.count);
	renumber(&im);
	import_interface(&im, SUBGRAPH_INPUTS, "inputs", &part->inputs);
	import_operators(&im);
	import_interface(&im, SUBGRAPH_OUTPUTS, "outputs", &part->outputs);
	tnc_tflite_state_finish(part, im.state);
	tnc_make_signed(part);
}

void tnc_tflite_loop_part(const struct tnc_tflite_op *from, int number,
			  int loop, enum tnc_loop_part part)
{
	struct importer im = *from->importer;
	struct inner inner = { &im, number };

	enter_inner(&im, number);
	tnc_loop_read(from->c, loop, part, read_inner, &inner);
}

/* Room for the tensors of all graphs. */
static void reserve(struct importer *im)
{
	size_t tensors = 0;

	if (im->subgraphs.count > SUBGRAPHS_MAX)
		tnc_error(im->c, -EOPNOTSUPP, "unsupported: %zu graphs",
			  im->subgraphs.count);
	for (size_t i = 0; i < im->subgraphs.count; i++) {
		enter(im, i);
		tensors += im->tensors.count;
		if (tensors > TNC_TENSORS_MAX)
			break;
	}
	tnc_tensors_reserve(im->c, tensors);
	im->is_used = tnc_alloc(im->c, im->subgraphs.count, sizeof(bool));
	im->calls = tnc_alloc(im->c, 1, sizeof(int));
	im->state = tnc_tflite_state_create(im->c);
}

/* Needs: nothing. Leaves: a graph that the verifier has yet to judge. */
void tnc_tflite_import(struct tnc *c, const uint8_t *data, size_t size)
{
	struct importer im = { .c = c, .fb = { c, data, size } };
	struct tnc_fb_table model;

	if (size < 8 || memcmp(data + 4, "TFL3", 4))
		tnc_error(c, -EINVAL,
			  "offset 0x4: not a TensorFlow Lite model (no \"TFL3\")");
	model = tnc_fb_root(&im.fb, "model");
	if (tnc_fb_i32(&model, MODEL_VERSION, 0) != SCHEMA_VERSION)
		tnc_error(c, -EINVAL, "schema version %d instead of %d",
			  tnc_fb_i32(&model, MODEL_VERSION, 0),
			  SCHEMA_VERSION);
	im.opcodes = tnc_fb_vector(&model, MODEL_OPCODES, 4, "operator codes");
	im.buffers = tnc_fb_vector(&model, MODEL_BUFFERS, 4, "buffers");
	im.subgraphs = tnc_fb_vector(&model, MODEL_SUBGRAPHS, 4, "subgraphs");
	if (im.subgraphs.count == 0)
		tnc_error(c, -EINVAL, "no graph");
	reserve(&im);
	enter(&im, 0);
	c->model_name = import_name(c, &im.graph, SUBGRAPH_NAME, "graph name");
	import_operators(&im);
	import_interface(&im, SUBGRAPH_INPUTS, "inputs", &c->inputs);
	import_interface(&im, SUBGRAPH_OUTPUTS, "outputs", &c->outputs);
	tnc_tflite_state_finish(c, im.state);
}
