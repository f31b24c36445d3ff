/* SPDX-License-Identifier: MIT */
/*
 * The TinyNPU compiler: a trained model in, a program for the machine out.
 *
 * This is the only header that users of libtnc.a include. Every entry point
 * returns 0 or a negative errno, and on failure fills in a struct tnc_error
 * whose text names the file, the operator and the tensor:
 *
 *   -EINVAL      the model is malformed
 *   -EOPNOTSUPP  the model is sound, but needs what neither machine nor CPU can
 *   -ENOSPC      the model does not fit the machine, nor is it for the CPU
 *   -ENOMEM      out of memory, or above the memory limit
 *
 * Nothing here keeps global state: calls on different objects may run at the
 * same time on different threads.
 */
#ifndef TNC_H
#define TNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <npu/cost.h>

#define TNC_ERROR_TEXT 512

/** struct tnc_error - why an entry point failed; @text is one line. */
struct tnc_error {
	char text[TNC_ERROR_TEXT];
};

/** enum tnc_weights - how weights lie in memory */
enum tnc_weights {
	TNC_WEIGHTS_AUTO,	/* coded where they are loaded sooner then */
	TNC_WEIGHTS_RAW,
	TNC_WEIGHTS_CODED,	/* coded where that is shorter */
};

/**
 * struct tnc_constant - a value for an input, which it then no longer is
 * @name: what the model calls the input
 * @data: its elements, raw, little-endian
 * @size: bytes
 */
struct tnc_constant {
	const char *name;
	const void *data;
	size_t size;
};

/**
 * struct tnc_dim - a size that a model's inputs have a name for
 * @name: in the model
 * @size: the value, at least 1
 */
struct tnc_dim {
	const char *name;
	long size;
};

/**
 * struct tnc_quantised_op - what became of one operator of a float model
 * @source: number of the operator in the model; -1 for the outputs together
 * @op: its name; "total"
 * @tensor: name of its output; how scales were made of ranges
 * @snr_db: signal to noise of the output, quantised against float
 * @scale: of the output in int8, 0 if it is not
 * @zero_point: likewise
 * @kept_float: why it stays float, or NULL
 */
struct tnc_quantised_op {
	int source;
	const char *op;
	const char *tensor;
	double snr_db;
	float scale;
	int32_t zero_point;
	const char *kept_float;
};

/**
 * struct tnc_quantise - how a float model becomes one of int8
 * @inputs: calibration inputs: raw tensors, those of the first inference in the
 *	model's order, then those of the next
 * @count: inferences
 * @int8_interface: inputs and outputs of the model are int8, too
 * @report: is told of each operator on float numbers in order, then of the total,
 *	or NULL
 * @context: handed to @report
 */
struct tnc_quantise {
	const void *const *inputs;
	size_t count;
	int int8_interface;
	void (*report)(void *context, const struct tnc_quantised_op *op);
	void *context;
};

/**
 * struct tnc_options - what a compilation depends on besides the model
 * @name: what messages call the model, usually its file name
 * @machine: the machine to compile for
 * @hw_minor: its version is 1.N, at least NPU_HW_MINOR_WEIGHT_BUFFER
 * @weights: how weights lie in memory
 * @dump: letters of the passes after which the graph is printed, or NULL: 'i'
 *	for the import, those of tnc_pass_letters(), 'p' for the plan
 * @dump_to: where it is printed
 * @no_fallback: an operator on quantised numbers that the machine can't run is an
 *	error; without it, such run on the CPU, on float numbers
 * @partition_to: where it is said which operators run on the CPU, and why; NULL:
 *	nowhere
 * @quantise: makes int8 of what is float; NULL: it stays as it is
 * @yield_cycles: where an urgent job may interrupt the program, if not more than so
 *	many cycles shall lie between two such points; 0: where it costs nothing
 * @is_thorough: search in four ways, two of them with fifty times the steps, for what
 *	costs least: cycles times energy squared
 * @memory_limit: most bytes one call may hold; 0 means 1 GiB
 * @constants: inputs of an ONNX model that are known, such as a shape
 * @constants_count: how many
 * @dims: sizes of an ONNX model's inputs that have a name there
 * @dims_count: how many
 * @fail_allocation: makes the n-th allocation fail, for tests; 0 is never
 */
struct tnc_options {
	const char *name;
	struct npu_machine machine;
	uint32_t hw_minor;
	enum tnc_weights weights;
	const char *dump;
	FILE *dump_to;
	bool no_fallback;
	FILE *partition_to;
	const struct tnc_quantise *quantise;
	uint64_t yield_cycles;
	bool is_thorough;
	size_t memory_limit;
	const struct tnc_constant *constants;
	size_t constants_count;
	const struct tnc_dim *dims;
	size_t dims_count;
	uint64_t fail_allocation;
};

