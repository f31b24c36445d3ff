// SPDX-License-Identifier: MIT
/*
 * Jobs of random commands: whatever they are, the job ends, stands still, or
 * faults, within bounded steps, and no byte of memory changes but those of the
 * pages that its context may write.
 *
 * An input is one byte of options, then records of 68 bytes: a command, tamed
 * so that most pass the checks, then two bytes of it replaced by raw ones.
 */
#include "tests/fuzz/fuzz.h"

#include "tests/unit/board.h"

#include <npu/code.h>

#include <stdlib.h>
#include <string.h>

#define MAX_COMMANDS 11
#define RECORD (NPU_CMD_SIZE + 4)
#define DATA_SIZE 0x20000u

enum option {
	OPT_HOLE = 1,		/* a page of data is not mapped */
	OPT_READ_ONLY = 2,	/* a page of data is read-only */
	OPT_BAD_TABLE = 4,	/* an entry of the page table is raw */
	OPT_SECOND_JOB = 8,	/* the same again in another context */
	OPT_UNALIGNED = 16,	/* the commands' address is */
	OPT_FEW_REGIONS = 32,
};

static uint8_t before[BOARD_SIZE];

static const uint8_t opcodes[] = {
#define OPCODE(name, code, unit, layout, text) code,
	NPU_OPS(OPCODE)
#undef OPCODE
};

static void tame_surface(struct npu_surface *surface)
{
	surface->addr &= 0x3fff;
	surface->row_pitch &= 0x3ff;
	surface->pixel_pitch &= 0x3f;
}

static void tame_fill(struct npu_cmd_fill *fill)
{
	uint32_t i;

	memset(fill->reserved, 0, sizeof(fill->reserved));
	fill->dst &= 0xffff;
	fill->run = fill->run % 2000 + 1;
	fill->dst_region = fill->dst_region & 1 ? NPU_REGION_SRAM : 0;
	for (i = 0; i < 3; i++) {
		fill->n[i] = fill->n[i] % 4 + 1;
		fill->dst_stride[i] &= 0xfff;
	}
}

static void tame_copy(struct npu_cmd_copy *copy)
{
	uint32_t i;

	memset(copy->reserved, 0, sizeof(copy->reserved));
	copy->src &= 0xffff;
	copy->dst &= 0xffff;
	copy->run = copy->run % 2000 + 1;
	copy->src_region = copy->src_region & 1 ? NPU_REGION_SRAM : 0;
	copy->dst_region = copy->dst_region & 1 ? NPU_REGION_SRAM : 1;
	for (i = 0; i < 3; i++) {
		copy->n[i] = copy->n[i] % 4 + 1;
		copy->src_stride[i] &= 0xfff;
		copy->dst_stride[i] &= 0xfff;
	}
}

/* The list is whatever is there: an index out of range is a fault like others. */
static void tame_gather(struct npu_cmd_gather *gather)
{
	uint32_t i;

	memset(gather->reserved, 0, sizeof(gather->reserved));
	gather->src &= 0xffff;
	gather->dst &= 0xffff;
	gather->index &= 0xffff;
	gather->run = gather->run % 200 + 1;
	gather->rows = gather->rows % 300 + 1;
	gather->index_size = 1 << gather->index_size % 4;
	gather->src_region = gather->src_region & 1 ? NPU_REGION_SRAM : 0;
	gather->dst_region = gather->dst_region & 1 ? NPU_REGION_SRAM : 1;
	gather->index_region = gather->index_region & 1 ? NPU_REGION_SRAM : 0;
	for (i = 0; i < 3; i++) {
		gather->n[i] = gather->n[i] % 4 + 1;
		gather->src_stride[i] &= 0xff;
		gather->dst_stride[i] &= 0xff;
	}
}

