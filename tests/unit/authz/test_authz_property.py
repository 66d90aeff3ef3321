# ruff: noqa: ANN001, ANN201, ANN202 - fixtures and parameters
"""No generated request is allowed that a decoder like Go's reads as dangerous.

The oracle knows nothing of the policy: it reads bodies as encoding/json does (any case, the last of
two names wins, objects merge, unknown names are dropped, broken UTF-8 is replaced) and then looks
for danger by its own list. The number of requests comes from PODWRIGHT_EXAMPLES (1,000 unless told;
`make property` asks for 120,000).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import engine_source
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podwright.authz.limits import limits
from podwright.authz.policy import EngineRequest, decide

EXAMPLES = int(os.environ.get("PODWRIGHT_EXAMPLES", "1000"))
RUN = limits({})
SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)

# -- a decoder like Go's --------------------------------


class GoError(Exception):
    """Go's decoder would have refused."""


_GO_FOLD = {"\u017f": "s", "\u212a": "k"}


def fold(name):
    """encoding/json folds ASCII case, the long s and the Kelvin sign."""
    return "".join(_GO_FOLD.get(sign, sign) for sign in name).lower()


class Pairs(list):
    """An object with all its pairs, in order."""


def go_read(body):
    """The first JSON value of a body, objects as pairs; like json.Decoder on bytes."""
    text = body.decode("utf-8", "replace")
    try:
        value, _ = json.JSONDecoder(object_pairs_hook=Pairs, strict=True).raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        raise GoError from None
    return value


#: Danger by field: lower-case path to what makes it dangerous. Written against the API's meaning.
def _nonempty(value):
    return value not in (None, "", 0, False, Pairs(), [])


def _host(value):
    return value == "host" or (isinstance(value, str) and value.startswith("container:"))


def _bind(value):
    """A mount source that is a path other than the workspace volume itself."""
    for item in value or []:
        source = str(item).split(":")[0]
        if source[:1] in ("/", ".", "~") and source.rstrip("/") != RUN.workspace:
            return True
    return False


def _options(value):
    allowed = ("no-new-privileges", "seccomp=builtin")
    return any(not str(item).startswith(allowed) or "false" in str(item) for item in value or [])


_CAPS = {f"CAP_{name}" for name in RUN.capabilities} | set(RUN.capabilities)
HOST_DANGER = {
    "privileged": _nonempty,
    "binds": _bind,
    "volumesfrom": _nonempty,
    "devices": _nonempty,
    "devicecgrouprules": _nonempty,
    "devicerequests": _nonempty,
    "capadd": lambda value: any(str(item).upper() not in _CAPS for item in value or []),
    "securityopt": _options,
    "usernsmode": _nonempty,
    "pidmode": _nonempty,
    "networkmode": _host,
    "ipcmode": _host,
    "utsmode": _nonempty,
    "cgroupnsmode": _host,
    "cgroup": _nonempty,
    "cgroupparent": _nonempty,
    "runtime": lambda value: value not in (None, "", "runc"),
    "sysctls": lambda value: any(name not in RUN.sysctls for name, _ in value or []),
    "maskedpaths": lambda value: value is not None,
    "readonlypaths": lambda value: value is not None,
    "annotations": _nonempty,
    "volumedriver": lambda value: value not in (None, "", "local"),
    "oomkilldisable": _nonempty,
}


def merged(value, known):
    """Fields of an object as Go's struct would hold them: last wins, objects merge by field.

    A list that comes twice is decoded into the elements that are there, which merge as well, and
    into those that a shorter one in between had hidden (encoding/json, decode.go, array).
    """
    result, kept = {}, {}
    for name, inner in value if isinstance(value, Pairs) else []:
        key = fold(name)
        if key not in known or inner is None:
            continue
        if isinstance(inner, Pairs) and isinstance(result.get(key), Pairs):
            result[key] = Pairs([*result[key], *inner])
        elif isinstance(inner, list) and not isinstance(inner, Pairs):
            old = kept.get(key, [])
            both = [Pairs([*a, *b]) if isinstance(a, Pairs) and isinstance(b, Pairs) else b
                    for a, b in zip(old, inner)]  # fmt: skip
            result[key] = [*both, *inner[len(both) :]]
            kept[key] = [*result[key], *old[len(inner) :]]
        else:
            result[key] = inner
    return result


