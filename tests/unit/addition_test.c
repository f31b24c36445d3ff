// SPDX-License-Identifier: MIT
/*
 * Additions in the output stage: the manual's example, random shapes against the
 * commands CONV and ADD one after the other, with each set of loops that this
 * processor can run, what they cost, and every rule of the checks broken alone.
 */
#include "engine.h"
#include "mac.h"
#include "vec.h"

#include <npu/cost.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CONV npu_cmd_conv
#define RANDOM_SHAPES 400
#define SRAM (512u * 1024)

/* One pixel of one channel that a factor of one leaves as it is. */
static union npu_cmd small_conv(void)
{
	return (union npu_cmd){ .conv = {
		.hdr.op = NPU_OP_CONV,
		.ifm = { .addr = 0 },
		.ofm = { .addr = 64 },
		.second = { .addr = 32 },
		.weights = 128,
		.ifm_h = 1, .ifm_w = 1, .ifm_c = 1,
		.ofm_h = 1, .ofm_w = 1, .ofm_c = 1,
		.kernel_h = 1, .kernel_w = 1,
		.stride_y = 1, .stride_x = 1,
		.dilation_y = 1, .dilation_x = 1,
		.ofm_zp = 2,
		.act_min = (npu_le16)-128, .act_max = 127,
		.format = NPU_CONV_ADD,
	} };
}

static void test_the_manuals_example(void **state)
{
	const struct npu_conv_add add = {
		.a_mult = 1u << 30, .b_mult = 1u << 30, .ofm_mult = 1u << 30,
		.a_shift = 0, .b_shift = -1, .ofm_shift = -18,
		.left_shift = 20,
		.b_zp = -1, .ofm_zp = 1,
		.act_min = -128, .act_max = 127,
	};
	struct engine *e = *state;
	union npu_cmd cmd = small_conv();
	uint8_t *block = e->ctx.sram + 128;
	uint32_t mult = 1u << 30;

	memset(block, 0, 64);
	memcpy(block + 4, &mult, 4);
	block[8] = 1;
	memcpy(block + 12, &add, sizeof(add));
	block[32] = 1;
	e->ctx.sram[0] = 8; /* the result is 10 */
	e->ctx.sram[32] = 4;
	engine_run(e, &cmd);
	assert_int_equal((int8_t)e->ctx.sram[64], 12);

	/* The command's own clamp comes before: 9, so (7 x 0.5 + 1.25) x 2 */
	cmd.conv.act_max = 9;
	engine_run(e, &cmd);
	assert_int_equal((int8_t)e->ctx.sram[64], 11);

	/* The sum's: 11 is clamped to 7; a maximum below it counts as it. */
	block[12 + 18] = (uint8_t)-5;
	block[12 + 19] = 7;
	engine_run(e, &cmd);
	assert_int_equal((int8_t)e->ctx.sram[64], 7);
	block[12 + 18] = 50;
	engine_run(e, &cmd);
	assert_int_equal((int8_t)e->ctx.sram[64], 50);
}

/* --- Random shapes ----------------------------------------------------------- */

static struct npu_surface random_surface(uint32_t width, uint32_t channels)
{
	uint32_t pixel = channels + engine_random() % 4 / 3 *
					    engine_between(0, 9);

	return (struct npu_surface){
		.row_pitch = width * pixel + engine_random() % 3 / 2 *
						     engine_between(0, 9),
		.pixel_pitch = pixel,
	};
}

static uint32_t surface_bytes(const struct npu_surface *s, uint32_t height,
			      uint32_t width, uint32_t channels)
{
	return (height - 1) * s->row_pitch + (width - 1) * s->pixel_pitch +
	       channels;
}

static void random_geometry(struct CONV *c)
{
	bool is_dw = engine_random() % 3 == 0;

	*c = (struct CONV){
		.hdr.op = is_dw ? NPU_OP_DWCONV : NPU_OP_CONV,
		.ifm_h = engine_between(1, 9),
		.ifm_w = engine_between(1, 9),
		.ifm_c = engine_between(1, 40),
		.ofm_h = engine_between(1, 8),
		.ofm_w = engine_between(1, 40),
		.ofm_c = engine_between(1, 40),
		.kernel_h = engine_between(1, 3),
		.kernel_w = engine_between(1, 3),
		.stride_y = engine_between(1, 2),
		.stride_x = engine_between(1, 2),
		.dilation_y = 1, .dilation_x = 1,
		.pad_top = engine_between(0, 1),
		.pad_left = engine_between(0, 1),
		.ifm_zp = engine_int8(),
		.ofm_zp = engine_int8(),
		.act_min = (npu_le16)engine_between(-128, 0),
		.act_max = (npu_le16)engine_between(0, 127),
		.format = (engine_random() % 2 ? NPU_CONV_WEIGHT_ZP : 0) |
			  (engine_random() % 4 ? 0 : NPU_CONV_FLOAT),
	};
	if (engine_random() % 5 == 0)
		c->ofm_c = engine_between(120, 300);
	if (!is_dw)
		return;
	c->multiplier = engine_between(1, 3);
	c->ofm_c = c->ifm_c * c->multiplier;
}

