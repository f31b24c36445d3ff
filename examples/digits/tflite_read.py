# SPDX-License-Identifier: MIT
"""A .tflite file as a Graph, read without the flatbuffers package.

It shares nothing with tflite_write.py but the numbers in graph.py, and the
tests run it on models that others made. It trusts its input: the importer of
the compiler is the reader for files of strangers.
"""

import struct

import numpy as np

from graph import (FILE_IDENTIFIER, OPERATORS, SCHEMA_VERSION, TYPES, Graph,
                   Operator, Tensor)

FORMATS = {"i8": "<b", "u8": "<B", "i32": "<i", "u32": "<I", "f32": "<f",
           "bool": "<?"}


class Table:
    """A FlatBuffer table: at its place a signed distance back to the list of
    field offsets (two sizes, then one 16-bit offset a field, 0 = absent)."""

    def __init__(self, file, place):
        self.file, self.place = file, place
        self.fields = place - struct.unpack_from("<i", file, place)[0]
        self.fields_size = struct.unpack_from("<H", file, self.fields)[0]

    def _at(self, number):
        entry = 4 + 2 * number
        if entry >= self.fields_size:
            return None
        offset = struct.unpack_from("<H", self.file, self.fields + entry)[0]
        return self.place + offset if offset else None

    def value(self, number, kind, default=0):
        place = self._at(number)
        if place is None:
            return default
        return struct.unpack_from(FORMATS[kind], self.file, place)[0]

    def _target(self, number):
        place = self._at(number)
        if place is None:
            return None
        return place + struct.unpack_from("<I", self.file, place)[0]

    def table(self, number):
        place = self._target(number)
        return None if place is None else Table(self.file, place)

    def numbers(self, number, dtype):
        place = self._target(number)
        if place is None:
            return np.zeros(0, dtype)
        count = struct.unpack_from("<I", self.file, place)[0]
        return np.frombuffer(self.file, dtype, count, place + 4)

    def string(self, number):
        return self.numbers(number, "u1").tobytes().decode()

    def tables(self, number):
        first = self._target(number)
        if first is None:
            return []
        count = struct.unpack_from("<I", self.file, first)[0]
        places = [first + 4 + 4 * i for i in range(count)]
        return [Table(self.file, place + struct.unpack_from(
            "<I", self.file, place)[0]) for place in places]


def _tensor(table, buffers):
    shape = tuple(int(n) for n in table.numbers(0, "<i4"))
    tensor = Tensor(table.string(3), shape, TYPES[table.value(1, "i8")])
    quantization = table.table(4)
    if quantization:
        tensor.scale = quantization.numbers(2, "<f4")
        tensor.zero_point = quantization.numbers(3, "<i8")
        tensor.quantized_dimension = quantization.value(6, "i32")
    data = buffers[table.value(2, "u32")].numbers(0, "u1")
    if len(data):
        tensor.data = data.view(tensor.dtype).reshape(shape)
    return tensor


def _operator_code(table):
    code = max(table.value(0, "i8"), table.value(3, "i32"))
    names = [n for n, numbers in OPERATORS.items() if numbers[0] == code]
    if not names:
        raise ValueError(f"operator code {code} is not one of those here")
    return names[0], table.value(2, "i32", 1)


def _operator(table, codes):
    name, version = codes[table.value(0, "u32")]
    _, union_type, fields = OPERATORS[name]
    options, values = table.table(4), {}
    if table.value(3, "u8") == union_type:
        for number, (field, kind, default) in enumerate(fields):
            values[field] = (options.numbers(number, "<i4").tolist()
                             if kind == "ints" else
                             options.value(number, kind, default))
    return Operator(name, version, table.numbers(1, "<i4").tolist(),
                    table.numbers(2, "<i4").tolist(), values)


def decode(file):
    """The Graph in the bytes of a file with one subgraph."""
    if file[4:8] != FILE_IDENTIFIER:
        raise ValueError("not a .tflite file")
    model = Table(file, struct.unpack_from("<I", file)[0])
    if model.value(0, "u32") != SCHEMA_VERSION:
        raise ValueError("not version 3 of the schema")
    codes = [_operator_code(t) for t in model.tables(1)]
    subgraph, = model.tables(2)
    buffers = model.tables(4)
    return Graph(subgraph.string(4), model.string(3),
                 [_tensor(t, buffers) for t in subgraph.tables(0)],
                 [_operator(t, codes) for t in subgraph.tables(3)],
                 subgraph.numbers(1, "<i4").tolist(),
                 subgraph.numbers(2, "<i4").tolist())
