/* SPDX-License-Identifier: MIT */
/* Pictures as input. */
#ifndef IMAGE_H
#define IMAGE_H

struct tinynpu_tensor_info;

/**
 * image_load() - turn a PNG file into an input tensor
 * @path: the picture; transparent is black
 * @info: the tensor: int8, uint8 or float32; [1, height, width, channels],
 *	where the 1 or the channels may be missing; 1 channel is gray, 3 are RGB
 * @tensor: of @info->size bytes, written
 *
 * The picture is scaled to the tensor's height and width: averaged where it
 * shrinks, interpolated where it grows. A value v of 0..255 means v / 255, and
 * becomes round(v / 255 / scale) + zero point, limited to the type; if the
 * scale is 1 it means v itself. float32 gets v / 255.
 *
 * Return: an enum tool_exit; what is wrong was said.
 */
int image_load(const char *path, const struct tinynpu_tensor_info *info,
	       void *tensor);

#endif
