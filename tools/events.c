// SPDX-License-Identifier: MIT
/* `tinynpu events`: what happens to the devices, as it happens. */
#include "tool.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "telemetry.h"

struct arguments {
	bool is_json;
	unsigned int kinds; /* a bit each */
	unsigned long count; /* 0: for ever */
};

static void print_fault(const struct telemetry_event *event)
{
	printf("job %llu of process %u: status %u, fault %u, unit %u, "
	       "command %u, at %#llx\n",
	       (unsigned long long)event->job, event->pid, event->status,
	       event->code, event->unit, event->command,
	       (unsigned long long)event->addr);
}

static void print_reset(const struct telemetry_event *event)
{
	printf("%s reset%s%s\n",
	       event->rung < TELEMETRY_RUNGS ? telemetry_rungs[event->rung] :
					       "unknown",
	       event->error ? " failed: " : "",
	       event->error ? strerror(-event->error) : "");
}

static void print_throttle(const struct telemetry_event *event)
{
	char reasons[64];

	telemetry_name_reasons(event->throttle, reasons);
	printf("clock %g MHz, %.1f degrees Celsius, slowed down by: %s\n",
	       event->current_clock_khz / 1e3, event->temperature / 1e3,
	       *reasons ? reasons : "nothing");
}

static void print_power(const struct telemetry_event *event)
{
	printf("%s", event->state < TELEMETRY_STATES ?
			     telemetry_states[event->state] : "unknown");
	if (event->power_cap)
		printf(", power at most %g mW", event->power_cap / 1e3);
	if (event->clock_limit)
		printf(", clock at most %g MHz", event->clock_limit / 1e3);
	putchar('\n');
}

static void print_event(const struct telemetry_event *event)
{
	static void (*const print[])(const struct telemetry_event *event) = {
		[TELEMETRY_FAULT] = print_fault,
		[TELEMETRY_RESET] = print_reset,
		[TELEMETRY_THROTTLE] = print_throttle,
		[TELEMETRY_POWER] = print_power,
	};

	printf("%s: ", event->name);
	print[event->kind](event);
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
		if (!ret && (args->kinds & 1u << event.kind)) {
			show(&event, args->is_json);
			seen++;
		} else if (ret == -ENOBUFS) {
			ret = tool_complain(0, "events were lost");
		}
	}
	return ret ? TOOL_FAILED : TOOL_OK;
}

/* Kinds separated by commas, as bits; 0 if one of them is none. */
static unsigned int parse_kinds(const char *text)
{
	unsigned int bits = 0;
	size_t length;
	int kind;

	for (; *text; text += length + (text[length] == ',')) {
		length = strcspn(text, ",");
		for (kind = 0; kind < TELEMETRY_KINDS; kind++)
			if (strlen(telemetry_kinds[kind]) == length &&
			    !strncmp(telemetry_kinds[kind], text, length))
				break;
		if (kind == TELEMETRY_KINDS)
			return 0;
		bits |= 1u << kind;
	}
	return bits;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;
	char *end;

	switch (key) {
	case 'j':
		args->is_json = true;
		return 0;
	case 'k':
		args->kinds = parse_kinds(arg);
		if (!args->kinds)
			argp_error(state, "'%s' are no kinds of events", arg);
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
		{ "kinds", 'k', "KIND,...", 0,
		  "Only fault, reset, throttle or power events", 0 },
		{ "count", 'n', "N", 0, "End after so many events", 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Print what happens to the devices behind /dev/accel: jobs that "
		       "do not end well, resets, reasons to be slower that come and "
		       "go, sleep, and limits that are set.",
	};
	struct arguments args = { .kinds = ~0u };
	struct telemetry *telemetry;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	if (telemetry_require(&telemetry, "events"))
		return TOOL_FAILED;
	ret = follow(telemetry, &args);
	telemetry_close(telemetry);
	return ret;
}
