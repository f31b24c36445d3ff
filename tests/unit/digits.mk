# SPDX-License-Identifier: MIT
#
# The example model through the compiler.

unit-tests += digits
digits-objs := libtnc.a
digits-libs := $(tnc-libs)

$(B)/tests/unit/digits_test.o: CPPFLAGS += -I.
