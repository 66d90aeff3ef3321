# Runs in the `tools` container of every pod, as `python3 -I -c`: one job directory per line comes
# in through a FIFO, the bundle beside it answers. Nothing of podwright is installed there, and the
# python3 may be too old for the bundle: what the bundle cannot answer is answered here.
import json
import os
import signal
import subprocess
import sys
import threading

FIFO = "/run/podwright/ask"


def answer(job: bytes) -> None:
    """Have the bundle answer one job; what it leaves without an answer gets one here."""
    bundle = os.path.join(os.path.dirname(job), b"podwright.pyz")
    command = [os.fsencode(sys.executable), b"-I", bundle, b"answer", job]
    try:
        asked = subprocess.Popen(command, stderr=subprocess.PIPE)
        said = asked.communicate()[1].decode("utf-8", "replace").strip()
    except (OSError, ValueError) as error:
        said = str(error)
    answered = os.path.join(job, b"answered")
    if os.path.isdir(job) and not os.path.exists(answered):
        last = said.splitlines()[-1] if said else "it said nothing"
        with open(os.path.join(job, b"answer.json"), "w") as file:
            json.dump({"error": "the planner in the tools container failed: " + last}, file)
        open(answered, "w").close()
    if said:
        sys.stderr.write(said + "\n")
        sys.stderr.flush()


# Process 1 ignores signals that it has no handler for, and the pod would end late. With 0 Jenkins
# would not retry what was on a pod that is lost.
signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
if not os.path.exists(FIFO):
    os.mkfifo(FIFO)
# The builder's container may run as another user.
os.chmod(FIFO, 0o666)
while True:
    # Bytes: whatever comes in, the loop goes on.
    with open(FIFO, "rb") as fifo:
        for line in fifo:
            job = line.rstrip(b"\n")
            if job.startswith(b"/"):
                threading.Thread(target=answer, args=(job,), daemon=True).start()
