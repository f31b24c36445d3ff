// SPDX-License-Identifier: MIT
/*
 * A profile as a page that needs nothing else: the charts, tables that can be
 * sorted, style sheet and script. It is XML, too, and complete without its script.
 */
#include "chart.h"

#include "../tool.h"

#include <string.h>

/* The files of the same names, resources.c */
extern const char profile_css[], profile_css_end[];
extern const char profile_js[], profile_js_end[];

static void write_resource(FILE *out, const char *text, const char *end)
{
	fwrite(text, 1, end - text, out);
}

static void write_head(const struct profile *p, FILE *out)
{
	fputs("<!DOCTYPE html>\n"
	      "<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
	      "<meta charset=\"utf-8\"/>\n"
	      "<meta name=\"viewport\" content=\"width=device-width, "
	      "initial-scale=1\"/>\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\""
	      "default-src 'none'; style-src 'unsafe-inline'; script-src "
	      "'unsafe-inline'\"/>\n<title>Profile of ", out);
	chart_escape(out, p->title);
	fputs("</title>\n<style>\n/*<![CDATA[*/\n", out);
	write_resource(out, profile_css, profile_css_end);
	fputs("/*]]>*/\n</style>\n</head>\n<body>\n", out);
}

/* --- Summary --------------------------------------------------------------- */

static void write_card(FILE *out, const char *name, const char *value,
		       const char *more)
{
	fprintf(out, "<div class=\"card\"><dt>%s</dt><dd>%s<small>%s</small></dd>"
		"</div>\n", name, value, more);
}

static void write_cards(const struct profile *p, FILE *out)
{
	uint64_t ns = tool_cycles_ns(p->cycles, p->machine.clock_khz);
	double rate = p->cycles ? (double)p->stats.mac_ops / p->cycles : 0;
	char value[64], more[96];

	fputs("<dl class=\"cards\">\n", out);
	snprintf(more, sizeof(more), "%s at %g MHz", tool_time(ns).text,
		 p->machine.clock_khz / 1e3);
	write_card(out, "Cycles", tool_count(p->cycles).text, more);
	snprintf(value, sizeof(value), "%.1f", rate);
	snprintf(more, sizeof(more), "%.0f %% of %u; %s MACs",
		 100 * rate / p->machine.macs, p->machine.macs,
		 tool_count(p->stats.mac_ops).text);
	write_card(out, "MACs per cycle", value, more);
	snprintf(more, sizeof(more), "%.2f pJ per MAC", p->stats.mac_ops ?
		 p->stats.energy_fj / 1e3 / p->stats.mac_ops : 0);
	write_card(out, "Energy", tool_energy(p->stats.energy_fj).text, more);
	snprintf(more, sizeof(more), "of %s; %s live at once",
		 tool_bytes(p->machine.sram_size).text,
		 tool_bytes(p->live_most).text);
	write_card(out, "SRAM", tool_bytes(p->info.sram_size).text, more);
	snprintf(more, sizeof(more), "%u per cycle at most, commands included",
		 p->machine.mem_bw);
	write_card(out, "Off-chip bytes", tool_bytes(p->stats.mem_read +
		   p->stats.mem_written).text, more);
	fputs("</dl>\n", out);
}

static void write_header(const struct profile *p, FILE *out)
{
	fputs("<header>\n<div>\n<h1>", out);
	chart_escape(out, p->title);
	fprintf(out, "</h1>\n<p class=\"soft\">One inference on a TinyNPU of %u "
		"MACs per cycle, %s of SRAM at %u bytes per cycle, memory at %u "
		"bytes per cycle, %g MHz; modelled, and the same on each "
		"run.</p>\n</div>\n<button type=\"button\" id=\"theme\" "
		"hidden=\"hidden\">Dark</button>\n</header>\n", p->machine.macs,
		tool_bytes(p->machine.sram_size).text, p->machine.sram_bw,
		p->machine.mem_bw, p->machine.clock_khz / 1e3);
	write_cards(p, out);
}

