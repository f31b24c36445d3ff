// SPDX-License-Identifier: MIT
/* What `tinynpu run` prints: classes and figures, for people or as JSON. */
#include "run.h"

#include "device_json.h"
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>

static void print_classes(const struct run_report *report, const char *name,
			  const struct class *best, size_t count)
{
	size_t i;

	if (name)
		printf("%s\n", name);
	for (i = 0; i < count; i++) {
		const char *label = labels_name(&report->labels, best[i].index);

		printf("%9.4f  %s", best[i].value, label ? label : "class ");
		if (!label)
			printf("%llu", (unsigned long long)best[i].index);
		putchar('\n');
	}
}

static json_t *classes_json(const struct run_report *report,
			    const struct class *best, size_t count)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:I, s:s?, s:f}",
			"class", (json_int_t)best[i].index, "label",
			labels_name(&report->labels, best[i].index), "value",
			best[i].value));
	return list;
}

static json_t *stats_json(const struct tinynpu_stats *stats)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "cycles", (json_int_t)stats->cycles,
			 "latency_ns", (json_int_t)stats->latency_ns,
			 "energy_fj", (json_int_t)stats->energy_fj,
			 "wall_ns", (json_int_t)stats->wall_ns,
			 "commands", (json_int_t)stats->commands,
			 "mac_ops", (json_int_t)stats->mac_ops,
			 "sram_read", (json_int_t)stats->sram_read,
			 "sram_written", (json_int_t)stats->sram_written,
			 "mem_read", (json_int_t)stats->mem_read,
			 "mem_written", (json_int_t)stats->mem_written,
			 "busy_dma", (json_int_t)stats->busy_dma,
			 "busy_mac", (json_int_t)stats->busy_mac,
			 "busy_vec", (json_int_t)stats->busy_vec);
}

static void sum_up(struct run_report *report, const struct tinynpu_stats *stats)
{
	if (!report->inferences++)
		report->first = *stats;
	if (stats->cycles != report->first.cycles ||
	    stats->energy_fj != report->first.energy_fj)
		report->is_uneven = true;
	report->cycles += stats->cycles;
	report->energy_fj += stats->energy_fj;
	report->latency_ns += stats->latency_ns;
	report->wall_ns += stats->wall_ns;
}

int run_report_add(struct run_report *report, const char *name,
		   const void *output, const struct tinynpu_stats *stats)
{
	size_t top = report->args->top, count;
	struct class *best;
	json_t *run;

	best = calloc(top + 1, sizeof(*best));
	if (!best)
		return tool_complain(TOOL_FAILED, "out of memory");
	count = top ? classes_rank(&report->output, output, best, top) : 0;
	sum_up(report, stats);
	if (report->runs) {
		run = stats_json(stats);
		if (top)
			json_object_set_new(run, "top",
				classes_json(report, best, count));
		json_array_append_new(report->runs, run);
	} else if (top) {
		print_classes(report, name, best, count);
	}
	free(best);
	return TOOL_OK;
}

static void finish_json(struct run_report *report)
{
	json_t *json = json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:I, s:I, s:o}",
		"program", report->args->path,
		"device", device_json(&report->device),
		"inferences", (json_int_t)report->inferences,
		"cycles", (json_int_t)report->first.cycles,
		"energy_fj", (json_int_t)report->first.energy_fj,
		"latency_ns", (json_int_t)report->first.latency_ns,
		"is_even", !report->is_uneven,
		"estimated_cycles", (json_int_t)report->program.cycles,
		"total_cycles", (json_int_t)report->cycles,
		"total_energy_fj", (json_int_t)report->energy_fj,
		"total_wall_ns", (json_int_t)report->wall_ns,
		"runs", report->runs);

	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
}

static void finish_text(const struct run_report *report)
{
	const struct tinynpu_device_info *device = &report->device;

	printf("%llu inference%s on %s (%u MACs per cycle, %g MHz)\n",
	       (unsigned long long)report->inferences,
	       report->inferences == 1 ? "" : "s", device->name, device->macs,
	       device->clock_khz / 1e3);
	printf("  %s   %s cycles, %s, %s\n",
	       report->is_uneven ? "first" : "each ",
	       tool_count(report->first.cycles).text, tool_time(report->first.latency_ns).text,
	       tool_energy(report->first.energy_fj).text);
	if (report->inferences > 1)
		printf("  total   %s cycles, %s, %s\n",
		       tool_count(report->cycles).text,
		       tool_time(report->latency_ns).text,
		       tool_energy(report->energy_fj).text);
	printf("  wall    %s", tool_time(report->wall_ns).text);
	if (report->inferences > 1)
		printf(", %s each",
		       tool_time(report->wall_ns / report->inferences).text);
	putchar('\n');
}

void run_report_finish(struct run_report *report)
{
	if (report->runs)
		finish_json(report);
	else
		finish_text(report);
}
