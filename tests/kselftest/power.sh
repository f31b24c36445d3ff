#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The device sleeps when nobody needs it and wakes up when somebody does, whatever
# happens to it meanwhile; who needs it keeps it awake. Jobs notice nothing.

# shellcheck disable=SC2317 # check() calls the functions
# shellcheck source-path=SCRIPTDIR source=driver.sh
. "$(dirname "$0")/driver.sh"

cycles=50
mountpoint -q /sys/kernel/debug ||
	mount -t debugfs none /sys/kernel/debug 2>/dev/null
debug=/sys/kernel/debug/accel/$device
power=$pci/devices/$device/power

# sleeps_after MS: from now on, until it is bound anew.
sleeps_after() {
	echo "$1" >"$power/autosuspend_delay_ms"
}

# It has all the time that it wants.
is_asleep() {
	local status end=$((SECONDS + 120))
	while read -r status <"$power/runtime_status" &&
		[ "$status" != suspended ]; do
		[ "$SECONDS" -lt "$end" ] && continue
		echo "it is $status, $(<"$power/runtime_usage") need it"
		return 1
	done
}

# What is awake for no reason would not be so for long.
stays_awake() {
	local i status
	for ((i = 0; i < 200; i++)); do
		read -r status <"$power/runtime_status"
		[ "$status" = active ] && continue
		echo "it is $status"
		return 1
	done
}

unbind() {
	echo "$device" >"$pci_driver/unbind" && ! is_bound
}

bind() {
	echo "$device" >"$pci_driver/bind" && is_bound && sleeps_after 0
}

remove_device() {
	echo 1 >"$pci/devices/$device/remove" && ! is_bound
}

rescan() {
	echo 1 >"$pci/rescan" && is_bound && sleeps_after 0
}

reset_function() {
	echo 1 >"$pci/devices/$device/reset"
}

recover() {
	echo 3 >"$debug/recover"
}

inject() {
	echo "$1" >"$debug/inject"
}

reload() {
	unload && load && is_bound && sleeps_after 0
}

wakes_up() {
	run_jobs 3 && is_asleep
}

sleep_and_wake() {
	local i
	for ((i = 1; i <= cycles; i++)); do
		is_asleep && run_jobs 2 && continue
		echo "cycle $i of $cycles"
		return 1
	done
}

keeps_awake_until() {
	stays_awake && "$@"
}

stays_if_told() {
	is_asleep && echo on >"$power/control" &&
		run_jobs 1 && stays_awake && echo auto >"$power/control" &&
		is_asleep
}

# reads_wake_it: files that need it have it awake, and let it sleep again.
reads_wake_it() {
	local file
	for file in fw_state counters fw_log queues vms recoveries; do
		is_asleep && cat "$debug/$file" >/dev/null && continue
		echo "$file"
		return 1
	done
	is_asleep && grep -q "^state: up" "$debug/fw_state"
}

# asleep_and COMMAND...: done to a device that sleeps; it works afterwards.
asleep_and() {
	is_asleep || return
	"$@" && wakes_up
}

unbind_and_bind() {
	unbind && bind
}

remove_and_rescan() {
	remove_device && rescan
}

# On its way into sleep, or out of it; a function-level reset brings it back.
dies() {
	local after
	for after in 0 1 2 3 4 6 9 14 20; do
		inject "dead:1:$after" && is_asleep && run_jobs 3 &&
			grep -q "^dead: 0 left" "$debug/inject" &&
			unbind_and_bind && continue
		echo "after $after accesses"
		cat "$debug/inject"
		return 1
	done
}

# No reset that the driver makes brings it back.
dies_for_long() {
	inject "dead:1:4:4" && is_asleep || return
	run_jobs 1 2>/dev/null && return 1
	said "the device is lost" || return
	unbind
	for _ in 1 2 3 4 5; do
		reset_function
	done
	bind && wakes_up
}

# freeze LEVEL: the system is put to sleep as far as that, and awake again.
freeze() {
	echo "$1" >/sys/power/pm_test && echo freeze >/sys/power/state
}

freeze_with_jobs() {
	local jobs status
	"$here/job" 300 &
	jobs=$!
	freeze freezer
	status=$?
	wait "$jobs" && [ "$status" = 0 ] && wakes_up
}