/* As models have it; now and then any bytes at all. */
static struct npu_conv_add random_addition(void)
{
	struct npu_conv_add add;

	engine_randomise((uint8_t *)&add, sizeof(add));
	if (engine_random() % 3 == 0)
		return add;
	add.a_shift = engine_between(-3, 0);
	add.b_shift = engine_between(-3, 0);
	add.ofm_shift = engine_between(-21, -16);
	add.left_shift = 20;
	add.act_min = -128;
	add.act_max = 127;
	return add;
}

static int8_t limited(int8_t shift)
{
	return shift < -31 ? -31 : shift > 30 ? 30 : shift;
}

/* The command of the vector unit that is to come to the same. */
static union npu_cmd addition_of(const struct CONV *c,
				 const struct npu_conv_add *add,
				 const struct npu_surface *between)
{
	return (union npu_cmd){ .binary = {
		.hdr.op = NPU_OP_ADD,
		.a = *between, .b = c->second, .ofm = c->ofm,
		.height = c->ofm_h, .width = c->ofm_w, .channels = c->ofm_c,
		.a_zp = c->ofm_zp, .b_zp = add->b_zp, .ofm_zp = add->ofm_zp,
		.left_shift = add->left_shift > 20 ? 20 : add->left_shift,
		.a_mult = add->a_mult & INT32_MAX,
		.b_mult = add->b_mult & INT32_MAX,
		.ofm_mult = add->ofm_mult & INT32_MAX,
		.a_shift = limited(add->a_shift),
		.b_shift = limited(add->b_shift),
		.ofm_shift = limited(add->ofm_shift),
		.act_min = (npu_le16)add->act_min,
		.act_max = (npu_le16)(add->act_max < add->act_min ?
					      add->act_min : add->act_max),
	} };
}

static uint32_t place(uint32_t *end, uint32_t bytes)
{
	uint32_t at = *end;

	*end = npu_round_up4(at + bytes);
	return at;
}

/* Rows, pixels or both repeated, the output itself, or another surface. */
static void random_second(struct CONV *c, uint32_t *end)
{
	uint32_t kind = engine_random() % 6;

	c->second = random_surface(c->ofm_w, c->ofm_c);
	if (kind == 0)
		c->second.row_pitch = 0;
	if (kind == 1)
		c->second.pixel_pitch = 0;
	if (kind == 2)
		c->second.row_pitch = c->second.pixel_pitch = 0;
	if (kind > 3) {
		c->second = c->ofm;
		return;
	}
	c->second.addr = place(end, surface_bytes(&c->second, c->ofm_h,
						  c->ofm_w, c->ofm_c));
}

/* The block without its addition, to be followed by one. */
static void plain_block(uint8_t *sram, const struct CONV *with,
			const struct CONV *without)
{
	uint32_t head = npu_conv_add_offset(with->format, with->ofm_c);
	uint32_t size = (uint32_t)npu_conv_block_size(without);

	memcpy(sram + without->weights, sram + with->weights, head);
	memcpy(sram + without->weights + head,
	       sram + with->weights + head + sizeof(struct npu_conv_add),
	       size - head);
}

static void compute(uint8_t *sram, const struct CONV *c,
		    const struct kernels *kernels)
{
	const uint8_t *block = sram + c->weights;

	if (c->hdr.op == NPU_OP_CONV)
		mac_conv(sram, block, c, kernels);
	else
		mac_dwconv(sram, SRAM, block, c, kernels);
}

