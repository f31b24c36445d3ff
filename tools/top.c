// SPDX-License-Identifier: MIT
/*
 * `tinynpu top`: how busy the devices are, and with whose jobs. What is shown is
 * the difference of two looks; shares of processes are of all cores' cycles that
 * the clock allowed.
 */
#include "tool.h"

#include <argp.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "telemetry.h"

struct arguments {
	bool is_json;
	bool is_batch;
	double interval_s;
	unsigned long count; /* 0: for ever */
};

/* Two looks, and how far they are apart on this computer's clock. */
struct view {
	struct telemetry_sample now, before;
	double elapsed_s;
};

static volatile sig_atomic_t must_end;

static void end(int number)
{
	must_end = 1;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* --- Differences ------------------------------------------------------------------ */

static double per_second(uint64_t now, uint64_t before, const struct view *view)
{
	if (now < before || view->elapsed_s <= 0)
		return 0;
	return (double)(now - before) / view->elapsed_s;
}

static const struct telemetry_engine *
engine_before(const struct view *view, const struct telemetry_engine *engine)
{
	const struct telemetry_sample *s = &view->before;
	size_t i;

	for (i = 0; i < s->engine_count; i++)
		if (s->engines[i].device == engine->device &&
		    s->engines[i].core == engine->core)
			return &s->engines[i];
	return engine;
}

static const struct telemetry_client *
client_before(const struct view *view, const struct telemetry_client *client)
{
	const struct telemetry_sample *s = &view->before;
	size_t i;

	for (i = 0; i < s->client_count; i++)
		if (s->clients[i].device == client->device &&
		    s->clients[i].id == client->id)
			return &s->clients[i];
	return client;
}

static const struct telemetry_device *device_of(const struct view *view,
						uint32_t id)
{
	size_t i;

	for (i = 0; i < view->now.device_count; i++)
		if (view->now.devices[i].id == id)
			return &view->now.devices[i];
	return NULL;
}

/* Of the time in between, in per cent. */
static double engine_load(const struct view *view,
			  const struct telemetry_engine *engine)
{
	double busy = per_second(engine->busy_ns,
				 engine_before(view, engine)->busy_ns, view);

	return fmin(100, 1e-7 * busy);
}

/* Of what all cores of its device could have computed. */
static double client_load(const struct view *view,
			  const struct telemetry_client *client)
{
	const struct telemetry_device *device = device_of(view, client->device);
	double cycles = per_second(client->cycles,
				   client_before(view, client)->cycles, view);

	if (!device || !device->clock_khz || !device->cores)
		return 0;
	return 100 * cycles / (1e3 * device->clock_khz * device->cores);
}

/* --- For people -------------------------------------------------------------------- */

static void print_engine(const struct view *view,
			 const struct telemetry_engine *engine)
{
	const struct telemetry_engine *before = engine_before(view, engine);
	double load = engine_load(view, engine);
	double watts = 1e-15 * per_second(engine->energy_fj, before->energy_fj,
					  view);
	char bar[21] = "....................";

	memset(bar, '#', (size_t)(load / 5 + 0.5));
	printf("  core %u  [%s] %5.1f %%  %7.0f jobs/s  %8.3f mW\n",
	       engine->core, bar, load,
	       per_second(engine->jobs, before->jobs, view), 1e3 * watts);
}

static void print_device(const struct view *view,
			 const struct telemetry_device *device)
{
	const struct telemetry_sample *s = &view->now;
	size_t i;

	printf("accel%u %s: %s, %g MHz, %llu jobs, %llu faults, %llu timeouts, %u recoveries\n",
	       device->id, device->name,
	       device->state < TELEMETRY_STATES ? telemetry_states[device->state] : "unknown",
	       device->clock_khz / 1e3, (unsigned long long)device->jobs,
	       (unsigned long long)device->faults,
	       (unsigned long long)device->timeouts, device->recoveries);
	for (i = 0; i < s->engine_count; i++)
		if (s->engines[i].device == device->id)
			print_engine(view, &s->engines[i]);
}

static void print_clients(const struct view *view)
{
	const struct telemetry_sample *s = &view->now;
	const struct telemetry_client *client;
	size_t i;

	printf("\n%8s %-16s %-8s %6s %7s %10s\n", "PID", "COMMAND", "DEVICE",
	       "LOAD", "QUEUES", "MEMORY");
	for (i = 0; i < s->client_count; i++) {
		client = &s->clients[i];
		printf("%8u %-16s accel%-3u %5.1f%% %7u %10s\n", client->pid,
		       client->comm, client->device, client_load(view, client),
		       client->queues, tool_bytes(client->memory).text);
	}
}

static void print_view(const struct view *view)
{
	size_t i;

	for (i = 0; i < view->now.device_count; i++)
		print_device(view, &view->now.devices[i]);
	if (!view->now.device_count)
		puts("no device");
	print_clients(view);
}

/* --- For programs ------------------------------------------------------------------- */

static void print_json(const struct view *view)
{
	const struct telemetry_sample *s = &view->now;
	json_t *devices = json_array(), *engines = json_array();
	json_t *clients = json_array(), *item, *all;
	size_t i;

	for (i = 0; i < s->device_count; i++)
		json_array_append_new(devices,
				      telemetry_device_json(&s->devices[i]));
	for (i = 0; i < s->engine_count; i++) {
		item = telemetry_engine_json(&s->engines[i]);
		json_object_set_new(item, "load",
				    json_real(engine_load(view, &s->engines[i])));
		json_array_append_new(engines, item);
	}
	for (i = 0; i < s->client_count; i++) {
		item = telemetry_client_json(&s->clients[i]);
		json_object_set_new(item, "load",
				    json_real(client_load(view, &s->clients[i])));
		json_array_append_new(clients, item);
	}
	all = json_pack("{s:f, s:o, s:o, s:o}", "interval_s", view->elapsed_s,
			"devices", devices, "engines", engines, "clients",
			clients);
	json_dumpf(all, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(all);
}

/* --- The loop ------------------------------------------------------------------------ */

static int look(struct telemetry *telemetry, struct view *view, double *last_s)
{
	double s = now_s();

	telemetry_free(&view->before);
	view->before = view->now;
	view->now = (struct telemetry_sample){ 0 };
	view->elapsed_s = s - *last_s;
	*last_s = s;
	return telemetry_read(telemetry, &view->now);
}

static void show(const struct view *view, const struct arguments *args)
{
	if (args->is_json) {
		print_json(view);
	} else {
		if (!args->is_batch)
			fputs("\033[H\033[2J", stdout);
		print_view(view);
		if (args->is_batch)
			putchar('\n');
	}
	fflush(stdout);
}

static int watch(struct telemetry *telemetry, const struct arguments *args)
{
	struct view view = { 0 };
	double last_s = now_s();
	unsigned long shown = 0;
	int ret = look(telemetry, &view, &last_s);

	while (!ret && !must_end && (!args->count || shown < args->count)) {
		poll(NULL, 0, (int)(1000 * args->interval_s));
		ret = look(telemetry, &view, &last_s);
		if (!ret && !must_end)
			show(&view, args);
		shown++;
	}
	telemetry_free(&view.now);
	telemetry_free(&view.before);
	return ret ? TOOL_FAILED : TOOL_OK;
}

static double parse_interval(const char *text, struct argp_state *state)
{
	char *last;
	double s = strtod(text, &last);

	if (*last || last == text || !(s >= 0.01 && s <= 3600))
		argp_error(state, "'%s' is no interval of 0.01 to 3600 seconds",
			   text);
	return s;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;
	char *last;

	switch (key) {
	case 'j':
		args->is_json = true;
		return 0;
	case 'b':
		args->is_batch = true;
		return 0;
	case 'd':
		args->interval_s = parse_interval(arg, state);
		return 0;
	case 'n':
		args->count = strtoul(arg, &last, 10);
		if (*last || last == arg || *arg == '-' || !args->count)
			argp_error(state, "'%s' is no number of looks", arg);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int command_top(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "json", 'j', NULL, 0, "For programs: an object for each look", 0 },
		{ "batch", 'b', NULL, 0, "One look below the other", 0 },
		{ "delay", 'd', "S", 0, "Seconds between looks (1)", 0 },
		{ "count", 'n', "N", 0, "End after so many looks", 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Show how busy the devices behind /dev/accel are, and which "
		       "processes use them.",
	};
	struct arguments args = { .interval_s = 1 };
	struct telemetry *telemetry;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	args.is_batch |= !isatty(STDOUT_FILENO);
	signal(SIGINT, end);
	signal(SIGTERM, end);
	if (telemetry_require(&telemetry, "devices"))
		return TOOL_FAILED;
	ret = watch(telemetry, &args);
	telemetry_close(telemetry);
	return ret;
}
