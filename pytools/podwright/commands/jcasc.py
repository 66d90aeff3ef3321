"""Print Configuration as Code for podwright, from the organisation's config.

The library, the config in a variable of all agents, and with --planner an
agent that plans pods. The config is checked first.
"""

from podwright.desk.jenkins import configure as configure  # noqa: PLC0414 - the command's own
from podwright.desk.jenkins import print_alone as run  # noqa: F401 - the command's own

SUMMARY = "print Configuration as Code for a controller"
