"""What surrounds the steps of a freestyle build: credentials, timestamps, a time limit."""
# ruff: noqa: N815 - Jenkins' own names; `option` gives immutable defaults

from __future__ import annotations

from typing import Any, ClassVar

from podwright.jobs.codec import Codec, Inside, Items, Part, Value
from podwright.jobs.oneof import FLAG, TEXT, OneOf, Short, SomeOf
from podwright.jobs.parts.raw import RawXml
from podwright.records import record
from podwright.schema import Number, RecordOf, option

BINDING = "org.jenkinsci.plugins.credentialsbinding.impl"


@record
class Binding(Part):
    """A credential in a variable."""

    PLUGIN: ClassVar[str] = "credentials-binding"
    XML: ClassVar[tuple[Codec, ...]] = (Value("credentialsId"), Value("variable"))
    credentialsId: str = option(TEXT, "id of the credential", "", required=True)
    variable: str = option(TEXT, "name of the variable", "", required=True)


@record
class TextBinding(Binding):
    """A secret text in a variable."""

    JAVA: ClassVar[str] = f"{BINDING}.StringBinding"


@record
class FileBinding(Binding):
    """The path of a secret file in a variable."""

    JAVA: ClassVar[str] = f"{BINDING}.FileBinding"


@record
class ZipBinding(Binding):
    """The folder of an unpacked secret file in a variable."""

    JAVA: ClassVar[str] = f"{BINDING}.ZipFileBinding"


@record
class JoinedBinding(Binding):
    """User and password in one variable, with a colon between."""

    JAVA: ClassVar[str] = f"{BINDING}.UsernamePasswordBinding"


@record
class UserBinding(Part):
    """User and password in two variables."""

    JAVA: ClassVar[str] = f"{BINDING}.UsernamePasswordMultiBinding"
    PLUGIN: ClassVar[str] = "credentials-binding"
    XML: ClassVar[tuple[Codec, ...]] = (
        Value("credentialsId"),
        Value("user", "usernameVariable"),
        Value("password", "passwordVariable"),
    )
    credentialsId: str = option(TEXT, "id of the credential", "", required=True)
    user: str = option(TEXT, "variable of the user's name", "", required=True)
    password: str = option(TEXT, "variable of the password", "", required=True)


@record
class KeyBinding(Part):
    """The path of an SSH key in a variable."""

    JAVA: ClassVar[str] = f"{BINDING}.SSHUserPrivateKeyBinding"
    PLUGIN: ClassVar[str] = "credentials-binding"
    XML: ClassVar[tuple[Codec, ...]] = (
        Value("credentialsId"),
        Value("keyFile", "keyFileVariable"),
        Value("user", "usernameVariable", always=False),
        Value("passphrase", "passphraseVariable", always=False),
    )
    credentialsId: str = option(TEXT, "id of the credential", "", required=True)
    keyFile: str = option(TEXT, "variable of the key's path", "", required=True)
    user: str = option(TEXT, "variable of the user's name", "")
    passphrase: str = option(TEXT, "variable of the passphrase", "")


BINDINGS = OneOf(
    {
        "text": RecordOf(TextBinding),
        "file": RecordOf(FileBinding),
        "zip": RecordOf(ZipBinding),
        "userPassword": RecordOf(UserBinding),
        "joined": RecordOf(JoinedBinding),
        "sshKey": RecordOf(KeyBinding),
        "xml": RawXml(),
    },
    "kind of binding",
)


@record
class Credentials(Part):
    """Credentials in variables, hidden in the log."""

    JAVA: ClassVar[str] = f"{BINDING}.SecretBuildWrapper"
    XML: ClassVar[tuple[Codec, ...]] = (Inside("bindings", (Items("bindings", BINDINGS),)),)
    PLUGIN: ClassVar[str] = "credentials-binding"
    bindings: tuple[Any, ...] = option(SomeOf(BINDINGS), "the credentials", (), required=True)


@record
class Timestamps(Part):
    """The time before each line of the log."""

    JAVA: ClassVar[str] = "hudson.plugins.timestamper.TimestamperBuildWrapper"
    PLUGIN: ClassVar[str] = "timestamper"


@record
class BuildTimeout(Part):
    """How long a build may take."""

    JAVA: ClassVar[str] = "hudson.plugins.build_timeout.BuildTimeoutWrapper"
    PLUGIN: ClassVar[str] = "build-timeout"
    XML: ClassVar[tuple[Codec, ...]] = (
        Inside(
            "strategy",
            (Value("minutes", "timeoutMinutes"),),
            {"class": "hudson.plugins.build_timeout.impl.AbsoluteTimeOutStrategy"},
        ),
        Inside(
            "operationList",
            (
                Inside(
                    "hudson.plugins.build__timeout.operations.FailOperation",
                    (),
                    only_if=lambda part: part.fail,
                ),
                Inside(
                    "hudson.plugins.build__timeout.operations.AbortOperation",
                    (),
                    only_if=lambda part: not part.fail,
                ),
            ),
        ),
    )
    minutes: int = option(Number(3, 100_000), "minutes; the plugin's least are 3", 3, required=True)
    fail: bool = option(FLAG, "the build fails instead of being aborted", default=False)


WRAPPERS = OneOf(
    {
        "credentials": Short(Credentials, "bindings"),
        "timestamps": RecordOf(Timestamps),
        "timeout": Short(BuildTimeout, "minutes"),
        "xml": RawXml(),
    },
    "kind of wrapper",
)
