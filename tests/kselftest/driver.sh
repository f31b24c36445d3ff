# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Shared by the scripts that load and unload the driver: TAP, the module, the
# kernel's log. To be sourced.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
pci=/sys/bus/pci
pci_driver=$pci/drivers/tinynpu
tests=0
failed=0
# A job that hangs is not to time out before the test has done to it what it wants,
# however slow the machine is.
timeout_ms=50000

skip_all() {
	echo "1..0 # SKIP $*"
	exit 4
}

# check NAME COMMAND...: one test, passed if COMMAND succeeds.
check() {
	local name=$1 output
	shift
	tests=$((tests + 1))
	if output=$("$@" 2>&1); then
		echo "ok $tests - $name"
	else
		[ -z "$output" ] || echo "# ${output//$'\n'/$'\n'# }"
		echo "not ok $tests - $name"
		failed=1
	fi
}

# skip NAME WHY: a test that this kernel can't do.
skip() {
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

finish() {
	echo "1..$tests"
	exit "$failed"
}

# The PCI address of the first TinyNPU.
find_device() {
	local device
	for device in "$pci"/devices/*; do
		if [ "$(<"$device/vendor")" = 0x1b36 ] &&
			[ "$(<"$device/device")" = 0x7e01 ]; then
			basename "$device"
			return
		fi
	done
	return 1
}

is_bound() {
	[ -e "$pci_driver/$device" ]
}

load() {
	modprobe tinynpu job_timeout_ms="$timeout_ms"
}

unload() {
	modprobe -r tinynpu
}

run_jobs() {
	"$here/job" "$1"
}

# hang_and WHAT ERROR COMMAND...: do it while WHAT, a job or a bind, never ends;
# it has to end then, with that error.
hang_and() {
	local line job what=$1 error=$2
	shift 2
	coproc JOB { "$here/job" "$what"; }
	job=$JOB_PID
	exec 8<&"${JOB[0]}"
	read -r line <&8
	[ "$line" = hangs ] || {
		echo "nothing hangs"
		return 1
	}
	"$@" || return
	read -r line <&8
	exec 8<&-
	wait "$job" || return
	[ "$line" = "ended: $error" ] && return
	echo "the $what $line"
	return 1
}

# The dumps that devices have left.
find_dumps() {
	local dump
	for dump in /sys/class/devcoredump/*/data; do
		[ ! -e "$dump" ] || echo "$dump"
	done
}

# Have the kernel forget them. It takes its time: a new dump before the link that
# the device has is gone, too, would be one too many. Of two dumps one may be that
# of a device that was removed since, from the same place.
drop_dumps() {
	local dump path links=()
	for dump in $(find_dumps); do
		links+=("$(realpath "${dump%data}failing_device")/devcoredump")
		echo 0 >"$dump"
	done
	for path in "${links[@]}"; do
		while [ -L "$path" ]; do :; done
	done
	while [ -n "$(find_dumps)" ]; do :; done
}

# Everything the kernel says from here on is what said() looks at.
mark_log() {
	mark="tinynpu selftest $$ $RANDOM"
	echo "$mark" >/dev/kmsg
}

new_log() {
	dmesg | sed "1,/$mark/d"
}

# said TEXT: the driver has said so since mark_log.
said() {
	new_log | grep tinynpu | grep -qF -- "$1" && return
	echo "not in the log: $1"
	new_log
	return 1
}

# not_said TEXT: the driver has not said so since mark_log.
not_said() {
	! said "$1" >/dev/null && return
	echo "in the log: $1"
	return 1
}

# The driver has said nothing but what the arguments allow.
said_only() {
	local log allowed
	log=$(new_log | grep tinynpu)
	for allowed; do
		log=$(grep -vF -- "$allowed" <<<"$log")
	done
	[ -z "$log" ] && return
	echo "unexpected in the log: $log"
	return 1
}

[ "$(id -u)" = 0 ] || skip_all "needs root"
modprobe -n tinynpu 2>/dev/null || skip_all "needs the module tinynpu"
device=$(find_device) || skip_all "needs a TinyNPU"
