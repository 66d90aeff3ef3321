"""What plugin and gate stop each by itself: the data of the table in the explanation.

A row is shown by attacks of the matrix, by a rule of theirs, or by tests that are named here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from authz_attacks import ATTACKS, Attack

if TYPE_CHECKING:
    from collections.abc import Callable

PLUGIN, GATE = "plugin", "gate"
_READ_ANEW = ("/containers/create", "/volumes/create")


def is_odd(attack: Attack) -> bool:
    """Whether the target itself is what is wrong."""
    return attack.rule in ("request.uri", "request.query")


def is_creation(attack: Attack) -> bool:
    """Whether it is a request that the gate reads and writes anew."""
    path = attack.target.partition("?")[0]
    return attack.method == "POST" and path in _READ_ANEW and attack.number != "18"


def is_other(attack: Attack) -> bool:
    """All others; a path below the workspace is made harmless by the gate, not refused."""
    return not is_odd(attack) and not is_creation(attack) and attack.number != "18"


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        title: its first cell.
        guards: which of the two stop it alone.
        attacks: which rows of the matrix it stands for.
        tests: functions of tests/engine that show the rest.
    """

    title: str
    guards: tuple[str, ...]
    attacks: Callable[[Attack], bool] = lambda _: False
    tests: tuple[str, ...] = ()


ROWS = (
    Row(
        "a container or volume with more than it may have: privileges, devices, namespaces, "
        "directories of the engine, drivers and their options",
        (PLUGIN, GATE),
        is_creation,
    ),
    Row("a path, API version or parameter that is oddly written", (PLUGIN, GATE), is_odd),
    Row(
        "other requests that reach the engine: exec, update, networks, parameters of builds, "
        "plugins, swarms, removal of the workspace",
        (PLUGIN,),
        is_other,
    ),
    Row(
        "what the engine reads in another way than it shows its plugins: gRPC over HTTP/2, "
        "repeated headers, a request behind another one",
        (GATE,),
        tests=(
            "test_grpc_over_http2_goes_past_the_plugin_and_is_stopped_by_the_gate",
            "test_a_repeated_media_type_hides_parameters_from_a_plugin",
            "test_a_repeated_media_type_is_stopped_by_the_gate_and_by_the_plugin_beside_a_gate",
            "test_a_head_with_two_readings_is_stopped_by_the_gate",
            "test_a_second_request_behind_the_first_is_never_passed_on",
        ),
    ),
    Row(
        "the host's network by its id",
        (GATE,),
        tests=("test_the_gate_alone_knows_the_hosts_network_by_its_id",),
    ),
    Row(
        "volumes that are filled, and containers that are committed, while others write there",
        (PLUGIN, GATE),
        tests=(
            "test_the_plugin_alone_takes_no_creation_but_from_the_gate",
            "test_the_gate_alone_closes_it",
            "test_the_gate_alone_commits_only_what_stands_still",
        ),
    ),
)

CASES = [
    (guard, attack)
    for row in ROWS
    for guard in row.guards
    for attack in ATTACKS
    if row.attacks(attack)
]
