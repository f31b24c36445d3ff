# SPDX-License-Identifier: MIT
#
# Tests of the firmware: compiled for the host, on a board of the tests' own.

unit-tests += firmware
firmware-objs := tests/unit/firmware_board.o libfirmware.a

unit-tests += fair
fair-objs := tests/unit/firmware_board.o libfirmware.a

unit-tests += limits
limits-objs := tests/unit/firmware_board.o libfirmware.a

unit-tests += ring
ring-objs := tests/unit/firmware_board.o libfirmware.a

unit-tests += user_ring
user_ring-objs := tests/unit/firmware_board.o libfirmware.a

unit-tests += image
image-objs := libcore.a
image-libs := -lnettle

$(B)/tests/unit/image_test.o: CPPFLAGS += -Idevice/core
$(B)/tests/unit/image_test.o: CPPFLAGS += \
	-DFIRMWARE_IMAGE='"$(B)/firmware/tinynpu.bin"' \
	-DFIRMWARE_ABI1='"$(B)/firmware/tinynpu-abi1.bin"'
$(B)/tests/unit/image_test.o: $(B)/firmware/tinynpu.bin \
	$(B)/firmware/tinynpu-abi1.bin
