"""What a pod's agent connects to, in Jenkins' place: the first request of each agent is noted.

jenkins/inbound-agent asks its controller where to connect (`/tcpSlaveAgentListener/`) as soon as
its Java has started. It gets no answer while the pod is measured, so it stays and says nothing.
"""

from __future__ import annotations

import http.server
import threading
import uuid
from typing import Any


class Controller:
    """An HTTP server for agents; each has a path of its own."""

    def __init__(self, address: str) -> None:
        self._connected: dict[str, threading.Event] = {}
        self._closed = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                _, name, *rest = self.path.split("/")
                if rest == ["connected"]:  # the runner waits for the agent
                    outer._event(name).wait()
                    self.send_response(204)
                    self.end_headers()
                    return
                outer._event(name).set()
                outer._closed.wait()

            def log_message(self, *_: object) -> None:
                """Say nothing: the figures are the output."""

        self._server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Give its address."""
        host, port = self._server.server_address[:2]
        return f"http://{host}:{port}"

    def agent(self, made: dict[str, Any], image: str) -> str:
        """Put the agent into a pod, as the kubernetes plugin does; gives its name."""
        name = uuid.uuid4().hex
        known = {
            "JENKINS_SECRET": "0" * 64,
            "JENKINS_AGENT_NAME": name,
            "JENKINS_NAME": name,
            "JENKINS_AGENT_WORKDIR": "/home/jenkins/agent",
            "JENKINS_URL": f"{self.url}/{name}/",
        }
        containers = made["spec"]["containers"]
        agent = next((item for item in containers if item["name"] == "jnlp"), None)
        if agent is None:
            agent = {"name": "jnlp"}
            containers.append(agent)
        agent["image"] = image
        more = [{"name": key, "value": value} for key, value in known.items()]
        agent["env"] = [*agent.get("env", []), *more]
        return name

    def _event(self, name: str) -> threading.Event:
        return self._connected.setdefault(name, threading.Event())

    def wait(self, name: str, seconds: float = 120) -> None:
        """Wait until an agent has connected.

        Raises:
            TimeoutError: it has not.
        """
        if not self._event(name).wait(seconds):
            raise TimeoutError(f"the agent of the pod has not connected within {seconds} s")

    def close(self) -> None:
        """End it."""
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
