// SPDX-License-Identifier: MIT
/*
 * Who waits for a core, and whose turn it is. Called by sched.c, admin.c and
 * account.c.
 *
 * A queue that may have jobs, or whose job was preempted, and that runs none is
 * in the line of its priority; the most urgent line that is not empty is served.
 * In a line the client goes first that has used the least of the machine, in
 * cycles of its jobs of this priority: a client is a context, however many
 * queues it has. Its queues take turns.
 *
 * Who was idle has no claim to what it did not use: when it comes back it is
 * taken to have used as much as the client that was served last, but for one
 * slice, so that who submits one job after the other is not set back by the
 * moments in between.
 */
#include "fw.h"
#include "io.h"

/* Microseconds of the machine's time, by priority. */
static const uint32_t slice_us[NPU_PRIORITIES] = { 2000, 1000, 500, 250 };

void line_init(struct fw *fw, uint32_t clock_khz)
{
	uint32_t i;

	for (i = 0; i < NPU_PRIORITIES; i++) {
		fw->lines[i] = (struct fw_line){
			.first = FW_NONE,
			.last = FW_NONE,
			.slice = (uint64_t)clock_khz * slice_us[i] / 1000,
		};
		if (!fw->lines[i].slice)
			fw->lines[i].slice = 1;
	}
}

static uint64_t *used_by(struct fw *fw, const struct fw_queue *queue)
{
	return &fw->used[queue->context][queue->priority];
}

/* Jobs of the queue have used so many cycles more. */
void line_charge(struct fw *fw, uint32_t index, uint64_t cycles)
{
	*used_by(fw, &fw->queues[index]) += cycles;
}

/* A new client begins where the others are. */
void line_forget_client(struct fw *fw, uint32_t context)
{
	uint32_t i;

	for (i = 0; i < NPU_PRIORITIES; i++)
		fw->used[context][i] = fw->lines[i].served;
}

static void append(struct fw *fw, uint32_t index)
{
	struct fw_line *line = &fw->lines[fw->queues[index].priority];

	fw->queues[index].next = FW_NONE;
	if (line->last == FW_NONE)
		line->first = index;
	else
		fw->queues[line->last].next = index;
	line->last = index;
}

static void prepend(struct fw *fw, uint32_t index)
{
	struct fw_line *line = &fw->lines[fw->queues[index].priority];

	fw->queues[index].next = line->first;
	line->first = index;
	if (line->last == FW_NONE)
		line->last = index;
}

static bool can_wait(const struct fw_queue *queue)
{
	return queue->state == FW_QUEUE_ACTIVE && queue->core == FW_NONE &&
	       !queue->is_waiting;
}

/* A queue whose job has left its core waits for its next turn. */
void line_return(struct fw *fw, uint32_t index, bool is_first)
{
	struct fw_queue *queue = &fw->queues[index];

	if (!can_wait(queue))
		return;
	queue->is_waiting = true;
	fw->waiting++;
	queue->has_jobs = queue->is_parked;
	if (is_first)
		prepend(fw, index);
	else
		append(fw, index);
}

static bool is_same_client(const struct fw_queue *a, const struct fw_queue *b)
{
	return a->context == b->context && a->priority == b->priority;
}

static bool is_client_busy(const struct fw *fw, const struct fw_queue *queue)
{
	uint32_t i;

	for (i = fw->lines[queue->priority].first; i != FW_NONE;
	     i = fw->queues[i].next)
		if (is_same_client(&fw->queues[i], queue))
			return true;
	for (i = 0; i < fw->core_count; i++)
		if (fw->cores[i].state != FW_CORE_IDLE &&
		    is_same_client(&fw->queues[fw->cores[i].queue], queue))
			return true;
	return false;
}

/* A queue that was idle may have jobs: let a core look. */
void line_join(struct fw *fw, uint32_t index)
{
	struct fw_queue *queue = &fw->queues[index];
	struct fw_line *line = &fw->lines[queue->priority];
	uint64_t *used = used_by(fw, queue);

	if (!can_wait(queue))
		return;
	if (!is_client_busy(fw, queue) && *used + line->slice < line->served)
		*used = line->served - line->slice;
	line_return(fw, index, false);
}

/* Take a queue out of its line; @before is its neighbour or FW_NONE. */
static void unlink_queue(struct fw *fw, uint32_t index, uint32_t before)
{
	struct fw_queue *queue = &fw->queues[index];
	struct fw_line *line = &fw->lines[queue->priority];

	if (before == FW_NONE)
		line->first = queue->next;
	else
		fw->queues[before].next = queue->next;
	if (line->last == index)
		line->last = before;
	queue->is_waiting = false;
	fw->waiting--;
}

void line_leave(struct fw *fw, uint32_t index)
{
	struct fw_queue *queue = &fw->queues[index];
	uint32_t before = FW_NONE;
	uint32_t i;

	if (!queue->is_waiting)
		return;
	for (i = fw->lines[queue->priority].first; i != index;
	     i = fw->queues[i].next)
		before = i;
	unlink_queue(fw, index, before);
}

/* Take out the first queue of the client that has used the least. */
static uint32_t take_next(struct fw *fw, struct fw_line *line)
{
	uint32_t best = line->first;
	uint32_t best_before = FW_NONE;
	uint32_t before = best;
	uint32_t i;

	for (i = fw->queues[best].next; i != FW_NONE; i = fw->queues[i].next) {
		if (*used_by(fw, &fw->queues[i]) <
		    *used_by(fw, &fw->queues[best])) {
			best = i;
			best_before = before;
		}
		before = i;
	}
	unlink_queue(fw, best, best_before);
	if (*used_by(fw, &fw->queues[best]) > line->served)
		line->served = *used_by(fw, &fw->queues[best]);
	return best;
}

/* Take out the queue whose turn it is; FW_NONE if nobody waits. */
uint32_t line_next(struct fw *fw)
{
	uint32_t priority = NPU_PRIORITIES;

	if (!fw->waiting)
		return FW_NONE;
	while (fw->lines[--priority].first == FW_NONE)
		;
	return take_next(fw, &fw->lines[priority]);
}

/* Sends those away that wait without jobs; returns whether one is left. */
static bool look_at_line(struct fw *fw, struct fw_line *line)
{
	uint32_t before = FW_NONE;
	struct fw_queue *queue;
	uint32_t i, next;

	for (i = line->first; i != FW_NONE; i = next) {
		queue = &fw->queues[i];
		next = queue->next;
		if (!queue->has_jobs)
			queue->has_jobs = queue_look(queue);
		if (queue->has_jobs)
			before = i;
		else
			unlink_queue(fw, i, before);
	}
	return line->first != FW_NONE;
}

/*
 * How long a core may go on with a job of each priority, in cycles: to its end
 * (0) if nobody waits, for a slice among equals, and not at all (1) if somebody
 * more urgent waits.
 */
void line_find_slices(struct fw *fw, uint32_t slices[NPU_PRIORITIES])
{
	uint32_t priority = NPU_PRIORITIES;
	bool is_urgent = false;
	bool is_waiting;

	while (priority--) {
		is_waiting = look_at_line(fw, &fw->lines[priority]);
		slices[priority] = is_urgent ? 1 :
				   is_waiting ? fw->lines[priority].slice : 0;
		is_urgent |= is_waiting;
	}
}
