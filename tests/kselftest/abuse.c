// SPDX-License-Identifier: MIT
/*
 * Every ioctl, abused: each size, each reserved bit, each count at its limits and
 * beyond, bad pointers, arguments that another thread changes meanwhile, signals.
 * The errors are those that the interface's header names; what was refused leaves
 * nothing behind. All of it once more as a 32-bit process calls.
 */
#include "calls.h"

#include "kselftest_harness.h"

#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define ARGS_MAX 128 /* bytes of the largest struct, and more */
#define STORM 300 /* calls while another thread disturbs */
#define NR_IOCTL_32 54

/* --- Two ways into the kernel -------------------------------------------------- */

typedef long (*enter_fn)(int fd, unsigned long request, void *arg);

static long enter_64(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

#ifdef __x86_64__
static long enter_32(int fd, unsigned long request, void *arg)
{
	long ret;

	asm volatile("int $0x80" : "=a"(ret)
		     : "a"((long)NR_IOCTL_32), "b"((long)fd), "c"(request),
		       "d"(arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}
#else
#define enter_32 NULL
#endif

FIXTURE(abuse)
{
	struct calls_world world;
};

FIXTURE_VARIANT(abuse)
{
	enter_fn enter;
};

FIXTURE_VARIANT_ADD(abuse, native){
	.enter = enter_64,
};

FIXTURE_VARIANT_ADD(abuse, compat){
	.enter = enter_32,
};

FIXTURE_SETUP(abuse)
{
	if (!variant->enter)
		SKIP(return, "needs x86-64 with CONFIG_IA32_EMULATION");
	ASSERT_EQ(0, calls_open(&self->world));
}

/* Nothing is missing: as much can be made as at first. */
static int missing(struct calls_world *world)
{
	int fd = world->client.fd, i, ret = 0;
	__u32 number;

	calls_sweep(world);
	for (i = 1; i < DRM_TNPU_MAX_QUEUES && !ret; i++)
		ret = npu_queue_create(fd, 0, &number);
	for (i = 0; i < DRM_TNPU_MAX_VMS && !ret; i++)
		ret = npu_vm_create(fd, &number);
	if (!ret)
		ret = npu_run_command(&world->client, npu_nop(1));
	calls_sweep(world);
	return ret;
}

FIXTURE_TEARDOWN(abuse)
{
	EXPECT_EQ(0, missing(&self->world));
	calls_close(&self->world);
}

/* Where a struct of so many bytes ends with its page. */
static void *args_at(struct calls_world *world, __u32 size)
{
	return (__u8 *)calls_page(world, CALLS_ARGS) + NPU_PAGE - size;
}

static unsigned long sized(unsigned long request, __u32 size)
{
	return _IOC(_IOC_DIR(request), _IOC_TYPE(request), _IOC_NR(request),
		    size);
}

/* A call with the first @size bytes of its struct, and 0xa5 behind those. */
static int call_sized(struct calls_world *world, enter_fn enter,
		      const struct calls_row *row, __u32 size)
{
	__u8 good[ARGS_MAX];
	void *args = args_at(world, size);
	int ret;

	memset(good, 0xa5, sizeof(good));
	ret = row->prepare(world, good);
	if (ret)
		return ret;
	memcpy(args, good, size);
	ret = enter(world->client.fd, sized(row->request, size), args);
	calls_sweep(world);
	return ret;
}

/* A call whose struct has zeros from byte @size on. */
static int call_cut(struct calls_world *world, enter_fn enter,
		    const struct calls_row *row, __u32 size)
{
	__u32 whole = _IOC_SIZE(row->request);
	void *args = args_at(world, whole);
	int ret = row->prepare(world, args);

	if (ret)
		return ret;
	if (size < whole)
		memset(args + size, 0, whole - size);
	ret = enter(world->client.fd, row->request, args);
	calls_sweep(world);
	return ret;
}

TEST_F_TIMEOUT(abuse, each_size_means_zeros_for_what_is_missing, 600)
{
	const struct calls_row *row;
	__u32 size, whole, n;

	for (n = 0; n < CALLS_COUNT_ALL; n++) {
		row = &calls_table[n];
		whole = _IOC_SIZE(row->request);
		for (size = 0; size <= whole + 8; size++) {
			int expected = size < whole ?
				call_cut(&self->world, variant->enter, row,
					 size) : -row->error;

			EXPECT_EQ(expected, call_sized(&self->world,
						       variant->enter, row,
						       size))
				TH_LOG("%s of %u bytes", row->name, size);
		}
	}
}

/* --- Rules ---------------------------------------------------------------------- */

static void *rule_field(struct calls_world *world,
			const struct calls_rule *rule, void *args)
{
	return (rule->page == CALLS_ARGS ?
			(__u8 *)args :
			(__u8 *)calls_page(world, rule->page)) + rule->offset;
}

/* A call with one field changed: set, or with bits flipped. */
static int call_changed(struct calls_world *world, enter_fn enter,
			const struct calls_row *row,
			const struct calls_rule *rule, __u64 value)
{
	__u32 size = _IOC_SIZE(row->request);
	void *args = args_at(world, size);
	__u8 before[ARGS_MAX];
	__u64 field = 0;
	int ret;

	ret = row->prepare(world, args);
	if (ret)
		return ret;
	memcpy(&field, rule_field(world, rule, args), rule->size);
	field = rule->is_bits ? field ^ value : value;
	memcpy(rule_field(world, rule, args), &field, rule->size);
	memcpy(before, args, size);
	ret = enter(world->client.fd, row->request, args);
	if (ret && memcmp(before, args, size))
		ret = -EUCLEAN; /* refused, but changed */
	calls_sweep(world);
	return ret;
}

static int expected(const struct calls_row *row, const struct calls_rule *rule)
{
	return rule->error ? -rule->error : -row->error;
}

TEST_F_TIMEOUT(abuse, each_field_keeps_its_rule, 600)
{
	const struct calls_rule *rule;
	const struct calls_row *row;
	__u32 n;
	__u64 bit, i;

	for (n = 0; n < CALLS_COUNT_ALL; n++) {
		row = &calls_table[n];
		for (rule = row->rules; rule->size; rule++)
			for (i = 0; i < (rule->is_bits ? 64 : 1); i++) {
				bit = rule->is_bits ? rule->value & 1ull << i :
						      rule->value;
				if (rule->is_bits && !bit)
					continue;
				EXPECT_EQ(expected(row, rule),
					  call_changed(&self->world,
						       variant->enter, row,
						       rule, bit))
					TH_LOG("%s: bytes %u of page %u: %llx",
					       row->name, rule->offset,
					       rule->page, bit);
			}
	}
}

/* --- Pointers --------------------------------------------------------------------- */

TEST_F_TIMEOUT(abuse, structs_that_are_not_all_memory_are_refused, 300)
{
	struct calls_world *world = &self->world;
	__u8 *end = args_at(world, 0);
	int fd = world->client.fd;
	__u8 args[ARGS_MAX];
	__u32 n, size, there;

	for (n = 0; n < CALLS_COUNT_ALL; n++) {
		const struct calls_row *row = &calls_table[n];

		size = _IOC_SIZE(row->request);
		EXPECT_EQ(-EFAULT, variant->enter(fd, row->request, NULL));
		EXPECT_EQ(-EFAULT, variant->enter(fd, row->request, (void *)8));
		EXPECT_EQ(-EFAULT, variant->enter(fd, row->request, end));
		for (there = 4; there < size; there += 4) {
			ASSERT_EQ(0, row->prepare(world, args));
			memcpy(end - there, args, there);
			EXPECT_EQ(-EFAULT, variant->enter(fd, row->request,
							  end - there))
				TH_LOG("%s, %u bytes of %u", row->name, there,
				       size);
			calls_sweep(world);
		}
	}
}

/* What is only read may be there for reading only. */
TEST_F_TIMEOUT(abuse, structs_to_read_need_not_be_writable, 300)
{
	struct calls_world *world = &self->world;
	void *page = calls_page(world, CALLS_ARGS);
	__u32 n;

	for (n = 0; n < CALLS_COUNT_ALL; n++) {
		const struct calls_row *row = &calls_table[n];
		void *args = args_at(world, _IOC_SIZE(row->request));
		bool is_written = _IOC_DIR(row->request) & _IOC_READ;

		ASSERT_EQ(0, row->prepare(world, args));
		ASSERT_EQ(0, mprotect(page, NPU_PAGE, PROT_READ));
		EXPECT_EQ(is_written ? -EFAULT : -row->error,
			  variant->enter(world->client.fd, row->request, args))
			TH_LOG("%s", row->name);
		ASSERT_EQ(0, mprotect(page, NPU_PAGE,
				      PROT_READ | PROT_WRITE));
		calls_sweep(world);
	}
}

/* An array of syncobjs or an answer, the last 8 bytes of which are missing. */
TEST_F(abuse, arrays_that_are_not_all_memory_are_refused)
{
	struct calls_world *world = &self->world;
	int fd = world->client.fd;
	struct drm_tnpu_vm_bind *bind = args_at(world, sizeof(*bind));
	struct drm_tnpu_submit *job = args_at(world, sizeof(*job));
	struct drm_tnpu_query *query = args_at(world, sizeof(*query));

#define REFUSED(args, prepare, request, field, page) do {		\
		ASSERT_EQ(0, prepare(world, args));			\
		(args)->field = (uintptr_t)calls_page(world, page) +	\
				NPU_PAGE - 8;				\
		EXPECT_EQ(-EFAULT, variant->enter(fd, request, args));	\
		calls_sweep(world);					\
	} while (0)

	REFUSED(bind, calls_map_async, DRM_IOCTL_TNPU_VM_BIND, in_syncs,
		CALLS_INS);
	REFUSED(bind, calls_map_async, DRM_IOCTL_TNPU_VM_BIND, out_syncs,
		CALLS_OUTS);
	REFUSED(job, calls_submit, DRM_IOCTL_TNPU_SUBMIT, in_syncs, CALLS_INS);
	REFUSED(job, calls_submit, DRM_IOCTL_TNPU_SUBMIT, out_syncs,
		CALLS_OUTS);
	REFUSED(query, calls_query, DRM_IOCTL_TNPU_QUERY, data, CALLS_ANSWER);
#undef REFUSED
}

TEST_F(abuse, memory_to_read_is_no_place_for_answers)
{
	struct calls_world *world = &self->world;
	struct drm_tnpu_query *query = args_at(world, sizeof(*query));
	struct drm_tnpu_bo_userptr *user = args_at(world, sizeof(*user));
	int fd = world->client.fd;

	ASSERT_EQ(0, mprotect(calls_page(world, CALLS_ANSWER), NPU_PAGE,
			      PROT_READ));
	ASSERT_EQ(0, mprotect(calls_page(world, CALLS_USER), NPU_PAGE,
			      PROT_READ));
	calls_query(world, query);
	EXPECT_EQ(-EFAULT, variant->enter(fd, DRM_IOCTL_TNPU_QUERY, query));
	calls_bo_userptr(world, user);
	EXPECT_EQ(-EFAULT, variant->enter(fd, DRM_IOCTL_TNPU_BO_USERPTR,
					  user));
	user->flags = DRM_TNPU_BO_READONLY;
	EXPECT_EQ(0, variant->enter(fd, DRM_IOCTL_TNPU_BO_USERPTR, user));
}

TEST(an_order_to_fail_is_read_from_memory)
{
	void *volatile nowhere = (void *)8; /* which compilers warn of */
	glob_t files;
	int fd;

	if (glob("/sys/kernel/debug/accel/*:*/inject", 0, NULL, &files))
		SKIP(return, "needs root, debugfs and a device with inject=on");
	fd = open(files.gl_pathv[0], O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, write(fd, nowhere, 4));
	EXPECT_EQ(EFAULT, errno);
	close(fd);
	globfree(&files);
}

/* --- Others at work meanwhile ------------------------------------------------------- */

/**
 * struct flipper - a thread that changes arguments back and forth
 * @world: world of the call
 * @row: the call
 * @args: its struct
 * @is_done: to be told to end
 */
struct flipper {
	struct calls_world *world;
	const struct calls_row *row;
	void *args;
	atomic_bool is_done;
};

static void *flip(void *data)
{
	struct flipper *flipper = data;
	const struct calls_rule *rule = flipper->row->rules;
	__u64 good = 0, bad;
	void *field;

	while (!flipper->is_done) {
		field = rule_field(flipper->world, rule, flipper->args);
		memcpy(&good, field, rule->size);
		bad = rule->is_bits ? good ^ rule->value : rule->value;
		memcpy(field, &bad, rule->size);
		sched_yield();
		memcpy(field, &good, rule->size);
		rule++;
		if (!rule->size)
			rule = flipper->row->rules;
	}
	return NULL;
}

/* Whether one of the rules, or all of them kept, explains a result. */
static bool is_explained(const struct calls_row *row, int ret)
{
	const struct calls_rule *rule;

	if (!ret || ret == -row->error)
		return true;
	/* Numbers may be mixed with those that are written meanwhile. */
	if (ret == -ENOENT || ret == -EINVAL)
		return true;
	for (rule = row->rules; rule->size; rule++)
		if (ret == -rule->error)
			return true;
	return false;
}

TEST_F_TIMEOUT(abuse, arguments_may_change_during_the_call, 600)
{
	struct calls_world *world = &self->world;
	struct flipper flipper = { .world = world };
	pthread_t thread;
	__u32 n, i;
	int ret;

	for (n = 0; n < CALLS_COUNT_ALL; n++) {
		const struct calls_row *row = &calls_table[n];

		flipper.row = row;
		flipper.args = args_at(world, _IOC_SIZE(row->request));
		flipper.is_done = false;
		ASSERT_EQ(0, row->prepare(world, flipper.args));
		ASSERT_EQ(0, pthread_create(&thread, NULL, flip, &flipper));
		for (i = 0; i < STORM; i++) {
			ret = row->prepare(world, flipper.args);
			if (!ret)
				ret = variant->enter(world->client.fd,
						     row->request,
						     flipper.args);
			EXPECT_TRUE(is_explained(row, ret))
				TH_LOG("%s: %d", row->name, ret);
			if (!(i % 8))
				calls_sweep(world);
		}
		flipper.is_done = true;
		pthread_join(thread, NULL);
		calls_sweep(world);
	}
}

/**
 * struct nagger - a thread that sends signals
 * @victim: to whom
 * @is_done: to be told to end
 */
struct nagger {
	pthread_t victim;
	atomic_bool is_done;
};

static atomic_uint signals;

static void count_signal(int number)
{
	signals++;
}

static void *nag(void *data)
{
	struct nagger *nagger = data;

	while (!nagger->is_done) {
		pthread_kill(nagger->victim, SIGUSR1);
		sched_yield();
	}
	return NULL;
}

/* Whoever is interrupted finds the arguments as they were, and calls again. */
static int call_nagged(struct calls_world *world, enter_fn enter,
		       const struct calls_row *row)
{
	__u32 size = _IOC_SIZE(row->request);
	void *args = args_at(world, size);
	__u8 before[ARGS_MAX];
	int ret;

	ret = row->prepare(world, args);
	if (ret)
		return ret;
	memcpy(before, args, size);
	while ((ret = enter(world->client.fd, row->request, args)) == -EINTR)
		if (memcmp(before, args, size))
			return -EUCLEAN;
	return ret;
}

TEST_F_TIMEOUT(abuse, signals_disturb_nobody, 600)
{
	struct nagger nagger = { .victim = pthread_self() };
	struct sigaction action = { .sa_handler = count_signal };
	pthread_t thread;
	__u32 n, i;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, pthread_create(&thread, NULL, nag, &nagger));
	for (n = 0; n < CALLS_COUNT_ALL; n++)
		for (i = 0; i < 20; i++) {
			EXPECT_EQ(-calls_table[n].error,
				  call_nagged(&self->world, variant->enter,
					      &calls_table[n]))
				TH_LOG("%s", calls_table[n].name);
			calls_sweep(&self->world);
		}
	nagger.is_done = true;
	pthread_join(thread, NULL);
	EXPECT_NE(0, signals);
}

TEST_HARNESS_MAIN
