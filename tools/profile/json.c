// SPDX-License-Identifier: MIT
/* A profile as JSON: everything that is known. It only grows. */
#include "profile.h"

#include "../device_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* An object of what @names are worth, without zeros. */
static json_t *named(const char *const *names, const uint64_t *values,
		     uint32_t count)
{
	json_t *json = json_object();
	uint32_t i;

	for (i = 0; i < count; i++)
		if (values[i])
			json_object_set_new(json, names[i],
					    json_integer(values[i]));
	return json;
}

static json_t *traffic(const struct npu_cost *cost)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}",
			 "mac_ops", (json_int_t)cost->mac_ops,
			 "sram_read", (json_int_t)cost->sram_read,
			 "sram_written", (json_int_t)cost->sram_written,
			 "mem_read", (json_int_t)cost->mem_read,
			 "mem_written", (json_int_t)cost->mem_written);
}

static json_t *ranges(const struct tinynpu_trace_range *range, uint32_t count)
{
	json_t *list = json_array();
	uint32_t i;

	for (i = 0; i < count; i++)
		json_array_append_new(list, json_pack("[I, I]",
			(json_int_t)range[i].low, (json_int_t)range[i].high));
	return list;
}

static json_t *layer_index(int layer)
{
	return layer < 0 ? json_null() : json_integer(layer);
}

static json_t *span_json(const struct profile *p, uint32_t index)
{
	const struct profile_span *span = &p->spans[index];
	json_t *json = traffic(&span->cost);

	json_object_update_new(json, json_pack(
		"{s:I, s:s, s:s, s:o, s:I, s:I, s:b, s:s, s:I, s:s, s:I, s:o, s:o}",
		"command", (json_int_t)index,
		"unit", profile_units[span->unit],
		"op", profile_op_name(span->op),
		"layer", layer_index(span->layer),
		"start", (json_int_t)span->start,
		"end", (json_int_t)span->end,
		"is_critical", (int)span->is_critical,
		"bound", profile_reasons[npu_cost_ruling(&span->cost)],
		"stall", (json_int_t)span->stall,
		"cause", profile_causes[span->cause],
		"fill", (json_int_t)(span->cost.fill + span->latency),
		"reads", ranges(span->range, span->reads),
		"writes", ranges(span->range + span->reads, span->writes)));
	return json;
}

static json_t *spans_json(const struct profile *p)
{
	json_t *list = json_array();
	uint32_t i;

	for (i = 0; i < p->span_count; i++)
		json_array_append_new(list, span_json(p, i));
	return list;
}

static json_t *layer_json(const struct profile_layer *layer, int index)
{
	json_t *json = traffic(&layer->cost);

	json_object_update_new(json, json_pack(
		"{s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:s, s:I, s:s, s:f, s:I, s:o, s:o}",
		"layer", layer_index(index),
		"name", layer->name,
		"commands", (json_int_t)layer->commands,
		"cpu_ops", (json_int_t)layer->cpu_ops,
		"first", (json_int_t)layer->first,
		"last", (json_int_t)layer->last,
		"cycles", (json_int_t)layer->cycles,
		"reasons", named(profile_reasons, layer->reason, REASON_COUNT),
		"bound", profile_reasons[layer->bound],
		"roofline_cycles", (json_int_t)layer->floor,
		"roof", profile_reasons[layer->roof],
		"distance", layer->floor ?
			(double)layer->cycles / layer->floor : 0.0,
		"energy_fj", (json_int_t)profile_energy(layer->energy),
		"energy", named(profile_parts, layer->energy, PART_COUNT),
		"busy", named(profile_units, layer->busy, NPU_UNIT_COUNT)));
	return json;
}

static json_t *layers_json(const struct profile *p)
{
	json_t *list = json_array();
	uint32_t i;

	for (i = 0; i < p->info.layers; i++)
		json_array_append_new(list, layer_json(&p->layers[i], i));
	if (p->layers[i].commands)
		json_array_append_new(list, layer_json(&p->layers[i], -1));
	return list;
}

static json_t *units_json(const struct profile *p)
{
	const uint64_t busy[] = { p->stats.busy_dma, p->stats.busy_mac,
				  p->stats.busy_vec };
	json_t *list = json_array();
	uint32_t u;

	for (u = 0; u < NPU_UNIT_COUNT; u++)
		json_array_append_new(list, json_pack("{s:s, s:I, s:o, s:I}",
			"unit", profile_units[u],
			"busy", (json_int_t)busy[u],
			"stalls", named(profile_causes, p->stalls[u],
					CAUSE_COUNT),
			"idle_at_end", (json_int_t)p->idle[u]));
	return list;
}

