# SPDX-License-Identifier: MIT
#
# libtnc.a: the compiler.

tnc-objs := \
	compiler/arena.o \
	compiler/error.o \
	compiler/flatbuffer.o \
	compiler/fold.o \
	compiler/graph.o \
	compiler/legalise.o \
	compiler/pass.o \
	compiler/quantise.o \
	compiler/ref.o \
	compiler/ref_softmax.o \
	compiler/text_read.o \
	compiler/text_write.o \
	compiler/tflite.o \
	compiler/tnc.o \
	compiler/verify.o

$(B)/libtnc.a: $(addprefix $(B)/,$(tnc-objs))
# What a program that uses libtnc.a links besides.
tnc-libs := -lelf -lnettle -lm

all: $(B)/libtnc.a
