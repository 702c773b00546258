"""How long reading commands take to start, as ratios to an empty click command measured in the same run.

Every round starts each command once, the empty one first, so that a busy moment of the machine hits all of them alike;
a command's figure is the median over rounds of its time divided by the empty command's time in the same round.

    python benchmarks/startup.py [--rounds 15]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

EMPTY = "import click; click.command()(lambda: None)([])"
PAPERS = "import sys; from cli.main import main; main(sys.argv[1:])"
AIM = 3.0

COMMANDS = {
    "papers --help": ["--help"],
    "papers list": ["list"],
    "papers show lenet": ["show", "lenet"],
    "papers search subsampling": ["search", "subsampling"],
    "papers claims lenet": ["claims", "lenet"],
    "papers claims lenet L6": ["claims", "lenet", "L6"],
    "papers diff lenet": ["diff", "lenet"],
    "papers cite lecun1998gradient": ["cite", "lecun1998gradient"],
    "papers data list": ["data", "list"],
    "papers reproduce lenet --dry-run": ["reproduce", "lenet", "--dry-run"],
}


def seconds(code: str, arguments: list[str], byte_code: str) -> float:
    """Return the wall time of one fresh interpreter that runs this code, in seconds.

    Args:
        code: A program.
        arguments: Its arguments.
        byte_code: A folder for compiled modules: whatever the surroundings say, each is compiled once only.
    """
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    surroundings |= {"PYTHONPYCACHEPREFIX": byte_code, "PYTHONPATH": str(ROOT)}
    begin = time.perf_counter()
    command = [sys.executable, "-c", code, *arguments]
    subprocess.run(command, stdout=subprocess.DEVNULL, env=surroundings, check=True)
    return time.perf_counter() - begin


def measure(rounds: int, byte_code: str) -> tuple[float, dict[str, tuple[float, float]]]:
    """Return the empty command's median time, and each command's median time and median ratio to it."""
    empty: list[float] = []
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        empty.append(seconds(EMPTY, [], byte_code))
        for name, arguments in COMMANDS.items():
            times[name].append(seconds(PAPERS, arguments, byte_code))
    medians = {
        name: (statistics.median(own), statistics.median(t / e for t, e in zip(own, empty, strict=True)))
        for name, own in times.items()
    }
    return statistics.median(empty), medians


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Start-up of reading commands against an empty click command.")
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as byte_code:
        measure(1, byte_code)  # compiles, and brings the files into memory
        empty, medians = measure(rounds, byte_code)
    print(f"medians of {rounds} rounds; aim: every ratio under {AIM:g}")
    print(f"{'empty click command':34} {empty * 1000:6.0f} ms   ratio 1.00")
    for name, (own, ratio) in medians.items():
        print(f"{name:34} {own * 1000:6.0f} ms   ratio {ratio:.2f}{'' if ratio < AIM else '   too slow'}")


if __name__ == "__main__":
    main()
