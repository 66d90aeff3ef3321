# What every build script begins with. POSIX sh: it runs in busybox (kaniko), dash and bash alike.
# Set before it: PW_JOB (directory to remove at the end, may be empty), PW_STRATEGY (its name),
# PW_RETRIES, PW_TIMEOUT (seconds, 0 for never). Result: one JSON object on file descriptor 3; all talk on the log. With a
# PW_JOB that descriptor is Jenkins': a failure is an answer as well, {"error": "sentence"}, and the
# script ends with 0, because the exception of a `sh` that fails says its exit code and nothing else.
set -u
{ true >&3; } 2>/dev/null || exec 3>&1
exec 1>&2

pw_say() {
  [ -e "$PW_TMP/pulse" ] && rm -f "$PW_TMP/pulse" && echo # the line of pw_beat's pulse ends here
  printf '[podwright] %s\n' "$*"
}

pw_fail() { # exit code, sentence
  pw_code=$1
  shift
  pw_say "ERROR: $*"
  case $PW_JOB:$pw_code in
    :* | *:129 | *:130 | *:141 | *:143) exit "$pw_code" ;; # who has ended it knows why
  esac
  pw_told=$(printf '%s' "$*" | tr '\n\t' '  ' | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')
  printf '{"error":"%s"%s}\n' "$pw_told" "${pw_failure:+,\"failure\":$pw_failure}" >&3
  pw_answered=yes
  exit "$pw_code"
}

# Credentials live in memory when they can, never on the workspace's volume, and never where RUN steps
# look: chroot isolation shows them all of /dev (PW_HIDE). PODWRIGHT_KEYS is the pod's own place.
pw_temporary() {
  case ${PW_HIDE:-} in
    yes) set -- "${PODWRIGHT_KEYS:-}" "${XDG_RUNTIME_DIR:-}" /run ;;
    *) set -- /dev/shm ;;
  esac
  for pw_place in "$@" "${TMPDIR:-/tmp}"; do
    [ -n "$pw_place" ] || continue
    pw_sweep "$pw_place"
    mktemp -d "$pw_place/podwright.$$.XXXXXX" 2>/dev/null && return 0
  done
  return 1
}

