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


def ratio(value, wanted, bold=False):
    """0.93; what is above its aim is bold, or has a star where there are no letters."""
    if value is None:
        return "-"
    text = f"{value:.2f}"
    if not is_miss(value, wanted):
        return text
    return f"**{text}**" if bold else text + "*"


def is_miss(value, wanted):
    """As exact as it is written."""
    return value is not None and wanted is not None and round(value, 2) > wanted


def write_readme(script, header, rows):
    """Puts a table between the README's two marks for a script."""
    begin, end = f"<!-- {script} --readme -->\n", f"<!-- end of {script} -->\n"
    lines = [f"| {' | '.join(line)} |\n" for line in
             [header, ["---"] * len(header), *rows]]
    path = ROOT / "README.md"
    before, rest = path.read_text().split(begin)
    path.write_text(before + begin + "".join(lines) + end + rest.split(end)[1])


def save(section, figures):
    """Puts the figures of one script into B/bench.json, beside the others'."""
    path = BUILD / "bench.json"
    try:
        everything = json.loads(path.read_text())
    except (OSError, ValueError):
        everything = {}
    everything[section] = figures
    path.write_text(json.dumps(everything, indent=2, sort_keys=True) + "\n")
