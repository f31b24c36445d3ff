// SPDX-License-Identifier: MIT
/*
 * Multipliers with fewer bits: every sum that a channel can have gives the output that
 * it gave, by the reference executor's arithmetic. Of random layers all sums are tried,
 * of published ones the last before and the first of each output.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/pass.h"
#include "compiler/plan.h"
#include "compiler/ref.h"
#include "graphs.h"
#include "models.h"

#define CHANNELS 40
#define DEPTH 3

static uint32_t state = 1;

static int random_in(int low, int high)
{
	state = state * 1664525 + 1013904223;
	return low + (int)((uint64_t)state * (high - low + 1) >> 32);
}

static struct tnc_graph *open_graph(const void *bytes, size_t size)
{
	const char *letter = tnc_pass_letters();
	struct tnc_options options;
	struct tnc_graph *graph;
	struct tnc_error error;

	tnc_options_init(&options);
	options.name = "trim";
	if (tnc_graph_open(bytes, size, &options, &graph, &error))
		fail_msg("%s", error.text);
	for (; *letter; letter++)
		if (tnc_graph_pass(graph, *letter, &error))
			fail_msg("%s", error.text);
	tnc_dead_find(&graph->tnc);
	tnc_trim_find(&graph->tnc);
	return graph;
}

/* --- What a channel does --------------------------------------------------------- */

struct channel {
	struct tnc_factor before, after;
	int zero, min, max;
	int64_t low, high;	/* of its sums */
};

static struct channel channel_of(struct tnc *c, int number, int index)
{
	const struct tnc_op *op = c->op[number];
	struct tnc_geometry g = tnc_geometry_of(c, op);
	const int8_t *w = (const int8_t *)tnc_op_input(c, op, 1)->data;
	int zero = tnc_op_input(c, op, 0)->quant.zero_point[0];
	int taps = g.window.h * g.window.w;
	int depth = g.is_channelwise ? taps : taps * g.in_c;
	struct channel ch = {
		.before = op->factor[op->factors > 1 ? index : 0],
		.zero = tnc_op_output(c, op)->quant.zero_point[0],
		.min = op->clamp_min,
		.max = op->clamp_max,
	};
	int32_t bias = 0;

	if (tnc_op_input(c, op, 2))
		memcpy(&bias, tnc_op_input(c, op, 2)->data + 4 * index, 4);
	ch.after = ch.before;
	ch.after.multiplier = c->dead[number].multiplier[index];
	ch.low = ch.high = bias;
	for (int k = 0; k < depth; k++) {
		int weight = g.is_channelwise ? w[k * g.out_c + index] :
						w[index * depth + k];
		int a = weight * (-128 - zero), b = weight * (127 - zero);

		ch.low += a < b ? a : b;
		ch.high += a < b ? b : a;
	}
	return ch;
}

static int output(const struct channel *ch, struct tnc_factor factor,
		  int64_t sum)
{
	return ref_requantise(sum, factor, ch->zero, ch->min, ch->max);
}

static void check_sum(const struct channel *ch, int64_t sum)
{
	int before = output(ch, ch->before, sum);
	int after = output(ch, ch->after, sum);

	if (before != after)
		fail_msg("sum %lld: %d instead of %d (%d, %d; shift %d)",
			 (long long)sum, after, before, ch->after.multiplier,
			 ch->before.multiplier, ch->before.shift);
}

/* The last sum before and the first of each output, found by halving. */
static void check_borders(const struct channel *ch)
{
	int most = output(ch, ch->before, ch->high);
	int64_t low = ch->low;

	check_sum(ch, ch->low);
	check_sum(ch, ch->high);
	for (int v = output(ch, ch->before, low) + 1; v <= most; v++) {
		int64_t high = ch->high;

		while (high - low > 1) {
			int64_t middle = low + (high - low) / 2;

			if (output(ch, ch->before, middle) < v)
				low = middle;
			else
				high = middle;
		}
		check_sum(ch, low);
		check_sum(ch, high);
	}
}

/* --- Layers ------------------------------------------------------------------------ */

static void put_hex(FILE *to, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		fprintf(to, "%02x", value >> 8 * i & 0xff);
}

