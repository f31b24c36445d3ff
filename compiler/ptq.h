/* SPDX-License-Identifier: MIT */
/*
 * Post-training quantisation: what its files share. Private to ptq*.c.
 *
 * Two graphs exist at the same time: the real one, as it came, and the quantised one
 * that is built from it, as often as other choices are tried. An activation keeps
 * its number in both.
 */
#ifndef TNC_PTQ_H
#define TNC_PTQ_H

#include "pass.h"

#define TNC_PTQ_BINS 1024
#define TNC_PTQ_LEVELS 255	/* steps between the ends of int8 */
#define TNC_PTQ_REASON 128
#define TNC_PTQ_NO_NOISE 200.0	/* dB that stand for no error at all */

/* What of a struct tnc is a graph. */
struct tnc_ptq_graph {
	struct tnc_tensor **tensor;
	int tensors;
	struct tnc_op **op;
	int ops;
	int ops_room;
	struct tnc_list inputs;
	struct tnc_list outputs;
	struct tnc_variable *variable;
	int variables;
	int variables_room;
};

/* How an operator is quantised. */
enum tnc_ptq_form {
	TNC_PTQ_NONE,		/* has no int8 form */
	TNC_PTQ_WEIGHTED,	/* constant weights, scaled per channel, and a bias */
	TNC_PTQ_OWN,		/* each tensor has a scale of its own */
	TNC_PTQ_ALIKE,		/* all tensors have the output's scale */
};

struct tnc_ptq_rule {
	enum tnc_ptq_form form;
	float scale;		/* of the output if TFLite fixes it, else 0 */
	int zero_point;
};

/* Range of values: how many lie in each of equal parts of low..high. */
struct tnc_ptq_range {
	float low;		/* at most 0 */
	float high;		/* at least 0 */
	uint32_t *bin;
};

/* What is known of a float activation, by its number. */
struct tnc_ptq_tensor {
	bool is_activation;
	float low;
	float high;
	int group;		/* of tensors with one scale: another one of it */
	struct tnc_ptq_range range;	/* of the first of a group */
	float scale;		/* likewise */
	int zero_point;
	bool is_fixed;		/* scale and zero point are TFLite's */
	double tolerance;	/* least SNR that its quantisation leaves behind it */
};

/* Signal and noise of one tensor over inputs. */
struct tnc_ptq_noise {
	double signal;
	double noise;
	int64_t pixels;
};

/* What is known of an operator, by its index in the real graph. */
struct tnc_ptq_op {
	struct tnc_ptq_rule rule;
	bool is_int8;
	char reason[TNC_PTQ_REASON];	/* why it shall not be, or is not */
	bool is_refused;	/* for a reason that stays */
	double tolerance;	/* least SNR that int8 weights leave behind them */
	int channels;		/* of a weighted operator, else 0 */
	double *error;		/* of the output: sum over pixels for each of them */
	double *correction;	/* added to the bias */
	double *before;		/* the correction before the last one */
	struct tnc_ptq_noise noise;	/* of the output */
};

/* How a tensor is there in the quantised graph; -1: it is not. */
struct tnc_ptq_place {
	int real;
	int int8;
};

enum tnc_ptq_method {
	TNC_PTQ_MSE,		/* least mean square error */
	TNC_PTQ_PERCENTILE,	/* all but a few of the values */
	TNC_PTQ_MINMAX,		/* all values */
	TNC_PTQ_METHODS
};

/* See ptq.c for the order in which all this comes about. */
struct tnc_ptq {
	struct tnc *c;
	const struct tnc_quantise *options;
	struct tnc_ptq_graph real;
	struct tnc_ptq_graph quantised;
	struct tnc_ptq_tensor *tensor;
	struct tnc_ptq_op *op;
	struct tnc_ptq_place *place;
	const void **in;	/* inputs of a run */
	void **out;		/* and its outputs */
	int8_t **steps;		/* an input in int8 */
	struct tnc_arena_mark mark;	/* what comes behind is of the quantised graph */
};

/* ptq.c */
struct tnc_ptq_graph tnc_ptq_leave(const struct tnc *c);
void tnc_ptq_enter(struct tnc *c, const struct tnc_ptq_graph *graph);

/* ptq_rule.c */
struct tnc_ptq_rule tnc_ptq_rule_of(const struct tnc *c,
				    const struct tnc_op *op);
void tnc_ptq_group(struct tnc_ptq *p);
int tnc_ptq_first(const struct tnc_ptq *p, int id);

/* ptq_range.c */
void tnc_ptq_scan(struct tnc_ptq *p);
void tnc_ptq_count(struct tnc_ptq *p);
void tnc_ptq_choose(struct tnc_ptq *p, enum tnc_ptq_method method);
void tnc_ptq_scale_of(float low, float high, float *scale, int *zero_point);

/* ptq_build.c, ptq_constant.c */
void tnc_ptq_build(struct tnc_ptq *p);
struct tnc_tensor *tnc_ptq_constant(struct tnc *c, const struct tnc_tensor *from,
				    float scale, int zero_point);
struct tnc_tensor *tnc_ptq_weights(struct tnc *c, const struct tnc_op *op,
				   float in_scale, const double *bias);
struct tnc_tensor *tnc_ptq_bias(struct tnc *c, const struct tnc_tensor *weights,
				float in_scale, const double *bias);
void tnc_ptq_set_quant(struct tnc *c, struct tnc_tensor *t, float scale,
		       int zero_point);
int tnc_ptq_channel_axis(const struct tnc_op *op);

/* ptq_measure.c */
void tnc_ptq_run_real(struct tnc_ptq *p, size_t number);
double tnc_ptq_measure(struct tnc_ptq *p, size_t most);
double tnc_ptq_correct(struct tnc_ptq *p, size_t most, double snr);
double tnc_ptq_decibel(double signal, double noise);

/* ptq_sense.c */
void tnc_ptq_sense(struct tnc_ptq *p);
void tnc_ptq_keep_float(struct tnc_ptq *p, double least);

#endif
