"""What surrounds the steps of a freestyle build: credentials, timestamps, a time limit."""

from __future__ import annotations

from podwright.jobs.codec import Inside, Items, Value
from podwright.jobs.oneof import FLAG, TEXT, OneOf, Short, SomeOf
from podwright.jobs.parts.raw import RawXml
from podwright.jobs.parts.rows import Row, kind_of, made
from podwright.schema import Number, RecordOf

BINDING = "org.jenkinsci.plugins.credentialsbinding.impl"
PLUGIN = "credentials-binding"
ID: Row = ("credentialsId", "credentialsId", TEXT, ..., "id of the credential")
ONE: tuple[Row, ...] = (ID, ("variable", "variable", TEXT, ..., "name of the variable"))


def _binding(doc: str, java: str, *rows: Row) -> Short:
    return kind_of(made(doc, f"{BINDING}.{java}", PLUGIN, *rows), rows)


BINDINGS = OneOf(
    {
        "text": _binding("A secret text in a variable.", "StringBinding", *ONE),
        "file": _binding("The path of a secret file in a variable.", "FileBinding", *ONE),
        "zip": _binding(
            "The folder of an unpacked secret file in a variable.", "ZipFileBinding", *ONE
        ),
        "joined": _binding(
            "User and password in one variable, with a colon between.",
            "UsernamePasswordBinding", *ONE,
        ),
        "userPassword": _binding(
            "User and password in two variables.", "UsernamePasswordMultiBinding",
            ID,
            ("user", "usernameVariable", TEXT, ..., "variable of the user's name"),
            ("password", "passwordVariable", TEXT, ..., "variable of the password"),
        ),
        "sshKey": _binding(
            "The path of an SSH key in a variable.", "SSHUserPrivateKeyBinding",
            ID,
            ("keyFile", "keyFileVariable", TEXT, ..., "variable of the key's path"),
            ("user", "usernameVariable", TEXT, None, "variable of the user's name"),
            ("passphrase", "passphraseVariable", TEXT, None, "variable of the passphrase"),
        ),
        "xml": RawXml(),
    },
    "kind of binding",
)  # fmt: skip
CREDENTIALS = made(
    "Credentials in variables, hidden in the log.", f"{BINDING}.SecretBuildWrapper", PLUGIN,
    ("bindings", Inside("bindings", (Items("bindings", BINDINGS),)), SomeOf(BINDINGS), ...,
     "the credentials"),
)  # fmt: skip


def _operation(name: str, *, fail: bool) -> Inside:
    tag = f"hudson.plugins.build__timeout.operations.{name}"
    return Inside(tag, (), only_if=lambda part: part.fail is fail)


STRATEGY = Inside(
    "strategy",
    (Value("minutes", "timeoutMinutes"),),
    {"class": "hudson.plugins.build_timeout.impl.AbsoluteTimeOutStrategy"},
)
TIMEOUT = made(
    "How long a build may take.",
    "hudson.plugins.build_timeout.BuildTimeoutWrapper", "build-timeout",
    ("minutes", STRATEGY, Number(3, 100_000), ..., "minutes; the plugin's least are 3"),
    Inside(
        "operationList",
        (_operation("FailOperation", fail=True), _operation("AbortOperation", fail=False)),
    ),
    ("fail", "", FLAG, False, "the build fails instead of being aborted"),
)  # fmt: skip
TIMESTAMPS = made(
    "The time before each line of the log.",
    "hudson.plugins.timestamper.TimestamperBuildWrapper",
    "timestamper",
)
WRAPPERS = OneOf(
    {
        "credentials": Short(CREDENTIALS, "bindings"),
        "timestamps": RecordOf(TIMESTAMPS),
        "timeout": Short(TIMEOUT, "minutes"),
        "xml": RawXml(),
    },
    "kind of wrapper",
)
