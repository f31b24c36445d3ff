# SPDX-License-Identifier: MIT
#
# libcore.a: the machine, to be linked into a host (QEMU, the simulator).

core-objs := \
	device/core/mmu.o \
	device/core/rv32.o \
	device/core/rv32_expand.o

$(addprefix $(B)/,$(core-objs)): CPPFLAGS += -Idevice/core

$(B)/libcore.a: $(addprefix $(B)/,$(core-objs))
