# ruff: noqa: ANN001, ANN002, ANN201 - fixtures and parameters
from __future__ import annotations

import pytest

from podwright.docker_api.strict import (
    MAX_BODY,
    Refused,
    Target,
    header,
    parse_json,
    parse_query,
    parse_target,
)


def refusal(call, *arguments):
    with pytest.raises(Refused) as caught:
        call(*arguments)
    return caught.value.rule, caught.value.message


def test_a_target_is_taken_apart():
    assert parse_target("/v1.44/images/host:5000/team/app%40sha256:ab/json?a=b&t=1&t=2") == Target(
        (1, 44),
        ("images", "host:5000", "team", "app@sha256:ab", "json"),
        {"a": ("b",), "t": ("1", "2")},
    )
    assert parse_target("/_ping") == Target(None, ("_ping",), {})
    assert parse_target("/v1.44/info").path == "/info"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "info",
        "//info",
        "/info/",
        "/./info",
        "/a/../info",
        "/info#x",
        "/in\\fo",
        "/in%66o",
        "/a%2Fb",
        "/a%2",
        "/a%",
        "/a%00",
        "/info x",
        "/inf\u00f6",
        "/info\n",
        "*",
        "http://d/info",
        "/-x",
        "/.x",
        "/" + "a" * 40000,
        "/v1.44/",
        "/v1.44",
    ],
)
def test_odd_targets_are_refused(uri):
    with pytest.raises(Refused) as caught:
        parse_target(uri)
    assert caught.value.rule == ("request.version" if uri == "/v1.44" else "request.uri")


def test_a_query_is_decoded_as_go_does():
    assert parse_query("a=b+c%20d&e=&f&g=%C3%A4&a=2") == {
        "a": ("b c d", "2"),
        "e": ("",),
        "f": ("",),
        "g": ("\u00e4",),
    }
    assert parse_query("") == {}
    assert parse_query("&&a=b&") == {"a": ("b",)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a=b;c=d", "the query has a semicolon; escape it as %3B"),
        ("a=%", "a parameter's value has a broken percent escape"),
        ("a=%g0", "a parameter's value has a broken percent escape"),
        ("a=%ff", "a parameter's value is no UTF-8"),
        ("a=%00", "a parameter's value has a zero character"),
        ("%61=b", "a parameter's name is escaped or oddly written"),
        ("=b", "a parameter's name is escaped or oddly written"),
        ("a.b=c", "a parameter's name is escaped or oddly written"),
    ],
)
def test_a_query_with_two_readings_is_refused(text, message):
    assert refusal(parse_query, text) == ("request.query", message)


def test_one_json_value_is_read():
    assert parse_json(b' {"a": [1, "\\u00e4", null, true, 1.5]}\n') == {
        "a": [1, "\u00e4", None, True, 1.5]
    }


@pytest.mark.parametrize(
    ("body", "rule", "message"),
    [
        (b"", "body.json", "the body is not valid JSON"),
        (b"{} {}", "body.json", "the body goes on after its JSON value; send one value"),
        (b"{}x", "body.json", "the body goes on after its JSON value; send one value"),
        (b'{"a":1,"a":1}', "body.duplicate", "the body names a field twice; name each field once"),
        (
            b'{"a":{"b":1,"\\u0062":1}}',
            "body.duplicate",
            "the body names a field twice; name each field once",
        ),
        (b'{"a":Infinity}', "body.json", "the body has NaN or Infinity, which is no JSON"),
        (b'{"a":-Infinity}', "body.json", "the body has NaN or Infinity, which is no JSON"),
        (b'{"a":"\n"}', "body.json", "the body is not valid JSON"),
        (b'{"a":1,}', "body.json", "the body is not valid JSON"),
        (b'{"a":01}', "body.json", "the body is not valid JSON"),
        (b"{'a':1}", "body.json", "the body is not valid JSON"),
        (b"\x0b{}", "body.json", "the body is not valid JSON"),
        (b'{"a":"\xed\xa0\x80"}', "body.json", "the body is no UTF-8"),
        (b"\xef\xbb\xbf{}", "body.json", "the body has zero characters or a byte order mark"),
        (b"{}\0", "body.json", "the body has zero characters or a byte order mark"),
        (b'{"a":"\\ud800"}', "body.json", "the body has half of a character (lone surrogate)"),
        (b'{"\\udc00":1}', "body.json", "the body has half of a character (lone surrogate)"),
        (b"[" * 30 + b"]" * 30, "body.json", "the body is nested deeper than 24"),
        (b"[" * 100_000 + b"]" * 100_000, "body.json", "the body is not valid JSON"),
        (b'"' + b"a" * MAX_BODY + b'"', "body.size", "the body is larger than 4194304 bytes"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_json_with_two_readings_is_refused(body, rule, message):
    assert refusal(parse_json, body) == (rule, message)


def test_a_header_is_found_in_any_case_but_only_once():
    assert header({"content-type": "a"}, "Content-Type") == "a"
    assert header({}, "Content-Type") is None
    assert refusal(header, {"A": "1", "a": "2"}, "A") == (
        "request.header",
        "the header A is there twice; send it once",
    )
