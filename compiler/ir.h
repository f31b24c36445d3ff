/* SPDX-License-Identifier: MIT */
/*
 * The graph that all passes work on: operators in execution order, and
 * tensors that are each written once. Also the state of one compilation.
 * Private to the compiler.
 */
#ifndef TNC_IR_H
#define TNC_IR_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tnc.h"

#define TNC_VERSION "0.1"
#define TNC_RANK_MAX 6
#define TNC_INPUTS_MAX 4096
#define TNC_INPUT_NONE (-1)	/* in place of one that was left out */
#define TNC_INPUT_SECOND 3	/* of a convolution that adds: see fuse.c */
#define TNC_TENSORS_MAX 65536
#define TNC_OPS_MAX 16384
#define TNC_VARIABLES_MAX 1024
#define TNC_DIM_MAX (1 << 24)
#define TNC_ELEMENTS_MAX (1 << 28)
#define TNC_WINDOW_MAX (1 << 14)

#define TNC_ARRAY_SIZE(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* Which attributes an operator has. */
#define TNC_HAS_STRIDE   0x001u
#define TNC_HAS_DILATION 0x002u
#define TNC_HAS_WINDOW   0x004u
#define TNC_HAS_PAD      0x008u
#define TNC_HAS_ACT      0x010u
#define TNC_HAS_BETA     0x020u
#define TNC_HAS_REQUANT  0x040u
#define TNC_HAS_ALPHA    0x080u
#define TNC_HAS_AXIS     0x100u
#define TNC_IS_BINARY    0x200u	/* of two inputs, element by element */
#define TNC_IS_MOVE      0x400u	/* bytes change their place, not their value */

#define TNC_CONV_ATTRS \
	(TNC_HAS_STRIDE | TNC_HAS_DILATION | TNC_HAS_PAD | TNC_HAS_ACT | \
	 TNC_HAS_REQUANT)
#define TNC_POOL_ATTRS \
	(TNC_HAS_STRIDE | TNC_HAS_WINDOW | TNC_HAS_PAD | TNC_HAS_ACT)

#define TNC_SUM_ATTRS (TNC_HAS_ACT | TNC_HAS_REQUANT | TNC_IS_BINARY)

/* Inputs of an operator that takes any number of them. */
#define TNC_INPUTS_ANY TNC_INPUTS_MAX

/*
 * The one list of operators: enumerator, text form, fewest and most inputs,
 * attributes, names of up to two lists of integers. Every operator has one
 * output; what has several in a model is imported as several operators.
 * README.md says what the inputs are and what the lists mean.
 */
