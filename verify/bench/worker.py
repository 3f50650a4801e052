"""One peer in a process of its own: it says when it is ready, and runs once for every line it is given."""

from __future__ import annotations

import json
import resource
import sys
import time

from verify.bench.job import AbsentError, Job
from verify.bench.peers import Call, case_of, peers_of


def main() -> None:
    """`worker PEER JOB`: answers in lines of JSON."""
    name, job = sys.argv[1], Job(**json.loads(sys.argv[2]))
    try:
        run = peers_of(job.device)[name](job, *case_of(job))
    except AbsentError as error:
        _say({"absent": str(error)})
        return
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run()
    run()
    memory = _peak_on_gpu(run) if job.device == "gpu" else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    _say({"ready": True, "memory": memory})
    for _ in sys.stdin:
        wall, busy = time.perf_counter(), time.process_time()
        run()
        _say({"wall": time.perf_counter() - wall, "busy": time.process_time() - busy})


def _peak_on_gpu(run: Call) -> float:
    """What torch asks of the GPU in one run at most, in KiB; nothing is known of others."""
    torch = sys.modules.get("torch")
    if torch is None:
        return 0
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run()
    return float(torch.cuda.max_memory_allocated() - before) / 1024


def _say(answer: dict[str, object]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
