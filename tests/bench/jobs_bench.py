"""How fast jobs as code is, beside a bare loop of requests and Jenkins Job Builder, in one run.

    python tests/bench/jobs_bench.py --jobs 5000 --folders 50

Without ``JENKINS_URL`` it serves its own test controller, which uses as much of two cores for each
request as a real one did; the recorded rows are measured again and printed beside what they were,
so that a reader can judge it (``jobs_recorded.py``; ``--jobs 0`` measures nothing else). Both sides
share two cores, as when they were recorded. Each row says how much of the cores other processes
used meanwhile: a row in which they used more than a little should be measured again.

With ``JENKINS_URL``, ``JENKINS_USER`` and ``JENKINS_TOKEN`` it measures a real controller; it uses
(and deletes) folders ``bench-...``. Jenkins Job Builder is measured when its command is given:

    python -m venv /tmp/jjb && /tmp/jjb/bin/pip install jenkins-job-builder==6.5.0 setuptools
    python tests/bench/jobs_bench.py --jjb /tmp/jjb/bin/jenkins-jobs
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from jobs_recorded import COUNT, FOLDER, Recorded, bare_session

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
CONTROLLER = HERE.parent / "contract" / "jobs" / "jobs_controller.py"
BARE = "create: bare requests loop, "
OURS = "create: podwright apply, default workers"
JJB = "create: jenkins-jobs update --workers "
JJB_WARM = "no-op: jenkins-jobs update, warm cache"
JJB_COLD = "no-op: jenkins-jobs update, cold cache"
CORES = 2
TICKS = os.sysconf("SC_CLK_TCK")


def say(text: str) -> None:
    """Print at once, so that a long run shows where it is."""
    print(text, flush=True)


@dataclass
class Cores:
    """Who used the cores: with a part of them a row takes longer, which is not the client's fault.

    Attributes:
        server: the test controller's process; 0 for a real one, which counts among the others.
    """

    server: int
    before: tuple[float, ...] = (0.0,) * 4
    client: float = 0.0

    def used(self) -> str:
        """Say who used how much of them since the last call."""
        now = self._read()
        total, idle, client, server = (new - old for new, old in zip(now, self.before))
        self.before = now
        self.client = client
        others = max(1 - (idle + client + server) / max(total, 0.01), 0.0)
        return f"CPU: client {client:.1f} s, controller {server:.1f} s, others {others:.0%}"

    def _read(self) -> tuple[float, ...]:
        """Read seconds of all, idle seconds, and seconds of client and test controller."""
        ours = {f"cpu{number}" for number in os.sched_getaffinity(0)}
        total = idle = server = 0.0
        for line in Path("/proc/stat").read_text().splitlines():
            name, *numbers = line.split()
            if name in ours:
                ticks = [int(number) / TICKS for number in numbers[:8]]
                total += sum(ticks)
                idle += ticks[3] + ticks[4]
        if self.server:
            fields = Path(f"/proc/{self.server}/stat").read_text().rpartition(")")[2].split()
            server = (int(fields[11]) + int(fields[12])) / TICKS
        return total, idle, sum(os.times()[:4]), server


@dataclass
class Bench:
    """What is measured, against what."""

    jobs: int
    folders: int
    url: str
    user: str
    token: str
    home: Path
    jjb: str
    cores: Cores
    figures: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        names = {"JENKINS_URL": self.url, "JENKINS_USER": self.user, "JENKINS_TOKEN": self.token}
        return {**os.environ, **names}

    def note(self, what: str, seconds: float, more: str = "") -> None:
        """Keep and print one figure."""
        self.figures.setdefault(what, []).append(seconds)
        say(f"{what:<46} {seconds:8.2f} s  {more}{'; ' if more else ''}{self.cores.used()}")
        self.cpu.setdefault(what, []).append(self.cores.client)

    def median(self, what: str) -> float:
        """Give the median of a figure."""
        return statistics.median(self.figures[what])

    def names(self) -> list[str]:
        """Name the folders."""
        return [f"bench-{number}" for number in range(self.folders)]

    def wipe(self) -> None:
        """Delete all folders of the benchmark."""
        with requests.Session() as session:
            session.auth = (self.user, self.token)
            for name in self.names():
                session.post(f"{self.url}/job/{name}/doDelete", allow_redirects=False, timeout=120)


def describe(bench: Bench, changed: int = 0) -> Path:
    """Write the description: every job said in full, one file per folder."""
    where = bench.home / f"jobs-{changed}"
    where.mkdir(exist_ok=True)
    per_folder = bench.jobs // bench.folders
    for number, folder in enumerate(bench.names()):
        lines = ["owner: bench"] if number == 0 else []
        lines += ["jobs:", f"  - {{name: {folder}, kind: folder}}"]
        for job in range(per_folder):
            depth = 2 if number * per_folder + job < changed else 1
            lines += [
                f"  - name: {folder}/job-{job}",
                f"    description: Builds service {job} of folder {number}",
                "    scm:",
                "      git:",
                f"        url: https://git.example/team{number}/service{job}.git",
                "        credentialsId: git-reader",
                f"        depth: {depth}",
                "    scriptPath: ci/Jenkinsfile",
                "    parameters:",
                f"      - string: {{name: VERSION, default: v{job}, description: what to build}}",
                "      - boolean: {name: DEPLOY}",
                f"    triggers: [cron: H {job % 24} * * *]",
                "    keep: {builds: 20, days: 30}",
                "    disableConcurrentBuilds: true",
            ]
        (where / f"{folder}.yaml").write_text("\n".join(lines) + "\n")
    return where


def describe_for_jjb(bench: Bench) -> Path:
    """Write the same jobs for Jenkins Job Builder."""
    where = bench.home / "jjb"
    if where.exists():
        return where
    where.mkdir()
    per_folder = bench.jobs // bench.folders
    for number, folder in enumerate(bench.names()):
        lines = ["- job:", f"    name: {folder}", "    project-type: folder"]
        for job in range(per_folder):
            lines += [
                "- job:",
                f"    name: {folder}/job-{job}",
                "    project-type: pipeline",
                f"    description: Builds service {job} of folder {number}",
                "    pipeline-scm:",
                "      scm:",
                "        - git:",
                f"            url: https://git.example/team{number}/service{job}.git",
                "            credentials-id: git-reader",
                "            branches: ['*/main']",
                "            shallow-clone: true",
                "      script-path: ci/Jenkinsfile",
                "    parameters:",
                f"      - string: {{name: VERSION, default: v{job}, description: what to build}}",
                "      - bool: {name: DEPLOY}",
                f"    triggers: [timed: H {job % 24} * * *]",
                "    properties: [build-discarder: {num-to-keep: 20, days-to-keep: 30}]",
                "    concurrent: false",
            ]
        (where / f"{folder}.yaml").write_text("\n".join(lines) + "\n")
    return where


def run(bench: Bench, *arguments: str, good: tuple[int, ...] = (0,)) -> tuple[float, str, int]:
    """Run a command; gives seconds, its last line of stderr and its peak memory in MB."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            arguments, env=bench.env, stdout=subprocess.DEVNULL, stderr=err, cwd=bench.home
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        err.seek(0)
        text = err.read().decode()
    if process.returncode not in good:
        raise SystemExit(f"{' '.join(arguments)} ended with {process.returncode}:\n{text[-3000:]}")
    lines = text.strip().splitlines()
    return seconds, lines[-1] if lines else "", usage.ru_maxrss // 1024