#define TNC_OPS(X) \
	X(CONV_2D, "conv_2d", 2, 3, TNC_CONV_ATTRS, NULL, NULL) \
	X(DEPTHWISE_CONV_2D, "depthwise_conv_2d", 2, 3, TNC_CONV_ATTRS, \
	  NULL, NULL) \
	X(TRANSPOSE_CONV, "transpose_conv", 2, 3, \
	  TNC_HAS_STRIDE | TNC_HAS_PAD | TNC_HAS_ACT | TNC_HAS_REQUANT, \
	  NULL, NULL) \
	X(FULLY_CONNECTED, "fully_connected", 2, 3, \
	  TNC_HAS_ACT | TNC_HAS_REQUANT, NULL, NULL) \
	X(BATCH_MATMUL, "batch_matmul", 2, 3, TNC_HAS_ACT | TNC_HAS_REQUANT, \
	  NULL, NULL) \
	X(ADD, "add", 2, 2, TNC_SUM_ATTRS, NULL, NULL) \
	X(SUB, "sub", 2, 2, TNC_SUM_ATTRS, NULL, NULL) \
	X(MUL, "mul", 2, 2, TNC_SUM_ATTRS, NULL, NULL) \
	X(DIV, "div", 2, 2, TNC_SUM_ATTRS, NULL, NULL) \
	X(MAXIMUM, "maximum", 2, 2, TNC_HAS_ACT | TNC_IS_BINARY, NULL, NULL) \
	X(MINIMUM, "minimum", 2, 2, TNC_HAS_ACT | TNC_IS_BINARY, NULL, NULL) \
	X(SQUARED_DIFFERENCE, "squared_difference", 2, 2, TNC_SUM_ATTRS, \
	  NULL, NULL) \
	X(POW, "pow", 2, 2, TNC_IS_BINARY, NULL, NULL) \
	X(FLOOR_DIV, "floor_div", 2, 2, TNC_IS_BINARY, NULL, NULL) \
	X(FLOOR_MOD, "floor_mod", 2, 2, TNC_IS_BINARY, NULL, NULL) \
	X(EQUAL, "equal", 2, 2, TNC_IS_BINARY, NULL, NULL) \
	X(NOT_EQUAL, "not_equal", 2, 2, TNC_IS_BINARY, NULL, NULL) \
	X(LESS, "less", 2, 2, TNC_IS_BINARY, NULL, NULL) \
	X(LESS_EQUAL, "less_equal", 2, 2, TNC_IS_BINARY, NULL, NULL) \
	X(GREATER, "greater", 2, 2, TNC_IS_BINARY, NULL, NULL) \
	X(GREATER_EQUAL, "greater_equal", 2, 2, TNC_IS_BINARY, NULL, NULL) \
	X(LOGICAL_AND, "logical_and", 2, 2, TNC_IS_BINARY, NULL, NULL) \
	X(LOGICAL_OR, "logical_or", 2, 2, TNC_IS_BINARY, NULL, NULL) \
	X(LOGICAL_NOT, "logical_not", 1, 1, 0, NULL, NULL) \
	X(SELECT, "select", 3, 3, 0, NULL, NULL) \
	X(PRELU, "prelu", 2, 2, TNC_IS_BINARY, NULL, NULL) \
	X(RELU, "relu", 1, 1, 0, NULL, NULL) \
	X(RELU6, "relu6", 1, 1, 0, NULL, NULL) \
	X(RELU_N1_TO_1, "relu_n1_to_1", 1, 1, 0, NULL, NULL) \
	X(RELU_0_TO_1, "relu_0_to_1", 1, 1, 0, NULL, NULL) \
	X(CLIP, "clip", 1, 3, 0, NULL, NULL) \
	X(LEAKY_RELU, "leaky_relu", 1, 1, TNC_HAS_ALPHA, NULL, NULL) \
	X(ELU, "elu", 1, 1, TNC_HAS_ALPHA, NULL, NULL) \
	X(HARD_SWISH, "hard_swish", 1, 1, 0, NULL, NULL) \
	X(HARD_SIGMOID, "hard_sigmoid", 1, 1, TNC_HAS_ALPHA | TNC_HAS_BETA, \
	  NULL, NULL) \
	X(LOGISTIC, "logistic", 1, 1, 0, NULL, NULL) \
	X(TANH, "tanh", 1, 1, 0, NULL, NULL) \
	X(GELU, "gelu", 1, 1, 0, NULL, NULL) \
	X(SOFTPLUS, "softplus", 1, 1, 0, NULL, NULL) \
	X(EXP, "exp", 1, 1, 0, NULL, NULL) \
	X(LOG, "log", 1, 1, 0, NULL, NULL) \
	X(SQRT, "sqrt", 1, 1, 0, NULL, NULL) \
	X(RSQRT, "rsqrt", 1, 1, 0, NULL, NULL) \
	X(SQUARE, "square", 1, 1, 0, NULL, NULL) \
	X(ABS, "abs", 1, 1, 0, NULL, NULL) \
	X(NEG, "neg", 1, 1, 0, NULL, NULL) \
	X(SIGN, "sign", 1, 1, 0, NULL, NULL) \
	X(SIN, "sin", 1, 1, 0, NULL, NULL) \
	X(COS, "cos", 1, 1, 0, NULL, NULL) \
	X(ERF, "erf", 1, 1, 0, NULL, NULL) \
	X(FLOOR, "floor", 1, 1, 0, NULL, NULL) \
	X(CEIL, "ceil", 1, 1, 0, NULL, NULL) \
	X(ROUND, "round", 1, 1, 0, NULL, NULL) \
	X(QUANTIZE, "quantize", 1, 3, TNC_HAS_REQUANT | TNC_HAS_AXIS, \
	  NULL, NULL) \
	X(DEQUANTIZE, "dequantize", 1, 3, TNC_HAS_AXIS, NULL, NULL) \
	X(DYNAMIC_QUANTIZE, "dynamic_quantize", 1, 1, 0, "result", NULL) \
	X(CONV_INTEGER, "conv_integer", 2, 9, \
	  TNC_HAS_STRIDE | TNC_HAS_DILATION | TNC_HAS_PAD, NULL, NULL) \
	X(MATMUL_INTEGER, "matmul_integer", 2, 8, 0, NULL, NULL) \
	X(CAST, "cast", 1, 1, 0, NULL, NULL) \
	X(SOFTMAX, "softmax", 1, 1, TNC_HAS_BETA | TNC_HAS_REQUANT, \
	  NULL, NULL) \
	X(LOG_SOFTMAX, "log_softmax", 1, 1, 0, NULL, NULL) \
	X(L2_NORMALIZATION, "l2_normalization", 1, 1, 0, NULL, NULL) \
	X(LAYER_NORM, "layer_norm", 2, 3, TNC_HAS_AXIS | TNC_HAS_ALPHA, \
	  NULL, NULL) \
	X(MEAN, "mean", 1, 1, TNC_HAS_REQUANT, "axes", NULL) \
	X(SUM, "sum", 1, 1, TNC_HAS_REQUANT, "axes", NULL) \
	X(REDUCE_MAX, "reduce_max", 1, 1, 0, "axes", NULL) \
	X(REDUCE_MIN, "reduce_min", 1, 1, 0, "axes", NULL) \
	X(REDUCE_PROD, "reduce_prod", 1, 1, 0, "axes", NULL) \
	X(REDUCE_ANY, "reduce_any", 1, 1, 0, "axes", NULL) \
	X(REDUCE_ALL, "reduce_all", 1, 1, 0, "axes", NULL) \
	X(ARG_MAX, "arg_max", 1, 1, TNC_HAS_AXIS, NULL, NULL) \
	X(ARG_MIN, "arg_min", 1, 1, TNC_HAS_AXIS, NULL, NULL) \
	X(CUMSUM, "cumsum", 1, 1, TNC_HAS_AXIS, NULL, NULL) \
	X(AVERAGE_POOL_2D, "average_pool_2d", 1, 1, TNC_POOL_ATTRS, \
	  NULL, NULL) \
	X(MAX_POOL_2D, "max_pool_2d", 1, 1, TNC_POOL_ATTRS, NULL, NULL) \
	X(L2_POOL_2D, "l2_pool_2d", 1, 1, TNC_POOL_ATTRS, NULL, NULL) \
	X(RESIZE_BILINEAR, "resize_bilinear", 1, 1, 0, NULL, NULL) \
	X(RESIZE_NEAREST_NEIGHBOR, "resize_nearest_neighbor", 1, 1, 0, \
	  NULL, NULL) \
	X(RESHAPE, "reshape", 1, 1, 0, NULL, NULL) \
	X(TRANSPOSE, "transpose", 1, 1, TNC_IS_MOVE, "perm", NULL) \
	X(CONCATENATION, "concatenation", 1, TNC_INPUTS_ANY, \
	  TNC_HAS_AXIS | TNC_HAS_ACT | TNC_IS_MOVE, NULL, NULL) \
	X(SLICE, "slice", 1, 1, TNC_IS_MOVE, "begin", "step") \
	X(PAD, "pad", 1, 2, TNC_IS_MOVE, "before", "after") \
	X(MIRROR_PAD, "mirror_pad", 1, 1, TNC_IS_MOVE, "before", "after") \
	X(TILE, "tile", 1, 1, TNC_IS_MOVE, NULL, NULL) \
	X(BROADCAST_TO, "broadcast_to", 1, 1, TNC_IS_MOVE, NULL, NULL) \
	X(REVERSE, "reverse", 1, 1, TNC_IS_MOVE, "axes", NULL) \
	X(SPACE_TO_DEPTH, "space_to_depth", 1, 1, TNC_IS_MOVE, "block", NULL) \
	X(DEPTH_TO_SPACE, "depth_to_space", 1, 1, TNC_IS_MOVE, "block", NULL) \
	X(SPACE_TO_BATCH_ND, "space_to_batch_nd", 1, 1, TNC_IS_MOVE, \
	  "block", "before") \
	X(BATCH_TO_SPACE_ND, "batch_to_space_nd", 1, 1, TNC_IS_MOVE, \
	  "block", "before") \
	X(GATHER, "gather", 2, 2, TNC_HAS_AXIS | TNC_IS_MOVE, \
	  "batch_dims", NULL) \
	X(GATHER_ND, "gather_nd", 2, 2, 0, NULL, NULL) \
	X(SCATTER_ND, "scatter_nd", 2, 2, 0, NULL, NULL) \
	X(ONE_HOT, "one_hot", 4, 4, TNC_HAS_AXIS, NULL, NULL) \
	X(TOPK_VALUES, "topk_values", 1, 1, 0, NULL, NULL) \
	X(TOPK_INDICES, "topk_indices", 1, 1, 0, NULL, NULL) \
	X(SVDF, "svdf", 3, 5, TNC_HAS_ACT | TNC_HAS_REQUANT, "rank", NULL) \
	X(SVDF_STATE, "svdf_state", 3, 5, TNC_HAS_REQUANT, "rank", NULL) \
	X(LSTM, "unidirectional_sequence_lstm", 1, 20, TNC_HAS_ALPHA, \
	  NULL, NULL) \
	X(LSTM_CELL, "unidirectional_sequence_lstm_cell", 1, 20, \
	  TNC_HAS_ALPHA, NULL, NULL) \
	X(VECTOR, "vector", 2, 4, 0, NULL, NULL) \
	X(DETECTION_POSTPROCESS, "detection_postprocess", 3, 3, 0, "words", \
	  NULL) \
	X(CUSTOM, "custom", 0, TNC_INPUTS_ANY, 0, "options", "result") \
	X(WHILE, "while", 1, TNC_INPUTS_ANY, 0, "loop", "result")

