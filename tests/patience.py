"""How long a test waits for what must come, before it says that it did not. Said here, and nowhere else.

They are bounds on a hang, not claims about speed: a machine at half speed under a load of ten keeps within them. What a
program promises about time is tested against its own deadline, or against the hang that it must not wait for.
"""

from __future__ import annotations

SOON_S = 120.0
"""For what follows by itself within a second or two on a quiet machine."""

PROGRAM_S = 300.0
"""For a program from its start to its end: a linter over all files, an installation, a whole demo."""

HANGS_S = 600.0
"""How long a device hangs that nobody may wait for: longer than any test."""
