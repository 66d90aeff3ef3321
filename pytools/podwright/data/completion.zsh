#compdef podwright
# Completion of podwright for zsh; made by `podwright completion zsh`.
_podwright() {
  local where='' word
  local -a choices
  for word in "${(@)words[2,CURRENT-1]}"; do
    case "${where:+$where }$word" in
      @paths@) where=${where:+$where }$word ;;
    esac
  done
  case $where in
@arms@
  esac
  _describe podwright choices || _files
}
# In a folder of $fpath this file is the function itself, at its first call.
if [[ ${funcstack[1]} == _podwright ]]; then
  _podwright "$@"
else
  compdef _podwright podwright
fi
