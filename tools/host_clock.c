// SPDX-License-Identifier: MIT
/*
 * host-clock: prints how fast this computer's time stamp counter runs, in kHz. A guest
 * under TCG has the same counter, but finds its speed out with emulated timers, which on
 * a busy computer it sometimes can't; so tools/vm tells it. Prints nothing where there
 * is no such counter.
 */
#include <stdio.h>

#ifdef __x86_64__
#include <stdint.h>
#include <time.h>
#include <x86intrin.h>

#define SPAN_NS 20000000
#define TRIES 64

/* The counter and the clock at one moment. */
struct moment {
	uint64_t ticks;
	uint64_t ns;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Between two looks at the clock; the closest ones of some, as others interrupt. */
static struct moment look(void)
{
	struct moment best = { 0 };
	uint64_t shortest = UINT64_MAX;
	int i;

	for (i = 0; i < TRIES; i++) {
		uint64_t before = now_ns(), ticks = __rdtsc();
		uint64_t took = now_ns() - before;

		if (took < shortest) {
			shortest = took;
			best = (struct moment){ ticks, before + took / 2 };
		}
	}
	return best;
}

int main(void)
{
	const struct timespec span = { .tv_nsec = SPAN_NS };
	struct moment begin = look(), end;

	nanosleep(&span, NULL);
	end = look();
	printf("%.0f\n", (double)(end.ticks - begin.ticks) * 1e6 /
				 (double)(end.ns - begin.ns));
	return 0;
}
#else
int main(void)
{
	return 0;
}
#endif
