// SPDX-License-Identifier: MIT
/*
 * The critical path: from the end of a job back to its beginning, each command to
 * the one whose end let it start, or to its fetch. Its pieces lie end to end, so
 * that every cycle of the inference has exactly one command that it passed for, and
 * one reason; what was done meanwhile on other units cost nothing.
 */
#include "profile.h"

/* Follow the fetches back from a span; returns the span that held one up. */
static uint32_t follow_fetches(struct profile *p, const struct profile_job *job,
			       uint32_t index)
{
	for (;;) {
		struct profile_span *span = &p->spans[index];
		uint64_t since = index > job->first ?
			p->spans[index - 1].fetched : job->base;

		if (span->room != NO_SPAN)
			return span->room;
		span->critical_fetch += span->fetched - since;
		if (index == job->first)
			return NO_SPAN;
		index--;
	}
}

static void find_path_of(struct profile *p, const struct profile_job *job)
{
	uint32_t i, at = job->first;

	if (!job->count)
		return;
	for (i = job->first; i < job->first + job->count; i++)
		if (p->spans[i].end > p->spans[at].end)
			at = i;
	while (at != NO_SPAN) {
		p->spans[at].is_critical = true;
		if (p->spans[at].before != NO_SPAN)
			at = p->spans[at].before;
		else
			at = follow_fetches(p, job, at);
	}
}

void profile_find_path(struct profile *p)
{
	uint32_t i;

	for (i = 0; i < p->job_count; i++)
		find_path_of(p, &p->jobs[i]);
}

/* --- Layers ---------------------------------------------------------------- */

static void add_cost(struct npu_cost *sum, const struct npu_cost *cost)
{
	sum->mac_ops += cost->mac_ops;
	sum->products += cost->products;
	sum->requants += cost->requants;
	sum->steps += cost->steps;
	sum->decoded += cost->decoded;
	sum->sram_read += cost->sram_read;
	sum->sram_written += cost->sram_written;
	sum->mem_read += cost->mem_read;
	sum->mem_written += cost->mem_written;
}

/* A latency that had to wait for another unit could not be hidden. */
static void add_path(struct profile_layer *layer,
		     const struct profile_span *span)
{
	uint64_t *path = layer->path[span->unit];
	bool has_waited = span->cause >= CAUSE_DMA && span->cause <= CAUSE_VEC;

	path[REASON_FETCH] += span->critical_fetch;
	if (!span->is_critical)
		return;
	path[npu_cost_ruling(&span->cost)] += span->cost.cycles -
					      span->cost.fill;
	path[REASON_FILL] += span->cost.fill;
	path[REASON_FETCH] += span->stolen;
	path[has_waited ? REASON_DEPENDENCY : REASON_FILL] += span->latency;
}

static void add_span(struct profile_layer *layer,
		     const struct profile_span *span)
{
	if (!layer->commands++)
		layer->first = span->start;
	if (span->start < layer->first)
		layer->first = span->start;
	if (span->end > layer->last)
		layer->last = span->end;
	layer->busy[span->unit] += span->end - span->start;
	add_cost(&layer->cost, &span->cost);
	if (span->unit == NPU_UNIT_VEC)
		layer->lane_steps += span->cost.steps;
	add_path(layer, span);
}

static uint64_t path_cycles(const struct profile_layer *layer, uint32_t unit)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < REASON_COUNT; i++)
		sum += layer->path[unit][i];
	return sum;
}

/* What passes on another unit than the main one is a dependency, seen by that. */
static void find_reasons(struct profile_layer *layer)
{
	uint32_t unit, main_unit = NPU_UNIT_MAC, i;

	for (unit = 0; unit < NPU_UNIT_COUNT; unit++)
		if (path_cycles(layer, unit) > path_cycles(layer, main_unit))
			main_unit = unit;
	for (unit = 0; unit < NPU_UNIT_COUNT; unit++)
		for (i = 0; i < REASON_COUNT; i++)
			layer->reason[unit == main_unit ? i :
				      REASON_DEPENDENCY] += layer->path[unit][i];
	for (i = 0; i < REASON_COUNT; i++) {
		layer->cycles += layer->reason[i];
		if (layer->reason[i] > layer->reason[layer->bound])
			layer->bound = i;
	}
}

static void find_floor(struct profile_layer *layer, const struct npu_machine *m)
{
	const struct npu_cost *cost = &layer->cost;
	const struct {
		enum profile_reason roof;
		uint64_t cycles;
	} floors[] = {
		{ REASON_MACS, npu_div_up(cost->products, m->macs) },
		{ REASON_STEPS, npu_div_up(layer->lane_steps, m->macs / 16) },
		{ REASON_MEMORY, npu_div_up(cost->mem_read + cost->mem_written,
					    m->mem_bw) },
	};
	uint32_t i;

	for (i = 0; i < 3; i++) {
		if (floors[i].cycles <= layer->floor)
			continue;
		layer->floor = floors[i].cycles;
		layer->roof = floors[i].roof;
	}
}

void profile_sum_layers(struct profile *p)
{
	uint32_t i;

	for (i = 0; i < p->span_count; i++)
		add_span(&p->layers[p->spans[i].layer < 0 ? p->info.layers :
						    p->spans[i].layer],
			 &p->spans[i]);
	for (i = 0; i <= p->info.layers; i++) {
		find_reasons(&p->layers[i]);
		find_floor(&p->layers[i], &p->machine);
	}
}
