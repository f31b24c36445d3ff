# SPDX-License-Identifier: MIT
#
# Unit tests of the compiler. Those that run programs link the library.

unit-tests += compile
compile-objs := tests/unit/compiled.o tests/unit/models.o libtnc.a libtinynpu.a
compile-libs := -ljansson $(tnc-libs) -ldrm -pthread

unit-tests += ref
ref-objs := tests/unit/models.o libtnc.a
ref-libs := -ljansson $(tnc-libs)

unit-tests += tflite
tflite-objs := tests/unit/models.o tests/unit/tiny_tflite.o libtnc.a
tflite-libs := -ljansson $(tnc-libs)

$(addprefix $(B)/tests/unit/,compile_test.o compiled.o models.o ref_test.o \
	tflite_test.o tiny_tflite.o): CPPFLAGS += -I. -Ilibtinynpu/include
