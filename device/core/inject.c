// SPDX-License-Identifier: MIT
/*
 * Error injection: what is armed, and what it does to interrupts, to the event
 * ring and to the machine as a whole. Errors of single accesses are asked for
 * where these are made (inject_takes() in controller.c, core.c and job.c).
 *
 * Lost and doubled events shift all that follow: the firmware's tail and the one
 * in memory differ by inject.run.skew from then on, and its accesses to the ring
 * are led to where they belong.
 */
#include "inject.h"

#include "machine.h"

#include <string.h>

#define EVENT_MAX_SIZE 256
#define EVENT_VECTOR 0
#define TAIL_OFF 0x80000000u

/* --- What is armed ---------------------------------------------------------- */

/* Counts down to 0; false: it was there. */
static bool count_down(_Atomic uint32_t *count)
{
	uint32_t old = atomic_load(count);

	while (old)
		if (atomic_compare_exchange_weak(count, &old, old - 1))
			return true;
	return false;
}

bool inject_takes(struct npu_core *core, enum npu_inject_kind kind)
{
	struct inject_error *error = &core->inject.errors[kind];

	if (!core->inject.is_allowed || !atomic_load(&error->left) || count_down(&error->after) ||
	    !count_down(&error->left))
		return false;
	atomic_fetch_add(&error->done, 1);
	return true;
}

static void arm(struct npu_core *core, uint32_t kind, uint32_t count,
		uint32_t after, uint32_t param)
{
	struct inject_error *error = &core->inject.errors[kind];

	atomic_store(&error->left, 0);
	atomic_store(&error->after, after);
	atomic_store(&error->param, param);
	atomic_store(&error->left, count);
}

static void disarm_all(struct npu_core *core)
{
	uint32_t kind;

	for (kind = 0; kind < NPU_INJECT_COUNT; kind++)
		arm(core, kind, 0, 0, 0);
}

static uint32_t reg(const struct npu_core *core, uint32_t offset)
{
	return atomic_load(&core->inject.regs[(offset - NPU_REG_INJECT) / 4]);
}

/* Of two registers, the lower half first. */
static uint64_t reg64(const struct npu_core *core, uint32_t offset)
{
	return (uint64_t)reg(core, offset + 4) << 32 | reg(core, offset);
}

uint32_t inject_read(struct npu_core *core, uint32_t offset)
{
	const struct inject_error *error;

	if (!core->inject.is_allowed)
		return 0;
	if (offset == NPU_REG_INJECT)
		return NPU_INJECT_MAGIC;
	if (offset < NPU_REG_INJECT_LEFT(0))
		return reg(core, offset);
	if (offset >= NPU_REG_INJECT_LEFT(NPU_INJECT_COUNT))
		return 0;
	error = &core->inject.errors[(offset - NPU_REG_INJECT_LEFT(0)) / 8];
	return atomic_load(offset % 8 ? &error->done : &error->left);
}

void inject_write(struct npu_core *core, uint32_t offset, uint32_t value)
{
	struct inject *inject = &core->inject;
	uint32_t kind = reg(core, NPU_REG_INJECT_KIND);

	if (!inject->is_allowed || offset >= NPU_REG_INJECT_LEFT(0))
		return;
	if (offset != NPU_REG_INJECT_ARM)
		atomic_store(&inject->regs[(offset - NPU_REG_INJECT) / 4],
			     value);
	else if (!value)
		disarm_all(core);
	else if (value == 1 && kind < NPU_INJECT_COUNT)
		arm(core, kind, reg(core, NPU_REG_INJECT_COUNT),
		    reg(core, NPU_REG_INJECT_AFTER),
		    reg(core, NPU_REG_INJECT_PARAM));
	core->ops->wake(core->opaque);
}

/* A number at *@text after a colon, or @value if there is none. */
static bool take_number(const char **text, uint32_t *value)
{
	uint64_t number = 0;
	const char *digit;

	if (**text != ':')
		return true;
	for (digit = *text + 1; *digit >= '0' && *digit <= '9'; digit++) {
		number = 10 * number + (uint64_t)(*digit - '0');
		if (number > UINT32_MAX)
			return false;
	}
	if (digit == *text + 1)
		return false;
	*value = (uint32_t)number;
	*text = digit;
	return true;
}

static bool take_kind(const char **text, uint32_t *kind)
{
	static const char *const names[] = {
#define X(constant, name) name,
		NPU_INJECT_KINDS(X)
#undef X
	};
	size_t size = strcspn(*text, ":+");

	for (*kind = 0; *kind < NPU_INJECT_COUNT; ++*kind) {
		if (strlen(names[*kind]) == size &&
		    !memcmp(names[*kind], *text, size)) {
			*text += size;
			return true;
		}
	}
	return false;
}

const char *npu_core_inject(struct npu_core *core, const char *list)
{
	uint32_t kind;

	core->inject.is_allowed = true;
	if (!strcmp(list, "on"))
		return NULL;
	do {
		uint32_t count = 1, after = 0, param = 0;

		if (!take_kind(&list, &kind))
			return "no such error can be injected";
		if (!take_number(&list, &count) ||
		    !take_number(&list, &after) || !take_number(&list, &param))
			return "a number of an error to inject is wrong";
		arm(core, kind, count, after, param);
	} while (*list == '+' && list++);
	return *list ? "an error to inject has more than three numbers" : NULL;
}

/* --- Death -------------------------------------------------------------------- */

