// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the rings shared with the firmware. The test plays the firmware:
 * it takes commands and writes events, right and wrong ones, also where the
 * counters wrap.
 */

#include <kunit/test.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/workqueue.h>
#include <drm/drm_print.h>
#include <npu/ring.h>

#include "../tnpu_ring.h"
#include "fake.h"

#define TNPU_RING_TEST_ANSWER 0x1000 /* results are this and what was asked */
#define TNPU_RING_TEST_PATIENCE_US (300 * USEC_PER_SEC)

/**
 * struct tnpu_ring_caller - somebody who sends a command, and waits
 * @work: sends it
 * @tdev: where to
 * @arg: its argument
 * @ret: what the call returned
 * @results: what was answered
 */
struct tnpu_ring_caller {
	struct work_struct work;
	struct tnpu_device *tdev;
	u64 arg;
	int ret;
	u64 results[TNPU_ADMIN_RESULTS];
};

static void tnpu_ring_test_call(struct work_struct *work)
{
	struct tnpu_ring_caller *caller =
		container_of(work, struct tnpu_ring_caller, work);

	down_read(&caller->tdev->reset_sem);
	caller->ret = tnpu_ring_call(caller->tdev, NPU_ADMIN_PING, caller->arg,
				     0, 0, caller->results);
	up_read(&caller->tdev->reset_sem);
}

static struct tnpu_ring_caller *tnpu_ring_test_start(struct kunit *test, u32 count)
{
	struct tnpu_ring_caller *callers =
		kunit_kcalloc(test, count, sizeof(*callers), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, callers);
	for (i = 0; i < count; i++) {
		callers[i].tdev = test->priv;
		callers[i].arg = i;
		callers[i].ret = 1;
		INIT_WORK(&callers[i].work, tnpu_ring_test_call);
		queue_work(system_unbound_wq, &callers[i].work);
	}
	return callers;
}

static void tnpu_ring_test_finish(struct tnpu_ring_caller *callers, u32 count)
{
	while (count--)
		flush_work(&callers[count].work);
}

/* Who looks at the commands is the firmware, whose heart beats meanwhile. */
static u32 tnpu_ring_test_tail(struct tnpu_device *tdev)
{
	struct npu_init *init = tdev->ring.init;

	WRITE_ONCE(init->heartbeat,
		   cpu_to_le32(le32_to_cpu(init->heartbeat) + 1));
	return le32_to_cpu(READ_ONCE(init->admin_tail));
}

/* Until so many commands have been written behind @head. */
static void tnpu_ring_test_await(struct kunit *test, struct tnpu_device *tdev,
				 u32 head, u32 count)
{
	u32 tail;

	KUNIT_ASSERT_EQ(test, 0,
			read_poll_timeout(tnpu_ring_test_tail, tail,
					  tail - head == count, 100,
					  TNPU_RING_TEST_PATIENCE_US, false,
					  tdev));
}

static const struct npu_admin_cmd *
tnpu_ring_test_command(struct tnpu_device *tdev, u32 number)
{
	return &tdev->ring.admin[number % NPU_ADMIN_ENTRIES];
}

/* An event for the driver, which has not been told of it yet. */
static struct npu_event *tnpu_ring_test_event(struct tnpu_device *tdev, u16 type)
{
	struct npu_init *init = tdev->ring.init;
	u32 tail = le32_to_cpu(init->event_tail);
	struct npu_event *event = &tdev->ring.events[tail % NPU_EVENT_ENTRIES];

	memset(event, 0, sizeof(*event));
	event->type = cpu_to_le16(type);
	init->event_tail = cpu_to_le32(tail + 1);
	return event;
}

