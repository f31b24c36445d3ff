#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Devices go away, one of several at a time and all at once, in every way that
# there is and at bad moments: what processes have of a device outlives it, fences
# say ENODEV, and the other devices' jobs go on.

# shellcheck disable=SC2317 # check() calls the functions
# shellcheck source-path=SCRIPTDIR source=driver.sh
. "$(dirname "$0")/driver.sh"

rounds=5

# use DEVICE: what follows is about that one.
use() {
	device=$1
	NPU_NODE=/dev/accel/$(basename "$pci/devices/$device/accel/"accel*)
	export NPU_NODE
}

unbind() {
	echo "$device" >"$pci_driver/unbind" && ! is_bound
}

bind() {
	echo "$device" >"$pci_driver/bind" && is_bound
}

remove() {
	echo 1 >"$pci/devices/$device/remove" && ! is_bound
}

rescan() {
	echo 1 >"$pci/rescan" && is_bound
}

# The slot that the device is in, by its address.
find_slot() {
	local slot
	for slot in "$pci"/slots/*; do
		[ -e "$slot" ] || continue
		[ "$(<"$slot/address")" != "${device%.*}" ] || echo "$slot"
	done
}

# The slot's power goes off: QEMU takes the device away, as for device_del.
unplug() {
	echo 0 >"$(find_slot)/power" && [ ! -e "$pci/devices/$device" ]
}

# What QEMU has taken away does not come back.
leave() {
	! is_bound
}

# without_harm COMMAND...: do it; jobs that the other devices have had all the
# while go on.
without_harm() {
	local status=0 other jobs=() this=$device
	for other in "${devices[@]}"; do
		[ "$other" != "$this" ] || continue
		[ -e "$pci_driver/$other" ] || continue
		use "$other"
		"$here/job" 300 &
		jobs+=($!)
	done
	use "$this"
	"$@" || status=$?
	for other in "${jobs[@]}"; do
		wait "$other" || status=1
	done
	return "$status"
}

# each GO COME: each device in turn.
each() {
	local one
	for one in "${devices[@]}"; do
		use "$one"
		without_harm hang_and outlive "No such device" "$1" &&
			"$2" && use "$one" && run_jobs 5 && continue
		echo "device $one"
		return 1
	done
}

# all_at_once GO COME: a job hangs on each device.
all_at_once() {
	local one status=0 pids=()
	for one in "${devices[@]}"; do
		use "$one"
		hang_and outlive "No such device" "$1" &
		pids+=($!)
	done
	for one in "${pids[@]}"; do
		wait "$one" || status=1
	done
	for one in "${devices[@]}"; do
		device=$one
		"$2" || status=1
	done
	for one in "${devices[@]}"; do
		use "$one" && run_jobs 5 || status=1
	done
	return "$status"
}

# while_it COMMAND...: a job hangs, and the device is unbound while COMMAND is
# under way. The job's end depends on which is first.
while_it() {
	local i status
	for ((i = 0; i < rounds; i++)); do
		"$here/job" hang >/dev/null &
		"$@" 2>/dev/null &
		unbind
		status=$?
		wait
		[ "$status" = 0 ] && bind && use "$device" && run_jobs 5 &&
			continue
		echo "round $i"
		return 1
	done
}

recover_from() {
	echo "$1" >"/sys/kernel/debug/accel/$device/recover"
}

reset_function() {
	echo 1 >"$pci/devices/$device/reset"
}

# The last device of all stays, for who comes after us.
unplug_all_but_one() {
	local one
	for one in "${devices[@]:1}"; do
		use "$one"
		without_harm hang_and outlive "No such device" unplug &&
			leave && continue
		echo "device $one"
		return 1
	done
}

is_alone() {
	[ "$(find "$pci_driver/" -name '*:*' | wc -l)" = 1 ]
}

mountpoint -q /sys/kernel/debug ||
	mount -t debugfs none /sys/kernel/debug 2>/dev/null
unload 2>/dev/null
load
devices=()
for path in "$pci_driver"/*:*; do
	devices+=("$(basename "$path")")
done
echo "# ${#devices[@]} devices"
mark_log
check "unbound, one by one" each unbind bind
check "removed, one by one" each remove rescan
check "unbound all at once" all_at_once unbind bind
check "removed all at once" all_at_once remove rescan
use "${devices[0]}"
check "unbound during a restart of the firmware" while_it recover_from 3
check "unbound during a function-level reset" while_it recover_from 4
check "unbound while it is given up" while_it recover_from 5
check "unbound while somebody resets it" while_it reset_function
if [ -n "$(find_slot)" ]; then
	check "unplugged, one by one" unplug_all_but_one
	use "${devices[0]}"
	check "the last one works" run_jobs 10
	check "and is alone" is_alone
else
	skip "unplugged, one by one" "no slots that can be switched off"
fi
finish
