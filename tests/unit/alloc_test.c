// SPDX-License-Identifier: MIT
/*
 * The library when memory runs out: the whole story from device to result, with
 * the first allocation failing, then the second, and so on until none fails.
 * Each time there is an error with a text, but for memory that firmware is translated
 * into, without which the story goes on; and (under ASan) nothing leaks. The linker's
 * --wrap puts the functions below between the library and libc.
 */
#include "tnp_image.h"

#include <tinynpu.h>

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

static bool is_counting; /* only this thread allocates then */
static unsigned int left; /* allocations before one fails; 0: none does */

static bool must_fail(void)
{
	return is_counting && left && !--left;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	return must_fail() ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	return must_fail() ? NULL : __real_calloc(count, size);
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
	return must_fail() ? NULL : __real_realloc(old, size);
}

char *__real_strndup(const char *text, size_t size);
char *__wrap_strndup(const char *text, size_t size);
char *__wrap_strndup(const char *text, size_t size)
{
	return must_fail() ? NULL : __real_strndup(text, size);
}

int __real_posix_memalign(void **memory, size_t align, size_t size);
int __wrap_posix_memalign(void **memory, size_t align, size_t size);
int __wrap_posix_memalign(void **memory, size_t align, size_t size)
{
	return must_fail() ? ENOMEM : __real_posix_memalign(memory, align, size);
}

void *__real_mmap(void *at, size_t size, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t off)
{
	return must_fail() ? MAP_FAILED :
			     __real_mmap(at, size, prot, flags, fd, off);
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*run)(void *), void *arg)
{
	return must_fail() ? EAGAIN :
			     __real_pthread_create(thread, attr, run, arg);
}

/* A program of its own for each time, read from @file. */
static int story(const void *file, size_t size, struct tinynpu_error *error)
{
	struct tinynpu_device *device = NULL;
	struct tinynpu_program *program = NULL;
	struct tinynpu_session *session = NULL;
	int err;

	err = tinynpu_device_open("sim", "sram=16K", &device, error);
	if (!err)
		err = tinynpu_program_read(file, size, "x", &program, error);
	if (!err)
		err = tinynpu_session_create(device, program, &session, error);
	if (!err)
		err = tinynpu_session_run(session, error);
	if (!err)
		err = tinynpu_session_submit(session, error);
	if (!err)
		err = tinynpu_session_wait(session, -1, error);
	tinynpu_session_destroy(session);
	tinynpu_program_close(program);
	tinynpu_device_close(device);
	return err;
}

static void test_each_allocation_fails_once(void **state)
{
	struct tinynpu_error error;
	unsigned int n, forgone = 0;
	struct tnp_image image;
	bool has_failed = true;
	uint8_t *file;
	size_t size;
	int err;

	tnp_image_init(&image);
	tnp_image_add_cpu(&image);
	file = tnp_image_build(&image, 1, &size);
	for (n = 1; has_failed; n++) {
		error.text[0] = '\0';
		left = n;
		is_counting = true;
		err = story(file, size, &error);
		is_counting = false;
		has_failed = !left;
		forgone += has_failed && !err;
		assert_true(n < 1000);
		assert_true(has_failed || !err);
		if (err)
			assert_true(err == -ENOMEM || err == -EAGAIN);
		assert_int_equal(err != 0, error.text[0] != '\0');
	}
	assert_true(n > 20); /* so many at least were made to fail */
	assert_in_range(forgone, 0, 2);
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation_fails_once),
	};

	return cmocka_run_group_tests_name("alloc", tests, NULL, NULL);
}
