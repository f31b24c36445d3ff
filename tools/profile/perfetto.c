// SPDX-License-Identifier: MIT
/*
 * A profile in the trace event format, which https://ui.perfetto.dev reads: the
 * machine in modelled time, and this computer's library, firmware and machine in
 * wall time. Both begin at 0.
 */
#include "profile.h"

#include <jansson.h>

enum { MODELLED = 1, WALL = 2 };

enum track {
	TRACK_JOBS = 1,
	TRACK_FIRMWARE,
	TRACK_LAYERS,
	TRACK_UNIT,				/* and the next two */
	TRACK_WAITING = TRACK_UNIT + NPU_UNIT_COUNT, /* likewise */
	TRACK_LIBRARY = TRACK_WAITING + NPU_UNIT_COUNT,
	TRACK_MACHINE,
	TRACK_DRIVER,
};

struct trace {
	const struct profile *profile;
	json_t *events;
};

/* Modelled microseconds. */
static double cycles_us(const struct trace *t, uint64_t cycles)
{
	return cycles * 1e3 / t->profile->machine.clock_khz;
}

/* Microseconds since the inference was submitted. */
static double wall_us(const struct trace *t, uint64_t ns)
{
	return (ns - t->profile->wall_submit) / 1e3;
}

static void name_process(struct trace *t, int process, const char *name)
{
	json_array_append_new(t->events, json_pack(
		"{s:s, s:s, s:i, s:{s:s}}", "ph", "M", "name", "process_name",
		"pid", process, "args", "name", name));
}

static void name_track(struct trace *t, int process, int track,
		       const char *name, const char *what)
{
	json_array_append_new(t->events, json_pack(
		"{s:s, s:s, s:i, s:i, s:{s:s++}}", "ph", "M", "name",
		"thread_name", "pid", process, "tid", track, "args", "name",
		name, what, ""));
	json_array_append_new(t->events, json_pack(
		"{s:s, s:s, s:i, s:i, s:{s:i}}", "ph", "M", "name",
		"thread_sort_index", "pid", process, "tid", track, "args",
		"sort_index", track));
}

/* @args may be NULL; it is taken over. */
static void slice(struct trace *t, int process, int track, const char *name,
		  double start_us, double end_us, json_t *args)
{
	json_array_append_new(t->events, json_pack(
		"{s:s, s:s, s:i, s:i, s:f, s:f, s:o}", "ph", "X", "name", name,
		"pid", process, "tid", track, "ts", start_us, "dur",
		end_us - start_us, "args", args ? args : json_object()));
}

static void cycle_slice(struct trace *t, int track, const char *name,
			uint64_t start, uint64_t end, json_t *args)
{
	slice(t, MODELLED, track, name, cycles_us(t, start), cycles_us(t, end),
	      args);
}

/* --- Modelled time --------------------------------------------------------- */

static void write_span(struct trace *t, uint32_t index)
{
	const struct profile *p = t->profile;
	const struct profile_span *span = &p->spans[index];
	const struct npu_cost *cost = &span->cost;

	cycle_slice(t, TRACK_UNIT + span->unit, profile_op_name(span->op),
		    span->start, span->end, json_pack(
		"{s:I, s:s, s:I, s:s, s:I, s:I, s:I, s:b}",
		"command", (json_int_t)index,
		"layer", profile_layer_name(p, span->layer),
		"cycles", (json_int_t)(span->end - span->start),
		"bound by", profile_reasons[npu_cost_ruling(cost)],
		"MACs", (json_int_t)cost->mac_ops,
		"SRAM bytes", (json_int_t)(cost->sram_read +
					   cost->sram_written),
		"memory bytes", (json_int_t)(cost->mem_read +
					     cost->mem_written),
		"critical", (int)span->is_critical));
	if (span->stall)
		cycle_slice(t, TRACK_WAITING + span->unit,
			    profile_causes[span->cause],
			    span->start - span->stall, span->start,
			    json_pack("{s:I, s:I}", "command",
				      (json_int_t)index, "cycles",
				      (json_int_t)span->stall));
}

/* Between the first and the last command of an operator, whatever else runs. */
static void write_layers(struct trace *t)
{
	const struct profile *p = t->profile;
	uint32_t i;

	for (i = 0; i < p->info.layers; i++) {
		const struct profile_layer *layer = &p->layers[i];

		if (layer->commands)
			cycle_slice(t, TRACK_LAYERS, layer->name, layer->first,
				    layer->last, json_pack("{s:I, s:s}",
				"critical cycles", (json_int_t)layer->cycles,
				"bound by", profile_reasons[layer->bound]));
	}
}

/* What lives in the SRAM changes where a block begins or ends. */
static void write_memory(struct trace *t)
{
	const struct profile *p = t->profile;
	const struct profile_live *live = p->live;
	uint32_t i;

	for (i = 0; i < p->live_count; i++)
		json_array_append_new(t->events, json_pack(
			"{s:s, s:s, s:i, s:f, s:{s:I}}", "ph", "C", "name",
			"SRAM in use", "pid", MODELLED, "ts",
			cycles_us(t, live[i].cycle), "args", "bytes",
			(json_int_t)live[i].bytes));
}

