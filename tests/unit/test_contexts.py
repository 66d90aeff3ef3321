"""What of a context counts, and what changes its digest."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from podwright import contexts
from podwright.contexts import Ignores, Tree

PATHS = ("a", "a.md", "folder", "folder/b.md", "folder/deep", "folder/deep/b", "x y", "[z]", "é\n")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A context with files and folders."""
    for path in PATHS:
        place = tmp_path / path
        if path in ("folder", "folder/deep"):
            place.mkdir()
        else:
            place.write_text("one")
    return tmp_path


def left_out(context: Path, text: str) -> list[str]:
    """Give what an ignore file leaves out."""
    seen = {path for path, _ in Tree(str(context), Ignores(text))._all()}
    return sorted({*PATHS} - seen)


def tree(context: Path, text: str = "") -> Tree:
    """Give a context."""
    return Tree(str(context), Ignores(text))


FOLDER = ["folder", "folder/b.md", "folder/deep", "folder/deep/b"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("a", ["a"]),
        ("/a", ["a"]),
        ("./folder/", FOLDER),
        ("  a  \r\n\r\n", ["a"]),
        ("\ufeffa", ["a"]),
        ("# a\na.md", ["a.md"]),
        ("#a", []),
        ("*.md", ["a.md"]),
        ("**/*.md", ["a.md", "folder/b.md"]),
        ("**/b", ["folder/deep/b"]),
        ("folder/*", FOLDER[1:]),
        ("folder/**", FOLDER[1:]),
        ("folder/../a", ["a"]),
        ("../a", []),
        ("?", ["a"]),
        ("x y", ["x y"]),
        ("A", []),
        ("  # a\na", ["a"]),
        ("*\n!folder/*.md", ["[z]", "a", "a.md", "folder/deep", "folder/deep/b", "x y", "é\n"]),
        ("*\n!**/b", ["[z]", "a", "a.md", "folder/b.md", "x y", "é\n"]),
        # Nobody is sure what all builders make of these.
        ("(a)", []),
        ("a+", []),
        ("[a]", []),
        ("\\a", []),
        ("***", []),
        ("*\n!a", ["[z]", "a.md", *FOLDER, "x y", "é\n"]),
        ("*\n!folder/deep", ["[z]", "a", "a.md", "folder/b.md", "x y", "é\n"]),
        ("!a\n*", ["[z]", "a.md", *FOLDER, "x y", "é\n"]),
        ("**/b\n!x y", []),
        ("a\n![a]", []),
        ("a\n!", ["a"]),
    ],
)
def test_what_is_certainly_left_out(context: Path, text: str, found: list[str]) -> None:
    assert left_out(context, text) == sorted(found)


def test_the_digest_is_that_of_what_builders_are_sent(context: Path) -> None:
    found = {tree(context).digest(9)}
    places = [context / path for path in PATHS]

    def changed() -> None:
        digest = tree(context).digest(9)
        assert digest not in found
        found.add(digest)

    places[0].write_text("two")
    changed()
    places[0].chmod(0o755)
    changed()
    places[2].chmod(0o711)
    changed()
    places[0].rename(context / "b")
    changed()
    (context / "link").symlink_to("b")
    changed()
    (context / "link").unlink()
    (context / "link").symlink_to("./b")
    changed()
    (context / "new").mkdir()
    changed()
    os.setxattr(places[1], "user.one", b"1")
    changed()
    os.setxattr(places[1], "user.one", b"2")
    changed()


def test_the_digest_is_not_that_of_times(context: Path) -> None:
    digest, seen = tree(context).digest(9), tree(context).look()
    assert tree(context).look() == seen
    os.utime(context / "a", (1, 1))
    assert tree(context).digest(9) == digest
    assert tree(context).look()[0] == seen[0]
    assert tree(context).look()[1] != seen[1]


def test_a_files_bytes_are_not_another_files_name(tmp_path: Path) -> None:
    for name, files in (("x", {"a": "1", "b": "2"}), ("y", {"a": "12", "b": ""})):
        (tmp_path / name).mkdir()
        for path, text in files.items():
            (tmp_path / name / path).write_text(text)
    x, y = (tree(tmp_path / name) for name in "xy")
    assert x.look()[0] == y.look()[0] == "3.2"
    assert x.digest(9) != y.digest(9)


def test_what_builders_treat_in_their_ways_has_no_digest(context: Path) -> None:
    link = context / "link"
    link.symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="link leads out of the context"):
        tree(context).digest(9)
    link.unlink()
    link.symlink_to("folder/deep/b")
    assert tree(context).digest(9)
    with pytest.raises(OSError, match="link leads to what is left out of the context"):
        tree(context, "folder").digest(9)
    link.unlink()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(context / "s"))
        with pytest.raises(OSError, match="s is no file"):
            tree(context).digest(9)


def test_a_file_that_grows_while_it_is_read_has_no_digest(
    context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grows(path: str, size: int, found: object) -> None:
        Path(path).write_text("longer")
        read(path, size, found)

    read = contexts._read
    monkeypatch.setattr(contexts, "_read", grows)
    with pytest.raises(OSError, match="has changed while it was read"):
        tree(context).digest(9)


def test_what_takes_too_long_has_no_digest(context: Path) -> None:
    with pytest.raises(OSError, match="takes longer to read than 0 s"):
        tree(context).digest(0)


def test_two_names_of_a_file_are_no_two_files(context: Path) -> None:
    before = tree(context).digest(9)
    (context / "a.md").unlink()
    os.link(context / "a", context / "a.md")
    assert tree(context).digest(9) != before


def test_names_outside_of_the_context_do_not_count(context: Path) -> None:
    before = tree(context / "folder").digest(9)
    os.link(context / "folder/b.md", context / "another")
    assert tree(context / "folder").digest(9) == before


def test_a_context_is_large_by_bytes_or_by_files(
    context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not tree(context).is_large()
    (context / "big").touch()
    os.truncate(context / "big", contexts.LARGE)
    assert tree(context).is_large()
    assert not tree(context, "big").is_large()
    monkeypatch.setattr(contexts, "MANY", 5)
    assert tree(context, "big").is_large()
    assert not tree(context / "nowhere").is_large()
