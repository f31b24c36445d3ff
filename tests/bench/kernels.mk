# SPDX-License-Identifier: MIT
#
# How fast the MAC unit's loops are on this host.

benches += $(B)/tests/bench/kernels_bench

$(B)/tests/bench/kernels_bench.o: CPPFLAGS += -Idevice/core

$(B)/tests/bench/kernels_bench: $(B)/tests/bench/kernels_bench.o $(B)/libcore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^