def podwright(
    bench: Bench, *arguments: str, good: tuple[int, ...] = (0,)
) -> tuple[float, str, int]:
    """Run ``podwright jobs``."""
    return run(bench, sys.executable, "-m", "podwright", "jobs", *arguments, good=good)


def bare_loop(bench: Bench, workers: int) -> float:
    """Create all jobs with nothing but requests: the least that any client does."""
    xml = {}
    rendered = bench.home / "rendered"
    for folder in bench.names():
        for file in sorted((rendered / folder).glob("*.xml")):
            xml[folder, file.stem] = file.read_bytes()
    order = sorted(xml, key=lambda key: key[1])  # round the folders, as the best order is
    session = bare_session(bench.user, bench.token, workers)

    def create(key: tuple[str, str]) -> None:
        url = f"{bench.url}/job/{key[0]}/createItem?name={key[1]}"
        session.post(url, data=xml[key], timeout=120).raise_for_status()

    def make(folder: str) -> None:
        session.post(f"{bench.url}/createItem?name={folder}", data=FOLDER, timeout=120)

    started = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(make, bench.names()))
        list(pool.map(create, order))
    seconds = time.perf_counter() - started
    session.close()
    return seconds


def measure_creates(bench: Bench, counts: list[int], repeat: int) -> None:
    """Measure creating: ours, bare loops and Jenkins Job Builder in turns on the same machine.

    Ours comes last, so that its jobs are there afterwards.
    """
    jobs = str(describe(bench))
    for turn in range(repeat):
        for workers in (8, 1)[turn::repeat] if bench.jjb else ():
            measure_jjb(bench, workers)
        for workers in counts:
            bench.wipe()
            bench.note(f"{BARE}{workers} workers", bare_loop(bench, workers))
        bench.wipe()
        seconds, last, memory = podwright(bench, "apply", jobs)
        bench.note(OURS, seconds, f"{last}; {memory} MB")


