"""One readable Python text of several modules: a program that travels in a pod's annotation."""

from __future__ import annotations

import functools

from podwright import resources

_HEAD = '''"""podwright's {title}, generated from pytools/podwright."""
import os
import sys
import types


def _module(name, text=""):
    module = types.ModuleType(name)
    module.__path__ = []
    sys.modules[name] = module
    exec(compile(text, name, "exec", dont_inherit=True), module.__dict__)


for _name in {packages}:
    _module(_name)
'''


@functools.cache
def travelling(title: str, modules: tuple[str, ...], call: str, early: str = "") -> str:
    """Bundle modules of podwright (annotations may have 256 KiB in all).

    Args:
        title: what the program is.
        modules: below podwright, in the order of their imports of one another.
        call: the arguments of the last one's ``main``, which gives the exit code.
        early: the one whose ``begin`` is called with the words of the command before those after
            it are loaded; '' for none.
    """
    folders = {f"podwright.{name.partition('.')[0]}" for name in modules if "." in name}
    packages = ("podwright", *sorted(folders))
    parts = [_HEAD.format(title=title, packages=packages)]
    for name in modules:
        text = resources.text(f"{name.replace('.', '/')}.py")
        parts.append(f"_module(\"podwright.{name}\", r'''{text}''')\n")
        parts += [f'sys.modules["podwright.{name}"].begin(sys.argv[1:])\n'] if name == early else []
    last = f'sys.modules["podwright.{modules[-1]}"]'
    return "\n".join(parts) + f"\nsys.exit({last}.main({call}))\n"
