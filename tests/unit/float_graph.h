/* SPDX-License-Identifier: MIT */
/* For tests: float graphs in text form, with random constants and inputs. */
#ifndef TESTS_UNIT_FLOAT_GRAPH_H
#define TESTS_UNIT_FLOAT_GRAPH_H

#include <stddef.h>

#include "compiler/tnc.h"

struct float_graph {
	char *text;
	size_t size;
	unsigned int seed;
	FILE *to;	/* of the text, while it is written */
};

void float_graph_start(struct float_graph *graph, unsigned int seed);

/* A number of low..high; the same seed gives the same ones. */
float float_graph_real(struct float_graph *graph, float low, float high);
int float_graph_int(struct float_graph *graph, int low, int high);

/* Writes a statement. */
__attribute__((format(printf, 2, 3)))
void float_graph_say(struct float_graph *graph, const char *format, ...);

/* Writes a constant of random numbers. */
void float_graph_constant(struct float_graph *graph, int id, const char *shape,
			  int count, float low, float high);

/* Ends the text and opens it; the caller closes the graph. */
struct tnc_graph *float_graph_open(struct float_graph *graph,
				   const struct tnc_quantise *quantise);
void float_graph_free(struct float_graph *graph);

/* Passes; the test fails if one does. */
void float_graph_pass(struct tnc_graph *graph, const char *letters);

/* Its text, to be freed. */
char *float_graph_text(struct tnc_graph *graph, size_t *size);

/* How often a word is there. */
int float_graph_count(const char *text, const char *word);

#endif
