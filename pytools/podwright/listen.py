# Runs in the `tools` container of every pod, as `python3 -I -c`: one job directory per line comes
# in through a FIFO, the bundle beside it answers. Nothing of podwright is installed there.
import os
import signal
import subprocess
import sys

FIFO = "/run/podwright/ask"
# Process 1 ignores signals that it has no handler for, and the pod would end late.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
if not os.path.exists(FIFO):
    os.mkfifo(FIFO)
# The builder's container may run as another user.
os.chmod(FIFO, 0o666)
while True:
    # Bytes: whatever comes in, the loop goes on.
    with open(FIFO, "rb") as fifo:
        for line in fifo:
            job = line.rstrip(b"\n")
            if not job.startswith(b"/"):
                continue
            bundle = os.path.join(os.path.dirname(job), b"podwright.pyz")
            try:
                subprocess.Popen([sys.executable, "-I", bundle, "answer", job])
            except (OSError, ValueError) as error:
                sys.stderr.write(f"podwright: no answer to {job[:200]!r}: {error}\n")
