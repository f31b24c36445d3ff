/* SPDX-License-Identifier: MIT */
/* Files and directories of inputs for a model that is not compiled yet. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <stddef.h>

struct tnc_graph;

/* Inputs of inferences, as the compiler wants them: each its tensors in order. */
struct samples {
	size_t inputs;	/* tensors of one inference */
	size_t count;	/* inferences */
	void **tensor;	/* @inputs x @count */
};

/**
 * samples_add() - read more inferences
 * @samples: zeroed before the first call
 * @graph: the model
 * @path: a .png picture; a directory of pictures and other files; or raw tensors
 *	of inferences, one after the other
 *
 * Return: an enum tool_exit; what is wrong was said.
 */
int samples_add(struct samples *samples, const struct tnc_graph *graph,
		const char *path);
void samples_free(struct samples *samples);

#endif
