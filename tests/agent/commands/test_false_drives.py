"""Drives that lie about what they are: a counterfeit, and a twin that takes an interrupted drive's place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from tests.agent.commands.conftest import Call, finish, held_back, offsets, payload, start, wait_until
from tests.drivers.drives.conftest import MIB
from tests.faults.fuse import Rules
from tests.faults.rig import SECRET, Rig, missing

SIZE = 48 * MIB

pytestmark = pytest.mark.skipif(missing() is not None, reason=f"the fault rig {missing()}")


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Rig(SIZE) as made:
        yield made


@pytest.mark.parametrize("beyond", ["wrap", "zeros"])
def test_a_counterfeit_is_failed_with_what_it_has_and_never_to_be_used_again(
    call: Call, rig: Rig, tmp_path: Path, beyond: str
) -> None:
    rig.set(Rules(real=7 * MIB + 512, beyond=beyond))
    words = ("erase", rig.device, "--yes", "--json", "--state-dir", tmp_path, "--method", "pattern-complement")
    done = call(*words, "--verify", "sample")
    assert (done.status, done.outcomes) == (1, ["failed"])
    told = done.results[0]["reason"]
    assert f"it shows {SIZE} bytes, and has {7 * MIB + 512} bytes" in told
    assert "never use it again" in told
    record = payload(done.results[0]["certificate_file"])
    proof = record["capacity_proof"]
    assert (proof["result"], proof["real_bytes"]) == ("failed", 7 * MIB + 512)
    assert len(bytes.fromhex(proof["seed"])) == 16
    assert record["sanitization"]["level"] == "none"
    shown = call("certificate", "show", done.results[0]["certificate_file"])
    assert f"the drive has {7 * MIB + 512} bytes" in shown.out


def test_a_plan_says_how_the_capacity_is_proved(call: Call, rig: Rig, tmp_path: Path) -> None:
    words = ("erase", rig.device, "--dry-run", "--state-dir", tmp_path, "--method", "zero")
    (plan,) = json.loads(call(*words, "--json").out)["plans"]
    proof = plan["plan"]["capacity_proof"]
    assert f"proved first, by {proof['places']} places and both ends, {proof['bytes']} bytes" in call(*words).out
    done = call("erase", rig.device, "--yes", "--json", "--state-dir", tmp_path, "--method", "zero")
    certified = payload(done.results[0]["certificate_file"])["capacity_proof"]
    assert certified["result"] == "passed"
    assert (certified["places"], certified["bytes"]) == (proof["places"], proof["bytes"])


@pytest.mark.parametrize("old", [bytes(512), SECRET * 32])
@pytest.mark.parametrize("method", ["steps", "random-steps"])
def test_a_twin_that_is_resumed_gets_every_pass_and_its_certificate_says_why(
    call: Call, rig: Rig, steps: Path, tmp_path: Path, method: str, old: bytes
) -> None:
    state = tmp_path / "state"
    words = ("erase", rig.device, "--yes", "--json", "--state-dir", state, "--config", steps)
    process = start(*words, "--method", method, command=held_back(tmp_path / "gate"))
    wait_until(lambda: bool(offsets(state)) and 0 < offsets(state)[0] < SIZE)
    process.kill()
    finish(process)
    (offset,) = offsets(state)
    with rig.medium.open("r+b") as medium:  # another one stands there now, which calls itself the same
        medium.write(old * (SIZE // 512))
    done = call(*words, "--resume")
    assert (done.status, done.outcomes) == (0, ["erased"]), done.err
    record = payload(done.results[0]["certificate_file"])
    (resumed,) = record["resumed"]
    assert (resumed["result"], resumed["offset"]) == ("failed", offset)
    assert resumed["places"] > 0
    (interruption,) = record["interruptions"]
    assert interruption["resumed_at_offset"] == 0
    assert "so it began anew" in interruption["reason"]
    assert record["verification"]["blake3"] == blake3(rig.image()).hexdigest()
    assert SECRET not in rig.image()


def test_the_drive_itself_is_known_again(call: Call, rig: Rig, steps: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    words = ("erase", rig.device, "--yes", "--json", "--state-dir", state, "--config", steps)
    process = start(*words, "--method", "steps", command=held_back(tmp_path / "gate"))
    wait_until(lambda: bool(offsets(state)) and 0 < offsets(state)[0] < SIZE)
    process.kill()
    finish(process)
    (offset,) = offsets(state)
    done = call(*words, "--resume")
    assert (done.status, done.outcomes) == (0, ["erased"]), done.err
    record = payload(done.results[0]["certificate_file"])
    assert [(r["result"], r["offset"]) for r in record["resumed"]] == [("passed", offset)]
    assert record["interruptions"][0]["resumed_at_offset"] == offset
    assert record["capacity_proof"]["result"] == "passed"
    assert rig.image() == bytes(SIZE)
