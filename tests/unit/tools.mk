# SPDX-License-Identifier: MIT
#
# Tests of the command's parts.

unit-tests += picture
picture-objs := tools/image.o tools/tool.o
picture-libs := -lpng -lm

$(B)/tests/unit/picture_test.o: CPPFLAGS += -Ilibtinynpu/include
