package podwright.runner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import groovy.json.JsonOutput;
import groovy.json.JsonSlurper;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** What the runner makes of pods; running in them is tested on a real cluster. */
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
    assertEquals("container a was terminated (reason: OOMKilled, exit code: 137)",
        status("{'status': {'containerStatuses': [{'name': 'a', 'state': {'terminated': {'reason': "
            + "'OOMKilled', 'exitCode': 137}}}]}}").terminated());
    assertNull(status("{'status': {'initContainerStatuses': [{'name': 'a', 'state': {'terminated': "
        + "{'reason': 'Completed', 'exitCode': 0}}}]}}").terminated());
    assertEquals("container a was terminated (reason: Error, exit code: 1)",
        status("{'status': {'initContainerStatuses': [{'name': 'a', 'state': {'terminated': "
            + "{'reason': 'Error', 'exitCode': 1}}}]}}").terminated());
  }
}
