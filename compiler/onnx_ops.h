/* SPDX-License-Identifier: MIT */
/*
 * The importers of ONNX operators, one function for one or several that differ
 * in the operator of the graph alone (@kind). Each reads the node's inputs and
 * attributes and says what its outputs are.
 */
#ifndef TNC_ONNX_OPS_H
#define TNC_ONNX_OPS_H

#include "onnx.h"

#define TNC_ONNX_EXTRA 7

/*
 * A convolution: how it computes follows from the quantisation, if any. One of
 * integers (TNC_CONV_INTEGER) has inputs besides: zero points, scales and bias.
 */
struct tnc_onnx_conv {
	int kind;		/* or 0 */
	int x;
	int w;
	int bias;		/* or TNC_INPUT_NONE */
	enum tnc_type type;	/* of the output */
	struct tnc_quant weights;
	struct tnc_quant out;
	int extra[TNC_ONNX_EXTRA];
};

/* onnx_volume.c: pictures of three directions */
int tnc_onnx_volume_conv(struct tnc_onnx *im, const struct tnc_onnx_conv *what);
int tnc_onnx_volume_pool(struct tnc_onnx *im, int kind, int x);

/* onnx_conv.c */
void tnc_onnx_pad_same(int in, int span, int stride, bool is_odd_first,
		       int *first, int *last);
int tnc_onnx_convolution(struct tnc_onnx *im, const struct tnc_onnx_conv *what);
void tnc_onnx_conv(struct tnc_onnx *im, int kind);
int tnc_onnx_pooled(struct tnc_onnx *im, int kind, int x,
		    struct tnc_quant quant);
void tnc_onnx_pool(struct tnc_onnx *im, int kind);
void tnc_onnx_conv_transpose(struct tnc_onnx *im, int kind);
void tnc_onnx_global_pool(struct tnc_onnx *im, int kind);

/* onnx_math.c */
int tnc_onnx_number(struct tnc_onnx *im, int index);
void tnc_onnx_one(struct tnc_onnx *im, int kind);
void tnc_onnx_two(struct tnc_onnx *im, int kind);
void tnc_onnx_many(struct tnc_onnx *im, int kind);
void tnc_onnx_mean(struct tnc_onnx *im, int kind);
void tnc_onnx_softsign(struct tnc_onnx *im, int kind);
void tnc_onnx_with_alpha(struct tnc_onnx *im, int kind);
void tnc_onnx_hard_sigmoid(struct tnc_onnx *im, int kind);
void tnc_onnx_gelu(struct tnc_onnx *im, int kind);
void tnc_onnx_clip(struct tnc_onnx *im, int kind);
void tnc_onnx_reciprocal(struct tnc_onnx *im, int kind);
void tnc_onnx_mod(struct tnc_onnx *im, int kind);
void tnc_onnx_where(struct tnc_onnx *im, int kind);
void tnc_onnx_cast_node(struct tnc_onnx *im, int kind);

/* onnx_reduce.c */
void tnc_onnx_reduction(struct tnc_onnx *im, int kind);
void tnc_onnx_norm(struct tnc_onnx *im, int kind);
void tnc_onnx_arg(struct tnc_onnx *im, int kind);
void tnc_onnx_instance_norm(struct tnc_onnx *im, int kind);
void tnc_onnx_softmax(struct tnc_onnx *im, int kind);
void tnc_onnx_layer_norm(struct tnc_onnx *im, int kind);
void tnc_onnx_batch_norm(struct tnc_onnx *im, int kind);
void tnc_onnx_cumsum(struct tnc_onnx *im, int kind);

/* onnx_matmul.c */
int tnc_onnx_product(struct tnc_onnx *im, int a, int b, enum tnc_type type,
		     struct tnc_quant weights, struct tnc_quant out);
void tnc_onnx_matmul(struct tnc_onnx *im, int kind);
void tnc_onnx_gemm(struct tnc_onnx *im, int kind);

/* onnx_move.c */
int tnc_onnx_join(struct tnc_onnx *im, const int *id, int count, int64_t axis);
int tnc_onnx_pick(struct tnc_onnx *im, int x, int axis, int index);
void tnc_onnx_same(struct tnc_onnx *im, int kind);
void tnc_onnx_reshape_node(struct tnc_onnx *im, int kind);
void tnc_onnx_flatten(struct tnc_onnx *im, int kind);
void tnc_onnx_squeeze(struct tnc_onnx *im, int kind);
void tnc_onnx_unsqueeze(struct tnc_onnx *im, int kind);
void tnc_onnx_transpose_node(struct tnc_onnx *im, int kind);
void tnc_onnx_concat(struct tnc_onnx *im, int kind);
void tnc_onnx_split(struct tnc_onnx *im, int kind);
void tnc_onnx_slice_node(struct tnc_onnx *im, int kind);
void tnc_onnx_pad(struct tnc_onnx *im, int kind);
void tnc_onnx_expand(struct tnc_onnx *im, int kind);
void tnc_onnx_tile(struct tnc_onnx *im, int kind);
void tnc_onnx_gather(struct tnc_onnx *im, int kind);
void tnc_onnx_depth(struct tnc_onnx *im, int kind);

