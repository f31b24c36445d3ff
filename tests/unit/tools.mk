# SPDX-License-Identifier: MIT
#
# Tests of the command's parts.

unit-tests += picture
picture-objs := tools/image.o tools/tool.o
picture-libs := -lpng -lm

unit-tests += dump
dump-objs := tools/dump.o
dump-libs := -ljansson

$(B)/tests/unit/picture_test.o: CPPFLAGS += -Ilibtinynpu/include
