// SPDX-License-Identifier: MIT
/*
 * Operating points, gates of idle cores, the meter and the die's temperature: section
 * 17 of the manual. Called by controller.c (registers), job.c (cores that get and lose
 * jobs) and core.c.
 *
 * What a core does is added up where it happens, and taken from there when somebody
 * measures. Heat is energy over the die's heat capacity, which is its time constant
 * over its thermal resistance; it flows off exponentially.
 */
#include "machine.h"

#define NK_PER_UK 1000
#define HEAT_MAX_NK 250000000000ll /* more than any die survives */
#define STEPS 64 /* of the time constant; the error is below one percent */
#define LONG_NS (32 * NPU_THERMAL_NS) /* after which nothing else is left */

static uint64_t now(const struct npu_core *core)
{
	return core->ops->now_ns(core->opaque);
}

/* --- What cores do ----------------------------------------------------------- */

/* Count an idle core's time up to now. */
static void count_idle(struct unit_core *unit, uint64_t time)
{
	struct npu_core *core = unit->machine;
	uint64_t ns = time - unit->power.idle_since;
	uint64_t nw = npu_power_idle_nw(&core->config,
					atomic_load(&core->power.opp),
					unit->power.gate);
	uint64_t fj = ns / 1000 * nw + ns % 1000 * nw / 1000;

	unit->power.meter.fj += fj;
	unit->power.meter.die_fj += fj;
	unit->power.idle_fj += fj;
	unit->power.idle_since = time;
}

void power_job_begins(struct unit_core *unit)
{
	count_idle(unit, now(unit->machine));
}

/* All that the job has used since it was on a core before. */
void power_job_ends(struct unit_core *unit)
{
	const struct npu_machine *m = &unit->machine->config;
	const struct npu_totals *totals = &unit->job.totals;
	struct meter *metered = &unit->job.metered;
	uint64_t fj = npu_totals_energy(totals, m);
	struct meter all = {
		.ns = npu_totals_ns(totals, m),
		.fj = fj,
		.die_fj = fj - (totals->mem_read + totals->mem_written) *
				       NPU_ENERGY_MEM_FJ,
	};

	unit->power.meter.ns += all.ns - metered->ns;
	unit->power.meter.fj += all.fj - metered->fj;
	unit->power.meter.die_fj += all.die_fj - metered->die_fj;
	*metered = all;
	unit->power.idle_since = now(unit->machine);
}

void power_core_reset(struct unit_core *unit)
{
	if (unit->state == NPU_CORE_RUNNING)
		power_job_ends(unit);
	else
		count_idle(unit, now(unit->machine));
	unit->power.gate = NPU_GATE_CLOCK;
}

void power_set_gate(struct unit_core *unit, uint32_t gate)
{
	if (gate >= NPU_GATE_COUNT)
		return;
	if (unit->state != NPU_CORE_RUNNING) {
		count_idle(unit, now(unit->machine));
		if (gate == NPU_GATE_POWER)
			job_lose_sram(unit);
	}
	unit->power.gate = gate;
}

/* --- The machine --------------------------------------------------------------- */

/* Where the die's temperature would end with that much energy in each such time. */
static int64_t heat_for_ever(uint64_t fj, uint64_t ns, uint32_t resistance)
{
	uint64_t uw = fj / (ns ? ns : 1); /* fJ per ns */

	if (uw > HEAT_MAX_NK / NK_PER_UK)
		return HEAT_MAX_NK;
	uw *= resistance; /* makes microkelvin */
	return uw > HEAT_MAX_NK / NK_PER_UK ? HEAT_MAX_NK :
					      (int64_t)(uw * NK_PER_UK);
}

static void warm_up(struct power *power, int64_t end_nk, uint64_t ns)
{
	uint64_t step = NPU_THERMAL_NS / STEPS;

	if (ns > LONG_NS) {
		power->heat_nk = end_nk;
		return;
	}
	for (; ns; ns -= step) {
		if (step > ns)
			step = ns;
		power->heat_nk += (end_nk - power->heat_nk) * (int64_t)step /
				  (int64_t)NPU_THERMAL_NS;
	}
}

void power_measure(struct npu_core *core)
{
	struct power *power = &core->power;
	uint64_t time = now(core), longest = time - power->measured_at;
	struct meter sum = { 0 };
	uint32_t i;

	for (i = 0; i < core->config.cores; i++) {
		struct unit_core *unit = &core->cores[i];

		if (unit->state != NPU_CORE_RUNNING)
			count_idle(unit, time);
		sum.fj += unit->power.meter.fj;
		sum.die_fj += unit->power.meter.die_fj;
		if (unit->power.meter.ns > longest)
			longest = unit->power.meter.ns;
		power->idle_fj += unit->power.idle_fj;
		unit->power.meter = (struct meter){ 0 };
		unit->power.idle_fj = 0;
	}
	power->measured_at = time;
	power->meter.ns += longest;
	power->meter.fj += sum.fj;
	warm_up(power, heat_for_ever(sum.die_fj, longest,
				     core->config.thermal_resistance), longest);
}

void power_set_opp(struct npu_core *core, uint32_t opp)
{
	if (opp >= NPU_OPP_COUNT)
		return;
	power_measure(core); /* what was idle so far was so at the old one */
	atomic_store(&core->power.opp, opp);
}

uint32_t power_temperature_mc(struct npu_core *core)
{
	if (inject_takes(core, NPU_INJECT_HOT))
		return atomic_load(
			&core->inject.errors[NPU_INJECT_HOT].param);
	return core->config.ambient_c * 1000 +
	       (uint32_t)(core->power.heat_nk / (1000 * NK_PER_UK));
}

void power_init(struct npu_core *core)
{
	uint32_t i;

	core->power.measured_at = now(core);
	for (i = 0; i < core->config.cores; i++)
		core->cores[i].power.idle_since = core->power.measured_at;
}

void power_reset(struct npu_core *core)
{
	atomic_store(&core->power.opp, 0);
}