def mount_danger(mounts):
    known = {"type", "source", "volumeoptions", "bindoptions"}
    for mount in mounts or []:
        row = merged(mount, known)
        source = str(row.get("source", ""))
        if row.get("type") == "bind" and source.rstrip("/") != RUN.workspace:
            return True
        if row.get("type") == "volume" and source.startswith(("/", ".")):
            return True
        driver = merged(
            merged(row.get("volumeoptions"), {"driverconfig"}).get("driverconfig"),
            {"name", "options"},
        )
        if driver.get("options") or driver.get("name") not in (None, "", "local"):
            return True
    return False


def container_danger(body):
    """What is dangerous about a body for /containers/create, read as Go does; None when nothing."""
    value = go_read(body)
    if not isinstance(value, Pairs):
        raise GoError
    top = merged(value, {"hostconfig", "networkingconfig", *HOST_DANGER, "mounts"})
    # Engines up to 20.10 also read HostConfig's fields at the top.
    for place in (merged(top.get("hostconfig"), {*HOST_DANGER, "mounts"}), top):
        for name, dangerous in HOST_DANGER.items():
            try:
                if name in place and dangerous(place[name]):
                    return name
            except (TypeError, ValueError):
                raise GoError from None  # a type that Go would not have taken
        try:
            if mount_danger(place.get("mounts")):
                return "mounts"
        except (TypeError, AttributeError):
            raise GoError from None
    ends = merged(top.get("networkingconfig"), {"endpointsconfig"}).get("endpointsconfig")
    for name, _ in ends if isinstance(ends, Pairs) else []:
        if name == "host":
            return "endpointsconfig"
    return None


# -- generated requests --------------------------------

DANGEROUS = {
    "Privileged": [True, False, None, 1],
    "Binds": [
        ["/:/h"],
        ["v:/x"],
        ["/home/jenkins/agent/../..:/x"],
        ["/home/jenkins/agent:/x"],
        [],
        None,
    ],
    "Mounts": [
        [{"Type": "bind", "Source": "/", "Target": "/x"}],
        [{"type": "bind", "Source": "/", "Target": "/x"}],
        [{"Type": "volume", "Source": "v", "Target": "/x"}],
        [{"Type": "volume", "Source": "/etc", "Target": "/x"}],
        [
            {
                "Type": "volume",
                "Source": "v",
                "Target": "/x",
                "VolumeOptions": {"DriverConfig": {"Options": {"device": "/"}}},
            }
        ],
    ],
    "VolumesFrom": [["a"], []],
    "Devices": [[{"PathOnHost": "/dev/sda"}], []],
    "DeviceCgroupRules": [["a *:* rwm"], None],
    "DeviceRequests": [[{"Count": -1}], None],
    "CapAdd": [["SYS_ADMIN"], ["all"], ["CHOWN"], ["cap_sys_admin"], []],
    "SecurityOpt": [["seccomp=unconfined"], ["seccomp:unconfined"], ["no-new-privileges"], []],
    "UsernsMode": ["host", ""],
    "PidMode": ["host", "container:a", ""],
    "NetworkMode": ["host", "container:a", "bridge", "Host", "none"],
    "IpcMode": ["host", "container:a", "private"],
    "UTSMode": ["host", ""],
    "CgroupnsMode": ["host", "private"],
    "CgroupParent": ["/", ""],
    "Runtime": ["evil", "runc", ""],
    "Sysctls": [{"kernel.msgmax": "1"}, {"net.ipv4.ip_unprivileged_port_start": "0"}, {}],
    "MaskedPaths": [[], None],
    "ReadonlyPaths": [[], None],
    "Annotations": [{"a": "b"}, {}],
    "Memory": [1, 0],
    "AutoRemove": [True],
}


