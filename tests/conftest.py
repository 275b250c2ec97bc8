from __future__ import annotations

import os
import shutil
import tempfile

from hypothesis import settings

# Time limits per example would only measure how busy the machine is.
settings.register_profile("arenas", deadline=None, print_blob=True)
settings.load_profile("arenas")

# Tests run side by side, where PyTorch's threads would wait for each other; and their number is
# part of what the last bits of a training depend on.
os.environ["OMP_NUM_THREADS"] = "1"

# Windows of tests are nowhere to be seen.
os.environ["SDL_VIDEODRIVER"] = "dummy"

_MADE = "ARENAS_HOME" not in os.environ
if _MADE:
    # Indices of this run, shared by its worker processes; not those of whoever runs the tests.
    os.environ["ARENAS_HOME"] = tempfile.mkdtemp(prefix="tests-of-arenas-")


def pytest_unconfigure(config):
    if _MADE:
        shutil.rmtree(os.environ["ARENAS_HOME"], ignore_errors=True)