/* Answers a command with what it asked for. */
static void tnpu_ring_test_answer(struct tnpu_device *tdev,
				  const struct npu_admin_cmd *command, u32 status)
{
	struct npu_event *event =
		tnpu_ring_test_event(tdev, NPU_EVENT_ADMIN_DONE);

	event->id = cpu_to_le64(le32_to_cpu(command->seq));
	event->status = cpu_to_le32(status);
	event->args[0] = cpu_to_le64(le64_to_cpu(command->args[0]) +
				     TNPU_RING_TEST_ANSWER);
	event->args[2] = command->args[0];
}

/* A ring whose counters are at @begin, open. */
static struct tnpu_device *tnpu_ring_test_open(struct kunit *test, u32 begin)
{
	struct tnpu_device *tdev = test->priv;
	struct npu_init *init = tdev->ring.init;

	tnpu_ring_prepare(tdev);
	tdev->ring.admin_tail = begin;
	tdev->ring.event_head = begin;
	init->admin_tail = cpu_to_le32(begin);
	init->event_tail = cpu_to_le32(begin);
	init->event_head = cpu_to_le32(begin);
	init->abi = init->abi_max;
	KUNIT_ASSERT_EQ(test, 0, tnpu_ring_open(tdev));
	return tdev;
}

static int tnpu_ring_test_init(struct kunit *test)
{
	struct tnpu_device *tdev = tnpu_fake_device(test);

	test->priv = tdev;
	writel(NPU_FW_READY, tdev->regs + NPU_REG_SCRATCH(0));
	return tnpu_ring_init(tdev);
}

/* Nobody may wait for a test that has failed. */
static void tnpu_ring_test_exit(struct kunit *test)
{
	struct tnpu_device *tdev = test->priv;

	if (tdev && tdev->ring.init)
		tnpu_ring_abort(tdev);
}

static void tnpu_ring_test_init_block(struct kunit *test)
{
	struct tnpu_device *tdev = test->priv;
	struct tnpu_ring *ring = &tdev->ring;
	struct npu_init *init = ring->init;

	memset(init, 0xff, sizeof(*init));
	ring->log[0] = 'x';
	tnpu_ring_prepare(tdev);
	KUNIT_EXPECT_EQ(test, NPU_INIT_MAGIC, le32_to_cpu(init->magic));
	KUNIT_EXPECT_EQ(test, NPU_RING_ABI_MIN, le16_to_cpu(init->abi_min));
	KUNIT_EXPECT_EQ(test, NPU_RING_ABI_MAX, le16_to_cpu(init->abi_max));
	KUNIT_EXPECT_EQ(test, ring->admin_dma, le64_to_cpu(init->admin_ring));
	KUNIT_EXPECT_EQ(test, ring->events_dma, le64_to_cpu(init->event_ring));
	KUNIT_EXPECT_EQ(test, ring->log_dma, le64_to_cpu(init->log));
	KUNIT_EXPECT_EQ(test, 0, le32_to_cpu(init->admin_tail));
	KUNIT_EXPECT_EQ(test, 0, le32_to_cpu(init->event_tail));
	KUNIT_EXPECT_EQ(test, 1, le32_to_cpu(init->event_armed));
	KUNIT_EXPECT_EQ(test, 0, ring->log[0]);
}

static void tnpu_ring_test_versions(struct kunit *test)
{
	struct tnpu_device *tdev = test->priv;
	u32 abi;

	for (abi = 0; abi <= NPU_RING_ABI_MAX + 1; abi++) {
		int error = abi < NPU_RING_ABI_MIN || abi > NPU_RING_ABI_MAX ?
				    -EPROTO : 0;

		tnpu_ring_prepare(tdev);
		tdev->ring.init->abi = cpu_to_le16(abi);
		KUNIT_EXPECT_EQ(test, error, tnpu_ring_open(tdev));
		KUNIT_EXPECT_EQ(test, !error, tdev->ring.is_open);
		tnpu_ring_abort(tdev);
	}
}

