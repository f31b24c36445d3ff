/* SPDX-License-Identifier: MIT */
/*
 * The way from a legal graph to commands. Words used here:
 *
 *   map       the bytes of an activation tensor; resident in SRAM from its
 *             first to its last use, or kept in memory and moved in tiles
 *   tile      the part of an operator's output that one command computes
 *   step      one command of the MAC or VEC unit, or all that an operator which
 *             only moves bytes has the DMA unit do; steps are numbered in their
 *             order, and that number is what "time" means here
 *   chunk     the weight block of a tile's output channels
 *   buffer    a range of SRAM during a range of steps
 *   transfer  one DMA command: a load into a buffer or a store from it
 *
 * Private to the compiler.
 */
#ifndef TNC_PLAN_H
#define TNC_PLAN_H

#include <npu/cost.h>
#include <npu/cpu.h>
#include <npu/program.h>

#include "code.h"
#include "ir.h"
#include "move.h"

#define TNC_STEPS_MAX 200000
#define TNC_SUM_SHIFT 20	/* of summands, as TensorFlow Lite does */
#define TNC_OPERANDS 3		/* activations that an operator reads, at most */

/* Of an operator that resizes, by rows and by columns. */
struct tnc_resize {
	bool is_there;
	uint8_t flags;		/* NPU_RESIZE_* */
	int size[2];		/* of the input */
	uint32_t scale[2];	/* as the command has it */
};

/* An operator in numbers: what tiling has to know of it. */
struct tnc_geometry {
	int in_h, in_w, in_c;
	int out_h, out_w, out_c;
	struct tnc_hw window;
	struct tnc_hw stride;
	struct tnc_hw dilation;
	struct tnc_pads pads;
	int inputs;		/* activations */
	bool is_move;		/* only moves bytes: the rest is nothing */
	int in_size[TNC_OPERANDS];	/* bytes of an element; likewise: */
	int out_size;
	/* An input has one row for all; likewise the next. */
	bool repeats_row[TNC_OPERANDS];
	bool repeats_column[TNC_OPERANDS];
	bool repeats_channel[TNC_OPERANDS];
	uint32_t block;		/* bytes of the program, of a vector operator */
	int work;		/* likewise, per element */
	struct tnc_resize resize;
	bool has_weights;
	bool has_sum;		/* its second input is added to the result */
	uint8_t format;		/* of the command that has, NPU_CONV_* */
	bool is_product;	/* weights are input 1, of each batch its own */
	bool is_transposed;	/* whose rows are output channels then */
	int batch_h;		/* output rows of a batch */
	bool is_channelwise;	/* output channel c needs input c / multiplier */
	int multiplier;
	int channel_unit;	/* tiles have a multiple of so many channels */
};

struct tnc_tile {
	int h, w, c;
	bool is_channels_outer;	/* order of the loops over tiles */
};

/* What is done with maps between operators that take turns: see roll.c. */
enum tnc_roll {
	TNC_ROLL_NONE,	/* they are whole */
	TNC_ROLL_TURNS,	/* a window for each band */
	TNC_ROLL_PLACE,	/* one window: smaller, but its users wait */
};

/* All that the choice of an operator's tile follows from; has no padding. */
struct tnc_tile_question {
	uint64_t sram;		/* bytes that it may take; likewise: */
	uint64_t buffer;
	int32_t channels;	/* as the hint has them; likewise: */
	int32_t rows;
	uint64_t flags;		/* where its operands and weights are; its level */
};

struct tnc_tile_answer {
	struct tnc_tile tile;
	uint64_t need;		/* bytes of SRAM */
	bool is_found;		/* else none fits */
};

/*
 * What the search asks of an operator's tiles, beyond what makes them fit:
 * at most so many channels, at least so many tiles from top to bottom. 0: any.
 */
struct tnc_hint {
	int channels;
	int rows;
	bool joins;		/* its tiles come among those of the one before */
	enum tnc_roll rolls;	/* likewise of all operators of the chain */
	bool follows;		/* bands are what the next operator wants */
	bool yields;		/* SRAM is empty when it begins */
	int in_sram;		/* weights of its first so many channels; others: buffer */
	int late;		/* loads: so many steps before their need; 0: early */
};

