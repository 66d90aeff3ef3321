# Makes what a repository cannot hold; runs in the context.
set -eu
mkdir in
echo x >in/x
chmod 0755 in
chmod 0640 in/x
tar --sort=name --mtime=@0 --owner=11 --group=22 --numeric-owner -cf - in | gzip -n >archive.tar.gz
rm -r in
