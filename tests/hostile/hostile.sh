#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The driver with firmware that misbehaves (firmware.c, in IMAGES): whatever it
# does, each job ends, the kernel stays well, and the next firmware works. Runs
# in the guest, beside driver.sh and job of tests/kselftest.
#
#   hostile.sh IMAGES TOOL

# shellcheck disable=SC2317 # check() calls the functions
# shellcheck source-path=SCRIPTDIR/../kselftest source=driver.sh
. "$(dirname "$0")/driver.sh"

images=$1
tool=$2
path_file=/sys/module/firmware_class/parameters/path
old_path=$(<"$path_file")
work=$(mktemp -d)
trap 'printf "%s" "${old_path:-/}" >"$path_file"; rm -rf "$work"' EXIT

# use BEHAVIOUR: load the driver with such firmware.
use() {
	cp "$images/$1.bin" "$work/tinynpu.bin"
	printf '%s' "$work" >"$path_file"
	mark_log
	modprobe tinynpu job_timeout_ms=100 && is_bound
}

# ends BEHAVIOUR HOW TEXT: a job that never ends by itself ends so, and the log
# has TEXT.
ends() {
	local status=0 output
	use "$1" || return
	output=$(timeout 240 "$here/job" hang 2>&1) || status=$?
	if [[ $output != *"$2"* ]]; then
		echo "exit status $status: $output"
		status=1
	else
		status=0
	fi
	[ -z "$3" ] || said "$3" || status=1
	unload && return "$status"
}

# refused BEHAVIOUR TEXT: the driver does not take the device, and says that.
refused() {
	local status=0
	if use "$1"; then
		echo "the device was bound"
		status=1
	fi
	said "$2" || status=1
	unload && return "$status"
}

# Counters that the firmware says it has written, but has not.
has_no_counters() {
	local error status=1
	use babbling || return
	if error=$(cat "/sys/kernel/debug/accel/$device/counters" 2>&1); then
		echo "read: $error"
	elif [[ $error == *"Input/output error"* ]]; then
		status=0
	fi
	unload && return "$status"
}

# climbed RUNG...: the last one was climbed once, with success, and those before.
climbed() {
	local rung status=0
	for rung; do
		said "recovery: $rung" || status=1
	done
	return "$status"
}

# ends_by BEHAVIOUR HOW RUNG...: likewise, and these rungs were climbed.
ends_by() {
	ends "$1" "$2" "" && shift 2 && climbed "$@"
}

# Somebody resets the function while a recovery is under way that will want to.
is_reset_meanwhile() {
	use silent || return
	timeout 240 "$here/job" hang >/dev/null 2>&1 &
	while ! new_log | grep -q recovering; do :; done
	echo 1 >"$pci/devices/$device/reset" || return
	wait
	unload
}

# Of three queues one has a job that does not move, one a job that does, one a job
# that waits: each is told its own.
tells_who_is_guilty() {
	local output wanted
	wanted="0: Connection timed out, reason 2
1: Input/output error, reason 3
2: Success, reason 0"
	use blaming || return
	output=$(timeout 240 "$here/job" blame 2>&1)
	unload || return
	[ "$output" = "$wanted" ] && return
	echo "$output"
	return 1
}

# leaves_dump BEHAVIOUR HOW TEXT...: likewise, and the dump says all that.
leaves_dump() {
	local text output status=0
	drop_dumps
	ends "$1" "$2" "" || return
	output=$("$tool" inspect "$(find_dumps)") || return
	"$tool" inspect --json "$(find_dumps)" >/dev/null || return
	shift 2
	for text; do
		[[ $output == *"$text"* ]] || status=1
	done
	[ "$status" = 0 ] || echo "$output"
	return "$status"
}

cap_file() {
	compgen -G "$pci/devices/$device/hwmon/hwmon*/power1_cap"
}

# keeps_cap MICROWATTS: that is the cap that the driver tells.
keeps_cap() {
	[ "$(<"$(cap_file)")" = "$1" ] && return
	echo "the power cap is $(<"$(cap_file)")"
	return 1
}

# take_cap MICROWATTS [ERROR]: it is set, or that is why it isn't.
take_cap() {
	local output
	output=$({ echo "$1" >"$(cap_file)"; } 2>&1)
	[ -z "$output" ] && [ -z "${2:-}" ] && return
	[ -n "${2:-}" ] && [[ $output == *"$2"* ]] && return
	echo "power cap of $1: $output"
	return 1
}

# use_capped BEHAVIOUR: likewise, with a cap of a watt. It stays awake.
use_capped() {
	use "$1" && echo on >"$pci/devices/$device/power/control" &&
		take_cap 1000000 && keeps_cap 1000000
}

