"""The parameters of a build."""

from __future__ import annotations

from typing import Any, ClassVar
from xml.etree.ElementTree import Element, SubElement

from podwright.errors import Problem, repeated, shown
from podwright.jobs.codec import Codec, Fixed, Part, Raw, Value
from podwright.jobs.oneof import FLAG, TEXT, OneOf, Plain, SomeOf
from podwright.jobs.parts.raw import RawXml
from podwright.records import record
from podwright.schema import Choice, Invalid, RecordOf, option

PLAIN = Plain()


@record
class Parameter(Part):
    """What all parameters have."""

    name: str = option(TEXT, "name of the variable", "", required=True)
    description: str = option(TEXT, "shown beside the field", "")


BASE = (Value("name"), Value("description"))


@record
class StringParameter(Parameter):
    """One line of text."""

    JAVA: ClassVar[str] = "hudson.model.StringParameterDefinition"
    XML: ClassVar[tuple[Codec, ...]] = (*BASE, Value("default", "defaultValue"), Value("trim"))
    default: str = option(PLAIN, "value when nothing is entered", "")
    trim: bool = option(FLAG, "drop blanks at both ends", default=False)


@record
class TextParameter(Parameter):
    """Several lines of text."""

    JAVA: ClassVar[str] = "hudson.model.TextParameterDefinition"
    XML: ClassVar[tuple[Codec, ...]] = (*BASE, Value("default", "defaultValue"), Value("trim"))
    default: str = option(TEXT, "value when nothing is entered", "")
    trim: bool = option(FLAG, "drop blanks at both ends", default=False)


@record
class BooleanParameter(Parameter):
    """A box to tick."""

    JAVA: ClassVar[str] = "hudson.model.BooleanParameterDefinition"
    XML: ClassVar[tuple[Codec, ...]] = (*BASE, Value("default", "defaultValue"))
    default: bool = option(FLAG, "ticked at first", default=False)


@record
class Choices(SomeOf):
    """The list of choices; a text with commas is none."""

    def parse(self, value: Any) -> tuple[Any, ...]:
        if isinstance(value, str):
            raise Invalid(f"expected a list, got {shown(value)}; write [x, y]")
        return super().parse(value)


class _Choices(Codec):
    """The list of choices, as ``Arrays.asList`` is written by XStream."""

    def write(self, part: Any, parent: Element) -> None:
        choices = SubElement(parent, "choices", {"class": "java.util.Arrays$ArrayList"})
        array = SubElement(choices, "a", {"class": "string-array"})
        for choice in part.choices:
            SubElement(array, "string").text = choice

    def read(self, record: type, parent: Element) -> dict[str, Any]:
        del record
        found = [item.text or "" for item in parent.iterfind("choices//string")]
        return {"choices": found}

    def tags(self) -> set[str]:
        return {"choices"}


@record
class ChoiceParameter(Parameter):
    """A list to choose from; the first is the default."""

    JAVA: ClassVar[str] = "hudson.model.ChoiceParameterDefinition"
    XML: ClassVar[tuple[Codec, ...]] = (*BASE, _Choices())
    choices: tuple[str, ...] = option(
        Choices(PLAIN), "the choices, the default first", (), required=True
    )


@record
class PasswordParameter(Parameter):
    """A hidden text; it has no default here, because a default would be a secret in a file."""

    JAVA: ClassVar[str] = "hudson.model.PasswordParameterDefinition"
    XML: ClassVar[tuple[Codec, ...]] = (*BASE, Fixed("defaultValue"))


@record
class RunParameter(Parameter):
    """A build of another job."""

    JAVA: ClassVar[str] = "hudson.model.RunParameterDefinition"
    XML: ClassVar[tuple[Codec, ...]] = (*BASE, Value("job", "projectName"), Value("filter"))
    job: str = option(TEXT, "full name of the job whose builds are offered", "", required=True)
    filter: str = option(
        Choice(words=lambda: ("ALL", "STABLE", "SUCCESSFUL", "COMPLETED"), what="filter"),
        "which builds are offered",
        "ALL",
    )


@record
class FileParameter(Parameter):
    """A file to upload."""

    JAVA: ClassVar[str] = "hudson.model.FileParameterDefinition"
    XML: ClassVar[tuple[Codec, ...]] = BASE


@record
class CredentialsParameter(Parameter):
    """The id of a credential (of the credentials plugin)."""

    JAVA: ClassVar[str] = "com.cloudbees.plugins.credentials.CredentialsParameterDefinition"
    PLUGIN: ClassVar[str] = "credentials"
    XML: ClassVar[tuple[Codec, ...]] = (
        *BASE,
        Value("default", "defaultValue"),
        Value("type", "credentialType"),
        Value("required"),
    )
    default: str = option(TEXT, "id of the credential that is offered first", "")
    type: str = option(
        TEXT,
        "class of credentials that are offered",
        "com.cloudbees.plugins.credentials.common.StandardCredentials",
    )
    required: bool = option(FLAG, "refuse builds without one", default=False)


PARAMETERS = OneOf(
    {
        "string": RecordOf(StringParameter),
        "text": RecordOf(TextParameter),
        "boolean": RecordOf(BooleanParameter),
        "choice": RecordOf(ChoiceParameter),
        "password": RecordOf(PasswordParameter),
        "run": RecordOf(RunParameter),
        "file": RecordOf(FileParameter),
        "credentials": RecordOf(CredentialsParameter),
        "xml": RawXml(),
    },
    "kind of parameter",
)


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