#define TNC_CHAIN_MAX 16	/* operators that take turns */

/* What the planner decides for one operator. */
struct tnc_op_plan {
	struct tnc_geometry geometry;
	struct tnc_tile tile;
	uint64_t cap;		/* most bytes its tiles may take */
	uint64_t need;		/* bytes they take */
	bool is_buffered;	/* weights go to the weight buffer, as far as the hint lets them */
	int level;		/* of giving up: see tile.c */
	int chunks;
	const struct tnc_chunk *chunk;
	uint32_t *chunk_offset;	/* in the constants */
	int first_step;
	int last_step;
	int twin;		/* first operator with the same block; itself */
	/* Of a first one: does the block stay in SRAM, until which operator? */
	bool is_shared;
	int last_user;
	int shared_buffer;	/* -1: not there yet */
	bool has_own_chunks;	/* in memory */
};

/* What has no effect in an operator with weights: channels, bits of multipliers. */
struct tnc_dead {
	const bool *input;	/* its weights do nothing; NULL: there are none */
	bool *is_constant;	/* by output channel; NULL: there are none */
	int8_t *value;		/* that it has everywhere then */
	uint32_t *multiplier;	/* trim.c: likewise; NULL: the operator's own */
};

struct tnc_chunk {
	uint8_t *bytes;		/* as they lie in memory */
	uint32_t stored;	/* bytes in memory */
	uint32_t size;		/* bytes in SRAM */
	bool is_coded;
	struct tnc_coded coded;	/* its bytes are not kept */
};

struct tnc_map {
	const struct tnc_tensor *root;
	uint32_t size;
	bool is_resident;
	bool has_home;		/* else it needs a place in the scratch region */
	bool is_scratch;	/* and has got one: each attempt gives another */
	int region;
	uint32_t offset;
	int input;		/* of the model, or -1 */
	int output;		/* first of the model's, or -1 */
	int first_op;		/* -1: there from the start */
	int last_op;
	bool is_kept;		/* by a variable: in memory until the end */
	int writer;		/* operator whose output it holds so far, or -1 */
	uint32_t loaded;	/* bytes that loads have brought so far */
	int buffer;
	/* Resident as a window of rows; the buffer is then the latest one. */
	bool is_rolled;
	int first_row;		/* of the window */
};

struct tnc_buffer {
	uint32_t size;
	int first;
	int last;
	uint32_t addr;
	int op;
	bool is_placed;
	bool is_loaded;		/* by a transfer: placed in that order */
	bool is_buffered;	/* in the weight buffer, not in SRAM */
};

struct tnc_transfer {
	bool is_store;
	int buffer;		/* -1: from memory to memory */
	uint32_t in_buffer;	/* where in the buffer it begins */
	int region;
	uint32_t offset;
	int to_region;		/* memory to memory only; likewise the next */
	uint32_t to_offset;
	uint32_t run;
	const struct tnc_coded *coded;	/* of a stream in memory, or NULL */
	uint16_t n[3];
	uint32_t mem_stride[3];
	uint32_t sram_stride[3];
	int op;			/* -1: of none, as there are none */
	int ready;		/* loads: first step they may precede */
	int step;		/* loads: the step that needs it; stores: made it */
	int at;			/* the step before which it is issued */
	bool is_early;		/* stores: before the loads of that step */
	bool is_ahead;		/* loads: may overtake those that are needed sooner */
	int number;		/* keeps their order when sorted */
};

/* Rows that move from the window of a map to the next one, in SRAM. */
struct tnc_carry {
	int from;		/* buffers; both dense */
	int to;
	uint32_t offset;	/* in the first */
	uint32_t size;		/* 0: there are none */
};

/* Part of a map or tile, as a command's operand sees it. */
struct tnc_surface {
	int buffer;
	uint32_t offset;
	uint32_t row_pitch;
	uint32_t pixel_pitch;
	int h, w, c;
	int size;		/* bytes of an element */
};

struct tnc_step {
	int op;
	struct tnc_surface in[TNC_OPERANDS];
	struct tnc_surface out;
	int pad_top, pad_left;
	int in_y, in_x, out_y, out_x;	/* where in the whole the tiles begin */
	int weights;		/* or a program: buffer, or -1 */
	int channel;		/* first output channel */
	struct tnc_moves moves;	/* instead, if it only moves bytes */
	struct tnc_moves shuffle;	/* before: from in[1] to the weights */
	struct tnc_carry carry;	/* before */
};

