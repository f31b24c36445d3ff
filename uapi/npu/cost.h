/* SPDX-License-Identifier: MIT */
/*
 * Time, traffic and energy of commands: the formulas of the manual as code that
 * the machine counts with and the compiler estimates with, so that both agree to
 * the cycle. Integers only: the same figures on every host.
 */
#ifndef NPU_COST_H
#define NPU_COST_H

#include <npu/isa.h>
#include <npu/job.h>
#include <npu/power.h>

/**
 * struct npu_machine - what the formulas depend on
 * @cores: 1..4; a job runs on one of them
 * @macs: multipliers per core, a power of two from 32 to 1024
 * @sram_size: bytes per core
 * @clock_khz: of cores, SRAM and DMA
 * @sram_bw: bytes per cycle of each unit's SRAM port
 * @sram_latency: cycles
 * @mem_bw: bytes per cycle of the memory port
 * @mem_latency: cycles
 * @restricted: 1: array and output stage as others publish theirs; else 0
 * @ambient_c: degrees Celsius around the machine
 * @thermal_resistance: from the die to there, in kelvin per watt
 */
struct npu_machine {
	uint32_t cores;
	uint32_t macs;
	uint32_t sram_size;
	uint32_t clock_khz;
	uint32_t sram_bw;
	uint32_t sram_latency;
	uint32_t mem_bw;
	uint32_t mem_latency;
	uint32_t restricted;
	uint32_t ambient_c;
	uint32_t thermal_resistance;
};

#define NPU_MACHINE_SURROUNDINGS .ambient_c = 25, .thermal_resistance = 40
#define NPU_MACHINE_DEFAULT                                         \
	{                                                           \
		.cores = 1, .macs = 128, .sram_size = 256 * 1024,   \
		.clock_khz = 200000, .sram_bw = 8,                  \
		.sram_latency = 32, .mem_bw = 1, .mem_latency = 64, \
		NPU_MACHINE_SURROUNDINGS,                           \
	}

/* Why a machine can't be built, or NULL. */
static inline const char *npu_machine_check(const struct npu_machine *m)
{
	if (m->cores < 1 || m->cores > 4)
		return "cores: 1 to 4";
	if (m->macs < 32 || m->macs > 1024 || (m->macs & (m->macs - 1)))
		return "macs: a power of two from 32 to 1024";
	if (m->sram_size < NPU_SRAM_MIN || m->sram_size > NPU_SRAM_MAX ||
	    m->sram_size % 1024)
		return "sram: a multiple of 1 KiB from 16 KiB to 16 MiB";
	if (m->clock_khz < 1000 || m->clock_khz > 4000000)
		return "clock: 1 MHz to 4 GHz";
	if (m->sram_bw < 1 || m->sram_bw > 256)
		return "sram-bw: 1 to 256 bytes per cycle";
	if (m->mem_bw < 1 || m->mem_bw > 256)
		return "mem-bw: 1 to 256 bytes per cycle";
	if (m->sram_latency > 4096 || m->mem_latency > 4096)
		return "latency: up to 4096 cycles";
	if (m->restricted > 1)
		return "restricted: 0 or 1";
	if (m->ambient_c > 125)
		return "ambient: 0 to 125 degrees Celsius";
	if (m->thermal_resistance > 100000)
		return "thermal-resistance: up to 100000 K/W";
	return NULL;
}

/* Bytes of a core's weight buffer. */
static inline uint32_t npu_machine_weight_buffer(const struct npu_machine *m)
{
	return NPU_WEIGHT_BUFFER * m->macs;
}

/* Of its SRAM, and the weight buffer. */
static inline uint64_t npu_machine_store(const struct npu_machine *m)
{
	return (uint64_t)m->sram_size + npu_machine_weight_buffer(m);
}

/* Constants of the formulas; the manual gives their sources. */
#define NPU_COST_FILL 8 /* cycles: decode and pipeline of a MAC or VEC command */
#define NPU_COST_BURST 16 /* bytes: a run in memory costs whole bursts */
#define NPU_COST_DECODE_RATE 16 /* bytes that DMA_DECODE decodes per cycle */
#define NPU_COST_BUFFER_RATE 16 /* bytes that the weight buffer takes per cycle */
#define NPU_COST_DECODE_FILL 16 /* cycles until its first byte is there */
#define NPU_COST_PASS_CHANNELS 64 /* output channels per pass over the input */
#define NPU_COST_PASS_PIXELS 64 /* pixels per pass over the weights */
#define NPU_COST_SOFTMAX 24 /* steps per element */
#define NPU_COST_ADD 4 /* steps per element; SUB likewise */
#define NPU_COST_MUL 2 /* steps per element */
#define NPU_COST_SELECT 1 /* steps per element of MAX, MIN, nearest RESIZE */
#define NPU_COST_BILINEAR 4 /* steps per element of bilinear RESIZE */

