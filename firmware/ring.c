// SPDX-License-Identifier: MIT
/*
 * The firmware's ends of all rings: it empties the admin ring and the queues'
 * rings and fills the event ring. The order of accesses is that of npu/ring.h's
 * opening comment; each fence names its partner there. Called by sched.c and
 * admin.c. What the windows show belongs to others and is never believed.
 */
#include "fw.h"
#include "io.h"

/* What each window shows; the same again, as for a queue's next job, is not set. */
static struct shown {
	uint64_t base;
	uint32_t size;
	uint32_t ctrl; /* 0: nothing */
} shown[FW_WINDOW_COUNT];

/* The controller has been reset: nothing is shown. */
void windows_reset(void)
{
	enum fw_window window;

	for (window = 0; window < FW_WINDOW_COUNT; window++)
		shown[window].ctrl = 0;
}

static void map(enum fw_window window, uint64_t base, uint32_t size,
		uint32_t ctrl)
{
	struct shown *now = &shown[window];

	io_write32(NPU_ATU_BASE + NPU_ATU_FAULT(window), 0);
	ctrl |= NPU_ATU_ENABLE;
	if (now->base == base && now->size == size && now->ctrl == ctrl)
		return;
	*now = (struct shown){ base, size, ctrl };
	io_write32(NPU_ATU_BASE + NPU_ATU_BASE_LO(window), (uint32_t)base);
	io_write32(NPU_ATU_BASE + NPU_ATU_BASE_HI(window),
		   (uint32_t)(base >> 32));
	io_write32(NPU_ATU_BASE + NPU_ATU_LIMIT(window), size);
	io_write32(NPU_ATU_BASE + NPU_ATU_CTRL(window), ctrl);
}

/* Show @size bytes at bus address @base; forgets the window's fault. */
void window_map(enum fw_window window, uint64_t base, uint32_t size)
{
	map(window, base, size, 0);
}

/* Likewise, at address @base of @context. */
void window_map_context(enum fw_window window, uint64_t base, uint32_t size,
			uint32_t context)
{
	map(window, base, size, NPU_ATU_TRANSLATE | NPU_ATU_CONTEXT(context));
}

/* The first fault since this was asked last, or NPU_FAULT_NONE. */
enum npu_fault window_take_fault(enum fw_window window)
{
	uint32_t fault = io_read32(NPU_ATU_BASE + NPU_ATU_FAULT(window));

	if (fault)
		io_write32(NPU_ATU_BASE + NPU_ATU_FAULT(window), 0);
	return fault;
}

/* --- The admin ring -------------------------------------------------------- */

static void admin_arm(struct fw *fw, bool is_armed)
{
	if (fw->is_admin_armed == is_armed)
		return;
	fw->is_admin_armed = is_armed;
	io_write32(FW_INIT(admin_armed), is_armed);
}

/* How many commands wait; a tail that can't be counts as none. */
static uint32_t admin_count(struct fw *fw)
{
	uint32_t tail = io_read32(FW_INIT(admin_tail));
	uint32_t count = tail - fw->admin_head;

	if (count <= NPU_ADMIN_ENTRIES)
		return count;
	log_print(fw, NPU_LOG_ERROR, "admin ring: tail %u, head %u", tail,
		  fw->admin_head);
	return 0;
}

/*
 * Take the next admin command. If there is none the ring is armed: a doorbell
 * will tell. Returns whether @cmd was filled.
 */
bool admin_take(struct fw *fw, struct npu_admin_cmd *cmd)
{
	uint32_t slot = fw->admin_head % NPU_ADMIN_ENTRIES;

	if (!admin_count(fw)) {
		admin_arm(fw, true);
		io_fence(); /* the driver's between tail and armed flag */
		if (!admin_count(fw)) {
			fw->is_admin_pending = false;
			return false;
		}
	}
	admin_arm(fw, false);
	io_fence(); /* the driver's between entries and tail */
	io_load(cmd, NPU_WINDOW(FW_WINDOW_ADMIN) + slot * sizeof(*cmd),
		sizeof(*cmd));
	io_fence(); /* the driver's between head and writing again */
	fw->admin_head++;
	io_write32(FW_INIT(admin_head), fw->admin_head);
	return true;
}

/* --- The event ring -------------------------------------------------------- */

/* Is there room for an event? A head that can't be means that there is none. */
bool event_has_room(struct fw *fw)
{
	if (fw->event_tail - fw->event_head < NPU_EVENT_ENTRIES)
		return true;
	fw->event_head = io_read32(FW_INIT(event_head));
	io_fence(); /* the driver's between entries and head */
	return fw->event_tail - fw->event_head < NPU_EVENT_ENTRIES;
}