recover() {
	echo 3 >"/sys/kernel/debug/accel/$device/recover"
}

refuses_a_second_cap() {
	use_capped lawless && take_cap 2000000 "Input/output error" &&
		keeps_cap 1000000 && recover && keeps_cap 1000000 &&
		said "recovery: firmware restart" && not_said "does not take over"
}

takes_cap_when_booted_anew() {
	use_capped stunned && said "the firmware does not answer: recovering" &&
		climbed "firmware restart"
}

takes_cap_after_function_reset() {
	use_capped fickle && recover && keeps_cap 1000000 &&
		climbed "firmware restart failed" "function reset" &&
		not_said "the device is lost"
}

never_answers() {
	use stubborn && echo on >"$pci/devices/$device/power/control" &&
		take_cap 1000000 "Input/output error" &&
		said "the new firmware does not take over" &&
		said "the device is lost"
}

no_longer_knows_limits() {
	use_capped senile || return
	recover
	said "does not take over: -EOPNOTSUPP" && said "the device is lost"
}

# limited COMMAND...: of firmware that has its own mind about limits.
limited() {
	local status=0
	"$@" || status=1
	unload && return "$status"
}

mountpoint -q /sys/kernel/debug ||
	mount -t debugfs none /sys/kernel/debug 2>/dev/null

works() {
	printf '%s' "${old_path:-/}" >"$path_file"
	load && is_bound && run_jobs 10 && unload
}

unload 2>/dev/null
check "silent: the device is lost" \
	ends silent "Input/output error" "recovery failed: the device is lost"
check "refusing: no queue" ends refusing "Input/output error" ""
check "forgetful: the job is taken away" \
	ends forgetful "ended: Connection timed out" "neither runs nor stops"
check "pretending: the job is taken away" \
	ends pretending "ended: Connection timed out" "neither runs nor stops"
check "babbling: the job ends as it should" \
	ends babbling "ended: Success" "firmware ends job"
check "babbling: the counters are none" has_no_counters
check "babbling: a power cap is set" limited use_capped babbling
check "confused: the job has failed" \
	ends confused "ended: Input/output error" ""
check "corrupting: the device is recovered" \
	ends corrupting "ended: Input/output error" "corrupt event ring"
check "complaining: the queue is banned" \
	ends complaining "ended: Operation canceled" "q0: job 0: status"
check "running ahead: the job is taken away" \
	ends runahead "ended: Connection timed out" "neither runs nor stops"
check "crashing: the device is recovered" \
	ends crashing "ended: Input/output error" "firmware crashed"
if [ -d /sys/class/devcoredump ]; then
	check "crashing: the dump tells" leaves_dump crashing \
		"ended: Input/output error" "the firmware does not" \
		"state              crashed" "mcause             0x2" \
		"op queue create" "ring_head 1, ring_tail 1, job 1,"
	check "pretending: the dump tells who is guilty" leaves_dump \
		pretending "ended: Connection timed out" \
		"a job neither runs nor stops" "state              ready" \
		"flags 0x6, status ok" "op core reset"
else
	skip "dumps" "no devcoredump"
fi
check "blaming: guilty and innocent are told apart" tells_who_is_guilty
check "deaf: the queue is reset" ends_by deaf "ended: Connection timed out" \
	"job stop" "queue reset"
check "and nothing more" not_said "recovering"
check "numb: the core is reset" ends_by numb "ended: Connection timed out" \
	"job stop" "queue reset failed" "core reset"
check "and nothing more" not_said "recovering"
check "stillborn: the function is reset" ends_by stillborn \
	"ended: Input/output error" "firmware restart failed" "function reset"
check "and is not lost" not_said "the device is lost"
check "pretending: every rung is climbed" ends_by pretending \
	"ended: Connection timed out" "job stop" "queue reset failed" \
	"core reset" "firmware restart"
check "silent: up to the last" ends_by silent "Input/output error" \
	"firmware restart" "wedged"
check "silent: reset by others, too" is_reset_meanwhile
check "declining: it is told why" refused declining \
	"refuses to run: it cannot use the rings"
check "dawdling: it is not waited for any longer" refused dawdling \
	"does not get ready"
check "foreign: it is not spoken to" refused foreign \
	"which was not offered"
check "storming: the device is recovered" \
	ends storming "ended: Input/output error" "recovering"
check "lawless: the old limits hold" limited refuses_a_second_cap
check "stunned: a recovery sets them" limited takes_cap_when_booted_anew
check "fickle: a function reset sets them" limited takes_cap_after_function_reset
check "stubborn: the device is lost" limited never_answers
check "senile: it does not run without them" limited no_longer_knows_limits
check "good firmware works" works
check "and stays" load
finish
