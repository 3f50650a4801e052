"""How long one answer takes as cells grow, each in a process of its own: `python tests/growth.py [LENGTH...]`.

Seconds of processor time and the largest memory of the processes so far; nothing here is a test, since seconds depend
on the machine. `tests/derive/test_linear_growth.py` and `tests/verify/formulas/test_growth.py` count calls instead.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "derive"))

from test_linear_growth import gated, plain, stacked, with_own_sizes

LENGTHS = (10, 20, 40, 80)
ABOVE = r"\frac{\partial J}{\partial p_{5,t}} = "
FIRST = r"\frac{\partial J}{\partial p_{6,t}} \odot p_{6,t} \odot (1 - p_{6,t})"
SECOND = r"\frac{\partial J}{\partial p_{7,t}} \odot p_{7,t} \odot (1 - p_{7,t}) \odot p_{6,t}"
WRONG = r"\frac{\partial J}{\partial p_{6,t}} \odot (1 - p_{6,t}^2)"
FORMULAS = {
    "a right formula": rf"{ABOVE}U^\top ({FIRST}) + {FIRST} \odot p_{{4,t}} + {SECOND}",
    "a path dropped": rf"{ABOVE}U^\top ({FIRST}) + {FIRST} \odot p_{{4,t}}",
    "a wrong slope": rf"{ABOVE}U^\top ({WRONG}) + {FIRST} \odot p_{{4,t}} + {SECOND}",
    "nonsense": rf"{ABOVE}p_{{3,t}} \odot \tanh(p_{{4,t}} + p_{{5,t}}) - U^\top p_{{2,t}}",
    "a sum cut": r"\frac{\partial J}{\partial U} = \sum_{t=1}^{3} \frac{\partial J}{\partial p_{5,t}} p_{4,t}^\top",
}


def seconds(arguments: list[str]) -> str:
    """Processor time of a run of the command line; its exit code where that tells of no answer."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run([sys.executable, "-m", "backproof", *arguments], capture_output=True, check=False)
    taken = f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before:.1f}"
    return taken if done.returncode in (0, 1) else f"{taken} ({done.returncode})"


def main() -> None:
    """Print the table."""
    lengths = [int(number) for number in sys.argv[1:]] or list(LENGTHS)
    if os.environ.get("PYTHONDONTWRITEBYTECODE"):
        print("PYTHONDONTWRITEBYTECODE is set: every start compiles the whole program, about a second")
    seconds(["read", "lstm"])
    print(f"{'equations':<36}", *(f"{length:>10}" for length in lengths))
    with tempfile.TemporaryDirectory() as folder:
        written, notes = Path(folder, "out.py"), {}
        for chain in (plain, gated, with_own_sizes, stacked):
            for length in lengths:
                notes[chain, length] = path = Path(folder, f"{chain.__name__}_{length}.md")
                path.write_text(chain(length), encoding="utf-8")
        rows: dict[str, list[list[str]]] = {}
        for chain in (plain, gated, with_own_sizes, stacked):
            found = [str(notes[chain, length]) for length in lengths]
            rows[f"derive, {chain.__name__}"] = [["derive", note] for note in found]
            options = ["--no-check", "-o", str(written)]
            rows[f"generate, {chain.__name__}"] = [["generate", note, *options] for note in found]
            rows[f"generate torch, {chain.__name__}"] = [
                ["generate", note, "--target", "torch", *options] for note in found
            ]
        for name, formula in FORMULAS.items():
            rows[f"check, {name}"] = [["check", formula, "--cell", str(notes[gated, length])] for length in lengths]
        for name, runs in rows.items():
            print(f"{name:<36}", *(f"{seconds(run):>10}" for run in runs), flush=True)
    print(f"largest memory: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