struct tnc_plan {
	struct tnc *c;
	const struct npu_machine *machine;
	const struct tnc_hint *hint;	/* by operator */
	uint64_t work;		/* steps made in all attempts */
	struct tnc_map *map;
	int maps;
	int *map_of;		/* by tensor */
	uint32_t *variable_offset; /* by variable */
	uint32_t variables_size;
	struct tnc_op_plan *op;
	int *sharer;		/* first operators of those with common blocks */
	int sharers;

	/* Made anew by each attempt. */
	struct tnc_buffer *buffer;
	int buffers, buffers_room;
	struct tnc_step *step;
	int steps, steps_room;
	struct tnc_transfer *load;
	int loads, loads_room;
	struct tnc_transfer *store;
	int stores, stores_room;
	uint32_t constants_size;
	uint32_t scratch_size;
	uint32_t sram_used;
	uint32_t buffer_used;	/* of the weight buffer */
	int failed_op;		/* where the SRAM was too small */
};

struct tnc_estimate {
	uint64_t cycles;
	uint64_t energy_fj;
	uint64_t mac_ops;
	uint64_t busy[NPU_UNIT_COUNT];
	uint64_t mem_bytes;
};

/* What emitting leaves: everything that goes into the program file. */
struct tnc_program {
	union npu_cmd *cmd;
	int *cmd_op;		/* the operator each command belongs to, or -1 */
	int cmds;
	int cmds_room;
	uint8_t *constants;
	uint32_t constants_size;
	uint8_t *variables;	/* what they begin with */
	uint32_t variables_size;
	uint32_t scratch_size;
	uint32_t sram_used;
	uint32_t buffer_used;
	uint64_t sram_live;	/* most bytes at once; likewise: */
	uint64_t scratch_live;
	uint64_t weights_size;	/* of all weight blocks; likewise: */
	uint64_t weights_stored;
	struct tnc_estimate estimate;
	struct npu_program_layer *layer;	/* by operator */
	const char **layer_name;		/* likewise */
	int layers;

	/* Of a program that has operators run on the CPU; else none. */
	struct npu_program_segment *segment;
	int segments;
	struct npu_cpu_op *cpu_op;
	int cpu_ops, cpu_ops_room;
	struct npu_cpu_tensor *cpu_tensor;
	int cpu_tensors, cpu_tensors_room;
	struct npu_loop *loop;
	int loops;
	uint8_t *loop_program;	/* their parts' programs, one behind the other */
	size_t loop_bytes;
	npu_le32 *cpu_word;
	int cpu_words, cpu_words_room;
};

/* geometry.c */
struct tnc_geometry tnc_geometry_of(struct tnc *c, const struct tnc_op *op);
void tnc_geometry_check(struct tnc *c, const struct tnc_op *op,
			const struct tnc_geometry *g);
void tnc_geometry_range(int first, int count, int stride, int span, int pad,
			int size, int *from, int *cells, int *pad_before);
uint64_t tnc_geometry_in_bytes(const struct tnc_geometry *g,
			       const struct tnc_tile *tile, int input);
uint64_t tnc_geometry_out_bytes(const struct tnc_geometry *g,
				const struct tnc_tile *tile);
uint64_t tnc_geometry_chunk_bytes(const struct tnc_geometry *g, int channels);
uint64_t tnc_geometry_constant_bytes(const struct tnc_geometry *g,
				     int channels);
int tnc_geometry_batches(const struct tnc_geometry *g);
bool tnc_geometry_is_legal(const struct tnc_geometry *g,
			   const struct tnc_tile *tile);
bool tnc_geometry_is_second(const struct tnc_geometry *g, int input);
int tnc_operand(const struct tnc_op *op, const struct tnc_geometry *g,
		int input);

/* resize.c */
struct tnc_resize tnc_resize_of(const struct tnc *c, const struct tnc_op *op);
void tnc_resize_range(const struct tnc_resize *r, int dim, int first, int count,
		      int *from, int *cells);
int tnc_resize_most(const struct tnc_resize *r, int dim, int count);

