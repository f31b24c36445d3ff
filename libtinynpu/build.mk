# SPDX-License-Identifier: MIT
#
# libtinynpu.so and libtinynpu.a: the library with the simulator in it.

libtinynpu-version := 0.7.0
libtinynpu-soname := libtinynpu.so.0

# Operators on the CPU: the compiler computes with them, too.
cpu-objs := \
	libtinynpu/cpu/binary.o \
	libtinynpu/cpu/conv.o \
	libtinynpu/cpu/convert.o \
	libtinynpu/cpu/custom.o \
	libtinynpu/cpu/detection.o \
	libtinynpu/cpu/gather.o \
	libtinynpu/cpu/integer.o \
	libtinynpu/cpu/loop.o \
	libtinynpu/cpu/matmul.o \
	libtinynpu/cpu/move.o \
	libtinynpu/cpu/norm.o \
	libtinynpu/cpu/op.o \
	libtinynpu/cpu/order.o \
	libtinynpu/cpu/pool.o \
	libtinynpu/cpu/recurrent.o \
	libtinynpu/cpu/reduce.o \
	libtinynpu/cpu/resize.o \
	libtinynpu/cpu/tensor.o \
	libtinynpu/cpu/unary.o

# Plain loops over floats: let them be vectorised.
$(addprefix $(B)/,$(cpu-objs)): CFLAGS += -O3

libtinynpu-objs := \
	libtinynpu/custom.o \
	libtinynpu/device.o \
	libtinynpu/drm.o \
	libtinynpu/error.o \
	libtinynpu/job.o \
	libtinynpu/program.o \
	libtinynpu/program_cpu.o \
	libtinynpu/program_loop.o \
	libtinynpu/session.o \
	libtinynpu/session_cpu.o \
	libtinynpu/session_loop.o

# What it is linked of, for tests that look inside, too.
libtinynpu-parts := $(addprefix $(B)/,$(libtinynpu-objs) $(cpu-objs) \
	$(board-objs)) $(B)/libcore.a
libtinynpu-libs := -lelf -ldrm -lnettle -lm -pthread

$(addprefix $(B)/,$(libtinynpu-objs)): CPPFLAGS += -Ilibtinynpu/include \
	$(shell pkg-config --cflags libdrm) -DTINYNPU_VERSION='"$(libtinynpu-version)"'
# What is public is said once, in the map.
$(addprefix $(B)/,$(libtinynpu-objs)): CFLAGS += -fvisibility=default

$(B)/$(libtinynpu-soname): $(libtinynpu-parts) libtinynpu/libtinynpu.map
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -shared -Wl,-soname,$(libtinynpu-soname) \
		-Wl,--version-script,libtinynpu/libtinynpu.map \
		$(if $(SAN),,-Wl,-z,defs) -o $@ $(filter %.o %.a,$^) $(libtinynpu-libs)

$(B)/libtinynpu.so: $(B)/$(libtinynpu-soname)
	$(Q)ln -sf $(libtinynpu-soname) $@

# One object, in which only the public names are left global.
$(B)/libtinynpu/static.o: $(libtinynpu-parts)
	$(call say,LD,$@)
	$(Q)$(CC) -r -nostdlib -o $@.all $(filter %.o,$^) \
		-Wl,--whole-archive $(B)/libcore.a -Wl,--no-whole-archive
	$(Q)objcopy $(addprefix --keep-global-symbol=,\
		$(shell sed -n 's/^\t\(tinynpu_[a-z_]*\);/\1/p' \
			libtinynpu/libtinynpu.map)) $@.all $@
	$(Q)rm -f $@.all

$(B)/libtinynpu.a: $(B)/libtinynpu/static.o

all: $(B)/libtinynpu.so $(B)/libtinynpu.a

install: install-lib

install-lib: $(B)/$(libtinynpu-soname) $(B)/libtinynpu.a
	$(call say,INSTALL,$(DESTDIR)$(PREFIX)/lib)
	$(Q)install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig \
		$(DESTDIR)$(PREFIX)/include
	$(Q)install -m 755 $(B)/$(libtinynpu-soname) \
		$(DESTDIR)$(PREFIX)/lib/libtinynpu.so.$(libtinynpu-version)
	$(Q)ln -sf libtinynpu.so.$(libtinynpu-version) \
		$(DESTDIR)$(PREFIX)/lib/$(libtinynpu-soname)
	$(Q)ln -sf $(libtinynpu-soname) $(DESTDIR)$(PREFIX)/lib/libtinynpu.so
	$(Q)install -m 644 $(B)/libtinynpu.a $(DESTDIR)$(PREFIX)/lib
	$(Q)install -m 644 libtinynpu/include/tinynpu.h \
		$(DESTDIR)$(PREFIX)/include
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(libtinynpu-version)|' \
		libtinynpu/tinynpu.pc.in \
		>$(DESTDIR)$(PREFIX)/lib/pkgconfig/tinynpu.pc

.PHONY: install install-lib
