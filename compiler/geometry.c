// SPDX-License-Identifier: MIT
/*
 * Operators in numbers, the sizes of their tiles, and the limits of one
 * command. Used by the planner.
 */
#include <errno.h>

#include "move.h"
#include "plan.h"
#include "vector.h"

#define FIELD8_MAX 255
#define FIELD16_MAX 65535

/* Inputs of two are as large as the output, or repeated. */
static void binary_geometry(struct tnc *c, const struct tnc_op *op,
			    struct tnc_geometry *g)
{
	g->in_h = g->out_h;
	g->in_w = g->out_w;
	g->in_c = g->out_c;
	g->inputs = 2;
	for (int i = 0; i < 2; i++) {
		const struct tnc_tensor *in = tnc_op_input(c, op, i);

		g->repeats_row[i] = in->shape[1] < g->out_h;
		g->repeats_column[i] = in->shape[2] < g->out_w;
	}
}

/* Inputs are as large as the output, or repeated; the last is the program. */
static void vector_geometry(struct tnc *c, const struct tnc_op *op,
			    struct tnc_geometry *g)
{
	const struct tnc_tensor *block = tnc_vector_block(c, op);

	g->in_h = g->out_h;
	g->in_w = g->out_w;
	g->in_c = tnc_vector_lanes(c, op);
	g->inputs = op->inputs - 1;
	g->block = tnc_tensor_bytes(block);
	g->work = tnc_vector_work(block);
	g->is_channelwise = !tnc_vector_reduces(block) && g->out_c == g->in_c;
	if (!g->is_channelwise)
		g->channel_unit = g->out_c;
	for (int i = 0; i < g->inputs; i++) {
		const struct tnc_tensor *in = tnc_op_input(c, op, i);

		g->repeats_row[i] = in->shape[1] < g->out_h;
		g->repeats_column[i] = in->shape[2] < g->out_w;
		g->repeats_channel[i] = in->shape[3] < g->in_c;
	}
}

static uint8_t conv_format(const struct tnc *c, const struct tnc_op *op)
{
	uint8_t format = 0;

	if (tnc_op_input(c, op, 0)->type == TNC_INT16)
		format |= NPU_CONV_IFM16;
	if (tnc_op_output(c, op)->type == TNC_INT16)
		format |= NPU_CONV_OFM16;
	if (tnc_op_output(c, op)->type == TNC_INT32)
		return format | NPU_CONV_OFM32 |
		       (tnc_op_has_weight_zeros(c, op) ? NPU_CONV_WEIGHT_ZP : 0);
	if (tnc_op_has_weight_zeros(c, op))
		format |= NPU_CONV_WEIGHT_ZP;
	if (op->mode & TNC_MODE_ONNX)
		format |= NPU_CONV_FLOAT;
	if (tnc_op_is_wide(c, op))
		format |= NPU_CONV_WIDE;
	if (op->sum)
		format |= NPU_CONV_ADD;
	return format;
}

/* Matrices of all batches are below each other. */
static void product_geometry(struct tnc *c, const struct tnc_op *op,
			     struct tnc_geometry *g)
{
	g->is_product = true;
	g->is_transposed = op->mode & TNC_MODE_ADJOINT_B;
	g->inputs = 2;
	g->batch_h = tnc_matmul_of(c, op).m;
}

int tnc_geometry_batches(const struct tnc_geometry *g)
{
	return g->out_h / g->batch_h;
}

/* Operators that move bytes have no tiles: transfers take maps where they are. */
static struct tnc_geometry move_geometry(struct tnc *c, const struct tnc_op *op)
{
	return (struct tnc_geometry){
		.is_move = true,
		.inputs = tnc_move_inputs(c, op),
	};
}

/* Is it what the output stage adds, as large as the output? */
bool tnc_geometry_is_second(const struct tnc_geometry *g, int input)
{
	return g->has_sum && input == 1;
}

/* The tensor that is one of @g->inputs. */
int tnc_operand(const struct tnc_op *op, const struct tnc_geometry *g,
		int input)
{
	return op->input[tnc_geometry_is_second(g, input) ? TNC_INPUT_SECOND :
							    input];
}

