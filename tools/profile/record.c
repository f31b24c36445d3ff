// SPDX-License-Identifier: MIT
/*
 * Records an inference: the machine tells what it does, and the formulas that it
 * counts by (npu/cost.h), applied to the same commands, tell why. That both agree,
 * and that their sums are the job's, is checked each time.
 */
#include "profile.h"

#include "../tool.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What the formulas need of a job's past. */
struct replay {
	struct npu_timeline timeline;
	uint32_t last[NPU_UNIT_COUNT][NPU_QUEUE_DEPTH]; /* spans, by number */
	uint64_t base;
};

struct recorder {
	struct profile *profile;
	struct profile_job *job; /* that runs */
	uint64_t wall_doorbell, fw_doorbell;
	const char *fault;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* --- What the machine tells ------------------------------------------------ */

static void record_start(struct recorder *r, const struct tinynpu_trace *trace)
{
	struct profile *p = r->profile;

	if (p->job_count == p->info.segments) {
		r->fault = "more jobs than segments";
		return;
	}
	r->job = &p->jobs[p->job_count++];
	*r->job = (struct profile_job){
		.first = p->span_count,
		.base = p->cycles,
		.wall_doorbell = r->wall_doorbell,
		.wall_start = now_ns(),
		.fw_doorbell = r->fw_doorbell,
		.fw_start = trace->instructions,
	};
}

static void record_command(struct recorder *r,
			   const struct tinynpu_trace *trace)
{
	struct profile *p = r->profile;
	struct profile_span *span;

	if (!r->job || p->span_count == p->info.commands ||
	    trace->command != p->span_count - r->job->first) {
		r->fault = "commands out of order";
		return;
	}
	span = &p->spans[p->span_count++];
	span->unit = trace->unit;
	span->start = r->job->base + trace->start;
	span->end = r->job->base + trace->end;
	span->reads = trace->reads;
	span->writes = trace->writes;
	memcpy(span->range, trace->range, sizeof(span->range));
	r->job->count++;
}

static void record_end(struct recorder *r, const struct tinynpu_trace *trace)
{
	if (!r->job)
		return;
	r->job->cycles = trace->end;
	r->job->wall_end = now_ns();
	r->job->fw_end = trace->instructions;
	r->profile->cycles += trace->end;
}

static void record(void *opaque, const struct tinynpu_trace *trace)
{
	struct recorder *r = opaque;

	switch (trace->kind) {
	case TINYNPU_TRACE_DOORBELL:
		r->wall_doorbell = now_ns();
		r->fw_doorbell = trace->instructions;
		break;
	case TINYNPU_TRACE_JOB_START:
		record_start(r, trace);
		break;
	case TINYNPU_TRACE_COMMAND:
		record_command(r, trace);
		break;
	case TINYNPU_TRACE_JOB_END:
		record_end(r, trace);
		break;
	case TINYNPU_TRACE_INTERRUPT:
		if (r->job && !r->job->wall_interrupt) {
			r->job->wall_interrupt = now_ns();
			r->job->fw_interrupt = trace->instructions;
		}
		break;
	}
}

/* --- What the formulas tell ------------------------------------------------ */

/* The fetch, and the span that made it wait for room in its unit's queue. */
static void explain_fetch(const struct replay *replay, uint64_t fetch,
			  struct profile_span *span)
{
	const struct npu_timeline *t = &replay->timeline;
	uint32_t slot = t->issued[span->unit] % NPU_QUEUE_DEPTH;
	uint64_t room = t->end[span->unit][slot];

	span->fetched = npu_max64(t->fetched + fetch, room);
	span->room = room > t->fetched + fetch ?
		     replay->last[span->unit][slot] : NO_SPAN;
}

/* Whose end let it start; it started at @start of its job. */
static void explain_start(const struct replay *replay,
			  const struct npu_cmd_hdr *hdr, uint64_t start,
			  struct profile_span *span)
{
	const struct npu_timeline *t = &replay->timeline;
	uint64_t issued = t->issued[span->unit];
	unsigned int u;