static void compare(struct engine *e, const struct CONV *both,
		    const struct CONV *conv, const union npu_cmd *add)
{
	const struct kernels *const *k;
	union npu_cmd cmd = { .conv = *both };
	uint32_t scratch = conv->ofm.addr;
	uint8_t *before = malloc(SRAM), *after = malloc(SRAM);

	assert_non_null(before);
	assert_non_null(after);
	memcpy(before, e->ctx.sram, SRAM);
	compute(e->ctx.sram, conv, &npu_kernels_portable);
	vec_binary_compute(e->ctx.sram, add, &npu_kernels_portable);
	/* What lies between the two is nobody's any more. */
	memcpy(e->ctx.sram + scratch, before + scratch, SRAM - scratch);
	memcpy(after, e->ctx.sram, SRAM);
	for (k = npu_kernels_all; *k; k++) {
		if (!(*k)->is_supported())
			continue;
		memcpy(e->ctx.sram, before, SRAM);
		compute(e->ctx.sram, both, *k);
		if (memcmp(e->ctx.sram, after, SRAM))
			print_message("# %s\n", (*k)->name);
		assert_memory_equal(e->ctx.sram, after, SRAM);
	}
	memcpy(e->ctx.sram, before, SRAM);
	engine_run(e, &cmd);
	assert_memory_equal(e->ctx.sram, after, SRAM);
	free(before);
	free(after);
}

static void test_random_shapes(void **state)
{
	struct engine *e = *state;
	uint32_t i;

	for (i = 0; i < RANDOM_SHAPES; i++) {
		struct CONV both, conv;
		struct npu_conv_add add = random_addition();
		union npu_cmd sum;
		uint32_t end = 0;

		assert_int_equal(engine_setup_sram(e, SRAM), 0);
		random_geometry(&both);
		both.ifm = random_surface(both.ifm_w, both.ifm_c);
		both.ofm = random_surface(both.ofm_w, both.ofm_c);
		both.ifm.addr = place(&end, surface_bytes(&both.ifm,
				both.ifm_h, both.ifm_w, both.ifm_c));
		both.ofm.addr = place(&end, surface_bytes(&both.ofm,
				both.ofm_h, both.ofm_w, both.ofm_c));
		random_second(&both, &end);
		both.format |= NPU_CONV_ADD;
		both.weights = place(&end, (uint32_t)npu_conv_block_size(&both));
		memcpy(e->ctx.sram + both.weights +
		       npu_conv_add_offset(both.format, both.ofm_c), &add,
		       sizeof(add));
		conv = both;
		conv.format &= ~NPU_CONV_ADD;
		conv.second = (struct npu_surface){ 0 };
		conv.weights = place(&end, (uint32_t)npu_conv_block_size(&conv));
		plain_block(e->ctx.sram, &both, &conv);
		conv.ofm.addr = end;
		sum = addition_of(&both, &add, &conv.ofm);
		compare(e, &both, &conv, &sum);
	}
}

/* --- Checks and costs --------------------------------------------------------- */

static union npu_cmd valid_conv(void)
{
	union npu_cmd cmd = small_conv();

	cmd.conv.ifm = (struct npu_surface){ 0, 5 * 24, 24 };
	cmd.conv.ofm = (struct npu_surface){ 1024, 5 * 20, 20 };
	cmd.conv.second = (struct npu_surface){ 10000, 7 * 21, 21 };
	cmd.conv.weights = 2048;
	cmd.conv.ifm_h = cmd.conv.ifm_w = 5;
	cmd.conv.ofm_h = cmd.conv.ofm_w = 5;
	cmd.conv.ifm_c = 24;
	cmd.conv.ofm_c = 20;
	cmd.conv.kernel_h = cmd.conv.kernel_w = 3;
	cmd.conv.pad_top = cmd.conv.pad_left = 1;
	return cmd;
}

static const uint32_t second_bytes = 4 * 7 * 21 + 4 * 21 + 20;

static void test_bad_fields(void **state)
{
	static const struct engine_bad bad[] = {
		ENGINE_BAD(CONV, format, 64 | 1, FIELD),
		ENGINE_BAD(CONV, format, 64 | 2, FIELD),
		ENGINE_BAD(CONV, format, 64 | 32, FIELD),
		ENGINE_BAD(CONV, format, 64 | 128, RESERVED),
		ENGINE_BAD(CONV, act_min, -129, FIELD),
		ENGINE_BAD(CONV, act_max, 128, FIELD),
	};
	struct engine *e = *state;
	union npu_cmd cmd = valid_conv();

	engine_refuse_all(e, &cmd, bad, sizeof(bad) / sizeof(bad[0]));
	cmd.conv.second = (struct npu_surface){ 0 };
	cmd.conv.format = 0;
	engine_refuse_reserved(e, &cmd,
			       __builtin_offsetof(struct CONV, second), 8);
}

static void test_second_is_within_sram(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = valid_conv();

	cmd.conv.second.addr = ENGINE_SRAM - second_bytes;
	assert_int_equal(engine_check(e, &cmd), 0);
	engine_run(e, &cmd);
	cmd.conv.second.addr++;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	assert_int_equal(e->ctx.fault.addr, ENGINE_SRAM);
	cmd.conv.second.addr = UINT32_MAX;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
	assert_int_equal(e->ctx.fault.addr, UINT32_MAX);
	cmd.conv.second.addr = NPU_WEIGHT_BASE;
	engine_refuse(e, &cmd, NPU_FAULT_SRAM, 0);
}

