/* SPDX-License-Identifier: MIT */
#ifndef PLAIN_H
#define PLAIN_H

#include <npu/isa.h>

#include <stdbool.h>
#include <stdint.h>

/* CONV or DWCONV of int8, without dilation or multiplier, all by one factor. */
void plain_layer(uint8_t *sram, const struct npu_cmd_conv *cmd);

#endif
