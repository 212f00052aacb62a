"""The parts list of a release, in CycloneDX 1.6 (ECMA-424): what a station may have of others, and its hashes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from release.lockfile import BUILD, STATION, Lock, Pin

NAMESPACE = uuid.UUID("5b0c4b52-9d5e-5a0e-8f0e-6b1d2c6a7f10")
OWN_LICENCE = "Apache-2.0"
PROPERTY = "benchwipe:extra"


def document(version: str, locks: Iterable[Lock], epoch: int) -> bytes:
    """Write the parts list of a version; the same locks and the same second come to the same bytes."""
    own: dict[str, Any] = {
        "type": "application",
        "bom-ref": _ref("benchwipe", version),
        "name": "benchwipe",
        "version": version,
    }
    own |= {"purl": _ref("benchwipe", version), "licenses": [{"license": {"id": OWN_LICENCE}}]}
    installed = [lock for lock in locks if lock.name != BUILD]
    pins: dict[str, Pin] = {}
    extras: dict[str, set[str]] = {}
    wanted: dict[str, set[str]] = {"benchwipe": set()}
    for lock in installed:
        for pin in lock.pins:
            pins[pin.name] = pin
            extras.setdefault(pin.name, set()).add(lock.name)
            for by in pin.wanted_by:
                wanted.setdefault(by, set()).add(pin.name)
    parts = [_component(pins[name], extras[name]) for name in sorted(pins)]
    refs = {"benchwipe": own["bom-ref"], **{name: _ref(name, pin.version) for name, pin in pins.items()}}
    arrows = [{"ref": refs[n], "dependsOn": sorted(refs[d] for d in wanted.get(n, ()))} for n in sorted(refs)]
    made = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {"metadata": {"timestamp": made, "component": own}, "components": parts, "dependencies": arrows}
    serial = uuid.uuid5(NAMESPACE, json.dumps(body, sort_keys=True))
    head = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
    }
    return (json.dumps({**head, **body}, indent=2, ensure_ascii=False) + "\n").encode()


def _ref(name: str, version: str) -> str:
    """Name a package as a package URL; the "+" of a local part is the one character of ours to be escaped."""
    return f"pkg:pypi/{name}@{version.replace('+', '%2B')}"


def _component(pin: Pin, extras: set[str]) -> Mapping[str, Any]:
    ref = _ref(pin.name, pin.version)
    return {
        "type": "library",
        "bom-ref": ref,
        "name": pin.name,
        "version": pin.version,
        "purl": ref,
        "scope": "required" if STATION in extras else "optional",
        "licenses": [{"license": {"name": pin.licence}}],
        "properties": [{"name": PROPERTY, "value": extra} for extra in sorted(extras - {STATION})],
        # A component of CycloneDX is one file; a package on an index is one for each Python and machine.
        "components": [
            {
                "type": "file",
                "bom-ref": f"{ref}#{name}",
                "name": name,
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
            for name, digest in sorted(pin.files.items())
        ],
    }