/* maps.c */
struct tnc_home tnc_home_of_input(const struct tnc *c, int index);
struct tnc_home tnc_home_of_output(const struct tnc *c, int index);
void tnc_maps_create(struct tnc_plan *p);
void tnc_maps_place(struct tnc_plan *p);
uint64_t tnc_maps_live(const struct tnc_plan *p, int op);
bool tnc_maps_spill(struct tnc_plan *p, int op);

/* roll.c */
void tnc_roll_find(struct tnc_plan *p);
bool tnc_roll_holds(const struct tnc_plan *p);
uint64_t tnc_roll_bytes(const struct tnc_plan *p, const struct tnc_map *map);
void tnc_roll_span(const struct tnc_plan *p, int op, int *first, int *last);

/* share.c */
void tnc_share_find(struct tnc_plan *p);
uint64_t tnc_share_live(const struct tnc_plan *p, int op, bool is_buffered);
int tnc_share_largest(const struct tnc_plan *p, int op, uint64_t *bytes);

/* recall.c */
void tnc_recall_start(struct tnc *c);
const struct tnc_tile_answer *tnc_recall(const struct tnc_plan *p, int op,
					 const struct tnc_tile_question *q);
void tnc_recall_keep(const struct tnc_plan *p, int op,
		     const struct tnc_tile_question *q,
		     const struct tnc_tile_answer *answer);

/* tile.c, steps.c, place.c */
bool tnc_tile_choose(struct tnc_plan *p, int op);
bool tnc_tile_shrink(struct tnc_plan *p, int op);
void tnc_tile_restart(struct tnc_plan *p, int op);
bool tnc_tile_last_resort(struct tnc_plan *p, int op);
void tnc_steps_create(struct tnc_plan *p);
bool tnc_place(struct tnc_plan *p);

/* shuffle.c */
void tnc_shuffle_create(struct tnc *c, const struct tnc_geometry *g,
			const struct tnc_surface *tile, int channels,
			struct tnc_moves *moves);

/* plan.c */
bool tnc_plan_make(struct tnc_plan *p, struct tnc *c,
		   const struct tnc_hint *hint);
_Noreturn void tnc_plan_does_not_fit(struct tnc_plan *p);

/* dead.c, trim.c */
void tnc_dead_find(struct tnc *c);
void tnc_trim_find(struct tnc *c);

/* chunks.c */
const struct tnc_chunk *tnc_chunks_of(struct tnc *c, int number,
				      const struct tnc_geometry *g,
				      int channels);

/* schedule.c */
void tnc_schedule_check(struct tnc *c);
struct tnc_program *tnc_schedule(struct tnc *c);

/* segments.c, emit_cpu.c */
struct tnc_program *tnc_segments_make(struct tnc *c);
void tnc_emit_cpu(struct tnc *c, const struct tnc_op *op, int layer,
		  const struct tnc_home *home, struct tnc_program *program);

/* pack.c, emit.c, live.c, estimate.c, program.c */
void tnc_pack_chunk(const struct tnc *c, int number,
		    const struct tnc_geometry *g, int first, int channels,
		    uint8_t *block);
void tnc_pack(struct tnc_plan *p, struct tnc_program *program);
bool tnc_emit_has(const struct tnc_op *op);
void tnc_emit(struct tnc_plan *p, struct tnc_program *program);
void tnc_live(const struct tnc_plan *p, struct tnc_program *program);
void tnc_estimate(struct tnc_plan *p, struct tnc_program *program);
enum npu_unit tnc_estimate_unit(uint8_t op);

/* yield.c: points at which a job makes way */
void tnc_yield_spill(struct tnc_plan *p);
int tnc_yield_floor(const struct tnc_plan *p, int op);
void tnc_yield_find(const struct tnc_plan *p, const struct tnc_program *program,
		    uint64_t cycles, bool *yields);
void tnc_program_name_layers(struct tnc *c, struct tnc_op *const *op,
			     int count, struct tnc_program *program);
/* loop.c: adds the programs of the graph's loops */
void tnc_loops_compile(struct tnc *c, struct tnc_program *program);
void tnc_program_write(struct tnc *c, const struct tnc_program *program,
		       const uint8_t *model, size_t model_size, void **bytes,
		       size_t *size);

#endif
