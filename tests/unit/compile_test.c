// SPDX-License-Identifier: MIT
/*
 * Compiled programs end to end: in the simulator, published models give the
 * published bytes, at every size of SRAM, and the estimate is what the machine
 * counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiled.h"
#include "models.h"

static struct compiled *compile(const char *model, const char *file_name,
				uint32_t sram_kib, uint32_t macs)
{
	struct model_file file = models_read(model, file_name);
	struct npu_machine machine = NPU_MACHINE_DEFAULT;
	struct compiled *compiled;

	machine.sram_size = sram_kib * 1024;
	machine.macs = macs;
	compiled = compiled_create(file.bytes, file.size, model, &machine);
	models_free(&file);
	return compiled;
}

/* Runs up to @most inferences of a case and compares its first output. */
static void check_case(struct compiled *compiled, const char *model,
		       json_t *kase, int most)
{
	int n = json_integer_value(json_object_get(kase, "n"));
	struct model_file in = models_read(model, json_string_value(
		json_array_get(json_object_get(kase, "inputs"), 0)));
	struct model_file golden = models_read(model, json_string_value(
		json_array_get(json_object_get(kase, "outputs"), 0)));
	size_t in_size = in.size / n, out_size = golden.size / n;

	assert_true(n > 0 && in_size > 0 && out_size > 0);
	for (int i = 0; i < n && i < most; i++) {
		const void *input = in.bytes + i * in_size;

		compiled_run(compiled, &input);
		assert_memory_equal(compiled_output(compiled, 0),
				    golden.bytes + i * out_size, out_size);
	}
	models_free(&in);
	models_free(&golden);
}

static void check_model(const char *model, uint32_t sram_kib, uint32_t macs,
			int most)
{
	struct compiled *compiled = compile(model, "model.tflite", sram_kib,
					    macs);
	json_t *manifest = models_manifest(model), *kase;
	size_t i;

	json_array_foreach(json_object_get(manifest, "cases"), i, kase)
		check_case(compiled, model, kase, most);
	print_message("# %s: %u KiB, %u MACs: %llu cycles\n", model, sram_kib,
		      macs, (unsigned long long)compiled_cycles(compiled));
	json_decref(manifest);
	compiled_destroy(compiled);
}

static void check_taps(const char *model, uint32_t sram_kib)
{
	struct compiled *compiled = compile(model, "model_taps.tflite",
					    sram_kib, 128);
	json_t *manifest = models_manifest(model), *output;
	json_t *taps = json_object_get(manifest, "taps");
	int n = json_integer_value(json_object_get(taps, "n"));
	char name[128];
	struct model_file in;
	size_t k;

	snprintf(name, sizeof(name), "inputs/%s.bin",
		 json_string_value(json_object_get(taps, "case")));
	in = models_read(model, name);
	for (int i = 0; i < n; i++) {
		json_t *kases = json_object_get(manifest, "cases");
		int all = json_integer_value(
			json_object_get(json_array_get(kases, 0), "n"));
		const void *input = in.bytes + i * (in.size / all);

		compiled_run(compiled, &input);
		json_array_foreach(json_object_get(taps, "outputs"), k,
				   output) {
			struct model_file golden = models_read(
				model, json_string_value(json_object_get(
					output, "golden")));
			size_t size = golden.size / n;

			assert_true(size > 0);
			assert_memory_equal(
				compiled_output(compiled, json_integer_value(
					json_object_get(output, "output"))),
				golden.bytes + i * size, size);
			models_free(&golden);
		}
	}
	models_free(&in);
	json_decref(manifest);
	compiled_destroy(compiled);
}

static void test_model(void **state)
{
	const char *model = *state;

	if (!models_have(model))
		skip();
	check_model(model, 256, 128, 1 << 20);
}

static void test_sram_sizes(void **state)
{
	static const uint32_t kib[] = { 16, 20, 24, 32, 48, 64, 96, 128, 1024 };
	const char *model = *state;

	if (!models_have(model))
		skip();
	for (size_t i = 0; i < sizeof(kib) / sizeof(kib[0]); i++)
		check_model(model, kib[i], 128, 1);
}

static void test_large_model(void **state)
{
	static const uint32_t kib[] = { 16, 64, 256, 1024 };
	const char *model = *state;

	if (!models_have(model))
		skip();
	for (size_t i = 0; i < sizeof(kib) / sizeof(kib[0]); i++)
		check_model(model, kib[i], 128, 1);
}

static void test_large_taps(void **state)
{
	const char *model = *state;

	if (!models_have(model))
		skip();
	check_taps(model, 64);
}

static void test_macs(void **state)
{
	const char *model = *state;

	if (!models_have(model))
		skip();
	for (uint32_t macs = 32; macs <= 1024; macs *= 2)
		check_model(model, 256, macs, 1);
}

static void test_taps(void **state)
{
	const char *model = *state;

	if (!models_have(model))
		skip();
	check_taps(model, 256);
	check_taps(model, 64);
	check_taps(model, 16);
}

#define MODEL(name)                                                        \
	{ #name " every case", test_model, NULL, NULL, #name },            \
	{ #name " sizes of SRAM", test_sram_sizes, NULL, NULL, #name },    \
	{ #name " numbers of MACs", test_macs, NULL, NULL, #name },        \
	{ #name " taps", test_taps, NULL, NULL, #name }

/* Every case of these is run by tests/e2e-models, without sanitizers. */
#define LARGE_MODEL(name)                                                  \
	{ #name " sizes of SRAM", test_large_model, NULL, NULL, #name },   \
	{ #name " taps", test_large_taps, NULL, NULL, #name }

int main(void)
{
	const struct CMUnitTest tests[] = {
		MODEL(kws01), MODEL(ad01), MODEL(vww01), MODEL(ic01),
		MODEL(mnist_lstm),
		LARGE_MODEL(mnv2_160), LARGE_MODEL(ssd_slim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
