# SPDX-License-Identifier: MIT
#
# Unit tests of the compiler.

unit-tests += ref
ref-objs := tests/unit/models.o libtnc.a
ref-libs := -ljansson $(tnc-libs)

$(addprefix $(B)/tests/unit/,models.o ref_test.o): CPPFLAGS += -I.
