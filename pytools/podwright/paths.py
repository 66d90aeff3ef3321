"""Paths inside pods that more than one file names."""

# Where the text files of a pod are mounted into its sidecars.
FILES_DIR = "/etc/podwright"
# Where the builder's container asks the planner; listen.py and the Groovy bridge name it as well.
RUN_DIR = "/run/podwright"
# Is there when the engine that the pod waits for has answered.
ANSWERS = f"{RUN_DIR}/answers"
# Where an engine beside the builder has its socket.
ENGINE_DIR = "/run/podwright-engine"
# Logins of builders whose RUN steps see /dev.
KEYS_DIR = "/run/podwright-keys"
# Where the planner finds Kubernetes secrets with docker logins, by their names.
SECRETS_DIR = "/run/podwright-secrets"
# The certificates with which a builder reaches the daemons of a pool.
POOL_DIR = "/run/podwright-pool"
# Certificates that a builder shows to registries, by host, where it has no place of its own.
CLIENTS_DIR = "/run/podwright-clients"
