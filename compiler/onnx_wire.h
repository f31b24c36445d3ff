/* SPDX-License-Identifier: MIT */
/*
 * The bytes of an ONNX file (protocol buffers, message ModelProto) as a tree
 * of structs. Used by the ONNX importer.
 */
#ifndef TNC_ONNX_WIRE_H
#define TNC_ONNX_WIRE_H

#include "onnx.pb-c.h"

#include "ir.h"

/* The tree lives as long as the compilation. Errors name the offset. */
const Onnx__ModelProto *tnc_onnx_unpack(struct tnc *c, const uint8_t *data,
					size_t size);

#endif
