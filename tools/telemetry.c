// SPDX-License-Identifier: MIT
/* The driver's generic netlink family, by libnl. See telemetry.h. */
#include "telemetry.h"

#include <drm/tinynpu_netlink.h>
#include <errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *const telemetry_states[TELEMETRY_STATES] = {
	"starting", "up", "asleep", "lost", "gone",
};
const char *const telemetry_rungs[TELEMETRY_RUNGS] = {
	"job", "queue", "core", "firmware", "function", "wedged",
};

const char *const telemetry_reasons[TELEMETRY_REASONS] = {
	"temperature", "power", "clock",
};
const char *const telemetry_kinds[TELEMETRY_KINDS] = {
	"fault", "reset", "throttle", "power",
};

struct telemetry {
	struct nl_sock *questions;
	struct nl_sock *events; /* or NULL */
	int family;
	/* The event that has come, if any. */
	struct telemetry_event event;
	bool has_event;
};

/* --- Attributes --------------------------------------------------------------- */

/* Where an attribute goes, as a number of 4 or 8 bytes or as text; by attribute. */
struct place {
	const char *name; /* for people and programs; NULL: none such */
	size_t offset;
	size_t size;
	enum { UNSIGNED, SIGNED, TEXTUAL } how;
};

#define PLACE(type, member, how_) \
	{ #member, offsetof(struct type, member), \
	  sizeof(((struct type *)NULL)->member), how_ }
#define NUMBER(type, member) PLACE(type, member, UNSIGNED)
#define TEXT(type, member) PLACE(type, member, TEXTUAL)

static const struct place device_places[] = {
	[TNPU_A_DEVICE_ID] = NUMBER(telemetry_device, id),
	[TNPU_A_DEVICE_NAME] = TEXT(telemetry_device, name),
	[TNPU_A_DEVICE_STATE] = NUMBER(telemetry_device, state),
	[TNPU_A_DEVICE_FIRMWARE] = TEXT(telemetry_device, firmware),
	[TNPU_A_DEVICE_CORES] = NUMBER(telemetry_device, cores),
	[TNPU_A_DEVICE_CLOCK_KHZ] = NUMBER(telemetry_device, clock_khz),
	[TNPU_A_DEVICE_TIME_NS] = NUMBER(telemetry_device, time_ns),
	[TNPU_A_DEVICE_CLIENTS] = NUMBER(telemetry_device, clients),
	[TNPU_A_DEVICE_JOBS] = NUMBER(telemetry_device, jobs),
	[TNPU_A_DEVICE_FAULTS] = NUMBER(telemetry_device, faults),
	[TNPU_A_DEVICE_TIMEOUTS] = NUMBER(telemetry_device, timeouts),
	[TNPU_A_DEVICE_CANCELLED] = NUMBER(telemetry_device, cancelled),
	[TNPU_A_DEVICE_PREEMPTIONS] = NUMBER(telemetry_device, preemptions),
	[TNPU_A_DEVICE_RECOVERIES] = NUMBER(telemetry_device, recoveries),
	[TNPU_A_DEVICE_ENERGY_FJ] = NUMBER(telemetry_device, energy_fj),
	[TNPU_A_DEVICE_CURRENT_CLOCK_KHZ] =
		NUMBER(telemetry_device, current_clock_khz),
	[TNPU_A_DEVICE_THROTTLE] = NUMBER(telemetry_device, throttle),
	[TNPU_A_DEVICE_TEMPERATURE] =
		PLACE(telemetry_device, temperature, SIGNED),
	[TNPU_A_DEVICE_POWER_CAP] = NUMBER(telemetry_device, power_cap),
	[TNPU_A_DEVICE_CLOCK_LIMIT] = NUMBER(telemetry_device, clock_limit),
};

