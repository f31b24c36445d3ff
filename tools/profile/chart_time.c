// SPDX-License-Identifier: MIT
/*
 * What goes on over time: units, and the SRAM. What is plotted lies in pictures of
 * their own whose x is cycles, so that a page can zoom by their viewBox.
 */
#include "chart.h"

#include "../tool.h"

#define PATH_Y 20
#define PATH_HEIGHT 22
#define UNIT_Y(unit) (56 + 42 * (int)(unit))
#define UNIT_HEIGHT 26
#define WAIT_HEIGHT 5
#define TIMELINE_BOTTOM UNIT_Y(NPU_UNIT_COUNT)
#define MEMORY_TOP 8
#define MEMORY_HEIGHT 240
#define TICKS 8
#define LABEL_ROOM 22 /* of an operator's number */

static void begin_plot(const struct profile *p, FILE *out, int y, int height,
		       uint64_t units)
{
	fprintf(out, "<svg class=\"time\" x=\"%d\" y=\"%d\" width=\"%d\" "
		"height=\"%d\" viewBox=\"0 0 %llu %llu\" "
		"preserveAspectRatio=\"none\" data-cycles=\"%llu\">\n"
		"<rect class=\"back\" width=\"%llu\" height=\"%llu\" "
		"fill=\"none\" pointer-events=\"all\"/>\n",
		CHART_LEFT, y, CHART_PLOT, height,
		(unsigned long long)p->cycles, (unsigned long long)units,
		(unsigned long long)p->cycles, (unsigned long long)p->cycles,
		(unsigned long long)units);
}

/* A rectangle over @cycles, whose title the caller writes and closes. */
static void begin_block(FILE *out, const char *class, uint32_t number, int layer,
			const char *colour, double opacity, uint64_t start,
			uint64_t end, uint64_t y, uint64_t height)
{
	fprintf(out, "<rect class=\"%s%u\" data-layer=\"%d\" x=\"%llu\" "
		"y=\"%llu\" width=\"%llu\" height=\"%llu\" fill=\"%s\" "
		"opacity=\"%g\"><title>", class, number, layer,
		(unsigned long long)start, (unsigned long long)y,
		(unsigned long long)(end - start), (unsigned long long)height,
		colour, opacity);
}

static void end_block(FILE *out)
{
	fputs("</title></rect>\n", out);
}

/* 1, 2 or 5 times a power of ten, so that there are about TICKS of them. */
static uint64_t tick_step(uint64_t cycles)
{
	static const unsigned int steps[] = { 1, 2, 5 };
	uint64_t power = 1;
	unsigned int i;

	for (;; power *= 10)
		for (i = 0; i < 3; i++)
			if (steps[i] * power * TICKS >= cycles)
				return steps[i] * power;
}

static void draw_axis(const struct profile *p, FILE *out, int y)
{
	uint64_t step = tick_step(p->cycles), at;

	fprintf(out, "<g class=\"axis\" data-y=\"%d\" data-khz=\"%u\">\n", y,
		p->machine.clock_khz);
	for (at = 0; at <= p->cycles; at += step) {
		double x = CHART_LEFT + (double)CHART_PLOT * at / p->cycles;

		fprintf(out, "<path class=\"rule\" d=\"M%.1f %dv5\" "
			"stroke=\"#8d97a3\"/><text class=\"soft\" x=\"%.1f\" "
			"y=\"%d\" text-anchor=\"middle\" fill=\"#5d6773\">%s"
			"</text>\n", x, y, x, y + 19, tool_count(at).text);
	}
	fprintf(out, "</g>\n<text class=\"soft\" x=\"%d\" y=\"%d\" "
		"text-anchor=\"end\" fill=\"#5d6773\">cycles</text>\n",
		CHART_LEFT - 12, y + 19);
}

static void label_row(FILE *out, int y, const char *text)
{
	fprintf(out, "<text class=\"ink\" x=\"%d\" y=\"%d\" text-anchor=\"end\" "
		"fill=\"#1d232b\">%s</text>\n", CHART_LEFT - 12, y, text);
}

/* --- Units ----------------------------------------------------------------- */

static void draw_span(const struct profile *p, FILE *out, uint32_t index)
{
	const struct profile_span *span = &p->spans[index];
	enum npu_bound bound = npu_cost_ruling(&span->cost);

	begin_block(out, "r", bound, span->layer, chart_reason_colours[bound],
		    span->is_critical ? 1 : 0.45, span->start, span->end,
		    UNIT_Y(span->unit), UNIT_HEIGHT);
	fprintf(out, "%s, command %u, %s cycles from %s: bound by %s%s\n",
		profile_op_name(span->op), index,
		tool_count(span->end - span->start).text,
		tool_count(span->start).text, profile_reasons[bound],
		span->is_critical ? ", critical" : "");
	chart_escape(out, profile_layer_name(p, span->layer));
	end_block(out);
	if (!span->stall)
		return;
	begin_block(out, "w", span->cause, span->layer, "#c3cad2", 1,
		    span->start - span->stall, span->start,
		    UNIT_Y(span->unit) + UNIT_HEIGHT + 2, WAIT_HEIGHT);
	fprintf(out, "%s stands still for %s cycles: command %u %s",
		profile_units[span->unit], tool_count(span->stall).text, index,
		span->cause < CAUSE_FETCH ? profile_causes[span->cause] :
		span->cause == CAUSE_FETCH ? "is not fetched yet" :
					     "found its queue full");
	end_block(out);
}

