from __future__ import annotations

import os
import shutil
import tempfile

from hypothesis import settings

# Time limits per example would only measure how busy the machine is.
settings.register_profile("arenas", deadline=None, print_blob=True)
settings.load_profile("arenas")

# Windows of tests are nowhere to be seen.
os.environ["SDL_VIDEODRIVER"] = "dummy"

_MADE = "ARENAS_HOME" not in os.environ
if _MADE:
    # Indices of this run, shared by its worker processes; not those of whoever runs the tests.
    os.environ["ARENAS_HOME"] = tempfile.mkdtemp(prefix="tests-of-arenas-")


def pytest_unconfigure(config):
    if _MADE:
        shutil.rmtree(os.environ["ARENAS_HOME"], ignore_errors=True)