/* After all else: what the format asks of other fields. */
static void tame_format(struct npu_cmd_conv *conv)
{
	uint32_t size;

	conv->format &= NPU_CONV_FORMATS;
	if (conv->format & (NPU_CONV_IFM16 | NPU_CONV_OFM16 | NPU_CONV_OFM32))
		conv->format &= ~NPU_CONV_ADD;
	if (!(conv->format & NPU_CONV_IFM16) || (conv->format & NPU_CONV_FLOAT))
		conv->format &= ~NPU_CONV_WIDE;
	if (conv->format & NPU_CONV_IFM16) {
		conv->ifm.addr &= ~1u;
		conv->ifm.row_pitch &= 0xfffe;
		conv->ifm.pixel_pitch &= 0xfffe;
		conv->ifm_zp = 0;
	}
	if (conv->format & NPU_CONV_OFM32) {
		conv->format &= ~(NPU_CONV_OFM16 | NPU_CONV_FLOAT |
				  NPU_CONV_WIDE);
		conv->ofm.addr &= ~3u;
		conv->ofm_zp = 0;
		conv->act_min = conv->act_max = 0;
	}
	size = npu_conv_ofm_size(conv->format);
	if (conv->format & NPU_CONV_OFM16) {
		conv->ofm.addr &= ~1u;
		conv->ofm_zp = 0;
	}
	conv->ofm.pixel_pitch = size * (conv->ofm_c +
					conv->ofm.pixel_pitch % 4);
	conv->ofm.row_pitch = conv->ofm.pixel_pitch * conv->ofm_w;
	if (!(conv->format & NPU_CONV_ADD))
		memset(&conv->second, 0, sizeof(conv->second));
	else if (conv->second.addr & 1)
		conv->second = conv->ofm;
}

/* Mostly in SRAM; every fourth in the weight buffer, or beyond its end. */
static uint32_t tame_weights(uint32_t addr)
{
	if ((addr & 0x30000) == 0x30000)
		return NPU_WEIGHT_BASE + (addr & 0x7fff);
	return 0x4000 + (addr & 0x3fff);
}

static void tame_decode(struct npu_cmd_decode *decode)
{
	uint32_t i;

	memset(decode->reserved, 0, sizeof(decode->reserved));
	decode->src &= 0xffff;
	decode->dst = tame_weights(decode->dst);
	decode->src_region &= 1;
	decode->palette = decode->palette % 16 + 1;
	decode->coded = (decode->coded & 0xffe) + NPU_CODE_HEAD + 32;
	for (i = 0; i < NPU_CODE_SECTIONS; i++) {
		struct npu_code_section *s = &decode->section[i];

		s->bytes = s->bytes % 2000 + 32;
		s->rows %= 100;
		s->width = s->width % 16 + 1;
		s->unit = 1u << s->unit % 3;
	}
}

static void tame_conv(struct npu_cmd_conv *conv)
{
	bool is_dw = conv->hdr.op == NPU_OP_DWCONV;

	tame_surface(&conv->ifm);
	tame_surface(&conv->ofm);
	tame_surface(&conv->second);
	conv->ofm.addr |= 0x8000;
	conv->weights = tame_weights(conv->weights) & ~3u;
	conv->ifm_h = conv->ifm_h % 9 + 1;
	conv->ifm_w = conv->ifm_w % 9 + 1;
	conv->ifm_c = conv->ifm_c % 40 + 1;
	conv->ofm_h = conv->ofm_h % 9 + 1;
	conv->ofm_w = conv->ofm_w % 9 + 1;
	conv->ofm_c = conv->ofm_c % 40 + 1;
	conv->kernel_h = conv->kernel_h % 4 + 1;
	conv->kernel_w = conv->kernel_w % 4 + 1;
	conv->stride_y = conv->stride_y % 3 + 1;
	conv->stride_x = conv->stride_x % 3 + 1;
	conv->dilation_y = conv->dilation_y % 2 + 1;
	conv->dilation_x = conv->dilation_x % 2 + 1;
	conv->pad_top %= 3;
	conv->pad_left %= 3;
	conv->act_min = (npu_le16)-128;
	conv->act_max = 127;
	conv->multiplier = is_dw ? conv->multiplier % 3 + 1 : 0;
	if (is_dw)
		conv->ofm_c = conv->ifm_c * conv->multiplier;
	tame_format(conv);
}