/* Callers find their own answers, in whatever order these come. */
static void tnpu_ring_test_answers(struct kunit *test, u32 begin)
{
	struct tnpu_device *tdev = tnpu_ring_test_open(test, begin);
	struct tnpu_ring_caller *callers;
	const u32 count = 12;
	u32 i;

	callers = tnpu_ring_test_start(test, count);
	tnpu_ring_test_await(test, tdev, begin, count);
	for (i = count; i--;)
		tnpu_ring_test_answer(tdev,
				      tnpu_ring_test_command(tdev, begin + i),
				      i % 3 ? NPU_ADMIN_OK : NPU_ADMIN_OK + 1);
	tnpu_ring_drain(tdev);
	tnpu_ring_test_finish(callers, count);
	for (i = 0; i < count; i++) {
		if (callers[i].ret) {
			KUNIT_EXPECT_EQ(test, -EIO, callers[i].ret);
			continue;
		}
		KUNIT_EXPECT_EQ(test, i + TNPU_RING_TEST_ANSWER,
				callers[i].results[0]);
		KUNIT_EXPECT_EQ(test, 0, callers[i].results[1]);
		KUNIT_EXPECT_EQ(test, i, callers[i].results[2]);
	}
	KUNIT_EXPECT_EQ(test, 0, tdev->ring.in_flight);
	KUNIT_EXPECT_EQ(test, begin + count,
			le32_to_cpu(tdev->ring.init->event_head));
	tnpu_ring_abort(tdev);
}

static void tnpu_ring_test_any_order(struct kunit *test)
{
	tnpu_ring_test_answers(test, 0);
}

static void tnpu_ring_test_wraps(struct kunit *test)
{
	u32 before;

	for (before = 1; before < 12; before += 2)
		tnpu_ring_test_answers(test, -before);
}

/* No more commands than fit; who has to wait for room gets it. */
static void tnpu_ring_test_full(struct kunit *test)
{
	struct tnpu_device *tdev = tnpu_ring_test_open(test, 40);
	const u32 count = NPU_ADMIN_ENTRIES + 8;
	struct tnpu_ring_caller *callers;
	u32 head = 40, i;

	callers = tnpu_ring_test_start(test, count);
	tnpu_ring_test_await(test, tdev, head, NPU_ADMIN_ENTRIES);
	KUNIT_EXPECT_EQ(test, NPU_ADMIN_ENTRIES, tdev->ring.in_flight);
	for (i = 0; i < count; i++) {
		tnpu_ring_test_await(test, tdev, head,
				     min_t(u32, NPU_ADMIN_ENTRIES, count - i));
		tnpu_ring_test_answer(tdev, tnpu_ring_test_command(tdev, head++),
				      NPU_ADMIN_OK);
		tnpu_ring_drain(tdev);
	}
	tnpu_ring_test_finish(callers, count);
	for (i = 0; i < count; i++) {
		KUNIT_EXPECT_EQ(test, 0, callers[i].ret);
		KUNIT_EXPECT_EQ(test, i, callers[i].results[2]);
	}
}

/* A doorbell is rung if, and only if, the firmware wants to be woken. */
static void tnpu_ring_test_doorbell(struct kunit *test)
{
	struct tnpu_device *tdev = tnpu_ring_test_open(test, 0);
	void __iomem *doorbell = tdev->doorbells +
				 NPU_DOORBELL_ADMIN * NPU_DOORBELL_STRIDE;
	struct tnpu_ring_caller *caller;
	u32 armed;

	for (armed = 0; armed < 2; armed++) {
		tdev->ring.init->admin_armed = cpu_to_le32(armed);
		caller = tnpu_ring_test_start(test, 1);
		tnpu_ring_test_await(test, tdev, armed, 1);
		tnpu_ring_test_answer(tdev, tnpu_ring_test_command(tdev, armed),
				      NPU_ADMIN_OK);
		tnpu_ring_drain(tdev);
		tnpu_ring_test_finish(caller, 1);
		KUNIT_EXPECT_EQ(test, 0, caller->ret);
		KUNIT_EXPECT_EQ(test, armed, readl(doorbell));
	}
}

