# shellcheck shell=sh disable=SC2034,SC2154 # prelude.sh has the others
# Parts of the script of a build on the daemons of a pool.

# Builds on the daemons of a pool. One that has no room, is not there or dies is left for the next one:
# a build is idempotent, and PW_RETRIES bounds how often one begins anew.

pw_keys=${PODWRIGHT_POOL_KEYS:-/run/podwright-pool} pw_prefix='' pw_count=0

pw_pool() { # name of the pool, addresses in the order in which they are tried
  pw_pool_name=$1 pw_daemons='' pw_deaths=0 pw_silent_rounds=0 pw_room='' pw_waiting=''
  shift
  pw_daemons=$* pw_left=$*
  [ -r "$pw_keys/tls.key" ] ||
    pw_fail 2 "pool '$pw_pool_name': there is no certificate in $pw_keys; mount the pool's secret there, or name its directory in PODWRIGHT_POOL_KEYS"
  pw_next_daemon
}

pw_next_daemon() {
  [ -n "$pw_left" ] || pw_left=$pw_daemons
  BUILDKIT_HOST=${pw_left%% *}
  export BUILDKIT_HOST
  pw_left=${pw_left#"$BUILDKIT_HOST"} pw_left=${pw_left# }
  pw_daemon=${BUILDKIT_HOST#tcp://} pw_daemon=${pw_daemon%%.*}
}

# Called when a step has failed: says whether it shall be tried again, and goes to the next daemon.
pw_elsewhere() {
  [ -n "${pw_daemons:-}" ] || return 1
  pw_word=$(pw_said | tail -n 1)
  printf '%s\n' "$pw_word" | grep -Eiq "$PW_RUN" && return 1
  case $pw_word in
    *'tls: failed to verify'* | *'remote error: tls:'*)
      pw_fail 1 "pool '$pw_pool_name': $pw_daemon and this side do not trust each other's certificates (${pw_word##*desc = }); use the secret of this pool's authority: a pool takes nobody of another zone"
      ;;
    *'listing workers for Build'*) pw_without_daemon ;;
    *'code = Unavailable'* | *'error reading from server'* | *'closing transport'* | *'transport is closing'* | *'Unavailable: connection error'* | *'context canceled'* | *'graceful_stop'*)
      [ "$pw_deaths" -lt "$PW_RETRIES" ] || return 1
      pw_deaths=$((pw_deaths + 1)) pw_lost=$pw_daemon
      pw_next_daemon
      pw_say "$pw_lost was lost in mid-build; building anew on $pw_daemon (try $pw_deaths of $PW_RETRIES)"
      ;;
    *) return 1 ;;
  esac
}

# A daemon without room lets a client wait for some seconds and then closes the connection.
pw_without_daemon() {
  case $pw_word in *': EOF"'*) pw_room=none ;; esac
  if [ -z "$pw_left" ]; then
    pw_round
  fi
  pw_next_daemon
}

pw_round() {
  if [ -n "$pw_room" ]; then
    pw_silent_rounds=0
    [ -n "$pw_waiting" ] || pw_say "all daemons of pool '$pw_pool_name' are busy; waiting for one"
    pw_waiting=yes
  else
    [ "$pw_silent_rounds" -lt "$PW_RETRIES" ] ||
      pw_fail 1 "pool '$pw_pool_name': none of its daemons answers (${pw_word##*desc = }); look at its pods"
    pw_sleep "$((pw_silent_rounds < 5 ? 1 << pw_silent_rounds : 30))"
    pw_silent_rounds=$((pw_silent_rounds + 1))
  fi
  pw_room=''
}

# What is said of a connection that comes to nothing is told above, in one line.
# shellcheck disable=SC2317
pw_show() { pw_awk -v prefix="$pw_prefix" '!/^error: listing workers for Build/ { print prefix $0; fflush() }'; }

# Builds one platform beside the others, with a log and a place of its own.
pw_beside() { # platform, title, command...
  pw_apart=$PW_TMP/apart.$pw_count pw_count=$((pw_count + 1))
  mkdir -p "$pw_apart"
  pw_one_platform "$@" 3>"$pw_apart/answer" &
  echo "$!" >"$pw_apart/shell"
}

pw_one_platform() { # as above
  PW_TMP=$pw_apart PW_LOG=$pw_apart/log pw_prefix="[$1] " pw_title=$2
  : >"$PW_LOG"
  shift 2
  pw_step build "$pw_title" "$@"
  pw_say "${pw_prefix}built by $pw_daemon"
  echo "$pw_daemon" >"$PW_TMP/daemon"
}

# Waits for all platforms; the failure of one is that of the build.
pw_together() {
  for pw_apart in "$PW_TMP"/apart.*; do
    if wait "$(cat "$pw_apart/shell")"; then
      cat "$pw_apart/log" >>"$PW_LOG"
      rm -f "$pw_apart/shell"
    else
      pw_code=$?
      pw_cleanup
      [ ! -s "$pw_apart/answer" ] || { cat "$pw_apart/answer" >&3 && pw_answered=yes; }
      exit "$pw_code"
    fi
  done
  pw_daemon=$(cat "$PW_TMP"/apart.*/daemon | sort -u)
}

# shellcheck disable=SC2317
pw_cleanup() {
  pw_whole=$PW_TMP
  for pw_apart in "$PW_TMP"/apart.*; do
    [ -e "$pw_apart/shell" ] || continue
    kill "$(cat "$pw_apart/shell")" 2>/dev/null
    PW_TMP=$pw_apart
    pw_stop
  done
  PW_TMP=$pw_whole
}

# Has the planner put the platforms under the tags, as one index.
pw_join() { # use of the logins, where the image is and its tags as JSON
  pw_title="joining the platforms"
  pw_say "$pw_title"
  pw_open_room
  for pw_path in "$PW_TMP"/metadata-*.json; do
    pw_read_digest "$pw_path" containerimage.digest
    echo "$pw_digest"
  done >"$pw_room/parts"
  pw_open_asked pushed "$1" "$2"
  pw_why="no planner answers"
  if pw_ask "$pw_desk" 600; then
    pw_why=$(pw_refusal)
  fi
  pw_digest=''
  [ ! -s "$pw_room/digest" ] || pw_set_digest "$(cat "$pw_room/digest")"
  rm -rf "$pw_room" "$pw_desk"
  [ -n "$pw_digest" ] || pw_fail 1 "$pw_title: ${pw_why:-no digest was answered}"
}
