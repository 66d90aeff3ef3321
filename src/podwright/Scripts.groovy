package podwright

import com.cloudbees.groovy.cps.NonCPS

/**
 * The shell scripts of the bridge. They are constant but for the request, which lies in a quoted
 * here-document: a step that writes it to a file would be one more. Other data reaches them by
 * files and variables. POSIX sh only, because kaniko's image has no other shell than busybox.
 */
class Scripts implements Serializable {
  private static final long serialVersionUID = 1L

  private static final String QUIET = '{ set +x; } 2>/dev/null\n'

  // Where the job is, beside the bundle that the bridge has written: see Bridge.path.
  private static final String JOB = '''
set -eu
home=$WORKSPACE_TMP
if [ -n "${PODWRIGHT_POD-}" ] && [ "$PODWRIGHT_POD" = "${NODE_NAME-}" ]; then
  home=$PODWRIGHT_POD_TMP
fi
job="$home/podwright/$pw_call"
trap 'rm -rf "$job"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Whatever ran here since the library wrote the bundle could have changed it.
is_ours() {
  command -v sha256sum >/dev/null 2>&1 || return 0
  [ "$(sha256sum <"$1" | cut -c1-64)" = "$pw_sum" ]
}
changed='podwright.pyz in the workspace is not the one that the library wrote'
changed="$changed; who changed or removed it?"

no_room() {
  echo '{"error": "the workspace has no room for a request: see the log of this step."}'
  exit 0
}
mkdir -p "$job" || no_room
cat >"$job/request.json" <<'END OF THE REQUEST' || no_room
'''

  /**
   * Has the planner answer a request inside a builder pod, and runs the script that it answers.
   *
   * The planner is python3, either in a container of its own that reads job directories from a
   * FIFO, or in this one. File descriptor 3 is what Jenkins captures: one JSON object and nothing
   * else; all other output goes to the log.
   *
   * @param id name of the job directory, a UUID
   * @param json the request, on one line
   */
  @NonCPS
  static String build(String id, String json) {
    return QUIET + begin(id, json) + '''
exec 3>&1 1>&2

fail() {
  printf '{"error": "%s"}\\n' "$1" >&3
  exit 0
}

# What the planner may know of this build, one KEY=value per line.
line_feed='
'
printf 'PWD=%s\\n' "$PWD" >"$job/env"
for key in BUILD_URL JOB_NAME BUILD_NUMBER BUILD_TAG BRANCH_NAME BRANCH_IS_PRIMARY TAG_NAME \\
  CHANGE_ID SOURCE_DATE_EPOCH NODE_NAME POD_NAME WORKSPACE WORKSPACE_TMP; do
  value=
  eval "value=\\${$key-}"
  case $value in
    '' | *"$line_feed"*) ;;
    *) printf '%s=%s\\n' "$key" "$value" >>"$job/env" ;;
  esac
done
# The organisation's config mostly has several lines.
[ -z "${PODWRIGHT_CONFIG-}" ] || printf '%s' "$PODWRIGHT_CONFIG" >"$job/config"

fifo=${PODWRIGHT_PLANNER_FIFO:-/run/podwright/ask}
printf '%s' "$pw_sum" >"$job/bundle"
if [ -p "$fifo" ]; then
  # The planner is mostly the agent's user, and answers in what root has made here.
  if [ "$(id -u 2>/dev/null || echo 0)" = 0 ]; then
    planner=$(stat -c %u "$home" 2>/dev/null) || planner=0
    { [ "$planner" != 0 ] && chown "$planner" "$home/podwright" "$job" 2>/dev/null; } ||
      chmod 777 "$job"
  fi
  # In the background, because opening a FIFO waits for its reader.
  printf '%s\\n' "$job" >"$fifo" &
  asked=$!
elif command -v python3 >/dev/null 2>&1; then
  is_ours "$home/podwright/podwright.pyz" || fail "$changed"
  python3 -I "$home/podwright/podwright.pyz" answer "$job" ||
    fail 'the planner failed: its message is above, in the log of this step.'
  asked=
else
  fail 'nobody can plan here: no container of the pod has a planner, and this one has no python3.'
fi

left=6000
while [ ! -e "$job/answered" ]; do
  if [ "$left" -le 0 ] || [ -z "$asked" ]; then
    [ -z "$asked" ] || kill "$asked" 2>/dev/null || :
    fail 'the planner did not answer: see the log of the container that plans, tools or jnlp.'
  fi
  # Not every sleep knows fractions.
  if sleep 0.01 2>/dev/null; then
    left=$((left - 1))
  else
    sleep 1
    left=$((left - 100))
  fi
done

if [ -e "$job/build.sh" ]; then
  trap - EXIT HUP INT TERM
  exec sh "$job/build.sh"
fi
cat "$job/answer.json" >&3
'''
  }