/* --- Charts ---------------------------------------------------------------- */

static void begin_section(FILE *out, const char *id, const char *title,
			  const char *text)
{
	fprintf(out, "<section id=\"%s\">\n<h2>%s</h2>\n<p class=\"soft\">%s</p>\n",
		id, title, text);
}

static void write_chart(const struct profile *p, FILE *out,
			int (*draw)(const struct profile *p, FILE *out, int y))
{
	fputs("<div class=\"scroll\">\n", out);
	draw(p, out, 0);
	fputs("</div>\n", out);
}

static void write_time(const struct profile *p, FILE *out)
{
	begin_section(out, "time", "Timeline",
		"The first row is the critical path: whose time each cycle is, by "
		"number of the operator. Below, commands of the units by what they "
		"are bound by; pale ones run in the shadow of others. Thin grey "
		"bars: the unit stands still and has a command that waits.");
	fputs("<div class=\"tools\" id=\"zoom\" hidden=\"hidden\">\n"
	      "<button type=\"button\" data-zoom=\"in\">Zoom in</button>\n"
	      "<button type=\"button\" data-zoom=\"out\">Zoom out</button>\n"
	      "<button type=\"button\" data-zoom=\"left\" aria-label=\"Earlier\">"
	      "\xe2\x86\x90</button>\n"
	      "<button type=\"button\" data-zoom=\"right\" aria-label=\"Later\">"
	      "\xe2\x86\x92</button>\n"
	      "<button type=\"button\" data-zoom=\"all\">All</button>\n"
	      "<span class=\"soft\">Keys: + - \xe2\x86\x90 \xe2\x86\x92 0; or drag "
	      "over a range</span>\n</div>\n", out);
	write_chart(p, out, chart_timeline);
	fputs("<h3>SRAM</h3>\n<p class=\"soft\">Bytes from the command that writes "
	      "them to the last one that reads them, in the colour of the "
	      "operator; pale ones come from memory. Up to what the program "
	      "needs.</p>\n", out);
	write_chart(p, out, chart_memory);
	fputs("</section>\n", out);
}

/* --- Tables ---------------------------------------------------------------- */

struct column {
	const char *title;
	const char *help;
	bool is_text;
};

static void write_columns(FILE *out, const struct column *columns, size_t count)
{
	size_t i;

	fputs("<thead><tr>\n", out);
	for (i = 0; i < count; i++)
		fprintf(out, "<th scope=\"col\"%s title=\"%s\"><button "
			"type=\"button\">%s</button></th>\n",
			columns[i].is_text ? " class=\"text\"" : "",
			columns[i].help, columns[i].title);
	fputs("</tr></thead>\n<tbody>\n", out);
}

/* A cell that is sorted by @value. */
static void write_number(FILE *out, double value, const char *text)
{
	fprintf(out, "<td data-value=\"%.15g\">%s</td>\n", value, text);
}

static void write_count(FILE *out, uint64_t count)
{
	write_number(out, count, tool_count(count).text);
}

static void write_fraction(FILE *out, double value, int decimals, bool is_there)
{
	char text[32] = "\xe2\x80\x93";

	if (is_there)
		snprintf(text, sizeof(text), "%.*f", decimals, value);
	write_number(out, is_there ? value : -1, text);
}

static void write_stack(FILE *out, double value, char prefix,
			const uint64_t *values, const char *const *names,
			const char *const *colours, uint32_t count)
{
	fprintf(out, "<td data-value=\"%.15g\"><svg "
		"xmlns=\"http://www.w3.org/2000/svg\" class=\"stack\" "
		"width=\"90\" height=\"12\" role=\"img\" aria-label=\"shares\">",
		value);
	chart_stack(out, 0, 0, 90, 12, prefix, values, names, colours, count);
	fputs("</svg></td>\n", out);
}

