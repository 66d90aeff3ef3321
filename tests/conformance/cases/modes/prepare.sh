# Makes what a repository cannot hold; runs in the context.
set -eu
mkdir tree
for mode in 0400 0600 0640 0755 0777; do
  echo "$mode" >tree/$mode
  chmod $mode tree/$mode
done
chmod 0755 tree