enum tnc_op_kind {
#define X(op, name, least, most, attrs, list0, list1) TNC_##op,
	TNC_OPS(X)
#undef X
	TNC_OP_KINDS
};

#define TNC_LISTS 2

struct tnc_op_info {
	const char *name;
	const char *title;	/* in messages */
	int inputs_min;
	int inputs_max;
	unsigned int attrs;
	const char *list[TNC_LISTS];
};

extern const struct tnc_op_info tnc_op_info[TNC_OP_KINDS];

/*
 * What an operator does otherwise than usual, as the text form names it. TFLite's
 * way is the usual one: ONNX rounds once, half to even, and has averages that
 * count the padding; ONNX Runtime's sums of unsigned bytes are those of the bytes
 * as they came.
 */
#define TNC_MODES(X) \
	X(ALIGN_CORNERS, "align_corners") \
	X(HALF_PIXEL, "half_pixel") \
	X(ADJOINT_A, "adjoint_a") \
	X(ADJOINT_B, "adjoint_b") \
	X(APPROXIMATE, "approximate") \
	X(SYMMETRIC, "symmetric") \
	X(EXCLUSIVE, "exclusive") \
	X(REVERSED, "reversed") \
	X(TIME_MAJOR, "time_major") \
	X(COUNT_PAD, "count_pad") \
	X(ONNX, "onnx") \
	X(CPU, "cpu") \
	X(UNSIGNED, "unsigned") \
	X(FUSED, "fused")