static void write_modelled(struct trace *t)
{
	const struct profile *p = t->profile;
	uint32_t i;

	name_process(t, MODELLED, "machine, modelled time");
	name_track(t, MODELLED, TRACK_JOBS, "jobs", "");
	name_track(t, MODELLED, TRACK_LAYERS, "operators", "");
	for (i = 0; i < NPU_UNIT_COUNT; i++) {
		name_track(t, MODELLED, TRACK_UNIT + i, profile_units[i], "");
		name_track(t, MODELLED, TRACK_WAITING + i, profile_units[i],
			   " waiting");
	}
	for (i = 0; i < p->job_count; i++)
		cycle_slice(t, TRACK_JOBS, "job", p->jobs[i].base,
			    p->jobs[i].base + p->jobs[i].cycles, NULL);
	for (i = 0; i < p->span_count; i++)
		write_span(t, i);
	write_layers(t);
	write_memory(t);
}

/* --- Wall time ------------------------------------------------------------- */

/* What was not seen, such as an interrupt that comes later, is left out. */
static void wall_slice(struct trace *t, int track, const char *name,
		       uint64_t start, uint64_t end, json_t *args)
{
	if (!start || end < start)
		json_decref(args);
	else
		slice(t, WALL, track, name, wall_us(t, start), wall_us(t, end),
		      args);
}

static json_t *instructions(uint64_t from, uint64_t to)
{
	return json_pack("{s:I}", "firmware instructions",
			 (json_int_t)(to - from));
}

static void write_job(struct trace *t, const struct profile_job *job)
{
	wall_slice(t, TRACK_FIRMWARE, "take the job", job->wall_doorbell,
		   job->wall_start, instructions(job->fw_doorbell,
						 job->fw_start));
	wall_slice(t, TRACK_MACHINE, "commands", job->wall_start,
		   job->wall_end, instructions(job->fw_start, job->fw_end));
	wall_slice(t, TRACK_FIRMWARE, "end the job", job->wall_end,
		   job->wall_interrupt, instructions(job->fw_end,
						     job->fw_interrupt));
}

/* From the first job that the driver was given to the process's wakeup. */
static void write_driver(struct trace *t)
{
	const struct profile *p = t->profile;
	const struct driver_times *times = &p->driver;
	uint32_t i;

	name_track(t, WALL, TRACK_DRIVER, "driver", "");
	name_track(t, WALL, TRACK_MACHINE, "device and firmware", "");
	for (i = 0; i < times->count; i++) {
		const struct driver_job *job = &times->job[i];

		wall_slice(t, TRACK_DRIVER, "job waits in the driver",
			   job->queued, job->run, NULL);
		wall_slice(t, TRACK_MACHINE, "job", job->run, job->done, NULL);
		if (i + 1 == times->count)
			wall_slice(t, TRACK_DRIVER, "wake the process",
				   job->done, p->wall_waited, NULL);
	}
}

/*
 * What the simulator told in the process that it runs in. It plays the driver's part,
 * too: from the end of the job before, or of the operators on the CPU behind that, to
 * the doorbell, and from the last end until the inference has ended.
 */
static void write_machine(struct trace *t)
{
	const struct profile *p = t->profile;
	uint64_t since = p->wall_submit;
	uint32_t i;

	name_track(t, WALL, TRACK_DRIVER, "driver, simulated", "");
	name_track(t, WALL, TRACK_FIRMWARE, "firmware", "");
	name_track(t, WALL, TRACK_MACHINE, "machine", "");
	for (i = 0; i < p->job_count; i++) {
		wall_slice(t, TRACK_DRIVER, p->info.cpu_ops ?
			   "operators on the CPU, then submit" : "submit", since,
			   p->jobs[i].wall_doorbell, NULL);
		write_job(t, &p->jobs[i]);
		since = p->jobs[i].wall_end;
	}
	wall_slice(t, TRACK_DRIVER, p->info.cpu_ops ?
		   "take the end, then operators on the CPU" : "take the end",
		   since, p->wall_waited, NULL);
}

static void write_wall(struct trace *t)
{
	const struct profile *p = t->profile;

	name_process(t, WALL, "this computer, wall time");
	name_track(t, WALL, TRACK_LIBRARY, "library", "");
	wall_slice(t, TRACK_LIBRARY, "submit", p->wall_submit,
		   p->wall_submitted, NULL);
	wall_slice(t, TRACK_LIBRARY, "wait", p->wall_submitted, p->wall_waited,
		   NULL);
	if (p->is_driven)
		write_driver(t);
	else
		write_machine(t);
}

int profile_write_perfetto(const struct profile *p, FILE *out)
{
	struct trace trace = { .profile = p, .events = json_array() };
	json_t *json;
	int err;

	write_modelled(&trace);
	write_wall(&trace);
	json = json_pack("{s:s, s:{s:s, s:I, s:I}, s:o}",
			 "displayTimeUnit", "ns",
			 "otherData", "program", p->title,
			 "cycles", (json_int_t)p->cycles,
			 "clock_khz", (json_int_t)p->machine.clock_khz,
			 "traceEvents", trace.events);
	err = json_dumpf(json, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(json);
	return err;
}
