"""Makes a bundle compile each of its modules once.

Bundles hold sources, for any Python. Its zipimport compiles one to tell where its file is, and once
more to run it (Lib/zipimport.py, ``get_filename`` and ``get_code``): a third of a bundle's time.
"""

# As __main__, nothing that an old interpreter could not compile.
import sys
from zipimport import zipimporter


class Importer(zipimporter):
    """Tells where a module's file is by its name alone."""

    def get_filename(self, fullname):  # type: (str) -> str
        """Give the place of a source inside the bundle."""
        end = "/__init__.py" if self.is_package(fullname) else ".py"
        return self.archive + "/" + self.prefix + fullname.rpartition(".")[2] + end


def compile_once():  # type: () -> None
    """Import what comes from now on by :class:`Importer`."""
    hooks = sys.path_hooks
    hooks[:] = [Importer if hook is zipimporter else hook for hook in hooks]
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimporter):
            del sys.path_importer_cache[path]