static void write_name(FILE *out, int index, const struct profile_layer *layer)
{
	fprintf(out, "<td data-value=\"%d\">%d</td>\n<td class=\"text name\" "
		"title=\"", index, index);
	chart_escape(out, layer->name);
	fputs("\">", out);
	chart_escape(out, layer->name);
	fputs("</td>\n", out);
}

static void write_reason(FILE *out, const struct profile_layer *layer)
{
	const char *what = layer->cycles ? profile_reasons[layer->bound] :
			   layer->commands ? "hidden" :
			   layer->cpu_ops ? "on the CPU" : "no command";

	fprintf(out, "<td class=\"text\" data-value=\"%s\">", what);
	if (layer->cycles)
		fprintf(out, "<i class=\"key r%u\"></i>", layer->bound);
	fprintf(out, "%s</td>\n", what);
}

static void write_layer(const struct profile *p, FILE *out, int index)
{
	const struct profile_layer *layer = &p->layers[index];
	uint64_t energy = profile_energy(layer->energy);

	fprintf(out, "<tr data-layer=\"%d\" tabindex=\"0\">\n", index);
	write_name(out, index, layer);
	write_count(out, layer->cycles);
	write_fraction(out, 100.0 * layer->cycles / (p->cycles ? p->cycles : 1),
		       1, true);
	write_stack(out, layer->cycles, 'r', layer->reason, profile_reasons,
		    chart_reason_colours, REASON_COUNT);
	write_reason(out, layer);
	write_count(out, layer->floor);
	write_fraction(out, layer->floor ? (double)layer->cycles / layer->floor :
					   0, 2, layer->floor);
	write_count(out, layer->cost.mac_ops);
	write_fraction(out, layer->cycles ? (double)layer->cost.mac_ops /
					    layer->cycles : 0, 1,
		       layer->cycles && layer->cost.mac_ops);
	write_count(out, layer->cost.mem_read + layer->cost.mem_written);
	write_count(out, layer->cost.sram_read + layer->cost.sram_written);
	write_number(out, energy, tool_energy(energy).text);
	write_stack(out, energy, 'e', layer->energy, profile_parts,
		    chart_part_colours, PART_COUNT);
	fputs("</tr>\n", out);
}

static void write_layers(const struct profile *p, FILE *out)
{
	static const struct column columns[] = {
		{ "#", "Number of the operator in the timeline", false },
		{ "Operator", "As the model calls it", true },
		{ "Cycles", "On the critical path; their sum is the inference's",
		  false },
		{ "%", "Part of all cycles", false },
		{ "Why", "Shares of what the cycles are bound by", false },
		{ "Bound by", "The largest of these shares", true },
		{ "Roofline", "Cycles that peak MACs, lanes and bandwidth allow",
		  false },
		{ "Distance", "Cycles / roofline; below 1: bytes came earlier, in "
			      "the shadow of other operators", false },
		{ "MACs", "That the model asks for", false },
		{ "per cycle", "MACs per cycle", false },
		{ "Off-chip", "Bytes read and written, commands aside", false },
		{ "SRAM", "Bytes read and written", false },
		{ "Energy", "Leakage and the rest of the chip aside", false },
		{ "By part", "Shares of the energy", false },
	};
	uint32_t i;

	begin_section(out, "operators", "Operators",
		"Sort by a heading; choose an operator, here or in the timeline, to "
		"see it in all charts; Esc ends that.");
	fputs("<div class=\"scroll\"><table class=\"sortable\">\n", out);
	write_columns(out, columns, sizeof(columns) / sizeof(columns[0]));
	for (i = 0; i < p->info.layers; i++)
		write_layer(p, out, i);
	if (p->layers[i].commands)
		write_layer(p, out, i);
	fputs("</tbody></table></div>\n</section>\n", out);
}

