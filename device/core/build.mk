# SPDX-License-Identifier: MIT
#
# libcore.a: the machine, to be linked into a host (QEMU, the simulator). The
# units' own files are listed in units.mk.

core-objs := \
	device/core/boot.o \
	device/core/controller.o \
	device/core/core.o \
	device/core/hazard.o \
	device/core/host.o \
	device/core/inject.o \
	device/core/job.o \
	device/core/memory.o \
	device/core/mmu.o \
	device/core/power.o \
	device/core/rv32.o \
	device/core/rv32_decode.o \
	device/core/rv32_expand.o \
	device/core/rv32_fast.o \
	device/core/rv32_x86.o \
	device/core/unit.o

-include device/core/units.mk

$(addprefix $(B)/,$(core-objs)): CPPFLAGS += -Idevice/core

$(B)/libcore.a: $(addprefix $(B)/,$(core-objs))
