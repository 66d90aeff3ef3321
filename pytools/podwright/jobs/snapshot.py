"""What a controller has, as far as one ``tree`` query tells it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from podwright.jobs import marker, names

if TYPE_CHECKING:
    from podwright.jobs.client import Controller

FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"
# Up to so many top folders are asked one by one; more, and the whole controller is asked at once.
FEW = 3
# Levels that are added when a managed folder is found where the answer ends.
MORE = 2


@dataclass(frozen=True)
class Found:
    """One item on the controller.

    Attributes:
        name: its full name, as the controller writes it.
        java: its class.
        marker: who claims it, and what was written last.
        view: whether it is a view.
        before: its name as long as renames above it are not done; empty when that is its name.
    """

    name: str
    java: str
    marker: marker.Marker | None
    view: bool = False
    before: str = ""

    @property
    def key(self) -> tuple[bool, str]:
        """Tell views from jobs, which may have the same name."""
        return (self.view, self.name)

    @property
    def real(self) -> str:
        """Its name at this moment."""
        return self.before or self.name

    @property
    def is_folder(self) -> bool:
        """Whether it is a plain folder, whose content is not made by itself."""
        return self.java == FOLDER


@dataclass
class Snapshot:
    """All items that were seen, by kind and name.

    Names of jobs that differ only in case are one name at the top of Jenkins and in older folders,
    and two in newer ones; names of views are always two.
    """

    items: dict[tuple[bool, str], Found] = field(default_factory=dict)
    _folded: dict[str, list[Found]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Index the names of jobs without case."""
        for found in self.items.values():
            if not found.view:
                self._folded.setdefault(found.name.lower(), []).append(found)

    def get(self, key: tuple[bool, str]) -> Found | None:
        """Find an item; a job also by a name that differs in case."""
        found = self.items.get(key)
        if found is None and not key[0]:
            return next(iter(self._folded.get(key[1].lower(), ())), None)
        return found

    def below(self, folder: str) -> list[Found]:
        """List what stands in a folder, at any depth that was seen."""
        start = folder + "/"
        return [item for (_, name), item in self.items.items() if name.startswith(start)]

    def move(self, moved: Found, new: str) -> None:
        """Give a job or folder, and what it holds, another name."""
        old = moved.name
        for found in [moved, *(self.below(old) if moved.is_folder else ())]:
            item = replace(found, name=new + found.name[len(old) :], before=found.real)
            del self.items[found.key]
            self.items[item.key] = item
            if not found.view:
                self._folded[found.name.lower()].remove(found)
                self._folded.setdefault(item.name.lower(), []).append(item)


def query(depth: int) -> str:
    """Write the ``tree`` parameter for some levels of folders."""
    inner = ""
    for _ in range(depth):
        inner = f",views[name,description],jobs[name,_class,description{inner}]"
    return inner[1:]


def take(
    controller: Controller,
    wanted: Iterable[str],
    managed: Iterable[str],
    *,
    top_views: bool = False,
    everything: bool = False,
) -> Snapshot:
    """Ask the controller what it has.

    Args:
        controller: answers tree queries.
        wanted: full names of everything described, and the names that it had before.
        managed: folders in which removal is allowed, and folders that are renamed: all that they
            hold is seen.
        top_views: whether views at the top are described.
        everything: ask for all that there is.
    """
    described, folders = list(wanted), {folder.strip("/") for folder in managed}
    depth = max((name.count("/") + 1 for name in described), default=1)
    roots = {names.segments(name)[0] for name in (*described, *filter(None, folders))}
    single = len(roots) <= FEW and not top_views and "" not in folders and not everything
    while True:
        found = _ask_levels(controller, sorted(roots) if single else [], depth)
        # Folders that were seen without what they hold.
        cut_off = (
            item
            for item in found.items.values()
            if item.is_folder and item.name.count("/") + 1 >= depth
        )
        if not any(everything or _matters(item, folders) for item in cut_off):
            return found
        depth += MORE


def _ask_levels(controller: Controller, roots: list[str], depth: int) -> Snapshot:
    """Ask for some levels: of the top folders that are named, or of everything."""
    if not roots:
        every = _items_below(controller.tree(query(depth)), "")
    else:
        every = (item for root in roots for item in _one_top(controller, root, depth))
    return Snapshot({item.key: item for item in every})


def _matters(item: Found, whole: set[str]) -> bool:
    """Say whether it has to be known what a folder holds."""
    return item.marker is not None or not whole.isdisjoint([item.name, *names.parents(item.name)])


def _one_top(controller: Controller, name: str, depth: int) -> Iterator[Found]:
    """Ask for one item at the top with everything in it."""
    below = query(depth - 1)
    fields = "name,_class,description" + (f",{below}" if below else "")
    data = controller.tree(fields, name)
    yield from _item_and_below(data, "", data.get("name") or name) if data else ()


def _items_below(data: dict[str, Any], above: str) -> Iterator[Found]:
    for view in data.get("views") or []:
        if view.get("name"):
            yield Found(
                _full_name(above, view["name"]),
                view.get("_class", ""),
                marker.find(view.get("description")),
                view=True,
            )
    for job in data.get("jobs") or []:
        if job.get("name"):
            yield from _item_and_below(job, above, job["name"])


def _item_and_below(job: dict[str, Any], above: str, name: str) -> Iterator[Found]:
    full = _full_name(above, name)
    found = Found(full, job.get("_class", ""), marker.find(job.get("description")))
    yield found
    # What a multibranch project or an organization holds is made by itself, hence nobody's.
    if found.is_folder:
        yield from _items_below(job, full)


def _full_name(above: str, name: str) -> str:
    return f"{above}/{name}" if above else name
