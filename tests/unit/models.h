/* SPDX-License-Identifier: MIT */
/*
 * The published models with their reference results, for tests: they lie
 * outside the tree, below $MODELS; a test that misses them skips.
 */
#ifndef TESTS_UNIT_MODELS_H
#define TESTS_UNIT_MODELS_H

#include <jansson.h>
#include <stddef.h>

#define MODELS_PATH_MAX 512

struct model_file {
	unsigned char *bytes;
	size_t size;
};

/* Is $MODELS/@model there? */
int models_have(const char *model);

/* Reads $MODELS/@model/@name; size 0 when it can't. Free with models_free(). */
struct model_file models_read(const char *model, const char *name);
void models_free(struct model_file *file);

/* The model's manifest.json; release with json_decref(). */
json_t *models_manifest(const char *model);

#endif
