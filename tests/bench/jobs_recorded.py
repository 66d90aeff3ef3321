"""The rows that were recorded on a real controller, measured again beside what they were.

They tell whether the test controller's costs are those of a real one. Four rows were used to set
its four costs (``RECORDED_COSTS`` in ``tests/contract/jobs/jobs_controller.py``); the others were
not, and show whether the model holds: how creates in one and in ten folders, updates and reads go
together on two cores, and how long other clients take.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import jenkins
import requests
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = "<com.cloudbees.hudson.plugins.folder.Folder/>"
COUNT = 500
FITTED = "fitted"
# Seconds for 500 jobs: Jenkins 2.479.3, two cores shared by client and server; medians of three
# runs, of Jenkins Job Builder (all jobs in one folder) two.
RECORDED = {
    "GET config.xml, 1 thread": (0.8, 0.8, FITTED),
    "GET config.xml, 4 threads": (0.5, 0.5, ""),
    "GET config.xml, 8 threads": (0.5, 0.5, ""),
    "POST config.xml, 1 thread": (1.8, 1.8, FITTED),
    "POST config.xml, 4 threads": (1.0, 1.0, ""),
    "POST config.xml, 8 threads": (1.0, 1.0, ""),
    "createItem, 10 folders, 1 thread": (4.8, 5.2, FITTED),
    "createItem, 10 folders, 4 threads": (2.5, 2.5, ""),
    "createItem, 10 folders, 8 threads": (2.4, 2.4, ""),
    "createItem, one folder, 4 threads": (4.1, 4.1, ""),
    "createItem, one folder, 8 threads": (4.3, 4.3, ""),
    "python-jenkins create_job": (8.4, 8.4, FITTED),
    "python-jenkins reconfig_job": (2.1, 2.1, ""),
    "jenkins-jobs update": (12.4, 14.6, ""),
    "jenkins-jobs update, warm cache": (0.9, 0.9, "no requests"),
    "jenkins-jobs update, cold cache": (5.2, 6.4, ""),
    "jenkins-jobs update --workers 8": (7.4, 7.6, ""),
}


def bare_session(user: str, token: str, workers: int) -> requests.Session:
    """Make the session of a bare loop: nothing but requests."""
    session = requests.Session()
    session.auth = (user, token)
    session.headers["Content-Type"] = "application/xml; charset=utf-8"
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=workers))
    return session


@dataclass
class Recorded:
    """Measures the rows once more.

    Attributes:
        url, user, token: the controller.
        xml: of a job.
        say: prints a line.
        seconds: what was measured, by row.
    """

    url: str
    user: str
    token: str
    xml: bytes
    say: Callable[[str], None]
    seconds: dict[str, float] = field(default_factory=dict)

    def measure(self, rounds: int = 3) -> None:
        """Measure all rows of bare loops and python-jenkins; the least of some rounds counts."""
        for _ in range(rounds):
            for threads in (1, 4, 8):
                plural = "threads" if threads > 1 else "thread"
                with self._folders(10):
                    self._bare(f"createItem, 10 folders, {threads} {plural}", threads, self._create)
                    self._bare(f"GET config.xml, {threads} {plural}", threads, self._read)
                    self._bare(f"POST config.xml, {threads} {plural}", threads, self._update)
            for threads in (4, 8):
                with self._folders(1):
                    self._bare(f"createItem, one folder, {threads} threads", threads, self._create)
            with self._folders(10):
                self._python_jenkins()

    def note(self, row: str, seconds: float) -> None:
        """Keep a figure."""
        self.seconds[row] = min(seconds, self.seconds.get(row, seconds))

    def show(self) -> None:
        """Print the recorded rows, and what they are here."""
        self.say(
            f"\n{'500 jobs, as recorded and here':<36} {'recorded':>12} {'here':>7} "
            f"{'ms each':>8} {'here/recorded':>14}"
        )
        for row, (low, high, how) in RECORDED.items():
            if row not in self.seconds:
                continue
            here = self.seconds[row]
            recorded = f"{low:g} s" if low == high else f"{low:g}-{high:g} s"
            ratio = here / ((low + high) / 2)
            self.say(
                f"{row:<36} {recorded:>12} {here:>5.2f} s {here / COUNT * 1000:>8.2f} "
                f"{ratio:>14.2f} {how}"
            )

    # -- rows ------------------------------------------------------------------------------------

    @contextmanager
    def _folders(self, count: int) -> Iterator[None]:
        """Make folders for one row, and delete them afterwards."""
        with bare_session(self.user, self.token, 1) as session:
            for number in range(count):
                url = f"{self.url}/createItem?name=bench-{number}"
                session.post(url, data=FOLDER, timeout=60).raise_for_status()
            yield
            for number in range(count):
                url = f"{self.url}/job/bench-{number}/doDelete"
                session.post(url, allow_redirects=False, timeout=120)

    def _path(self, number: int, folders: int) -> str:
        return f"{self.url}/job/bench-{number % folders}"

    def _bare(
        self, row: str, threads: int, one: Callable[[requests.Session, int, int], requests.Response]
    ) -> None:
        folders = 1 if "one folder" in row else 10
        with bare_session(self.user, self.token, threads) as session:

            def send(number: int) -> None:
                one(session, number, folders).raise_for_status()

            started = time.perf_counter()
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(send, range(COUNT)))
            self.note(row, time.perf_counter() - started)

    def _create(self, session: requests.Session, number: int, folders: int) -> requests.Response:
        url = f"{self._path(number, folders)}/createItem?name=job-{number}"
        return session.post(url, data=self.xml, timeout=60)

    def _read(self, session: requests.Session, number: int, folders: int) -> requests.Response:
        return session.get(f"{self._path(number, folders)}/job/job-{number}/config.xml", timeout=60)

    def _update(self, session: requests.Session, number: int, folders: int) -> requests.Response:
        url = f"{self._path(number, folders)}/job/job-{number}/config.xml"
        return session.post(url, data=self.xml, timeout=60)

    def _python_jenkins(self) -> None:
        server = jenkins.Jenkins(self.url, self.user, self.token, timeout=60)
        server.crumb = False  # asked for once by a long-lived client; a token needs none
        text = self.xml.decode()
        for row, call in (
            ("python-jenkins create_job", server.create_job),
            ("python-jenkins reconfig_job", server.reconfig_job),
        ):
            started = time.perf_counter()
            for number in range(COUNT):
                call(f"bench-{number % 10}/job-{number}", text)
            self.note(row, time.perf_counter() - started)
