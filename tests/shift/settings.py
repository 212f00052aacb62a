"""Who works in the shift, and for whom: the part of the configuration that every bench of it has."""

from __future__ import annotations

from tests.shift.scans import BADGES, LOTS

PEOPLE = f"""
[[operator]]
badge = "{BADGES["ida"]}"
id = "ida"
name = "Ida"

[[operator]]
badge = "{BADGES["bo"]}"
id = "bo"
name = "Bo"

[[customer]]
name = "Kolding"

[[lot]]
code = "{LOTS["Q"]}"
customer = "Kolding"
policy = "quick"

[[lot]]
code = "{LOTS["C"]}"
customer = "Kolding"
policy = "careful"

[[policy]]
name = "quick"
limits = {{ checkpoint_bytes = 1048576, checkpoint_s = 0.2 }}

[[policy]]
name = "careful"
match_serial = true
confirm = true
limits = {{ checkpoint_bytes = 1048576, checkpoint_s = 0.2 }}
"""
