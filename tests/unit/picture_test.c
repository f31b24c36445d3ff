// SPDX-License-Identifier: MIT
/* Pictures as input of `tinynpu run`: colours, scaling, quantisation. */
#include "../../tools/image.h"
#include "../../tools/tool.h"

#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PATH_ROOM 64

/* Writes a picture of the given format; the caller unlinks it. */
static void write_png(char path[PATH_ROOM], int format, uint32_t width,
		      uint32_t height, const void *pixels)
{
	png_image png = {
		.version = PNG_IMAGE_VERSION,
		.width = width,
		.height = height,
		.format = format,
	};
	int fd;

	strcpy(path, "/tmp/picture_test_XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	assert_true(png_image_write_to_file(&png, path, 0, pixels, 0, NULL));
}

static struct tinynpu_tensor_info tensor(uint32_t height, uint32_t width,
					 uint32_t channels)
{
	return (struct tinynpu_tensor_info){
		.name = "input",
		.dtype = TINYNPU_UINT8,
		.rank = 4,
		.shape = { 1, height, width, channels },
		.size = height * width * channels,
		.scale = 1 / 255.0f,
	};
}

/* What a picture becomes. */
static void load(const struct tinynpu_tensor_info *info, int format,
		 uint32_t width, uint32_t height, const void *pixels, void *out)
{
	char path[PATH_ROOM];

	write_png(path, format, width, height, pixels);
	assert_int_equal(image_load(path, info, out), TOOL_OK);
	unlink(path);
}

static void test_same_size_is_the_same(void **state)
{
	static const uint8_t pixels[6] = { 0, 1, 127, 128, 254, 255 };
	struct tinynpu_tensor_info info = tensor(2, 3, 1);
	uint8_t out[6];

	load(&info, PNG_FORMAT_GRAY, 3, 2, pixels, out);
	assert_memory_equal(out, pixels, 6);
}

static void test_shrinking_averages(void **state)
{
	static const uint8_t pixels[16] = { 0,	100, 10, 10, 100, 200, 10, 10,
					    50, 50,  0,	 0,  50,  50,  0,  40 };
	static const uint8_t wanted[4] = { 100, 10, 50, 10 };
	struct tinynpu_tensor_info info = tensor(2, 2, 1);
	uint8_t out[4];

	load(&info, PNG_FORMAT_GRAY, 4, 4, pixels, out);
	assert_memory_equal(out, wanted, 4);
}

static void test_shrinking_by_a_fraction_shares_pixels(void **state)
{
	static const uint8_t pixels[3] = { 0, 90, 255 };
	static const uint8_t wanted[2] = { 30, 200 }; /* 2/3 and 1/3 each */
	struct tinynpu_tensor_info info = tensor(1, 2, 1);
	uint8_t out[2];

	load(&info, PNG_FORMAT_GRAY, 3, 1, pixels, out);
	assert_memory_equal(out, wanted, 2);
}

static void test_growing_interpolates(void **state)
{
	static const uint8_t pixels[2] = { 0, 200 };
	static const uint8_t wanted[4] = { 0, 50, 150, 200 };
	struct tinynpu_tensor_info info = tensor(1, 4, 1);
	uint8_t out[4];

	load(&info, PNG_FORMAT_GRAY, 2, 1, pixels, out);
	assert_memory_equal(out, wanted, 4);
}

static void test_channels_are_converted(void **state)
{
	static const uint8_t rgb[6] = { 10, 20, 30, 200, 210, 220 };
	static const uint8_t gray[1] = { 77 };
	static const uint8_t clear[4] = { 255, 255, 255, 0 };
	static const uint8_t gray_as_rgb[3] = { 77, 77, 77 };
	static const uint8_t black[3];
	struct tinynpu_tensor_info info = tensor(1, 2, 3);
	uint8_t out[6];

	load(&info, PNG_FORMAT_RGB, 2, 1, rgb, out);
	assert_memory_equal(out, rgb, 6);
	info = tensor(1, 1, 3);
	load(&info, PNG_FORMAT_GRAY, 1, 1, gray, out);
	assert_memory_equal(out, gray_as_rgb, 3);
	load(&info, PNG_FORMAT_RGBA, 1, 1, clear, out);
	assert_memory_equal(out, black, 3);
}

static void test_values_are_quantised_and_limited(void **state)
{
	static const uint8_t pixels[3] = { 0, 128, 255 };
	struct tinynpu_tensor_info info = tensor(1, 3, 1);
	int8_t out[3];

	info.dtype = TINYNPU_INT8;
	info.zero_point = -128;
	load(&info, PNG_FORMAT_GRAY, 3, 1, pixels, out);
	assert_int_equal(out[0], -128);
	assert_int_equal(out[1], 0);
	assert_int_equal(out[2], 127);
	info.scale = 1 / 64.0f; /* 0..64 */
	load(&info, PNG_FORMAT_GRAY, 3, 1, pixels, out);
	assert_int_equal(out[1], -96);
	assert_int_equal(out[2], -64);
	info.zero_point = 100; /* more than int8 holds */
	load(&info, PNG_FORMAT_GRAY, 3, 1, pixels, out);
	assert_int_equal(out[2], 127);
	info.scale = 1; /* values as they are */
	info.zero_point = -128;
	load(&info, PNG_FORMAT_GRAY, 3, 1, pixels, out);
	assert_int_equal(out[1], 0);
}

static void test_floats_go_from_0_to_1(void **state)
{
	static const uint8_t pixels[2] = { 0, 51 };
	struct tinynpu_tensor_info info = tensor(1, 2, 1);
	float out[2];

	info.dtype = TINYNPU_FLOAT32;
	info.scale = 0; /* there is none */
	load(&info, PNG_FORMAT_GRAY, 2, 1, pixels, out);
	assert_true(out[0] == 0);
	assert_true(out[1] == 51 / 255.0f);
}

static void test_other_tensors_are_refused(void **state)
{
	static const uint8_t pixel[1];
	struct tinynpu_tensor_info cases[4];
	char path[PATH_ROOM];
	uint8_t out[16];
	int i;

	cases[0] = tensor(1, 1, 2); /* neither gray nor RGB */
	cases[1] = tensor(1, 1, 1);
	cases[1].dtype = TINYNPU_INT32;
	cases[2] = tensor(1, 4, 1);
	cases[2].shape[0] = 2; /* two pictures */
	cases[3] = tensor(1, 1, 1);
	cases[3].rank = 1;
	write_png(path, PNG_FORMAT_GRAY, 1, 1, pixel);
	for (i = 0; i < 4; i++)
		assert_int_equal(image_load(path, &cases[i], out),
				 TOOL_UNUSABLE);
	unlink(path);
}

static void test_truncated_files_are_refused(void **state)
{
	static const uint8_t pixels[64] = { 1, 2, 3 };
	struct tinynpu_tensor_info info = tensor(8, 8, 1);
	char path[PATH_ROOM];
	uint8_t out[64];

	write_png(path, PNG_FORMAT_GRAY, 8, 8, pixels);
	assert_int_equal(truncate(path, 50), 0);
	assert_int_equal(image_load(path, &info, out), TOOL_UNUSABLE);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(image_load(path, &info, out), TOOL_UNUSABLE);
	unlink(path);
	assert_int_equal(image_load(path, &info, out), TOOL_UNUSABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_size_is_the_same),
		cmocka_unit_test(test_shrinking_averages),
		cmocka_unit_test(test_shrinking_by_a_fraction_shares_pixels),
		cmocka_unit_test(test_growing_interpolates),
		cmocka_unit_test(test_channels_are_converted),
		cmocka_unit_test(test_values_are_quantised_and_limited),
		cmocka_unit_test(test_floats_go_from_0_to_1),
		cmocka_unit_test(test_other_tensors_are_refused),
		cmocka_unit_test(test_truncated_files_are_refused),
	};

	return cmocka_run_group_tests_name("picture", tests, NULL, NULL);
}
