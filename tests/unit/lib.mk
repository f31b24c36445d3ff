# SPDX-License-Identifier: MIT
#
# Tests of the library and of the simulator in it. They are linked with the
# objects, because the shared library shows only what is public.

library-parts := $(libtinynpu-objs) $(board-objs) libcore.a

unit-tests += sim
sim-objs := $(library-parts)
sim-libs := $(libtinynpu-libs)

$(B)/tests/unit/sim_test.o: CPPFLAGS += -Ilibtinynpu/include