	span->before = NO_SPAN;
	span->cause = span->room == NO_SPAN ? CAUSE_FETCH : CAUSE_QUEUE;
	span->stall = start - t->last_end[span->unit];
	if (issued && !span->stall) {
		span->cause = CAUSE_NONE;
		span->before = replay->last[span->unit]
					   [(issued - 1) % NPU_QUEUE_DEPTH];
		return;
	}
	for (u = 0; u < NPU_UNIT_COUNT; u++) {
		int64_t number = hdr->flags & NPU_CMD_WAIT(u) ?
			npu_timeline_awaited(t, u, hdr->wait[u]) : 0;
		uint32_t slot = (number - 1) % NPU_QUEUE_DEPTH;

		if (number <= 0 || t->end[u][slot] != start)
			continue;
		span->before = replay->last[u][slot];
		span->cause = CAUSE_DMA + u;
	}
}

/* Everything of a span but what the machine told; false: it told otherwise. */
static bool explain(struct replay *replay, const struct npu_machine *m,
		    const union npu_cmd *cmd, uint32_t index,
		    struct profile_span *span)
{
	struct npu_timeline *t = &replay->timeline;
	uint64_t start, end, idle_since = t->last_end[span->unit];
	bool is_first = !t->issued[span->unit];
	struct npu_timeline after = *t;

	npu_cost(m, cmd, &span->cost);
	end = npu_timeline_issue(&after, m, &cmd->hdr, span->unit, &span->cost,
				 &start);
	explain_fetch(replay, npu_div_up(NPU_CMD_SIZE, m->mem_bw), span);
	explain_start(replay, &cmd->hdr, start, span);
	span->op = cmd->hdr.op;
	if (span->unit == NPU_UNIT_DMA && (is_first || start > idle_since))
		span->latency = span->cost.latency;
	span->stolen = end - start - span->cost.cycles - span->latency;
	replay->last[span->unit][t->issued[span->unit] % NPU_QUEUE_DEPTH] = index;
	*t = after;
	span->fetched += replay->base;
	return span->start == replay->base + start &&
	       span->end == replay->base + end;
}

static bool explain_job(struct profile *p, const struct profile_job *job)
{
	const union npu_cmd *cmds = tinynpu_program_commands(p->program);
	struct replay replay = { .base = job->base };
	uint32_t i, u;

	npu_timeline_start(&replay.timeline, &p->machine);
	for (i = job->first; i < job->first + job->count; i++) {
		struct profile_span *span = &p->spans[i];

		if (!explain(&replay, &p->machine, &cmds[i], i, span))
			return false;
		span->layer = tinynpu_program_layer_of(p->program, i);
		if (span->layer < 0)
			span->layer = -1;
		p->stalls[span->unit][span->cause] += span->stall;
	}
	for (u = 0; u < NPU_UNIT_COUNT; u++)
		p->idle[u] += job->cycles - replay.timeline.last_end[u];
	return replay.timeline.end_of_all == job->cycles;
}

static void add_energy(uint64_t energy[PART_COUNT], const struct npu_machine *m,
		       const struct npu_cost *cost)
{
	energy[PART_MACS] += cost->products * NPU_ENERGY_MAC_FJ;
	energy[PART_STEPS] += cost->steps * NPU_ENERGY_STEP_FJ;
	energy[PART_REQUANT] += cost->requants * NPU_ENERGY_REQUANT_FJ;
	energy[PART_DECODE] += cost->decoded * NPU_ENERGY_DECODE_FJ;
	energy[PART_SRAM] += (cost->sram_read + cost->sram_written) *
			     npu_energy_sram_fj(m->sram_size) +
			     cost->buffered * npu_energy_sram_fj(
						npu_machine_weight_buffer(m));
	energy[PART_MEMORY] += (cost->mem_read + cost->mem_written) *
			       NPU_ENERGY_MEM_FJ;
	energy[PART_COMMANDS] += NPU_CMD_SIZE * NPU_ENERGY_MEM_FJ;
}

static void sum_energy(struct profile *p)
{
	uint32_t i, part;

	for (i = 0; i < p->span_count; i++) {
		struct profile_layer *layer = &p->layers[p->spans[i].layer < 0 ?
			p->info.layers : p->spans[i].layer];

		add_energy(layer->energy, &p->machine, &p->spans[i].cost);
	}
	for (i = 0; i <= p->info.layers; i++)
		for (part = 0; part < PART_COUNT; part++)
			p->energy[part] += p->layers[i].energy[part];
	for (i = 0; i < p->job_count; i++)
		p->energy[PART_LEAKAGE] += npu_energy_leak(&p->machine, 0,
							   p->jobs[i].cycles);
}

/* Why the record can't be right, or NULL. */
static const char *check(const struct profile *p)
{
	const uint64_t busy[] = { p->stats.busy_dma, p->stats.busy_mac,
				  p->stats.busy_vec };
	uint64_t sum[NPU_UNIT_COUNT] = { 0 };
	uint32_t i;

	if (p->span_count != p->info.commands ||
	    p->stats.commands != p->span_count)
		return "not every command is in the trace";
	for (i = 0; i < p->span_count; i++)
		sum[p->spans[i].unit] += p->spans[i].end - p->spans[i].start;
	for (i = 0; i < NPU_UNIT_COUNT; i++)
		if (sum[i] != busy[i])
			return "the units' cycles are not the device's";
	if (p->cycles != p->stats.cycles)
		return "cycles are not the device's";
	if (profile_energy(p->energy) != p->stats.energy_fj)
		return "energy is not the device's";
	return NULL;
}

/* --- The whole ------------------------------------------------------------- */

static int allocate(struct profile *p)
{
	unsigned int i;

	p->spans = calloc(p->info.commands + 1, sizeof(*p->spans));
	p->jobs = calloc(p->info.segments + 1, sizeof(*p->jobs));
	p->layers = calloc(p->info.layers + 1, sizeof(*p->layers));
	if (!p->spans || !p->jobs || !p->layers)
		return tool_complain(TOOL_FAILED, "out of memory");
	for (i = 0; i < p->info.layers; i++) {
		struct tinynpu_layer_info layer;

		tinynpu_program_layer(p->program, i, &layer, sizeof(layer));
		p->layers[i].name = layer.name;
		p->layers[i].cpu_ops = layer.cpu_ops;
	}
	p->layers[i].name = "of no operator";
	return TOOL_OK;
}

static int run(struct profile *p, struct tinynpu_session *session)
{
	struct tinynpu_error error;
	int err;

	p->wall_submit = now_ns();
	err = tinynpu_session_submit(session, &error);
	p->wall_submitted = now_ns();
	if (!err)
		err = tinynpu_session_wait(session, -1, &error);
	p->wall_waited = now_ns();
	if (err)
		return tool_complain(TOOL_FAILED, "%s: %s", p->path, error.text);
	tinynpu_session_stats(session, &p->stats, sizeof(p->stats));
	return TOOL_OK;
}

int profile_record(struct profile *profile, struct tinynpu_device *device,
		   struct tinynpu_session *session)
{
	struct recorder recorder = { .profile = profile };
	struct tinynpu_error error;
	uint32_t i;
	int status;