static void tame_pool(struct npu_cmd_pool *pool)
{
	tame_surface(&pool->ifm);
	tame_surface(&pool->ofm);
	memset(pool->reserved, 0, sizeof(pool->reserved));
	pool->ofm.addr |= 0x8000;
	pool->ifm_h = pool->ifm_h % 9 + 1;
	pool->ifm_w = pool->ifm_w % 9 + 1;
	pool->channels = pool->channels % 40 + 1;
	pool->ofm_h = pool->ofm_h % 9 + 1;
	pool->ofm_w = pool->ofm_w % 9 + 1;
	pool->kernel_h = pool->kernel_h % 9 + 1;
	pool->kernel_w = pool->kernel_w % 9 + 1;
	pool->stride_y = pool->stride_y % 3 + 1;
	pool->stride_x = pool->stride_x % 3 + 1;
	pool->pad_top %= 3;
	pool->pad_left %= 3;
	pool->flags &= pool->hdr.op == NPU_OP_POOL_AVG ? NPU_POOL_S16 :
							 NPU_POOL_FLAGS;
	pool->act_min = (npu_le16)-100;
	pool->act_max = 100;
	pool->ofm.pixel_pitch = 2 * pool->channels;
	pool->ofm.row_pitch = 2 * pool->channels * pool->ofm_w;
}

/* What the operation has no use for is zero. */
static void tame_scales(struct npu_cmd_binary *add)
{
	bool is_sum = add->hdr.op == NPU_OP_ADD || add->hdr.op == NPU_OP_SUB;
	bool has_factor = is_sum || add->hdr.op == NPU_OP_MUL;

	add->left_shift = is_sum ? add->left_shift % 21 : 0;
	add->a_mult &= is_sum ? INT32_MAX : 0;
	add->b_mult &= is_sum ? INT32_MAX : 0;
	add->ofm_mult &= has_factor ? INT32_MAX : 0;
	add->a_shift = is_sum ? add->a_shift % 31 : 0;
	add->b_shift = is_sum ? add->b_shift % 31 : 0;
	add->ofm_shift = has_factor ? add->ofm_shift % 31 : 0;
	if (has_factor)
		return;
	add->a_zp = 0;
	add->b_zp = 0;
	add->ofm_zp = 0;
}

static void tame_binary(struct npu_cmd_binary *add)
{
	tame_surface(&add->a);
	tame_surface(&add->b);
	tame_surface(&add->ofm);
	memset(add->reserved, 0, sizeof(add->reserved));
	add->reserved1 = 0;
	add->ofm.addr |= 0x8000;
	add->height = add->height % 9 + 1;
	add->width = add->width % 9 + 1;
	add->channels = add->channels % 40 + 1;
	tame_scales(add);
	add->act_min = (npu_le16)-128;
	add->act_max = 127;
	add->ofm.pixel_pitch = add->channels;
	add->ofm.row_pitch = add->channels * add->width;
}

static void tame_softmax(struct npu_cmd_softmax *softmax)
{
	memset(softmax->reserved, 0, sizeof(softmax->reserved));
	softmax->ifm &= 0x3fff;
	softmax->ofm = 0x8000 | (softmax->ofm & 0x3fff);
	softmax->rows = softmax->rows % 9 + 1;
	softmax->depth = softmax->depth % 100 + 1;
	softmax->ifm_pitch = softmax->ifm_pitch % 200 + 100;
	softmax->ofm_pitch = softmax->ofm_pitch % 200 + 100;
	softmax->mult &= INT32_MAX;
	softmax->diff_min = -(softmax->diff_min & 255);
	softmax->shift = (uint8_t)softmax->shift % 32;
}

static void tame_input(struct npu_surface *surface, uint8_t *type)
{
	*type %= NPU_TYPE_COUNT;
	tame_surface(surface);
	if (!*type)
		memset(surface, 0, sizeof(*surface));
}

