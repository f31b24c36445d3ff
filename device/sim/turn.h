/* SPDX-License-Identifier: MIT */
/*
 * A lock that serves in the order of asking. Threads that run one job after
 * the other would starve the rest with a plain mutex.
 */
#ifndef SIM_TURN_H
#define SIM_TURN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct turn {
	pthread_mutex_t lock; /* guards the rest, and what sim.h says */
	pthread_cond_t changed;
	_Atomic uint64_t next; /* changes with the lock, too */
	uint64_t serving; /* changes by who has the turn */
};

static inline void turn_init(struct turn *turn)
{
	pthread_mutex_init(&turn->lock, NULL);
	pthread_cond_init(&turn->changed, NULL);
	atomic_init(&turn->next, 0);
	turn->serving = 0;
}

static inline void turn_fini(struct turn *turn)
{
	pthread_cond_destroy(&turn->changed);
	pthread_mutex_destroy(&turn->lock);
}

static inline void turn_take(struct turn *turn)
{
	uint64_t mine;

	pthread_mutex_lock(&turn->lock);
	mine = atomic_fetch_add(&turn->next, 1);
	while (mine != turn->serving)
		pthread_cond_wait(&turn->changed, &turn->lock);
	pthread_mutex_unlock(&turn->lock);
}

static inline void turn_give(struct turn *turn)
{
	pthread_mutex_lock(&turn->lock);
	turn->serving++;
	if (turn->serving != atomic_load(&turn->next))
		pthread_cond_broadcast(&turn->changed);
	pthread_mutex_unlock(&turn->lock);
}

/* Let others have a turn, if any asks for one. */
static inline void turn_pass(struct turn *turn)
{
	if (turn->serving + 1 == atomic_load(&turn->next))
		return;
	turn_give(turn);
	turn_take(turn);
}

#endif
