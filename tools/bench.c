// SPDX-License-Identifier: MIT
/*
 * `tinynpu bench`: how long a model or program takes on this computer, warm, one
 * inference after the other, with inputs of pseudo-random bytes.
 */
#include "device_json.h"
#include "fill.h"
#include "known.h"
#include "model.h"
#include "peak.h"
#include "tool.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WARM_UP 3
#define WINDOWS 7
#define WINDOW_NS 300000000
#define MAX_SAMPLES (1u << 20) /* in a window */

enum { KEY_BACKEND = 0x100, KEY_SIM, KEY_JSON };

static const struct argp_option options[] = {
	{ "json", KEY_JSON, NULL, 0, "Print figures for programs", 0 },
	{ "backend", KEY_BACKEND, "NAME", 0,
	  "drm (a device behind /dev/accel) or sim (the simulator, default)",
	  1 },
	{ "sim", KEY_SIM, "TEXT", 0,
	  "The simulated machine: a128, a256 or a512, and properties such as "
	  "cores=2,macs=256,sram=64K", 1 },
	{ 0 },
};

struct bench {
	const char *path;
	const char *backend;
	const char *machine;
	struct known known;
	bool is_json;

	struct tinynpu_device *device;
	struct tinynpu_device_info info;
	struct tinynpu_program *program;
	struct tinynpu_session *session;
	struct tinynpu_stats stats; /* of the last inference */
	uint64_t *samples; /* of a window */
	uint64_t inferences; /* in all windows */
	uint64_t median_ns, tenth_ns, ninetieth_ns;
	struct peak peak;
	bool has_peak;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct bench *bench = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &bench->known;
		return 0;
	case KEY_BACKEND:
		bench->backend = arg;
		return 0;
	case KEY_SIM:
		bench->machine = arg;
		return 0;
	case KEY_JSON:
		bench->is_json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (bench->path)
			argp_error(state, "one model at a time");
		bench->path = arg;
		return 0;
	case ARGP_KEY_END:
		if (!bench->path)
			argp_error(state, "needs MODEL or PROGRAM");
		if (bench->machine && strcmp(bench->backend, "sim"))
			argp_error(state, "--sim goes with the simulator only");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* --- Measuring --------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The value below which @percent of them lie; they are sorted. */
static uint64_t percentile(const uint64_t *values, size_t count,
			   unsigned int percent)
{
	return values[(count - 1) * percent / 100];
}

static uint64_t median(uint64_t *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return percentile(values, count, 50);
}

static int infer(struct bench *bench)
{
	struct tinynpu_error error;

	if (tinynpu_session_run(bench->session, &error))
		return tool_complain(TOOL_FAILED, "%s: %s", bench->path,
				     error.text);
	return TOOL_OK;
}

/* Inferences for WINDOW_NS, at least one; sorts their times. */
static int run_window(struct bench *bench, size_t *count)
{
	uint64_t start = now_ns(), before = start, after;
	size_t n = 0;

	do {
		if (infer(bench))
			return TOOL_FAILED;
		after = now_ns();
		bench->samples[n++] = after - before;
		before = after;
	} while (after - start < WINDOW_NS && n < MAX_SAMPLES);
	qsort(bench->samples, n, sizeof(*bench->samples), compare);
	bench->inferences += n;
	*count = n;
	return TOOL_OK;
}

static int measure(struct bench *bench)
{
	uint64_t medians[WINDOWS], tenths[WINDOWS], ninetieths[WINDOWS];
	size_t i, n;

	for (i = 0; i < WARM_UP; i++)
		if (infer(bench))
			return TOOL_FAILED;
	for (i = 0; i < WINDOWS; i++) {
		if (run_window(bench, &n))
			return TOOL_FAILED;
		medians[i] = percentile(bench->samples, n, 50);
		tenths[i] = percentile(bench->samples, n, 10);
		ninetieths[i] = percentile(bench->samples, n, 90);
	}
	tinynpu_session_stats(bench->session, &bench->stats,
			      sizeof(bench->stats));
	bench->median_ns = median(medians, WINDOWS);
	bench->tenth_ns = median(tenths, WINDOWS);
	bench->ninetieth_ns = median(ninetieths, WINDOWS);
	bench->has_peak = peak_measure(&bench->peak);
	return TOOL_OK;
}

/* --- Printing ----------------------------------------------------------------- */

/* Two operations for each multiply-accumulate, as is usual. */
static double gops(const struct bench *bench)
{
	return 2.0 * bench->stats.mac_ops / bench->median_ns;
}

/* 0 if it is not known. */
static double part_of_peak(const struct bench *bench)
{
	return bench->has_peak ? gops(bench) / 2 / bench->peak.macs_per_ns : 0;
}

static void print_json(const struct bench *bench)
{
	json_t *json = json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:f}",
		"program", bench->path,
		"device", device_json(&bench->info),
		"inferences", (json_int_t)bench->inferences,
		"median_ns", (json_int_t)bench->median_ns,
		"tenth_percentile_ns", (json_int_t)bench->tenth_ns,
		"ninetieth_percentile_ns", (json_int_t)bench->ninetieth_ns,
		"mac_ops", (json_int_t)bench->stats.mac_ops,
		"cycles", (json_int_t)bench->stats.cycles,
		"gops", gops(bench));

	if (bench->has_peak)
		json_object_update_new(json, json_pack("{s:s, s:f, s:f}",
			"peak_instruction", bench->peak.instruction,
			"peak_gops", 2 * bench->peak.macs_per_ns,
			"part_of_peak", part_of_peak(bench)));
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
}

