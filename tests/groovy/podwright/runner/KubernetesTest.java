package podwright.runner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import groovy.json.JsonOutput;
import groovy.json.JsonSlurper;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Pods, with a kubectl that is a script: exec runs on this machine, the status is a file. A real
 * cluster is the subject of the end-to-end tests.
 */
@DisplayNameGeneration(ReplaceUnderscores.class)
class KubernetesTest {
  private static KubernetesLauncher launcher() {
    Options options = new Options();
    options.workspaceRoot = java.nio.file.Path.of("/nowhere");
    options.agentImage = "agent:1";
    return new KubernetesLauncher(options);
  }

  private static Object manifest(String yaml) {
    return new JsonSlurper().parseText(
        JsonOutput.toJson(launcher().manifest(Pod.parse("job-1-x", yaml), "job-1-x-y")));
  }

  private static Object json(String text) {
    return new JsonSlurper().parseText(text.replace('\'', '"'));
  }

  private static final String AGENT = "{'name': 'jnlp', 'image': 'agent:1', 'command': "
      + "['sh', '-c', \"trap 'exit 0' TERM; sleep 2000000000 & wait\"], "
      + "'resources': {'requests': {'cpu': '100m', 'memory': '256Mi'}}, 'env': ["
      + "{'name': 'JENKINS_NAME', 'value': 'job-1-x-y'}, "
      + "{'name': 'JENKINS_AGENT_NAME', 'value': 'job-1-x-y'}, "
      + "{'name': 'JENKINS_AGENT_WORKDIR', 'value': '/home/jenkins/agent'}, "
      + "{'name': 'JENKINS_URL', 'value': 'http://jenkins.invalid/'}, "
      + "{'name': 'JENKINS_SECRET', 'value': 'none'}], "
      + "'volumeMounts': [{'name': 'workspace-volume', 'mountPath': '/home/jenkins/agent', "
      + "'readOnly': false}]}";

  private static Object agent() {
    return new JsonSlurper().parseText(AGENT.replace("'exit 0'", "@").replace('\'', '"')
        .replace("@", "'exit 0'"));
  }

  @Test
  void what_a_pod_starts_beside_the_agents_program_is_started() {
    String sleeps = "\"sh\",\"-c\",\"trap 'exit 0' TERM; sleep 2000000000 & wait\"]";
    for (var pair : java.util.Map.of("[sh, -c, 'x & exec \"$@\"', beside, jenkins-agent]",
        "[\"sh\",\"-c\",\"x & exec \\\"$@\\\"\",\"beside\",", "[own-agent]", "[").entrySet()) {
      String yaml = "spec: {containers: [{name: jnlp, command: " + pair.getKey() + "}]}";
      var made = Pod.map(launcher().manifest(Pod.parse("job-1-x", yaml), "job-1-x-y").get("spec"));
      var agent = Pod.map(((java.util.List<?>) made.get("containers")).get(0));
      assertEquals(pair.getValue() + sleeps, JsonOutput.toJson(agent.get("command")));
    }
  }

  @Test
  void a_pod_gets_what_the_kubernetes_plugin_adds() {
    var pod = Pod.map((manifest("""
        metadata: {labels: {mine: x}}
        spec:
          containers:
          - {name: builder, image: b, volumeMounts: [{name: data, mountPath: /data}]}
          - {name: moved, image: m, workingDir: /work}
          - {name: own, image: o, volumeMounts: [{name: data, mountPath: /home/jenkins/agent}]}
          initContainers: [{name: engine, image: e, restartPolicy: Always}]
          volumes: [{name: data, emptyDir: {}}]
        """)));
    assertEquals(json("{'name': 'job-1-x-y', 'labels': {'mine': 'x', 'jenkins': 'slave', "
        + "'jenkins/label': 'job-1-x', 'kubernetes.jenkins.io/controller': 'run-pipeline'}}"),
        pod.get("metadata"));
    var spec = Pod.map(pod.get("spec"));
    assertEquals("Never", spec.get("restartPolicy"));
    assertEquals(json("{'kubernetes.io/os': 'linux'}"), spec.get("nodeSelector"));
    assertEquals(json("[{'name': 'data', 'emptyDir': {}}, {'name': 'workspace-volume', "
        + "'emptyDir': {}}]"), spec.get("volumes"));
    assertEquals(json("[{'name': 'engine', 'image': 'e', 'restartPolicy': 'Always'}]"),
        spec.get("initContainers"));
    List<?> containers = (List<?>) spec.get("containers");
    assertEquals(json("{'name': 'builder', 'image': 'b', 'volumeMounts': [{'name': 'data', "
        + "'mountPath': '/data'}, {'name': 'workspace-volume', 'mountPath': "
        + "'/home/jenkins/agent', 'readOnly': false}]}"), containers.get(0));
    assertEquals(json("[{'name': 'workspace-volume', 'mountPath': '/work', 'readOnly': false}]"),
        Pod.map(containers.get(1)).get("volumeMounts"));
    assertEquals(json("[{'name': 'data', 'mountPath': '/home/jenkins/agent'}]"),
        Pod.map(containers.get(2)).get("volumeMounts"));
    assertEquals(agent(), containers.get(3));
  }

