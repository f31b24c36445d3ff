// SPDX-License-Identifier: MIT
/* `tinynpu limit`: the power and the clock that a device may have at most. */
#include "tool.h"

#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "telemetry.h"

struct limit {
	bool is_given;
	uint32_t value; /* as the driver counts */
};

struct arguments {
	struct limit power, clock;
	uint32_t device;
};

/* A unit, and how many of the driver's that is. */
struct unit {
	const char *name;
	double factor;
};

static const struct unit power_units[] = {
	{ "uW", 1 }, { "mW", 1e3 }, { "W", 1e6 }, { NULL, 0 },
};
static const struct unit clock_units[] = {
	{ "kHz", 1 }, { "MHz", 1e3 }, { "GHz", 1e6 }, { NULL, 0 },
};

/* A number with one of the units, or "none". */
static bool parse_limit(const char *text, const struct unit *unit,
			struct limit *limit)
{
	double value;
	char *end;

	limit->is_given = true;
	limit->value = 0;
	if (!strcmp(text, "none"))
		return true;
	if (*text < '0' || *text > '9')
		return false;
	value = strtod(text, &end);
	while (unit->name && strcmp(unit->name, end))
		unit++;
	value *= unit->factor;
	if (!unit->name || !(value >= 1 && value < UINT32_MAX))
		return false;
	limit->value = (uint32_t)value;
	return true;
}

static bool parse_device(const char *text, uint32_t *device)
{
	unsigned long value;
	char *end;

	if (!strncmp(text, "accel", 5))
		text += 5;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (*end || end == text || *text < '0' || *text > '9' || errno ||
	    value > UINT32_MAX)
		return false;
	*device = (uint32_t)value;
	return true;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;

	switch (key) {
	case 'p':
		if (!parse_limit(arg, power_units, &args->power))
			argp_error(state, "'%s' is no power, such as 50mW", arg);
		return 0;
	case 'c':
		if (!parse_limit(arg, clock_units, &args->clock))
			argp_error(state, "'%s' is no clock, such as 100MHz", arg);
		return 0;
	case 'd':
		if (!parse_device(arg, &args->device))
			argp_error(state, "'%s' is no device, such as accel0", arg);
		return 0;
	case ARGP_KEY_END:
		if (!args->power.is_given && !args->clock.is_given)
			argp_error(state, "no limit is given");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int command_limit(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "power", 'p', "POWER", 0, "Such as 50mW, or none", 0 },
		{ "clock", 'c', "CLOCK", 0, "Such as 100MHz, or none", 0 },
		{ "device", 'd', "accelN", 0, "Which one (accel0)", 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Limit the power and the clock of a device behind /dev/accel, "
		       "until it is unbound: its cores go slower, and jobs wait. Needs "
		       "CAP_SYS_ADMIN.",
	};
	struct arguments args = { 0 };
	struct telemetry *telemetry;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	if (telemetry_require(&telemetry, "limits"))
		return TOOL_FAILED;
	ret = telemetry_limit(telemetry, args.device,
			      args.power.is_given ? &args.power.value : NULL,
			      args.clock.is_given ? &args.clock.value : NULL);
	telemetry_close(telemetry);
	return ret ? TOOL_FAILED : TOOL_OK;
}
