# Completion of podwright for bash; made by `podwright completion bash`.
_podwright() {
  local path='' word 
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "${path:+$path }$word" in
      @paths@) path=${path:+$path }$word ;;
    esac
  done
  case $path in
@arms@
  esac
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _podwright podwright
