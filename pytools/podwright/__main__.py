"""Starts podwright; says so in one sentence when the interpreter is too old to run it."""

import gc
import sys

OLDEST = (3, 9)


def main():  # type: () -> int
    """Check the interpreter before anything that it could not even compile is imported."""
    if sys.version_info < OLDEST:
        found = ".".join(str(part) for part in sys.version_info[:3])
        sentence = (
            "this python3 is %s, podwright needs %d.%d or newer; use the default 'tools' image "
            "or name one with a newer python3 in `images: {tools: ...}`"
        ) % (found, OLDEST[0], OLDEST[1])
        sys.stderr.write("podwright: %s\n" % sentence)
        return 2
    # A command ends before its garbage is worth a look, which took a sixth of the time of a plan.
    gc.set_threshold(100000)
    try:
        from podwright import cli

        return cli.main()
    except KeyboardInterrupt:  # also while modules are loaded, which takes a moment
        sys.stderr.write("podwright: interrupted\n")
        return 130
    finally:
        gc.freeze()  # nor at its end, when everything goes


if __name__ == "__main__":
    sys.exit(main())
