// SPDX-License-Identifier: MIT
/*
 * Clocks and power, section 17 of the manual: keeps the driver's limits and the die's,
 * and switches idle cores off. Called by sched.c each round, and by admin.c.
 *
 * Three things can slow the cores down, each with an operating point of its own; the
 * slowest counts. Temperature and power can also hold jobs back, never for longer than
 * FW_HOLD_NS: what is late for that reason must not look like something that hangs.
 */
#include "fw.h"
#include "io.h"

#define HW_MINOR 2 /* version that has the registers */
#define SLOWEST (NPU_OPP_COUNT - 1)

static uint64_t sys_read64(uint32_t reg)
{
	return io_read64(NPU_SYS_BASE + reg);
}

/* What the power cap allows to be used at once, in fJ: 1 uW is 1 fJ per ns. */
static int64_t credit_limit(const struct fw_power *power)
{
	return (int64_t)power->cap_uw * FW_CREDIT_NS;
}

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
	power->meter_ns = sys_read64(NPU_SYS_METER_NS_LO);
	power->meter_fj = sys_read64(NPU_SYS_METER_FJ_LO);
	power->idle_before = sys_read64(NPU_SYS_IDLE_FJ_LO);
}

/* --- Limits ------------------------------------------------------------------ */

/* The driver's limits: false if they make no sense, or the machine has none. */
bool power_set_limits(struct fw *fw, uint64_t cap_uw, uint64_t khz)
{
	struct fw_power *power = &fw->power;
	uint32_t opp = 0;

	if (!power->is_there || khz > UINT32_MAX ||
	    (cap_uw && (cap_uw < NPU_POWER_CAP_MIN_UW ||
			cap_uw > NPU_POWER_CAP_MAX_UW)))
		return false;
	while (khz && opp < SLOWEST && power->khz[opp] > khz)
		opp++;
	power->limit_opp = opp;
	power->cap_uw = cap_uw;
	power->credit_fj = credit_limit(power);
	power->held_until = 0;
	if (!cap_uw)
		power->cap_opp = 0;
	power->look_due = 0;
	power->is_looking = true;
	return true;
}

static uint8_t slower(uint8_t opp)
{
	return opp < SLOWEST ? opp + 1 : opp;
}

static uint8_t faster(uint8_t opp)
{
	return opp ? opp - 1 : 0;
}

/* No job is started for @ns, or as long as is allowed. */
static void hold(struct fw *fw, uint64_t now, uint64_t ns)
{
	fw->power.held_until = now + (ns < FW_HOLD_NS ? ns : FW_HOLD_NS);
}

static void note(struct fw_power *power, uint32_t reason, uint64_t now)
{
	power->throttle |= 1u << reason;
	power->last[reason] = now;
}

/* Reading the meter also brings the temperature up to date. */
static void read_meter(struct fw_power *power, uint64_t *ns, uint64_t *fj)
{
	uint64_t meter_ns = sys_read64(NPU_SYS_METER_NS_LO);
	uint64_t meter_fj = sys_read64(NPU_SYS_METER_FJ_LO);

	*ns = meter_ns - power->meter_ns;
	*fj = meter_fj - power->meter_fj;
	power->meter_ns = meter_ns;
	power->meter_fj = meter_fj;
}

/* What time has earned since this was asked last, less what was used. */
static void earn_credit(struct fw_power *power)
{
	uint64_t ns, fj;

	read_meter(power, &ns, &fj);
	if (ns > FW_HOLD_NS)
		ns = FW_HOLD_NS;
	power->credit_fj += (int64_t)(power->cap_uw * ns) - (int64_t)fj;
	if (power->credit_fj > credit_limit(power))
		power->credit_fj = credit_limit(power);
}

static void look_at_credit(struct fw *fw, uint64_t now, bool is_due)
{
	struct fw_power *power = &fw->power;

	earn_credit(power);
	if (!power->cap_uw)
		return;
	if (power->credit_fj < 0) {
		hold(fw, now, (uint64_t)-power->credit_fj / power->cap_uw + 1);
		if (is_due)
			power->cap_opp = slower(power->cap_opp);
	} else if (is_due && power->credit_fj == credit_limit(power)) {
		power->cap_opp = faster(power->cap_opp);
	}
	if (power->cap_opp || power->held_until)
		note(power, FW_REASON_POWER, now);
}

static void look_at_temperature(struct fw *fw, uint64_t now)
{
	struct fw_power *power = &fw->power;
	int32_t mc = (int32_t)io_sys_read(NPU_SYS_TEMP);

	power->temperature_mc = mc;
	if (mc >= NPU_TEMP_HOT_MC)
		power->heat_opp = slower(power->heat_opp);
	else if (mc < NPU_TEMP_COOL_MC)
		power->heat_opp = faster(power->heat_opp);
	if (mc >= NPU_TEMP_CRITICAL_MC)
		hold(fw, now, FW_HOLD_NS);
	if (power->heat_opp || mc >= NPU_TEMP_CRITICAL_MC)
		note(power, FW_REASON_TEMPERATURE, now);
}

static void set_opp(struct fw_power *power)
{
	uint8_t opp = power->limit_opp;

	if (power->heat_opp > opp)
		opp = power->heat_opp;
	if (power->cap_opp > opp)
		opp = power->cap_opp;
	if (opp == power->opp)
		return;
	power->opp = opp;
	io_sys_write(NPU_SYS_OPP, opp);
}

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
		if (now < power->held_until)
			return;
		power->held_until = 0;
		earn_credit(power);
		if (power->credit_fj < 0)
			power->credit_fj = 0; /* forgiven */
		return;
	}
	if (!is_due && !power->cap_uw)
		return;
	look_at_credit(fw, now, is_due);
	if (is_due) {
		power->look_due = now + FW_LOOK_NS;
		look_at_temperature(fw, now);
		if (power->limit_opp)
			note(power, FW_REASON_CLOCK, now);
		set_opp(power);
	}
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

/* --- What others tell ---------------------------------------------------------- */

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
	counters->idle_fj = sys_read64(NPU_SYS_IDLE_FJ_LO) - power->idle_before;
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