/* The program is whatever SRAM holds there: data of the job, mostly. */
static void tame_vprog(struct npu_cmd_vprog *vprog)
{
	memset(vprog->reserved, 0, sizeof(vprog->reserved));
	tame_input(&vprog->a, &vprog->a_type);
	tame_input(&vprog->b, &vprog->b_type);
	tame_input(&vprog->c, &vprog->c_type);
	tame_surface(&vprog->ofm);
	vprog->ofm.addr |= 0x8000;
	vprog->ofm_type = vprog->ofm_type % (NPU_TYPE_COUNT - 1) + 1;
	vprog->program = 0x4000 + (vprog->program & 0x3ffc);
	vprog->count = vprog->count % NPU_VPROG_MAX + 1;
	vprog->program_size = 8 * vprog->count + vprog->program_size % 2000;
	vprog->height = vprog->height % 9 + 1;
	vprog->width = vprog->width % 9 + 1;
	vprog->channels = vprog->channels % 600 + 1;
	vprog->steps = vprog->steps % 100 + 1;
	vprog->flags &= NPU_VPROG_OFM_ONE;
	vprog->ofm.pixel_pitch = 4 * vprog->channels;
	vprog->ofm.row_pitch = 4 * vprog->channels * vprog->width;
}

static void tame_resize(struct npu_cmd_resize *resize)
{
	memset(resize->reserved, 0, sizeof(resize->reserved));
	tame_surface(&resize->ifm);
	tame_surface(&resize->ofm);
	resize->ofm.addr |= 0x8000;
	resize->ifm_h = resize->full_h = resize->full_h % 9 + 1;
	resize->ifm_w = resize->full_w = resize->full_w % 9 + 1;
	resize->ifm_y = resize->ifm_x = 0;
	resize->channels = resize->channels % 40 + 1;
	resize->ofm_h = resize->ofm_h % 9 + 1;
	resize->ofm_w = resize->ofm_w % 9 + 1;
	resize->flags &= resize->flags & 1 ? NPU_RESIZE_FLAGS :
					     NPU_RESIZE_HALF_PIXEL;
	resize->type = resize->type % 2 ? NPU_TYPE_S8 : NPU_TYPE_S16;
	resize->scale_y &= resize->flags & 1 ? 0x3fffffff : 0x7ff;
	resize->scale_x &= resize->flags & 1 ? 0x3fffffff : 0x7ff;
	resize->ofm.pixel_pitch = 2 * resize->channels;
	resize->ofm.row_pitch = 2 * resize->channels * resize->ofm_w;
}

static void tame(union npu_cmd *cmd, uint32_t index)
{
	uint32_t u;

	cmd->hdr.op = opcodes[cmd->hdr.op % sizeof(opcodes)];
	cmd->hdr.flags &= NPU_CMD_FLAGS;
	for (u = 0; u < NPU_UNIT_COUNT; u++)
		cmd->hdr.wait[u] %= index + 1;
	switch ((enum npu_op)cmd->hdr.op) {
	case NPU_OP_NOP:
		cmd->nop.cycles = (cmd->nop.cycles & 0xffff) + 1;
		memset(cmd->nop.reserved, 0, sizeof(cmd->nop.reserved));
		break;
	case NPU_OP_DMA_COPY:
		tame_copy(&cmd->copy);
		break;
	case NPU_OP_DMA_DECODE:
		tame_decode(&cmd->decode);
		break;
	case NPU_OP_DMA_GATHER:
		tame_gather(&cmd->gather);
		break;
	case NPU_OP_DMA_FILL:
		tame_fill(&cmd->fill);
		break;
	case NPU_OP_CONV:
	case NPU_OP_DWCONV:
		tame_conv(&cmd->conv);
		break;
	case NPU_OP_POOL_AVG:
	case NPU_OP_POOL_MAX:
		tame_pool(&cmd->pool);
		break;
	case NPU_OP_ADD:
	case NPU_OP_SUB:
	case NPU_OP_MUL:
	case NPU_OP_MAX:
	case NPU_OP_MIN:
		tame_binary(&cmd->binary);
		break;
	case NPU_OP_SOFTMAX:
		tame_softmax(&cmd->softmax);
		break;
	case NPU_OP_VPROG:
		tame_vprog(&cmd->vprog);
		break;
	case NPU_OP_RESIZE:
		tame_resize(&cmd->resize);
		break;
	}
}

