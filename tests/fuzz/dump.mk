# SPDX-License-Identifier: MIT

dump-fuzz-objs := tools/dump.o
dump-fuzz-libs := -ljansson
dump-fuzz-flags := -max_len=2048
