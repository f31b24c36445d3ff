// SPDX-License-Identifier: MIT
/*
 * The smallest use of the library: runs PROGRAM once on the bytes of INPUT and
 * prints the class with the highest value, on whatever device there is.
 *
 *	cc hello.c -o hello $(pkg-config --cflags --libs tinynpu)
 *	./hello digits.tnp picture.bin
 */
#include <err.h>
#include <stdio.h>
#include <tinynpu.h>

int main(int argc, char **argv)
{
	struct tinynpu_error error;
	struct tinynpu_device *device;
	struct tinynpu_program *program;
	struct tinynpu_session *session;
	struct tinynpu_tensor_info in, out;
	FILE *file = argc == 3 ? fopen(argv[2], "rb") : NULL;

	if (!file)
		errx(2, "usage: hello PROGRAM INPUT (a file that can be read)");
	if (tinynpu_device_open(NULL, NULL, &device, &error) ||
	    tinynpu_program_open(argv[1], &program, &error) ||
	    tinynpu_session_create(device, program, &session, &error))
		errx(1, "%s", error.text);
	tinynpu_program_tensor(program, 0, &in, sizeof(in));
	tinynpu_program_tensor(program, 1, &out, sizeof(out));
	if (fread(tinynpu_session_tensor(session, 0), in.size, 1, file) != 1)
		errx(1, "%s: fewer than %zu bytes", argv[2], (size_t)in.size);
	if (tinynpu_session_run(session, &error))
		errx(1, "%s", error.text);

	const int8_t *values = tinynpu_session_tensor(session, 1);
	size_t best = 0;

	for (size_t i = 1; i < out.size; i++)
		if (values[i] > values[best])
			best = i;
	printf("class %zu: %.4f\n", best,
	       out.scale * (values[best] - out.zero_point));
	tinynpu_session_destroy(session);
	tinynpu_program_close(program);
	tinynpu_device_close(device);
	fclose(file);
	return 0;
}
