"""The parameters of a build."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, SubElement

from podwright.errors import Problem, repeated, shown
from podwright.jobs.codec import Codec, Fixed, Raw
from podwright.jobs.oneof import FLAG, TEXT, OneOf, ScalarLines, SomeOf
from podwright.jobs.parts.raw import RawXml
from podwright.jobs.parts.rows import Row, made
from podwright.records import record
from podwright.schema import Choice, Invalid, RecordOf

PLAIN = ScalarLines()


NAME: Row = ("name", "name", TEXT, ..., "name of the variable")
ABOUT: Row = ("description", "description", TEXT, "", "shown beside the field")
TRIM: Row = ("trim", "trim", FLAG, False, "drop blanks at both ends")
UNSAID = "value when nothing is entered"


@record
class Choices(SomeOf):
    """The list of choices; a text with commas is none."""

    def parse(self, value: Any) -> tuple[Any, ...]:
        if isinstance(value, str):
            raise Invalid(f"expected a list, got {shown(value)}; write [x, y]")
        return super().parse(value)


class _Choices(Codec):
    """The list of choices, as ``Arrays.asList`` is written by XStream."""

    tag = "choices"

    def write(self, part: Any, parent: Element) -> None:
        choices = SubElement(parent, "choices", {"class": "java.util.Arrays$ArrayList"})
        array = SubElement(choices, "a", {"class": "string-array"})
        for choice in part.choices:
            SubElement(array, "string").text = choice

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        found = [item.text or "" for item in parent.iterfind("choices//string")]
        return {"choices": found}


BUILDS = Choice(words=lambda: ("ALL", "STABLE", "SUCCESSFUL", "COMPLETED"), what="filter")


def _parameter(doc: str, java: str, *rows: Row | Codec, plugin: str = "") -> RecordOf:
    return RecordOf(made(doc, java, plugin, NAME, ABOUT, *rows))


PARAMETERS = OneOf(
    {
        "string": _parameter(
            "One line of text.", "hudson.model.StringParameterDefinition",
            ("default", "defaultValue", PLAIN, "", UNSAID), TRIM,
        ),
        "text": _parameter(
            "Several lines of text.", "hudson.model.TextParameterDefinition",
            ("default", "defaultValue", TEXT, "", UNSAID), TRIM,
        ),
        "boolean": _parameter(
            "A box to tick.", "hudson.model.BooleanParameterDefinition",
            ("default", "defaultValue", FLAG, False, "ticked at first"),
        ),
        "run": _parameter(
            "A build of another job.", "hudson.model.RunParameterDefinition",
            ("job", "projectName", TEXT, ..., "full name of the job whose builds are offered"),
            ("filter", "filter", BUILDS, "ALL", "which builds are offered"),
        ),
        "file": _parameter("A file to upload.", "hudson.model.FileParameterDefinition"),
        "credentials": _parameter(
            "The id of a credential (of the credentials plugin).",
            "com.cloudbees.plugins.credentials.CredentialsParameterDefinition",
            ("default", "defaultValue", TEXT, "", "id of the credential that is offered first"),
            ("type", "credentialType", TEXT,
             "com.cloudbees.plugins.credentials.common.StandardCredentials",
             "class of credentials that are offered"),
            ("required", "required", FLAG, False, "refuse builds without one"),
            plugin="credentials",
        ),
        "choice": _parameter(
            "A list to choose from; the first is the default.",
            "hudson.model.ChoiceParameterDefinition",
            ("choices", _Choices(), Choices(PLAIN), ..., "the choices, the default first"),
        ),
        "password": _parameter(
            "A hidden text; it has no default here, because a default would be a secret in a file.",
            "hudson.model.PasswordParameterDefinition",
            Fixed("defaultValue"),
        ),
        "xml": RawXml(),
    },
    "kind of parameter",
)  # fmt: skip


def refuse_doubles(parameters: tuple[Any, ...]) -> None:
    """Refuse two parameters of one name, of which Jenkins would take one.

    Raises:
        Invalid: with the names.
    """
    names = [
        value.element().findtext("name", "") if isinstance(value, Raw) else value.name
        for value in parameters
    ]
    doubles = [name for name in repeated(names) if name]
    if doubles:
        raise Invalid(
            *(
                Problem(f"{shown(name)} is given twice; remove one", "parameters")
                for name in doubles
            )
        )
