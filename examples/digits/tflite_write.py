# SPDX-License-Identifier: MIT
"""A Graph as the bytes of a .tflite file (a FlatBuffer). Used by train.py.

FlatBuffers are built from the leaves to the root, so each function writes its
children first and returns the offset of its own table. Fields are given by
number; graph.py and the comments here name them.
"""

import flatbuffers
import numpy as np

from graph import FILE_IDENTIFIER, OPERATORS, SCHEMA_VERSION, TYPES

BUFFER_ALIGNMENT = 16
LAST_CODE_IN_A_BYTE = 127

PREPEND = {
    "i8": flatbuffers.Builder.PrependInt8Slot,
    "u8": flatbuffers.Builder.PrependUint8Slot,
    "i32": flatbuffers.Builder.PrependInt32Slot,
    "u32": flatbuffers.Builder.PrependUint32Slot,
    "f32": flatbuffers.Builder.PrependFloat32Slot,
    "bool": flatbuffers.Builder.PrependBoolSlot,
    "table": flatbuffers.Builder.PrependUOffsetTRelativeSlot,
}


def _table(builder, *fields):
    """A table from (number, kind, value, default); the rest keep theirs."""
    builder.StartObject(1 + max(number for number, *_ in fields))
    for number, kind, value, default in fields:
        PREPEND[kind](builder, number, value, default)
    return builder.EndObject()


def _tables(builder, offsets):
    """A vector of tables."""
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _numbers(builder, values, dtype):
    return builder.CreateNumpyVector(np.asarray(values, dtype))


def _buffer(builder, data):
    """Buffer: data. The first one of a file is empty by convention."""
    if data is None:
        builder.StartObject(1)
        return builder.EndObject()
    raw = data.tobytes()
    builder.StartVector(1, len(raw), BUFFER_ALIGNMENT)
    builder.head -= len(raw)
    builder.Bytes[builder.head:builder.head + len(raw)] = raw
    return _table(builder, (0, "table", builder.EndVector(), 0))


def _quantization(builder, tensor):
    """QuantizationParameters: 2 scale, 3 zero_point, 6 quantized_dimension."""
    scale = _numbers(builder, tensor.scale, "<f4")
    zero_point = _numbers(builder, tensor.zero_point, "<i8")
    return _table(builder, (2, "table", scale, 0), (3, "table", zero_point, 0),
                  (6, "i32", tensor.quantized_dimension, 0))


def _tensor(builder, tensor, buffer):
    """Tensor: shape, type, buffer, name, quantization."""
    shape = _numbers(builder, tensor.shape, "<i4")
    name = builder.CreateString(tensor.name)
    number = next(n for n, dtype in TYPES.items() if dtype == tensor.dtype)
    fields = [(0, "table", shape, 0), (1, "i8", number, 0),
              (2, "u32", buffer, 0), (3, "table", name, 0)]
    if len(tensor.scale):
        fields.append((4, "table", _quantization(builder, tensor), 0))
    return _table(builder, *fields)


def _operator_code(builder, name, version):
    """OperatorCode: deprecated_builtin_code, 2 version, 3 builtin_code."""
    code = OPERATORS[name][0]
    return _table(builder, (0, "i8", min(code, LAST_CODE_IN_A_BYTE), 0),
                  (2, "i32", version, 1), (3, "i32", code, 0))


def _options(builder, operator):
    """The options table of an operator, in the order graph.py gives."""
    fields = []
    for number, (name, kind, default) in enumerate(OPERATORS[operator.name][2]):
        value = operator.options.get(name, default)
        if kind == "ints":
            kind, value, default = "table", _numbers(builder, value, "<i4"), 0
        fields.append((number, kind, value, default))
    return _table(builder, *fields)


def _operator(builder, operator, code_index):
    """Operator: opcode_index, inputs, outputs, options type, options."""
    inputs = _numbers(builder, operator.inputs, "<i4")
    outputs = _numbers(builder, operator.outputs, "<i4")
    options = _options(builder, operator)
    return _table(builder, (0, "u32", code_index, 0), (1, "table", inputs, 0),
                  (2, "table", outputs, 0),
                  (3, "u8", OPERATORS[operator.name][1], 0),
                  (4, "table", options, 0))


def _subgraph(builder, graph, codes):
    """SubGraph: tensors, inputs, outputs, operators, name."""
    buffer, tensors = 0, []
    for tensor in graph.tensors:
        has_data = tensor.data is not None
        buffer += has_data
        tensors.append(_tensor(builder, tensor, buffer if has_data else 0))
    operators = [_operator(builder, op, codes.index((op.name, op.version)))
                 for op in graph.operators]
    fields = [_tables(builder, tensors),
              _numbers(builder, graph.inputs, "<i4"),
              _numbers(builder, graph.outputs, "<i4"),
              _tables(builder, operators), builder.CreateString(graph.name)]
    return _table(builder, *[(number, "table", offset, 0)
                             for number, offset in enumerate(fields)])


def encode(graph):
    """Model: version, operator_codes, subgraphs, description, buffers."""
    builder = flatbuffers.Builder(1 << 16)
    codes = sorted({(op.name, op.version) for op in graph.operators})
    buffers = [None] + [t.data for t in graph.tensors if t.data is not None]
    fields = [_tables(builder, [_operator_code(builder, *code)
                                for code in codes]),
              _tables(builder, [_subgraph(builder, graph, codes)]),
              builder.CreateString(graph.description),
              _tables(builder, [_buffer(builder, b) for b in buffers])]
    model = _table(builder, (0, "u32", SCHEMA_VERSION, 0),
                   *[(number, "table", offset, 0)
                     for number, offset in enumerate(fields, 1)])
    builder.Finish(model, file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())
