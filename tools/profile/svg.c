// SPDX-License-Identifier: MIT
/* A profile as one picture: the charts below each other. */
#include "chart.h"

#include "../tool.h"

#define MARGIN 30
#define TITLE 44 /* of a chart */

static const struct panel {
	const char *title;
	int (*draw)(const struct profile *p, FILE *out, int y);
} panels[] = {
	{ "What the cycles are bound by", chart_reasons },
	{ "Timeline", chart_timeline },
	{ "SRAM over time", chart_memory },
	{ "Roofline", chart_roofline },
	{ "Energy", chart_energy },
};

#define PANELS (sizeof(panels) / sizeof(panels[0]))

static int whole_height(const struct profile *p)
{
	int height = 90;
	size_t i;

	for (i = 0; i < PANELS; i++)
		height += TITLE + panels[i].draw(p, NULL, 0);
	return height;
}

static void write_title(const struct profile *p, FILE *out)
{
	uint64_t ns = tool_cycles_ns(p->cycles, p->machine.clock_khz);

	fputs("<text y=\"34\" font-size=\"22\" font-weight=\"600\" "
	      "fill=\"#1d232b\">", out);
	chart_escape(out, p->title);
	fprintf(out, "</text>\n<text y=\"60\" fill=\"#5d6773\">%s cycles, %s, %s "
		"on %u MACs per cycle, %s of SRAM, %g MHz</text>\n",
		tool_count(p->cycles).text, tool_time(ns).text,
		tool_energy(p->stats.energy_fj).text, p->machine.macs,
		tool_bytes(p->machine.sram_size).text,
		p->machine.clock_khz / 1e3);
}

int profile_write_svg(const struct profile *p, FILE *out)
{
	int width = CHART_WIDTH + 2 * MARGIN, height = whole_height(p), y = 74;
	size_t i;

	fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
		"height=\"%d\" viewBox=\"%d 0 %d %d\" font-family=\"system-ui, "
		"sans-serif\" font-size=\"13\">\n"
		"<rect x=\"%d\" width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n",
		width, height, -MARGIN, width, height, -MARGIN, width, height);
	write_title(p, out);
	for (i = 0; i < PANELS; i++) {
		fprintf(out, "<text y=\"%d\" font-size=\"16\" "
			"font-weight=\"600\" fill=\"#1d232b\">%s</text>\n",
			y + 24, panels[i].title);
		y += TITLE - 8;
		y += panels[i].draw(p, out, y) + 8;
	}
	fputs("</svg>\n", out);
	return 0;
}