/* What nobody asked for, answered twice, or of an unknown type: ignored. */
static void tnpu_ring_test_nonsense(struct kunit *test)
{
	struct tnpu_device *tdev = tnpu_ring_test_open(test, 5);
	const struct npu_admin_cmd *command = tnpu_ring_test_command(tdev, 5);
	struct tnpu_ring_caller *caller;
	struct npu_event *event;

	caller = tnpu_ring_test_start(test, 1);
	tnpu_ring_test_await(test, tdev, 5, 1);
	event = tnpu_ring_test_event(tdev, NPU_EVENT_ADMIN_DONE);
	event->id = cpu_to_le64(le32_to_cpu(command->seq) + 1);
	event = tnpu_ring_test_event(tdev, NPU_EVENT_ADMIN_DONE);
	event->id = cpu_to_le64(le32_to_cpu(command->seq) | BIT_ULL(32));
	event = tnpu_ring_test_event(tdev, NPU_EVENT_JOB_DONE);
	event->id = cpu_to_le64(U64_MAX);
	event->queue = cpu_to_le16(U16_MAX);
	tnpu_ring_test_event(tdev, U16_MAX);
	tnpu_ring_drain(tdev);
	KUNIT_EXPECT_EQ(test, 1, tdev->ring.in_flight);

	tnpu_ring_test_answer(tdev, command, NPU_ADMIN_OK);
	tnpu_ring_test_answer(tdev, command, NPU_ADMIN_OK + 1);
	tnpu_ring_drain(tdev);
	tnpu_ring_test_finish(caller, 1);
	KUNIT_EXPECT_EQ(test, 0, caller->ret);
	KUNIT_EXPECT_EQ(test, 0, tdev->ring.in_flight);
	KUNIT_EXPECT_EQ(test, 11, le32_to_cpu(tdev->ring.init->event_head));
}

/* A tail that is further ahead than the ring is long: nothing is taken. */
static void tnpu_ring_test_corrupt(struct kunit *test)
{
	struct tnpu_device *tdev = tnpu_ring_test_open(test, U32_MAX);
	struct npu_init *init = tdev->ring.init;
	static const u32 ahead[] = {
		NPU_EVENT_ENTRIES + 1, 1u << 31, U32_MAX,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ahead); i++) {
		init->event_tail = cpu_to_le32(U32_MAX + ahead[i]);
		tnpu_ring_drain(tdev);
		KUNIT_EXPECT_EQ(test, U32_MAX, tdev->ring.event_head);
		KUNIT_EXPECT_EQ(test, U32_MAX, le32_to_cpu(init->event_head));
	}
	/* As long as the ring is all right: full of events of no known type. */
	init->event_tail = cpu_to_le32(U32_MAX + NPU_EVENT_ENTRIES);
	tnpu_ring_drain(tdev);
	KUNIT_EXPECT_EQ(test, U32_MAX + NPU_EVENT_ENTRIES,
			le32_to_cpu(init->event_head));
}

/* Who waits is sent away, and so is who calls later. */
static void tnpu_ring_test_abort(struct kunit *test)
{
	struct tnpu_device *tdev = tnpu_ring_test_open(test, 0);
	const u32 count = NPU_ADMIN_ENTRIES + 3;
	struct tnpu_ring_caller *callers;
	u32 i;

	callers = tnpu_ring_test_start(test, count);
	tnpu_ring_test_await(test, tdev, 0, NPU_ADMIN_ENTRIES);
	tnpu_ring_abort(tdev);
	tnpu_ring_test_finish(callers, count);
	for (i = 0; i < count; i++)
		KUNIT_EXPECT_EQ(test, -ECANCELED, callers[i].ret);
	callers = tnpu_ring_test_start(test, 1);
	tnpu_ring_test_finish(callers, 1);
	KUNIT_EXPECT_EQ(test, -ECANCELED, callers[0].ret);
	KUNIT_EXPECT_EQ(test, NPU_ADMIN_ENTRIES, tnpu_ring_test_tail(tdev));
	KUNIT_EXPECT_EQ(test, 0, tdev->ring.in_flight);
}