	status = allocate(profile);
	if (status)
		return status;
	if (tinynpu_device_trace(device, record, &recorder, &error))
		return tool_complain(TOOL_FAILED, "%s", error.text);
	status = run(profile, session);
	tinynpu_device_trace(device, NULL, NULL, NULL);
	if (status)
		return status;
	for (i = 0; !recorder.fault && i < profile->job_count; i++)
		if (!explain_job(profile, &profile->jobs[i]))
			recorder.fault = "cycles are not those of the formulas";
	if (!recorder.fault) {
		sum_energy(profile);
		recorder.fault = check(profile);
	}
	if (recorder.fault)
		return tool_complain(TOOL_FAILED, "%s: the trace is wrong: %s",
				     profile->path, recorder.fault);
	return TOOL_OK;
}

int profile_drive(struct profile *profile, struct tinynpu_session *session)
{
	struct tinynpu_stats simulated = profile->stats;
	struct driver_trace trace;
	bool is_traced = driver_trace_start(&trace);
	int status;

	profile->is_driven = true;
	status = run(profile, session);
	if (is_traced)
		driver_trace_stop(&trace, &profile->driver);
	if (status)
		return status;
	if (check(profile) ||
	    profile->stats.mem_read != simulated.mem_read ||
	    profile->stats.mem_written != simulated.mem_written)
		return tool_complain(TOOL_FAILED,
			"%s: the device does not count what the simulator does",
			profile->path);
	return TOOL_OK;
}

void profile_free(struct profile *profile)
{
	free(profile->spans);
	free(profile->jobs);
	free(profile->layers);
	free(profile->blocks);
	free(profile->live);
}