static void test_second_may_be_the_output(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = valid_conv();

	cmd.conv.second.addr = cmd.conv.ofm.addr - second_bytes;
	assert_int_equal(engine_check(e, &cmd), 0);
	cmd.conv.second.addr++;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP,
		      __builtin_offsetof(struct CONV, second));
	assert_int_equal(e->ctx.fault.addr, cmd.conv.second.addr);
	cmd.conv.second.addr = cmd.conv.ofm.addr;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP,
		      __builtin_offsetof(struct CONV, second));
	cmd.conv.second = cmd.conv.ofm;
	assert_int_equal(engine_check(e, &cmd), 0);

	/* Which the convolution's own input may not. */
	cmd.conv.ifm = cmd.conv.ofm;
	engine_refuse(e, &cmd, NPU_FAULT_OVERLAP,
		      __builtin_offsetof(struct CONV, ifm));

	/* All that is read may lie anywhere. */
	cmd = valid_conv();
	cmd.conv.second.addr = cmd.conv.weights + 4;
	assert_int_equal(engine_check(e, &cmd), 0);
	cmd.conv.second = cmd.conv.ifm;
	assert_int_equal(engine_check(e, &cmd), 0);
}

static void test_access_is_exact(void **state)
{
	struct engine *e = *state;
	union npu_cmd cmd = valid_conv();

	assert_int_equal(engine_check(e, &cmd), 0);
	assert_int_equal(e->access.read_count, 3);
	assert_int_equal(e->access.write_count, 1);
	assert_int_equal(e->access.reads[1].low, 10000);
	assert_int_equal(e->access.reads[1].high, 10000 + second_bytes);
	/* 20 biases, multipliers, shifts, the addition, weights of depth 216 */
	assert_true(e->access.has_weights);
	assert_int_equal(e->access.reads[2].high,
			 2048 + 80 + 80 + 20 + 20 + 20 * 216);
}

static void test_costs(void **state)
{
	struct npu_machine machine = NPU_MACHINE_DEFAULT;
	union npu_cmd with = valid_conv(), without = valid_conv();
	const uint64_t out = 5 * 5 * 20;
	struct npu_cost a, b;

	(void)state;
	without.conv.format = 0;
	without.conv.weights = with.conv.weights = NPU_WEIGHT_BASE;
	npu_cost(&machine, &with, &a);
	npu_cost(&machine, &without, &b);
	assert_int_equal(a.bound[NPU_BOUND_MACS], b.bound[NPU_BOUND_MACS]);
	assert_int_equal(a.bound[NPU_BOUND_OUTPUT], out / 2);
	assert_int_equal(b.bound[NPU_BOUND_OUTPUT], out / 4);
	assert_int_equal(a.sram_read, b.sram_read + out);
	assert_int_equal(a.buffered, b.buffered + 20);
	assert_int_equal(npu_energy(&machine, 0, &a) - npu_energy(&machine, 0, &b),
			 out * (4000 + npu_energy_sram_fj(256 * 1024)) +
			 20 * npu_energy_sram_fj(24 * 1024));

	/* A row that is repeated is read once. */
	with.conv.second.row_pitch = 0;
	npu_cost(&machine, &with, &a);
	assert_int_equal(a.sram_read, b.sram_read + out / 5);

	/* Nothing is gained: 2 elements a cycle, then 2/3. */
	machine.restricted = 1;
	npu_cost(&machine, &with, &a);
	assert_int_equal(a.bound[NPU_BOUND_OUTPUT], out / 2 + out * 3 / 2);
}

static void test_hostile_commands(void **state)
{
	union npu_cmd conv = valid_conv(), dw = valid_conv();

	dw.conv.hdr.op = NPU_OP_DWCONV;
	dw.conv.ofm = dw.conv.second = (struct npu_surface){ 4096, 5 * 48, 48 };
	dw.conv.ofm_c = 48;
	dw.conv.multiplier = 2;
	engine_torture(*state, &conv, 20000);
	engine_torture(*state, &dw, 20000);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, engine_setup, engine_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_manuals_example),
		TEST(test_random_shapes),
		TEST(test_bad_fields),
		TEST(test_second_is_within_sram),
		TEST(test_second_may_be_the_output),
		TEST(test_access_is_exact),
		TEST(test_costs),
		TEST(test_hostile_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
