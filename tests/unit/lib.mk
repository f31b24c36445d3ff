# SPDX-License-Identifier: MIT
#
# Tests of the library and of the simulator in it. They are linked with the
# objects, because the shared library shows only what is public.

library-parts := $(libtinynpu-objs) $(cpu-objs) $(board-objs) libcore.a

unit-tests += sim
sim-objs := $(library-parts)
sim-libs := $(libtinynpu-libs)

unit-tests += cpu
cpu-libs := -lm

unit-tests += program
program-objs := tests/unit/tnp_image.o $(library-parts)
program-libs := $(libtinynpu-libs)

unit-tests += lib
lib-objs := tests/unit/tnp_image.o $(library-parts)
lib-libs := $(libtinynpu-libs)

unit-tests += alloc
alloc-objs := tests/unit/tnp_image.o $(library-parts)
alloc-libs := $(libtinynpu-libs) -Wl,--wrap=malloc,--wrap=calloc \
	-Wl,--wrap=realloc,--wrap=strndup,--wrap=posix_memalign \
	-Wl,--wrap=mmap,--wrap=pthread_create

$(addprefix $(B)/tests/unit/, \
	alloc_test.o lib_test.o program_test.o sim_test.o): \
	CPPFLAGS += -Ilibtinynpu/include
$(B)/tests/unit/lib_test.o: CPPFLAGS += -Ilibtinynpu
$(B)/tests/unit/sim_test.o: CPPFLAGS += -Idevice/core
