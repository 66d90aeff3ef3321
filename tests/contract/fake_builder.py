"""Stands for buildah, docker and the like.

Notes how it was called, then does what the test planned for it, else what the real one does on
success. Sandbox.fake() copies it to `<home>/bin/<program>`, behind a line that names Python.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

HOME = pathlib.Path(sys.argv[0]).resolve().parent.parent
DIGEST = "sha256:" + "ab" * 32

name = pathlib.Path(sys.argv[0]).name
arguments = [os.fsencode(word).decode("utf-8", "surrogateescape") for word in sys.argv[1:]]
if "--help" in arguments:  # a question before its use, which builds and pushes nothing
    sys.stdout.write("      --retry int   number of times to retry\n")
    sys.exit(0)
number = len(list((HOME / "calls").iterdir()))
files = {}
for key in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE"):
    path = pathlib.Path(os.environ.get(key, "/nonexistent"))
    path = path / "config.json" if key == "DOCKER_CONFIG" else path
    if path.exists():
        files[key] = path.read_text()
if "--authfile" in arguments:
    files["--authfile"] = pathlib.Path(arguments[arguments.index("--authfile") + 1]).read_text()
record = {"program": name, "argv": arguments, "env": dict(os.environ), "files": files}
# Fakes may run beside each other: a name is taken once, and nothing is read half written.
whole = HOME / f"call.{os.getpid()}"
whole.write_text(json.dumps(record))
while True:
    try:
        os.link(whole, HOME / "calls" / f"{number:03d}.json")
        break
    except FileExistsError:
        number += 1
whole.unlink()

for rule_file in sorted((HOME / "rules").iterdir()):
    rule = json.loads(rule_file.read_text())
    if rule["times"] == 0 or (rule.get("when") and rule["when"] not in arguments):
        continue
    rule["times"] -= 1
    written = HOME / f"rule.{os.getpid()}"
    written.write_text(json.dumps(rule))
    written.replace(rule_file)
    sys.stdout.write(rule.get("text", ""))
    sys.stdout.flush()
    if rule.get("child"):
        child = subprocess.Popen(["sleep", "300"])
        (HOME / "child").write_text(str(child.pid))
    (HOME / "ready").touch()
    if rule.get("ignores"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if rule.get("kill"):
        os.kill(os.getpid(), rule["kill"])
    for _ in range(rule.get("talks", 0)):
        sys.stdout.write("still at it\n")
        sys.stdout.flush()
        time.sleep(0.3)
    time.sleep(rule.get("sleep", 0))
    sys.exit(rule.get("code", 0))

for flag in ("--digestfile", "--digest-file"):
    if flag in arguments:
        pathlib.Path(arguments[arguments.index(flag) + 1]).write_text(DIGEST)
if "--iidfile" in arguments:  # an engine with containerd's store, when nothing else is planned
    iid = HOME / "iid"
    path = pathlib.Path(arguments[arguments.index("--iidfile") + 1])
    path.write_text(iid.read_text() if iid.exists() else DIGEST)
if "--metadata-file" in arguments:
    metadata = {"buildx.build.ref": "x", "containerimage.digest": DIGEST}
    path = pathlib.Path(arguments[arguments.index("--metadata-file") + 1])
    path.write_text(json.dumps(metadata, indent=2))
if name == "docker" and arguments[:1] == ["push"]:
    sys.stdout.write(f"1: digest: {DIGEST} size: 527\n")
