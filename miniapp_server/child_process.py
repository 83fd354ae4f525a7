"""Starts child processes that end with this process, even if this process is killed."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from typing import Final

# Runs in the new process before the program: the kernel sends it SIGTERM when the thread that
# forked it is gone (prctl 1 is PR_SET_PDEATHSIG; the request survives exec). Not a preexec_fn,
# which may deadlock in a process with threads. The second check closes the gap before the request.
_LAUNCH: Final = """
import ctypes, os, sys
if ctypes.CDLL(None, use_errno=True).prctl(1, 15) != 0:
    sys.exit("prctl failed")
if os.getppid() != int(sys.argv[1]):
    sys.exit(0)
os.execv(sys.argv[2], sys.argv[2:])
"""


def die_with_parent(program: Sequence[str]) -> list[str]:
    """The command with which to start ``program`` (its first item is a path), so that the kernel
    sends the child SIGTERM when this process ends. Raises: RuntimeError outside the main thread,
    because the kernel watches the thread that starts the child."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(
            "a child that ends with this process must be started from the main thread"
        )
    return [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), *program]