static void write_energy(const struct profile *p, FILE *out)
{
	static const struct column columns[] = {
		{ "Part", "Of the machine", true },
		{ "Energy", "Of one inference", false },
		{ "%", "Part of all", false },
	};
	uint32_t i;

	begin_section(out, "energy", "Energy",
		"A sum of published constants of a 45 nm process: good for "
		"comparing, not for batteries.");
	write_chart(p, out, chart_energy);
	fputs("<div class=\"scroll\"><table class=\"sortable narrow\">\n", out);
	write_columns(out, columns, 3);
	for (i = 0; i < PART_COUNT; i++) {
		fprintf(out, "<tr><td class=\"text\" data-value=\"%s\"><i "
			"class=\"key e%u\"></i>%s</td>\n", profile_parts[i], i,
			profile_parts[i]);
		write_number(out, p->energy[i], tool_energy(p->energy[i]).text);
		write_fraction(out, 100.0 * p->energy[i] /
				    (p->stats.energy_fj ? p->stats.energy_fj : 1),
			       1, true);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n</section>\n", out);
}

static void write_units(const struct profile *p, FILE *out)
{
	static const struct column columns[] = {
		{ "Unit", "Of the core", true },
		{ "Busy", "Cycles in which it works", false },
		{ "%", "Part of all cycles", false },
		{ "Waits for DMA", "Cycles", false },
		{ "Waits for MAC", "Cycles", false },
		{ "Waits for VEC", "Cycles", false },
		{ "Fetch", "Cycles until its command is fetched", false },
		{ "Queue full", "Cycles until its command could be", false },
		{ "No more to do", "Cycles behind its last command", false },
	};
	const uint64_t busy[] = { p->stats.busy_dma, p->stats.busy_mac,
				  p->stats.busy_vec };
	uint32_t u, cause;

	begin_section(out, "units", "Units", "Each works, waits or is done: the "
		      "columns sum up to all cycles.");
	fputs("<div class=\"scroll\"><table class=\"sortable narrow\">\n", out);
	write_columns(out, columns, sizeof(columns) / sizeof(columns[0]));
	for (u = 0; u < NPU_UNIT_COUNT; u++) {
		fprintf(out, "<tr><td class=\"text\" data-value=\"%s\">%s</td>\n",
			profile_units[u], profile_units[u]);
		write_count(out, busy[u]);
		write_fraction(out, 100.0 * busy[u] /
				    (p->cycles ? p->cycles : 1), 1, true);
		for (cause = CAUSE_DMA; cause < CAUSE_COUNT; cause++)
			write_count(out, p->stalls[u][cause]);
		write_count(out, p->idle[u]);
		fputs("</tr>\n", out);
	}
	fputs("</tbody></table></div>\n</section>\n", out);
}

/* --- The whole ------------------------------------------------------------- */

int profile_write_html(const struct profile *p, FILE *out)
{
	write_head(p, out);
	write_header(p, out);
	begin_section(out, "reasons", "What the cycles are bound by",
		"On the critical path, where each cycle has one reason.");
	write_chart(p, out, chart_reasons);
	fputs("</section>\n", out);
	write_time(p, out);
	begin_section(out, "roofline", "Roofline",
		"One circle for each operator with MACs, by number; its area is "
		"its part of the cycles, its colour what they are bound by. The "
		"diamond is the whole inference. Above the roof: bytes came in "
		"the shadow of other operators. At the right edge: nothing went "
		"off chip.");
	write_chart(p, out, chart_roofline);
	fputs("</section>\n", out);
	write_layers(p, out);
	write_energy(p, out);
	write_units(p, out);
	fprintf(out, "<footer class=\"soft\">tinynpu %s</footer>\n<script>\n"
		"//<![CDATA[\n", tinynpu_version());
	write_resource(out, profile_js, profile_js_end);
	fputs("//]]>\n</script>\n</body>\n</html>\n", out);
	return 0;
}