static void print_text(const struct bench *bench)
{
	printf("%llu inferences on %s\n",
	       (unsigned long long)bench->inferences, bench->info.name);
	printf("  median  %s, 10 %% below %s, 10 %% above %s\n",
	       tool_time(bench->median_ns).text,
	       tool_time(bench->tenth_ns).text,
	       tool_time(bench->ninetieth_ns).text);
	printf("  speed   %.1f GOPS", gops(bench));
	if (bench->has_peak)
		printf(", %.1f %% of the %.0f of one thread's %s",
		       100 * part_of_peak(bench), 2 * bench->peak.macs_per_ns,
		       bench->peak.instruction);
	putchar('\n');
}

/* --- The whole ---------------------------------------------------------------- */

static int prepare(struct bench *bench)
{
	struct tinynpu_error error;
	struct npu_machine machine;
	int err, status;

	bench->samples = calloc(MAX_SAMPLES, sizeof(*bench->samples));
	if (!bench->samples)
		return tool_complain(TOOL_FAILED, "out of memory");
	err = tinynpu_device_open(bench->backend, bench->machine,
				  &bench->device, &error);
	if (err)
		return tool_complain(err == -EINVAL ? TOOL_UNUSABLE :
						      TOOL_FAILED,
				     "%s", error.text);
	tinynpu_device_info(bench->device, &bench->info, sizeof(bench->info));
	machine = model_machine(&bench->info);
	status = model_load(bench->path, &machine, bench->info.hw_version,
			    &bench->known, &bench->program);
	if (status)
		return status;
	err = tinynpu_session_create(bench->device, bench->program,
				     &bench->session, &error);
	if (err)
		return tool_complain(err == -ENOSPC || err == -EOPNOTSUPP ||
						     err == -ENOSYS ?
					     TOOL_UNUSABLE : TOOL_FAILED,
				     "%s: %s", bench->path, error.text);
	fill_inputs(bench->program, bench->session);
	return TOOL_OK;
}

int command_bench(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{ &known_argp, 0, NULL, 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.children = children,
		.options = options,
		.parser = parse,
		.args_doc = "MODEL|PROGRAM",
		.doc = "Measure the wall time of an inference: the median, what 10 % "
		       "of all are below and above, and what part it is of the "
		       "dot products that this computer could do.",
	};
	struct bench bench = { .backend = "sim" };
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &bench);
	status = prepare(&bench);
	if (!status)
		status = measure(&bench);
	if (!status && bench.is_json)
		print_json(&bench);
	else if (!status)
		print_text(&bench);
	tinynpu_session_destroy(bench.session);
	tinynpu_program_close(bench.program);
	tinynpu_device_close(bench.device);
	known_free(&bench.known);
	free(bench.samples);
	return status;
}
