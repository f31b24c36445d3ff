# SPDX-License-Identifier: MIT
#
# Measurements: `make bench` runs $(benches) one after the other; each prints
# what it measured. Those below $(B) are built first, and $(bench-programs), which
# the others start.

-include $(sort $(filter-out tests/bench/build.mk,$(wildcard tests/bench/*.mk)))

bench: vm-parts
	$(Q)+$(submake) build-benches
	$(Q)export B=$(B); for b in $(benches); do $$b || exit 1; echo; done

# Expanded when all fragments have been read.
.SECONDEXPANSION:
build-benches: $$(filter $(B)/%,$$(benches)) $$(bench-programs)
	@:

.PHONY: bench build-benches
