/* SPDX-License-Identifier: MIT */
/*
 * A lock that serves in the order of asking. Threads that run one job after
 * the other would starve the rest with a plain mutex.
 *
 * Who asks tries for a moment, since the lock is mostly held for less than a
 * thread takes to sleep and wake, and sleeps only then.
 */
#ifndef SIM_TURN_H
#define SIM_TURN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TURN_TRIES 4000 /* some microseconds */

struct turn {
	_Atomic uint64_t next;
	_Atomic uint64_t serving;
	_Atomic uint32_t sleepers;
	pthread_mutex_t lock; /* guards sleep, and what sim.h says */
	pthread_cond_t changed;
};

static inline void turn_init(struct turn *turn)
{
	pthread_mutex_init(&turn->lock, NULL);
	pthread_cond_init(&turn->changed, NULL);
	atomic_init(&turn->next, 0);
	atomic_init(&turn->serving, 0);
	atomic_init(&turn->sleepers, 0);
}

static inline void turn_fini(struct turn *turn)
{
	pthread_cond_destroy(&turn->changed);
	pthread_mutex_destroy(&turn->lock);
}

/* Let the processor do something else for an instant. */
static inline void turn_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

/* Either the giver sees that somebody sleeps, or the sleeper that it is its turn. */
static inline void turn_sleep(struct turn *turn, uint64_t mine)
{
	pthread_mutex_lock(&turn->lock);
	atomic_fetch_add(&turn->sleepers, 1);
	while (atomic_load(&turn->serving) != mine)
		pthread_cond_wait(&turn->changed, &turn->lock);
	atomic_fetch_sub(&turn->sleepers, 1);
	pthread_mutex_unlock(&turn->lock);
}

static inline void turn_take(struct turn *turn)
{
	uint64_t mine = atomic_fetch_add(&turn->next, 1);
	uint32_t tries;

	for (tries = 0; tries < TURN_TRIES; tries++) {
		if (atomic_load(&turn->serving) == mine)
			return;
		turn_pause();
	}
	turn_sleep(turn, mine);
}

/* With turn->lock, too. */
static inline void turn_give_locked(struct turn *turn)
{
	atomic_fetch_add(&turn->serving, 1);
	if (atomic_load(&turn->sleepers))
		pthread_cond_broadcast(&turn->changed);
}

static inline void turn_give(struct turn *turn)
{
	atomic_fetch_add(&turn->serving, 1);
	if (!atomic_load(&turn->sleepers))
		return;
	pthread_mutex_lock(&turn->lock);
	pthread_cond_broadcast(&turn->changed);
	pthread_mutex_unlock(&turn->lock);
}

/* Let others have a turn, if any asks for one. */
static inline void turn_pass(struct turn *turn)
{
	if (atomic_load(&turn->serving) + 1 == atomic_load(&turn->next))
		return;
	turn_give(turn);
	turn_take(turn);
}

#endif
