package podwright

import org.jenkinsci.plugins.credentialsbinding.impl.CredentialNotFoundException

/**
 * Runs `podwright jobs` for the step provisionJobs. All decisions are made in Python: it gets the
 * request as a file and leaves its answer in another.
 */
class Provision implements Serializable {
  private static final long serialVersionUID = 1L

  private static final String BUNDLE = 'podwright-jobs.pyz'

  // What is printed goes to the log; Jenkins captures the answer alone.
  private static final String SCRIPT = '''\
{ set +x; } 2>/dev/null
pw_sum=''' + Bundle.JOBS_SUM + '''
set -eu
exec 3>&1 1>&2
trap 'rm -rf "$PODWRIGHT_JOBS"' EXIT
if command -v sha256sum >/dev/null 2>&1 &&
  [ "$(sha256sum <"$PODWRIGHT_JOBS/podwright-jobs.pyz" | cut -c1-64)" != "$pw_sum" ]; then
  printf '{"error": "provisionJobs: podwright-jobs.pyz is not the one that the library wrote."}' >&3
elif command -v python3 >/dev/null 2>&1; then
  python3 -I "$PODWRIGHT_JOBS/podwright-jobs.pyz" jobs seed "$PODWRIGHT_JOBS/request.json"
  cat "$PODWRIGHT_JOBS/answer.json" >&3
else
  printf '{"error": "provisionJobs: this agent has no python3: install it, or choose another."}' >&3
fi
'''

  private final Object steps

  /** @param steps the script that was called: gives access to steps and variables */
  Provision(Object steps) {
    this.steps = steps
  }

  /** Plans or applies, shows the result on the build's page, and fails when Python says so. */
  Object run(Object[] given) {
    Map call = Call.read(given, null)
    if (call.problem != null || call.body != null) {
      fail((call.problem ?: 'got a closure') + '; give parameters by their names: '
        + "provisionJobs(credentials: 'jenkins-seed').")
    }
    Map request = call.request
    if (steps.env.WORKSPACE_TMP == null) {
      fail('call the step inside node, on an agent with python3.')
    }
    if (!(request.credentials instanceof CharSequence)) {
      fail('credentials: is missing; name the credential that holds user name and API token.')
    }
    String folder = steps.env.WORKSPACE_TMP + '/podwright-jobs/' + UUID.randomUUID()
    return show(Requests.parse(withLogin(request.credentials.toString()) {
      return runPython(folder, Requests.toJson(request))
    }))
  }

  /** Runs a closure with the login in the environment, or fails before anything is written. */
  private String withLogin(String credentials, Closure inside) {
    Object login = steps.usernamePassword(
      credentialsId: credentials,
      usernameVariable: 'JENKINS_USER',
      passwordVariable: 'JENKINS_TOKEN',
    )
    try {
      return steps.withCredentials([login]) {
        return inside.call()
      }
    } catch (CredentialNotFoundException e) {
      Map named = [parameter: 'credentials', credentialsId: credentials]
      return fail(Requests.unbound([named], e.message))
    }
  }

  /** Writes the bundle and the request to the agent, without a sh, and returns its answer. */
  private String runPython(String folder, String json) {
    String text = steps.libraryResource(resource: 'podwright/' + BUNDLE, encoding: 'Base64')
    steps.writeFile(file: folder + '/' + BUNDLE, text: text, encoding: 'Base64')
    steps.writeFile(file: folder + '/request.json', text: json, encoding: 'UTF-8')
    return steps.withEnv(['PODWRIGHT_JOBS=' + folder]) {
      return steps.sh(label: 'provisionJobs', script: SCRIPT, returnStdout: true)
    }
  }

  private Object show(Map answer) {
    if (answer == null) {
      fail('there is no answer; the log is above.')
    }
    if (answer.summary != null) {
      String before = steps.currentBuild.description
      steps.currentBuild.description = before ? before + '; ' + answer.summary : answer.summary
    }
    if (answer.artifact != null) {
      steps.archiveArtifacts(artifacts: answer.artifact, allowEmptyArchive: true)
    }
    if (answer.error != null) {
      steps.error(answer.error)
    }
    return [mode: answer.mode, pending: answer.pending, summary: answer.summary]
  }

  private Object fail(String sentence) {
    return steps.error('provisionJobs: ' + sentence)
  }
}
