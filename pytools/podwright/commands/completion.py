"""Print the script by which a shell completes podwright's commands and options.

bash, for all: podwright completion bash >/etc/bash_completion.d/podwright
zsh, in a folder of $fpath: podwright completion zsh >_podwright
fish: podwright completion fish >~/.config/fish/completions/podwright.fish
"""

from __future__ import annotations

import argparse

from podwright import manual, parsers
from podwright.console import Console

SUMMARY = "print the completion for bash, zsh or fish"
OPTIONS = """
shell {bash,zsh,fish}  bash, zsh, fish
"""


def run(options: argparse.Namespace, console: Console) -> int:
    console.result(manual.completion(parsers.parser(), options.shell))
    return 0
