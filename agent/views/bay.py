"""The bay table as people and programs see it: lines for a display, rows for `benchwipe status`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import msgspec

from agent.jobs.bay import Bay, BayState
from agent.phrases import FALLBACK, hint, phrase, reason
from agent.planning.plan import Plan
from agent.views.certificate import claim_words
from agent.views.waiting import NOTHING_BESIDE, Beside, waits_for

STEP_S = 300  # of a time that is told: nobody works by less
NO_WORDS: Mapping[str, str] = MappingProxyType({})


def bay_lines(bay: Bay, language: str, *, now: float, commands: Mapping[str, str] = NO_WORDS) -> tuple[str, ...]:
    """Say what a technician reads at a bay: one instruction, and why.

    `now`: monotonic seconds, as `Bay.due`. `commands`: the bench's own words for them (agent/scan/command_words.py).
    """
    first, why = _instruction(bay, language, now, commands), _detail(bay, language, commands)
    lines = (first, why, _plan(bay, language), *_warnings(bay, language))
    return tuple(line for line in lines if line)


def bay_row(bay: Bay, *, now: float, beside: Beside = NOTHING_BESIDE) -> dict[str, Any]:
    """Say what `benchwipe status --json` tells of a bay, in bytes and seconds; `now` as for `bay_lines`."""
    left = None
    if bay.due is not None:
        left = round(max(0.0, bay.due - now), 1)
    return {
        "bay": bay.name,
        "state": bay.state.value,
        "rev": bay.rev,
        "drive": {"model": bay.drive.model, "serial": bay.drive.serial, "capacity_bytes": bay.drive.capacity_bytes}
        if bay.drive
        else None,
        "job": bay.job.id if bay.job else None,
        "asset": bay.job.asset.tag if bay.job and bay.job.asset else None,
        "drives": msgspec.to_builtins(bay.job.asset.drives) if bay.job and bay.job.asset else None,
        "grade": bay.job.disposition.grade or None if bay.job and bay.job.disposition else None,
        "destination": bay.job.disposition.destination or None if bay.job and bay.job.disposition else None,
        "operator": bay.job.operator.id if bay.job and bay.job.operator else None,
        "countdown_s": left,
        "asks": bay.asks or None,
        "waits_for": waits_for(bay, beside),
        "plan": _told(bay.job.plan) if bay.job and bay.job.plan else None,
        "phase": bay.progress.phase if bay.progress and bay.busy else None,
        "bytes_done": bay.progress.bytes_done if bay.progress and bay.busy else None,
        "bytes_total": bay.progress.bytes_total if bay.progress and bay.busy else None,
        "mb_per_s": round(bay.progress.mb_per_s, 1) if bay.progress and bay.busy else None,
        "celsius": bay.progress.celsius if bay.progress and bay.busy else None,
        "paused_s": bay.progress.paused_s if bay.progress and bay.busy else None,
        "works_s": bay.progress.works_s if bay.progress and bay.busy else None,
        "estimate_s": bay.progress.estimate_s if bay.progress and bay.busy else None,
        "ends_at": bay.progress.ends_at if bay.progress and bay.busy else None,
        "left_s": bay.progress.left_s if bay.progress and bay.busy else None,
        "outcome": bay.outcome,
        "claim": bay.claim,
        "certificate": bay.certificate_number,
        "reason": str(bay.reason) if bay.reason else None,
        "reason_code": bay.reason.code if bay.reason else None,
    }


def _told(made: Plan) -> dict[str, Any]:
    return {
        "technique": made.technique,
        "method": made.method,
        "level": made.level,
        "asked_level": made.asked_level,
        "why": made.why,
        "prepare": list(made.prepare),
        "not_reached": list(made.not_reached),
        "also_destroyed": list(made.also_destroyed),
        "capacity_proof": msgspec.to_builtins(made.capacity_proof),
    }


def table(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Write `benchwipe status` for people: one line a bay."""
    lines = [f"{'BAY':<8} {'STATE':<12} {'DRIVE':<34} {'PROGRESS':<18} RESULT"]
    for row in rows:
        drive = row["drive"] or {}
        name = " ".join(str(v) for v in (drive.get("model"), drive.get("serial")) if v)
        result = " ".join(
            str(v)
            for v in (claim_words(row.get("claim") or row["outcome"] or ""), row["certificate"], row["reason"])
            if v
        )
        lines.append(f"{row['bay']:<8} {row['state']:<12} {name:<34.34} {_progress(row):<18} {result}".rstrip())
    return lines