enum tnc_mode_bit {
#define X(mode, name) TNC_MODE_BIT_##mode,
	TNC_MODES(X)
#undef X
	TNC_MODE_BITS
};

#define X(mode, name) TNC_MODE_##mode = 1 << TNC_MODE_BIT_##mode,
enum tnc_mode { TNC_MODES(X) };
#undef X

extern const char *const tnc_mode_name[TNC_MODE_BITS];

enum tnc_type {
	TNC_INT8,
	TNC_INT32,
	TNC_UINT8,
	TNC_INT16,
	TNC_INT64,
	TNC_BOOL,
	TNC_FLOAT32,
	TNC_TYPES
};

struct tnc_type_info {
	const char *name;
	int size;
	int min, max;		/* of elements that are quantised values */
};

extern const struct tnc_type_info tnc_type_info[TNC_TYPES];

enum tnc_pad { TNC_PAD_SAME, TNC_PAD_VALID, TNC_PAD_EXPLICIT };
enum tnc_act {
	TNC_ACT_NONE,
	TNC_ACT_RELU,
	TNC_ACT_RELU_N1_TO_1,
	TNC_ACT_RELU6,
	TNC_ACT_CLAMP,
};

struct tnc_hw {
	int h;
	int w;
};

struct tnc_pads {
	int top;
	int left;
	int bottom;
	int right;
};