static uint32_t put_commands(const uint8_t *data, size_t size)
{
	union npu_cmd *cmd = (union npu_cmd *)(board.memory + AT_COMMANDS);
	uint32_t count = 0;

	for (; size >= RECORD && count < MAX_COMMANDS;
	     data += RECORD, size -= RECORD, cmd++, count++) {
		memcpy(cmd, data, NPU_CMD_SIZE);
		tame(cmd, count);
		/* Offsets from 128 on leave the command as it is. */
		if (data[64] < NPU_CMD_SIZE)
			cmd->bytes[data[64]] = data[65];
		if (data[66] < NPU_CMD_SIZE)
			cmd->bytes[data[66]] = data[67];
	}
	return count;
}

/* Only the data is writable; commands and regions can be read. */
static void put_leaves(uint32_t leaf, uint8_t options, const uint8_t *raw)
{
	uint64_t *leaves = (uint64_t *)(board.memory + leaf);
	uint32_t page, first = AT_DATA / 4096, flags;

	memset(leaves, 0, 4096);
	for (page = 0; page < DATA_SIZE / 4096; page++) {
		flags = 7;
		if ((options & OPT_HOLE) && page == 5)
			flags = 0;
		if ((options & OPT_READ_ONLY) && page == 9)
			flags = 3;
		leaves[first + page] =
			((BOARD_BASE >> 12) + first + page) << 10 | flags;
	}
	leaves[AT_COMMANDS / 4096] =
		((BOARD_BASE + AT_COMMANDS) >> 12) << 10 | 3;
	leaves[AT_REGIONS / 4096] = ((BOARD_BASE + AT_REGIONS) >> 12) << 10 | 3;
	/* Raw, but never a writable page of somebody else. */
	if (options & OPT_BAD_TABLE) {
		memcpy(&leaves[first + 2], raw, 8);
		leaves[first + 2] &= ~4ull;
	}
}

#define COUNTS_BEGIN NPU_CORE_RETIRED(0)
#define COUNTS_END (NPU_CORE_FAULT_ADDR_HI + 4)

/* How a job ended, what it counted and what it left in memory. */
struct end {
	uint32_t state;
	uint32_t counts[(COUNTS_END - COUNTS_BEGIN) / 4];
	uint8_t data[DATA_SIZE];
};

static bool is_register(uint32_t reg)
{
	return reg < NPU_CORE_BUSY(NPU_UNIT_COUNT) ||
	       reg >= NPU_CORE_FAULT_CODE;
}

static void note_end(struct end *end)
{
	const uint32_t base = NPU_CORE_BASE(0);
	uint32_t reg;

	memset(end->counts, 0, sizeof(end->counts));
	end->state = board_peek(base + NPU_CORE_STATUS);
	for (reg = COUNTS_BEGIN; reg < COUNTS_END; reg += 4)
		if (is_register(reg))
			end->counts[(reg - COUNTS_BEGIN) / 4] =
				board_peek(base + reg);
	memcpy(end->data, board.memory + AT_DATA, DATA_SIZE);
}

/*
 * The job once more, preempted at each mark: all is as before. Its SRAM is too,
 * since no other context's job comes between, so marks may lie.
 */
static void run_in_pieces(const struct end *whole)
{
	static struct end pieces;
	const uint32_t base = NPU_CORE_BASE(0);

	memcpy(board.memory + AT_DATA, before + AT_DATA, DATA_SIZE);
	board_poke(base + NPU_CORE_SLICE, 1);
	board_poke(base + NPU_CORE_CTRL, NPU_CORE_START);
	while (board_peek(base + NPU_CORE_STATUS) == NPU_CORE_PREEMPTED)
		board_poke(base + NPU_CORE_CTRL, NPU_CORE_RESUME);
	note_end(&pieces);
	if (memcmp(&pieces, whole, sizeof(pieces)))
		abort();
}