  @Test
  void an_agent_container_of_the_pod_keeps_its_image_and_a_selector_stays_alone() {
    var spec = Pod.map(Pod.map((manifest(
        "spec: {nodeSelector: {a: b}, containers: [{name: jnlp, image: mine, args: [x]}]}")))
        .get("spec"));
    assertEquals(json("{'a': 'b'}"), spec.get("nodeSelector"));
    var agent = Pod.map(((List<?>) spec.get("containers")).get(0));
    assertEquals("mine", agent.get("image"));
    assertFalse(agent.containsKey("args"));
  }

  private static PodStatus status(String text) {
    return PodStatus.parse(text.replace('\'', '"'));
  }

  @Test
  void a_pod_is_ready_when_its_condition_says_so() {
    assertTrue(status("{'status': {'conditions': [{'type': 'Ready', 'status': 'True'}]}}").ready());
    assertFalse(status("{'status': {'conditions': [{'type': 'Ready', 'status': 'False'}]}}").ready());
    assertFalse(status("{}").ready());
  }

  @Test
  void what_a_pod_waits_for_is_said() {
    PodStatus status = status("{'status': {'conditions': [{'type': 'PodScheduled', 'status': 'False',"
        + " 'message': '0/1 nodes'}], 'containerStatuses': [{'name': 'a', 'state': {'waiting': "
        + "{'reason': 'ImagePullBackOff', 'message': 'Back-off'}}}]}}");
    assertEquals(List.of("not scheduled: 0/1 nodes", "a: ImagePullBackOff: Back-off"),
        status.waiting());
    assertTrue(status.backsOff());
  }

  @Test
  void any_regular_container_that_has_ended_ends_the_agent() {
    assertEquals("Container a was terminated. Reason: OOMKilled, Exit code: 137",
        status("{'status': {'containerStatuses': [{'name': 'a', 'state': {'terminated': {'reason': "
            + "'OOMKilled', 'exitCode': 137}}}]}}").terminated());
    assertNull(status("{'status': {'initContainerStatuses': [{'name': 'a', 'state': {'terminated': "
        + "{'reason': 'Completed', 'exitCode': 0}}}]}}").terminated());
    assertEquals("Container a was terminated. Reason: Error, Exit code: 1",
        status("{'status': {'initContainerStatuses': [{'name': 'a', 'state': {'terminated': "
            + "{'reason': 'Error', 'exitCode': 1}}}]}}").terminated());
  }

  private static final String READY =
      "{\"status\": {\"conditions\": [{\"type\": \"Ready\", \"status\": \"True\"}]}}";

  private static final String KUBECTL = """
      #!/bin/sh
      fake=%s
      echo "$*" >>"$fake/calls"
      shift 2
      verb=$1
      shift
      case $verb$1 in
        create*) cat >"$fake/manifest.json"
          [ ! -e "$fake/forbidden" ] || { echo 'Error from server (Forbidden): no' >&2; exit 1; } ;;
        getpod) cat "$fake/status.json" ;;
        getevents) echo 'Warning   Failed   it is broken' ;;
        exec*) container=$4
          shift 5
          [ "$container" != stranger ] || exit 1
          env -i PATH="$PATH" CONTAINER="$container" SAME=agent "$@" ||
            { code=$?; echo "command terminated with exit code $code" >&2; exit $code; } ;;
        logs*) echo "last words of $3" ;;
        delete*) echo "$2" >>"$fake/deleted"
          [ ! -e "$fake/next.json" ] || mv "$fake/next.json" "$fake/status.json" ;;
      esac
      """;

  @TempDir
  Path directory;

  private Pipelines.Outcome run(String status, String text) {
    Pipelines pipelines = new Pipelines(directory);
    Options options = pipelines.options();
    Path kubectl = Pipelines.write(directory.resolve("kubectl"), KUBECTL.formatted(directory));
    kubectl.toFile().setExecutable(true);
    Pipelines.write(directory.resolve("status.json"), status);
    options.kubectl = kubectl.toString();
    options.agentHome = directory.resolve("home").toString();
    options.agentImage = "agent:1";
    options.podTimeout = 5;
    return pipelines.launcher(new KubernetesLauncher(options)).run(
        "podTemplate(yaml: 'spec: {containers: [{name: main, image: m}, {name: stranger, image: s}]}'"
            + ") { node(POD_LABEL) {\n" + text + "\n} }");
  }