/** tnc_options_init() - set every option to its default. */
void tnc_options_init(struct tnc_options *options);

/**
 * tnc_compile() - compile a model (TFLite, or the text form of a graph)
 * @model: the file's bytes
 * @program: where the new program file's bytes go; free() them
 */
int tnc_compile(const void *model, size_t size,
		const struct tnc_options *options, void **program,
		size_t *program_size, struct tnc_error *error);

/**
 * tnc_disassemble() - print commands, one a line, each with all its fields
 * @commands: 64-byte records
 * @count: how many
 * @first: the number of the first one
 */
void tnc_disassemble(const void *commands, size_t count, size_t first,
		     FILE *to);

/** struct tnc_graph - a model as a graph of operators and tensors. */
struct tnc_graph;

/**
 * struct tnc_tensor_info - a tensor as users see it
 * @id: its number in the model
 * @name: its name, owned by the graph
 * @type: "int8", "int32", ...
 * @rank: number of entries in @shape
 * @shape: sizes, slowest dimension first
 * @size_bytes: bytes of all elements
 * @scale: value of one quantisation step
 * @zero_point: the quantised value that stands for 0
 */
struct tnc_tensor_info {
	int id;
	const char *name;
	const char *type;
	int rank;
	const int32_t *shape;
	size_t size_bytes;
	float scale;
	int32_t zero_point;
};

/**
 * tnc_compile_to_graph() - compile a model, and get what was compiled as a graph
 * @graph: where it goes, with what runs on the CPU as it does there, so that
 *	tnc_graph_run() computes what the program has to; tnc_graph_close() frees
 *	it. NULL: nowhere. The others as in tnc_compile()
 */
int tnc_compile_to_graph(const void *model, size_t size,
			 const struct tnc_options *options, void **program,
			 size_t *program_size, struct tnc_graph **graph,
			 struct tnc_error *error);

/**
 * tnc_graph_open() - read a model (TFLite) or the text form of a graph
 * @bytes: the file's bytes, which the graph does not keep
 * @graph: where the new graph goes; tnc_graph_close() frees it
 */
int tnc_graph_open(const void *bytes, size_t size,
		   const struct tnc_options *options,
		   struct tnc_graph **graph, struct tnc_error *error);

/** tnc_graph_close() - free a graph; NULL is fine. */
void tnc_graph_close(struct tnc_graph *graph);

/** tnc_graph_pass() - run the pass called @letter, and the verifier. */
int tnc_graph_pass(struct tnc_graph *graph, char letter,
		   struct tnc_error *error);

/** tnc_pass_letters() - the letters of all passes in their order. */
const char *tnc_pass_letters(void);

/** tnc_graph_print() - write the text form; reading it gives it again. */
int tnc_graph_print(struct tnc_graph *graph, FILE *to);

/** tnc_graph_inputs() - number of inputs the model has. */
int tnc_graph_inputs(const struct tnc_graph *graph);

/** tnc_graph_outputs() - number of outputs the model has. */
int tnc_graph_outputs(const struct tnc_graph *graph);

/** tnc_graph_input() - describe input number @index, in the model's order. */
void tnc_graph_input(const struct tnc_graph *graph, int index,
		     struct tnc_tensor_info *info);

/** tnc_graph_output() - describe output number @index. */
void tnc_graph_output(const struct tnc_graph *graph, int index,
		      struct tnc_tensor_info *info);

/**
 * tnc_graph_find() - the number of the tensor called @name, or -1
 *
 * Of several, it is the last one: those before are the same in another order.
 */
int tnc_graph_find(const struct tnc_graph *graph, const char *name);

/**
 * tnc_graph_run() - compute the graph with the reference arithmetic
 * @inputs: one tensor for each input, raw, little-endian
 * @outputs: where each output goes
 */
int tnc_graph_run(struct tnc_graph *graph, const void *const *inputs,
		  void *const *outputs, struct tnc_error *error);

/**
 * tnc_graph_keep_state() - whether variables keep their values between runs
 * @keep: if not, as at first, each tnc_graph_run() starts with initial values
 */
void tnc_graph_keep_state(struct tnc_graph *graph, int keep);

/** tnc_graph_reset_state() - give variables their initial values again. */
int tnc_graph_reset_state(struct tnc_graph *graph, struct tnc_error *error);

/**
 * tnc_graph_value() - the value tensor @id got in the last tnc_graph_run()
 *
 * Returns NULL when there is no such tensor or it has no value yet. The bytes
 * belong to the graph and change with the next run.
 */
const void *tnc_graph_value(const struct tnc_graph *graph, int id,
			    size_t *size_bytes);

#endif
