"""podwright: container image builds for Jenkins on Kubernetes, by any strategy, from one step."""

# Nothing that an old interpreter could not compile: __main__ tells it that it is too old.
__version__ = "0.1.0"
