# SPDX-License-Identifier: MIT

tnp-fuzz-objs := tests/unit/tnp_image.o $(library-parts)
tnp-fuzz-libs := $(libtinynpu-libs)
tnp-fuzz-flags := -max_len=8192

$(B)/tests/fuzz/tnp_fuzz.o: CPPFLAGS += -Ilibtinynpu/include