# A script that was killed could not remove its logins: the next one does.
pw_sweep() { # directory
  for pw_old in "$1"/podwright.*.* "$1"/podwright-work.*.*; do
    pw_owner=${pw_old##*/} pw_owner=${pw_owner#*.} pw_owner=${pw_owner%%.*}
    [ -d "$pw_old" ] && [ -O "$pw_old" ] && ! pw_alive "$pw_owner" && rm -rf "$pw_old"
  done
}

# A process that has ended and that nobody waits for is there no more, whatever `kill -0` says.
pw_alive() { # process id
  kill -0 "$1" 2>/dev/null && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

# A step has a session of its own where `setsid` is there: what it leaves when it is killed is found by
# that, although its parent is gone.
pw_session=
command -v setsid >/dev/null 2>&1 && pw_session=setsid

pw_pids() { # ids of all processes of the step $1, deepest first; one pass over /proc, no ps needed
  pw_table='' pw_found='' pw_parents=$1
  for pw_stat in /proc/[0-9]*/stat; do
    { read -r pw_line <"$pw_stat"; } 2>/dev/null || continue
    # Behind the name, which may hold anything: state, parent, group, session.
    pw_rest=${pw_line##*) } pw_pid=${pw_line%% *}
    pw_rest=${pw_rest#* } pw_up=${pw_rest%% *}
    pw_rest=${pw_rest#* } pw_rest=${pw_rest#* }
    pw_table="$pw_table $pw_pid:$pw_up"
    [ "${pw_rest%% *}" = "$1" ] && [ "$pw_pid" != "$1" ] && pw_parents="$pw_parents $pw_pid"
  done
  pw_found=${pw_parents#"$1"}
  while [ -n "$pw_parents" ]; do
    pw_next=
    for pw_pair in $pw_table; do
      case " $pw_parents " in *" ${pw_pair#*:} "*) pw_next="$pw_next ${pw_pair%%:*}" ;; esac
    done
    pw_found="$pw_next $pw_found" pw_parents=$pw_next
  done
  echo "$pw_found"
}

# Ends what the running step started: politely, then after ten seconds for good.
pw_stop() {
  pw_child=$(cat "$PW_TMP/pid" 2>/dev/null) || return 0
  [ -n "$pw_child" ] || return 0
  pw_family="$(pw_pids "$pw_child") $pw_child"
  # shellcheck disable=SC2086 # a list of numbers
  kill -TERM $pw_family 2>/dev/null
  pw_left=100
  while [ "$pw_left" -gt 0 ] && kill -0 "$pw_child" 2>/dev/null; do
    pw_nap
    pw_left=$((pw_left - 1))
  done
  # shellcheck disable=SC2046,SC2086
  kill -KILL $(pw_pids "$pw_child") $pw_family 2>/dev/null
  # Its last words come before ours.
  while [ "$pw_left" -gt 0 ] && [ -n "${pw_tee:-}" ] && kill -0 "$pw_tee" 2>/dev/null; do
    pw_nap
    pw_left=$((pw_left - 1))
  done
  rm -f "$PW_TMP/pid"
}

pw_nap() { sleep 0.1 2>/dev/null || sleep 1; } # not every sleep knows fractions

# shellcheck disable=SC2317 # a strategy may define its own instead
pw_cleanup() { :; }

pw_end() {
  pw_status=$?
  trap '' TERM INT HUP PIPE
  trap - EXIT
  [ -n "$pw_beat_pid" ] && kill "$pw_beat_pid" 2>/dev/null
  pw_stop
  pw_cleanup
  pw_note
  rm -rf "$PW_TMP" "$PW_LOG" "${pw_bin:-$PW_TMP}" "${pw_room:-$PW_TMP}" "${pw_kept:-$PW_TMP}"
  [ -n "$PW_JOB" ] && rm -rf "$PW_JOB" "$PW_JOB".*
  [ -z "$pw_answered" ] || exit 0
  exit "$pw_status"
}

pw_signal() { # exit code, sentence
  trap '' TERM INT HUP PIPE
  pw_stop
  if [ -e "$PW_TMP/timeout" ]; then
    pw_fail 124 "the build took longer than its timeout of $PW_TIMEOUT s; raise 'timeout' or look above for what it waited for"
  fi
  pw_fail "$1" "$2"
}

# Says what a silent step is at, every half a minute. In Jenkins there is a space every second as
# well: it keeps the polling of the log at its fastest (which backs off to 15 s otherwise), so that the
# end of a quiet build is noticed at once.
pw_beat() {
  # A shell handles a signal only after its foreground command, so the pause is a background one:
  # else whoever reads the log would wait up to a second for its end.
  pw_nap=
  trap 'kill $pw_nap 2>/dev/null; exit 0' TERM
  pw_last=-1 pw_spent=0 pw_silent=0
  while :; do
    sleep 1 >/dev/null 2>&1 &
    pw_nap=$!
    wait "$pw_nap"
    # The script was killed: nobody else is left to end its step and to remove its logins.
    if ! pw_alive "$$"; then
      pw_beat_pid=''
      (exit 137)
      pw_end
    fi
    pw_spent=$((pw_spent + 1)) pw_silent=$((pw_silent + 1))
    if [ "$PW_TIMEOUT" -gt 0 ] && [ "$pw_spent" -ge "$PW_TIMEOUT" ]; then
      : >"$PW_TMP/timeout"
      kill -TERM "$$"
      return
    fi
    pw_renew
    pw_size=$(wc -c 2>/dev/null <"$PW_LOG") || return
    if [ "$pw_size" != "$pw_last" ]; then
      pw_silent=0
      rm -f "$PW_TMP/pulse"
    elif [ "$((pw_silent % 30))" = 0 ]; then
      pw_say "still in $(pw_where) ($(pw_time "$pw_silent"))"
    elif [ -n "$PW_JOB" ]; then
      printf ' '
      # A few spaces may stand before the next line; many would push it out of sight.
      [ "$pw_silent" -lt 10 ] || : >"$PW_TMP/pulse"
    fi
    pw_last=$pw_size
  done
}

pw_time() { # seconds
  [ "$1" -lt 60 ] || printf '%s min' "$(($1 / 60))"
  [ "$1" -ge 60 ] && [ "$(($1 % 60))" -gt 0 ] && printf ' '
  [ "$1" -ge 60 ] && [ "$(($1 % 60))" = 0 ] || printf '%s s' "$(($1 % 60))"
}

# The step of the Dockerfile that the builder told last, in the words of BuildKit, Buildah, the classic
# builder and kaniko; before the first one podwright's own step.
pw_where() {
  pw_place=$(tr -d '\000\r' <"$PW_LOG" | LC_ALL=C grep -E "$PW_PLACES" | tail -n 1 | cut -c1-100)
  printf '%s' "${pw_place:-$(cat "$PW_TMP/title" 2>/dev/null)}"
}
PW_PLACES='^(\[[0-9/]+\] )?(STEP|Step) [0-9]+|^#[0-9]+ (\[.*[0-9]\]|exporting|pushing) |(msg="|\] )RUN '

# Notes the steps of an image for a report, with their times and that one failed; nothing else of the
# log, which may hold what Jenkins hides.
pw_note() { # a line more
  [ -n "${PW_STEPS:-}" ] && [ -s "$PW_LOG" ] || return 0
  tr -d '\000\r' <"$PW_LOG" | LC_ALL=C sed -nE "\%$PW_NOTED%p; s%$PW_BROKE%\1\3%p" >>"$PW_STEPS"
  printf '%s\n' "${1:-}" >>"$PW_STEPS"
  : >"$PW_LOG"
}
PW_BROKE='^(#[0-9]+ ERROR|Error: building at STEP|(COPY|ADD) failed|error building image: error building stage: failed to execute command).*|^The command .*( returned a non-zero code).*'
PW_NOTED='^(\[[0-9/]+\] )?(STEP|Step) [0-9]+/|^#[0-9]+ (\[.*[0-9]\] |CACHED|DONE )|(msg="|\] )(RUN|COPY|ADD|WORKDIR|FROM) |Using cach'

# awk that reads line by line: mawk waits for a block of its input, unless it is told. Without any
# awk all lines are shown.
# shellcheck disable=SC2317 # for strategies
pw_awk() { # program and options
  command -v awk >/dev/null 2>&1 || { cat && return; }
  if [ "$(awk -W interactive 'BEGIN { print "yes" }' </dev/null 2>&1)" = yes ]; then
    LC_ALL=C awk -W interactive "$@"
  else
    LC_ALL=C awk "$@"
  fi
}

# What of a builder's output reaches the log; all of it is kept.
# shellcheck disable=SC2317 # a strategy may define its own instead
pw_show() { cat; }

# Runs a command: its output is shown and kept, its process id is known to pw_stop.
pw_run() {
  rm -f "$PW_TMP/status"
  {
    # shellcheck disable=SC2016 # the inner shell expands it
    $pw_session sh -c 'echo "$$" >"$0"; exec "$@"' "$PW_TMP/pid" "$@" </dev/null 2>&1 3>&-
    pw_ended=$?
    # A builder that is killed leaves its steps running; they would hold this pipe open as well.
    # shellcheck disable=SC2046 # a list of numbers
    [ "$pw_ended" = 0 ] || kill -KILL $(pw_pids "$(cat "$PW_TMP/pid")") 2>/dev/null
    echo "$pw_ended" >"$PW_TMP/status"
  } | tee -a "$PW_LOG" 3>&- | pw_show 3>&- &
  pw_tee=$!
  wait "$pw_tee"
  rm -f "$PW_TMP/pid"
  pw_result=$(cat "$PW_TMP/status" 2>/dev/null)
  return "${pw_result:-1}" # a full disk leaves it empty
}

pw_said() { tail -c "+$((pw_mark + 1))" "$PW_LOG" 2>/dev/null; } # output of the current try

PW_FINAL='unauthorized|authentication required|access to the resource is denied|forbidden|denied:|no basic auth|(status|code)[ :=]*40[13]|[: ]40[13] '
PW_TRANSIENT='(^|[^0-9a-f])(429|50[0234])([^0-9a-f]|$)|too ?many ?requests|internal server error|bad gateway|service unavailable|gateway time-?out|connection (reset|refused|timed out)|reset by peer|broken pipe|unexpected eof|[^a-z]eof$|i/o timeout|handshake timeout|timeout awaiting|temporary failure in name resolution|server misbehaving|no route to host|use of closed network connection|stream error|blob upload (unknown|invalid)'
# A RUN step's own trouble is the user's: while building, its failure is final (the words of BuildKit,
# Buildah and the classic builder), and only what names a registry's work counts.
# A cache that cannot be read or written costs time, never the build: in the words of BuildKit, docker,
# Buildah, Podman and kaniko.
PW_CACHE='cache|blob|manifest'
PW_RUN='did not complete successfully|while running runtime|returned a non-zero code|building at step "run|executor failed running'
# The kernel lets nobody seal the copy of itself that a builder starts a RUN step with, for as long as
# pages of it are in use (fcntl(2), F_SEAL_WRITE; it waits 150 ms), in the words of Buildah and runc.
PW_UNSEALED='sealing memfd copy: device or resource busy|could not seal fd: .*device or resource busy'
PW_PULLING='pull|copying|manifest|blob|fetch|resolve|pinging|registry|httpreadseeker|initializing source|load metadata'

pw_transient() { # kind of step: build or push
  [ "$1" = none ] && return 1
  pw_tail=$(pw_said | tail -n 15)
  printf '%s\n' "$pw_tail" | grep -Eiq "$PW_UNSEALED" && return 0
  # An engine whose first request met an outage knows of no password when it comes back to it (after
  # five seconds or more); a wrong password is told at once.
  [ "$1" = push ] && [ "$(($(date +%s) - pw_tried))" -ge 5 ] &&
    printf '%s\n' "$pw_tail" | tail -n 1 | grep -q '^unauthorized: authentication required' && return 0
  printf '%s\n' "$pw_tail" | grep -Eiq "$PW_FINAL" && return 1
  if [ "$1" = build ]; then
    printf '%s\n' "$pw_tail" | grep -Eiq "$PW_RUN" && return 1
    printf '%s\n' "$pw_tail" | grep -Ei "$PW_TRANSIENT" | grep -Eiq "$PW_PULLING"
  else
    printf '%s\n' "$pw_tail" | grep -Eiq "$PW_TRANSIENT"
  fi
}

# A step of the Dockerfile that the kernel has killed, in the words of all builders.
PW_KILLED='signal: killed|exit (code|status):? 137|status 137|returned a non-zero code: 137'

# Has the planner say what the builder's words mean: it answers a sentence in pw_why, what programs
# want to know in pw_failure, and further causes, which are told here.
pw_explain() { # how the step ended
  pw_why='' pw_failure='' pw_home=${PW_JOB:-$PW_TMP}
  rm -f "$pw_home/answered"
  if printf '%s\n' "$pw_kind" "$pw_title" "$1" "$PW_LOG" "$pw_mark" "${PW_CONTEXT:-}" 2>/dev/null >"$pw_home/failed" &&
    pw_ask "$pw_home"; then
    pw_why=$(cat "$pw_home/why" 2>/dev/null)
    pw_failure=$(cat "$pw_home/failure.json" 2>/dev/null)
    while read -r pw_line; do
      pw_say "$pw_line"
    done 2>/dev/null <"$pw_home/also"
  fi
  [ -n "$pw_why" ] || pw_why="$pw_title: $1$(pw_reason)"
}

# The sum is from the library; what ran since could have changed the bundle.
pw_is_ours() { # bundle
  [ ! -s "$PW_JOB/bundle" ] || ! command -v sha256sum >/dev/null 2>&1 ||
    [ "$(sha256sum <"$1" | cut -c1-64)" = "$(cat "$PW_JOB/bundle")" ]
}

# The planner is where it was when it made this script: behind its FIFO, in this container, or on the
# machine that runs it (PW_PLANNER). A failed build must not wait long for it.
pw_ask() { # directory, how many tenths of a second to wait
  pw_fifo=${PODWRIGHT_PLANNER_FIFO:-/run/podwright/ask} pw_asked=
  if [ -n "${PW_PLANNER:-}" ]; then
    eval "$PW_PLANNER answer \"\$1\"" </dev/null >/dev/null 2>&1 3>&-
  elif [ -p "$pw_fifo" ]; then
    printf '%s\n' "$1" >"$pw_fifo" 3>&- & # opening it waits for its reader
    pw_asked=$!
  elif pw_bundle=${PW_JOB%/*}/podwright.pyz && [ -e "$pw_bundle" ] && pw_is_ours "$pw_bundle" &&
    command -v python3 >/dev/null 2>&1; then
    python3 -I "$pw_bundle" answer "$1" </dev/null >/dev/null 2>&1 3>&-
  else
    return 1
  fi
  pw_patience=${2:-50}0
  while [ -n "$pw_asked" ] && [ ! -e "$1/answered" ] && [ "$pw_patience" -gt 0 ]; do
    sleep 0.01 2>/dev/null || sleep 1
    pw_patience=$((pw_patience - 1))
  done
  [ -z "$pw_asked" ] || kill "$pw_asked" 2>/dev/null
  [ -e "$1/answered" ]
}

# What stands behind "failed with exit code 1" where nobody explains it. Out of the last lines of the
# builder that is the last one which begins as an error does, else the last one that sounds like one,
# else the last one.
pw_reason() {
  pw_said | tail -n 60 | tr '\r' '\n' | tr -d '\000' | sed "s/$(printf '\033')\\[[0-9;]*[A-Za-z]//g" | grep '[^[:space:]]' >"$PW_TMP/said"
  for pw_sounds in '^(error|fatal)' 'error|fail|denied|unauthorized|not found|no such|cannot|refused' .; do
    pw_why=$(LC_ALL=C grep -Ei "$pw_sounds" "$PW_TMP/said" | tail -n 1 | cut -c1-500)
    [ -z "$pw_why" ] || break
  done
  printf '%s' "${pw_why:+: }${pw_why:-; it said nothing}"
}

# Waits in a way that an abort ends at once, and that pw_stop finds.
pw_sleep() { # seconds
  sleep "$1" >/dev/null 2>&1 3>&- &
  echo "$!" >"$PW_TMP/pid"
  wait "$!"
  rm -f "$PW_TMP/pid"
}

# Runs one step of a build; a transient failure, most often a registry's, is tried again after 1, 2, 4, 8, 16...
# seconds and a little more (so that many builds do not come back at the same moment), at most
# PW_RETRIES times, and within two minutes of the first failure: a push after an hour's build counts
# from when it failed, not from when the build began.
pw_step() { # kind, title, command...
  pw_kind=$1 pw_title=$2
  shift 2
  pw_try=0 pw_pause=1 pw_until=
  while :; do
    pw_say "$pw_title"
    printf '%s' "$pw_title" >"$PW_TMP/title"
    pw_mark=$(wc -c <"$PW_LOG")
    [ "$pw_kind" = push ] && pw_tried=$(date +%s) && pw_pushing=${pw_pushing:-$pw_tried}
    pw_run "$@" && return 0
    pw_code=$?
    pw_suffices && return 0
    pw_elsewhere && continue
    pw_until=${pw_until:-$(($(date +%s) + 120))}
    if [ "$pw_try" -ge "$PW_RETRIES" ] || [ "$(date +%s)" -ge "$pw_until" ] || ! pw_transient "$pw_kind"; then
      break
    fi
    pw_try=$((pw_try + 1))
    pw_wait=$((pw_pause + $$ % 2))
    pw_say "that looks transient; try $pw_try of $PW_RETRIES in $pw_wait s"
    pw_sleep "$pw_wait"
    pw_pause=$((pw_pause * 2))
    [ "$pw_pause" -le 30 ] || pw_pause=30
  done
  if [ "$pw_kind" != push ] && pw_without_cache "$@"; then
    return 0
  fi
  for pw_program in "$@"; do
    case $pw_program in env | *=*) ;; *) break ;; esac
  done
  pw_ended="failed with exit code $pw_code"
  pw_said | grep -Eq "$PW_KILLED" && pw_code=137
  # A RUN step's own 126 or 127 comes through some builders.
  case $pw_code:$(command -v "$pw_program" 2>/dev/null) in 126:/* | 127:/*) pw_code=1 ;; esac
  case $pw_code in
    137)
      pw_explain "$pw_ended"
      # The builder itself was killed: then its log does not know why.
      case $pw_failure in
        *'"layer": "'[a-z]*) ;;
        *) pw_why="$pw_title: was killed from outside, by the memory limit most of the time; raise the limit of the container or look at the pod's events" pw_failure='' ;;
      esac
      pw_fail 137 "$pw_why"
      ;;
    126 | 127) pw_fail "$pw_code" "$pw_title: '$pw_program' cannot be run here; install it, or name another builder; in a pod, check 'images' of the organisation's config" ;;
  esac
  pw_explain "$pw_ended"
  # The builder's own number is told, but not passed on: 2 and 3 have a meaning here.
  pw_fail 1 "$pw_why"
}

# shellcheck disable=SC2317 # a strategy may have other places to build in
pw_elsewhere() { return 1; }

# shellcheck disable=SC2317 # a strategy may go on with what a step did before it failed
pw_suffices() { return 1; }

# Builds once more without what names a cache, when that is why it failed. Sets pw_code.
pw_without_cache() { # command...
  pw_words=$# pw_dropped=
  while [ "$pw_words" -gt 0 ]; do
    case $1 in
      --cache[-=]* | --import-cache=* | --export-cache=* | --no-push-cache) pw_dropped=yes ;;
      *) set -- "$@" "$1" ;;
    esac
    shift
    pw_words=$((pw_words - 1))
  done
  pw_tail=$(pw_said | tail -n 15)
  [ -n "$pw_dropped" ] && printf '%s\n' "$pw_tail" | grep -Eiq "$PW_CACHE" || return 1
  printf '%s\n' "$pw_tail" | grep -Eiq "$PW_RUN" && return 1
  pw_say "the cache cannot be used (see above); building without it"
  pw_mark=$(wc -c <"$PW_LOG")
  pw_run "$@" && return 0
  pw_code=$?
  pw_suffices
}

pw_need() { # environment variable, what needs it
  eval "[ -n \"\${$1+x}\" ]" ||
    pw_fail 2 "$2: the environment variable $1 is not set; set it, or name a credential"
}

# Begins the logins of one use (pull, push or all): $PW_TMP/<use>/config.json. What user and password
# give is written here; the rest, and what the builder would find by itself, is the planner's work. What
# it works with lies in memory, where it can be: beside its FIFO.
pw_open_logins() { # use
  pw_logout "$1"
  mkdir -m 0700 "$PW_TMP/$1"
  pw_auths='' pw_room=''
}

pw_open_room() {
  pw_room=$PW_TMP/room
  pw_fifo=${PODWRIGHT_PLANNER_FIFO:-/run/podwright/ask}
  if [ -p "$pw_fifo" ] && [ -z "${PW_PLANNER:-}" ]; then
    pw_sweep "${pw_fifo%/*}"
    pw_room=$(mktemp -d "${pw_fifo%/*}/podwright.$$.XXXXXX" 2>/dev/null) || pw_room=$PW_TMP/room
  fi
  mkdir -p "$pw_room"
}

# Adds a login. Base64 needs no quoting in JSON, whatever the password has in it, and printf is a
# builtin: nothing shows in the list of processes.
pw_login() { # use, key of the registry, prefix of the variables (of a token: its variable, its user)
  pw_user=${4-} pw_password=''
  if [ -n "$pw_user" ]; then
    eval "pw_password=\${$3-}"
  else
    eval "pw_user=\${$3_USR-} pw_password=\${$3_PSW-}"
  fi
  pw_auth=$(printf '%s:%s' "$pw_user" "$pw_password" | base64 | tr -d '\n')
  pw_auths="$pw_auths${pw_auths:+,}\"$2\":{\"auth\":\"$pw_auth\"}" pw_mask=$(umask)
  umask 077
  printf '{"auths":{%s}}\n' "$pw_auths" >"$PW_TMP/$1/config.json"
  umask "$pw_mask"
}

pw_login_file() { # number of the credential, variable with the path of its file
  pw_path=''
  eval "pw_path=\${$2-}"
  [ -n "$pw_room" ] || pw_open_room
  cat "$pw_path" >"$pw_room/file.$1" 2>/dev/null ||
    pw_fail 2 "credentials[$1]: its file cannot be read in this container; use a container of user 0 or of the agent's"
}

# shellcheck disable=SC2317 # a strategy may define its own instead
pw_own_logins() { echo "${DOCKER_CONFIG:-${HOME:-/}/.docker}/config.json"; }

# Ends the logins of a use: has the planner add the builder's own ones, and what was planned.
pw_close_logins() { # use, what was planned as JSON
  pw_owns=0 pw_auth_config=${pw_auth_config:-${DOCKER_AUTH_CONFIG:-}}
  printf '%s' "$pw_auth_config" >"$PW_TMP/owns.0"
  { echo "$PW_TMP/owns.0" && pw_own_logins; } >"$PW_TMP/owns"
  while IFS= read -r pw_path; do
    { [ -s "$pw_path" ] && grep -q : "$pw_path" 2>/dev/null; } || continue
    [ -n "$pw_room" ] || pw_open_room
    cat "$pw_path" >"$pw_room/own.$pw_owns" && pw_owns=$((pw_owns + 1))
  done <"$PW_TMP/owns"
  rm -f "$PW_TMP/owns" "$PW_TMP/owns.0"
  # A docker client keeps more than logins there: contexts, plugins.
  for pw_path in "${DOCKER_CONFIG:-${HOME:-/}/.docker}"/*; do
    [ "${pw_path##*/}" = config.json ] || [ ! -e "$pw_path" ] || ln -s "$pw_path" "$PW_TMP/$1/" 2>/dev/null
  done
  [ "$pw_owns" = 0 ] && [ -z "$2" ] && return
  [ -n "$pw_room" ] || pw_open_room
  [ ! -e "$PW_TMP/$1/config.json" ] || cp "$PW_TMP/$1/config.json" "$pw_room/given.json"
  if pw_exchange "$1" "${2:-[]}"; then
    [ ! -e "$PW_TMP/renew.$1" ] || eval "pw_asked_$1=\$2"
  elif [ -n "$pw_why" ] || [ -n "$2" ]; then
    pw_fail 2 "${pw_why:-credentials: nobody can read them here, because no planner answers}"
  else
    pw_say "the logins of this machine are not used: no planner is here to add them"
  fi
}

# Opens a directory in which the planner answers of $pw_room. It is the bundle that has planned which
# answers: that is loaded, and whatever runs here cannot put another one in its place.
pw_open_desk() { # kind of question
  # A login may be renewed meanwhile, by pw_beat.
  pw_desk=${PW_JOB:-$PW_TMP/desk}
  pw_desk=${pw_desk%/}.$1
  rm -rf "$pw_desk"
  mkdir -p "$pw_desk"
  echo "$pw_room" >"$pw_desk/$1"
  [ -z "$PW_JOB" ] || [ ! -s "$PW_JOB/bundle" ] || cp "$PW_JOB/bundle" "$pw_desk/"
  # The planner's container may run as another user.
  [ "$pw_room" = "$PW_TMP/room" ] || chmod -R a+rwX "$pw_desk"
}

# Gives why the planner has not done what it was asked for; nothing when it did not answer at all.
pw_refusal() {
  cat "$pw_room/error" 2>/dev/null ||
    sed -n 's/.*"error": *"\(.*\)".*/\1/p' "$pw_desk/answer.json" 2>/dev/null
}

# Lets the planner work in $pw_room; pw_why says why it has not.
pw_exchange() { # use, what was planned
  pw_why=
  echo "$1" >"$pw_room/use"
  printf '%s' "$2" >"$pw_room/asked.json"
  pw_open_desk logins
  [ "$pw_room" = "$PW_TMP/room" ] || chmod 0777 "$pw_room"
  pw_ended=1
  if pw_ask "$pw_desk" 600 && [ ! -e "$pw_room/error" ] && [ -e "$pw_room/config.json" ]; then
    pw_take "$1"
    pw_ended=0
  else
    pw_why=$(pw_refusal)
  fi
  rm -rf "$pw_room" "$pw_desk"
  return "$pw_ended"
}

pw_take() { # use
  pw_mask=$(umask)
  umask 077
  mkdir -p "$PW_TMP/$1/answers"
  for pw_path in "$pw_room"/answers/*; do
    [ -e "$pw_path" ] || continue
    # By moving: a helper that is just asked finds the old answer or the new one.
    cat "$pw_path" >"$PW_TMP/$1/answers/.new"
    mv "$PW_TMP/$1/answers/.new" "$PW_TMP/$1/answers/${pw_path##*/}"
  done
  read -r pw_line <"$pw_room/renew" && echo "$(($(date +%s) + pw_line))" >"$PW_TMP/renew.$1"
  [ -n "${pw_renewing:-}" ] || cat "$pw_room/config.json" >"$PW_TMP/$1/config.json"
  umask "$pw_mask"
  [ -z "${pw_renewing:-}" ] || return 0
  [ ! -d "$pw_room/answers" ] || pw_helper "$1"
  while read -r pw_line; do
    pw_say "$pw_line"
  done <"$pw_room/notes"
  while read -r pw_line; do
    command -v "docker-credential-$pw_line" >/dev/null 2>&1 ||
      pw_fail 2 "credentials: a docker config file needs the program docker-credential-$pw_line, which is not in this container; give a login of another kind"
  done <"$pw_room/needs"
}

# The clients' own way to logins that change while they run (docker/docker-credential-helpers). It is a
# program, and memory is often mounted so that none can be run from it.
pw_helper() { # use
  if [ -z "${pw_bin:-}" ]; then
    pw_place=${TMPDIR:-/tmp} pw_bin=${PW_JOB:+$PW_JOB/bin}
    pw_sweep "$pw_place"
    [ -n "$pw_bin" ] || pw_bin=$(mktemp -d "$pw_place/podwright.$$.XXXXXX")
    mkdir -p "$pw_bin"
    PATH=$pw_bin:$PATH
    export PATH
  fi
  pw_shell=/bin/sh
  [ ! -x /busybox/sh ] || pw_shell=/busybox/sh # kaniko empties its root
  cat >"$pw_bin/docker-credential-podwright-$1" <<EOF
#!$pw_shell
[ "\$1" = get ] || exit 0
read -r server
cat "$PW_TMP/$1/answers/\$(printf '%s' "\$server" | tr '/:' '__')" 2>/dev/null && exit 0
echo 'credentials not found in native keychain'
exit 1
EOF
  chmod 0755 "$pw_bin/docker-credential-podwright-$1"
}

# Renews what will end before a long build does; called by pw_beat, beside the build.
pw_renew() {
  for pw_use in pull all; do
    read -r pw_until 2>/dev/null <"$PW_TMP/renew.$pw_use" || continue
    [ "$(date +%s)" -ge "$pw_until" ] || continue
    pw_planned=''
    eval "pw_planned=\${pw_asked_$pw_use-}"
    pw_renewing=yes
    echo "$(($(date +%s) + 60))" >"$PW_TMP/renew.$pw_use"
    pw_open_room
    pw_exchange "$pw_use" "$pw_planned" || pw_say "a login could not be renewed: ${pw_why:-no planner answers}"
  done
}

pw_logout() { # use
  [ ! -e "${PW_TMP:?}/$1" ] || rm -rf "${PW_TMP:?}/$1" "$PW_TMP/renew.$1"
}

# Asks what concerns a registry, by the logins that the build had.
pw_open_asked() { # kind of question; use of the logins, '' for none; the question as JSON
  [ -z "$2" ] || cp -R "$PW_TMP/$2/config.json" "$PW_TMP/$2/answers" "$pw_room/" 2>/dev/null
  printf '%s' "$3" >"$pw_room/asked.json"
  pw_open_desk "$1"
  [ "$pw_room" = "$PW_TMP/room" ] || chmod -R a+rwX "$pw_room"
}

# Has the planner ask the registry what is there now; without an answer the result tells what was asked
# for.
pw_describe() { # use of the logins, '' for none; where the image is, as JSON
  [ -n "$pw_digest" ] && [ -z "${HTTPS_PROXY:-}" ] || return 0
  pw_open_room
  echo "$pw_digest" >"$pw_room/digest"
  pw_open_asked pushed "$1" "$2"
  if pw_ask "$pw_desk" 100 && [ -s "$pw_room/described.json" ]; then
    read -r pw_described <"$pw_room/described.json"
    read -r pw_summary <"$pw_room/summary"
  fi
  rm -rf "$pw_room" "$pw_desk"
}

# Has the planner of the pod compare a large context with what was built last, before a builder is sent
# it. Where nothing has changed, the image is there already, with this build's labels and tags.
pw_unchanged() { # use of the logins, '' for none; the question as JSON; how many steps that saves
  [ -z "${HTTPS_PROXY:-}" ] && [ -p "${PODWRIGHT_PLANNER_FIFO:-/run/podwright/ask}" ] || return 1
  pw_title="comparing the context with that of the last build"
  pw_say "$pw_title"
  printf '%s' "$pw_title" >"$PW_TMP/title"
  pw_open_room
  pw_open_asked unchanged "$1" "$2"
  # Without its room the planner puts nothing anywhere.
  pw_ask "$pw_desk" 300 || rm -rf "$pw_room"
  rm -rf "$pw_desk" "$pw_room/config.json" "$pw_room/answers"
  if [ -s "$pw_room/digest" ]; then
    pw_set_digest "$(cat "$pw_room/digest")"
    pw_taken=$3
    pw_say "nothing has changed: the image that is there gets new labels and tags"
  elif [ -e "$pw_room/stays" ]; then
    # There the planner leaves what the image is made from, while it is built.
    pw_kept=$pw_room pw_kept_by=$1 pw_compared=$2
    return 1
  fi
  rm -rf "$pw_room"
  [ -n "$pw_taken" ]
}

# Has the planner keep what was built of a large context, for the next build.
pw_keep() {
  if [ -n "$pw_digest" ] && [ -n "$pw_kept" ] && [ -s "$pw_kept/known.json" ]; then
    pw_open_room
    echo "$pw_digest" >"$pw_room/digest"
    cat "$pw_kept/known.json" >"$pw_room/known.json"
    pw_open_asked built "$pw_kept_by" "$pw_compared"
    pw_ask "$pw_desk" 300 || :
    rm -rf "$pw_room" "$pw_desk"
  fi
  [ -z "$pw_kept" ] || rm -rf "$pw_kept"
  pw_kept=
}

pw_begin() { # name for the log, platforms as the inside of a JSON object
  pw_described=$2 pw_summary=''
  pw_started=$(date +%s)
  : >"$PW_LOG"
  [ -z "${PW_STEPS:-}" ] || printf 'building %s\n' "$1" >>"$PW_STEPS"
  rm -f "$PW_TMP/digest"
  pw_digest='' pw_pushing='' pw_kept='' pw_taken=''
  [ -n "$pw_beat_pid" ] && return
  pw_beat 3>&- &
  pw_beat_pid=$!
}

# Reads the digest that the builder itself recorded: a file with it, or JSON (a metadata file).
pw_read_digest() { # file, key
  pw_text=$({ tr -d '\n' <"$1"; } 2>/dev/null)
  if [ -n "$2" ]; then
    pw_text=$(printf '%s' "$pw_text" | sed -n "s/.*\"$2\": *\"\(sha256:[0-9a-f]*\)\".*/\1/p")
  fi
  pw_set_digest "$pw_text"
}

pw_set_digest() { # text
  case $1 in
    sha256:*[!0-9a-f]* | '' | sha256: ) ;;
    sha256:*) pw_digest=$1 ;;
  esac
}

pw_results=
pw_done() { # constant part of the JSON object, repository, pattern of cached steps, pushed, tags
  pw_cached=${pw_taken:-$(grep -Ec "$3" "$PW_LOG")}
  pw_now=$(date +%s)
  pw_seconds=$((pw_now - pw_started))
  if [ -z "$pw_digest" ] && [ "$4" = true ]; then
    pw_fail 1 "$2: was pushed, but the builder recorded no digest; this is a defect of podwright or an unknown version of the builder"
  fi
  pw_phases=''
  [ -z "$pw_pushing" ] || pw_phases=", building $((pw_pushing - pw_started)) s, pushing $((pw_now - pw_pushing)) s"
  pw_note "$pw_phases"
  pw_say "tags: $5; steps from the cache: $pw_cached$pw_phases"
  [ -z "$pw_summary" ] || pw_say "$pw_summary"
  pw_json="null,\"reference\":null" pw_more='' pw_told=''
  for pw_one in ${pw_daemon:-}; do
    pw_more="$pw_more,\"$pw_one\"" pw_told="$pw_told, $pw_one"
  done
  [ -z "$pw_more" ] || pw_say "built by ${pw_told#, } of pool '${pw_pool_name:-}'"
  [ -z "$pw_more" ] || pw_more=",\"daemons\":[${pw_more#,}]"
  if [ -n "$pw_digest" ]; then
    pw_json="\"$pw_digest\",\"reference\":null"
    [ "$4" = true ] && pw_json="\"$pw_digest\",\"reference\":\"$2@$pw_digest\""
    pw_say "done in $pw_seconds s: $2@$pw_digest"
  else
    pw_say "done in $pw_seconds s: $2"
  fi
  [ -n "$pw_results" ] && pw_results="$pw_results,"
  pw_results="$pw_results{$1,$pw_described,\"digest\":$pw_json,\"cachedSteps\":$pw_cached,\"seconds\":$pw_seconds$pw_more}"
}

pw_beat_pid='' pw_answered='' PW_LOG=''
PW_TMP=/nonexistent
trap pw_end EXIT
trap 'pw_signal 143 "the build was aborted"' TERM
trap 'pw_signal 130 "the build was interrupted"' INT
trap 'pw_signal 129 "the build lost its terminal"' HUP
trap 'pw_signal 141 "nobody reads the log any more"' PIPE
[ -z "$PW_JOB" ] || pw_say "strategy: $PW_STRATEGY; pod: ${NODE_NAME:-this one}"
PW_TMP=$(pw_temporary) || { PW_TMP=/nonexistent && pw_fail 1 "no temporary directory can be made in ${TMPDIR:-/tmp}; is the disk full?"; }
PW_LOG=$PW_TMP.log
pw_log_home=${PW_JOB:-${TMPDIR:-/tmp}}
[ -w "$pw_log_home" ] && PW_LOG=$pw_log_home/podwright.$$.log
: >"$PW_LOG" || pw_fail 1 "the workspace cannot be written ($PW_LOG); is its disk full?"
