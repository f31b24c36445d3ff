/* SPDX-License-Identifier: MIT */
/*
 * Integer types of everything that crosses a border: registers, commands,
 * rings, program files. Wire integers are little-endian. The kernel has its own
 * checked types for them; everywhere else they are plain integers and a
 * big-endian compiler is refused, so that a struct can be read in place.
 */
#ifndef NPU_TYPES_H
#define NPU_TYPES_H

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/types.h>

typedef __le16 npu_le16;
typedef __le32 npu_le32;
typedef __le64 npu_le64;
#else
#include <stddef.h>
#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "TinyNPU's wire structs are read in place: little-endian hosts only"
#endif

typedef uint16_t npu_le16;
typedef uint32_t npu_le32;
typedef uint64_t npu_le64;
#endif

/* The hardware's version: in its registers, firmware images and programs. */
#define NPU_HW_VERSION_MAJOR 1
#define NPU_HW_VERSION_MINOR 4
#define NPU_HW_MINOR_WEIGHT_BUFFER 3 /* the first one that has it; likewise: */
#define NPU_HW_MINOR_CONV_ADD 4

#define NPU_ASSERT_SIZE(type, size) \
	_Static_assert(sizeof(type) == (size), #type " has a fixed size")
#define NPU_ASSERT_OFFSET(type, member, offset)                       \
	_Static_assert(__builtin_offsetof(type, member) == (offset), \
		       #type "." #member " has a fixed place")

#endif
