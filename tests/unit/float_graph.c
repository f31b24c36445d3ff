// SPDX-License-Identifier: MIT
/* Float graphs in text form; see float_graph.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "float_graph.h"

void float_graph_start(struct float_graph *graph, unsigned int seed)
{
	*graph = (struct float_graph){ .seed = seed * 2654435761u + 1 };
	graph->to = open_memstream(&graph->text, &graph->size);
	assert_non_null(graph->to);
	float_graph_say(graph, "tnc 1");
	float_graph_say(graph, "model \"float\"");
}

static unsigned int next(struct float_graph *graph)
{
	graph->seed = graph->seed * 1664525u + 1013904223u;
	return graph->seed >> 8;
}

float float_graph_real(struct float_graph *graph, float low, float high)
{
	return low + (high - low) * (float)next(graph) / (float)(1 << 24);
}

int float_graph_int(struct float_graph *graph, int low, int high)
{
	return low + (int)(next(graph) % (unsigned int)(high - low + 1));
}

void float_graph_say(struct float_graph *graph, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(graph->to, format, args);
	va_end(args);
	putc('\n', graph->to);
}

void float_graph_constant(struct float_graph *graph, int id, const char *shape,
			  int count, float low, float high)
{
	float_graph_say(graph, "const %%%d float32 [%s] name=\"\"", id, shape);
	float_graph_say(graph, "data %%%d", id);
	for (int i = 0; i < count; i++) {
		float value = float_graph_real(graph, low, high);
		const uint8_t *byte = (const uint8_t *)&value;

		float_graph_say(graph, "  %02x%02x%02x%02x", byte[0], byte[1],
				byte[2], byte[3]);
	}
	float_graph_say(graph, "end");
}

struct tnc_graph *float_graph_open(struct float_graph *graph,
				   const struct tnc_quantise *quantise)
{
	struct tnc_options options;
	struct tnc_error error = { "" };
	struct tnc_graph *opened;

	if (graph->to)
		fclose(graph->to);
	graph->to = NULL;
	tnc_options_init(&options);
	options.quantise = quantise;
	if (tnc_graph_open(graph->text, graph->size, &options, &opened, &error))
		fail_msg("%s\n%s", error.text, graph->text);
	return opened;
}

void float_graph_free(struct float_graph *graph)
{
	free(graph->text);
}

void float_graph_pass(struct tnc_graph *graph, const char *letters)
{
	struct tnc_error error = { "" };

	for (; *letters; letters++)
		if (tnc_graph_pass(graph, *letters, &error))
			fail_msg("pass %c: %s", *letters, error.text);
}

char *float_graph_text(struct tnc_graph *graph, size_t *size)
{
	char *text;
	FILE *to = open_memstream(&text, size);

	assert_non_null(to);
	assert_int_equal(tnc_graph_print(graph, to), 0);
	fclose(to);
	return text;
}

int float_graph_count(const char *text, const char *word)
{
	int count = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		count++;
	return count;
}
