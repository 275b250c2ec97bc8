from __future__ import annotations

from hypothesis import settings

# Time limits per example would only measure how busy the machine is.
settings.register_profile("arenas", deadline=None, print_blob=True)
settings.load_profile("arenas")
