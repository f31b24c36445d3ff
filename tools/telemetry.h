/* SPDX-License-Identifier: MIT */
/*
 * What the driver tells of its devices over generic netlink, by libnl: section 16
 * of the manual. Functions complain themselves.
 */
#ifndef TELEMETRY_H
#define TELEMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define TELEMETRY_RUNGS 6
#define TELEMETRY_STATES 5
#define TELEMETRY_REASONS 3

/* Kinds of events. */
enum telemetry_kind {
	TELEMETRY_FAULT,
	TELEMETRY_RESET,
	TELEMETRY_THROTTLE,
	TELEMETRY_POWER,
	TELEMETRY_KINDS
};

struct telemetry;

/* As the attributes of the same names. */
struct telemetry_device {
	uint32_t id;
	uint32_t state;
	uint32_t cores;
	uint32_t clock_khz;
	uint32_t clients;
	uint32_t recoveries;
	uint32_t current_clock_khz;
	uint32_t throttle; /* bits in the order of telemetry_reasons */
	int32_t temperature; /* thousandths of a degree Celsius */
	uint32_t power_cap; /* uW */
	uint32_t clock_limit; /* kHz */
	uint64_t energy_fj;
	uint64_t time_ns;
	uint64_t jobs;
	uint64_t faults;
	uint64_t timeouts;
	uint64_t cancelled;
	uint64_t preemptions;
	uint32_t resets[TELEMETRY_RUNGS]; /* by rung */
	char name[32];
	char firmware[64];
};

struct telemetry_engine {
	uint32_t device;
	uint32_t core;
	uint32_t is_busy;
	uint64_t busy_ns;
	uint64_t cycles;
	uint64_t energy_fj;
	uint64_t jobs;
};

struct telemetry_client {
	uint32_t device;
	uint32_t pid;
	uint32_t queues;
	uint64_t id;
	uint64_t cycles;
	uint64_t memory;
	char comm[32];
};

/* What is not of its kind is zero. */
struct telemetry_event {
	enum telemetry_kind kind;
	uint32_t device;
	uint32_t pid;
	uint32_t status;
	uint32_t code;
	uint32_t unit;
	uint32_t command;
	uint32_t rung;
	int32_t error;
	uint32_t state;
	uint32_t current_clock_khz;
	uint32_t throttle;
	int32_t temperature;
	uint32_t power_cap;
	uint32_t clock_limit;
	uint64_t client;
	uint64_t job;
	uint64_t addr;
	char name[32];
};

/* What there is at a moment; the lists are in the devices' order. */
struct telemetry_sample {
	struct telemetry_device *devices;
	struct telemetry_engine *engines;
	struct telemetry_client *clients;
	size_t device_count, engine_count, client_count;
};

extern const char *const telemetry_states[TELEMETRY_STATES];
extern const char *const telemetry_rungs[TELEMETRY_RUNGS];
extern const char *const telemetry_reasons[TELEMETRY_REASONS];
extern const char *const telemetry_kinds[TELEMETRY_KINDS];

/**
 * telemetry_open() - find the family
 * @telemetry: set, for telemetry_close()
 *
 * Return: 0 or a negative errno, with a complaint unless it is -ENOENT: there is no
 * driver.
 */
int telemetry_open(struct telemetry **telemetry);
/* Likewise, but complains in any case: that there is no @what, say. */
int telemetry_require(struct telemetry **telemetry, const char *what);
void telemetry_close(struct telemetry *telemetry);

/* Ask for all; what @sample had is freed. 0, or a negative errno and a complaint. */
int telemetry_read(struct telemetry *telemetry, struct telemetry_sample *sample);
void telemetry_free(struct telemetry_sample *sample);

/*
 * Set limits of a device: highest power in uW, highest clock in kHz; 0 for none, NULL
 * for as before. 0, or a negative errno and a complaint.
 */
int telemetry_limit(struct telemetry *telemetry, uint32_t device,
		    const uint32_t *power_uw, const uint32_t *clock_khz);

/* Names of the reasons whose bits are set, separated by commas, in @text. */
void telemetry_name_reasons(uint32_t throttle, char text[64]);

/* From now on events are kept for telemetry_next_event(). 0 or a negative errno. */
int telemetry_listen(struct telemetry *telemetry);

/*
 * Wait for an event. 0, or a negative errno: -ENOBUFS if some were lost (one may go
 * on), -EINTR upon a signal. Complains of others.
 */
int telemetry_next_event(struct telemetry *telemetry,
			 struct telemetry_event *event);

/* As objects, the caller's. */
json_t *telemetry_device_json(const struct telemetry_device *device);
json_t *telemetry_engine_json(const struct telemetry_engine *engine);
json_t *telemetry_client_json(const struct telemetry_client *client);
json_t *telemetry_event_json(const struct telemetry_event *event);

#endif