@st.composite
def spelt(draw, name):
    """A field's name, mostly right, sometimes in a way that Go still takes."""
    way = draw(st.integers(0, 9))
    if way == 7:
        return name.lower()
    if way == 8:
        return name.swapcase()
    if way == 9:
        return name.replace("s", "\u017f", 1).replace("k", "\u212a", 1)
    return name


def quoted(text, how):
    """A JSON string, sometimes with an escape for its first letter."""
    plain = json.dumps(text, ensure_ascii=False)
    return plain if how or not text else f'"\\u{ord(text[0]):04x}{plain[2:]}'


@st.composite
def objects(draw, names):
    """The text of an object with fields of a table, with repetitions and odd spellings."""
    parts = []
    for _ in range(draw(st.integers(0, 4))):
        name = draw(st.sampled_from(sorted(names)))
        value = draw(st.sampled_from(names[name]))
        key = quoted(draw(spelt(name)), draw(st.integers(0, 5)))
        text = value(draw) if callable(value) else json.dumps(value)
        parts.append(f"{key}:{text}")
    return "{" + ",".join(parts) + "}"


TOP = {
    "Image": ["a"],
    "Cmd": [["true"], None],
    "HostConfig": [
        lambda draw: draw(objects(DANGEROUS)),
        lambda draw: draw(objects(DANGEROUS)),
        None,
    ],
    "NetworkingConfig": [{"EndpointsConfig": {"host": {}}}, {"EndpointsConfig": {"n": {}}}, None],
    **{name: values for name, values in DANGEROUS.items() if name in ("Privileged", "Binds")},
}


@st.composite
def bodies(draw):
    """Bodies of /containers/create: well-formed, odd, and broken."""
    text = draw(objects(TOP)).encode()
    way = draw(st.integers(0, 19))
    if way == 0:
        text += draw(objects(TOP)).encode()
    elif way == 1:
        text = b"[" + text + b"]"
    elif way == 2:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + bytes([draw(st.integers(0, 255))]) + text[at:]
    elif way == 3:
        text = text[: draw(st.integers(0, len(text)))]
    elif way == 4:
        text = b"\xef\xbb\xbf" + text
    elif way == 5:
        text = b" \n" + text + b"\t "
    return text


def allowed(body):
    headers = {"Content-Type": "application/json"}
    return decide(EngineRequest("POST", "/v1.44/containers/create", headers, body), RUN).allow


@SETTINGS
@given(bodies())
def test_no_container_is_allowed_that_go_would_read_as_dangerous(body):
    if allowed(body):
        try:
            found = container_danger(body)
        except GoError:
            found = "allowed, although Go could not read it"
        assert found is None, body


def test_the_oracle_finds_danger_where_it_is_hidden():
    for text, name in (
        ('{"HostConfig":{"Privileged":true}}', "privileged"),
        ('{"hostconfig":{"PRIVILEGED":true}}', "privileged"),
        ('{"Ho\u017ftConfig":{"Privileged":true}}', "privileged"),
        ('{"HostConfig":{"Privileged":true},"HostConfig":{"Memory":1}}', "privileged"),
        ('{"HostConfig":{"Binds":["v:/x"],"binds":["/:/x"]}}', "binds"),
        ('{"Privileged":true}', "privileged"),
        ('{"HostConfig":{"MaskedPaths":[]}}', "maskedpaths"),
        ('{"HostConfig":{"Mounts":[{"TYPE":"bind","source":"/"}]}}', "mounts"),
        ('{"HostConfig":{"Privileged":true}} trailing', "privileged"),
    ):
        assert container_danger(text.encode()) == name
    assert container_danger(b'{"HostConfig":{"Privileged":true,"Privileged":false}}') is None
    assert container_danger(b'{"Image":"a","HostConfig":{"Binds":["v:/x"]}}') is None


def test_generated_requests_are_allowed_now_and_then():
    """Else the property would say nothing."""
    count = {True: 0, False: 0}

    @settings(max_examples=500, deadline=None, database=None, derandomize=True)
    @given(bodies())
    def tally(body):
        count[allowed(body)] += 1

    tally()
    assert count[True] > 25
    assert count[False] > 100