/*
 * A factor as the machine applies it: multiplier / 2^31 * 2^shift. With
 * TNC_MODE_ONNX the multiplier is the bits of a float32, and shift is 0.
 */
struct tnc_factor {
	int32_t multiplier;
	int32_t shift;
};

/* Value of an element q: scale * (q - zero_point). */
struct tnc_quant {
	int count;		/* 0: none, 1: per tensor, else per channel */
	int axis;		/* the dimension of the channels */
	float *scale;
	int32_t *zero_point;
};

struct tnc_tensor {
	int id;
	const char *name;
	enum tnc_type type;
	int rank;
	int32_t shape[TNC_RANK_MAX];
	struct tnc_quant quant;
	uint8_t *data;		/* of a constant, else NULL */
	int alias;		/* the tensor whose bytes these are, or -1 */
	bool is_view;		/* of some of the alias' bytes: see view.h */
	int64_t offset;
	int64_t stride[TNC_RANK_MAX];
	uint8_t *value;		/* set by the reference executor */
};

/*
 * What stays from one run to the next: a tensor that has it when a run begins,
 * and the one, of the same type and size, whose value is kept when it ends.
 * Both may be the same. At first the bytes are those of a constant, or zeros.
 */
struct tnc_variable {
	int read;
	int kept;
	int init;		/* TNC_INPUT_NONE: zeros */
	uint8_t *state;		/* set by the reference executor */
};

/*
 * What TNC_WHILE repeats: graphs of their own, the condition and the body. Operators
 * of one loop have the same inputs, the loop's values, and each one of its results.
 */
enum tnc_loop_part { TNC_LOOP_CONDITION, TNC_LOOP_BODY, TNC_LOOP_PARTS };

struct tnc_loop {
	struct tnc *part[TNC_LOOP_PARTS];
	uint8_t **value;	/* set by the reference executor, likewise: */
	uint8_t **next;		/* what the body makes of them */
	bool is_done;		/* in this run: the results are the values */
};

/* Tensors by number, or other integers. */
struct tnc_list {
	int count;
	int room;
	int *id;
};

struct tnc_op {
	enum tnc_op_kind kind;
	enum tnc_op_kind origin;	/* what the model called it */
	int source;		/* number of the operator in the model */
	int inputs;
	int inputs_room;
	int *input;		/* tensors, or TNC_INPUT_NONE */
	int output;
	struct tnc_hw stride;
	struct tnc_hw dilation;
	struct tnc_hw window;
	enum tnc_pad pad;
	struct tnc_pads pads;	/* of TNC_PAD_EXPLICIT */
	enum tnc_act act;
	int clamp_min;		/* of TNC_ACT_CLAMP */
	int clamp_max;
	float beta;
	float alpha;
	int axis;
	unsigned int mode;	/* enum tnc_mode */
	struct tnc_list list[TNC_LISTS];
	const char *custom;	/* name of a custom operator, else NULL */
	int factors;		/* 0 until legalised */
	struct tnc_factor *factor;
	struct tnc_factor *ref_factor;	/* the executor's own copy */
	const struct tnc_op *sum;	/* that its output stage does, or NULL */
};

#define TNC_REFUSALS_MAX 256

/* Why an operator of the model, by its number there, can't run on the machine. */
struct tnc_refusal {
	int source;
	int status;
	struct tnc_error error;
	size_t why;		/* where in its text the reason begins */
};

/* Where in memory the bytes of a tensor are. */
struct tnc_home {
	bool is_set;
	int region;
	uint32_t offset;
};

