# SPDX-License-Identifier: MIT
#
# Tests of the library and of the simulator in it. They are linked with the
# objects, because the shared library shows only what is public.

library-parts := $(libtinynpu-objs) $(board-objs) libcore.a

unit-tests += sim
sim-objs := $(library-parts)
sim-libs := $(libtinynpu-libs)



unit-tests += program
program-objs := tests/unit/tnp_image.o $(library-parts)
program-libs := $(libtinynpu-libs)

unit-tests += lib
lib-objs := tests/unit/tnp_image.o $(library-parts)
lib-libs := $(libtinynpu-libs)

$(addprefix $(B)/tests/unit/,lib_test.o program_test.o sim_test.o): \
	CPPFLAGS += -Ilibtinynpu/include
