// SPDX-License-Identifier: MIT
/*
 * How fast the MAC unit computes on this host, on one thread: 10^9
 * multiply-accumulates per second of whole commands, gathering and output stage
 * included, for layers as small networks have them and each set of loops that
 * the processor can run, all as after a ReLU; and beside it what the processor
 * can do at best, and what plain loops do (plain.c).
 *
 * Others disturb even a thread's own time, through caches and clocks: printed is
 * the tenth percentile of many short samples. Asserts nothing.
 */
#include "mac.h"
#include "peak.h"
#include "plain.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SRAM_SIZE (2u * 1024 * 1024)
#define SAMPLES 60
#define SAMPLE_NS 500000
#define SAMPLE_RUNS 8 /* at least so many between looks at the clock */

struct layer {
	const char *name;
	uint16_t size_y, size_x; /* of the output */
	uint16_t ifm_c, ofm_c;
	uint8_t kernel, stride;
	bool is_dw;
	uint8_t format;
};

static const struct layer layers[] = {
	{ "conv 1x1   8 ->  16, 48 x 48", 48, 48, 8, 16, 1, 1, false, 0 },
	{ "conv 1x1  64 ->  64, 25 x  5", 25, 5, 64, 64, 1, 1, false, 0 },
	{ "conv 1x1 128 -> 128, 12 x 12", 12, 12, 128, 128, 1, 1, false, 0 },
	{ "conv 1x1 256 -> 256,  3 x  3", 3, 3, 256, 256, 1, 1, false, 0 },
	{ "conv 1x1 768 -> 768, 16 x  8", 16, 8, 768, 768, 1, 1, false, 0 },
	{ "conv 3x3   3 ->   8, 48 x 48", 48, 48, 3, 8, 3, 2, false, 0 },
	{ "conv 3x3  16 ->  16, 32 x 32", 32, 32, 16, 16, 3, 1, false, 0 },
	{ "conv 3x3  64 ->  64,  8 x  8", 8, 8, 64, 64, 3, 1, false, 0 },
	{ "dwconv 3x3  8, 48 x 48", 48, 48, 8, 8, 3, 1, true, 0 },
	{ "dwconv 3x3 32, 24 x 24", 24, 24, 32, 32, 3, 1, true, 0 },
	{ "dwconv 3x3 64, 48 x 48", 48, 48, 64, 64, 3, 1, true, 0 },
	{ "dwconv 3x3 64, 25 x  5", 25, 5, 64, 64, 3, 1, true, 0 },
	{ "dwconv 3x3 64, 12 x 12 / 2", 12, 12, 64, 64, 3, 2, true, 0 },
	{ "dwconv 3x3 256, 3 x  3", 3, 3, 256, 256, 3, 1, true, 0 },
	{ "fully connected 128 -> 128", 1, 1, 128, 128, 1, 1, false, 0 },
	{ "fully connected 640 -> 128", 1, 1, 640, 128, 1, 1, false, 0 },
	{ "fully connected 64 -> 12", 1, 1, 64, 12, 1, 1, false, 0 },
	{ "conv 1x1 64 -> 64, float", 25, 5, 64, 64, 1, 1, false,
	  NPU_CONV_FLOAT | NPU_CONV_WEIGHT_ZP },
	{ "dwconv 3x3 64, float", 25, 5, 64, 64, 3, 1, true,
	  NPU_CONV_FLOAT | NPU_CONV_WEIGHT_ZP },
	{ "conv 1x1 64 -> 64, int16", 25, 5, 64, 64, 1, 1, false,
	  NPU_CONV_IFM16 | NPU_CONV_OFM16 | NPU_CONV_WIDE },
	{ "dwconv 3x3 64, int16", 25, 5, 64, 64, 3, 1, true,
	  NPU_CONV_IFM16 | NPU_CONV_OFM16 | NPU_CONV_WIDE },
};

