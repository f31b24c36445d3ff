// SPDX-License-Identifier: MIT
/* What things are called, in every form of a profile. */
#include "profile.h"

#include <npu/program.h>

#include <string.h>

const char *const profile_units[NPU_UNIT_COUNT] = {
	[NPU_UNIT_DMA] = "DMA",
	[NPU_UNIT_MAC] = "MAC",
	[NPU_UNIT_VEC] = "VEC",
};

const char *const profile_reasons[REASON_COUNT] = {
	[REASON_MACS] = "MACs",
	[REASON_OUTPUT] = "output stage",
	[REASON_STEPS] = "vector lanes",
	[REASON_SRAM] = "SRAM",
	[REASON_MEMORY] = "off-chip",
	[REASON_DMA] = "decoder",
	[REASON_FILL] = "fill",
	[REASON_FETCH] = "fetch",
	[REASON_DEPENDENCY] = "dependency",
};

const char *const profile_causes[CAUSE_COUNT] = {
	[CAUSE_NONE] = "none",
	[CAUSE_DMA] = "waits for DMA",
	[CAUSE_MAC] = "waits for MAC",
	[CAUSE_VEC] = "waits for VEC",
	[CAUSE_FETCH] = "command not fetched",
	[CAUSE_QUEUE] = "queue full",
};

const char *const profile_parts[PART_COUNT] = {
	[PART_MACS] = "multiply-accumulates",
	[PART_STEPS] = "vector steps",
	[PART_REQUANT] = "requantisation",
	[PART_DECODE] = "weight decoder",
	[PART_SRAM] = "SRAM",
	[PART_MEMORY] = "off-chip data",
	[PART_COMMANDS] = "off-chip commands",
	[PART_LEAKAGE] = "leakage",
};

const char *profile_op_name(uint32_t op)
{
	switch ((enum npu_op)op) {
#define X(name, code, unit, layout, text) \
	case NPU_OP_##name:               \
		return text;
	NPU_OPS(X)
#undef X
	}
	return "unknown";
}

const char *profile_layer_name(const struct profile *profile, int layer)
{
	uint32_t index = layer < 0 ? profile->info.layers : layer;

	return profile->layers[index].name;
}

void profile_set_title(struct profile *profile)
{
	const char *path = profile->path;
	size_t used = 0;

	while (*path) {
		unsigned int n = npu_text_length((const unsigned char *)path);

		if (used + (n ? n : 1) >= sizeof(profile->title))
			break;
		memcpy(profile->title + used, n ? path : "?", n ? n : 1);
		used += n ? n : 1;
		path += n ? n : 1;
	}
	profile->title[used] = '\0';
}

uint64_t profile_energy(const uint64_t parts[PART_COUNT])
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < PART_COUNT; i++)
		sum += parts[i];
	return sum;
}