#define NPU_ENERGY_MAC_FJ 300 /* int8 multiply 200, 32-bit add 100 */
#define NPU_ENERGY_STEP_FJ 200 /* a VEC step: operand select, 32-bit add */
#define NPU_ENERGY_REQUANT_FJ 3200 /* 32-bit multiply 3100, add 100 */
#define NPU_ENERGY_DECODE_FJ 3200 /* per byte: as a requantisation */
#define NPU_ENERGY_MEM_FJ 163000 /* per byte */
#define NPU_ENERGY_CLOCK_FJ 30 /* per multiplier and cycle that a clock runs idly */
#define NPU_LEAK_NW_PER_KIB 82 /* of SRAM: 10 pW per bit */
#define NPU_THERMAL_NS 1000000000ull /* time constant of the die's temperature */

/* What may rule how long a command takes */
enum npu_bound {
	NPU_BOUND_MACS, /* the MAC array */
	NPU_BOUND_OUTPUT, /* its output stage */
	NPU_BOUND_STEPS, /* the VEC unit's lanes */
	NPU_BOUND_SRAM, /* the unit's SRAM port */
	NPU_BOUND_MEMORY, /* the memory port */
	NPU_BOUND_DMA, /* the decoder, or an index per cycle */
	NPU_BOUND_COUNT
};

/**
 * struct npu_cost - what one command costs
 * @cycles: of its unit, without waiting; for the DMA without the latency: @fill
 *	and the largest of @bound
 * @fill: cycles before its first result: decode, pipeline, SRAM latency
 * @bound: cycles, by enum npu_bound
 * @latency: cycles that a DMA command adds when its unit was idle
 * @mac_ops: multiplications that the model asked for
 * @products: multiplications of int8 by int8 that they took
 * @requants: results scaled to the output type
 * @steps: element steps of the VEC unit, and of an output stage that adds
 * @decoded: bytes that DMA_DECODE wrote
 * @buffered: bytes into and out of the weight buffer
 * @sram_read: bytes; likewise the others
 */
struct npu_cost {
	uint64_t cycles;
	uint64_t fill;
	uint64_t bound[NPU_BOUND_COUNT];
	uint64_t latency;
	uint64_t mac_ops;
	uint64_t products;
	uint64_t requants;
	uint64_t steps;
	uint64_t decoded;
	uint64_t buffered;
	uint64_t sram_read;
	uint64_t sram_written;
	uint64_t mem_read;
	uint64_t mem_written;
};