/* onnx_shape.c */
void tnc_onnx_shape(struct tnc_onnx *im, int kind);
void tnc_onnx_constant_node(struct tnc_onnx *im, int kind);
void tnc_onnx_constant_of_shape(struct tnc_onnx *im, int kind);
void tnc_onnx_size_node(struct tnc_onnx *im, int kind);
void tnc_onnx_range(struct tnc_onnx *im, int kind);
void tnc_onnx_eye_like(struct tnc_onnx *im, int kind);

/* onnx_formula.c */
void tnc_onnx_celu(struct tnc_onnx *im, int kind);
void tnc_onnx_selu(struct tnc_onnx *im, int kind);
void tnc_onnx_mish(struct tnc_onnx *im, int kind);
void tnc_onnx_shrink(struct tnc_onnx *im, int kind);
void tnc_onnx_thresholded(struct tnc_onnx *im, int kind);
void tnc_onnx_tan(struct tnc_onnx *im, int kind);
void tnc_onnx_hyperbolic(struct tnc_onnx *im, int kind);
void tnc_onnx_xor(struct tnc_onnx *im, int kind);
void tnc_onnx_is_nan(struct tnc_onnx *im, int kind);
void tnc_onnx_lrn(struct tnc_onnx *im, int kind);
void tnc_onnx_lp_normalization(struct tnc_onnx *im, int kind);
void tnc_onnx_mean_variance(struct tnc_onnx *im, int kind);
void tnc_onnx_group_norm(struct tnc_onnx *im, int kind);

/* onnx_index.c */
void tnc_onnx_gather_elements(struct tnc_onnx *im, int kind);
void tnc_onnx_gather_nd(struct tnc_onnx *im, int kind);
void tnc_onnx_scatter_nd(struct tnc_onnx *im, int kind);
void tnc_onnx_scatter_elements(struct tnc_onnx *im, int kind);
void tnc_onnx_topk(struct tnc_onnx *im, int kind);
void tnc_onnx_one_hot(struct tnc_onnx *im, int kind);
void tnc_onnx_hardmax(struct tnc_onnx *im, int kind);
void tnc_onnx_trilu(struct tnc_onnx *im, int kind);

/* onnx_recurrent.c */
enum { TNC_ONNX_RNN, TNC_ONNX_GRU, TNC_ONNX_LSTM };
void tnc_onnx_recurrent(struct tnc_onnx *im, int kind);

/* onnx_loop.c: a loop that is not written out */
void tnc_onnx_keep_loop(struct tnc_onnx *im, const Onnx__GraphProto *body,
			int states);

/* onnx_control.c */
void tnc_onnx_if(struct tnc_onnx *im, int kind);
void tnc_onnx_loop(struct tnc_onnx *im, int kind);
void tnc_onnx_scan(struct tnc_onnx *im, int kind);

/* onnx_einsum.c */
void tnc_onnx_einsum(struct tnc_onnx *im, int kind);

/* onnx_resize.c */
void tnc_onnx_resize(struct tnc_onnx *im, int kind);

/* onnx_quant.c */
int tnc_onnx_with_quant(struct tnc_onnx *im, int id, struct tnc_quant q);
void tnc_onnx_quantize(struct tnc_onnx *im, int kind);
void tnc_onnx_dequantize(struct tnc_onnx *im, int kind);
void tnc_onnx_dynamic_quantize(struct tnc_onnx *im, int kind);
void tnc_onnx_qlinear_conv(struct tnc_onnx *im, int kind);
void tnc_onnx_qlinear_matmul(struct tnc_onnx *im, int kind);
void tnc_onnx_conv_integer(struct tnc_onnx *im, int kind);
void tnc_onnx_matmul_integer(struct tnc_onnx *im, int kind);
void tnc_onnx_qlinear_binary(struct tnc_onnx *im, int kind);
void tnc_onnx_qlinear_unary(struct tnc_onnx *im, int kind);
void tnc_onnx_qlinear_global_pool(struct tnc_onnx *im, int kind);
void tnc_onnx_qlinear_pool(struct tnc_onnx *im, int kind);
void tnc_onnx_qlinear_concat(struct tnc_onnx *im, int kind);

#endif
