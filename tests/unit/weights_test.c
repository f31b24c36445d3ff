// SPDX-License-Identifier: MIT
/*
 * How short the weights of published models become, against the order-0 entropy
 * of each tensor, and that no chunk takes more than its raw bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/pass.h"
#include "compiler/plan.h"
#include "models.h"

#define RATIO_MAX 1.03

static const char *const names[] = { "kws01", "vww01", "ic01", "ad01" };

struct sizes {
	uint64_t raw;
	uint64_t coded;
	double entropy;
};

static struct tnc_graph *open_model(const char *name,
				    enum tnc_weights weights)
{
	struct model_file file = models_read(name, "model.tflite");
	const char *letter = tnc_pass_letters();
	struct tnc_options options;
	struct tnc_graph *graph;
	struct tnc_error error;

	tnc_options_init(&options);
	options.name = name;
	options.weights = weights;
	if (tnc_graph_open(file.bytes, file.size, &options, &graph, &error))
		fail_msg("%s", error.text);
	models_free(&file);
	for (; *letter; letter++)
		if (tnc_graph_pass(graph, *letter, &error))
			fail_msg("%s", error.text);
	return graph;
}

static double entropy_of(const uint8_t *bytes, size_t size)
{
	size_t count[256] = { 0 };
	double bits = 0;

	for (size_t i = 0; i < size; i++)
		count[bytes[i]]++;
	for (int v = 0; v < 256; v++)
		if (count[v])
			bits -= count[v] * log2((double)count[v] / size);
	return bits / 8;
}

/* The weights' part of a block, coded by itself. */
static uint64_t coded_size(struct tnc *c, int number,
			   const struct tnc_geometry *g, int first,
			   int channels)
{
	uint32_t size = tnc_geometry_chunk_bytes(g, channels);
	uint32_t head = npu_conv_weight_offset(g->format, channels);
	uint32_t taps = g->window.h * g->window.w;
	uint8_t *block = tnc_alloc(c, 1, size);
	struct tnc_coded coded = { .section = { {
		.bytes = size - head,
		.rows = g->is_channelwise ? taps :
				npu_round_up4(taps * g->in_c) / 4,
		.width = 16,
		.unit = g->is_channelwise ? 1 : 4,
	} } };

	tnc_pack_chunk(c, number, g, first, channels, block);
	assert_true(tnc_encode(c->coder, c->arena, block + head, &coded));
	if (!coded.size || coded.size > size - head)
		return size - head;
	return coded.size;
}

static void add_op(struct tnc *c, int number, int cut, struct sizes *sizes)
{
	const struct tnc_op *op = c->op[number];
	struct tnc_geometry g = tnc_geometry_of(c, op);
	const struct tnc_tensor *weights;
	size_t size;

	if (!g.has_weights)
		return;
	weights = tnc_op_input(c, op, 1);
	size = tnc_tensor_bytes(weights);
	sizes->raw += size;
	sizes->entropy += entropy_of(weights->data, size);
	for (int first = 0; first < g.out_c; first += cut) {
		int left = g.out_c - first;

		sizes->coded += coded_size(c, number, &g, first,
					   left < cut ? left : cut);
	}
}

static void add_model(const char *name, int cut, struct sizes *all)
{
	struct tnc_graph *graph = open_model(name, TNC_WEIGHTS_AUTO);
	struct tnc *c = &graph->tnc;
	struct sizes sizes = { 0 };

	c->coder = tnc_coder_create(c->kept);
	assert_non_null(c->coder);
	for (int i = 0; i < c->ops; i++)
		add_op(c, i, cut, &sizes);
	print_message("# %s, cuts of %d channels: %llu bytes, %llu coded, "
		      "%.3f of the entropy\n", name, cut,
		      (unsigned long long)sizes.raw,
		      (unsigned long long)sizes.coded,
		      sizes.coded / sizes.entropy);
	all->raw += sizes.raw;
	all->coded += sizes.coded;
	all->entropy += sizes.entropy;
	tnc_graph_close(graph);
}

static bool have_models(void)
{
	for (int i = 0; i < TNC_ARRAY_SIZE(names); i++)
		if (!models_have(names[i]))
			return false;
	return true;
}

/* Whole tensors, and chunks as small as a schedule ever wants them. */
static void test_all_models_come_near_the_entropy(void **state)
{
	static const int cuts[] = { 4096, 64, 16 };

	(void)state;
	if (!have_models()) {
		print_message("# kws01, vww01, ic01, ad01: not in $MODELS\n");
		skip();
	}
	for (int k = 0; k < TNC_ARRAY_SIZE(cuts); k++) {
		struct sizes all = { 0 };

		for (int i = 0; i < TNC_ARRAY_SIZE(names); i++)
			add_model(names[i], cuts[k], &all);
		assert_true(all.coded <= RATIO_MAX * all.entropy);
	}
}

static void check_chunks(const char *name, enum tnc_weights weights)
{
	struct tnc_graph *graph = open_model(name, weights);
	struct tnc *c = &graph->tnc;
	int coded = 0;

	for (int i = 0; i < c->ops; i++) {
		struct tnc_geometry g = tnc_geometry_of(c, c->op[i]);
		const struct tnc_chunk *chunk;

		if (!g.has_weights)
			continue;
		chunk = tnc_chunks_of(c, i, &g, g.out_c);
		assert_int_equal(chunk->size,
				 tnc_geometry_chunk_bytes(&g, g.out_c));
		if (chunk->is_coded)
			assert_true(chunk->stored < chunk->size);
		else
			assert_int_equal(chunk->stored, chunk->size);
		coded += chunk->is_coded;
		/* The same cut is the same again. */
		assert_ptr_equal(chunk, tnc_chunks_of(c, i, &g, g.out_c));
	}
	assert_int_equal(coded > 0, weights != TNC_WEIGHTS_RAW);
	tnc_graph_close(graph);
}

static void test_no_chunk_grows(void **state)
{
	static const enum tnc_weights forms[] = {
		TNC_WEIGHTS_AUTO, TNC_WEIGHTS_RAW, TNC_WEIGHTS_CODED,
	};

	(void)state;
	if (!have_models()) {
		print_message("# kws01, vww01, ic01, ad01: not in $MODELS\n");
		skip();
	}
	for (int k = 0; k < TNC_ARRAY_SIZE(forms); k++)
		for (int i = 0; i < TNC_ARRAY_SIZE(names); i++)
			check_chunks(names[i], forms[k]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_models_come_near_the_entropy),
		cmocka_unit_test(test_no_chunk_grows),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("weights", tests, NULL, NULL);
}
