// SPDX-License-Identifier: MIT
/* `tinynpu info`: the devices behind /dev/accel, and the simulator. */
#include "tool.h"

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "device_json.h"
#include "telemetry.h"

static void print_device(const struct tinynpu_device_info *info)
{
	printf("%s (%s)\n", info->name, info->backend);
	printf("  machine    version %u.%u: %u core%s, %u MACs per cycle, %s of SRAM, %g MHz\n",
	       info->hw_version >> 16, info->hw_version & 0xffff, info->cores,
	       info->cores == 1 ? "" : "s", info->macs,
	       tool_bytes(info->sram_size).text, info->clock_khz / 1e3);
	printf("  SRAM       %u bytes per cycle, latency %u cycles\n",
	       info->sram_bw, info->sram_latency);
	printf("  memory     %u byte%s per cycle, latency %u cycles\n",
	       info->mem_bw, info->mem_bw == 1 ? "" : "s", info->mem_latency);
	printf("  firmware   %s, protocol %u\n", info->firmware,
	       info->firmware_abi);
	printf("  jobs       ended after %s without progress; %u resets so far\n",
	       tool_time(info->job_timeout_ms * 1000000ull).text,
	       info->reset_count);
}

static void print_power(const struct telemetry_device *health)
{
	char reasons[64];

	telemetry_name_reasons(health->throttle, reasons);
	printf("  power      %s so far, %.1f degrees Celsius, %g MHz%s%s\n",
	       tool_energy(health->energy_fj).text, health->temperature / 1e3,
	       health->current_clock_khz / 1e3,
	       *reasons ? ", slowed down by: " : "", reasons);
	if (health->power_cap || health->clock_limit)
		printf("  limits    ");
	if (health->power_cap)
		printf(" power %g mW", health->power_cap / 1e3);
	if (health->clock_limit)
		printf(" clock %g MHz", health->clock_limit / 1e3);
	if (health->power_cap || health->clock_limit)
		putchar('\n');
}

static void print_health(const struct telemetry_device *health)
{
	printf("  health     %s, %u clients, %s jobs, %s of them with faults, "
	       "%s timed out; recovered %u times\n",
	       health->state < TELEMETRY_STATES ? telemetry_states[health->state] : "unknown",
	       health->clients, tool_count(health->jobs).text,
	       tool_count(health->faults).text,
	       tool_count(health->timeouts).text, health->recoveries);
	if (health->current_clock_khz)
		print_power(health);
}

/*
 * Shows one, with what is known of its health or NULL; or adds it to @list if
 * there is one.
 */
static int show(const char *backend, const char *options,
		const struct telemetry_device *health, json_t *list)
{
	json_t *object;
	struct tinynpu_device_info info;
	struct tinynpu_device *device;
	struct tinynpu_error error;

	if (tinynpu_device_open(backend, options, &device, &error))
		return tool_complain(TOOL_FAILED, "%s", error.text);
	tinynpu_device_info(device, &info, sizeof(info));
	tinynpu_device_close(device);
	if (!list) {
		print_device(&info);
		if (health)
			print_health(health);
		return TOOL_OK;
	}
	object = device_json(&info);
	if (health)
		json_object_set_new(object, "health",
				    telemetry_device_json(health));
	json_array_append_new(list, object);
	return TOOL_OK;
}

static const struct telemetry_device *
health_of(const struct telemetry_sample *sample, int number)
{
	size_t i;

	for (i = 0; i < sample->device_count; i++)
		if (sample->devices[i].id == (uint32_t)number)
			return &sample->devices[i];
	return NULL;
}

/* What the driver tells; nothing if there is none. */
static void read_health(struct telemetry_sample *sample)
{
	struct telemetry *telemetry;

	if (telemetry_open(&telemetry))
		return;
	telemetry_read(telemetry, sample);
	telemetry_close(telemetry);
}

static int show_all(json_t *list)
{
	struct telemetry_sample sample = { 0 };
	int status = TOOL_OK, number = -1;
	char options[32];

	read_health(&sample);

	while ((number = tinynpu_device_next(number)) >= 0) {
		snprintf(options, sizeof(options), "device=%d", number);
		if (show("drm", options, health_of(&sample, number), list))
			status = TOOL_FAILED;
	}
	if (show("sim", NULL, NULL, list))
		status = TOOL_FAILED;
	telemetry_free(&sample);
	return status;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	bool *is_json = state->input;

	if (key != 'j')
		return ARGP_ERR_UNKNOWN;
	*is_json = true;
	return 0;
}

int command_info(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "json", 'j', NULL, 0, "For programs", 0 },
		{ 0 },
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Show the devices that `tinynpu run' can use: those behind "
		       "/dev/accel and the simulator.",
	};
	bool is_json = false;
	json_t *list = NULL;
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &is_json);
	if (is_json)
		list = json_array();
	status = show_all(list);
	if (is_json) {
		json_dumpf(list, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(list);
	return status;
}