static inline uint64_t npu_div_up(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

static inline uint64_t npu_max64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * Bytes that a strided transfer occupies the memory port: dimensions that lie
 * back to back are one run, and each run takes whole bursts.
 */
static inline uint64_t npu_cost_bursts(uint64_t run, const npu_le16 *n,
				       const npu_le32 *stride)
{
	uint64_t runs = 1;
	int i;

	for (i = 0; i < 3; i++) {
		if (runs == 1 && stride[i] == run)
			run *= n[i];
		else
			runs *= n[i];
	}
	return runs * npu_div_up(run, NPU_COST_BURST) * NPU_COST_BURST;
}

/* What the ports need for the bytes of a DMA command. */
static inline void npu_cost_ports(const struct npu_machine *m,
				  struct npu_cost *cost)
{
	cost->bound[NPU_BOUND_MEMORY] =
		npu_div_up(cost->mem_read + cost->mem_written, m->mem_bw);
	cost->bound[NPU_BOUND_SRAM] =
		npu_div_up(cost->sram_read + cost->sram_written, m->sram_bw);
}

/* Bytes that a DMA command writes at an SRAM address: of SRAM, or of the buffer. */
static inline void npu_cost_place(uint32_t dst, uint64_t bytes,
				  struct npu_cost *cost)
{
	if (dst < NPU_WEIGHT_BASE) {
		cost->sram_written = bytes;
		return;
	}
	cost->buffered = bytes;
	cost->bound[NPU_BOUND_DMA] = npu_div_up(bytes, NPU_COST_BUFFER_RATE);
}

static inline void npu_cost_transfer(const struct npu_machine *m,
				     const union npu_cmd *cmd,
				     struct npu_cost *cost)
{
	int is_fill = cmd->hdr.op == NPU_OP_DMA_FILL;
	const npu_le16 *n = is_fill ? cmd->fill.n : cmd->copy.n;
	uint64_t run = is_fill ? cmd->fill.run : cmd->copy.run;
	uint64_t bytes = run * n[0] * n[1] * n[2];
	uint8_t dst = is_fill ? cmd->fill.dst_region : cmd->copy.dst_region;
	uint64_t mem;

	if (dst == NPU_REGION_SRAM) {
		npu_cost_place(is_fill ? cmd->fill.dst : cmd->copy.dst, bytes,
			       cost);
	} else {
		const npu_le32 *s = is_fill ? cmd->fill.dst_stride :
					      cmd->copy.dst_stride;

		cost->mem_written = npu_cost_bursts(run, n, s);
	}
	if (!is_fill && cmd->copy.src_region == NPU_REGION_SRAM)
		cost->sram_read = bytes;
	else if (!is_fill)
		cost->mem_read = npu_cost_bursts(run, n, cmd->copy.src_stride);

	mem = cost->mem_read + cost->mem_written;
	npu_cost_ports(m, cost);
	cost->latency = mem ? m->mem_latency : m->sram_latency;
}

/*
 * An index a cycle, each for a row that begins where nobody knows: bursts of their
 * own. Indices have to be there before the first row can be asked for.
 */
static inline void npu_cost_gather(const struct npu_machine *m,
				   const struct npu_cmd_gather *cmd,
				   struct npu_cost *cost)
{
	uint64_t lists = (uint64_t)cmd->n[1] * cmd->n[2];
	uint64_t rows = lists * cmd->n[0];
	uint64_t list = (uint64_t)cmd->n[0] * cmd->index_size;

	if (cmd->index_region == NPU_REGION_SRAM)
		cost->sram_read = lists * list;
	else
		cost->mem_read = lists * npu_div_up(list, NPU_COST_BURST) *
				 NPU_COST_BURST;
	if (cmd->src_region == NPU_REGION_SRAM)
		cost->sram_read += rows * cmd->run;
	else
		cost->mem_read += rows * npu_div_up(cmd->run, NPU_COST_BURST) *
				  NPU_COST_BURST;
	if (cmd->dst_region == NPU_REGION_SRAM)
		npu_cost_place(cmd->dst, rows * cmd->run, cost);
	else
		cost->mem_written = npu_cost_bursts(cmd->run, cmd->n,
						    cmd->dst_stride);
	npu_cost_ports(m, cost);
	cost->bound[NPU_BOUND_DMA] =
		npu_max64(rows, cost->bound[NPU_BOUND_DMA]);
	cost->latency = (cmd->index_region == NPU_REGION_SRAM ?
				 m->sram_latency : m->mem_latency) +
			(cmd->src_region == NPU_REGION_SRAM &&
			 cmd->dst_region == NPU_REGION_SRAM ?
				 m->sram_latency : m->mem_latency);
}

/* A coded stream is read while it is decoded; that is slowest which rules. */
static inline void npu_cost_decode(const struct npu_machine *m,
				   const struct npu_cmd_decode *cmd,
				   struct npu_cost *cost)
{
	uint64_t bytes = npu_decode_bytes(cmd);

	cost->decoded = bytes;
	npu_cost_place(cmd->dst, bytes, cost);
	cost->mem_read = npu_div_up(cmd->coded, NPU_COST_BURST) *
			 NPU_COST_BURST;
	npu_cost_ports(m, cost);
	cost->bound[NPU_BOUND_DMA] = npu_div_up(bytes, NPU_COST_DECODE_RATE);
	cost->latency = m->mem_latency + NPU_COST_DECODE_FILL;
}

/*
 * Cycles of the MAC array: its macs / 4 groups, each a dot product of four, are
 * shared out over pixels, channels and depth in the best of the power-of-two
 * ways that the array can be switched to.
 */
static inline uint64_t npu_cost_array(uint32_t macs, uint64_t pixels,
				      uint64_t channels, uint64_t depth,
				      uint32_t max_depth_groups)
{
	uint32_t groups = macs / 4;
	uint64_t best = UINT64_MAX;
	uint32_t p, c, d;

	for (p = 1; p <= 8 && p <= groups; p *= 2) {
		for (c = 4; c <= 64 && p * c <= groups; c *= 2) {
			uint64_t cycles;

			d = groups / (p * c);
			if (d > max_depth_groups)
				d = max_depth_groups;
			cycles = npu_div_up(pixels, p) *
				 npu_div_up(channels, c) *
				 npu_div_up(depth, 4 * d);
			if (cycles < best)
				best = cycles;
		}
	}
	return best;
}

/*
 * Likewise of the restricted array, which computes blocks of fixed shape: 8 products
 * deep, width x height x channels of outputs. A kernel step is one tap of 32 inputs,
 * or four taps of 8, whichever is better; DWCONV has the latter alone, and one output
 * for each input. Weights come at 32 cycles per step and 8 channels at best.
 */
static inline uint64_t npu_cost_restricted(const struct npu_machine *m,
					   const struct npu_cmd_conv *cmd)
{
	uint64_t outputs = m->macs / 8;
	uint64_t width = outputs >= 16 ? 2 : 1, height = outputs >= 32 ? 2 : 1;
	uint64_t channels = outputs / (width * height);
	uint64_t blocks = npu_div_up(cmd->ofm_w, width) *
			  npu_div_up(cmd->ofm_h, height);
	uint64_t taps = (uint64_t)cmd->kernel_h * cmd->kernel_w;
	uint64_t eights = cmd->hdr.op == NPU_OP_DWCONV ? 1 :
			  npu_div_up(cmd->ifm_c, 8);
	uint64_t weights = channels < 8 ? 4 * channels : 32;
	uint64_t steps = npu_div_up(taps, 4) * eights;
	uint64_t best = npu_max64(4 * steps * blocks, weights * steps);

	if (cmd->hdr.op != NPU_OP_DWCONV) {
		uint64_t deep = npu_max64(taps * eights * blocks, weights *
					  taps * npu_div_up(cmd->ifm_c, 32));

		if (deep < best)
			best = deep;
	}
	return best * npu_div_up(cmd->ofm_c, channels);
}

/* Bytes of an int8 input, those that are repeated counted once. */
static inline uint64_t npu_cost_input(const struct npu_surface *input,
				      uint32_t height, uint32_t width,
				      uint32_t channels)
{
	return (uint64_t)(input->row_pitch ? height : 1) *
	       (input->pixel_pitch ? width : 1) * channels;
}

static inline void npu_cost_conv(const struct npu_machine *m,
				 const struct npu_cmd_conv *cmd,
				 struct npu_cost *cost)
{
	int is_dw = cmd->hdr.op == NPU_OP_DWCONV;
	uint64_t pixels = (uint64_t)cmd->ofm_h * cmd->ofm_w;
	uint64_t taps = (uint64_t)cmd->kernel_h * cmd->kernel_w;
	uint64_t depth = is_dw ? taps : taps * cmd->ifm_c;
	uint64_t out = pixels * cmd->ofm_c;
	uint64_t in_size = cmd->format & NPU_CONV_IFM16 ? 2 : 1;
	uint64_t out_size = npu_conv_ofm_size(cmd->format);
	uint64_t block = npu_conv_block_size(cmd);
	uint64_t rows = (uint64_t)(cmd->ofm_h - 1) * cmd->stride_y +
			(uint64_t)(cmd->kernel_h - 1) * cmd->dilation_y + 1;
	uint64_t passes = is_dw ? 1 :
		npu_div_up(cmd->ofm_c, NPU_COST_PASS_CHANNELS);
	uint64_t array = m->restricted ? npu_cost_restricted(m, cmd) :
		npu_cost_array(m->macs, pixels, cmd->ofm_c, depth,
			       is_dw ? 4 : 32);
	uint64_t per_cycle = m->macs / (m->restricted ? 64 : 32);
	uint64_t turns = 1; /* that a result takes in the output stage */

	if (rows > cmd->ifm_h)
		rows = cmd->ifm_h;
	cost->sram_read = rows * cmd->ifm_w * cmd->ifm_c * in_size * passes;
	if (cmd->weights >= NPU_WEIGHT_BASE)
		cost->buffered = block;
	else
		cost->sram_read +=
			block * npu_div_up(pixels, NPU_COST_PASS_PIXELS);
	cost->sram_written = out * out_size;
	cost->mac_ops = out * depth;
	cost->products = cost->mac_ops * in_size;
	cost->requants = cmd->format & NPU_CONV_OFM32 ? 0 : out;
	if (cmd->format & NPU_CONV_ADD) {
		turns = m->restricted ? 4 : 2;
		cost->sram_read += npu_cost_input(&cmd->second, cmd->ofm_h,
						  cmd->ofm_w, cmd->ofm_c);
		cost->requants += out;
		cost->steps = out * NPU_COST_ADD;
	}

	cost->fill = NPU_COST_FILL + m->sram_latency;
	cost->bound[NPU_BOUND_MACS] = array * in_size;
	cost->bound[NPU_BOUND_SRAM] =
		npu_div_up(cost->sram_read + cost->sram_written, m->sram_bw);
	cost->bound[NPU_BOUND_OUTPUT] =
		npu_div_up(out * turns, per_cycle ? per_cycle : 1);
}

/* A VEC command: steps on macs / 16 lanes, at least two. */
static inline void npu_cost_steps(const struct npu_machine *m, uint64_t steps,
				  uint64_t read, uint64_t written,
				  struct npu_cost *cost)
{
	cost->steps = steps;
	cost->requants = written;
	cost->sram_read = read;
	cost->sram_written = written;
	cost->fill = NPU_COST_FILL + m->sram_latency;
	cost->bound[NPU_BOUND_STEPS] = npu_div_up(steps, m->macs / 16);
	cost->bound[NPU_BOUND_SRAM] = npu_div_up(read + written, m->sram_bw);
}

static inline void npu_cost_pool(const struct npu_machine *m,
				 const struct npu_cmd_pool *cmd,
				 struct npu_cost *cost)
{
	uint64_t out = (uint64_t)cmd->ofm_h * cmd->ofm_w * cmd->channels;
	uint64_t in = (uint64_t)cmd->ifm_h * cmd->ifm_w * cmd->channels;
	uint64_t window = (uint64_t)cmd->kernel_h * cmd->kernel_w;
	uint64_t size = cmd->flags & NPU_POOL_S16 ? 2 : 1;

	npu_cost_steps(m, out * window, size * in, size * out, cost);
	cost->requants = out;
}

static inline void npu_cost_binary(const struct npu_machine *m,
				   const struct npu_cmd_binary *cmd,
				   struct npu_cost *cost)
{
	uint64_t out = (uint64_t)cmd->height * cmd->width * cmd->channels;
	uint64_t read = npu_cost_input(&cmd->a, cmd->height, cmd->width,
				       cmd->channels) +
			npu_cost_input(&cmd->b, cmd->height, cmd->width,
				       cmd->channels);
	uint64_t steps = cmd->hdr.op == NPU_OP_ADD ? NPU_COST_ADD :
			 cmd->hdr.op == NPU_OP_SUB ? NPU_COST_ADD :
			 cmd->hdr.op == NPU_OP_MUL ? NPU_COST_MUL :
						     NPU_COST_SELECT;

	npu_cost_steps(m, out * steps, read, out, cost);
	if (m->restricted && steps == NPU_COST_ADD)
		cost->bound[NPU_BOUND_STEPS] = npu_div_up(192 * out, m->macs);
}

static inline void npu_cost_softmax(const struct npu_machine *m,
				    const struct npu_cmd_softmax *cmd,
				    struct npu_cost *cost)
{
	uint64_t out = (uint64_t)cmd->rows * cmd->depth;

	npu_cost_steps(m, out * NPU_COST_SOFTMAX, 2 * out, out, cost);
}

/* Bytes of a program's input, those that are repeated counted once. */
static inline uint64_t npu_cost_vprog_input(const struct npu_cmd_vprog *cmd,
					    const struct npu_surface *input,
					    uint8_t type, uint8_t is_one)
{
	return (uint64_t)(input->row_pitch ? cmd->height : 1) *
	       (input->pixel_pitch ? cmd->width : 1) *
	       (cmd->flags & is_one ? 1 : cmd->channels) * npu_type_size(type);
}

static inline void npu_cost_vprog(const struct npu_machine *m,
				  const struct npu_cmd_vprog *cmd,
				  struct npu_cost *cost)
{
	uint64_t pixels = (uint64_t)cmd->height * cmd->width;
	uint64_t out = pixels *
		       (cmd->flags & NPU_VPROG_OFM_ONE ? 1 : cmd->channels);
	uint64_t read = cmd->program_size;

	read += npu_cost_vprog_input(cmd, &cmd->a, cmd->a_type,
				     NPU_VPROG_A_ONE);
	read += npu_cost_vprog_input(cmd, &cmd->b, cmd->b_type,
				     NPU_VPROG_B_ONE);
	read += npu_cost_vprog_input(cmd, &cmd->c, cmd->c_type,
				     NPU_VPROG_C_ONE);
	npu_cost_steps(m, pixels * cmd->channels * cmd->steps, read,
		       out * npu_type_size(cmd->ofm_type), cost);
	cost->requants = out;
}

static inline void npu_cost_resize(const struct npu_machine *m,
				   const struct npu_cmd_resize *cmd,
				   struct npu_cost *cost)
{
	uint64_t out = (uint64_t)cmd->ofm_h * cmd->ofm_w * cmd->channels;
	uint64_t in = (uint64_t)cmd->ifm_h * cmd->ifm_w * cmd->channels;
	uint64_t size = npu_type_size(cmd->type);
	uint64_t steps = cmd->flags & NPU_RESIZE_NEAREST ? NPU_COST_SELECT :
							   NPU_COST_BILINEAR;

	npu_cost_steps(m, out * steps, size * in, size * out, cost);
	cost->requants = out;
}

/* Which of a command's bounds rules it: the first one of the largest. */
static inline enum npu_bound npu_cost_ruling(const struct npu_cost *cost)
{
	int i, ruling = 0;

	for (i = 1; i < NPU_BOUND_COUNT; i++)
		if (cost->bound[i] > cost->bound[ruling])
			ruling = i;
	return (enum npu_bound)ruling;
}

/**
 * npu_cost() - what a valid command costs
 * @m: the machine
 * @cmd: a command that has passed every check
 * @cost: filled in
 */
static inline void npu_cost(const struct npu_machine *m,
			    const union npu_cmd *cmd, struct npu_cost *cost)
{
	*cost = (struct npu_cost){ 0 };
	switch ((enum npu_op)cmd->hdr.op) {
	case NPU_OP_NOP:
		cost->fill = cmd->nop.cycles;
		break;
	case NPU_OP_DMA_COPY:
	case NPU_OP_DMA_FILL:
		npu_cost_transfer(m, cmd, cost);
		break;
	case NPU_OP_DMA_DECODE:
		npu_cost_decode(m, &cmd->decode, cost);
		break;
	case NPU_OP_DMA_GATHER:
		npu_cost_gather(m, &cmd->gather, cost);
		break;
	case NPU_OP_CONV:
	case NPU_OP_DWCONV:
		npu_cost_conv(m, &cmd->conv, cost);
		break;
	case NPU_OP_POOL_AVG:
	case NPU_OP_POOL_MAX:
		npu_cost_pool(m, &cmd->pool, cost);
		break;
	case NPU_OP_ADD:
	case NPU_OP_SUB:
	case NPU_OP_MUL:
	case NPU_OP_MAX:
	case NPU_OP_MIN:
		npu_cost_binary(m, &cmd->binary, cost);
		break;
	case NPU_OP_SOFTMAX:
		npu_cost_softmax(m, &cmd->softmax, cost);
		break;
	case NPU_OP_VPROG:
		npu_cost_vprog(m, &cmd->vprog, cost);
		break;
	case NPU_OP_RESIZE:
		npu_cost_resize(m, &cmd->resize, cost);
		break;
	}
	cost->cycles = cost->fill + cost->bound[npu_cost_ruling(cost)];
}

/* --- The timeline: when each command of a job starts and ends ----------- */

/**
 * struct npu_timeline - the state of a job's time
 * @fetched: cycle at which the last command was fetched
 * @issued: commands of each unit so far
 * @end: ends of each unit's last commands, by number modulo the queue's depth
 * @last_end: when each unit's last command ends
 * @busy: cycles in which each unit worked
 * @stolen: memory cycles of fetches that are the next DMA command's to pay for
 * @end_of_all: when the last command of all ends
 */
struct npu_timeline {
	uint64_t fetched;
	uint64_t issued[NPU_UNIT_COUNT];
	uint64_t end[NPU_UNIT_COUNT][NPU_QUEUE_DEPTH];
	uint64_t last_end[NPU_UNIT_COUNT];
	uint64_t busy[NPU_UNIT_COUNT];
	uint64_t stolen;
	uint64_t end_of_all;
};

static inline void npu_timeline_start(struct npu_timeline *t,
				      const struct npu_machine *m)
{
	*t = (struct npu_timeline){ .fetched = m->mem_latency };
}

/*
 * The number of a unit's command that a wait names, or 0 for one so old that the
 * queue's depth implies it. -1: not issued yet; the command waits for ever.
 */
static inline int64_t npu_timeline_awaited(const struct npu_timeline *t,
					   unsigned int unit, uint16_t wait)
{
	int16_t ahead = (int16_t)(wait - (uint16_t)t->issued[unit]);
	int64_t number = (int64_t)t->issued[unit] + ahead;

	if (ahead > 0)
		return -1;
	if (ahead <= -NPU_QUEUE_DEPTH || number <= 0)
		return 0;
	return number;
}

/* Whether all that the command waits for has been issued. */
static inline int npu_timeline_can_issue(const struct npu_timeline *t,
					 const struct npu_cmd_hdr *hdr)
{
	unsigned int u;

	for (u = 0; u < NPU_UNIT_COUNT; u++)
		if ((hdr->flags & NPU_CMD_WAIT(u)) &&
		    npu_timeline_awaited(t, u, hdr->wait[u]) < 0)
			return 0;
	return 1;
}

/**
 * npu_timeline_issue() - place the next command of a job in time
 * @t: the job's timeline
 * @m: the machine
 * @hdr: the command's header; npu_timeline_can_issue() holds
 * @unit: the unit that executes it
 * @cost: from npu_cost()
 * @start: set to the cycle at which it starts
 *
 * Return: the cycle at which it ends.
 */
static inline uint64_t npu_timeline_issue(struct npu_timeline *t,
					  const struct npu_machine *m,
					  const struct npu_cmd_hdr *hdr,
					  unsigned int unit,
					  const struct npu_cost *cost,
					  uint64_t *start)
{
	uint64_t fetch = npu_div_up(NPU_CMD_SIZE, m->mem_bw);
	uint64_t slot = t->end[unit][t->issued[unit] % NPU_QUEUE_DEPTH];
	uint64_t begin, cycles = cost->cycles;
	unsigned int u;

	t->fetched = npu_max64(t->fetched + fetch, slot);
	if (unit == NPU_UNIT_DMA ||
	    t->fetched - fetch < t->last_end[NPU_UNIT_DMA])
		t->stolen += fetch;
	begin = npu_max64(t->fetched, t->last_end[unit]);
	for (u = 0; u < NPU_UNIT_COUNT; u++) {
		int64_t number;

		if (!(hdr->flags & NPU_CMD_WAIT(u)))
			continue;
		number = npu_timeline_awaited(t, u, hdr->wait[u]);
		if (number > 0)
			begin = npu_max64(begin, t->end[u][(number - 1) %
							   NPU_QUEUE_DEPTH]);
	}
	if (unit == NPU_UNIT_DMA) {
		if (!t->issued[unit] || begin > t->last_end[unit])
			cycles += cost->latency;
		if (cost->mem_read + cost->mem_written) {
			cycles += t->stolen;
			t->stolen = 0;
		}
	}
	*start = begin;
	t->busy[unit] += cycles;
	t->last_end[unit] = begin + cycles;
	t->end[unit][t->issued[unit]++ % NPU_QUEUE_DEPTH] = begin + cycles;
	t->end_of_all = npu_max64(t->end_of_all, begin + cycles);
	return begin + cycles;
}

/* --- Energy -------------------------------------------------------------- */

/*
 * Femtojoules per byte of SRAM, or of the weight buffer if that is what has the
 * size: 2500 x (KiB / 32)^0.464, see the manual; below 16 KiB as for that.
 */
static inline uint64_t npu_energy_sram_fj(uint32_t sram_size)
{
	static const uint32_t octaves[] = { 1812, 2500, 3448, 4757, 6561, 9050,
					    12483, 17219, 23751, 32761, 45190 };
	uint32_t low = NPU_SRAM_MIN;
	unsigned int i = 0;

	if (sram_size < low)
		sram_size = low;
	while (sram_size >= 2 * low && i < 9) {
		low *= 2;
		i++;
	}
	return octaves[i] + (uint64_t)(octaves[i + 1] - octaves[i]) *
				    (sram_size - low) / low;
}

/* --- Operating points ------------------------------------------------------ */

/**
 * struct npu_opp - an operating performance point: a clock and the voltage it needs
 * @clock_permille: of the machine's clock
 * @dynamic_permille: energy of what is switched, (voltage / 0.9 V)^2
 * @leak_permille: power that leaks, voltage / 0.9 V
 */
struct npu_opp {
	uint32_t clock_permille;
	uint32_t dynamic_permille;
	uint32_t leak_permille;
};

/* Point @number, below NPU_OPP_COUNT: 0.9, 0.8, 0.7 and 0.6 V. 0 is the fastest. */
static inline const struct npu_opp *npu_opp(uint32_t number)
{
	static const struct npu_opp points[NPU_OPP_COUNT] = {
		{ 1000, 1000, 1000 },
		{ 750, 790, 889 },
		{ 500, 605, 778 },
		{ 250, 444, 667 },
	};

	return &points[number];
}

static inline uint32_t npu_opp_khz(const struct npu_machine *m, uint32_t number)
{
	return (uint32_t)((uint64_t)m->clock_khz *
			  npu_opp(number)->clock_permille / 1000);
}

/* Femtojoules of one command, leakage aside, at an operating point. */
static inline uint64_t npu_energy(const struct npu_machine *m, uint32_t opp,
				  const struct npu_cost *cost)
{
	uint64_t switched = cost->products * NPU_ENERGY_MAC_FJ +
			    cost->steps * NPU_ENERGY_STEP_FJ +
			    cost->requants * NPU_ENERGY_REQUANT_FJ +
			    cost->decoded * NPU_ENERGY_DECODE_FJ +
			    cost->buffered * npu_energy_sram_fj(
					     npu_machine_weight_buffer(m)) +
			    (cost->sram_read + cost->sram_written) *
				    npu_energy_sram_fj(m->sram_size);

	if (opp)
		switched = switched * npu_opp(opp)->dynamic_permille / 1000;
	return switched +
	       (cost->mem_read + cost->mem_written) * NPU_ENERGY_MEM_FJ;
}

/* Femtojoules that a core's SRAM and weight buffer leak in so many cycles. */
static inline uint64_t npu_energy_leak(const struct npu_machine *m,
				       uint32_t opp, uint64_t cycles)
{
	/* nW x ns = 1e-18 J = 1e-3 fJ; ns = cycles x 10^6 / kHz */
	return cycles * NPU_LEAK_NW_PER_KIB * npu_opp(opp)->leak_permille /
	       npu_opp_khz(m, opp) * (npu_machine_store(m) / 1024);
}

/* Nanowatts of a core without a job, as its register GATE says. */
static inline uint64_t npu_power_idle_nw(const struct npu_machine *m,
					 uint32_t opp, enum npu_core_gate gate)
{
	uint64_t leak = NPU_LEAK_NW_PER_KIB * (npu_machine_store(m) / 1024) *
			npu_opp(opp)->leak_permille / 1000;
	uint64_t clock = (uint64_t)NPU_ENERGY_CLOCK_FJ * m->macs *
			 npu_opp_khz(m, opp) / 1000 *
			 npu_opp(opp)->dynamic_permille / 1000;

	switch (gate) {
	case NPU_GATE_POWER:
		return 0;
	case NPU_GATE_CLOCK:
		return leak;
	default:
		return leak + clock;
	}
}

/**
 * struct npu_totals - what a job cost so far
 * @commands: finished ones
 * @cycles: from the start on, by the operating point that they went by at
 * @energy_fj: without leakage, which npu_totals_energy() adds
 * @mac_ops: as in struct npu_cost; likewise the others
 * @mem_read: the commands' own fetches included
 */
struct npu_totals {
	uint64_t commands;
	uint64_t cycles[NPU_OPP_COUNT];
	uint64_t energy_fj;
	uint64_t mac_ops;
	uint64_t sram_read;
	uint64_t sram_written;
	uint64_t mem_read;
	uint64_t mem_written;
};

static inline uint64_t npu_totals_cycles(const struct npu_totals *total)
{
	uint64_t cycles = 0;
	uint32_t i;

	for (i = 0; i < NPU_OPP_COUNT; i++)
		cycles += total->cycles[i];
	return cycles;
}

/* npu_totals_add(), with npu_energy() known. */
static inline void npu_totals_count(struct npu_totals *total, uint32_t opp,
				    const struct npu_cost *cost,
				    uint64_t energy_fj, uint64_t end)
{
	total->commands++;
	total->cycles[opp] += end - npu_totals_cycles(total);
	total->energy_fj += energy_fj + NPU_CMD_SIZE * NPU_ENERGY_MEM_FJ;
	total->mac_ops += cost->mac_ops;
	total->sram_read += cost->sram_read;
	total->sram_written += cost->sram_written;
	total->mem_read += cost->mem_read + NPU_CMD_SIZE;
	total->mem_written += cost->mem_written;
}

/**
 * npu_totals_add() - count a command
 * @total: its job's
 * @m: the machine
 * @opp: the operating point at which it was executed
 * @cost: from npu_cost()
 * @end: the last cycle so far in which a command of the job ended
 */
static inline void npu_totals_add(struct npu_totals *total,
				  const struct npu_machine *m, uint32_t opp,
				  const struct npu_cost *cost, uint64_t end)
{
	npu_totals_count(total, opp, cost, npu_energy(m, opp, cost), end);
}

/* Femtojoules of a job. */
static inline uint64_t npu_totals_energy(const struct npu_totals *total,
					 const struct npu_machine *m)
{
	uint64_t energy_fj = total->energy_fj;
	uint32_t i;

	for (i = 0; i < NPU_OPP_COUNT; i++)
		energy_fj += npu_energy_leak(m, i, total->cycles[i]);
	return energy_fj;
}

/* Nanoseconds of a job, by the clocks at which it ran. */
static inline uint64_t npu_totals_ns(const struct npu_totals *total,
				     const struct npu_machine *m)
{
	uint64_t ns = 0;
	uint32_t i;

	for (i = 0; i < NPU_OPP_COUNT; i++)
		ns += total->cycles[i] * 1000000 / npu_opp_khz(m, i);
	return ns;
}

/* A job's clock on average, in permille of the machine's: of its time. */
static inline uint32_t npu_totals_clock_permille(const struct npu_totals *total)
{
	uint64_t cycles = npu_totals_cycles(total), time = 0;
	uint32_t i;

	for (i = 0; i < NPU_OPP_COUNT; i++)
		time += total->cycles[i] * 1000 / npu_opp(i)->clock_permille;
	return time ? (uint32_t)((cycles * 1000 + time / 2) / time) : 1000;
}

#endif
