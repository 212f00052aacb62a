"""A fixed pattern keeps its phase over the whole drive, whatever the requests' sizes and offsets are."""

from __future__ import annotations

import threading
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.erase.buffers import aligned
from agent.erase.pattern import FixedFill, RandomFill, fill_for
from agent.erase.streams import Aes256Ctr
from firmware_bridge.passthrough import address_of
from tests.patience import SOON_S

NOTHING = memoryview(b"")


@given(repeated=st.binary(min_size=1, max_size=16), blocks=st.integers(0, 1 << 32), length=st.integers(1, 64))
def test_any_pattern_is_in_phase_and_page_aligned_at_any_offset(repeated: bytes, blocks: int, length: int) -> None:
    offset, size = blocks * 512, length * 512
    view = FixedFill(repeated, 1 << 16).at(offset, size, NOTHING)
    phase = offset % len(repeated)
    expected = (repeated * (size // len(repeated) + 2))[phase : phase + size]
    assert bytes(view) == expected
    assert address_of(view) % 4096 == 0


def test_drives_that_come_to_a_pattern_at_once_share_it_and_it_takes_no_memory_twice() -> None:
    ready, fills = threading.Barrier(8), []

    def begin() -> None:
        ready.wait(SOON_S)
        fills.append(FixedFill(b"\x12\x34\x56", 2 << 20))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    tracemalloc.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON_S)
    _, peak = tracemalloc.get_traced_memory()  # without mmap(2), which the buffer itself comes from
    tracemalloc.stop()
    assert peak < 1 << 20
    assert len({address_of(fill.at(0, 512, NOTHING)) for fill in fills}) == 1


def test_one_changed_bit_is_found_and_located_to_its_block() -> None:
    fill, offset = FixedFill(bytes.fromhex("924924"), 1 << 18), 512 * 12345
    found = aligned(200 * 512)
    found[:] = fill.at(offset, len(found), NOTHING)
    assert fill.same(found, offset, NOTHING)
    for at in (0, 511, 512, 99 * 512 + 77, 200 * 512 - 1):
        found[at] ^= 0x10
        assert not fill.same(found, offset, NOTHING)
        assert fill.differing(found, offset, NOTHING, unit=512) == [(offset + at // 512 * 512, 512)]
        found[at] ^= 0x10


def test_random_bytes_are_compared_by_generating_them_again() -> None:
    fill, scratch = RandomFill(Aes256Ctr(b"k" * 32)), aligned(64 << 10)
    found = aligned(300 << 10)
    found[:] = fill.at(4096, len(found), aligned(len(found)))
    assert fill.same(found, 4096, scratch)
    assert not fill.same(found, 8192, scratch)
    found[200_000] ^= 1
    assert fill.differing(found, 4096, scratch, unit=4096) == [(4096 + 200_000 // 4096 * 4096, 4096)]


@pytest.mark.parametrize(("repeated", "name"), [(b"\x00", "00"), (b"\x92\x49\x24", "924924"), (None, "random")])
def test_a_fill_carries_the_name_that_stands_on_the_certificate(repeated: bytes | None, name: str) -> None:
    fill = fill_for(
        repeated, block=4096, root_key=bytes(32), stream="chacha20", fingerprint="f", pass_number=1
    )  # fmt: skip
    assert fill.name == name
