"""The documents for programs, asked by somebody else's program (schemathesis) from nothing but their OpenAPI.

Whatever is asked, rightly or wrongly, is answered as the OpenAPI says: its statuses, its schema, its types of contents,
and never with a defect of ours. `make prove-api` asks more, and as each role.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode, openapi

from collector.parties import tokens
from collector.parties.roles import CUSTOMERS, ROLES, SEE_CERTIFICATES, STAFF
from collector.parties.services import Actor
from tests.collector.test_walk import MARK, World, world

__all__ = ["world"]
PROVE = os.environ.get("BENCHWIPE_PROVE") == "1"
EXAMPLES = 300 if PROVE else 40
OPENAPI = "/api/v1/openapi.json"
MODES = {"right": GenerationMode.POSITIVE, "wrong": GenerationMode.NEGATIVE}


def asked(world: World, role: str, mode: GenerationMode, examples: int) -> list[tuple[str, int]]:
    """Ask every operation as somebody with a role; what was answered."""
    own = world.own if role in CUSTOMERS else None
    person = world.house.person(role, own, f"robot-{role}".replace("_", "-"))
    token = tokens.make(Actor("test"), person, "robot", list(tokens.SCOPES), 1)
    schema = openapi.from_wsgi(OPENAPI, get_wsgi_application())
    answers: list[tuple[str, int]] = []
    found: Any
    for found in schema.get_all_operations():
        operation = found.ok()
        quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
        strategy = operation.as_strategy(generation_mode=mode)

        @given(case=strategy)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=not PROVE,
            suppress_health_check=quiet,
            phases=[Phase.explicit, Phase.generate, Phase.shrink],
        )
        def ask(case: Any) -> None:  # noqa: ANN401 - schemathesis' own
            headers = {"Authorization": f"Bearer {token}"}
            answer = case.call(headers=headers)
            if answer.status_code != 400 or b"has at most 8 words" not in answer.content:  # no schema can say that
                case.validate_response(answer, headers=headers)
            assert own is None or MARK.lower().encode() not in answer.content.lower().replace(case_text(case), b"")
            answers.append((f"{case.method} {case.path}", answer.status_code))

        ask()
    return answers


def case_text(case: Any) -> bytes:  # noqa: ANN401
    """What was asked: a refusal repeats it."""
    return str({**(case.query or {}), **(case.path_parameters or {})}).lower().encode()


@pytest.mark.parametrize("mode", MODES)
def test_every_document_is_answered_as_the_openapi_says(world: World, mode: str) -> None:
    answers = asked(world, "team_lead", MODES[mode], EXAMPLES)
    assert {path for path, _ in answers} >= {"GET /api/v1/certificates", "GET /api/v1/stations"}
    assert len(answers) > EXAMPLES
    if mode == "right":
        assert ("GET /api/v1/certificates", 200) in answers


@pytest.mark.skipif(not PROVE, reason="as each role: make prove-api")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("role", ROLES)
def test_every_document_is_answered_as_the_openapi_says_to_each_role(world: World, role: str, mode: str) -> None:
    answers = asked(world, role, MODES[mode], EXAMPLES)
    opened = {path for path, status in answers if status == 200}
    assert ("GET /api/v1/stations" in opened) is (role in STAFF and mode == "right") or mode == "wrong"
    assert role in SEE_CERTIFICATES or not opened


def test_the_openapi_names_each_document_that_is_answered(world: World) -> None:
    told = world.house.stranger().get(OPENAPI).json()
    from tests.collector.test_walk import routes

    served = {
        "/" + pattern.replace("<str:", "{").replace("<int:", "{").replace("<", "{").replace(">", "}")
        for pattern, _ in routes()
        if pattern.startswith("api/v1/") and "openapi" not in pattern
    }
    assert served == {path.replace("{str:", "{").replace("{int:", "{") for path in told["paths"]}