static json_t *jobs_json(const struct profile *p)
{
	json_t *list = json_array();
	uint32_t i;

	for (i = 0; i < p->job_count; i++) {
		const struct profile_job *job = &p->jobs[i];

		json_array_append_new(list, json_pack(
			"{s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			"first_command", (json_int_t)job->first,
			"commands", (json_int_t)job->count,
			"start", (json_int_t)job->base,
			"cycles", (json_int_t)job->cycles,
			"firmware_instructions_before",
			(json_int_t)(job->fw_start - job->fw_doorbell),
			"firmware_instructions_during",
			(json_int_t)(job->fw_end - job->fw_start),
			"wall_ns",
			(json_int_t)(job->wall_end - job->wall_start)));
	}
	return list;
}

/* Of each job, ns since the inference was submitted; not more than was told. */
static json_t *driver_json(const struct profile *p)
{
	json_t *list = json_array();
	uint32_t i;

	for (i = 0; i < p->driver.count; i++) {
		const struct driver_job *job = &p->driver.job[i];

		json_array_append_new(list, json_pack("{s:I, s:I, s:I}",
			"queued_ns",
			(json_int_t)(job->queued - p->wall_submit),
			"run_ns", (json_int_t)(job->run - p->wall_submit),
			"done_ns", (json_int_t)(job->done - p->wall_submit)));
	}
	return list;
}

static json_t *memory_json(const struct profile *p)
{
	json_t *list = json_array();
	uint32_t i;

	for (i = 0; i < p->block_count; i++) {
		const struct profile_block *block = &p->blocks[i];

		json_array_append_new(list, json_pack(
			"{s:I, s:I, s:I, s:I, s:o, s:s}",
			"low", (json_int_t)block->low,
			"high", (json_int_t)block->high,
			"start", (json_int_t)block->start,
			"end", (json_int_t)block->end,
			"layer", layer_index(block->layer),
			"written_by", profile_units[block->unit]));
	}
	return list;
}

/* Bytes of weights in memory, as the compiler noted; 0: it did not. */
static uint64_t stored_weights(const struct profile *p)
{
	static const char key[] = "\nweights_stored=";
	const char *at = strstr(p->info.source, key);

	return at ? strtoull(at + sizeof(key) - 1, NULL, 10) : 0;
}

/* Of the model's inputs and outputs. */
static uint64_t tensor_bytes(const struct profile *p)
{
	struct tinynpu_tensor_info tensor;
	uint64_t bytes = 0;
	unsigned int i;

	for (i = 0; !tinynpu_program_tensor(p->program, i, &tensor,
					    sizeof(tensor)); i++)
		bytes += tensor.size;
	return bytes;
}

static json_t *totals_json(const struct profile *p)
{
	const struct tinynpu_stats *stats = &p->stats;

	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
		"s:I, s:I}",
		"cycles", (json_int_t)p->cycles,
		"latency_ns", (json_int_t)(p->cycles * 1000000 /
					   p->machine.clock_khz),
		"energy_fj", (json_int_t)stats->energy_fj,
		"mac_ops", (json_int_t)stats->mac_ops,
		"commands", (json_int_t)stats->commands,
		"sram_read", (json_int_t)stats->sram_read,
		"sram_written", (json_int_t)stats->sram_written,
		"mem_read", (json_int_t)stats->mem_read,
		"mem_written", (json_int_t)stats->mem_written,
		"sram_bytes", (json_int_t)p->info.sram_size,
		"weight_buffer_bytes", (json_int_t)p->info.weight_buffer,
		"sram_live", (json_int_t)p->live_most,
		"tensor_bytes", (json_int_t)tensor_bytes(p),
		"weights_stored", (json_int_t)stored_weights(p),
		"estimated_cycles", (json_int_t)p->info.cycles,
		"wall_ns", (json_int_t)(p->wall_waited - p->wall_submit));
}

int profile_write_json(const struct profile *p, FILE *out)
{
	json_t *json = json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"program", p->title,
		"device", device_json(&p->device),
		"totals", totals_json(p),
		"energy", named(profile_parts, p->energy, PART_COUNT),
		"units", units_json(p),
		"jobs", jobs_json(p),
		"driver", driver_json(p),
		"layers", layers_json(p),
		"commands", spans_json(p),
		"memory", memory_json(p));
	int err;

	err = json_dumpf(json, out, JSON_INDENT(1));
	fputc('\n', out);
	json_decref(json);
	return err;
}
