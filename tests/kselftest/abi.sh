#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Versions of the protocol between driver and firmware: old firmware with this
# driver, and this firmware with an old driver, run jobs and say of what is
# missing that it is. Then what the firmware logs and counts.

# shellcheck disable=SC2317 # check() calls the functions
# shellcheck source-path=SCRIPTDIR source=driver.sh
. "$(dirname "$0")/driver.sh"

path_file=/sys/module/firmware_class/parameters/path
old_firmware=$here/tinynpu-abi1.bin
debugfs=/sys/kernel/debug
mountpoint -q "$debugfs" || mount -t debugfs debugfs "$debugfs" ||
	skip_all "needs debugfs"
work=$(mktemp -d)
old_path=$(<"$path_file")
clean_up() {
	printf '%s' "${old_path:-/}" >"$path_file"
	rm -rf "$work"
}
trap clean_up EXIT

# load_with PARAMETER...: load the driver anew. The device stays awake, since its
# counters begin anew when it has slept.
load_with() {
	unload 2>/dev/null
	modprobe tinynpu "$@" && is_bound &&
		echo on >"$pci/devices/$device/power/control"
}

dir() {
	echo "$debugfs/accel/$device"
}

speaks() {
	grep -qx "protocol: $1" "$(dir)/fw_state"
}

has_no_counters() {
	local error
	error=$(cat "$(dir)/counters" 2>&1) && return 1
	[[ $error == *"not supported"* ]]
}

# Both sides take version 1, and everything of version 2 is refused.
is_old() {
	load_with "$@" && speaks 1 && run_jobs 10 && "$here/job" old &&
		has_no_counters
}

old_firmware_works() {
	local status
	printf '%s' "$work" >"$path_file"
	cp "$old_firmware" "$work/tinynpu.bin" && is_old "$@"
	status=$?
	printf '%s' "${old_path:-/}" >"$path_file"
	return "$status"
}

# Counters, but neither limits nor a temperature.
is_between() {
	load_with fw_abi_max=2 && speaks 2 && run_jobs 10 &&
		grep -q "^core 0: .* 10 jobs, 0 faults" "$(dir)/counters" &&
		! compgen -G "$pci/devices/$device/hwmon/hwmon*/temp1_input" \
			"$pci/devices/$device/hwmon/hwmon*/power1_cap"
}

is_new() {
	load_with "$@" && speaks 3 && run_jobs 10 &&
		grep -q "^core 0: .* 10 jobs, 0 faults" "$(dir)/counters"
}

# logs LEVEL TEXT: firmware whose level is that logs such a line.
logs() {
	load_with "fw_log_level=$1" && run_jobs 1 &&
		grep -q "$2" "$(dir)/fw_log"
}

logs_less() {
	! logs 1 "debug: queue"
}

level_changes() {
	load_with && [ "$(<"$(dir)/fw_log_level")" = 1 ] &&
		echo 2 >"$(dir)/fw_log_level" && run_jobs 1 &&
		grep -q "debug: queue" "$(dir)/fw_log"
}

level_outlasts_recovery() {
	echo 1 >"$(dir)/recover" && run_jobs 1 &&
		grep -q "debug: queue" "$(dir)/fw_log"
}

bad_level_is_refused() {
	local level
	for level in 3 4294967297; do
		! { echo "$level" >"$(dir)/fw_log_level"; } 2>/dev/null ||
			return
	done
	[ "$(<"$(dir)/fw_log_level")" = 2 ]
}

check "both are new" is_new
check "an old driver" is_old fw_abi_max=1
check "a driver in between" is_between
check "a driver that is older than the first" is_old fw_abi_max=0
check "a driver from the future" is_new fw_abi_max=9
if [ -e "$old_firmware" ]; then
	check "old firmware" old_firmware_works
	check "both are old" old_firmware_works fw_abi_max=1
fi
check "all is logged" logs 2 "debug: queue"
check "less is logged" logs_less
check "the level changes" level_changes
check "it outlasts a recovery" level_outlasts_recovery
check "there is no such level" bad_level_is_refused
unload
check "the driver is back" load
finish
