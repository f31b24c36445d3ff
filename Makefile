# SPDX-License-Identifier: MIT
#
# TinyNPU: everything is built from here, without recursion. Each directory
# adds its part in a fragment of its own (build.mk); all output goes below $(B).
#
#   make            the library, the tools and the firmware
#   make run        recognise the example digits (installs what is missing)
#   make check      every test, with QEMU and the VM (installs what is missing)
#   make check-host the tests that need no VM
#   make check-long what takes minutes: data races, fuzzing, a browser
#   make vm         a shell in a VM that has the device and the driver
#   make bench      measurements; nothing is asserted
#   make modules    the kernel module, against KDIR or the running kernel
#   make install    library, headers, tools and firmware below PREFIX
#
# Variants live in build directories of their own:
#   make B=build/asan SAN=1        address and undefined-behaviour sanitizers
#   make B=build/clang CC=clang

B ?= build
PREFIX ?= /usr/local
DESTDIR ?=
V ?=
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)')

CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
AR ?= ar
OPT ?= -O2
WARN := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes \
	-Wno-unused-parameter -Wno-sign-compare
CFLAGS += -std=gnu11 -g $(OPT) $(WARN) -fno-strict-aliasing -fPIC \
	-fvisibility=hidden -ffile-prefix-map=$(CURDIR)/=
CPPFLAGS += -Iuapi -D_GNU_SOURCE
ifneq ($(SAN),)
CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
LDFLAGS += -fsanitize=address,undefined
endif

# Where the models for tests are, if they are.
export MODELS ?= $(abspath ../shared/models)

all:

host-tests :=
vm-tests :=
unit-tests :=
benches :=
clean-files :=

fragments := \
	uapi/build.mk \
	device/core/build.mk \
	device/qemu/build.mk \
	firmware/build.mk \
	device/sim/build.mk \
	libtinynpu/build.mk \
	compiler/build.mk \
	driver/build.mk \
	tools/build.mk \
	examples/build.mk \
	tests/build.mk

-include $(fragments)

$(B)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/%.a:
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

clean:
	rm -rf $(B)

.PHONY: all clean
.DELETE_ON_ERROR:
.SECONDARY:

-include $(shell test -d $(B) && find $(B) -name '*.d')
