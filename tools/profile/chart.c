// SPDX-License-Identifier: MIT
/* What the pictures of a profile share, and the simple ones: bars. */
#include "chart.h"

#include "../tool.h"

#include <string.h>

const char *const chart_reason_colours[REASON_COUNT] = {
	[REASON_MACS] = "#2f6fbe",	[REASON_OUTPUT] = "#7b5cc4",
	[REASON_STEPS] = "#c2569b",	[REASON_SRAM] = "#1f9d86",
	[REASON_MEMORY] = "#d9822b",	[REASON_DMA] = "#a98a2c",
	[REASON_FILL] = "#98a1ad",	[REASON_FETCH] = "#5f6975",
	[REASON_DEPENDENCY] = "#cf4444",
};

const char *const chart_part_colours[PART_COUNT] = {
	[PART_MACS] = "#2f6fbe",	[PART_STEPS] = "#c2569b",
	[PART_REQUANT] = "#7b5cc4",	[PART_DECODE] = "#a98a2c",
	[PART_SRAM] = "#1f9d86",	[PART_MEMORY] = "#d9822b",
	[PART_COMMANDS] = "#5f6975",	[PART_LEAKAGE] = "#98a1ad",
};

const char *const chart_layer_colours[CHART_LAYER_COLOURS] = {
	"#6a9bd8", "#e0a15e", "#5fb8a4", "#b48fd6", "#d8828a", "#9bb35c",
	"#7fa7b8", "#d79ac0", "#c7a94f", "#8b9be0", "#79b879", "#b99a86",
};

void chart_escape(FILE *out, const char *text)
{
	static const struct {
		char c;
		const char *text;
	} escapes[] = {
		{ '<', "&lt;" }, { '>', "&gt;" }, { '&', "&amp;" },
		{ '"', "&quot;" },
	};
	size_t i;

	for (; *text; text++) {
		for (i = 0; i < 4 && escapes[i].c != *text; i++)
			;
		if (i < 4)
			fputs(escapes[i].text, out);
		else
			fputc(*text, out);
	}
}

void chart_begin(FILE *out, int y, int height, const char *what)
{
	fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" "
		"y=\"%d\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
		"role=\"img\" aria-label=\"%s\" font-family=\"system-ui, "
		"sans-serif\" font-size=\"13\">\n", y, CHART_WIDTH, height,
		CHART_WIDTH, height, what);
}

void chart_end(FILE *out)
{
	fputs("</svg>\n", out);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * part / whole : 0;
}

static uint64_t sum_of(const uint64_t *values, uint32_t count)
{
	uint64_t sum = 0;

	while (count--)
		sum += *values++;
	return sum;
}

void chart_stack(FILE *out, int x, int y, int width, int height, char prefix,
		 const uint64_t *values, const char *const *names,
		 const char *const *colours, uint32_t count)
{
	uint64_t sum = sum_of(values, count);
	double at = x;
	uint32_t i;

	for (i = 0; sum && i < count; i++) {
		double part = (double)width * values[i] / sum;

		if (!values[i])
			continue;
		fprintf(out, "<rect class=\"%c%u\" x=\"%.2f\" y=\"%d\" "
			"width=\"%.2f\" height=\"%d\" fill=\"%s\"><title>%s: "
			"%.1f %%</title></rect>\n", prefix, i, at, y, part,
			height, colours[i], names[i], percent(values[i], sum));
		at += part;
	}
}

/* What the colours mean, with the shares; four in a row. */
static int legend(FILE *out, int y, char prefix, const uint64_t *values,
		  const char *const *names, const char *const *colours,
		  uint32_t count, struct tool_text (*text)(uint64_t))
{
	uint64_t sum = sum_of(values, count);
	uint32_t i, shown = 0;

	for (i = 0; i < count; i++) {
		int x = 4 + 290 * (shown % 4), row = y + 24 * (shown / 4);

		if (!values[i])
			continue;
		shown++;
		if (!out)
			continue;
		fprintf(out, "<rect class=\"%c%u\" x=\"%d\" y=\"%d\" width=\"12\" "
			"height=\"12\" rx=\"2\" fill=\"%s\"/>\n", prefix, i, x,
			row, colours[i]);
		fprintf(out, "<text class=\"ink\" x=\"%d\" y=\"%d\" "
			"fill=\"#1d232b\">%s <tspan class=\"soft\" "
			"fill=\"#5d6773\">%.1f %%, %s</tspan></text>\n", x + 20,
			row + 11, names[i], percent(values[i], sum),
			text(values[i]).text);
	}
	return y + 24 * ((shown + 3) / 4);
}

/* A bar and its legend. */
static int bar(FILE *out, int y, const char *what, char prefix,
	       const uint64_t *values, const char *const *names,
	       const char *const *colours, uint32_t count,
	       struct tool_text (*text)(uint64_t))
{
	int height = legend(NULL, 48, prefix, values, names, colours, count,
			    text);

	if (!out)
		return height;
	chart_begin(out, y, height, what);
	chart_stack(out, 0, 4, CHART_WIDTH, 28, prefix, values, names, colours,
		    count);
	legend(out, 48, prefix, values, names, colours, count, text);
	chart_end(out);
	return height;
}

static struct tool_text cycles_text(uint64_t cycles)
{
	struct tool_text text = tool_count(cycles);

	strcat(text.text, " cycles");
	return text;
}

int chart_reasons(const struct profile *p, FILE *out, int y)
{
	uint64_t sums[REASON_COUNT] = { 0 };
	uint32_t i, reason;

	for (i = 0; i <= p->info.layers; i++)
		for (reason = 0; reason < REASON_COUNT; reason++)
			sums[reason] += p->layers[i].reason[reason];
	return bar(out, y, "What the cycles of the inference are bound by", 'r',
		   sums, profile_reasons, chart_reason_colours, REASON_COUNT,
		   cycles_text);
}

int chart_energy(const struct profile *p, FILE *out, int y)
{
	return bar(out, y, "Energy by part", 'e', p->energy, profile_parts,
		   chart_part_colours, PART_COUNT, tool_energy);
}
