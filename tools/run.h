/* SPDX-License-Identifier: MIT */
/* What `tinynpu run` is asked for, and what it has to tell. */
#ifndef RUN_H
#define RUN_H

#include "classes.h"
#include "known.h"

#include <jansson.h>
#include <stdbool.h>
#include <tinynpu.h>

#define RUN_MAX_FILES 64
#define RUN_DEFAULT_TOP 5

struct run_arguments {
	const char *path; /* of the model or program */
	const char *backend; /* NULL: automatic */
	const char *device; /* options of the backend */
	const char *inputs[RUN_MAX_FILES];
	size_t input_count;
	const char *outputs[RUN_MAX_FILES];
	size_t output_count;
	const char **images;
	size_t image_count;
	struct known known; /* of the model's inputs */
	const char *plugin; /* of custom operators, or NULL */
	const char *labels;
	size_t top; /* 0: classes are not shown */
	bool is_json;
	bool keeps_state; /* of variables, from one inference to the next */
};

/* What ran where, and what it has cost so far. */
struct run_report {
	const struct run_arguments *args;
	struct tinynpu_device_info device;
	struct tinynpu_program_info program;
	struct tinynpu_tensor_info output; /* the first one */
	struct labels labels;
	struct tinynpu_stats first; /* of the first inference */
	bool is_uneven; /* another one cost other cycles or energy */
	uint64_t inferences;
	uint64_t cycles;
	uint64_t energy_fj;
	uint64_t latency_ns;
	uint64_t wall_ns;
	json_t *runs; /* if --json */
};

/* The functions of report.c: after each inference, and at the end. */
int run_report_add(struct run_report *report, const char *name,
		   const void *output, const struct tinynpu_stats *stats);
void run_report_finish(struct run_report *report);

#endif
