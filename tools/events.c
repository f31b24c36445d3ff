// SPDX-License-Identifier: MIT
/* `tinynpu events`: faults and resets, as they happen. */
#include "tool.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "telemetry.h"

struct arguments {
	bool is_json;
	unsigned long count; /* 0: for ever */
};

static void print_event(const struct telemetry_event *event)
{
	if (event->is_reset)
		printf("%s: %s reset%s%s\n", event->name,
		       event->rung < TELEMETRY_RUNGS ?
			       telemetry_rungs[event->rung] : "unknown",
		       event->error ? " failed: " : "",
		       event->error ? strerror(-event->error) : "");
	else
		printf("%s: job %llu of process %u: status %u, fault %u, unit %u, "
		       "command %u, at %#llx\n",
		       event->name, (unsigned long long)event->job, event->pid,
		       event->status, event->code, event->unit, event->command,
		       (unsigned long long)event->addr);
}

static void show(const struct telemetry_event *event, bool is_json)
{
	json_t *object;

	if (is_json) {
		object = telemetry_event_json(event);
		json_dumpf(object, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(object);
	} else {
		print_event(event);
	}
	fflush(stdout);
}

static int follow(struct telemetry *telemetry, const struct arguments *args)
{
	struct telemetry_event event;
	unsigned long seen = 0;
	int ret;

	ret = telemetry_listen(telemetry);
	if (!ret)
		fputs("tinynpu: waiting for events\n", stderr);
	while (!ret && (!args->count || seen < args->count)) {
		ret = telemetry_next_event(telemetry, &event);
		if (!ret) {
			show(&event, args->is_json);
			seen++;
		} else if (ret == -ENOBUFS) {
			ret = tool_complain(0, "events were lost");
		}
	}
	return ret ? TOOL_FAILED : TOOL_OK;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;
	char *end;

	switch (key) {
	case 'j':
		args->is_json = true;
		return 0;
	case 'n':
		args->count = strtoul(arg, &end, 10);
		if (*end || end == arg || *arg == '-' || !args->count)
			argp_error(state, "'%s' is no number of events", arg);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int command_events(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "json", 'j', NULL, 0, "For programs: an object a line", 0 },
		{ "count", 'n', "N", 0, "End after so many events", 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Print what happens to the devices behind /dev/accel: jobs that "
		       "do not end well, and resets.",
	};
	struct arguments args = { 0 };
	struct telemetry *telemetry;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	ret = telemetry_open(&telemetry);
	if (ret == -ENOENT)
		return tool_complain(TOOL_FAILED,
				     "the driver is not loaded: no events");
	if (ret)
		return TOOL_FAILED;
	ret = follow(telemetry, &args);
	telemetry_close(telemetry);
	return ret;
}
