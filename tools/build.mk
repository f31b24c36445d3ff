# SPDX-License-Identifier: MIT
#
# The command `tinynpu`. The library is linked in statically, so that the one
# file works wherever it is put.

tool-objs := \
	device/sim/options.o \
	libtinynpu/error.o \
	tools/bench.o \
	tools/classes.o \
	tools/compile.o \
	tools/device_json.o \
	tools/dump.o \
	tools/events.o \
	tools/fill.o \
	tools/image.o \
	tools/info.o \
	tools/inspect.o \
	tools/known.o \
	tools/limit.o \
	tools/model.o \
	tools/peak.o \
	tools/plugin.o \
	tools/profile/chart.o \
	tools/profile/chart_roofline.o \
	tools/profile/chart_time.o \
	tools/profile/command.o \
	tools/profile/driver.o \
	tools/profile/html.o \
	tools/profile/json.o \
	tools/profile/map.o \
	tools/profile/names.o \
	tools/profile/path.o \
	tools/profile/perfetto.o \
	tools/profile/print.o \
	tools/profile/record.o \
	tools/profile/resources.o \
	tools/profile/svg.o \
	tools/quantise.o \
	tools/report.o \
	tools/run.o \
	tools/samples.o \
	tools/telemetry.o \
	tools/tinynpu.o \
	tools/tool.o \
	tools/top.o \
	tools/verify.o \
	tools/vm.o

$(B)/tools/%.o: CPPFLAGS += -Ilibtinynpu/include
$(B)/tools/telemetry.o: CPPFLAGS += -Iuapi $(shell pkg-config --cflags libnl-genl-3.0)

$(B)/tools/profile/resources.o: tools/profile/report.css tools/profile/report.js
$(B)/tools/profile/resources.o: CPPFLAGS += -DPROFILE_RESOURCES='"tools/profile"'

# Its sums have to stay in registers.
$(B)/tools/peak.o: CFLAGS += -O3

$(B)/tools/tinynpu: $(addprefix $(B)/,$(tool-objs) libtinynpu.a libtnc.a)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(libtinynpu-libs) $(tnc-libs) \
		-lpng -ljansson -lm $(shell pkg-config --libs libnl-genl-3.0)

$(B)/tools/host-clock: $(B)/tools/host_clock.o
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

all: $(B)/tools/tinynpu $(B)/tools/host-clock

install: install-tools

# `tinynpu vm` works in the source tree only: it needs what is built there.
install-tools: $(B)/tools/tinynpu $(B)/firmware/tinynpu.bin
	$(call say,INSTALL,$(DESTDIR)$(PREFIX)/bin)
	$(Q)install -d $(DESTDIR)$(PREFIX)/bin \
		$(DESTDIR)$(PREFIX)/lib/firmware
	$(Q)install -m 755 $(B)/tools/tinynpu $(DESTDIR)$(PREFIX)/bin
	$(Q)install -m 644 $(B)/firmware/tinynpu.bin \
		$(DESTDIR)$(PREFIX)/lib/firmware

.PHONY: install-tools

# From the file to the result; they find the build by $B.
export B
host-tests += tests/e2e-budgets tests/e2e-cli tests/e2e-hello tests/e2e-models \
	tests/e2e-profile
vm-tests += tests/vm/e2e
