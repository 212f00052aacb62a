"""What `benchwipe erase` says of each drive at the end, and its exit status. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agent.views.certificate import claim_words


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `--json`, in the contract's words."""

    device: str
    outcome: str
    certificate_id: str | None = None
    certificate_file: str | None = None
    reason: str | None = None
    bytes: int = 0
    seconds: float = 0.0
    read_back: bool | msgspec.UnsetType = msgspec.UNSET
    """Of an erased one: whether it was read back then, wholly or by a sample."""

    @property
    def words(self) -> str:
        """The outcome for a person: erased alone is only said of what was read back."""
        return claim_words("unread") if self.read_back is False else self.outcome


def exit_status(results: Sequence[Result], *, interrupted: bool) -> int:
    """Choose the contract's exit status: 130 interrupted, else the worst of 1 (not erased), 3 (refused), 0."""
    outcomes = {result.outcome for result in results}
    if interrupted and "aborted" in outcomes:
        return 130
    if outcomes & {"failed", "aborted"}:
        return 1
    return 3 if "refused" in outcomes else 0