/* Firmware that has crashed is not waited for; its late answer is ignored. */
static void tnpu_ring_test_silence(struct kunit *test)
{
	struct tnpu_device *tdev = tnpu_ring_test_open(test, 0);
	struct tnpu_ring_caller *caller;

	writel(NPU_FW_CRASHED, tdev->regs + NPU_REG_SCRATCH(0));
	caller = tnpu_ring_test_start(test, 1);
	tnpu_ring_test_finish(caller, 1);
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, caller->ret);
	tnpu_ring_test_answer(tdev, tnpu_ring_test_command(tdev, 0),
			      NPU_ADMIN_OK);
	tnpu_ring_drain(tdev);
	KUNIT_EXPECT_EQ(test, 0, tdev->ring.in_flight);
}

static void tnpu_ring_test_read_log(struct tnpu_device *tdev, u32 tail, char *text,
				    size_t size)
{
	struct drm_print_iterator iterator = {
		.data = text, .remain = size - 1,
	};
	struct drm_printer p = drm_coredump_printer(&iterator);

	memset(text, 0, size);
	tdev->ring.init->log_tail = cpu_to_le32(tail);
	tnpu_ring_print_log(tdev, &p);
}

/* Only what is there is printed, and only what may be. */
static void tnpu_ring_test_log(struct kunit *test)
{
	struct tnpu_device *tdev = test->priv;
	const size_t size = 2 * NPU_LOG_SIZE;
	char *text = kunit_kzalloc(test, size, GFP_KERNEL);
	char *log = tdev->ring.log;

	KUNIT_ASSERT_NOT_NULL(test, text);
	tnpu_ring_prepare(tdev);
	tnpu_ring_test_read_log(tdev, 0, text, size);
	KUNIT_EXPECT_STREQ(test, "", text);
	strscpy(log, "one\ntwo \x1b[1m\xff", NPU_LOG_SIZE);
	tnpu_ring_test_read_log(tdev, 13, text, size);
	KUNIT_EXPECT_STREQ(test, "one\ntwo ?[1m?\n", text);
	memset(log, 'x', NPU_LOG_SIZE);
	tnpu_ring_test_read_log(tdev, 160, text, size);
	KUNIT_EXPECT_EQ(test, 159, strcspn(text, "\n"));
	KUNIT_EXPECT_STREQ(test, "x\n", text + 160);
	tnpu_ring_test_read_log(tdev, U32_MAX, text, size);
	KUNIT_EXPECT_EQ(test, NPU_LOG_SIZE + DIV_ROUND_UP(NPU_LOG_SIZE, 159),
			strlen(text));
}

static struct kunit_case tnpu_ring_test_cases[] = {
	KUNIT_CASE(tnpu_ring_test_init_block),
	KUNIT_CASE(tnpu_ring_test_versions),
	KUNIT_CASE(tnpu_ring_test_any_order),
	KUNIT_CASE(tnpu_ring_test_wraps),
	KUNIT_CASE(tnpu_ring_test_full),
	KUNIT_CASE(tnpu_ring_test_doorbell),
	KUNIT_CASE(tnpu_ring_test_nonsense),
	KUNIT_CASE(tnpu_ring_test_corrupt),
	KUNIT_CASE(tnpu_ring_test_abort),
	KUNIT_CASE(tnpu_ring_test_silence),
	KUNIT_CASE(tnpu_ring_test_log),
	{}
};

static struct kunit_suite tnpu_ring_test_suite = {
	.name = "tnpu_ring",
	.init = tnpu_ring_test_init,
	.exit = tnpu_ring_test_exit,
	.test_cases = tnpu_ring_test_cases,
};

kunit_test_suite(tnpu_ring_test_suite);
