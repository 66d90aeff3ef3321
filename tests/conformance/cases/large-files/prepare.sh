# Makes what a repository cannot hold; runs in the context.
set -eu
seq 1000000 >large
