"""Puts known mistakes into the code, one at a time, and sees that the test named for each catches it.

    python tests/mutations.py

Works on a copy; the sources stay as they are. Leaves with 1 if a mistake passes unseen.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Mutation:
    """A mistake, and the test that must catch it.

    Attributes:
        mistake: What is wrong after it.
        file: The file it is made in.
        before: What stands there, exactly once.
        after: What stands there instead.
        test: The test that must fail.
    """

    mistake: str
    file: str
    before: str
    after: str
    test: str


MODEL = "implementations/lenet/model.py"
ONLINE = "implementations/lenet/online.py"
OPTIMIZER = "implementations/lenet/optimizer.py"
TRAINING = "implementations/lenet/training.py"
TEST_MODEL = "tests/test_lenet_model.py::"
TEST_OPTIMIZER = "tests/test_lenet_optimizer.py::"
TEST_TRAINING = "tests/test_training.py::"

MUTATIONS = (
    Mutation(
        "the amplitude of the squash is 1.7259",
        MODEL,
        "AMPLITUDE = 1.7159",
        "AMPLITUDE = 1.7259",
        TEST_MODEL + "test_constants_of_the_squash",
    ),
    Mutation(
        "C3 sees every map of S2",
        MODEL,
        "self.c3 = PartialConvolution(6, C3_TABLE, 5)",
        "self.c3 = PartialConvolution(6, [tuple(range(6))] * 16, 5)",
        TEST_MODEL + "test_each_layer_has_the_papers_counts",
    ),
    Mutation(
        "C3 sees the right number of maps, but others",
        MODEL,
        "    (0, 4, 5),",
        "    (0, 3, 5),",
        TEST_MODEL + "test_table_one_is_as_described",
    ),
    Mutation(
        "sub-sampling averages instead of adding",
        MODEL,
        "sums = 4 * F.avg_pool2d(x, 2)",
        "sums = F.avg_pool2d(x, 2)",
        TEST_MODEL + "test_subsampling_is_a_squashed_scaled_sum",
    ),
    Mutation(
        "sub-sampling does not squash",
        MODEL,
        "return squash(sums * self.coefficient[:, None, None] + self.bias[:, None, None])",
        "return sums * self.coefficient[:, None, None] + self.bias[:, None, None]",
        TEST_MODEL + "test_subsampling_is_a_squashed_scaled_sum",
    ),
    Mutation(
        "the competition of Eq. 9 is between patterns, not classes",
        MODEL,
        "torch.logsumexp(-torch.cat([penalties, rubbish], dim=1), dim=1)",
        "torch.logsumexp(-torch.cat([penalties, rubbish], dim=1)[:, : len(penalties)], dim=0)",
        TEST_MODEL + "test_equation_nine_by_hand",
    ),
    Mutation(
        "Eq. 9 has no rubbish class",
        MODEL,
        "-torch.cat([penalties, rubbish], dim=1)",
        "-penalties",
        TEST_MODEL + "test_equation_nine_by_hand",
    ),
    Mutation(
        "the on-line softmax is over the runs, not the classes",
        ONLINE,
        "torch.softmax(torch.cat([-penalties, self.rubbish], 1), 1)",
        "torch.softmax(torch.cat([-penalties, self.rubbish], 1), 0)",
        TEST_OPTIMIZER + "test_side_by_side_equals_one_by_one",
    ),
    Mutation(
        "black is 1",
        MODEL,
        "FOREGROUND = 1.175",
        "FOREGROUND = 1.0",
        TEST_MODEL + "test_pixels_are_scaled_as_printed",
    ),
    Mutation(
        "the initial weights forget the fan-in",
        MODEL,
        "(2.4 / fan_in**self.power)",
        "(2.4 / 25)",
        TEST_MODEL + "test_initial_weights_fill_the_printed_range",
    ),
    Mutation(
        "the digits' codes are trained",
        MODEL,
        'self.register_buffer("centres", centres)',
        "self.centres = nn.Parameter(centres)",
        TEST_MODEL + "test_the_fixed_codes_are_not_trained_unless_asked",
    ),
    Mutation(
        "the second back-propagation does not square the weights",
        OPTIMIZER,
        "F.conv_transpose2d(h5, model.c5.weight**2)",
        "F.conv_transpose2d(h5, model.c5.weight)",
        TEST_OPTIMIZER + "test_curvature_equals_the_slow_version",
    ),
    Mutation(
        "the step ignores the second derivative",
        OPTIMIZER,
        '(group["mu"] + h)',
        '(group["mu"] + 0 * h)',
        TEST_OPTIMIZER + "test_a_step_by_hand",
    ),
    Mutation(
        "absent connections of C3 are trained on-line",
        ONLINE,
        "w3.addcmul_(e3,",
        "w3.addcmul_(e3.clamp(min=1e-4),",
        TEST_OPTIMIZER + "test_side_by_side_equals_one_by_one",
    ),
    Mutation(
        "the patterns are not shuffled",
        "implementations/training/randomness.py",
        "torch.randperm(count, generator=generator(*key))",
        "torch.arange(count)",
        TEST_TRAINING + "test_every_pass_has_an_order_of_its_own",
    ),
    Mutation(
        "every pass has the same order",
        TRAINING,
        'permutation(len(images), seed, "order", passed)',
        'permutation(len(images), seed, "order", 0)',
        TEST_TRAINING + "test_training_in_batches_equals_an_obvious_loop",
    ),
    Mutation(
        "the largest penalty wins",
        TRAINING,
        "output.argmin(1) if smallest_wins",
        "output.argmax(1) if smallest_wins",
        TEST_TRAINING + "test_errors_are_counted_by_the_rule_of_the_output",
    ),
    Mutation(
        "a resumed run starts its stage again with trained weights",
        "implementations/training/session.py",
        'first = self._loop["step"]',
        "first = 0",
        "tests/test_resume.py::test_interrupted_and_resumed",
    ),
    Mutation(
        "one seed is enough for any rule",
        "papers/evidence.py",
        "< criterion.seeds",
        "< 1",
        "tests/test_evidence.py",
    ),
)


def caught(mutation: Mutation, copy: Path) -> bool:
    """Make the mistake in the copy, run its test, and take the mistake back."""
    file = copy / mutation.file
    text = file.read_text(encoding="utf-8")
    if text.count(mutation.before) != 1:
        raise SystemExit(f"{mutation.file} holds {mutation.before!r} {text.count(mutation.before)} times, not once")
    file.write_text(text.replace(mutation.before, mutation.after), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", mutation.test]
    status = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    file.write_text(text, encoding="utf-8")
    if status.returncode not in (0, 1):  # 1 is a failed test; anything else is no answer
        raise SystemExit(f"{mutation.test} could not be run:\n{status.stdout}{status.stderr}")
    return status.returncode == 1


def main() -> int:
    """Try every mutation; return the exit status."""
    unseen = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        ignored = shutil.ignore_patterns(".*", "site", "runs", "__pycache__", "node_modules")
        shutil.copytree(ROOT, copy, ignore=ignored)
        for mutation in MUTATIONS:
            seen = caught(mutation, copy)
            unseen += not seen
            print(f"{'caught' if seen else 'NOT CAUGHT'}: {mutation.mistake} ({mutation.test})", flush=True)
    print(f"{len(MUTATIONS) - unseen} of {len(MUTATIONS)} mistakes caught")
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
