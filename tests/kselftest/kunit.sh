#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The driver's KUnit tests, where kernel and module have them: runs them by loading
# the module tinynpu-kunit, and prints its results without KTAP's nesting.

results=/sys/kernel/debug/kunit

skip_all() {
	echo "1..0 # SKIP $*"
	exit 4
}

# What is not indented says the same of a suite as a whole.
flatten() {
	awk '
		/^ +(1\.\.|# |(not )?ok )/ { sub(/^ +/, ""); print }
		/^(not )?ok / { is_whole = 1 }
		END { if (!is_whole) print "Bail out! no results" }
	' "$1"
}

[ "$(id -u)" = 0 ] || skip_all "needs root"
modprobe -n tinynpu-kunit 2>/dev/null || skip_all "needs the module tinynpu-kunit"
mountpoint -q /sys/kernel/debug ||
	mount -t debugfs none /sys/kernel/debug 2>/dev/null
modprobe tinynpu-kunit || {
	echo "Bail out! tinynpu-kunit can not be loaded"
	exit 1
}
for suite in tnpu_bind tnpu_pt tnpu_ring; do
	flatten "$results/$suite/results"
done | tee /tmp/kunit.tap
rmmod tinynpu-kunit
! grep -q '^not ok\|^Bail out' /tmp/kunit.tap
