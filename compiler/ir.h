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
#define TNC_INPUTS_MAX 3
#define TNC_TENSORS_MAX 65536
#define TNC_OPS_MAX 16384
#define TNC_DIM_MAX (1 << 24)
#define TNC_ELEMENTS_MAX (1 << 28)
#define TNC_WINDOW_MAX (1 << 14)

#define TNC_ARRAY_SIZE(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* Which attributes an operator has. */
#define TNC_HAS_STRIDE   0x01u
#define TNC_HAS_DILATION 0x02u
#define TNC_HAS_WINDOW   0x04u
#define TNC_HAS_PAD      0x08u
#define TNC_HAS_ACT      0x10u
#define TNC_HAS_BETA     0x20u
#define TNC_HAS_REQUANT  0x40u
#define TNC_IS_BINARY    0x80u	/* of two inputs, element by element */

#define TNC_CONV_ATTRS \
	(TNC_HAS_STRIDE | TNC_HAS_DILATION | TNC_HAS_PAD | TNC_HAS_ACT | \
	 TNC_HAS_REQUANT)
#define TNC_POOL_ATTRS \
	(TNC_HAS_STRIDE | TNC_HAS_WINDOW | TNC_HAS_PAD | TNC_HAS_ACT)

#define TNC_SUM_ATTRS (TNC_HAS_ACT | TNC_HAS_REQUANT | TNC_IS_BINARY)

/*
 * The one list of operators: enumerator, text form, fewest and most inputs,
 * attributes.
 */
#define TNC_OPS(X) \
	X(CONV_2D, "conv_2d", 2, 3, TNC_CONV_ATTRS) \
	X(DEPTHWISE_CONV_2D, "depthwise_conv_2d", 2, 3, TNC_CONV_ATTRS) \
	X(FULLY_CONNECTED, "fully_connected", 2, 3, \
	  TNC_HAS_ACT | TNC_HAS_REQUANT) \
	X(ADD, "add", 2, 2, TNC_SUM_ATTRS) \
	X(SUB, "sub", 2, 2, TNC_SUM_ATTRS) \
	X(MUL, "mul", 2, 2, TNC_SUM_ATTRS) \
	X(MAXIMUM, "maximum", 2, 2, TNC_HAS_ACT | TNC_IS_BINARY) \
	X(MINIMUM, "minimum", 2, 2, TNC_HAS_ACT | TNC_IS_BINARY) \
	X(AVERAGE_POOL_2D, "average_pool_2d", 1, 1, TNC_POOL_ATTRS) \
	X(MAX_POOL_2D, "max_pool_2d", 1, 1, TNC_POOL_ATTRS) \
	X(RESHAPE, "reshape", 1, 1, 0) \
	X(SOFTMAX, "softmax", 1, 1, TNC_HAS_BETA | TNC_HAS_REQUANT)

enum tnc_op_kind {
#define X(op, name, least, most, attrs) TNC_##op,
	TNC_OPS(X)
#undef X
	TNC_OP_KINDS
};

struct tnc_op_info {
	const char *name;
	const char *title;	/* in messages */
	int inputs_min;
	int inputs_max;
	unsigned int attrs;
};

extern const struct tnc_op_info tnc_op_info[TNC_OP_KINDS];

enum tnc_type { TNC_INT8, TNC_INT32, TNC_TYPES };

struct tnc_type_info {
	const char *name;
	int size;
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

/* A factor as the machine applies it: multiplier / 2^31 * 2^shift. */
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
	uint8_t *value;		/* set by the reference executor */
};

struct tnc_op {
	enum tnc_op_kind kind;
	enum tnc_op_kind origin;	/* what the model called it */
	int source;		/* number of the operator in the model */
	int inputs;
	int input[TNC_INPUTS_MAX];
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
	int factors;		/* 0 until legalised */
	struct tnc_factor *factor;
	struct tnc_factor *ref_factor;	/* the executor's own copy */
};

struct tnc_list {
	int count;
	int room;
	int *id;
};

/* One compilation. Everything hangs on its arena and is freed with it. */
struct tnc {
	struct tnc_options options;
	struct tnc_arena *arena;
	jmp_buf on_error;
	int status;
	struct tnc_error error;

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
void *tnc_grow(struct tnc *c, void *old, int count, int *room, size_t size);
char *tnc_strndup(struct tnc *c, const char *text, size_t length);
void tnc_make_printable(char *text);

/* error.c */
_Noreturn void tnc_error(struct tnc *c, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void tnc_place_op(struct tnc *c, const struct tnc_op *op);
void tnc_place_tensor(struct tnc *c, int id);
void tnc_place_none(struct tnc *c);

/* graph.c */
struct tnc_tensor *tnc_tensor_get(struct tnc *c, int id);
struct tnc_tensor *tnc_tensor_add(struct tnc *c, int id);
struct tnc_tensor *tnc_tensor_new(struct tnc *c,
				  const struct tnc_tensor *like);
const struct tnc_tensor *tnc_tensor_root(const struct tnc *c, int id);
void tnc_tensor_check_shape(struct tnc *c, const struct tnc_tensor *t);
int64_t tnc_tensor_elements(const struct tnc_tensor *t);
size_t tnc_tensor_bytes(const struct tnc_tensor *t);
int tnc_tensor_dim(const struct tnc_tensor *t, int rank, int dim);
struct tnc_op *tnc_op_append(struct tnc *c, enum tnc_op_kind kind);
void tnc_drop_unused(struct tnc *c);
void tnc_list_append(struct tnc *c, struct tnc_list *list, int id);
const char *tnc_op_title(const struct tnc_op *op);
bool tnc_op_is_binary(const struct tnc_op *op);
struct tnc_tensor *tnc_op_input(const struct tnc *c, const struct tnc_op *op,
				int index);
struct tnc_tensor *tnc_op_output(const struct tnc *c, const struct tnc_op *op);
struct tnc_hw tnc_op_window(const struct tnc *c, const struct tnc_op *op);
struct tnc_pads tnc_op_pads(const struct tnc *c, const struct tnc_op *op);

/* quantise.c */
struct tnc_factor tnc_factor_of(double real);
void tnc_op_factors(struct tnc *c, const struct tnc_op *op,
		    struct tnc_factor *factor);
int tnc_op_factor_count(const struct tnc *c, const struct tnc_op *op);
void tnc_op_clamp(const struct tnc *c, const struct tnc_op *op, int *min,
		  int *max);

/* tflite.c, text_read.c, text_write.c, verify.c, ref.c */
void tnc_tflite_import(struct tnc *c, const uint8_t *data, size_t size);
void tnc_text_read(struct tnc *c, const char *text, size_t size);
void tnc_text_write(const struct tnc *c, FILE *to);
void tnc_verify(struct tnc *c);
void tnc_ref_op(struct tnc *c, struct tnc_op *op);
void tnc_ref_run(struct tnc *c, const void *const *inputs,
		 void *const *outputs);

#endif