static char *make_layer(size_t *size)
{
	static const char *const acts[] = { "none", "relu", "relu6" };
	char *text = NULL;
	FILE *to = open_memstream(&text, size);

	fprintf(to, "tnc 1\ntensor %%0 int8 [1,1,1,%d] q=[0.5:%d]\n", DEPTH,
		random_in(-128, 127));
	fprintf(to, "const %%1 int8 [%d,1,1,%d] axis=0 q=[", CHANNELS, DEPTH);
	for (int i = 0; i < CHANNELS; i++)
		fprintf(to, "%s%.9g:0", i ? " " : "",
			random_in(1, 1000000) / (random_in(0, 9) ? 1e7 : 1e4));
	fprintf(to, "]\nconst %%2 int32 [%d] q=[0.1:0]\n", CHANNELS);
	fprintf(to, "tensor %%3 int8 [1,1,1,%d] q=[%.9g:%d]\ninput %%0\n",
		CHANNELS, random_in(1, 1000) / 1e3, random_in(-128, 127));
	fprintf(to, "conv_2d %%3 = %%0 %%1 %%2 stride=1x1 pad=valid act=%s\n"
		"output %%3\ndata %%1\n", acts[random_in(0, 2)]);
	for (int i = 0; i < CHANNELS * DEPTH; i++)
		put_hex(to, random_in(-128, 127), 1);
	fprintf(to, "\nend\ndata %%2\n");
	for (int i = 0; i < CHANNELS; i++)
		put_hex(to, random_in(-50000, 50000), 4);
	fprintf(to, "\nend\n");
	fclose(to);
	return text;
}

static void all_sums_give_what_they_gave(void **unused)
{
	int shorter = 0, channels = 0;

	(void)unused;
	for (int i = 0; i < GRAPHS / 10; i++) {
		size_t size;
		char *text = make_layer(&size);
		struct tnc_graph *graph = open_graph(text, size);
		struct tnc *c = &graph->tnc;

		assert_int_equal(c->ops, 1);
		for (int k = 0; k < CHANNELS; k++) {
			struct channel ch = channel_of(c, 0, k);

			for (int64_t s = ch.low; s <= ch.high; s++)
				check_sum(&ch, s);
			channels++;
			shorter += ch.after.multiplier % 256 == 0;
		}
		tnc_graph_close(graph);
		free(text);
	}
	/* Sums of few weights: mostly a byte less. */
	assert_true(shorter * 2 > channels);
}

static void published_models_compute_the_same(void **unused)
{
	static const char *const names[] = { "kws01", "vww01", "ic01" };

	(void)unused;
	for (int i = 0; i < 3; i++) {
		struct model_file file;
		struct tnc_graph *graph;
		struct tnc *c;

		if (!models_have(names[i]))
			skip();
		file = models_read(names[i], "model.tflite");
		graph = open_graph(file.bytes, file.size);
		models_free(&file);
		c = &graph->tnc;
		for (int op = 0; op < c->ops; op++) {
			struct tnc_geometry g = tnc_geometry_of(c, c->op[op]);

			for (int k = 0; c->dead[op].multiplier && k < g.out_c;
			     k++) {
				struct channel ch = channel_of(c, op, k);

				check_borders(&ch);
			}
		}
		tnc_graph_close(graph);
	}
}

/* Two operators with the same weights may see different sums. */
static void common_weights_stay_as_they_are(void **unused)
{
	static const char text[] =
		"tnc 1\n"
		"tensor %0 int8 [1,1,1,2] q=[0.5:-3]\n"
		"tensor %1 int8 [1,1,1,2] q=[0.25:5]\n"
		"const %2 int8 [2,1,1,2] axis=0 q=[0.01:0 0.02:0]\n"
		"tensor %3 int8 [1,1,1,2] q=[0.25:5]\n"
		"tensor %4 int8 [1,1,1,2] q=[0.25:7]\n"
		"input %0\n"
		"input %1\n"
		"conv_2d %3 = %0 %2 stride=1x1 pad=valid act=none\n"
		"conv_2d %4 = %1 %2 stride=1x1 pad=valid act=none\n"
		"output %3\n"
		"output %4\n"
		"data %2\n"
		"  01020304\n"
		"end\n";
	struct tnc_graph *graph = open_graph(text, sizeof(text) - 1);

	(void)unused;
	assert_null(graph->tnc.dead[0].multiplier);
	assert_null(graph->tnc.dead[1].multiplier);
	tnc_graph_close(graph);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_sums_give_what_they_gave),
		cmocka_unit_test(published_models_compute_the_same),
		cmocka_unit_test(common_weights_stay_as_they_are),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
