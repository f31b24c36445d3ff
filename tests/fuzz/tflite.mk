# SPDX-License-Identifier: MIT
#
# The compiler, from the first byte of a model file on.

tflite-fuzz-objs := libtnc.a
tflite-fuzz-libs := $(tnc-libs)
tflite-fuzz-seeds := examples/digits/digits.tflite \
	$(wildcard tests/golden/*.in)
tflite-fuzz-flags := -max_len=16384

$(B)/tests/fuzz/tflite_fuzz.o: CPPFLAGS += -I.
