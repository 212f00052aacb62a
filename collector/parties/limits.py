"""Where sign-in counts its attempts, and which codes were used: in the database, so that a restart forgets none.

As a cache of Django's, for that is what django-allauth counts in. Values are JSON: whoever may write rows makes no
program run here, as they would with Django's own cache in the database (pickle). Keys are hashed: they hold addresses.
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection

TABLE = "parties_limit"
EACH = 100
"""Writes after which what has passed is deleted."""
LOCK = ":lock"
FOR_EVER_S = 86_400.0  # the longest limit is ten minutes
PUT = (
    f"INSERT INTO {TABLE} (key, value, until) VALUES (%s, %s, %s) "
    "ON CONFLICT (key) DO UPDATE SET value = excluded.value, until = excluded.until"
)
PUT_IF_GONE = f"{PUT} WHERE {TABLE}.until <= %s"
GET = f"SELECT value FROM {TABLE} WHERE key = %s AND until > %s"
DELETE = f"DELETE FROM {TABLE} WHERE key = %s"
DELETE_PASSED = f"DELETE FROM {TABLE} WHERE until <= %s"
DELETE_ALL = f"DELETE FROM {TABLE}"


class Limits(BaseCache):
    """A cache in a table of its own. Locks, which are held for milliseconds, stay in the memory of the process."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._locks = LocMemCache(location, params)
        self._writes = 0

    def add(
        self,
        key: object,
        value: object,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> bool:
        """Keep a value where there is none; whether there was none."""
        if str(key).endswith(LOCK):
            return self._locks.add(key, value, timeout, version)
        now = time.time()
        return self._run(PUT_IF_GONE, self._name(key, version), _text(value), now + self._for(timeout), now) > 0

    def get(self, key: object, default: Any = None, version: int | None = None) -> Any:  # noqa: ANN401 - JSON
        """Return what is kept, unless its time has passed."""
        with connection.cursor() as cursor:
            cursor.execute(GET, [self._name(key, version), time.time()])
            row = cursor.fetchone()
        return default if row is None else json.loads(row[0])

    def set(
        self,
        key: object,
        value: object,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> None:
        """Keep a value for a time."""
        self._run(PUT, self._name(key, version), _text(value), time.time() + self._for(timeout))

    def delete(self, key: object, version: int | None = None) -> bool:
        """Forget a value; whether there was one."""
        if str(key).endswith(LOCK):
            return self._locks.delete(key, version)
        return self._run(DELETE, self._name(key, version)) > 0

    def clear(self) -> None:
        """Forget everything."""
        self._locks.clear()
        self._run(DELETE_ALL)

    def _run(self, query: str, *values: str | float) -> int:
        self._writes += 1
        with connection.cursor() as cursor:
            if self._writes % EACH == 0:
                cursor.execute(DELETE_PASSED, [time.time()])
            cursor.execute(query, values)
            return int(cursor.rowcount)

    def _name(self, key: object, version: int | None) -> str:
        return hashlib.sha256(self.make_key(key, version).encode("utf-8", "replace")).hexdigest()

    def _for(self, timeout: float | None) -> float:
        told = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return FOR_EVER_S if told is None else float(told)


def _text(value: object) -> str:
    return json.dumps(value)
