"""The worker with deadlines of seconds: python -m tests.collector.notices.quick_worker CONFIG."""

from __future__ import annotations

import sys
from pathlib import Path

from collector import boot, logs
from collector.settings import load
from tests.collector import background_worker

if __name__ == "__main__":
    logs.begin()
    configuration = load(Path(sys.argv[1]))
    boot.boot(configuration)
    from collector import worker_process
    from collector.notices import courier, posting

    courier.DEADLINE_S, posting.STEP_S = 3.0, 1.0
    assert background_worker.write.__doc__
    sys.exit(worker_process.run(configuration))
