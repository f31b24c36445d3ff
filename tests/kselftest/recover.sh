#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The upper rungs of recovery with good firmware: restart, function-level reset,
# and giving up, of which user space is told. Which rung is the first is up to
# debugfs. (Rungs that need firmware which does not obey are in tests/hostile.)

# shellcheck disable=SC2317 # check() calls the functions
# shellcheck source-path=SCRIPTDIR source=driver.sh
. "$(dirname "$0")/driver.sh"

mountpoint -q /sys/kernel/debug ||
	mount -t debugfs none /sys/kernel/debug 2>/dev/null
debug=/sys/kernel/debug/accel/$device

# recover_from RUNG: by its number, see enum tnpu_rung.
recover_from() {
	echo "$1" >"$debug/recover"
}

# count RUNG: how often it was climbed.
count() {
	sed -n "s/^$1: //p" "$debug/recoveries"
}

# climbs RUNG NAME: the running job is lost, others run afterwards.
climbs() {
	local before after
	before=$(count "$2")
	hang_and hang "Input/output error" recover_from "$1" &&
		run_jobs 10 || return
	after=$(count "$2")
	[ "$((before + 1))" = "$after" ] && return
	echo "$2: $before, then $after"
	return 1
}

refuses_jobs() {
	local output
	output=$(run_jobs 1 2>&1) && return 1
	[[ $output == *"Input/output error"* ]] && return
	echo "$output"
	return 1
}

# All that is left of a lost device are tables and sums.
tells_what_is_left() {
	local file
	for file in "$debug"/{fw_log,fw_state,queues,vms,recoveries} \
			"$pci/devices/$device"/hwmon/hwmon*/energy1_input; do
		[ ! -e "$file" ] || cat "$file" >/dev/null || return
	done
	grep -q "^state: lost" "$debug/fw_state"
}

# Whoever needs the firmware is told that there is none.
refuses_files() {
	local output
	for output in "$(cat "$debug/counters" 2>&1)" \
			"$({ echo 2 >"$debug/fw_log_level"; } 2>&1)"; do
		[[ $output == *"Input/output error"* ]] && continue
		echo "$output"
		return 1
	done
}

refuses_rung() {
	! { echo 6 >"$debug/recover"; } 2>/dev/null
}

reset_function() {
	echo 1 >"$pci/devices/$device/reset"
}

rebind() {
	echo "$device" >"$pci_driver/unbind" &&
		echo "$device" >"$pci_driver/bind" && is_bound
}

# has_dump WHY: there is one, for that reason, with a head and the size it says.
has_dump() {
	local dump size
	dump=$(find_dumps)
	cp "$dump" "$work" || return
	size=$(od -An -tu4 -j12 -N4 "$work/data")
	[ "$(head -c 8 "$work/data")" = TNPUDUMP ] &&
		[ "$size" -eq "$(stat -c %s "$work/data")" ] &&
		grep -qa "$1" "$work/data" && return
	strings "$work/data" 2>/dev/null || od -c "$work/data" | head -n 30
	return 1
}

hang_alone() {
	hang_and hang "Connection timed out" true
}

# A dump is there when the device is gone at the latest.
dump_of_hang() {
	drop_dumps
	hang_alone && rebind && has_dump "a job timed out"
}

dump_of_recovery() {
	drop_dumps
	recover_from 3
	run_jobs 1 && rebind && has_dump "debugfs asks for it"
}

# The first one stays.
first_dump_stays() {
	recover_from 3
	hang_alone && rebind && has_dump "debugfs asks for it"
}

# Both want the function, and each waits for the other: one has to give way.
reset_twice_at_once() {
	local i
	for ((i = 0; i < 5; i++)); do
		reset_function &
		recover_from 4
		wait
		run_jobs 1 2>/dev/null || rebind && run_jobs 1 && continue
		echo "round $i"
		return 1
	done
}

recover_too_often() {
	local i
	for ((i = 0; i < 9; i++)); do
		recover_from 3
	done
	refuses_jobs && said "recovered 8 times in less than 60 s"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unload 2>/dev/null
check "loaded" load
[ -w "$debug/recover" ] || {
	echo "1..0 # SKIP needs debugfs"
	exit 4
}
mark_log
check "a restart of the firmware" climbs 3 "firmware restart"
check "is logged" said "recovery: firmware restart"
check "a function-level reset" climbs 4 "function reset"
check "is logged" said "recovery: function reset"
check "two resets at once" reset_twice_at_once
check "bound anew after that" rebind
check "giving up ends jobs" hang_and hang "Input/output error" recover_from 5
check "and is logged" said "the device is lost"
check "a lost device refuses jobs" refuses_jobs
check "and what else needs its firmware" refuses_files
check "what is left of it can be read" tells_what_is_left
check "a lost device stays lost" recover_from 3
check "and refuses jobs still" refuses_jobs
check "bound anew it works" rebind
check "with jobs" run_jobs 10
check "user space is told" hang_and wedge "rebind" recover_from 5
check "bound anew once more" rebind
check "too many recoveries end it" recover_too_often
check "bound anew at last" rebind
check "it works" run_jobs 10
if [ -d /sys/class/devcoredump ]; then
	unload
	timeout_ms=200
	check "loaded with less patience" load
	check "a job that hangs leaves a dump" dump_of_hang
	check "a recovery leaves a dump" dump_of_recovery
	check "the first dump stays" first_dump_stays
	check "none is left" drop_dumps
else
	skip "dumps" "no devcoredump"
fi
check "there is no higher rung" refuses_rung
check "no rung is unknown" [ "$(wc -l <"$debug/recoveries")" = 6 ]
finish
