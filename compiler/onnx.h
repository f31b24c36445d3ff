/* SPDX-License-Identifier: MIT */
/*
 * What the files of the ONNX importer share. A *value* is what ONNX calls a
 * named tensor: an initialiser, an input of the model, or what a node yields.
 * It gets a tensor of the graph when its node, or a reader of it, is imported.
 */
#ifndef TNC_ONNX_H
#define TNC_ONNX_H

#include "onnx_wire.h"

#define TNC_ONNX_OPSET_MIN 7
#define TNC_ONNX_OPSET_MAX 22

struct tnc_onnx_value {
	const char *name;
	const Onnx__TensorProto *constant;	/* of an initialiser */
	const Onnx__ValueInfoProto *input;	/* of an input of the model */
	int node;	/* the number of the node that yields it, or -1 */
	int tensor;	/* or -1: not imported yet */
};

/* The names of what a node reads. */
struct tnc_onnx_needs {
	char **name;
	size_t count;
};

struct tnc_onnx {
	struct tnc *c;
	const Onnx__GraphProto *graph;
	int opset;
	struct tnc_onnx_value *value;	/* sorted by name */
	int values;

	struct tnc_onnx_needs *needs;	/* by node; looked for when asked for */
	int depth;		/* of graphs within graphs */

	/* The node being imported, and which of its attributes were read. */
	const Onnx__NodeProto *node;
	int number;
	uint64_t seen;
};

/* Integers of an attribute or of a constant. */
struct tnc_onnx_ints {
	int count;
	const int64_t *at;
};

/* onnx.c */
struct tnc_onnx_value *tnc_onnx_find(struct tnc_onnx *im, const char *name);
int tnc_onnx_value_tensor(struct tnc_onnx *im, const char *name);
int32_t tnc_onnx_dim(struct tnc_onnx *im, const char *name, size_t dim,
		     const Onnx__TensorShapeProto__Dimension *d);
/*
 * Puts another graph here: its inputs are @argument, @result gets the tensors of
 * its outputs. What it does not define is what the graph around it has.
 */
void tnc_onnx_subgraph(struct tnc_onnx *im, const Onnx__GraphProto *graph,
		       const int *argument, int arguments, int *result,
		       int results);

/*
 * As a graph of its own, which @part is: its inputs are there already, @argument
 * says which are those of the other graph, @around what else it sees.
 */
void tnc_onnx_part(struct tnc_onnx *part, const Onnx__GraphProto *graph,
		   const struct tnc_onnx_value *around, int values,
		   const int *argument, int arguments, int *result, int results);
/* The names of values that graphs within the node read. */
struct tnc_onnx_needs tnc_onnx_inner_needs(struct tnc_onnx *im);

/* onnx_tensor.c: constants in the file, types, new tensors of the graph */
enum tnc_type tnc_onnx_type(struct tnc_onnx *im, const char *name, int type);
int tnc_onnx_constant(struct tnc_onnx *im, const Onnx__TensorProto *from,
		      const char *name);
int tnc_onnx_new(struct tnc_onnx *im, enum tnc_type type, int rank,
		 const int32_t *shape);
int tnc_onnx_like(struct tnc_onnx *im, int id, enum tnc_type type);
int tnc_onnx_floats(struct tnc_onnx *im, int rank, const int32_t *shape,
		    const float *value);
int tnc_onnx_float(struct tnc_onnx *im, float value);
int tnc_onnx_integer(struct tnc_onnx *im, enum tnc_type type, int64_t value);
int tnc_onnx_int32s(struct tnc_onnx *im, int rank, const int32_t *shape,
		    const int32_t *value);
int tnc_onnx_int64s(struct tnc_onnx *im, int rank, const int32_t *shape,
		    const int64_t *value);
struct tnc_onnx_ints tnc_onnx_ints_of(struct tnc_onnx *im, int id);
float tnc_onnx_float_of(const struct tnc_tensor *t, int64_t index);
int32_t tnc_onnx_int_of(const struct tnc_tensor *t, int64_t index);

/* onnx_attr.c: attributes of the node; absent ones get a default */
bool tnc_onnx_has_attr(struct tnc_onnx *im, const char *name);
int64_t tnc_onnx_attr_int(struct tnc_onnx *im, const char *name,
			  int64_t absent);
float tnc_onnx_attr_float(struct tnc_onnx *im, const char *name, float absent);
const char *tnc_onnx_attr_string(struct tnc_onnx *im, const char *name,
				 const char *absent);
struct tnc_onnx_ints tnc_onnx_attr_ints(struct tnc_onnx *im, const char *name);
int tnc_onnx_attr_floats(struct tnc_onnx *im, const char *name,
			 const float **at);
const Onnx__TensorProto *tnc_onnx_attr_tensor(struct tnc_onnx *im,
					      const char *name);
int tnc_onnx_attr_strings(struct tnc_onnx *im, const char *name,
			  const ProtobufCBinaryData **at);
const Onnx__GraphProto *tnc_onnx_attr_graph(struct tnc_onnx *im,
					    const char *name);
void tnc_onnx_need_int(struct tnc_onnx *im, const char *name, int64_t value);
void tnc_onnx_check_attrs(struct tnc_onnx *im);

/* onnx_build.c: inputs and outputs of the node, operators of the graph */
bool tnc_onnx_has_input(const struct tnc_onnx *im, int index);
bool tnc_onnx_is_empty(struct tnc_onnx *im, int index);
int tnc_onnx_input(struct tnc_onnx *im, int index);
bool tnc_onnx_has_output(const struct tnc_onnx *im, int index);
void tnc_onnx_output(struct tnc_onnx *im, int index, int id);
struct tnc_onnx_ints tnc_onnx_input_ints(struct tnc_onnx *im, int index);
struct tnc_tensor *tnc_onnx_tensor(const struct tnc_onnx *im, int id);
int tnc_onnx_axis(struct tnc_onnx *im, int64_t axis, int rank);
int tnc_onnx_size(struct tnc_onnx *im, int64_t size);
struct tnc_op *tnc_onnx_op(struct tnc_onnx *im, enum tnc_op_kind kind,
			   int output, int inputs, ...);
int tnc_onnx_unary(struct tnc_onnx *im, enum tnc_op_kind kind, int id);
int tnc_onnx_binary(struct tnc_onnx *im, enum tnc_op_kind kind, int a, int b);
int tnc_onnx_cast(struct tnc_onnx *im, int id, enum tnc_type type);
int tnc_onnx_reshape(struct tnc_onnx *im, int id, int rank,
		     const int32_t *shape);
int tnc_onnx_transpose(struct tnc_onnx *im, int id, const int *perm);
int tnc_onnx_nhwc(struct tnc_onnx *im, int id);
int tnc_onnx_nchw(struct tnc_onnx *im, int id);
int tnc_onnx_slice(struct tnc_onnx *im, int id, int axis, int begin, int size);
int tnc_onnx_reduce(struct tnc_onnx *im, enum tnc_op_kind kind, int id,
		    const bool *axes, bool keep);

/* onnx_group.c: the last step, on the whole graph */
void tnc_onnx_group(struct tnc *c);

/* onnx_custom.c: an operator for a user's function; false: not enough is known */
bool tnc_onnx_custom(struct tnc_onnx *im);

/* onnx_ops.c: finds the operator and imports the node */
void tnc_onnx_node(struct tnc_onnx *im);

#endif