struct tnc_geometry tnc_geometry_of(struct tnc *c, const struct tnc_op *op)
{
	const struct tnc_tensor *in = tnc_op_input(c, op, 0);
	const struct tnc_tensor *out = tnc_op_output(c, op);
	bool is_product = op->kind == TNC_BATCH_MATMUL;
	bool is_conv = op->kind == TNC_CONV_2D || is_product;
	bool is_depthwise = op->kind == TNC_DEPTHWISE_CONV_2D;
	struct tnc_geometry g = {
		.in_h = in->shape[1],
		.in_w = in->shape[2],
		.in_c = in->shape[3],
		.out_h = out->shape[1],
		.out_w = out->shape[2],
		.out_c = out->shape[3],
		.window = tnc_op_window(c, op),
		.stride = op->stride,
		.dilation = op->dilation,
		.pads = op->pads,
		.inputs = op->sum ? 2 : 1,
		.has_weights = is_conv || is_depthwise,
		.has_sum = op->sum,
		.is_channelwise = !is_conv && op->kind != TNC_SOFTMAX,
		.multiplier = 1,
		.channel_unit = 1,
	};

	g.batch_h = g.out_h;
	if (is_product)
		product_geometry(c, op, &g);
	if (g.has_weights)
		g.format = conv_format(c, op);
	if (tnc_op_is_move(op))
		return move_geometry(c, op);
	if (tnc_op_is_binary(op))
		binary_geometry(c, op, &g);
	if (op->kind == TNC_VECTOR)
		vector_geometry(c, op, &g);
	if (op->kind == TNC_RESIZE_BILINEAR ||
	    op->kind == TNC_RESIZE_NEAREST_NEIGHBOR)
		g.resize = tnc_resize_of(c, op);
	if (is_depthwise) {
		g.multiplier = g.out_c / g.in_c;
		g.channel_unit = g.multiplier;
	}
	if (op->kind == TNC_SOFTMAX)
		g.channel_unit = g.out_c;
	for (int i = 0; i < g.inputs; i++)
		g.in_size[i] = tnc_type_info[
			c->tensor[tnc_operand(op, &g, i)]->type].size;
	g.out_size = tnc_type_info[out->type].size;
	return g;
}

static void limit(struct tnc *c, const char *what, int value, int most)
{
	if (value > most)
		tnc_error(c, -EOPNOTSUPP, "unsupported %s of %d, at most %d",
			  what, value, most);
}

/* Commands have fields of 8 and 16 bits: is there one that is too small? */
void tnc_geometry_check(struct tnc *c, const struct tnc_op *op,
			const struct tnc_geometry *g)
{
	if (g->is_move)
		return;
	tnc_place_op(c, op);
	limit(c, "window height", g->window.h, FIELD8_MAX);
	limit(c, "window width", g->window.w, FIELD8_MAX);
	limit(c, "vertical stride", g->stride.h, FIELD8_MAX);
	limit(c, "horizontal stride", g->stride.w, FIELD8_MAX);
	limit(c, "vertical dilation", g->dilation.h, FIELD8_MAX);
	limit(c, "horizontal dilation", g->dilation.w, FIELD8_MAX);
	limit(c, "padding at the top", g->pads.top, FIELD8_MAX);
	limit(c, "padding on the left", g->pads.left, FIELD8_MAX);
	limit(c, "depth multiplier", g->multiplier, FIELD8_MAX);
	for (int i = 0; i < g->inputs; i++)
		limit(c, "input depth", g->in_c, FIELD16_MAX / g->in_size[i]);
	limit(c, "output depth", g->out_c, FIELD16_MAX / g->out_size);
	tnc_place_none(c);
}

/*
 * The input cells that @count output positions from @first on look at, along
 * one axis: clipped to the input, with what is missing before it.
 */
void tnc_geometry_range(int first, int count, int stride, int span, int pad,
			int size, int *from, int *cells, int *pad_before)
{
	int64_t low = (int64_t)first * stride - pad;
	int64_t high = low + (int64_t)(count - 1) * stride + span;

	*pad_before = low < 0 ? -low : 0;
	if (low < 0)
		low = 0;
	if (high > size)
		high = size;
	*from = low;
	*cells = high - low;
}

