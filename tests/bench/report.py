# SPDX-License-Identifier: MIT
"""How measurements are written: tables for people, bench.json for programs."""

import json
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / os.environ.get("B", "build")
MODELS = pathlib.Path(os.environ.get("MODELS", ROOT / "../shared/models"))


def count(number):
    """1234567 -> 1,234,567; None -> -"""
    return "-" if number is None else f"{number:,.0f}"


def decimal(number, places=2):
    return "-" if number is None else f"{number:,.{places}f}"


def table(header, rows):
    """Prints columns as wide as needed, the first one flush left."""
    lines = [header, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    for line in lines:
        cells = [cell.rjust(width) for cell, width in zip(line, widths)]
        cells[0] = line[0].ljust(widths[0])
        print("  " + "  ".join(cells).rstrip())


def save(section, figures):
    """Puts the figures of one script into B/bench.json, beside the others'."""
    path = BUILD / "bench.json"
    try:
        everything = json.loads(path.read_text())
    except (OSError, ValueError):
        everything = {}
    everything[section] = figures
    path.write_text(json.dumps(everything, indent=2, sort_keys=True) + "\n")