  private void isDeleted() {
    assertTrue(java.nio.file.Files.exists(directory.resolve("deleted")));
  }

  @Test
  void steps_act_in_the_agent_and_commands_in_the_container() {
    var outcome = run(READY, """
        writeFile file: 'a/b', text: 'inside'
        sh 'echo "from $CONTAINER in $PWD"'
        container('main') {
          echo sh(script: 'echo "from $CONTAINER: $(cat a/b)"; echo log >&2', returnStdout: true)
          echo sh(script: 'exit 9', returnStatus: true).toString()
          echo sh(script: '#!/bin/sh\\necho program', returnStdout: true).trim()
        }
        echo "${fileExists('a/b')} ${fileExists('c')}"
        stash 's'
        dir('copy') { unstash 's'; echo readFile('a/b') }
        deleteDir()
        """);
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertEquals(List.of("from main: inside\n", "9", "program", "true false", "inside"),
        outcome.echoes(), outcome.log());
    assertTrue(outcome.log().contains(
        "\nfrom jnlp in " + directory + "/home/workspace/pipeline\n"), outcome.log());
    assertFalse(outcome.log().contains("command terminated"), outcome.log());
    isDeleted();
  }

  @Test
  void a_container_gets_only_the_variables_that_differ_from_the_agents() {
    var outcome = run(READY, """
        withEnv(['OTHER=it\\'s $x', 'SAME=agent']) {
          container('main') { sh 'unset CONTAINER; env | grep -E "^(OTHER|SAME|POD_CONTAINER)=" | sort' }
        }
        """);
    assertTrue(outcome.log().contains("\nOTHER=it's $x\nPOD_CONTAINER=main\nSAME=agent\n"),
        outcome.log());
  }

  @Test
  void a_secret_file_is_readable_by_its_owner_only_and_vanishes() {
    Pipelines.write(directory.resolve("c.json"),
        "{\"f\": {\"type\": \"file\", \"content\": \"secret-content\"}}");
    var outcome = runWithCredentials("withCredentials([file(credentialsId: 'f', variable: 'F')]) {"
        + " sh 'stat -c %a \"$F\"; stat -c %a \"${F%/*}\"' }");
    assertTrue(outcome.log().contains("\n400\n"), outcome.log());
    assertTrue(outcome.log().contains("\n700\n"), outcome.log());
    assertEquals(List.of(), Pipelines.files(directory.resolve("home")));
  }

  private Pipelines.Outcome runWithCredentials(String text) {
    run(READY, "echo 'prepare'");
    Pipelines pipelines = new Pipelines(directory);
    Options options = pipelines.options();
    options.credentials = directory.resolve("c.json");
    options.kubectl = directory.resolve("kubectl").toString();
    options.agentHome = directory.resolve("home").toString();
    options.agentImage = "agent:1";
    return pipelines.launcher(new KubernetesLauncher(options)).run(
        "podTemplate(yaml: '') { node(POD_LABEL) {\n" + text + "\n} }");
  }

  @Test
  void a_container_whose_user_cannot_write_to_the_workspace_never_starts_anything() {
    var outcome = run(READY, "container('stranger') { sh 'x' }");
    assertEquals("script returned exit code -2", outcome.error(), outcome.log());
    assertTrue(outcome.log().contains("process apparently never started in "), outcome.log());
    isDeleted();
  }

  @Test
  void a_pod_that_the_api_server_refuses_fails_the_node() throws Exception {
    Pipelines.write(directory.resolve("forbidden"), "");
    var outcome = run(READY, "echo 'never'");
    assertEquals("kubectl create ended with 1: Error from server (Forbidden): no", outcome.error());
    assertEquals(List.of(), outcome.echoes());
  }

  @Test
  void a_pod_that_does_not_start_shows_events_and_logs_and_is_deleted() {
    var outcome = run("""
        {"status": {"containerStatuses": [
          {"name": "main", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no m"}}},
          {"name": "jnlp", "state": {"running": {}}}]}}
        """, "echo 'never'");
    assertTrue(outcome.error().endsWith(" did not start: main: ImagePullBackOff: no m"),
        outcome.error());
    assertTrue(outcome.log().contains("][Failed] it is broken\n"), outcome.log());
    assertTrue(outcome.log().contains("/jnlp] last words of jnlp\n"), outcome.log());
    isDeleted();
  }

