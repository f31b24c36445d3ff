/* SPDX-License-Identifier: MIT */
/* Outputs as classes: labels, and which have the highest values. */
#ifndef CLASSES_H
#define CLASSES_H

#include <stddef.h>
#include <stdint.h>

struct tinynpu_tensor_info;

/* Labels, one a line of a file; class i has lines[i]. */
struct labels {
	char *text;
	char **lines;
	size_t count;
};

/* Read labels; an enum tool_exit, and what is wrong was said. */
int labels_load(struct labels *labels, const char *path);
void labels_free(struct labels *labels);

/* The label of a class, or NULL. */
const char *labels_name(const struct labels *labels, uint64_t class);

struct class {
	uint64_t index;
	double value; /* dequantised */
};

/**
 * classes_rank() - the classes with the highest values, best first
 * @info: the output
 * @tensor: its bytes; each element is a class
 * @best: written
 * @count: at most so many
 *
 * Return: how many there are. Of equal values the lower index comes first.
 */
size_t classes_rank(const struct tinynpu_tensor_info *info, const void *tensor,
		    struct class *best, size_t count);

#endif
