/* SPDX-License-Identifier: MIT */
/*
 * Writes small ONNX models for tests, from a text that says what is in them.
 * Words are parted by blanks, statements by semicolons:
 *
 *   opset 13                       or: opset 1 com.microsoft
 *   input NAME TYPE DIMS           DIMS like 1,3,4,4; n,3 (of unknown size), -
 *   const NAME TYPE DIMS VALUES    like 1,2,3; the last one is repeated
 *   typed NAME TYPE DIMS VALUES    the same, as numbers of a wider type
 *   external NAME TYPE DIMS        in another file
 *   short NAME TYPE DIMS           with four bytes, whatever the shape says
 *   node OP IN,IN,- OUT,OUT KEY=VALUE...   OP@DOMAIN; - is one left out
 *   value NAME TYPE DIMS           what the model says of a value within it
 *   output NAME
 *   graph NAME; ...; end           what stands in between is a graph of its own
 *
 * Values of attributes: 5, 0.5f, [1,2], [0.5f,2f], 'text', ['text','text'], and
 * @NAME for a graph that was described before.
 */
#ifndef TESTS_UNIT_TINY_ONNX_H
#define TESTS_UNIT_TINY_ONNX_H

#include <stddef.h>
#include <stdint.h>

#define TINY_ONNX_MAX 65536

/* Returns the size; fails the test on text that it does not understand. */
size_t tiny_onnx_write(const char *text, uint8_t bytes[TINY_ONNX_MAX]);

#endif
