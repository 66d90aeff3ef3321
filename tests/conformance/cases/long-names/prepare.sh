# Makes what a repository cannot hold; runs in the context.
set -eu
rm -f Dockerfile.keep
long=$(printf 'x%.0s' $(seq 120))
mkdir -p "$long/$long"
echo deep >"$long/$long/$long"