def measure_ours(bench: Bench) -> None:
    """Measure rendering, creating, doing nothing, changing a little, comparing everything."""
    jobs = str(describe(bench))
    seconds, last, memory = podwright(bench, "render", jobs, "--out", "rendered")
    bench.note("render offline, with one file per job", seconds, f"{last}; {memory} MB")
    seconds, last, memory = podwright(bench, "validate", jobs)
    bench.note("validate (load, expand and render)", seconds, f"{last}; {memory} MB")


def measure_apply(bench: Bench) -> None:
    """Measure applies of all sorts."""
    jobs = str(describe(bench))
    changed = str(describe(bench, max(bench.jobs // 100, 1)))
    seconds, last, memory = podwright(bench, "apply", jobs)
    bench.note("no-op: podwright apply", seconds, f"{last}; {memory} MB")
    seconds, last, memory = podwright(bench, "plan", changed, "--no-diff", good=(3,))
    bench.note("1 % changed: podwright plan --no-diff", seconds, last)
    seconds, last, memory = podwright(bench, "plan", changed, good=(3,))
    bench.note("1 % changed: podwright plan", seconds, last)
    seconds, last, memory = podwright(bench, "apply", changed)
    bench.note("1 % changed: podwright apply", seconds, last)
    seconds, last, memory = podwright(bench, "plan", changed, "--deep")
    bench.note("no-op: podwright plan --deep", seconds, last)


def measure_template(bench: Bench, count: int) -> None:
    """Measure the plan of many jobs whose template changed by one line."""
    where = bench.home / "template"
    where.mkdir()

    def describe_by_template(line: str) -> str:
        per_folder = count // bench.folders
        (where / "jobs.yaml").write_text(
            "owner: bench\ntemplates:\n  t:\n    name: bench-{{f}}/job-{{n}}\n"
            "    description: Builds service {{n}}\n    script: |\n      node {\n"
            f"        sh 'make {{{{n}}}} {line}'\n      }}\njobs:\n  - template: t\n"
            f"    matrix: {{f: {list(range(bench.folders))}, n: {list(range(per_folder))}}}\n"
        )
        return str(where)

    seconds, last, memory = podwright(bench, "apply", describe_by_template("one"))
    bench.note(f"create: {count} jobs of one template", seconds, f"{last}; {memory} MB")
    changed = describe_by_template("two")
    seconds, last, memory = podwright(bench, "plan", changed, good=(3,))
    bench.note(f"plan: {count} jobs, one line of the template", seconds, f"{last}; {memory} MB")
    bench.wipe()


def measure_jjb(bench: Bench, workers: int) -> None:
    """Measure Jenkins Job Builder with an empty cache.

    With several workers it fails for jobs of folders that it makes in the same run, so that the
    folders are made beforehand then.
    """
    bench.wipe()
    ini = bench.home / "jjb.ini"
    ini.write_text(
        f"[jenkins]\nurl={bench.url}\nuser={bench.user}\npassword={bench.token}\n"
        "query_plugins_info=False\n"
    )
    where = describe_for_jjb(bench)
    if workers > 1:
        for name in bench.names():
            requests.post(
                f"{bench.url}/createItem?name={name}",
                data=FOLDER,
                headers={"Content-Type": "application/xml"},
                auth=(bench.user, bench.token),
                timeout=60,
            )
    cache = bench.home / f"cache-{workers}"
    arguments = [
        bench.jjb,
        "--conf",
        str(ini),
        "--flush-cache",
        "update",
        "--workers",
        str(workers),
    ]
    os.environ["XDG_CACHE_HOME"] = str(cache)
    seconds, _, memory = run(bench, *arguments, str(where))
    bench.note(f"{JJB}{workers}", seconds, f"{memory} MB")
    if workers == 1:
        seconds, _, _ = run(bench, bench.jjb, "--conf", str(ini), "update", str(where))
        bench.note(JJB_WARM, seconds)
        seconds, _, _ = run(bench, *arguments, str(where))
        bench.note(JJB_COLD, seconds)


def measure_recorded(bench: Bench) -> None:
    """Measure the recorded rows again, and print them beside what they were."""
    small = replace(bench, jobs=COUNT, folders=1, home=bench.home / "recorded", figures={})
    small.home.mkdir()
    podwright(small, "render", str(describe(small)), "--out", "rendered")
    lines = ["- job: {name: bench-0, project-type: folder}"]
    job = "- job: {{name: bench-0/job-{}, project-type: pipeline, description: a job, dsl: echo 1}}"
    lines += [job.format(number) for number in range(COUNT)]
    (small.home / "jjb").mkdir()  # jobs as small as the recorded ones, as its warm cache tells
    (small.home / "jjb" / "jobs.yaml").write_text("\n".join(lines))
    xml = (small.home / "rendered" / "bench-0" / "job-0.xml").read_bytes()
    rows = Recorded(bench.url, bench.user, bench.token, xml, say)
    bench.cores.used()
    rows.measure()
    say(f"bare loops and python-jenkins; {bench.cores.used()}")
    if bench.jjb:
        for workers in (8, 1):
            measure_jjb(small, workers)
        rows.note("jenkins-jobs update", small.median(f"{JJB}1"))
        rows.note("jenkins-jobs update, warm cache", small.median(JJB_WARM))
        rows.note("jenkins-jobs update, cold cache", small.median(JJB_COLD))
        rows.note("jenkins-jobs update --workers 8", small.median(f"{JJB}8"))
        small.wipe()
    rows.show()


def ratios(bench: Bench) -> None:
    """Print what the figures mean."""
    ours = bench.median(OURS)
    loops = {name: bench.median(name) for name in bench.figures if name.startswith(BARE)}
    if loops:
        best = min(loops, key=lambda name: loops[name])
        say(f"\nmedians: podwright {ours:.2f} s, best bare loop ({best[len(BARE) :]}) "
            f"{loops[best]:.2f} s: {ours / loops[best]:.2f} times")  # fmt: skip
        more = statistics.median(bench.cpu[OURS]) - statistics.median(bench.cpu[best])
        say(f"processor time of the client beyond that loop's: {more / bench.jobs * 1000:.2f} ms a "
            "job, its start included")  # fmt: skip
    for workers in (1, 8):
        name = f"{JJB}{workers}"
        if name in bench.figures:
            say(f"{bench.median(name) / ours:.2f} times as fast as {name[8:]}")
    say(f"{bench.jobs / ours:.0f} jobs per second")


@contextmanager
def controller() -> Iterator[tuple[int, str, str, str]]:
    """Give a controller: a real one, or the test controller in a process of its own."""
    if os.environ.get("JENKINS_URL"):
        env = os.environ
        yield 0, env["JENKINS_URL"].rstrip("/"), env["JENKINS_USER"], env["JENKINS_TOKEN"]
        return
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])  # and all that it starts
    command = [sys.executable, str(CONTROLLER), "--recorded-costs"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.pid, process.stdout.readline().strip(), "admin", "token"
        finally:
            process.kill()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--folders", type=int, default=50)
    parser.add_argument("--jjb", default="", help="path of the command jenkins-jobs 6.5.0")
    parser.add_argument("--loops", default="4,8,16", help="workers of the bare loop to try")
    parser.add_argument("--repeat", type=int, default=2, help="rounds of creating")
    parser.add_argument("--no-recorded", action="store_true", help="leave the recorded rows out")
    parser.add_argument("--template", type=int, default=0, help="jobs of one template to plan")
    options = parser.parse_args()
    with controller() as (server, *access), tempfile.TemporaryDirectory() as home:
        cores = Cores(server)
        bench = Bench(options.jobs, options.folders, *access, Path(home), options.jjb, cores)
        cores.used()  # what was before does not count
        kind = "a real controller" if os.environ.get("JENKINS_URL") else "the test controller"
        say(f"{kind}, {len(os.sched_getaffinity(0))} cores")
        if not options.no_recorded:
            measure_recorded(bench)
        if options.template:
            measure_template(bench, options.template)
        if bench.jobs:
            say(f"\n{bench.jobs} jobs in {bench.folders} folders")
            measure_ours(bench)
            counts = [int(count) for count in options.loops.split(",") if count]
            measure_creates(bench, counts, options.repeat)
            measure_apply(bench)
            bench.wipe()
            ratios(bench)


if __name__ == "__main__":
    main()
