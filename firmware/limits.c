// SPDX-License-Identifier: MIT
/*
 * What slows the cores down, section 17 of the manual: the driver's limits of clock and
 * power, and the die's temperature. Called by power.c when it is time to look, and by
 * admin.c.
 *
 * Each of the three has an operating point of its own; the slowest counts. Temperature
 * and power can also hold jobs back, never for longer than FW_HOLD_NS: what is late for
 * that reason must not look like something that hangs.
 */
#include "fw.h"
#include "io.h"

#define SLOWEST (NPU_OPP_COUNT - 1)

/* What the power cap allows to be used at once, in fJ: 1 uW is 1 fJ per ns. */
static int64_t credit_limit(const struct fw_power *power)
{
	return (int64_t)power->cap_uw * FW_CREDIT_NS;
}

/* The driver's limits: false if they make no sense, or the machine has none. */
bool limits_accept(struct fw *fw, uint64_t cap_uw, uint64_t khz)
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
	uint64_t meter_ns = io_sys_read64(NPU_SYS_METER_NS_LO);
	uint64_t meter_fj = io_sys_read64(NPU_SYS_METER_FJ_LO);

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

/* Ends a hold whose time has come; who has waited for so long has no debts. */
void limits_end_hold(struct fw *fw, uint64_t now)
{
	struct fw_power *power = &fw->power;

	if (now < power->held_until)
		return;
	power->held_until = 0;
	earn_credit(power);
	if (power->credit_fj < 0)
		power->credit_fj = 0;
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

/* Sees what cores and jobs may: the credit always, all of it if a look @is_due. */
void limits_look(struct fw *fw, uint64_t now, bool is_due)
{
	struct fw_power *power = &fw->power;

	look_at_credit(fw, now, is_due);
	if (!is_due)
		return;
	look_at_temperature(fw, now);
	if (power->limit_opp)
		note(power, FW_REASON_CLOCK, now);
	set_opp(power);
}
