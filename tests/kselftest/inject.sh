#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every error that the device can be made to have (section 15 of the manual), while
# jobs run: each job has an end, and the device works afterwards, or says that it
# doesn't and does when it is bound anew. Which jobs have to end well is said here.

# shellcheck disable=SC2317 # check() calls the functions
# shellcheck source-path=SCRIPTDIR source=driver.sh
. "$(dirname "$0")/driver.sh"

# Jobs whose end got lost are waited for as long as this allows.
timeout_ms=1000
mountpoint -q /sys/kernel/debug ||
	mount -t debugfs none /sys/kernel/debug 2>/dev/null
debug=/sys/kernel/debug/accel/$device

# inject ORDER: KIND[:COUNT[:AFTER[:PARAM]]], or none.
inject() {
	echo "$1" >"$debug/inject"
}

unbind() {
	echo "$device" >"$pci_driver/unbind"
}

bind() {
	echo "$device" >"$pci_driver/bind"
}

reset_function() {
	echo 1 >"$pci/devices/$device/reset"
}

recover() {
	echo 3 >"$debug/recover"
}

# A new start: what was armed is not, and no recovery was. The device stays awake,
# so that what happens to it happens in what is tested.
begin() {
	inject none
	unbind && bind && is_bound && echo on >"$pci/devices/$device/power/control"
}

# Everything is well, with a driver that knows of nothing.
works_anew() {
	begin && run_jobs 10
}

# happened ORDER: as often as was ordered.
happened() {
	local kind=${1%%:*} rest=${1#*:}
	local count=${rest%%:*}
	[ "$rest" != "$1" ] || count=1
	grep -qE "^$kind: 0 left, [0-9]+ done" "$debug/inject" && return
	echo "$count times $kind was ordered:"
	cat "$debug/inject"
	return 1
}

# jobs_do_well ORDER...: none of them is lost.
jobs_do_well() {
	local order
	begin || return
	for order; do
		inject "$order" && run_jobs 20 && happened "$order" && continue
		echo "$order"
		return 1
	done
}

# jobs_end ORDER...: with whatever result; others do well afterwards.
jobs_end() {
	local order
	for order; do
		begin && inject "$order" || return
		"$here/job" 20 2>&1
		happened "$order" && inject none && run_jobs 10 && continue
		echo "$order"
		return 1
	done
}

# The device may be dead, or about to die: if need be its function is reset.
bring_back() {
	if ! is_bound && ! bind 2>/dev/null; then
		reset_function
		bind || return
	fi
	inject none
	run_jobs 5 2>/dev/null || reset_function
	works_anew
}

# dies_with COMMAND...: at the first access of the command, then later ones.
dies_with() {
	local after
	for after in 0 1 3 10 25; do
		begin && inject "dead:1:$after" || return
		"$@" 2>&1
		bring_back && continue
		echo "after $after accesses"
		return 1
	done
}

run_or_fail() {
	"$here/job" 20 || true
}

hang_and_die() {
	begin || return
	hang_and hang "Connection timed out" inject dead && bring_back
}

# On its way through unbinding and probing.
probe_and_die() {
	local after failed=0
	for ((after = 0; after < 120; after += 6)); do
		begin && inject "dead:1:$after" && unbind || return
		bind 2>/dev/null || failed=$((failed + 1))
		bring_back && continue
		echo "after $after accesses"
		return 1
	done
	[ "$failed" -gt 0 ] && return
	echo "no probe failed"
	return 1
}

# No reset that the driver makes brings it back.
is_lost_for_long() {
	begin && inject "dead:1:0:4" || return
	"$here/job" 1 2>/dev/null && return 1
	said "the device is lost" || return
	unbind
	for _ in 1 2 3 4 5; do
		reset_function
	done
	bind && run_jobs 10
}

unload_dead() {
	begin && inject dead && unload
	reset_function
	load && is_bound && run_jobs 10
}

bad_orders() {
	local order
	for order in "" dead:1:2:3:4 dead: dead:x dead:-1 dead:4294967296 \
		undead "dead 1" "$(printf 'x%.0s' {1..100})"; do
		inject "$order" 2>/dev/null || continue
		echo "taken: '$order'"
		return 1
	done
	! grep -v ": 0 left, " "$debug/inject"
}

unload 2>/dev/null
check "loaded" load
[ -w "$debug/inject" ] || {
	echo "1..0 # SKIP needs debugfs and a device with inject=on"
	exit 4
}
mark_log
check "orders that are none" bad_orders
check "interrupts get lost" jobs_do_well irq-drop:1:2
check "interrupts come twice" jobs_do_well irq-twice:20
check "interrupts storm" jobs_do_well irq-spurious:500
check "events are late" jobs_do_well event-late:3:0:20000
check "events come twice" jobs_do_well event-twice:5
check "events never come" jobs_end event-never:1:{0,3}
check "events are garbage" jobs_end event-garbage:1:{0,3}
check "the event ring is corrupt" jobs_end ring-tail:1:{0,4}
check "commands are garbage" jobs_end command-garbage:1:{0,3,7}
check "a core's accesses fail" jobs_end dma-core:1:{0,1,2,3,4}
check "the controller's accesses fail" jobs_end dma-controller:1:{0,40,90}
check "the firmware traps" jobs_end fw-trap:1:{0,5,12}
check "the crash is reported" said "firmware crashed"
check "the firmware hangs" jobs_end fw-hang:1:{0,5}
check "the device dies in a job" dies_with run_or_fail
check "the device dies while a job hangs" hang_and_die
check "the device dies in a recovery" dies_with recover
check "the device dies when it is unbound" dies_with unbind
check "the device dies in probe" probe_and_die
check "the device dies for long" is_lost_for_long
check "a dead device's driver is unloaded" unload_dead
check "all is well" works_anew
finish