/* The thread's own time: others on the machine do not count. */
static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct npu_cmd_conv command(const struct layer *l)
{
	uint32_t size_x = l->size_x * l->stride, size_y = l->size_y * l->stride;
	bool is_int16 = l->format & NPU_CONV_IFM16;
	uint32_t in = is_int16 ? 2 * l->ifm_c : l->ifm_c;
	uint32_t out = is_int16 ? 2 * l->ofm_c : l->ofm_c;
	struct npu_cmd_conv cmd = {
		.hdr.op = l->is_dw ? NPU_OP_DWCONV : NPU_OP_CONV,
		.ifm = { 0, size_x * in, in },
		.ofm = { size_y * size_x * in, l->size_x * out, out },
		.ifm_h = size_y, .ifm_w = size_x, .ifm_c = l->ifm_c,
		.ofm_h = l->size_y, .ofm_w = l->size_x, .ofm_c = l->ofm_c,
		.kernel_h = l->kernel, .kernel_w = l->kernel,
		.stride_y = l->stride, .stride_x = l->stride,
		.dilation_y = 1, .dilation_x = 1,
		.pad_top = l->kernel / 2, .pad_left = l->kernel / 2,
		.ifm_zp = is_int16 ? 0 : -128, .ofm_zp = is_int16 ? 0 : -128,
		.act_min = (npu_le16)-128, .act_max = 127,
		.format = l->format,
		.multiplier = l->is_dw,
	};

	cmd.weights = npu_round_up4(cmd.ofm.addr + l->size_y * l->size_x * out);
	return cmd;
}

/* Factors as networks have them, that bring sums to about the results' range. */
static void put_factors(uint8_t *sram, const struct npu_cmd_conv *cmd)
{
	uint8_t *block = sram + cmd->weights;
	uint8_t *mult = block + npu_conv_mult_offset(cmd->format, cmd->ofm_c);
	uint8_t *shift = block + npu_conv_shift_offset(cmd->format, cmd->ofm_c);
	uint32_t fixed = 0x5a000000, c;
	float factor = 0.003f;

	memset(block, 0, mult - block);
	memset(shift, -7, cmd->ofm_c);
	for (c = 0; c < cmd->ofm_c; c++)
		memcpy(mult + 4 * c, cmd->format & NPU_CONV_FLOAT ?
					     (void *)&factor : (void *)&fixed,
		       4);
}

static uint64_t macs(const struct layer *l)
{
	return (uint64_t)l->size_y * l->size_x * l->ofm_c * l->kernel *
	       l->kernel * (l->is_dw ? 1 : l->ifm_c);
}

/* @kernels: NULL: none, but plain loops */
static void execute(uint8_t *sram, const struct npu_cmd_conv *cmd,
		    const struct kernels *kernels)
{
	const uint8_t *block = sram + cmd->weights;

	if (!kernels)
		plain_layer(sram, cmd);
	else if (cmd->format & NPU_CONV_IFM16)
		mac_conv16(sram, block, cmd, kernels);
	else if (cmd->hdr.op == NPU_OP_DWCONV)
		mac_dwconv(sram, SRAM_SIZE, block, cmd, kernels);
	else
		mac_conv(sram, block, cmd, kernels);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Nanoseconds of one execution, the tenth percentile. */
static double measure(uint8_t *sram, const struct layer *l,
		      const struct kernels *kernels)
{
	struct npu_cmd_conv cmd = command(l);
	double samples[SAMPLES];
	uint32_t i;

	put_factors(sram, &cmd);
	execute(sram, &cmd, kernels);
	for (i = 0; i < SAMPLES; i++) {
		uint64_t start = now_ns(), end;
		uint32_t runs = 0;

		do {
			do
				execute(sram, &cmd, kernels);
			while (++runs % SAMPLE_RUNS);
			end = now_ns();
		} while (end - start < SAMPLE_NS);
		samples[i] = (double)(end - start) / runs;
	}
	qsort(samples, SAMPLES, sizeof(samples[0]), compare);
	return samples[SAMPLES / 10];
}

static void print_rate(uint8_t *sram, const struct layer *l,
		       const struct kernels *kernels)
{
	printf("%12.2f", macs(l) / measure(sram, l, kernels));
}

static void print_peak(void)
{
	struct peak peak;

	if (peak_measure(&peak))
		printf("%s of registers: %.2f\n", peak.instruction,
		       peak.macs_per_ns);
}

int main(void)
{
	uint8_t *sram = malloc(SRAM_SIZE);
	const struct kernels *const *k;
	uint32_t i;

	if (!sram)
		return 1;
	for (i = 0; i < SRAM_SIZE; i++)
		sram[i] = (uint8_t)(i * 2654435761u >> 24);
	printf("MAC unit, GMAC/s\n%-32s", "");
	for (k = npu_kernels_all; *k; k++)
		if ((*k)->is_supported())
			printf("%12s", (*k)->name);
	printf("%12s\n", "plain");
	print_peak();
	for (i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		printf("%-32s", layers[i].name);
		for (k = npu_kernels_all; *k; k++)
			if ((*k)->is_supported())
				print_rate(sram, &layers[i], *k);
		if (!layers[i].format)
			print_rate(sram, &layers[i], NULL);
		printf("\n");
	}
	free(sram);
	return 0;
}
