# Makes what a repository cannot hold; runs in the context.
set -eu
mkdir -p tree/empty tree/closed
chmod 0700 tree/closed
chmod 0755 tree tree/empty