static const struct place engine_places[] = {
	[TNPU_A_ENGINE_DEVICE] = NUMBER(telemetry_engine, device),
	[TNPU_A_ENGINE_CORE] = NUMBER(telemetry_engine, core),
	[TNPU_A_ENGINE_BUSY_NS] = NUMBER(telemetry_engine, busy_ns),
	[TNPU_A_ENGINE_CYCLES] = NUMBER(telemetry_engine, cycles),
	[TNPU_A_ENGINE_ENERGY_FJ] = NUMBER(telemetry_engine, energy_fj),
	[TNPU_A_ENGINE_JOBS] = NUMBER(telemetry_engine, jobs),
	[TNPU_A_ENGINE_IS_BUSY] = NUMBER(telemetry_engine, is_busy),
};

static const struct place client_places[] = {
	[TNPU_A_CLIENT_DEVICE] = NUMBER(telemetry_client, device),
	[TNPU_A_CLIENT_ID] = NUMBER(telemetry_client, id),
	[TNPU_A_CLIENT_PID] = NUMBER(telemetry_client, pid),
	[TNPU_A_CLIENT_COMM] = TEXT(telemetry_client, comm),
	[TNPU_A_CLIENT_CYCLES] = NUMBER(telemetry_client, cycles),
	[TNPU_A_CLIENT_QUEUES] = NUMBER(telemetry_client, queues),
	[TNPU_A_CLIENT_MEMORY] = NUMBER(telemetry_client, memory),
};

static const struct place event_places[] = {
	[TNPU_A_EVENT_DEVICE] = NUMBER(telemetry_event, device),
	[TNPU_A_EVENT_NAME] = TEXT(telemetry_event, name),
	[TNPU_A_EVENT_CLIENT] = NUMBER(telemetry_event, client),
	[TNPU_A_EVENT_PID] = NUMBER(telemetry_event, pid),
	[TNPU_A_EVENT_JOB] = NUMBER(telemetry_event, job),
	[TNPU_A_EVENT_STATUS] = NUMBER(telemetry_event, status),
	[TNPU_A_EVENT_CODE] = NUMBER(telemetry_event, code),
	[TNPU_A_EVENT_UNIT] = NUMBER(telemetry_event, unit),
	[TNPU_A_EVENT_COMMAND] = NUMBER(telemetry_event, command),
	[TNPU_A_EVENT_ADDR] = NUMBER(telemetry_event, addr),
	[TNPU_A_EVENT_RUNG] = NUMBER(telemetry_event, rung),
	[TNPU_A_EVENT_ERROR] = PLACE(telemetry_event, error, SIGNED),
	[TNPU_A_EVENT_STATE] = NUMBER(telemetry_event, state),
	[TNPU_A_EVENT_CURRENT_CLOCK_KHZ] =
		NUMBER(telemetry_event, current_clock_khz),
	[TNPU_A_EVENT_THROTTLE] = NUMBER(telemetry_event, throttle),
	[TNPU_A_EVENT_TEMPERATURE] =
		PLACE(telemetry_event, temperature, SIGNED),
	[TNPU_A_EVENT_POWER_CAP] = NUMBER(telemetry_event, power_cap),
	[TNPU_A_EVENT_CLOCK_LIMIT] = NUMBER(telemetry_event, clock_limit),
};

/* What events of a kind have: the first and last attribute beside device and name. */
static const struct {
	uint8_t command;
	int first, last;
} kinds[TELEMETRY_KINDS] = {
	[TELEMETRY_FAULT] = { TNPU_CMD_FAULT_NTF, TNPU_A_EVENT_CLIENT,
			      TNPU_A_EVENT_ADDR },
	[TELEMETRY_RESET] = { TNPU_CMD_RESET_NTF, TNPU_A_EVENT_RUNG,
			      TNPU_A_EVENT_ERROR },
	[TELEMETRY_THROTTLE] = { TNPU_CMD_THROTTLE_NTF,
				 TNPU_A_EVENT_CURRENT_CLOCK_KHZ,
				 TNPU_A_EVENT_TEMPERATURE },
	[TELEMETRY_POWER] = { TNPU_CMD_POWER_NTF, TNPU_A_EVENT_STATE,
			      TNPU_A_EVENT_CLOCK_LIMIT },
};

