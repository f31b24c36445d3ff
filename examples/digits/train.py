#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Trains the digits network and writes everything here that depends on it.

    train.py            train, print the accuracies, write the files
    train.py --check    train, compare with the files, exit 1 if one differs

The files are digits.tflite, labels.txt, the shown digits as PNG with their
raw inputs and outputs (digits.bin, digits.golden.bin) and a larger set for
tests (test.bin, test.golden.bin, test.labels.txt). See README.md.
"""

import argparse
import pathlib
import sys

import numpy as np

sys.dont_write_bytecode = True

import data
import int8
import net
import png
from quantise import quantise
from tflite_read import decode
from tflite_write import encode

HERE = pathlib.Path(__file__).resolve().parent
SEED = 1
TEST_CASES = 200


def to_input(pixels):
    """Bytes [n, 8, 8] as the int8 input tensor: pixel - 128."""
    return (pixels.astype(int) - 128).astype(np.int8)[..., None]


def train(pixels, labels):
    """The trained float layers."""
    rng = np.random.RandomState(SEED)
    layers = net.build(rng)
    is_terminal = sys.stderr.isatty()

    def progress(epoch):
        if is_terminal:
            print(f"\repoch {epoch + 1}/{net.EPOCHS}", end="",
                  file=sys.stderr, flush=True)

    net.train(rng, layers, pixels / 255, labels, progress)
    if is_terminal:
        print(file=sys.stderr)
    return layers


def lines(labels):
    return "".join(f"{label}\n" for label in labels).encode()


def shown_files(graph, pixels, labels):
    """The twelve shown digits, and what the int8 network says of them."""
    indices = data.shown(labels)
    files = {f"{k:02}_label{labels[i]}.png": png.encode(pixels[i])
             for k, i in enumerate(indices)}
    inputs = to_input(pixels[indices])
    outputs = int8.run(graph, inputs)
    files["digits.bin"] = inputs.tobytes()
    files["digits.golden.bin"] = outputs.tobytes()
    for k, i in enumerate(indices):
        if outputs[k].argmax() != labels[i]:
            print(f"shown digit {k:02}: a {labels[i]}, "
                  f"taken for a {outputs[k].argmax()}")
    return files


def evaluate(layers, graph, pixels, labels):
    """Print the accuracies on one part; return the int8 outputs."""
    outputs = int8.run(graph, to_input(pixels))
    right = int((outputs.argmax(axis=1) == labels).sum())
    exact = net.accuracy(layers, pixels / 255, labels)
    print(f"{len(labels)} digits: float {100 * exact:.2f} %, "
          f"int8 {100 * right / len(labels):.2f} % ({right} right)")
    return outputs


def make_files():
    """Train; return the contents of every file by its name."""
    pixels, labels = data.load()
    train_pixels, test_pixels = data.split(pixels)
    train_labels, test_labels = data.split(labels)
    layers = train(train_pixels, train_labels)
    model = encode(quantise(layers, train_pixels / 255, "digits",
                            "Handwritten digits 8x8, TinyNPU example"))
    graph = decode(model)
    print("training forms: ", end="")
    evaluate(layers, graph, train_pixels, train_labels)
    print("test forms: ", end="")
    outputs = evaluate(layers, graph, test_pixels, test_labels)
    files = {
        "digits.tflite": model,
        "labels.txt": lines(range(data.CLASSES)),
        "test.bin": to_input(test_pixels[:TEST_CASES]).tobytes(),
        "test.golden.bin": outputs[:TEST_CASES].tobytes(),
        "test.labels.txt": lines(test_labels[:TEST_CASES]),
    }
    files.update(shown_files(graph, pixels, labels))
    return files


def differing(files):
    """Names whose committed content is missing or not the same."""
    return [name for name, content in files.items()
            if not (HERE / name).is_file() or
            (HERE / name).read_bytes() != content]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true",
                        help="compare with the files instead of writing them")
    check = parser.parse_args().check
    files = make_files()
    if check:
        for name in differing(files):
            print(f"{name}: not what training gives")
        return 1 if differing(files) else 0
    for name, content in files.items():
        (HERE / name).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
