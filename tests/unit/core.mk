# SPDX-License-Identifier: MIT
#
# Tests of the machine's processor, memory management unit and machine.

unit-tests += inject
inject-objs := tests/unit/board.o libcore.a
inject-libs := -lnettle

unit-tests += machine
machine-objs := tests/unit/board.o libcore.a
machine-libs := -lnettle -pthread

unit-tests += mmu
mmu-objs := libcore.a

unit-tests += power
power-objs := tests/unit/board.o libcore.a
power-libs := -lnettle

unit-tests += rv32
rv32-objs := libcore.a
rv32-libs := -Wl,--wrap=mprotect

$(B)/tests/unit/board.o: CPPFLAGS += -Idevice/core
$(B)/tests/unit/inject_test.o: CPPFLAGS += -Idevice/core
$(B)/tests/unit/machine_test.o: CPPFLAGS += -Idevice/core
$(B)/tests/unit/mmu_test.o: CPPFLAGS += -Idevice/core
$(B)/tests/unit/power_test.o: CPPFLAGS += -Idevice/core
$(B)/tests/unit/rv32_test.o: CPPFLAGS += -Idevice/core
