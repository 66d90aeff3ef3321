# Makes what a repository cannot hold; runs in the context.
set -eu
mkdir odd
# shellcheck disable=SC2016 # a name with a dollar sign
for name in 'with space' 'quo"te' "apos'trophe" '[brackets]' '-dash' 'ünïcode' '$dollar' 'back\slash' '#hash'; do
  printf '%s\n' "$name" >"odd/$name"
done