  @Test
  void a_pod_that_is_never_ready_is_given_up() {
    var outcome = run("{\"status\": {\"conditions\": [{\"type\": \"PodScheduled\", \"status\": "
        + "\"False\", \"message\": \"0/1 nodes\"}]}}", "echo 'never'");
    assertTrue(outcome.error().endsWith(" did not start: not ready after 5 s"), outcome.error());
    assertTrue(outcome.log().contains("] not scheduled: 0/1 nodes\n"), outcome.log());
    isDeleted();
  }

  @Test
  void a_container_that_ends_takes_the_agent_with_it() {
    Pipelines.write(directory.resolve("dead.json"), """
        {"status": {"containerStatuses": [{"name": "main", "state": {"terminated":
          {"reason": "OOMKilled", "exitCode": 137}}}]}}
        """);
    var outcome = run(READY, "sh 'cp " + directory + "/dead.json " + directory
        + "/status.json; sleep 60'");
    assertEquals("ABORTED", outcome.result(), outcome.log());
    assertTrue(outcome.error().endsWith(
        ": Container main was terminated. Reason: OOMKilled, Exit code: 137; Jenkins gives up the "
            + "agent"), outcome.error());
    isDeleted();
  }

  @Test
  void an_abort_ends_what_runs_in_the_container() {
    String mark = "27.1828" + System.nanoTime() % 100000;
    var outcome = run(READY, "timeout(time: 1, unit: 'SECONDS') { container('main') { sh 'sleep "
        + mark + " & wait' } }");
    assertEquals("ABORTED", outcome.result(), outcome.log());
    assertFalse(ProcessHandle.allProcesses().anyMatch(
        one -> one.info().commandLine().orElse("").contains("sleep " + mark)));
    isDeleted();
  }

  /** Runs a pipeline that loses its first pod, for a reason, in a retry with conditions. */
  private Pipelines.Outcome retried(String reason, boolean inside, String conditions) {
    run(READY, "echo 'prepare'");
    Pipelines.write(directory.resolve("dead.json"), """
        {"status": {"containerStatuses": [{"name": "main", "state": {"terminated":
          {"reason": "%s", "exitCode": 143}}}]}}
        """.formatted(reason));
    Pipelines.write(directory.resolve("next.json"), READY);
    Pipelines pipelines = new Pipelines(directory);
    Options options = pipelines.options();
    options.kubectl = directory.resolve("kubectl").toString();
    options.agentHome = directory.resolve("home").toString();
    options.agentImage = "agent:1";
    String lose = "node(POD_LABEL) { sh 'cd " + directory + "; if [ -e dead.json ]; then "
        + "mv dead.json status.json; sleep 60; fi' }";
    String retry = "retry(count: 2, conditions: [" + conditions + "]) { ";
    String text = inside ? "podTemplate(yaml: '') { " + retry + lose + " } }"
        : retry + "podTemplate(yaml: '') { " + lose + " } }";
    return pipelines.launcher(new KubernetesLauncher(options)).run(text);
  }

  @Test
  void a_lost_pod_is_retried_by_the_conditions_that_hold_in_jenkins() {
    var outcome = retried("Error", false, "kubernetesAgent(handleNonKubernetes: true), nonresumable()");
    assertEquals("SUCCESS", outcome.result(), outcome.log());
    assertTrue(outcome.log().contains("\nRetrying\n"), outcome.log());
    assertEquals("SUCCESS", retried("Error", true, "kubernetesAgent()").result());
    assertEquals("SUCCESS", retried("Error", false, "agent()").result());
  }

  @Test
  void a_lost_pod_is_not_retried_by_conditions_that_do_not_hold() {
    var outside = retried("Error", false, "kubernetesAgent(), nonresumable()");
    assertEquals("ABORTED", outside.result(), outside.log());
    assertTrue(outside.log().contains("; make sure retry is inside podTemplate, not outside\n"),
        outside.log());
    var ended = retried("Completed", false, "kubernetesAgent(handleNonKubernetes: true)");
    assertEquals("ABORTED", ended.result(), ended.log());
    assertTrue(ended.log().contains("Ignored termination reason(s) for purposes of retry: "),
        ended.log());
  }

  @Test
  void a_container_without_nohup_never_starts_anything() {
    Path bin = Pipelines.programs(directory.resolve("bin"), "sh", "cp", "mv", "cat", "rm");
    var outcome = run(READY,
        "container('main') { withEnv(['PATH=" + bin + "']) { sh 'echo in' } }");
    assertEquals("script returned exit code -2", outcome.error(), outcome.log());
    isDeleted();
  }
}
