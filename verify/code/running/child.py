"""The process in which a person's code runs: it loads their file, judges it, and writes the answer to a file.

Run by `careful` as `python -m verify.code.running.child REQUEST`, where REQUEST is a JSON file; the answer is written
to the path that it names. What their code prints goes to this process's output and is shown apart.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from derive.errors import InputError
from verify.code import answering
from verify.code.calling.base import MisfitError
from verify.code.running.loading import OURS, Source, UnusableError, imported, split_target
from verify.code.running.watch import Watch

IMPORTING = "the file is run"


def main() -> None:
    """Answer one request."""
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    answer = Path(request["answer"])

    def write(found: dict[str, Any]) -> None:
        part = answer.with_suffix(".part")
        part.write_text(json.dumps(found), encoding="utf-8")
        os.replace(part, answer)

    def late(stage: str) -> None:
        if stage == IMPORTING and not request["definitions"]:
            write({"retry": True})
        else:
            write(
                answering.refused(
                    request, f"it did not return within {request['limit']:g} seconds, the limit of time: {stage}"
                )
            )

    watch = Watch(request["limit"], late)
    try:
        path, _ = split_target(request["spec"])
        watch.stage(IMPORTING)
        with their_names(path):
            sys.argv = [str(path)]
            source: Source = imported(path, definitions=request["definitions"])
        watch.stage("")
        found = answering.answered(request, source, watch.stage)
    except UnusableError as error:
        found = answering.refused(request, str(error))
    except MisfitError as error:
        found = {**answering.refused(request, str(error)), "uncalled": True}
    except InputError as error:
        found = {"error": str(error), "message": error.message, "hint": error.hint}
    except Exception as error:  # a fault of ours: the other side tells it as what it is
        *_, last = traceback.extract_tb(error.__traceback__)
        details = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}: {error}"
        found = {"fault": details, "calls": traceback.format_exc(limit=-8)}
    watch.stage("")
    write(found)
    sys.stdout.flush()
    os._exit(0)  # threads and exit handlers of theirs have nothing to add


@contextmanager
def their_names(path: Path) -> Iterator[None]:
    """While their file is imported, a module of theirs that has the name of one of ours is theirs."""
    ours = {name: module for name, module in sys.modules.items() if name.split(".")[0] in OURS}
    try:
        yield
    finally:
        sys.modules.update(ours)


if __name__ == "__main__":
    main()
