/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where QEMU's generated trace functions of this directory are. */
#include "trace/trace-hw_misc_tinynpu.h"