/* What does not fit its place is left out; unknown attributes are newer ones. */
static void put(void *item, const struct place *place, const struct nlattr *attr)
{
	uint8_t *to = (uint8_t *)item + place->offset;

	if (place->how == TEXTUAL)
		nla_strlcpy((char *)to, attr, place->size);
	else if ((size_t)nla_len(attr) == place->size)
		memcpy(to, nla_data(attr), place->size);
}

static void parse(void *item, const struct place *places, size_t count,
		  struct nlmsghdr *header)
{
	struct genlmsghdr *message = nlmsg_data(header);
	struct nlattr *attr;
	int left;

	nla_for_each_attr(attr, genlmsg_attrdata(message, 0),
			  genlmsg_attrlen(message, 0), left)
		if ((size_t)nla_type(attr) < count && places[nla_type(attr)].name)
			put(item, &places[nla_type(attr)], attr);
}

static void parse_resets(struct telemetry_device *device,
			 struct nlmsghdr *header)
{
	struct genlmsghdr *message = nlmsg_data(header);
	struct nlattr *attr, *rung, *count;
	int left;

	nla_for_each_attr(attr, genlmsg_attrdata(message, 0),
			  genlmsg_attrlen(message, 0), left) {
		if (nla_type(attr) != TNPU_A_DEVICE_RESETS)
			continue;
		rung = nla_find(nla_data(attr), nla_len(attr), TNPU_A_RESET_RUNG);
		count = nla_find(nla_data(attr), nla_len(attr),
				 TNPU_A_RESET_COUNT);
		if (rung && count && nla_len(rung) == 4 && nla_len(count) == 4 &&
		    nla_get_u32(rung) < TELEMETRY_RUNGS)
			device->resets[nla_get_u32(rung)] = nla_get_u32(count);
	}
}

static json_t *value_json(const void *item, const struct place *place)
{
	const uint8_t *from = (const uint8_t *)item + place->offset;
	uint64_t number = 0;
	int32_t negative;

	if (place->how == TEXTUAL)
		return json_string((const char *)from);
	if (place->how == SIGNED) {
		memcpy(&negative, from, sizeof(negative));
		return json_integer(negative);
	}
	memcpy(&number, from, place->size);
	return json_integer((json_int_t)number);
}

static json_t *to_json(const void *item, const struct place *places,
		       size_t count)
{
	json_t *object = json_object();
	size_t i;

	for (i = 0; i < count; i++)
		if (places[i].name)
			json_object_set_new(object, places[i].name,
					    value_json(item, &places[i]));
	return object;
}

static json_t *reasons_json(uint32_t throttle)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < TELEMETRY_REASONS; i++)
		if (throttle & 1u << i)
			json_array_append_new(list,
					      json_string(telemetry_reasons[i]));
	return list;
}

void telemetry_name_reasons(uint32_t throttle, char text[64])
{
	size_t i, length = 0;

	text[0] = '\0';
	for (i = 0; i < TELEMETRY_REASONS; i++)
		if (throttle & 1u << i)
			length += (size_t)snprintf(text + length, 64 - length,
						   "%s%s", length ? ", " : "",
						   telemetry_reasons[i]);
}

json_t *telemetry_device_json(const struct telemetry_device *device)
{
	json_t *object = to_json(device, device_places, COUNT(device_places));
	json_t *resets = json_object();
	size_t i;

	for (i = 0; i < TELEMETRY_RUNGS; i++)
		json_object_set_new(resets, telemetry_rungs[i],
				    json_integer(device->resets[i]));
	json_object_set_new(object, "resets", resets);
	json_object_set_new(object, "throttle", reasons_json(device->throttle));
	if (device->state < COUNT(telemetry_states))
		json_object_set_new(object, "state",
				    json_string(telemetry_states[device->state]));
	return object;
}

json_t *telemetry_engine_json(const struct telemetry_engine *engine)
{
	return to_json(engine, engine_places, COUNT(engine_places));
}

json_t *telemetry_client_json(const struct telemetry_client *client)
{
	return to_json(client, client_places, COUNT(client_places));
}

