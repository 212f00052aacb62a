"""The code that a person carries."""

from __future__ import annotations

import pytest

from agent.certificates.enrolment import CodeProblem, EnrolmentCode, read_code, secret_hash

HASH = "0123456789abcdef" * 4
CODE = EnrolmentCode("bench-07", "7K3MQ9XT2RDW84F", HASH)


def test_a_code_is_read_as_it_was_written_however_it_was_typed() -> None:
    assert CODE.text == f"bench-07:7K3MQ-9XT2R-DW84F:{HASH}"
    for typed in (
        CODE.text,
        f"  {CODE.text}\n",
        CODE.text.replace("-9", " 9"),
        f"bench-07:7k3mq9xt2rdw84f:{HASH.upper()}",
    ):
        assert read_code(typed) == CODE


def test_letters_that_look_alike_are_one() -> None:
    assert secret_hash("oOiIlL") == secret_hash("001111")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "three parts"),
        ("bench-07", "three parts"),
        (f"bench/07:{CODE.secret}:{HASH}", "first part"),
        (f"+:{CODE.secret}:{HASH}", "first part"),
        (f"bench-07:{CODE.secret[1:]}:{HASH}", "second part"),
        (f"bench-07:U{CODE.secret[1:]}:{HASH}", "second part"),
        (f"bench-07:{CODE.secret}:{HASH[1:]}", "third part"),
    ],
)
def test_what_is_no_code_is_told_part_by_part(text: str, told: str) -> None:
    with pytest.raises(CodeProblem, match=told):
        read_code(text)


def test_a_code_is_not_shown_by_accident() -> None:
    assert CODE.secret not in repr(CODE)