/* One compilation. Everything hangs on its arena and is freed with it. */
struct tnc {
	struct tnc_options options;
	struct tnc_arena *arena;
	jmp_buf on_error;
	int status;
	struct tnc_error error;
	const char *why;	/* the error's text without the place */
	const struct tnc_refusal *refusal;	/* of earlier attempts */
	int refusals;

	/* What messages call the place: -1 where there is none. */
	int at_op;
	const char *at_op_name;
	int at_tensor;

	const char *model_name;
	struct tnc_tensor **tensor;	/* by id; NULL where there is none */
	int tensors;
	struct tnc_op **op;
	int ops;
	int ops_room;
	struct tnc_list inputs;
	struct tnc_list outputs;
	struct tnc_variable *variable;
	int variables;
	int variables_room;

	struct tnc_loop *loop;
	int loops;
	int loops_room;
	struct tnc *outer;	/* of a loop's part: the graph that has the loop */
	int turns;		/* of all loops, counted by the reference executor */

	/* Of a segment: where its inputs and outputs are, and what is taken. */
	const struct tnc_home *home;	/* by tensor; NULL: the model's regions */
	uint32_t scratch_base;
	uint32_t constants_base;

	bool keeps_state;	/* the reference executor, between its runs */

	struct tnc_arena *kept;	/* what attempts do not take back */
	void *quantised;	/* in it: text that attempts begin with, or NULL */
	size_t quantised_size;

	/* chunks.c, in it: what the search for a schedule comes back to. */
	const struct tnc_coder *coder;
	struct tnc_cut **cut;	/* by operator */
	struct tnc_dead *dead;	/* dead.c: by operator; NULL: not looked for */
	/* Of the search at hand: */
	const struct tnc_geometry *geometry;	/* by operator */
	struct tnc_recall *recall;	/* recall.c */
};

struct tnc_graph {
	struct tnc tnc;
};

/* arena.c */
struct tnc_arena *tnc_arena_create(size_t limit, uint64_t fail_allocation);
void tnc_arena_destroy(struct tnc_arena *arena);
struct tnc_arena_mark {
	const void *block;
	size_t used;
};

struct tnc_arena_mark tnc_arena_mark(const struct tnc_arena *arena);
void tnc_arena_rewind(struct tnc_arena *arena, struct tnc_arena_mark mark);
void *tnc_arena_alloc(struct tnc_arena *arena, size_t size);
void *tnc_alloc(struct tnc *c, size_t count, size_t size);
void *tnc_reserve(struct tnc *c, int count, int *room, size_t size);
void *tnc_grow(struct tnc *c, void *old, int count, int *room, size_t size);
char *tnc_strndup(struct tnc *c, const char *text, size_t length);
void tnc_make_printable(char *text);