bool inject_is_dead(struct npu_core *core)
{
	struct inject *inject = &core->inject;

	if (!inject->is_allowed)
		return false;
	if (inject_takes(core, NPU_INJECT_DEAD)) {
		atomic_store(&inject->resets,
			     atomic_load(&inject->errors[NPU_INJECT_DEAD].param));
		atomic_store(&inject->is_dead, true);
	}
	return atomic_load(&inject->is_dead);
}

bool inject_revives(struct npu_core *core)
{
	struct inject *inject = &core->inject;

	if (!atomic_load(&inject->is_dead))
		return true;
	if (atomic_load(&inject->resets) == NPU_INJECT_FOREVER ||
	    count_down(&inject->resets))
		return false;
	atomic_store(&inject->is_dead, false);
	return true;
}

/* --- Interrupts and events ------------------------------------------------------ */

void inject_noise(struct npu_core *core, void *bytes, size_t size)
{
	uint32_t x = core->inject.noise + 0x9e3779b9;
	uint8_t *byte = bytes;

	for (; size--; byte++) {
		x ^= x << 13; /* Marsaglia's xorshift */
		x ^= x >> 17;
		x ^= x << 5;
		*byte = (uint8_t)(x >> 24);
	}
	core->inject.noise = x;
}

/* Nothing that is longer than our buffer is an event. */
static uint32_t event_size(const struct npu_core *core)
{
	uint32_t size = reg(core, NPU_REG_INJECT_RING_SHAPE) & 0xffff;

	return size < EVENT_MAX_SIZE ? size : EVENT_MAX_SIZE;
}

static uint64_t event_address(const struct npu_core *core, uint32_t number)
{
	uint32_t entries = reg(core, NPU_REG_INJECT_RING_SHAPE) >> 16;

	return reg64(core, NPU_REG_INJECT_RING_LO) +
	       (uint64_t)(entries ? number % entries : 0) * event_size(core);
}

/* The last event is to be found once more behind itself. */
static void double_event(struct npu_core *core, uint32_t tail)
{
	uint8_t event[EVENT_MAX_SIZE];

	if (machine_dma_read(core, event_address(core, tail - 1), event,
			     event_size(core)))
		return;
	machine_dma_write(core, event_address(core, tail), event,
			  event_size(core));
	core->inject.run.skew++;
}

static void spoil_event(struct npu_core *core, uint32_t tail)
{
	uint8_t event[EVENT_MAX_SIZE];

	inject_noise(core, event, sizeof(event));
	machine_dma_write(core, event_address(core, tail - 1), event,
			  event_size(core));
}

/* Events up to *@tail, by the firmware's count, are published; false: later. */
static bool publish(struct npu_core *core, uint32_t *tail)
{
	struct inject_run *run = &core->inject.run;
	uint32_t param;

	if (inject_takes(core, NPU_INJECT_EVENT_NEVER))
		run->skew--;
	else if (inject_takes(core, NPU_INJECT_EVENT_TWICE))
		double_event(core, *tail + run->skew);
	else if (inject_takes(core, NPU_INJECT_EVENT_GARBAGE))
		spoil_event(core, *tail + run->skew);
	*tail += run->skew;
	if (!run->is_late && inject_takes(core, NPU_INJECT_EVENT_LATE)) {
		param = atomic_load(
			&core->inject.errors[NPU_INJECT_EVENT_LATE].param);
		run->is_late = true;
		run->late_until = core->ops->now_ns(core->opaque) +
				  1000ull * param;
	}
	run->late_tail = *tail;
	if (inject_takes(core, NPU_INJECT_RING_TAIL))
		*tail ^= TAIL_OFF;
	return !run->is_late;
}

void inject_sees_read(struct npu_core *core, uint64_t address, uint32_t *value)
{
	if (core->inject.run.skew &&
	    address == reg64(core, NPU_REG_INJECT_HEAD_LO))
		*value -= core->inject.run.skew;
}

/* Where in the ring what the firmware writes at @address belongs. */
static uint64_t shifted(const struct npu_core *core, uint64_t address)
{
	uint32_t size = event_size(core);
	uint32_t entries = reg(core, NPU_REG_INJECT_RING_SHAPE) >> 16;
	uint64_t offset = address - reg64(core, NPU_REG_INJECT_RING_LO);

	if (offset >= (uint64_t)size * entries)
		return address;
	return event_address(core, (uint32_t)(offset / size) +
					   core->inject.run.skew) +
	       offset % size;
}

bool inject_lets_write(struct npu_core *core, uint64_t *address,
		       uint32_t *value)
{
	if (!core->inject.is_allowed)
		return true;
	if (*address == reg64(core, NPU_REG_INJECT_TAIL_LO))
		return publish(core, value);
	if (core->inject.run.skew)
		*address = shifted(core, *address);
	return true;
}

uint64_t inject_run(struct npu_core *core)
{
	struct inject_run *run = &core->inject.run;

	if (!core->inject.is_allowed)
		return UINT64_MAX;
	for (; run->again; run->again &= run->again - 1)
		machine_raise_irq(core, (uint32_t)__builtin_ctz(run->again));
	if (inject_takes(core, NPU_INJECT_IRQ_SPURIOUS))
		machine_raise_irq(core, EVENT_VECTOR);
	if (run->is_late && core->ops->now_ns(core->opaque) >= run->late_until) {
		run->is_late = false;
		machine_dma_write(core, reg64(core, NPU_REG_INJECT_TAIL_LO),
				  &run->late_tail, sizeof(run->late_tail));
		machine_raise_irq(core, EVENT_VECTOR);
	}
	if (atomic_load(&core->inject.errors[NPU_INJECT_IRQ_SPURIOUS].left))
		return 0;
	return run->is_late ? run->late_until : UINT64_MAX;
}
