"""`benchwipe` whose threads can be ended from outside: `python -m tests.agent.mortal_daemon FIFO run ...`.

Each line of the FIFO names a thread, which meets an exception at its next step in Python; "stranger" is a new thread.
"""

from __future__ import annotations

import ctypes
import sys
import threading

from agent.cli import main


def listen(fifo: str) -> None:
    """Until the end."""
    with open(fifo, encoding="utf-8") as orders:
        for line in orders:
            name = line.strip()
            if name == "stranger":
                threading.Thread(target=int, args=("x",), name=name).start()
                continue
            for thread in threading.enumerate():
                if thread.name == name:
                    exception = ctypes.py_object(SystemExit)
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), exception)


if __name__ == "__main__":
    threading.Thread(target=listen, args=(sys.argv[1],), name="orders", daemon=True).start()
    main(sys.argv[2:])