# The sensors' directory, which is another one when the device is bound anew.
find_sensors() {
	local name
	for name in "$pci/devices/$device"/hwmon/hwmon*/name; do
		[ "$(<"$name")" != tinynpu ] || dirname "$name"
	done
}

# Energy of jobs is counted, once, and outlasts sleep.
counts_energy() {
	local sensors before after
	sensors=$(find_sensors)
	before=$(<"$sensors/energy1_input")
	"$here/job" 2000 && is_asleep || return
	after=$(<"$sensors/energy1_input")
	[ "$after" -gt "$before" ] && run_jobs 1 && is_asleep &&
		[ "$(<"$sensors/energy1_input")" -ge "$after" ] && return
	echo "$before uJ, then $after"
	return 1
}

measures_asleep() {
	local sensors i
	sensors=$(find_sensors)
	is_asleep || return
	for ((i = 0; i < 20; i++)); do
		[ "$(<"$sensors/power1_average")" -ge 0 ] || return
	done
	grep -q suspended "$power/runtime_status"
}

measures_temperature() {
	local sensors mc
	sensors=$(find_sensors)
	run_jobs 1 && mc=$(<"$sensors/temp1_input") && [ "$mc" -gt 0 ] &&
		[ "$mc" -lt "$(<"$sensors/temp1_max")" ] &&
		[ "$(<"$sensors/temp1_max")" -lt "$(<"$sensors/temp1_crit")" ]
}

# caps ORDER RESULT: what is ordered in microwatts becomes that.
caps() {
	local sensors
	sensors=$(find_sensors)
	echo "$1" >"$sensors/power1_cap" &&
		[ "$(<"$sensors/power1_cap")" = "$2" ]
}

takes_caps() {
	local sensors
	sensors=$(find_sensors)
	caps 50000 50000 && caps 1 "$(<"$sensors/power1_cap_min")" &&
		caps 99999999999 "$(<"$sensors/power1_cap_max")" &&
		is_asleep && caps 2000000 2000000 && is_asleep && run_jobs 1 &&
		caps 0 0
}

unload 2>/dev/null
check "loaded" load
[ -e "$power/autosuspend_delay_ms" ] || {
	echo "1..0 # SKIP needs runtime power management"
	exit 4
}
mark_log
check "it is not in a hurry" [ "$(cat "$power/autosuspend_delay_ms")" = 1000 ]
check "it sleeps" is_asleep
check "at once if told so" sleeps_after 0
check "a job wakes it up" wakes_up
check "asleep and awake $cycles times" sleep_and_wake
check "it sleeps only if allowed" stays_if_told
check "nothing was said" said_only
if [ -n "$(find_sensors)" ]; then
	check "energy is counted" counts_energy
	check "sensors wake nobody up" measures_asleep
	check "the temperature is measured" measures_temperature
	check "the power can be capped" takes_caps
else
	skip "energy is counted" "needs CONFIG_HWMON"
fi
if [ -d "$debug" ]; then
	check "files wake it up" reads_wake_it
	check "a job keeps it awake" \
		hang_and hang "Input/output error" keeps_awake_until recover
	check "and no longer" is_asleep
	check "recovered asleep" asleep_and recover
else
	skip "files wake it up" "needs debugfs"
fi
check "a user-mode queue keeps it awake" \
	hang_and user "No such device" keeps_awake_until unbind
check "bound again" bind
check "and no longer" is_asleep
check "reset asleep" asleep_and reset_function
check "unbound asleep" asleep_and unbind_and_bind
check "removed asleep" asleep_and remove_and_rescan
check "unloaded asleep" asleep_and reload
if [ -w "$debug/inject" ]; then
	check "bound for that" unbind_and_bind
	check "it dies in its sleep" dies
	check "it dies in its sleep for long" dies_for_long
else
	skip "it dies in its sleep" "needs a device with inject=on"
fi
if [ -w /sys/power/pm_test ]; then
	echo 0 >/sys/module/suspend/parameters/pm_test_delay
	check "the system is frozen with jobs" freeze_with_jobs
	echo none >/sys/power/pm_test
else
	skip "the system is frozen with jobs" "needs CONFIG_PM_DEBUG"
fi
finish
