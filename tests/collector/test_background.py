"""Background work: done once, or failed with its reason; whatever hangs, breaks or is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from collector.background import services
from collector.background.errors import TooMuchWaiting
from collector.background.kinds import KINDS, Kind
from collector.background.models import DONE, FAILED, RUNNING, WAITING, Task
from collector.moments import now
from tests.collector.conftest import runs, wait_for
from tests.collector.house import House
from tests.patience import SOON_S

WORKER = [sys.executable, "-m", "tests.collector.background_worker"]
NAMES = ("write", "refuse", "break", "die", "hang", "once", "outside")


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of the worker's tasks; here nobody does them."""
    for name in NAMES:
        roles = frozenset({"team_lead"}) if name == "write" else frozenset()
        monkeypatch.setitem(KINDS, f"test.{name}", Kind(f"test.{name}", lambda _work: None, 60, 3, roles))


class Worker:
    """The worker's process."""

    def __init__(self, house: House) -> None:
        self.log = house.folder / "worker.log"
        self._command = [*WORKER, str(house.configuration.file)]
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log)
        return self.process

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(SOON_S)


@pytest.fixture
def worker(each_house: House) -> Iterator[Worker]:
    one = Worker(each_house)
    yield one
    one.end()


def ended(task: Task) -> Task:
    """Wait until it is over."""

    def over() -> bool:
        task.refresh_from_db()
        return task.state in (DONE, FAILED)

    wait_for(over, what=f"{task.kind} ends")
    return task


def test_tasks_are_done_or_fail_with_their_reason(each_house: House, worker: Worker) -> None:
    lead = each_house.person("team_lead")
    written = services.ask("test.write", {"text": "æ"}, lead)
    rest = {
        name: services.ask(f"test.{name}", {"text": "Zoë"}, None)
        for name in ("refuse", "break", "die", "hang", "outside")
    }
    assert ended(written).state == DONE
    assert (services.folder(written) / services.FILE).read_text() == "æ"
    found = {name: (ended(task).state, task.problem, task.tries) for name, task in rest.items()}
    broke = "the process that did it broke; the collector's log says where"
    assert found == {
        "refuse": (FAILED, "nobody does Zoë. (BW-C00)", 1),
        "break": (FAILED, broke, 3),
        "die": (FAILED, "the process that did it was killed by signal 9", 2),
        "hang": (FAILED, "it was not done within 1 s", 2),
        "outside": (FAILED, broke, 1),
    }
    assert "RuntimeError: secret of Zoë" in worker.log.read_text()
    assert [one.name for one in services.place_of_files().iterdir()] == [written.token], "only what was made is kept"
    assert worker.end() == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_task_whose_worker_ends_is_done_by_the_next_and_leaves_no_process(
    house: House, number: signal.Signals
) -> None:
    worker, mark = Worker(house), house.folder / "mark"
    try:
        task = services.ask("test.once", {"mark": str(mark)}, None)
        wait_for(mark.exists, what="it has begun")
        inner = int(wait_for(mark.read_text))
        worker.process.send_signal(number)
        worker.process.wait(SOON_S)
        wait_for(lambda: not runs(inner), what="its process is gone too")
        task.refresh_from_db()
        assert (task.state, task.tries) == ((RUNNING, 1) if number == signal.SIGKILL else (WAITING, 0))
        worker.start()
        assert ended(task).state == DONE
    finally:
        worker.end()


def test_a_late_worker_changes_nothing(house: House) -> None:
    asked = services.ask("test.write", {}, None)
    late = services.take()
    assert late is not None
    assert services.take() is None, "a task is taken once"
    Task.objects.filter(pk=asked.pk).update(held_until=now() - timedelta(seconds=1))
    services.recover()
    Task.objects.filter(pk=asked.pk).update(due_at=now())
    second = services.take()
    assert second is not None
    assert second.tries == 2
    services.done(late, None)
    services.fail(late, "late", again=False)
    asked.refresh_from_db()
    assert (asked.state, asked.problem) == (RUNNING, "the worker ended while it did this")


def test_the_queue_is_bounded_for_one_person_and_for_all(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    lead = house.person("team_lead")
    for _ in range(services.MOST_OF_ONE):
        services.ask("test.write", {}, lead)
    with pytest.raises(TooMuchWaiting, match="20 tasks wait already"):
        services.ask("test.write", {}, lead)
    services.ask("test.write", {}, None)
    monkeypatch.setattr(services, "MOST", services.MOST_OF_ONE + 1)
    with pytest.raises(TooMuchWaiting):
        services.ask("test.write", {}, house.person("technician"))
    assert Task.objects.count() == services.MOST_OF_ONE + 1
    with pytest.raises(ValueError, match="no room does"):
        services.ask("os.system", {}, None)


def made(house: House, role: str = "team_lead") -> Task:
    """A task that was done, with its file."""
    services.ask("test.write", {"text": "x"}, house.person(role))
    task = services.take()
    assert task is not None
    path = services.fresh_folder(task) / "draft"
    path.write_text("what was made")
    from collector.background.kinds import Made

    services.done(task, Made(path, "liste – æ.txt", "text/plain"))
    return task


def test_what_was_made_is_handed_to_whoever_asked_and_to_nobody_else(house: House) -> None:
    client, task = house.client("team_lead"), made(house)
    assert "liste – æ.txt" in client.get(f"/tasks/{task.token}").text
    answer = client.get(f"/tasks/{task.token}/file")
    assert answer.getvalue() == b"what was made"
    assert "attachment" in answer.headers["Content-Disposition"]
    for role in ("administrator", "technician", "auditor"):
        for ending in ("", "/file"):
            assert house.client(role).get(f"/tasks/{task.token}{ending}").status_code == 404
    assert house.stranger().get(f"/tasks/{task.token}/file").status_code == 302
    assert client.get("/tasks/nonsense").status_code == 404
    person = house.person("team_lead")
    person.memberships.update(role="technician")
    assert client.get(f"/tasks/{task.token}/file").status_code == 404, "the role that allowed it was taken away"


def test_what_was_made_is_kept_for_a_day(house: House) -> None:
    client, task = house.client("team_lead"), made(house)
    stray = services.place_of_files() / "stray"
    stray.mkdir()
    services.trim()
    assert (services.folder(task).exists(), stray.exists()) == (True, False)
    Task.objects.update(ended_at=now() - services.KEPT - timedelta(seconds=1))
    services.trim()
    assert (services.folder(task).exists(), Task.objects.count()) == (False, 0)
    assert client.get(f"/tasks/{task.token}").status_code == 404


def test_a_page_shows_how_far_a_task_is(house: House) -> None:
    client = house.client("team_lead")
    task = services.ask("test.write", {}, house.person("team_lead"))
    page = client.get(f"/tasks/{task.token}").text
    assert 'data-live="2"' in page
    assert "It waits for its turn." in page
    taken = services.take()
    assert taken is not None
    assert "It is being made now." in client.get(f"/tasks/{task.token}").text
    services.fail(taken, "<b>no</b>", again=False)
    page = client.get(f"/tasks/{task.token}").text
    assert "It could not be made" in page
    assert "&lt;b&gt;no&lt;/b&gt;" in page
    assert "data-live" not in page


def test_the_folder_is_its_owners_alone(house: House) -> None:
    task = made(house)
    assert oct(os.stat(services.folder(task)).st_mode)[-3:] == "700"
    assert oct(os.stat(services.place_of_files()).st_mode)[-3:] == "700"
    assert isinstance(services.place_of_files(), Path)
