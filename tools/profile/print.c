// SPDX-License-Identifier: MIT
/* A profile for the terminal: where the cycles of the inference went. */
#include "profile.h"

#include "../tool.h"

#include <string.h>

#define NAME_MOST 60 /* bytes of an operator's name */

/* A part of a whole in percent. */
static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * part / whole : 0;
}

static void print_units(const struct profile *p, FILE *out)
{
	const uint64_t busy[] = { p->stats.busy_dma, p->stats.busy_mac,
				  p->stats.busy_vec };
	uint32_t u, cause;

	for (u = 0; u < NPU_UNIT_COUNT; u++) {
		fprintf(out, "  %s busy   %5.1f %%", profile_units[u],
			percent(busy[u], p->cycles));
		for (cause = CAUSE_DMA; cause < CAUSE_COUNT; cause++)
			if (p->stalls[u][cause])
				fprintf(out, ", %s %.1f %%",
					profile_causes[cause],
					percent(p->stalls[u][cause],
						p->cycles));
		fputc('\n', out);
	}
}

/* The beginning of a long name, cut where a character of UTF-8 ends. */
static int name_length(const char *name)
{
	size_t length = strlen(name);

	if (length <= NAME_MOST)
		return length;
	length = NAME_MOST;
	while (length && (name[length] & 0xc0) == 0x80)
		length--;
	return length;
}

static void print_layer(const struct profile *p,
			const struct profile_layer *layer, FILE *out)
{
	int length = name_length(layer->name);
	char distance[32] = "-";

	if (layer->floor)
		snprintf(distance, sizeof(distance), "%.2f",
			 (double)layer->cycles / layer->floor);
	fprintf(out, "  %10s %6.1f %10s %8s  %-12s %4.0f %% %9s  %.*s%s\n",
		tool_count(layer->cycles).text,
		percent(layer->cycles, p->cycles),
		tool_count(layer->floor).text, distance,
		layer->cycles ? profile_reasons[layer->bound] : "-",
		percent(layer->reason[layer->bound], layer->cycles),
		tool_energy(profile_energy(layer->energy)).text, length,
		layer->name, layer->name[length] ? "..." : "");
}

static void print_layers(const struct profile *p, FILE *out)
{
	uint32_t i;

	fprintf(out, "\n  %10s %6s %10s %8s  %-12s %6s %9s  %s\n", "cycles",
		"%", "roofline", "distance", "bound by", "part", "energy",
		"operator");
	for (i = 0; i <= p->info.layers; i++)
		if (p->layers[i].commands)
			print_layer(p, &p->layers[i], out);
}

static void print_energy(const struct profile *p, FILE *out)
{
	uint32_t i;

	fprintf(out, "\n  energy     %s\n",
		tool_energy(p->stats.energy_fj).text);
	for (i = 0; i < PART_COUNT; i++)
		if (p->energy[i])
			fprintf(out, "  %9s  %5.1f %%  %s\n",
				tool_energy(p->energy[i]).text,
				percent(p->energy[i], p->stats.energy_fj),
				profile_parts[i]);
}

void profile_print(const struct profile *p, FILE *out)
{
	uint64_t ns = tool_cycles_ns(p->cycles, p->machine.clock_khz);

	fprintf(out, "%s: %s cycles, %s at %g MHz\n", p->path,
		tool_count(p->cycles).text, tool_time(ns).text,
		p->machine.clock_khz / 1e3);
	print_units(p, out);
	fprintf(out, "  SRAM       %s, %s live at once\n",
		tool_bytes(p->info.sram_size).text,
		tool_bytes(p->live_most).text);
	print_layers(p, out);
	print_energy(p, out);
}