# -- targets --------------------------------

PIECES = [
    "/",
    "//",
    "containers",
    "create",
    "v1.44",
    "%2F",
    "%2e%2e",
    "..",
    ".",
    "build",
    "plugins",
    "pull",
    "swarm",
    "init",
    "?",
    "&",
    "=",
    ";",
    "networkmode",
    "host",
    "%00",
    "#",
    "x",
    "exec",
    "json",
    "images",
    "http:",
    "%63",
    "\\",
    "@",
    "update",
    "disable",
    "session",
    "grpc",
]


def go_route(uri):
    """Where Go's mux would send a request: the path decoded, as gorilla/mux compares it."""
    path = uri.partition("?")[0]
    path = re.sub(r"^http://[^/]*", "", path)
    decoded = re.sub(r"%([0-9A-Fa-f]{2})", lambda match: chr(int(match[1], 16)), path)
    cleaned = re.sub(r"/+", "/", decoded)
    return re.sub(r"^/v[0-9.]+(?=/)", "", cleaned)


REFUSED_ROUTES = re.compile(
    r"/(?:plugins|swarm|services|secrets|configs|nodes|tasks|debug)(?:/|\Z)|/containers/.+/update\Z"
)


@SETTINGS
@given(
    st.lists(st.sampled_from(PIECES), max_size=9).map("".join),
    st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
)
def test_no_target_is_allowed_that_go_would_send_to_a_refused_route(tail, method):
    uri = "/" + tail
    headers = {"Content-Type": "application/json"} if method == "POST" else {}
    decision = decide(EngineRequest(method, uri, headers, b"{}" if method == "POST" else b""), RUN)
    if decision.allow:
        assert not REFUSED_ROUTES.match(go_route(uri)), uri
        assert "host" not in re.findall(r"networkmode=([^&]*)", uri), uri


# -- Go itself --------------------------------

GO_PROGRAM = Path(__file__).with_name("go_oracle")


@pytest.fixture(scope="module")
def go_decoder(tmp_path_factory):
    """A real Go program with the real types of the engine's API."""
    if engine_source.source() is None:
        pytest.skip("Go or the engine's modules are not to be had")
    place = tmp_path_factory.mktemp("oracle")
    for file in GO_PROGRAM.iterdir():
        shutil.copy(file, place / file.name.replace(".txt", ""))
    built = subprocess.run(
        ["go", "build", "-mod=mod", "-o", "oracle", "."],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"},
    )
    assert built.returncode == 0, built.stderr
    process = subprocess.Popen(
        [str(place / "oracle")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def ask(body):
        process.stdin.write(body.hex() + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    yield ask
    process.stdin.close()
    process.wait()
    process.stdout.close()


@pytest.mark.slow
def test_go_itself_reads_no_danger_in_what_is_allowed(go_decoder):
    assert go_decoder(b'{"hostconfig":{"PRIVILEGED":true}}') == "privileged"
    assert go_decoder(b'{"HostConfig":{"Binds":["/:/x"]}}') == "binds"
    assert go_decoder(b'{"Image":"a"}') == "harmless"
    assert go_decoder(b"{") == "unreadable"

    @SETTINGS
    @given(bodies())
    def check(body):
        if allowed(body):
            assert go_decoder(body) == "harmless", body

    check()


TWICE = b'{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/"}],"\\u004dounts":[{}]}}'


@pytest.mark.slow
def test_a_list_that_comes_twice_is_one_to_go_and_refused(go_decoder):
    assert go_decoder(TWICE) == container_danger(TWICE) == "mounts"
    assert not allowed(TWICE)


@pytest.mark.slow
def test_go_itself_agrees_with_the_oracle(go_decoder):
    @SETTINGS
    @given(bodies())
    def check(body):
        try:
            found = container_danger(body) is not None
        except GoError:
            return
        answer = go_decoder(body)
        if answer != "unreadable" and found is False:
            assert answer == "harmless", body

    check()
