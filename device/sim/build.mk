# SPDX-License-Identifier: MIT
#
# The simulator: objects that go into libtinynpu, with the firmware in them.

board-objs := \
	device/sim/board.o \
	device/sim/context.o \
	device/sim/firmware.o \
	device/sim/jobs.o \
	device/sim/memory.o \
	device/sim/options.o \
	device/sim/pagetable.o

$(addprefix $(B)/,$(board-objs)): CPPFLAGS += -Idevice/core -Ilibtinynpu/include

$(B)/device/sim/firmware.o: $(B)/firmware/tinynpu.bin
$(B)/device/sim/firmware.o: CPPFLAGS += \
	-DSIM_FIRMWARE_IMAGE='"$(B)/firmware/tinynpu.bin"'
