// SPDX-License-Identifier: MIT
/*
 * Clocks and power, section 17 of the manual: when to look at the limits (limits.c), which
 * idle cores are switched off, and what is told of it. Called by sched.c each round, and
 * by account.c.
 */
#include "fw.h"
#include "io.h"

#define HW_MINOR 2 /* version that has the registers */

void power_init(struct fw *fw)
{
	struct fw_power *power = &fw->power;
	uint32_t version = io_sys_read(NPU_SYS_CONFIG + NPU_REG_VERSION);
	uint32_t i;

	power->is_there = (version & 0xffff) >= HW_MINOR;
	power->is_looking = power->is_there;
	if (!power->is_there)
		return;
	for (i = 0; i < NPU_OPP_COUNT; i++)
		power->khz[i] = io_sys_read(NPU_SYS_OPP_KHZ(i));
	power->meter_ns = io_sys_read64(NPU_SYS_METER_NS_LO);
	power->meter_fj = io_sys_read64(NPU_SYS_METER_FJ_LO);
	power->idle_before = io_sys_read64(NPU_SYS_IDLE_FJ_LO);
}

/* --- What is told ------------------------------------------------------------- */

/* Reasons that have not been there for a while go; tells the driver of changes. */
static void tell_reasons(struct fw *fw, uint64_t now)
{
	struct fw_power *power = &fw->power;
	uint32_t i;

	for (i = 0; i < FW_REASONS; i++)
		if ((power->throttle & 1u << i) &&
		    now - power->last[i] >= FW_REASON_NS)
			power->throttle &= ~(1u << i);
	if (power->throttle == power->told || !event_has_room(fw))
		return;
	power->told = power->throttle;
	if (fw->abi < 3)
		return;
	event_put(fw,
		  &(struct npu_event){
			  .type = NPU_EVENT_POWER,
			  .status = power->throttle,
			  .args = { power->khz[power->opp],
				    (uint32_t)power->temperature_mc },
		  },
		  true);
	log_print(fw, NPU_LOG_INFO, "clock %u kHz, reasons %x",
		  power->khz[power->opp], power->throttle);
}

void power_read(struct fw *fw, struct npu_counters *counters)
{
	struct fw_power *power = &fw->power;

	if (!power->is_there || fw->abi < 3)
		return;
	io_sys_read(NPU_SYS_METER_NS_LO);
	power->temperature_mc = (int32_t)io_sys_read(NPU_SYS_TEMP);
	counters->clock_khz = power->khz[power->opp];
	counters->throttle = power->throttle;
	counters->temperature_mc = (uint32_t)power->temperature_mc;
	counters->idle_fj = io_sys_read64(NPU_SYS_IDLE_FJ_LO) - power->idle_before;
}

/* Of the job that leaves the core; 0: all of the machine's, or nobody wants to know. */
uint32_t power_clock_permille(const struct fw *fw, uint32_t number)
{
	uint32_t permille;

	if (!fw->power.is_there || fw->abi < 3)
		return 0;
	permille = engine_clock_permille(number);
	return permille == 1000 ? 0 : permille;
}

/* --- Rounds ------------------------------------------------------------------ */

/* Switch off the cores that had nothing to do for some looks; are all off? */
static bool switch_off(struct fw *fw)
{
	bool are_off = true;
	uint32_t i;

	for (i = 0; i < fw->core_count; i++) {
		struct fw_core *core = &fw->cores[i];

		if (core->gate == NPU_GATE_POWER)
			continue;
		if (core->state != FW_CORE_IDLE ||
		    ++core->idle_looks <= FW_IDLE_LOOKS) {
			are_off = false;
			continue;
		}
		core->gate = NPU_GATE_POWER;
		engine_set_gate(i, core->gate);
	}
	return are_off;
}

/* Whether there is nothing to look for until a job starts, or limits change. */
static bool is_settled(const struct fw_power *power)
{
	uint32_t lasting = power->limit_opp ? NPU_THROTTLE_CLOCK : 0;

	return !power->heat_opp && !power->cap_opp &&
	       power->throttle == power->told && !(power->throttle & ~lasting);
}

/*
 * Before jobs are started: see what they may. With a cap that depends on each job that
 * has ended. Who has waited as long as is allowed goes first: this round has no look.
 */
void power_look(struct fw *fw, uint64_t now)
{
	struct fw_power *power = &fw->power;
	bool is_due = now >= power->look_due;

	if (!power->is_there)
		return;
	if (power->held_until) {
		limits_end_hold(fw, now);
		return;
	}
	if (!is_due && !power->cap_uw)
		return;
	if (is_due)
		power->look_due = now + FW_LOOK_NS;
	limits_look(fw, now, is_due);
	tell_reasons(fw, now);
	if (is_due)
		power->is_looking = !switch_off(fw) || !is_settled(power);
}

/* May jobs be started? */
bool power_lets_start(const struct fw *fw)
{
	return !fw->power.held_until;
}

/* The core is about to get a job. */
void power_wake_core(struct fw *fw, uint32_t number)
{
	struct fw_core *core = &fw->cores[number];

	fw->power.is_looking = fw->power.is_there;
	core->idle_looks = 0;
	if (core->gate != NPU_GATE_POWER)
		return;
	core->gate = NPU_GATE_CLOCK;
	engine_set_gate(number, core->gate);
}

/* When the next round has to be for what is done here. */
uint64_t power_due(const struct fw *fw)
{
	const struct fw_power *power = &fw->power;

	if (power->held_until)
		return power->held_until;
	return power->is_looking ? power->look_due : FW_NEVER;
}
