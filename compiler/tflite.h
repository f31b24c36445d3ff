/* SPDX-License-Identifier: MIT */
/*
 * How the reader of a TFLite file (tflite.c) hands an operator to the one that
 * knows what it means (tflite_import.c and its like). Private to the importer.
 */
#ifndef TNC_TFLITE_H
#define TNC_TFLITE_H

#include "flatbuffer.h"

struct tnc_tflite_row;
struct tnc_tflite_state;

/* An operator of the file. Its tensors are in the graph already. */
struct tnc_tflite_op {
	struct tnc *c;
	const struct tnc_tflite_row *row;
	const struct tnc_fb_table *from;
	struct tnc_fb_table options;	/* empty if there are none */
	struct tnc_list in;		/* tensors, or TNC_INPUT_NONE */
	struct tnc_list out;
	const char *custom;		/* name of a custom operator */
	int number;
	struct tnc_tflite_state *state;
	const struct importer *importer;	/* tflite.c's own */
};

/*
 * An operator that is understood: number in the file, the graph's operator that
 * stands for it (TNC_OP_KINDS: none, it is about variables), the options' number
 * in the file (0: it has none that matter), and how it comes into the graph.
 */
struct tnc_tflite_row {
	int builtin;
	enum tnc_op_kind kind;
	int options_type;
	void (*import)(const struct tnc_tflite_op *from);
};

/* NULL if there is none. */
const struct tnc_tflite_row *tnc_tflite_row(int builtin);

/* An operator in the graph with the first @inputs of the file's operands. */
struct tnc_op *tnc_tflite_op(const struct tnc_tflite_op *from,
			     enum tnc_op_kind kind, int inputs);

/* Input or output @index, which has to be there. */
struct tnc_tensor *tnc_tflite_input(const struct tnc_tflite_op *from,
				    int index);
struct tnc_tensor *tnc_tflite_output(const struct tnc_tflite_op *from,
				     int index);

/* Appends the values of constant input @index, int32 or int64, to @list. */
void tnc_tflite_constant(const struct tnc_tflite_op *from, int index,
			 struct tnc_list *list);
int tnc_tflite_constant_one(const struct tnc_tflite_op *from, int index);

/* The activation function that field @field of the options names. */
enum tnc_act tnc_tflite_act(const struct tnc_tflite_op *from, int field);

/* An axis among @rank dimensions; negative ones count from the end. */
int tnc_tflite_axis(const struct tnc_tflite_op *from, int axis, int rank);

/*
 * tflite.c: puts the operators of another of the file's graphs here; its inputs are
 * @arguments, its outputs are appended to @results
 */
void tnc_tflite_subgraph(const struct tnc_tflite_op *from, int number,
			 const struct tnc_list *arguments,
			 struct tnc_list *results);

/* Likewise, as a part of loop @loop. */
void tnc_tflite_loop_part(const struct tnc_tflite_op *from, int number,
			  int loop, enum tnc_loop_part part);

/* tflite_control.c: another name for a tensor's elements, branches and loops */
void tnc_tflite_same(const struct tnc_tflite_op *from, int input, int output);
void tnc_tflite_if(const struct tnc_tflite_op *from);
void tnc_tflite_while(const struct tnc_tflite_op *from);
void tnc_tflite_call(const struct tnc_tflite_op *from);

/* tflite_state.c: variables, and operators that have some */
struct tnc_tflite_state *tnc_tflite_state_create(struct tnc *c);
void tnc_tflite_state_finish(struct tnc *c, struct tnc_tflite_state *state);
/* One more branch around what comes, or one less. */
void tnc_tflite_state_branch(struct tnc_tflite_state *state, int change);
/*
 * What named variables are before a branch; back to that, returning what they were
 * made; and what they are behind two branches.
 */
int *tnc_tflite_state_save(struct tnc *c, struct tnc_tflite_state *state);
int *tnc_tflite_state_restore(struct tnc *c, struct tnc_tflite_state *state,
			      const int *before);
void tnc_tflite_state_merge(const struct tnc_tflite_op *from, int condition,
			    const int *before, const int *taken);
void tnc_tflite_variable_tensor(struct tnc *c, struct tnc_tflite_state *state,
				int id);
void tnc_tflite_lstm(const struct tnc_tflite_op *from);
void tnc_tflite_svdf(const struct tnc_tflite_op *from);
void tnc_tflite_call_once(const struct tnc_tflite_op *from);
void tnc_tflite_var_handle(const struct tnc_tflite_op *from);
void tnc_tflite_read_variable(const struct tnc_tflite_op *from);
void tnc_tflite_assign_variable(const struct tnc_tflite_op *from);

/* tflite_custom.c */
void tnc_tflite_custom(const struct tnc_tflite_op *from);

/* tflite_move.c: operators that move bytes, or that only shapes decide. */
void tnc_tflite_pad(const struct tnc_tflite_op *from);
void tnc_tflite_mirror_pad(const struct tnc_tflite_op *from);
void tnc_tflite_slice(const struct tnc_tflite_op *from);
void tnc_tflite_strided_slice(const struct tnc_tflite_op *from);
void tnc_tflite_split(const struct tnc_tflite_op *from);
void tnc_tflite_split_v(const struct tnc_tflite_op *from);
void tnc_tflite_unpack(const struct tnc_tflite_op *from);
void tnc_tflite_pack(const struct tnc_tflite_op *from);
void tnc_tflite_concatenation(const struct tnc_tflite_op *from);
void tnc_tflite_transpose(const struct tnc_tflite_op *from);
void tnc_tflite_reverse(const struct tnc_tflite_op *from);
void tnc_tflite_depth(const struct tnc_tflite_op *from);
void tnc_tflite_batch(const struct tnc_tflite_op *from);
void tnc_tflite_shape(const struct tnc_tflite_op *from);
void tnc_tflite_fill(const struct tnc_tflite_op *from);
void tnc_tflite_zeros_like(const struct tnc_tflite_op *from);

#endif