/* error.c */
_Noreturn void tnc_error(struct tnc *c, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
_Noreturn void tnc_error_pass(struct tnc *c, int status,
			      const struct tnc_error *error);
void tnc_place_op(struct tnc *c, const struct tnc_op *op);
void tnc_place_tensor(struct tnc *c, int id);
void tnc_place_none(struct tnc *c);

/* graph.c */
void tnc_tensors_reserve(struct tnc *c, size_t count);
struct tnc_tensor *tnc_tensor_get(struct tnc *c, int id);
struct tnc_tensor *tnc_tensor_add(struct tnc *c, int id);
struct tnc_tensor *tnc_tensor_new(struct tnc *c,
				  const struct tnc_tensor *like);
const struct tnc_tensor *tnc_tensor_root(const struct tnc *c, int id);
void tnc_tensor_check_shape(struct tnc *c, const struct tnc_tensor *t);
int64_t tnc_tensor_elements(const struct tnc_tensor *t);
size_t tnc_tensor_bytes(const struct tnc_tensor *t);
int64_t tnc_tensor_integer(const struct tnc_tensor *t, int64_t index);
int tnc_tensor_dim(const struct tnc_tensor *t, int rank, int dim);
struct tnc_op *tnc_op_append(struct tnc *c, enum tnc_op_kind kind);
void tnc_op_push(struct tnc *c, struct tnc_op *op);
struct tnc_variable *tnc_variable_append(struct tnc *c, int read, int kept,
					 int init);
void tnc_drop_unused(struct tnc *c);
void tnc_list_append(struct tnc *c, struct tnc_list *list, int id);
void tnc_op_add_input(struct tnc *c, struct tnc_op *op, int id);
const char *tnc_op_title(const struct tnc_op *op);
bool tnc_op_is_binary(const struct tnc_op *op);
bool tnc_op_is_move(const struct tnc_op *op);
struct tnc_tensor *tnc_op_input(const struct tnc *c, const struct tnc_op *op,
				int index);
struct tnc_tensor *tnc_op_output(const struct tnc *c, const struct tnc_op *op);
struct tnc_tensor *tnc_op_product(const struct tnc *c, const struct tnc_op *op);
bool tnc_op_is_wide(const struct tnc *c, const struct tnc_op *op);
bool tnc_op_has_weight_zeros(const struct tnc *c, const struct tnc_op *op);
struct tnc_hw tnc_op_window(const struct tnc *c, const struct tnc_op *op);
struct tnc_pads tnc_op_pads(const struct tnc *c, const struct tnc_op *op);

/*
 * Products of matrices, m x k times k x n: one for each batch. An input whose
 * batches are 1 in a dimension repeats its matrices there.
 */
struct tnc_matmul {
	int m, k, n;
	int dims;		/* of batches */
	int32_t a_dim[TNC_RANK_MAX];
	int32_t b_dim[TNC_RANK_MAX];
};

/* matmul.c */
struct tnc_matmul tnc_matmul_of(struct tnc *c, const struct tnc_op *op);
int64_t tnc_matmul_batches(const struct tnc_matmul *s);
int64_t tnc_matmul_index(const struct tnc_matmul *s, const int32_t *dim,
			 int64_t batch);

/* quantise.c, quantise_vector.c */
struct tnc_factor tnc_factor_of(double real);
void tnc_op_factors(struct tnc *c, const struct tnc_op *op,
		    struct tnc_factor *factor);
int tnc_vector_factor_count(enum tnc_op_kind kind);
void tnc_vector_factors(struct tnc *c, const struct tnc_op *op,
			struct tnc_factor *factor);
int tnc_op_factor_count(const struct tnc *c, const struct tnc_op *op);
void tnc_op_clamp(const struct tnc *c, const struct tnc_op *op, int *min,
		  int *max);

/* tflite.c, onnx.c, text_read.c, text_write.c, verify.c, ref.c */
void tnc_tflite_import(struct tnc *c, const uint8_t *data, size_t size);
void tnc_onnx_import(struct tnc *c, const uint8_t *data, size_t size);
bool tnc_onnx_detect(const uint8_t *data, size_t size);
void tnc_text_read(struct tnc *c, const char *text, size_t size);
void tnc_text_write(const struct tnc *c, FILE *to);
void tnc_verify(struct tnc *c);
void tnc_verify_tensor(struct tnc *c, const struct tnc_tensor *t);
void tnc_verify_op(struct tnc *c, const struct tnc_op *op);
bool tnc_ref_has(const struct tnc *c, const struct tnc_op *op);
void tnc_ref_op(struct tnc *c, struct tnc_op *op);
bool tnc_ref_has_unary(enum tnc_op_kind kind, enum tnc_type type);
void tnc_ref_unary_table(struct tnc *c, const struct tnc_op *op,
			 int8_t table[256]);
struct tnc_factor tnc_ref_sigmoid_factor(const struct tnc_op *op, float scale);
int tnc_ref_sigmoid(int i);
void tnc_ref_run(struct tnc *c, const void *const *inputs,
		 void *const *outputs);
void tnc_ref_reset(struct tnc *c);

/* loop.c, ref_loop.c */
int tnc_loop_add(struct tnc *c);
void tnc_loop_read(struct tnc *c, int loop, enum tnc_loop_part part,
		   void (*read)(struct tnc *part, void *from), void *from);
void tnc_loop_verify(struct tnc *c, int loop);
void tnc_loop_verify_op(struct tnc *c, const struct tnc_op *op);
void tnc_loop_write_text(const struct tnc_loop *loop, FILE *to);
void tnc_ref_loop(struct tnc *c, const struct tnc_op *op);
void tnc_ref_loops_reset(struct tnc *c);

#endif
