"""Stops a training process at a random moment, for the tests of resuming."""

from __future__ import annotations

import random
import signal
import subprocess
import time


def stop_after_checkpoint(command, checkpoint, how):
    """Starts `command` and sends it the signal `how` a moment after it writes `checkpoint`.

    Returns what it wrote to standard error.
    """
    before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    while process.poll() is None and (
        not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before
    ):
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.3))
    process.send_signal(how)
    _, err = process.communicate(timeout=120)
    assert process.returncode in ((-9,) if how == signal.SIGKILL else (130,)), err
    return err
