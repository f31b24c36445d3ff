# SPDX-License-Identifier: MIT
#
# Measurements: `make bench` runs $(benches) one after the other; each prints
# what it measured. Those below $(B) are built first.

-include $(sort $(filter-out tests/bench/build.mk,$(wildcard tests/bench/*.mk)))

# Expanded when all fragments have been read.
.SECONDEXPANSION:
bench: $$(filter $(B)/%,$$(benches))
	$(Q)for b in $(benches); do $$b || exit 1; echo; done

.PHONY: bench