/*
 * Write an event, for which there is room; event_publish() shows it. If it is not
 * urgent, the driver's interrupt may wait for others.
 */
void event_put(struct fw *fw, const struct npu_event *event, bool is_urgent)
{
	uint32_t slot = fw->event_tail % NPU_EVENT_ENTRIES;

	io_store(NPU_WINDOW(FW_WINDOW_EVENTS) + slot * sizeof(*event), event,
		 sizeof(*event));
	fw->event_tail++;
	fw->is_event_urgent |= is_urgent;
}

/* Wake the driver if it sleeps. */
static void event_signal(struct fw *fw)
{
	io_fence(); /* the driver's between armed flag and tail */
	if (io_read32(FW_INIT(event_armed)))
		io_sys_write(NPU_SYS_HOST_IRQ, NPU_VECTOR_EVENTS);
	fw->event_signalled = fw->event_tail;
	fw->is_event_urgent = false;
}

/* Show all events to the driver, and tell it if it is time to. */
void event_publish(struct fw *fw, uint64_t now)
{
	if (fw->event_signalled == fw->event_tail)
		return;
	if (fw->event_signalled == fw->event_published)
		fw->event_due = now + FW_EVENTS_NS;
	if (fw->event_published != fw->event_tail) {
		io_fence(); /* the driver's between tail and entries */
		io_write32(FW_INIT(event_tail), fw->event_tail);
		fw->event_published = fw->event_tail;
		io_write64(FW_INIT(jobs_done), fw->jobs_done);
	}
	if (fw->is_event_urgent || now >= fw->event_due ||
	    fw->event_tail - fw->event_signalled >= FW_EVENTS_BATCH)
		event_signal(fw);
}

/* --- Queues' rings --------------------------------------------------------- */

/* Show the queue's ring, as far as its owner can see it; see FW_RING(). */
void queue_show(const struct fw_queue *queue)
{
	uint32_t size = sizeof(struct npu_queue_ring);

	if (queue->is_user)
		window_map_context(FW_WINDOW_QUEUE, queue->ring, size,
				   queue->context);
	else
		window_map(FW_WINDOW_QUEUE, queue->ring, size);
}

static void arm(struct fw_queue *queue, bool is_armed)
{
	if (queue->is_armed == is_armed)
		return;
	queue->is_armed = is_armed;
	io_write32(FW_RING(armed), is_armed);
}

/* Nobody needs to ring for this queue any more. */
void queue_disarm(struct fw_queue *queue)
{
	queue_show(queue);
	arm(queue, false);
}

/*
 * How many jobs wait in the ring that is shown: up to its entries, or
 * UINT32_MAX if the tail can't be right or can't be read.
 */
static uint32_t count(struct fw_queue *queue)
{
	uint32_t jobs = io_read32(FW_RING(tail)) - queue->head;

	queue->fault = window_take_fault(FW_WINDOW_QUEUE);
	if (queue->fault || queue->is_lost || jobs > queue->entries)
		return UINT32_MAX;
	return jobs;
}

/* Likewise for a queue that is not shown. */
uint32_t queue_count_jobs(struct fw_queue *queue)
{
	queue_show(queue);
	return count(queue);
}

/* The same; if there is none the ring is armed: a doorbell will tell. */
static uint32_t count_or_arm(struct fw_queue *queue)
{
	uint32_t jobs;

	queue_show(queue);
	jobs = count(queue);
	if (jobs)
		return jobs;
	arm(queue, true);
	io_fence(); /* the submitter's between tail and armed flag */
	return count(queue);
}

/* Whether a queue has jobs, or a ring that a core has to be told of. */
bool queue_look(struct fw_queue *queue)
{
	return count_or_arm(queue);
}

/* Take the queue's next job. */
enum fw_take queue_take(struct fw_queue *queue, struct npu_job *job)
{
	uint32_t slot = queue->head % queue->entries;
	uint32_t jobs = count_or_arm(queue);

	if (!jobs)
		return FW_TAKE_NONE;
	if (jobs == UINT32_MAX)
		return FW_TAKE_CORRUPT;
	arm(queue, false);
	io_fence(); /* the submitter's between entries and tail */
	io_load(job, FW_RING(jobs) + slot * sizeof(*job), sizeof(*job));
	queue->fault = window_take_fault(FW_WINDOW_QUEUE);
	if (queue->fault)
		return FW_TAKE_CORRUPT;
	io_fence(); /* the submitter's between head and writing again */
	queue->head++;
	io_write32(FW_RING(head), queue->head);
	return FW_TAKE_JOB;
}
