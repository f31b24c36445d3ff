# SPDX-License-Identifier: MIT
#
# The firmware's ends of the rings, on the board of its unit tests.

ring-fuzz-objs := tests/unit/firmware_board.o libfirmware.a
ring-fuzz-flags := -max_len=2048
