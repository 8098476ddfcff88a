"""Everything to know from a GPU, in at most 8 minutes and in one folder: tests, speed, and a piece of a training.

    make gpu                                     # sets up .venv first; then, on a machine with an NVIDIA GPU, this:
    python benchmarks/gpu.py                     # in any Python that has torch, numpy, einops and safetensors
    python benchmarks/gpu.py --quick             # everything small and on the CPU, to see that it runs

Called again it goes on with the training. Each part is a process with a time limit of its own, so that one that fails
or hangs takes no other along; `summary.md` is written anew after each, and a Ctrl-C leaves what is there.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
NEEDED = ("torch", "numpy", "einops", "safetensors")
PREPARING = 120  # seconds, of a machine that reads PyTorch for the first time
STARTING = 20  # seconds that Python, PyTorch and CUDA may take to start, and a part to write what it found
GRACE = 15  # seconds between Ctrl-C and the end of a part that is out of time


@dataclass
class Part:
    """One part: what it is, its share of all the time (the last one gets what is left), and how it ended."""

    name: str
    title: str
    share: float
    ended: str = "not run"
    seconds: float = 0.0


def main() -> int:
    options = parse_arguments()
    start = time.monotonic()
    end = start + 60 * options.minutes
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a scheduler's word counts as a Ctrl-C
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(f"{sys.executable} lacks {', '.join(missing)}: pip install {' '.join(missing)}", file=sys.stderr)
        return 2
    try:
        command_line = piece("prepare", options)
        said = subprocess.check_output(command_line, env=environment(), encoding="utf-8", timeout=PREPARING)
    except subprocess.CalledProcessError:  # and it said why
        return 2
    except subprocess.TimeoutExpired as error:
        print(f"PyTorch does not start: {error}", file=sys.stderr)
        return 2
    facts = json.loads(said.splitlines()[-1])
    parts = [
        Part("tests", "Tests that need a GPU", 0.15),
        Part("step", "A training step, against the literal version", 0.45),
        Part("estimate", "What the whole training will take", 0.12),
        Part("train", "The training so far", 1.0),
    ]
    code = 0
    try:
        for part in parts:
            limit = min(60 * options.minutes * part.share, end - time.monotonic() - GRACE)
            print(f"{part.name}: at most {limit:.0f} s, log in {options.out / part.name}.log", flush=True)
            run(part, limit, options)
            print(f"{part.name}: {part.ended} after {part.seconds:.0f} s", flush=True)
            write_summary(parts, facts, options)
    except KeyboardInterrupt:
        code = 130
    write_summary(parts, facts, options)
    print(f"Read {options.out / 'summary.md'}")
    return code or int(any(part.ended.startswith(("failed", "out of time")) for part in parts))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder for everything; default: runs/gpu, or runs/gpu_quick")
    parser.add_argument("--minutes", type=float, default=8.0, help="for all parts together")
    parser.add_argument("--quick", action="store_true", help="preset smoke on the CPU, in place of paper on a GPU")
    options = parser.parse_args()
    options.out = (options.out or ROOT / "runs" / ("gpu_quick" if options.quick else "gpu")).resolve()
    return options


def command(name: str, limit: float, options: argparse.Namespace) -> list[str]:
    """How to run a part so that it ends by itself within its limit, if all goes well."""
    seconds, quick = max(1.0, limit - STARTING), ["--quick"] if options.quick else []
    if name == "tests":
        # Only the files that hold some: the others may need packages that are not here.
        files = [f"{file}" for file in sorted(ROOT.glob("tests/test_*.py")) if "mark.gpu" in file.read_text("utf-8")]
        return [sys.executable, "-m", "pytest", "-m", "gpu", "-rs", f"--junitxml={options.out / 'tests.xml'}", *files]
    if name == "step":
        how = ["--preset", "smoke", "--device", "cpu"] if options.quick else ["--preset", "paper", "--device", "cuda"]
        how += ["--clip", f"{options.out / 'clip.safetensors'}", "--out", f"{options.out / 'step.md'}"]
        return [sys.executable, f"{HERE / 'step.py'}", *how, *quick, f"--within={seconds}", f"--seconds={seconds / 40}"]
    # Half of the time for the estimate's alternating steps leaves the other half for those that take longer.
    return piece(name, options, seconds / 2 if name == "estimate" else seconds)


def piece(name: str, options: argparse.Namespace, seconds: float = 0.0) -> list[str]:
    seconds = min(seconds, 2.0) if options.quick else seconds
    quick = ["--quick"] if options.quick else []
    return [sys.executable, f"{HERE / 'piece.py'}", name, f"{options.out}", f"--seconds={seconds}", *quick]


def environment() -> dict[str, str]:
    """So that the package is found where it is not installed."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [f"{ROOT}", os.environ.get("PYTHONPATH")]))}


def run(part: Part, limit: float, options: argparse.Namespace) -> None:
    """Run a part and note how it ended; what an earlier call left of it is removed first."""
    for old in (f"{part.name}.md", f"{part.name}.xml", f"{part.name}.log"):
        (options.out / old).unlink(missing_ok=True)
    if part.name == "tests" and importlib.util.find_spec("pytest") is None:
        part.ended = "skipped: pytest is not installed (pip install pytest)"
        return
    start = time.monotonic()
    with open(options.out / f"{part.name}.log", "w", encoding="utf-8") as log:
        # In a session of its own, so that a Ctrl-C comes from here, and reaches what the part started as well.
        process = subprocess.Popen(
            command(part.name, limit, options),
            cwd=ROOT,
            env=environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(max(1.0, limit))
            part.ended = "done" if process.returncode == 0 else f"failed with exit code {process.returncode}"
        except subprocess.TimeoutExpired:
            part.ended = "out of time"
        except KeyboardInterrupt:
            part.ended = "stopped by Ctrl-C"
            raise
        finally:
            stop(process)
            part.seconds = time.monotonic() - start


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a part and all that it started: by Ctrl-C, which lets a training write its checkpoint, then for good."""
    if not hasattr(os, "killpg"):  # Windows
        process.kill()
        return
    for number in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.wait(GRACE)


def write_summary(parts: list[Part], facts: dict[str, str], options: argparse.Namespace) -> None:
    """One page on all parts; of one that did not end well, the last lines of its log."""
    lines = ["# `paper` on a GPU" if not options.quick else "# `smoke` on a CPU: a rehearsal", ""]
    lines += [f"- **{name}**: {fact}" for name, fact in facts.items()]
    lines += ["", "| part | how it ended | seconds |", "| --- | --- | --- |"]
    lines += [f"| {part.name} | {part.ended} | {part.seconds:.0f} |" for part in parts]
    for part in parts:
        page, log = options.out / f"{part.name}.md", options.out / f"{part.name}.log"
        if part.ended == "not run" or not log.exists():
            continue
        lines += ["", f"## {part.title}", ""]
        if page.exists():
            lines += [page.read_text(encoding="utf-8").strip()]
        if part.ended != "done" or not page.exists():
            lines += [
                "```",
                *log.read_text(encoding="utf-8", errors="replace").splitlines()[-15 if part.ended != "done" else -1 :],
                "```",
            ]
    temporary = options.out / ".summary.md"
    temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    temporary.replace(options.out / "summary.md")


if __name__ == "__main__":
    sys.exit(main())
