"""One peer in a process of its own: it says when it is ready, and runs once for every line it is given."""

from __future__ import annotations

import json
import resource
import sys
import time

from verify.bench.peers import PEERS, AbsentError, Job, case_of


def main() -> None:
    """`worker PEER JOB`: answers in lines of JSON."""
    name, job = sys.argv[1], Job(**json.loads(sys.argv[2]))
    try:
        run = PEERS[name](job, *case_of(job))
    except AbsentError as error:
        _say({"absent": str(error)})
        return
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run()
    run()
    _say({"ready": True, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before})
    for _ in sys.stdin:
        wall, busy = time.perf_counter(), time.process_time()
        run()
        _say({"wall": time.perf_counter() - wall, "busy": time.process_time() - busy})


def _say(answer: dict[str, object]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
