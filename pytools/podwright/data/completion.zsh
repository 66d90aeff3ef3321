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
compdef _podwright podwright