static void put_registers(uint32_t context, uint32_t count, uint8_t options)
{
	const uint32_t base = NPU_CORE_BASE(0);

	board_poke(base + NPU_CORE_CONTEXT, context);
	board_poke(base + NPU_CORE_CMD_LO,
		   AT_COMMANDS + (options & OPT_UNALIGNED ? 4 : 0));
	board_poke(base + NPU_CORE_CMD_COUNT, count);
	board_poke(base + NPU_CORE_REGION_LO, AT_REGIONS);
	board_poke(base + NPU_CORE_REGION_COUNT,
		   options & OPT_FEW_REGIONS ? 1 : 2);
}

static void run(uint32_t context, uint32_t count, uint8_t options)
{
	static struct end whole;
	const uint32_t base = NPU_CORE_BASE(0);
	struct npu_region *regions = (void *)(board.memory + AT_REGIONS);
	uint32_t state;

	regions[0] = (struct npu_region){ AT_DATA, 0x10000 };
	regions[1] = (struct npu_region){ AT_DATA + 0x10000, 0x10000 };
	put_registers(context, count, options);
	memcpy(before, board.memory, BOARD_SIZE);
	board_poke(base + NPU_CORE_CTRL, NPU_CORE_START);
	state = board_peek(base + NPU_CORE_STATUS);
	if (state != NPU_CORE_DONE && state != NPU_CORE_FAULTED &&
	    state != NPU_CORE_RUNNING)
		abort();
	if (state == NPU_CORE_DONE &&
	    board_peek(base + NPU_CORE_COMMANDS) != count)
		abort();
	if (state == NPU_CORE_FAULTED &&
	    !board_peek(base + NPU_CORE_FAULT_CODE))
		abort();
	if (memcmp(before, board.memory, AT_MAILBOX) ||
	    memcmp(before + AT_ROOT, board.memory + AT_ROOT,
		   AT_DATA - AT_ROOT) ||
	    memcmp(before + AT_DATA + DATA_SIZE,
		   board.memory + AT_DATA + DATA_SIZE,
		   BOARD_SIZE - AT_DATA - DATA_SIZE))
		abort();
	note_end(&whole);
	board_poke(base + NPU_CORE_CTRL, NPU_CORE_RESET);
	put_registers(context, count, options);
	run_in_pieces(&whole);
	board_poke(base + NPU_CORE_CTRL, NPU_CORE_RESET);
}

static void set_up(void)
{
	const struct npu_machine machine = {
		.cores = 1, .macs = 128, .sram_size = 64 * 1024,
		.clock_khz = 200000, .sram_bw = 8, .sram_latency = 32,
		.mem_bw = 1, .mem_latency = 64,
	};

	board_make(&machine);
	board_boot_agent();
	board_poke(NPU_MMU_BASE + NPU_MMU_ROOT_LO(1),
		   (BOARD_BASE + AT_ROOT) | NPU_MMU_ROOT_VALID);
	board_poke(NPU_MMU_BASE + NPU_MMU_ROOT_LO(2),
		   (BOARD_BASE + AT_ROOT2) | NPU_MMU_ROOT_VALID);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t options;
	uint32_t count, i;

	if (size < 9 + RECORD)
		return -1;
	if (!board.core)
		set_up();
	options = data[0];
	for (i = 0; i < DATA_SIZE; i++)
		board.memory[AT_DATA + i] = 3 * i + (i >> 8);
	put_leaves(AT_LEAF, options, data + 1);
	put_leaves(AT_LEAF2, options, data + 1);
	board_poke(NPU_MMU_BASE + NPU_MMU_INV_CMD, NPU_MMU_INV_ALL);
	count = put_commands(data + 9, size - 9);
	run(1, count, options);
	if (options & OPT_SECOND_JOB)
		run(2, count, options);
	return 0;
}