/* The command of a job on the path behind @index, or its end. */
static uint32_t next_critical(const struct profile *p,
			      const struct profile_job *job, uint32_t index)
{
	while (++index < job->first + job->count)
		if (p->spans[index].is_critical)
			break;
	return index;
}

/* Whose time it is: from one critical command's start to the next operator's. */
static void draw_path_piece(const struct profile *p, FILE *out, int layer,
			    uint64_t start, uint64_t end)
{
	uint32_t colour = (layer < 0 ? 0 : layer) % CHART_LAYER_COLOURS;

	begin_block(out, "l", colour, layer, chart_layer_colours[colour], 1,
		    start, end, PATH_Y, PATH_HEIGHT);
	fprintf(out, "%s cycles: ", tool_count(end - start).text);
	chart_escape(out, profile_layer_name(p, layer));
	end_block(out);
}

static void label_path_piece(const struct profile *p, FILE *out, int layer,
			     uint64_t start, uint64_t end)
{
	double scale = (double)CHART_PLOT / p->cycles;
	double middle = CHART_LEFT + scale * (start + end) / 2;
	bool has_room = scale * (end - start) >= LABEL_ROOM;

	fprintf(out, "<text class=\"on\" x=\"%.1f\" y=\"%d\" "
		"text-anchor=\"middle\" fill=\"#10151b\" font-size=\"12\" "
		"data-start=\"%llu\" data-end=\"%llu\"%s>%d</text>\n", middle,
		PATH_Y + 15, (unsigned long long)start,
		(unsigned long long)end,
		has_room ? "" : " visibility=\"hidden\"", layer);
}

static void for_path(const struct profile *p, FILE *out,
		     void (*draw)(const struct profile *p, FILE *out, int layer,
				  uint64_t start, uint64_t end))
{
	uint32_t i, job;

	for (job = 0; job < p->job_count; job++) {
		const struct profile_job *j = &p->jobs[job];
		uint64_t since = j->base;
		uint32_t end = j->first + j->count, next;

		i = next_critical(p, j, j->first - 1);
		for (; i < end; i = next) {
			int layer = p->spans[i].layer;

			next = next_critical(p, j, i);
			if (next < end && p->spans[next].layer == layer)
				continue;
			draw(p, out, layer, since, p->spans[i].end);
			since = p->spans[i].end;
		}
	}
}

int chart_timeline(const struct profile *p, FILE *out, int y)
{
	int height = TIMELINE_BOTTOM + 30;
	uint32_t i;

	if (!out)
		return height;
	chart_begin(out, y, height, "Timeline: whose time it is, and what each "
		    "unit does");
	label_row(out, PATH_Y + 15, "operator");
	for (i = 0; i < NPU_UNIT_COUNT; i++)
		label_row(out, UNIT_Y(i) + 17, profile_units[i]);
	begin_plot(p, out, 0, TIMELINE_BOTTOM, TIMELINE_BOTTOM);
	for_path(p, out, draw_path_piece);
	for (i = 0; i < p->span_count; i++)
		draw_span(p, out, i);
	fputs("</svg>\n<g class=\"time-labels\" pointer-events=\"none\">\n", out);
	for_path(p, out, label_path_piece);
	fputs("</g>\n", out);
	draw_axis(p, out, TIMELINE_BOTTOM);
	chart_end(out);
	return height;
}

/* --- SRAM ------------------------------------------------------------------ */

/* Address 0 is at the bottom. */
static void draw_memory_block(const struct profile *p, FILE *out,
			      const struct profile_block *block)
{
	uint32_t colour = (block->layer < 0 ? 0 : block->layer) %
			  CHART_LAYER_COLOURS;
	bool is_loaded = block->unit == NPU_UNIT_DMA;

	begin_block(out, "l", colour, block->layer, chart_layer_colours[colour],
		    is_loaded ? 0.55 : 1, block->start, block->end,
		    p->info.sram_size - block->high,
		    block->high - block->low);
	fprintf(out, "bytes %u to %u, %s, from cycle %s to %s, written by %s for ",
		block->low, block->high,
		tool_bytes(block->high - block->low).text,
		tool_count(block->start).text, tool_count(block->end).text,
		profile_units[block->unit]);
	chart_escape(out, profile_layer_name(p, block->layer));
	end_block(out);
}

static void draw_sizes(const struct profile *p, FILE *out)
{
	int i;

	for (i = 0; i <= 4; i++) {
		int y = MEMORY_TOP + MEMORY_HEIGHT - MEMORY_HEIGHT * i / 4;

		fprintf(out, "<path class=\"rule\" d=\"M%d %dh%d\" "
			"stroke=\"#d5dae0\"/><text class=\"soft\" x=\"%d\" "
			"y=\"%d\" text-anchor=\"end\" fill=\"#5d6773\">%s"
			"</text>\n", CHART_LEFT, y, CHART_PLOT, CHART_LEFT - 12,
			y + 4, tool_bytes((uint64_t)p->info.sram_size * i /
					  4).text);
	}
}

int chart_memory(const struct profile *p, FILE *out, int y)
{
	int height = MEMORY_TOP + MEMORY_HEIGHT + 30;
	uint32_t i;

	if (!out)
		return height;
	chart_begin(out, y, height, "SRAM over time: what lies where");
	draw_sizes(p, out);
	begin_plot(p, out, MEMORY_TOP, MEMORY_HEIGHT, p->info.sram_size);
	for (i = 0; i < p->block_count; i++)
		draw_memory_block(p, out, &p->blocks[i]);
	fputs("</svg>\n", out);
	draw_axis(p, out, MEMORY_TOP + MEMORY_HEIGHT);
	chart_end(out);
	return height;
}
