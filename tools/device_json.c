// SPDX-License-Identifier: MIT
/* A device for --json, of `tinynpu info` and `tinynpu run`. */
#include "device_json.h"

#include <tinynpu.h>

json_t *device_json(const struct tinynpu_device_info *info)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "backend", info->backend, "name", info->name,
			 "firmware", info->firmware,
			 "hw_version", (int)info->hw_version,
			 "cores", (json_int_t)info->cores,
			 "macs", (json_int_t)info->macs,
			 "sram_bytes", (json_int_t)info->sram_size,
			 "clock_khz", (json_int_t)info->clock_khz,
			 "sram_bw", (json_int_t)info->sram_bw,
			 "sram_latency", (json_int_t)info->sram_latency,
			 "mem_bw", (json_int_t)info->mem_bw,
			 "mem_latency", (json_int_t)info->mem_latency,
			 "restricted", (json_int_t)info->restricted);
}