def percent(done: int, total: int) -> int:
    """Count whole percent, 100 only when all is done."""
    return 100 if done >= total else done * 100 // total


def _progress(row: dict[str, Any]) -> str:
    if row["countdown_s"] is not None:
        return f"starts in {row['countdown_s']:.0f} s"
    if row.get("works_s") is not None:
        return by_itself(row["works_s"], row.get("estimate_s"))
    if row.get("paused_s") is not None:
        return f"{row['celsius'] or 0:.0f} C, waits {span(row['paused_s'])}"
    if row["bytes_total"]:
        return f"{percent(row['bytes_done'], row['bytes_total'])} % {row['mb_per_s']:.0f} MB/s"
    return ""


def _instruction(bay: Bay, language: str, now: float, commands: Mapping[str, str]) -> str:
    values = {**commands, "bay": bay.name, "seconds": "0", "percent": "0", "ends": ""}
    key = f"bay_{bay.state.value}"
    if bay.state is BayState.FINISHED and bay.outcome:
        key = f"done_{bay.claim}"
    if bay.asks:
        key = f"bay_asks_{bay.asks}"
    if bay.due is not None:
        values["seconds"] = str(max(0, round(bay.due - now)))
    if bay.progress is not None and bay.busy:
        at = bay.progress
        values["percent"] = str(percent(at.bytes_done, at.bytes_total))
        values["ends"] = ends_about(language, at.ends_at, at.left_s)
        if at.phase == "proof":
            key = "bay_proving"
        if at.phase == "paused":
            key, values["celsius"] = "bay_paused", f"{at.celsius or 0:.0f}"
        if at.works_s is not None and bay.state is BayState.ERASING:
            key = "bay_untold" if at.estimate_s is None else "bay_estimated"
            values.update(elapsed=span(at.works_s), estimate=span(at.estimate_s or 0))
    return phrase(language, key, **values)


def ends_about(language: str, ends_at: float | None, left_s: float | None) -> str:
    """Say when the whole job will be done, as the clock on the wall will show it, or that this is not known yet.

    In steps of five minutes, never earlier than what was estimated; with the day where that is not today.
    """
    if ends_at is None or left_s is None:
        return phrase(language, "word_ends_unknown")
    told_at = datetime.fromtimestamp(ends_at - left_s, UTC).astimezone()
    at = datetime.fromtimestamp(-(-ends_at // STEP_S) * STEP_S, UTC).astimezone()
    return phrase(language, "word_ends", at=f"{at:%H:%M}" if at.date() == told_at.date() else f"{at:%d/%m %H:%M}")


def span(seconds: float) -> str:
    """Write a time in whole minutes; seconds below two of them."""
    whole = round(seconds)
    return f"{whole} s" if whole < 120 else f"{whole // 60} min"


def by_itself(works_s: float, estimate_s: float | None, language: str = FALLBACK) -> str:
    """Say how long a drive has been at a command that tells no progress, and of how much by its own estimate."""
    if not estimate_s:
        return span(works_s)
    return phrase(language, "word_by_itself", elapsed=span(works_s), estimate=span(estimate_s))


def _plan(bay: Bay, language: str) -> str:
    """What is about to happen, while it can still be undone."""
    if bay.state is not BayState.COUNTDOWN or bay.job is None or bay.job.plan is None:
        return ""
    made = bay.job.plan
    asset = bay.job.asset.tag if bay.job.asset else "-"
    return phrase(language, "plan_shown", asset=asset, method=made.method, level=made.level)


def _warnings(bay: Bay, language: str) -> Iterator[str]:
    """What must not be overlooked in a plan: that it is less than was asked for, and what dies beside the drive."""
    if bay.state is not BayState.COUNTDOWN or bay.job is None or bay.job.plan is None:
        return
    if bay.job.plan.fell_back:
        yield phrase(language, "plan_fell_back", asked=bay.job.plan.fell_back.from_, done=bay.job.plan.method)
    if bay.job.plan.also_destroyed:
        yield phrase(language, "plan_also_destroyed")


def _detail(bay: Bay, language: str, commands: Mapping[str, str]) -> str:
    if bay.reason is not None:
        why = reason(language, bay.reason.code, f"{bay.reason.text}.")
        advice = hint(language, bay.reason.code, bay.reason.hint, **commands)
        return f"{why} {advice} ({bay.reason.code})"
    return bay.drive.serial or "" if bay.drive else ""