/* By name instead of number, where it has one. */
static void name_it(json_t *object, const char *key, uint32_t number,
		    const char *const *names, size_t count)
{
	if (json_object_get(object, key) && number < count)
		json_object_set_new(object, key, json_string(names[number]));
}

json_t *telemetry_event_json(const struct telemetry_event *event)
{
	json_t *object = to_json(event, event_places, COUNT(event_places));
	int i;

	for (i = TNPU_A_EVENT_NAME + 1; i < (int)COUNT(event_places); i++)
		if (i < kinds[event->kind].first || i > kinds[event->kind].last)
			json_object_del(object, event_places[i].name);
	name_it(object, "rung", event->rung, telemetry_rungs, TELEMETRY_RUNGS);
	name_it(object, "state", event->state, telemetry_states,
		TELEMETRY_STATES);
	if (json_object_get(object, "throttle"))
		json_object_set_new(object, "throttle",
				    reasons_json(event->throttle));
	json_object_set_new(object, "event",
			    json_string(telemetry_kinds[event->kind]));
	return object;
}

/* --- Questions ------------------------------------------------------------------ */

static int complain(int error, const char *what)
{
	tool_complain(TOOL_FAILED, "%s: %s", what, nl_geterror(error));
	return error == -NLE_NOMEM ? -ENOMEM : -EIO;
}

int telemetry_open(struct telemetry **telemetry)
{
	struct telemetry *t = calloc(1, sizeof(*t));
	int ret;

	if (!t)
		return -ENOMEM;
	t->questions = nl_socket_alloc();
	ret = t->questions ? genl_connect(t->questions) : -NLE_NOMEM;
	if (!ret) {
		t->family = genl_ctrl_resolve(t->questions, TNPU_NETLINK_FAMILY);
		if (t->family < 0)
			ret = t->family;
	}
	if (!ret) {
		*telemetry = t;
		return 0;
	}
	telemetry_close(t);
	return ret == -NLE_OBJ_NOTFOUND ? -ENOENT : complain(ret, "netlink");
}

int telemetry_require(struct telemetry **telemetry, const char *what)
{
	int ret = telemetry_open(telemetry);

	if (ret == -ENOENT)
		tool_complain(TOOL_FAILED, "the driver is not loaded: no %s",
			      what);
	return ret;
}

void telemetry_close(struct telemetry *telemetry)
{
	nl_socket_free(telemetry->questions);
	nl_socket_free(telemetry->events);
	free(telemetry);
}

/* A list that grows with each item of a dump. */
struct list {
	void *items;
	size_t count;
	size_t size; /* of an item */
	const struct place *places;
	size_t place_count;
	bool is_full; /* no memory */
};

static int take_item(struct nl_msg *message, void *arg)
{
	struct list *list = arg;
	void *items = realloc(list->items, (list->count + 1) * list->size);
	void *item;

	if (!items) {
		list->is_full = true;
		return NL_STOP;
	}
	list->items = items;
	item = (uint8_t *)items + list->count++ * list->size;
	memset(item, 0, list->size);
	parse(item, list->places, list->place_count, nlmsg_hdr(message));
	if (list->places == device_places)
		parse_resets(item, nlmsg_hdr(message));
	return NL_OK;
}

static int dump(struct telemetry *telemetry, uint8_t command, struct list *list)
{
	int ret;

	nl_socket_modify_cb(telemetry->questions, NL_CB_VALID, NL_CB_CUSTOM,
			    take_item, list);
	ret = genl_send_simple(telemetry->questions, telemetry->family, command,
			       TNPU_NETLINK_VERSION, NLM_F_DUMP);
	if (ret >= 0)
		ret = nl_recvmsgs_default(telemetry->questions);
	if (list->is_full)
		return complain(-NLE_NOMEM, "telemetry");
	return ret < 0 ? complain(ret, "telemetry") : 0;
}

#define LIST(type, place_list) \
	{ .size = sizeof(struct type), .places = place_list, \
	  .place_count = COUNT(place_list) }

