"""How long reading commands take to start, as ratios to an empty click command measured in the same run.

Every round starts each command once, the empty one first, so that a busy moment of the machine hits all of them alike;
a command's figure is the median over rounds of its time divided by the empty command's time in the same round.

    python benchmarks/startup.py [--rounds 15]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

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


def seconds(code: str, arguments: list[str]) -> float:
    """Return the wall time of one fresh interpreter that runs this code, in seconds."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def measure(rounds: int) -> tuple[float, dict[str, tuple[float, float]]]:
    """Return the empty command's median time, and each command's median time and median ratio to it."""
    empty: list[float] = []
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        empty.append(seconds(EMPTY, []))
        for name, arguments in COMMANDS.items():
            times[name].append(seconds(PAPERS, arguments))
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
    measure(1)  # fill the file cache and the byte code
    empty, medians = measure(rounds)
    print(f"medians of {rounds} rounds; aim: every ratio under {AIM:g}")
    print(f"{'empty click command':34} {empty * 1000:6.0f} ms   ratio 1.00")
    for name, (own, ratio) in medians.items():
        print(f"{name:34} {own * 1000:6.0f} ms   ratio {ratio:.2f}{'' if ratio < AIM else '   too slow'}")


if __name__ == "__main__":
    main()
