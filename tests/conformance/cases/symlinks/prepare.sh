# Makes what a repository cannot hold; runs in the context.
set -eu
mkdir -p tree/dir
echo file >tree/file
ln -s file tree/relative
ln -s /etc/passwd tree/absolute
ln -s missing tree/dangling
ln -s dir tree/to-dir
