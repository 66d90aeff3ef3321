# Makes what a repository cannot hold; runs in the context.
set -eu
echo program >program
chmod 4755 program