/* Most input cells along one axis that @count outputs need. */
static uint64_t cells(int count, int stride, int window, int dilation,
		      int size)
{
	uint64_t all = (uint64_t)(count - 1) * stride +
		       (uint64_t)(window - 1) * dilation + 1;

	return all < (uint64_t)size ? all : (uint64_t)size;
}

static uint64_t in_columns(const struct tnc_geometry *g,
			   const struct tnc_tile *tile)
{
	if (g->resize.is_there)
		return tnc_resize_most(&g->resize, 1, tile->w);
	return cells(tile->w, g->stride.w, g->window.w, g->dilation.w,
		     g->in_w);
}

static uint64_t in_rows(const struct tnc_geometry *g,
			const struct tnc_tile *tile)
{
	if (g->resize.is_there)
		return tnc_resize_most(&g->resize, 0, tile->h);
	return cells(tile->h, g->stride.h, g->window.h, g->dilation.h,
		     g->in_h);
}

/* Of the input that has most: one that is repeated has one. */
static uint64_t in_channels(const struct tnc_geometry *g,
			    const struct tnc_tile *tile)
{
	return g->is_channelwise ? tile->c / g->multiplier : g->in_c;
}

static uint64_t out_elements(const struct tnc_tile *tile)
{
	return (uint64_t)tile->h * tile->w * tile->c;
}

/* Bytes of a tile of one input. */
uint64_t tnc_geometry_in_bytes(const struct tnc_geometry *g,
			       const struct tnc_tile *tile, int input)
{
	if (g->is_product && input == 1)
		return (uint64_t)g->in_c * tile->c;
	if (tnc_geometry_is_second(g, input))
		return out_elements(tile) * g->in_size[input];
	return (g->repeats_row[input] ? 1 : in_rows(g, tile)) *
	       (g->repeats_column[input] ? 1 : in_columns(g, tile)) *
	       (g->repeats_channel[input] ? 1 : in_channels(g, tile)) *
	       g->in_size[input];
}

uint64_t tnc_geometry_out_bytes(const struct tnc_geometry *g,
				const struct tnc_tile *tile)
{
	return out_elements(tile) * g->out_size;
}

/* Do a tile's rows fit the fields for pitches? */
static bool has_pitches(const struct tnc_geometry *g,
			const struct tnc_tile *tile)
{
	uint64_t in = in_columns(g, tile) * in_channels(g, tile);

	for (int i = 0; i < (g->is_product ? 1 : g->inputs); i++)
		if (in * g->in_size[i] > FIELD16_MAX)
			return false;
	return (uint64_t)tile->w * tile->c * g->out_size <= FIELD16_MAX;
}

/* Bytes of the weight block of @channels output channels. */
uint64_t tnc_geometry_chunk_bytes(const struct tnc_geometry *g, int channels)
{
	uint64_t taps = (uint64_t)g->window.h * g->window.w;
	uint64_t weights;

	if (!g->has_weights)
		return g->block;
	weights = g->is_channelwise ?
		npu_dwconv_weight_bytes(channels, taps) :
		npu_conv_weight_bytes(channels, taps * g->in_c);
	return npu_conv_weight_offset(g->format, channels) + weights;
}

/* What of that is constant. */
uint64_t tnc_geometry_constant_bytes(const struct tnc_geometry *g,
				     int channels)
{
	return g->is_product ? npu_conv_weight_offset(g->format, channels) :
			       tnc_geometry_chunk_bytes(g, channels);
}

/* Can one command compute the tile, wherever its operands lie? */
bool tnc_geometry_is_legal(const struct tnc_geometry *g,
			   const struct tnc_tile *tile)
{
	uint64_t out = out_elements(tile);
	uint64_t taps = (uint64_t)g->window.h * g->window.w;
	bool is_sum = g->has_weights && !g->is_channelwise;
	uint64_t depth = taps * (is_sum ? g->in_c : 1);
	uint64_t lanes = (uint64_t)tile->h * tile->w * in_channels(g, tile);
	uint64_t most = g->has_weights ? NPU_MAX_CMD_MACS : NPU_MAX_CMD_STEPS;

	if (g->resize.is_there)
		depth = 4;
	return (g->block ? lanes * g->work : out * depth) <= most &&
	       tile->h <= FIELD16_MAX && tile->w <= FIELD16_MAX &&
	       in_rows(g, tile) <= FIELD16_MAX && has_pitches(g, tile);
}
