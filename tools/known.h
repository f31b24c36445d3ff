/* SPDX-License-Identifier: MIT */
/* What the user knows of a model's inputs; for commands that compile one. */
#ifndef KNOWN_H
#define KNOWN_H

#include "../compiler/tnc.h"

#include <argp.h>

#define KNOWN_MAX 32

struct known {
	struct tnc_constant constants[KNOWN_MAX]; /* names and data owned */
	size_t constants_count;
	struct tnc_dim dims[KNOWN_MAX]; /* names owned */
	size_t dims_count;
};

/* A child parser, whose input is a struct known of zeros. */
extern const struct argp known_argp;

/**
 * known_apply() - tell the compiler
 * @known: lives as long as @options
 * @options: gets it
 */
void known_apply(const struct known *known, struct tnc_options *options);

/**
 * known_free() - free what is owned
 */
void known_free(struct known *known);

#endif