int telemetry_read(struct telemetry *telemetry, struct telemetry_sample *sample)
{
	struct list devices = LIST(telemetry_device, device_places);
	struct list engines = LIST(telemetry_engine, engine_places);
	struct list clients = LIST(telemetry_client, client_places);
	int ret;

	ret = dump(telemetry, TNPU_CMD_DEVICE_GET, &devices);
	if (!ret)
		ret = dump(telemetry, TNPU_CMD_ENGINE_GET, &engines);
	if (!ret)
		ret = dump(telemetry, TNPU_CMD_CLIENT_GET, &clients);
	telemetry_free(sample);
	*sample = (struct telemetry_sample){
		.devices = devices.items,
		.engines = engines.items,
		.clients = clients.items,
		.device_count = devices.count,
		.engine_count = engines.count,
		.client_count = clients.count,
	};
	return ret;
}

void telemetry_free(struct telemetry_sample *sample)
{
	free(sample->devices);
	free(sample->engines);
	free(sample->clients);
	*sample = (struct telemetry_sample){ 0 };
}

/* --- Orders --------------------------------------------------------------------- */

int telemetry_limit(struct telemetry *telemetry, uint32_t device,
		    const uint32_t *power_uw, const uint32_t *clock_khz)
{
	struct nl_msg *message = nlmsg_alloc();
	int ret = -NLE_NOMEM;

	if (message &&
	    genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, telemetry->family,
			0, 0, TNPU_CMD_DEVICE_SET, TNPU_NETLINK_VERSION) &&
	    !nla_put_u32(message, TNPU_A_DEVICE_ID, device) &&
	    (!power_uw ||
	     !nla_put_u32(message, TNPU_A_DEVICE_POWER_CAP, *power_uw)) &&
	    (!clock_khz ||
	     !nla_put_u32(message, TNPU_A_DEVICE_CLOCK_LIMIT, *clock_khz)))
		ret = nl_send_sync(telemetry->questions, message);
	else
		nlmsg_free(message);
	return ret < 0 ? complain(ret, "the limits were not set") : 0;
}

/* --- Events --------------------------------------------------------------------- */

static int take_event(struct nl_msg *message, void *arg)
{
	struct telemetry *telemetry = arg;
	struct nlmsghdr *header = nlmsg_hdr(message);
	uint8_t command = ((struct genlmsghdr *)nlmsg_data(header))->cmd;
	int kind;

	for (kind = 0; kind < TELEMETRY_KINDS; kind++)
		if (kinds[kind].command == command)
			break;
	if (kind == TELEMETRY_KINDS)
		return NL_SKIP;
	telemetry->event = (struct telemetry_event){
		.kind = (enum telemetry_kind)kind,
	};
	parse(&telemetry->event, event_places, COUNT(event_places), header);
	telemetry->has_event = true;
	return NL_OK;
}

int telemetry_listen(struct telemetry *telemetry)
{
	int group, ret;

	group = genl_ctrl_resolve_grp(telemetry->questions, TNPU_NETLINK_FAMILY,
				      TINYNPU_MCGRP_EVENTS);
	telemetry->events = nl_socket_alloc();
	ret = telemetry->events ? group : -NLE_NOMEM;
	if (ret >= 0)
		ret = genl_connect(telemetry->events);
	if (ret >= 0)
		ret = nl_socket_add_membership(telemetry->events, group);
	if (ret < 0)
		return complain(ret, "events");
	nl_socket_disable_seq_check(telemetry->events);
	nl_socket_modify_cb(telemetry->events, NL_CB_VALID, NL_CB_CUSTOM,
			    take_event, telemetry);
	return 0;
}

int telemetry_next_event(struct telemetry *telemetry,
			 struct telemetry_event *event)
{
	int ret;

	for (telemetry->has_event = false; !telemetry->has_event;) {
		ret = nl_recvmsgs_default(telemetry->events);
		if (ret == -NLE_INTR)
			return -EINTR;
		if (ret == -NLE_NOMEM && errno == ENOBUFS)
			return -ENOBUFS;
		if (ret < 0)
			return complain(ret, "events");
	}
	*event = telemetry->event;
	return 0;
}