  /**
   * Has the planner answer with a pod, on the agent that the pipeline holds.
   *
   * @param id name of the job directory, a UUID
   * @param step the step that asks; each knows parameters of its own
   * @param json the request, on one line
   */
  @NonCPS
  static String pod(String id, String step, String json) {
    return onAgent(id, step, json) + '''
if command -v python3 >/dev/null 2>&1; then
  ask "$job/request.json"
else
  printf '{"error": "a request with pod: is planned on the agent in hand, and this one has no '
  printf 'python3: install it, or call the step outside of node with PODWRIGHT_PLANNER set to '
  printf 'the label of agents that have it."}\\n'
fi
'''
  }

  /**
   * Runs a command of podwright with a request; it answers one JSON object.
   *
   * @param id name of the job directory, a UUID
   * @param name of the command
   * @param json the request, on one line
   */
  @NonCPS
  static String command(String id, String name, String json) {
    return QUIET + 'pw_command=' + name + '\n' + begin(id, json) + '''
# A pod carries the organisation's config; the pipeline's variable may be a path of another machine.
carried=$(sed -zn 's/^PODWRIGHT_CONFIG=//p' /proc/1/environ 2>/dev/null | tr -d '\\000') || carried=
if [ -n "$carried" ]; then
  PODWRIGHT_CONFIG=$carried
  export PODWRIGHT_CONFIG
fi
bundle="$job/podwright.pyz"
[ -e "$bundle" ] || bundle="$home/podwright/podwright.pyz"
if ! is_ours "$bundle"; then
  printf '{"error": "%s"}' "$changed"
elif command -v python3 >/dev/null 2>&1; then
  python3 -I "$bundle" "$pw_command" --machine --request "$job/request.json"
else
  printf '{"error": "this agent has no python3: install it, or call the step outside of node."}'
fi
'''
  }

  /** The same for mistakes alone; an agent that cannot plan finds none. Parameters as of pod. */
  @NonCPS
  static String judge(String id, String step, String json) {
    return onAgent(id, step, json) + '''
# The organisation's config may name files that are in the pod alone.
unset PODWRIGHT_CONFIG
if ask --check "$job/request.json" >"$job/answer" 2>/dev/null; then
  grep '^{"error"' "$job/answer" && exit 0
fi
echo '{"pod": {}}'
'''
  }

  @NonCPS
  private static String onAgent(String id, String step, String json) {
    return QUIET + 'pw_step=' + step + '\n' + begin(id, json) + '''
# The organisation's, from beside its presets: a pod that is planned here obeys it as well.
if [ -e "$job/config" ]; then
  PODWRIGHT_CONFIG=$job/config
  export PODWRIGHT_CONFIG
fi
ask() {
  if ! is_ours "$job/podwright.pyz"; then
    printf '{"error": "%s"}' "$changed"
    return
  fi
  python3 -I "$job/podwright.pyz" pod --machine --step "$pw_step" "$@"
}
'''
  }

  /** Begins a job. JSON has one line, so no line of it ends the here-document. */
  @NonCPS
  private static String begin(String id, String json) {
    return 'pw_sum=' + Bundle.SUM + '\npw_call=' + id + JOB + json + '\nEND OF THE REQUEST\n'
  }
}
