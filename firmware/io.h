/* SPDX-License-Identifier: MIT */
/*
 * The firmware's only way out of its own memory: loads and stores of registers
 * and windows. On the controller these are plain accesses; a host that tests
 * the firmware provides the functions itself (tests/unit/firmware_board.c).
 */
#ifndef FW_IO_H
#define FW_IO_H

#include <npu/regs.h>
#include <npu/types.h>

#if defined(__riscv)

static inline uint32_t io_read32(uint32_t address)
{
	return *(volatile uint32_t *)address;
}

static inline void io_write32(uint32_t address, uint32_t value)
{
	*(volatile uint32_t *)address = value;
}

static inline void io_write8(uint32_t address, uint8_t value)
{
	*(volatile uint8_t *)address = value;
}

/* What was accessed before is done, for everybody, before what comes after. */
static inline void io_fence(void)
{
	__asm__ volatile("fence" ::: "memory");
}

/* Sleep until an enabled interrupt is pending; returns at once if one is. */
static inline void io_wait(void)
{
	__asm__ volatile("wfi" ::: "memory");
}

#else

uint32_t io_read32(uint32_t address);
void io_write32(uint32_t address, uint32_t value);
void io_write8(uint32_t address, uint8_t value);
void io_fence(void);

#endif

static inline uint32_t io_sys_read(uint32_t reg)
{
	return io_read32(NPU_SYS_BASE + reg);
}

static inline void io_sys_write(uint32_t reg, uint32_t value)
{
	io_write32(NPU_SYS_BASE + reg, value);
}

/* Nanoseconds; reading the low half latches the high one. */
static inline uint64_t io_time_ns(void)
{
	uint32_t low = io_sys_read(NPU_SYS_TIME_LO);

	return (uint64_t)io_sys_read(NPU_SYS_TIME_HI) << 32 | low;
}

static inline uint64_t io_read64(uint32_t address)
{
	uint32_t low = io_read32(address);

	return (uint64_t)io_read32(address + 4) << 32 | low;
}

static inline uint64_t io_sys_read64(uint32_t reg)
{
	return io_read64(NPU_SYS_BASE + reg);
}

static inline void io_write64(uint32_t address, uint64_t value)
{
	io_write32(address, (uint32_t)value);
	io_write32(address + 4, (uint32_t)(value >> 32));
}

/*
 * Copy a struct out of a window, or into one; @bytes is a multiple of 4. Four words
 * in each turn: half of a job's way through here would be the loop.
 */
static inline void io_load(void *dest, uint32_t address, uint32_t bytes)
{
	uint32_t *words = dest;

	for (; bytes >= 16; bytes -= 16, address += 16, words += 4) {
		words[0] = io_read32(address);
		words[1] = io_read32(address + 4);
		words[2] = io_read32(address + 8);
		words[3] = io_read32(address + 12);
	}
	for (; bytes; bytes -= 4, address += 4)
		*words++ = io_read32(address);
}

static inline void io_store(uint32_t address, const void *src, uint32_t bytes)
{
	const uint32_t *words = src;

	for (; bytes >= 16; bytes -= 16, address += 16, words += 4) {
		io_write32(address, words[0]);
		io_write32(address + 4, words[1]);
		io_write32(address + 8, words[2]);
		io_write32(address + 12, words[3]);
	}
	for (; bytes; bytes -= 4, address += 4)
		io_write32(address, *words++);
}

#endif
