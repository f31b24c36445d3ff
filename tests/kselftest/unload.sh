#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The driver comes and goes: loaded and unloaded many times, unbound, its device
# removed and reset with a job running, and back again.

# shellcheck disable=SC2317 # check() calls the functions
# shellcheck source-path=SCRIPTDIR source=driver.sh
. "$(dirname "$0")/driver.sh"

cycles=50
greeting=("[drm] Initialized tinynpu" "multipliers at")

load_and_unload() {
	local i
	for ((i = 1; i <= cycles; i++)); do
		load && is_bound && run_jobs 10 && unload && continue
		echo "cycle $i of $cycles"
		return 1
	done
}

# With the device open the module stays, and works.
unload_while_open() {
	local node status=0
	node=$(basename "$pci/devices/$device/accel/"*)
	exec 9<>"/dev/accel/$node"
	if rmmod tinynpu 2>/dev/null; then
		echo "the module went away under an open file"
		status=1
	fi
	exec 9>&-
	[ "$status" = 0 ] && run_jobs 5
}

unbind() {
	echo "$device" >"$pci_driver/unbind" && ! is_bound
}

bind() {
	echo "$device" >"$pci_driver/bind" && is_bound
}

remove_device() {
	echo 1 >"$pci/devices/$device/remove" && ! is_bound
}

rescan() {
	echo 1 >"$pci/rescan" && is_bound
}

reset_function() {
	echo 1 >"$pci/devices/$device/reset"
}

unload 2>/dev/null
mark_log
check "loaded and unloaded $cycles times, with jobs each time" load_and_unload
check "nothing else was said" said_only "${greeting[@]}"
mark_log
check "loaded" load
check "an open file keeps the module" unload_while_open
check "unbound while a job runs" hang_and hang "No such device" unbind
check "bound again" bind
check "jobs run" run_jobs 10
check "unbound while a bind waits" hang_and bind "No such device" unbind
check "bound once more" bind
check "unbound while a user-mode queue runs" hang_and user "No such device" \
	unbind
check "bound for that" bind
check "removed while a job runs" hang_and hang "No such device" \
	remove_device
check "found again" rescan
check "jobs run again" run_jobs 10
check "nothing else was said by then" said_only "${greeting[@]}"
mark_log
check "reset while a job runs" hang_and hang "Input/output error" reset_function
check "jobs run after the reset" run_jobs 10
check "the reset was noticed" said "the PCI function was reset: recovering"
check "unloaded" unload
check "loaded at last" load
finish
