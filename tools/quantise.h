/* SPDX-License-Identifier: MIT */
/* What `tinynpu compile --quantize` needs besides the model, and what it tells. */
#ifndef QUANTISE_H
#define QUANTISE_H

#include "../compiler/tnc.h"

#include <argp.h>
#include <stdbool.h>

#define QUANTISE_MAX_PATHS 64

/* Options of the command line; those of argp are quantise_argp's. */
struct quantise_arguments {
	bool is_wanted;
	bool is_int8_interface;
	const char *calibrate[QUANTISE_MAX_PATHS];
	size_t calibrate_count;
	const char *evaluate;
	const char *labels;
	const char *report;
};

/* A child of a command's argp; its input is a struct quantise_arguments. */
extern const struct argp quantise_argp;

struct quantise;

/**
 * quantise_create() - read calibration inputs for a model
 * @args: from the command line, kept
 * @path: of the model
 * @bytes: the model, kept
 * @size: its size
 * @quantise: set; quantise_destroy() it, whatever is returned
 *
 * Return: an enum tool_exit; what is wrong was said.
 */
int quantise_create(const struct quantise_arguments *args, const char *path,
		    const void *bytes, size_t size, struct quantise **quantise);

/* For struct tnc_options. */
const struct tnc_quantise *quantise_options(struct quantise *quantise);

/**
 * quantise_finish() - after the compilation: count predictions, report
 *
 * Return: an enum tool_exit; what is wrong was said.
 */
int quantise_finish(struct quantise *quantise);
void quantise_destroy(struct quantise *quantise);

#endif
