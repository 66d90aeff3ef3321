"""The programs of the supply chain: found on PATH, or taken out of the images that have them.

Their images have neither a shell nor `cp` (sigstore/cosign#3361), so no container of a pod could
hand the program on; but it is one static file in one layer, which a registry gives to anybody.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from podwright.distribution.client import Login
from podwright.distribution.indexing import own_image
from podwright.distribution.parameters import Registries
from podwright.distribution.repository import Manifest, Repository
from podwright.errors import PodwrightError, UsageError
from podwright.images import resolve
from podwright.references import Name, auth_key
from podwright.request import Registry

# role in images.py: the program's path in its image.
PLACES = {"syft": "syft", "grype": "grype", "cosign": "ko-app/cosign", "hadolint": "bin/hadolint"}


@contextlib.contextmanager
def programs_for(
    registries: Registries, env: Mapping[str, str], name: Name | None, login: Login
) -> Iterator[Programs]:
    """Give what runs programs, with the login for one registry, and remove that login afterwards.

    Args:
        registries: where the images of programs are.
        env: PATH, HOME, and what else programs may need.
        name: the image that they work on; None for none.
        login: for its registry.
    """
    # Logins are in memory when they can.
    memory = Path("/dev/shm")  # noqa: S108 - with a directory of our own
    with tempfile.TemporaryDirectory(
        prefix="podwright.", dir=memory if memory.is_dir() else None
    ) as folder:
        host = name.registry if name else ""
        entry = {"auth": login.basic.partition(" ")[2], "identitytoken": login.identity}
        known = {key: item for key, item in entry.items() if item}
        auths = {auth_key(host): known} if known else {}
        Path(folder, "config.json").write_text(json.dumps({"auths": auths}), encoding="utf-8")
        setting = registries.settings.get(host)
        if setting and setting.ca:
            Path(folder, "ca.pem").write_text(setting.ca, encoding="utf-8")
        yield Programs(registries, env, setting, Path(folder))


class Programs:
    """Runs programs; see :func:`programs_for`.

    Attributes:
        env: their environment.
        setting: of the registry that they work on; None for none.
        folder: a directory for files of this run.
    """

    def __init__(
        self, registries: Registries, env: Mapping[str, str], setting: Registry | None, folder: Path
    ) -> None:
        self.registries = registries
        self.env = env
        self.setting = setting
        self.folder = folder

    @property
    def authority(self) -> str:
        """Give the file with the registry's own authority; '' for none."""
        return str(self.folder / "ca.pem") if self.setting and self.setting.ca else ""

    def run(self, name: str, words: Sequence[str], **env: str) -> str:
        """Run a program; gives what it printed.

        Raises:
            PodwrightError: it failed, with its last words.
        """
        done = subprocess.run(
            [self._path(name), *words],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**self.env, "DOCKER_CONFIG": str(self.folder), **env},
        )
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            last = (said or ["it said nothing"])[-1].strip()
            words_of = re.sub(r"^\[[0-9]+\] +ERROR +", "", last)[:500]
            raise PodwrightError(f"{name} {words[0]} failed: {words_of}")
        return done.stdout

    def _path(self, name: str) -> str:
        """Give the program's path: one that is installed, else one that was fetched."""
        found = shutil.which(name, path=self.env.get("PATH", os.defpath))
        return found or str(self._fetched(name))

    def _fetched(self, name: str) -> Path:
        reference = resolve(self.registries.images)[name]
        try:
            repository, image = self.registries.image(reference)
            image = own_image(repository, image)
        except PodwrightError as error:
            raise PodwrightError(
                f"'{name}' is not installed here, and its image cannot be read: {error}; install "
                f"it, or name a mirror: images: {{{name}: ...}} in the organisation's config"
            ) from None
        place = _cache(self.env) / f"{name}-{image.digest[7:19]}"
        if not place.exists():
            _extract(repository, image, PLACES[name], place)
        return place


def _cache(env: Mapping[str, str]) -> Path:
    """Give where fetched programs stay; the directory is made."""
    wishes = [env.get("XDG_CACHE_HOME", ""), env.get("HOME", "") and f"{env['HOME']}/.cache"]
    for wish in [*wishes, f"{tempfile.gettempdir()}/podwright-{os.getuid()}"]:
        try:
            folder = Path(wish, "podwright", "programs")
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            continue
        if wish and folder.stat().st_uid == os.getuid():
            return folder
    raise UsageError("there is no place for programs; set XDG_CACHE_HOME to a folder of yours")


def _extract(repository: Repository, image: Manifest, member: str, place: Path) -> None:
    """Take one file out of the layers, the last one first; it appears whole or not at all."""
    for layer in reversed(image.value.get("layers") or []):
        with tempfile.TemporaryFile() as packed:
            repository.client.patiently(lambda: _download(repository, layer, packed))  # noqa: B023
            with tarfile.open(fileobj=packed, mode="r:*") as archive:
                found = next((m for m in archive if m.name.lstrip("./") == member), None)
                content = archive.extractfile(found) if found else None
                if content:
                    _keep(content, place)
                    return
    raise PodwrightError(f"{repository}@{image.digest} has no /{member}; name another image")


def _download(repository: Repository, layer: dict[str, Any], target: IO[bytes]) -> None:
    target.seek(0)
    for chunk in repository.read_blob(layer["digest"], int(layer["size"])):
        target.write(chunk)
    target.truncate()
    target.seek(0)


def _keep(content: IO[bytes], place: Path) -> None:
    partial = place.with_suffix(f".{os.getpid()}")
    with partial.open("wb") as file:
        shutil.copyfileobj(content, file)
    partial.chmod(0o700)
    partial.replace(place)
