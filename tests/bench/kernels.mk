# SPDX-License-Identifier: MIT
#
# How fast the MAC unit's loops are on this host.

benches += $(B)/tests/bench/kernels_bench

$(B)/tests/bench/kernels_bench.o $(B)/tests/bench/plain.o: CPPFLAGS += -Idevice/core
$(B)/tests/bench/kernels_bench.o: CPPFLAGS += -Itools
$(B)/tests/bench/plain.o: CFLAGS += -O3

$(B)/tests/bench/kernels_bench: $(B)/tests/bench/kernels_bench.o \
		$(B)/tests/bench/plain.o $(B)/tools/peak.o $(B)/libcore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^
