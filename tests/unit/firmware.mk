# SPDX-License-Identifier: MIT
#
# Tests of the firmware: compiled for the host, on a board of the tests' own.

unit-tests += firmware
firmware-objs := tests/unit/firmware_board.o libfirmware.a

unit-tests += ring
ring-objs := tests/unit/firmware_board.o libfirmware.a
