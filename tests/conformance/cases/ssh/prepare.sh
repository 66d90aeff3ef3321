# Makes what a repository cannot hold; runs in the context.
set -eu
ssh-keygen -q -t ed25519 -N '' -f id
