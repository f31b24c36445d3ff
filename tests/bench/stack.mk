# SPDX-License-Identifier: MIT
#
# What the driver's calls cost in the VM, and what models cost on the simulator.

benches += tests/bench/modelled tests/bench/models tests/bench/rivals tests/bench/driver

bench-programs := \
	$(B)/tests/bench/count_plugin.so \
	$(B)/tests/bench/driver_bench \
	$(B)/tests/bench/model_bench

$(B)/tests/bench/driver_bench.o: CPPFLAGS += -Itests/kselftest \
	$(shell pkg-config --cflags libdrm)

$(B)/tests/bench/driver_bench: $(B)/tests/bench/driver_bench.o
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

$(B)/tests/bench/model_bench.o: CPPFLAGS += -Ilibtinynpu/include -Itests/unit -Itools

$(B)/tests/bench/model_bench: $(B)/tests/bench/model_bench.o \
		$(B)/tests/unit/tnp_image.o $(B)/tools/fill.o $(B)/tools/peak.o \
		$(B)/libtinynpu.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(libtinynpu-libs)

# Loaded by QEMU, which brings the functions that it calls.
$(B)/tests/bench/count_plugin.so: tests/bench/count_plugin.c tests/bench/marks.h
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -shared -o $@ $< \
		-isystem "$$(device/qemu/build --headers)"
