// SPDX-License-Identifier: MIT
/*
 * The host's peak: dot-product instructions that do nothing but follow each
 * other, with as many sums as hide their latency. Called by bench.c.
 */
#include "peak.h"

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#ifdef __x86_64__
#include <immintrin.h>

#define SUMS 12
#define ROUNDS 20000 /* some tens of microseconds */
#define RUNS 100

/* In a register, and not known to the compiler; so loops over sums are unrolled. */
#define OPAQUE(vector) __asm__ volatile("" : "+v"(vector))

__attribute__((target("avx512f,avx512vnni"))) static void run_avx512(void)
{
	__m512i x = _mm512_setzero_si512(), y = x, sum[SUMS];
	uint32_t i, round;

#pragma GCC unroll 12
	for (i = 0; i < SUMS; i++)
		sum[i] = x;
	OPAQUE(y);
	for (round = 0; round < ROUNDS; round++) {
		OPAQUE(x);
#pragma GCC unroll 12
		for (i = 0; i < SUMS; i++) {
			sum[i] = _mm512_dpbusd_epi32(sum[i], x, y);
			OPAQUE(sum[i]);
		}
	}
}

__attribute__((target("avx2"))) static void run_avx2(void)
{
	__m256i x = _mm256_setzero_si256(), y = x, sum[SUMS];
	uint32_t i, round;

#pragma GCC unroll 12
	for (i = 0; i < SUMS; i++)
		sum[i] = x;
	OPAQUE(y);
	for (round = 0; round < ROUNDS; round++) {
#pragma GCC unroll 12
		for (i = 0; i < SUMS; i++) {
			__m256i product;

			OPAQUE(x);
			product = _mm256_madd_epi16(x, y);
			sum[i] = _mm256_add_epi32(sum[i], product);
			OPAQUE(sum[i]);
		}
	}
}

static bool has_avx512(void)
{
	return __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512vnni");
}

static bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

/* The best first. */
static const struct method {
	const char *instruction;
	bool (*is_supported)(void);
	void (*run)(void);
	uint32_t macs; /* of one instruction */
} methods[] = {
	{ "vpdpbusd", has_avx512, run_avx512, 64 },
	{ "vpmaddwd", has_avx2, run_avx2, 16 },
};

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e9 * t.tv_sec + t.tv_nsec;
}

/* The fastest run: others on this computer can but slow it down. */
static double measure(const struct method *method)
{
	double best = 0, start, rate;
	uint32_t i;

	for (i = 0; i < RUNS; i++) {
		start = now_ns();
		method->run();
		rate = (double)method->macs * SUMS * ROUNDS /
		       (now_ns() - start);
		best = rate > best ? rate : best;
	}
	return best;
}

bool peak_measure(struct peak *peak)
{
	size_t i;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (!methods[i].is_supported())
			continue;
		peak->instruction = methods[i].instruction;
		peak->macs_per_ns = measure(&methods[i]);
		return true;
	}
	return false;
}
#else
bool peak_measure(struct peak *peak)
{
	return false;
}
#endif
