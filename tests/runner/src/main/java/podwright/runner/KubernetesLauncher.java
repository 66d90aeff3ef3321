package podwright.runner;

import groovy.json.JsonOutput;
import hudson.AbortException;
import java.io.IOException;
import java.net.URI;
import java.net.URLConnection;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Makes real pods with kubectl, out of the very YAML of podTemplate and what the kubernetes plugin adds
 * to it. The agent container does nothing but sleep: files and commands reach it by kubectl exec.
 */
final class KubernetesLauncher implements Launcher {
  private static final String AGENT = "jnlp";
  private static final String PROGRAM = "jenkins-agent";
  private static final String WORKSPACE_VOLUME = "workspace-volume";
  private static final int POLL_MILLISECONDS = 500;
  private static final int BACK_OFFS_ALLOWED = 3;
  private static final int MILLISECONDS = 1000;

  private final Options options;
  private final HostLauncher host;

  KubernetesLauncher(Options options) {
    if (options.agentImage == null) {
      throw new IllegalArgumentException("--kubernetes needs --agent-image");
    }
    this.options = options;
    this.host = new HostLauncher(options.workspaceRoot, options.job);
  }

  @Override
  public Agent acquire(String label, Pod pod, Request request) throws IOException {
    if (pod == null) {
      return host.acquire(label, null, request);
    }
    String name = Names.ofPod(pod.label());
    String namespace = pod.namespace() == null ? options.namespace : pod.namespace();
    Kubectl kubectl = new Kubectl(options.kubectl, namespace);
    Map<String, Object> manifest = manifest(pod, name);
    try {
      kubectl.input(
          JsonOutput.toJson(manifest).getBytes(StandardCharsets.UTF_8), "create", "-f", "-");
    } catch (AbortException e) {
      request.log().accept("ERROR: Unable to create pod kubernetes " + namespace + '/' + name + ".");
      throw e;
    }
    request.log().accept("Created Pod: " + namespace + '/' + name);
    PodAgent agent = new PodAgent(
        kubectl, name, pod, options.agentHome + "/workspace/" + options.job, request);
    try {
      waitForReady(kubectl, name, request);
      waitForAgent(name);
      agent.open();
    } catch (IOException | RuntimeException e) {
      agent.close();
      throw e;
    }
    request.log().accept("Running on " + name + " in " + agent.workspace());
    return agent;
  }

  /** Returns the manifest with what the plugin adds. */
  Map<String, Object> manifest(Pod pod, String name) {
    Map<String, Object> manifest = pod.copy();
    manifest.put("apiVersion", "v1");
    manifest.put("kind", "Pod");
    Map<String, Object> metadata = child(manifest, "metadata");
    metadata.put("name", name);
    metadata.remove("namespace");
    Map<String, Object> labels = child(metadata, "labels");
    labels.put("jenkins", "slave");
    labels.put("jenkins/label", pod.label());
    labels.put("kubernetes.jenkins.io/controller", "run-pipeline");
    Map<String, Object> spec = child(manifest, "spec");
    spec.put("restartPolicy", "Never");
    boolean placed = spec.containsKey("nodeSelector") || spec.containsKey("runtimeClassName")
        || Pod.map(spec.getOrDefault("affinity", Map.of())).containsKey("nodeAffinity");
    if (!placed) {
      child(spec, "nodeSelector").put("kubernetes.io/os", "linux");
    }
    addAgent(spec, name);
    addWorkspace(spec);
    return manifest;
  }

  private void addAgent(Map<String, Object> spec, String name) {
    List<Map<String, Object>> containers = children(spec, "containers");
    Map<String, Object> agent = containers.stream()
        .filter(container -> AGENT.equals(container.get("name"))).findFirst().orElse(null);
    if (agent == null) {
      agent = new LinkedHashMap<>(Map.of("name", AGENT));
      containers.add(agent);
    }
    agent.putIfAbsent("image", options.agentImage);
    if (options.agentUrl == null) {
      withoutProgram(agent);
    }
    if (options.restrictedAgent) {
      agent.putIfAbsent("securityContext", Map.of(
          "allowPrivilegeEscalation", false,
          "capabilities", Map.of("drop", List.of("ALL")),
          "runAsNonRoot", true,
          "runAsUser", 1000,
          "seccompProfile", Map.of("type", "RuntimeDefault")));
    }
    agent.putIfAbsent("resources", Map.of("requests", Map.of("cpu", "100m", "memory", "256Mi")));
    List<Map<String, Object>> env = children(agent, "env");
    env.add(Map.of("name", "JENKINS_NAME", "value", name));
    env.add(Map.of("name", "JENKINS_AGENT_NAME", "value", name));
    env.add(Map.of("name", "JENKINS_AGENT_WORKDIR", "value", options.agentHome));
    String url = options.agentUrl == null ? "http://jenkins.invalid" : options.agentUrl + '/' + name;
    env.add(Map.of("name", "JENKINS_URL", "value", url + '/'));
    env.add(Map.of("name", "JENKINS_SECRET", "value", "none"));
  }

  /** Lets a container wait in place of the agent's program. */
  private static void withoutProgram(Map<String, Object> agent) {
    List<Object> command = new ArrayList<>((List<?>) agent.getOrDefault("command", List.of()));
    if (command.isEmpty() || !PROGRAM.equals(command.remove(command.size() - 1))) {
      command.clear(); // what is started beside the agent's program stays
    }
    command.addAll(List.of("sh", "-c", "trap 'exit 0' TERM; sleep 2000000000 & wait"));
    agent.put("command", command);
    agent.remove("args");
  }

  private void addWorkspace(Map<String, Object> spec) {
    List<Map<String, Object>> volumes = children(spec, "volumes");
    if (volumes.stream().noneMatch(volume -> WORKSPACE_VOLUME.equals(volume.get("name")))) {
      volumes.add(Map.of("name", WORKSPACE_VOLUME, "emptyDir", Map.of()));
    }
    for (Map<String, Object> container : children(spec, "containers")) {
      Object home = container.getOrDefault("workingDir", options.agentHome);
      List<Map<String, Object>> mounts = children(container, "volumeMounts");
      if (mounts.stream().noneMatch(mount -> home.equals(mount.get("mountPath")))) {
        mounts.add(Map.of("name", WORKSPACE_VOLUME, "mountPath", home, "readOnly", false));
      }
    }
  }

  private static Map<String, Object> child(Map<String, Object> parent, String key) {
    return Pod.map(parent.computeIfAbsent(key, name -> new LinkedHashMap<String, Object>()));
  }

  @SuppressWarnings("unchecked")
  private static List<Map<String, Object>> children(Map<String, Object> parent, String key) {
    return (List<Map<String, Object>>) parent.computeIfAbsent(key,
        name -> new ArrayList<Map<String, Object>>());
  }

  /**
   * Waits as the plugin does, which watches the pod; what is asked meanwhile is what it waits for.
   */
  private void waitForReady(Kubectl kubectl, String name, Request request) throws IOException {
    Process watch = kubectl.start("wait", "--for=condition=Ready", "pod/" + name,
        "--timeout=" + options.podTimeout + 's');
    try {
      waitForReady(kubectl, name, request, watch);
    } finally {
      watch.destroy();
    }
  }

  private void waitForReady(Kubectl kubectl, String name, Request request, Process watch)
      throws IOException {
    long end = System.currentTimeMillis() + (long) options.podTimeout * MILLISECONDS;
    Set<String> told = new LinkedHashSet<>();
    int backOffs = 0;
    while (true) {
      PodStatus status = PodStatus.parse(kubectl.run("get", "pod", name, "-o", "json"));
      if (status.ready()) {
        return;
      }
      for (String line : status.waiting()) {
        if (told.add(line)) {
          request.log().accept("[" + name + "] " + line);
        }
      }
      backOffs = status.backsOff() ? backOffs + 1 : 0;
      String problem = status.terminated();
      if (problem == null && backOffs > BACK_OFFS_ALLOWED) {
        problem = String.join("; ", status.waiting());
      }
      if (problem == null && System.currentTimeMillis() > end) {
        problem = "not ready after " + options.podTimeout + " s";
      }
      if (problem == null && request.cancelled().getAsBoolean()) {
        throw new AbortException("Pod " + name + " is no longer wanted: the build is aborted");
      }
      if (problem != null) {
        explain(kubectl, name, status, request);
        throw new AbortException("Pod " + name + " did not start: " + problem);
      }
      pause(watch);
    }
  }

  /** Shows what Kubernetes knows about a pod that did not start. */
  static void explain(Kubectl kubectl, String name, PodStatus status, Request request)
      throws IOException {
    String events = kubectl.run("get", "events", "--field-selector", "involvedObject.name=" + name,
        "-o", "custom-columns=TYPE:.type,REASON:.reason,MESSAGE:.message", "--no-headers");
    for (String line : events.split("\n")) { // as TaskListenerEventWatcher of the plugin prints them
      String[] event = line.strip().split(" +", 3);
      if (event.length == 3) {
        request.log().accept(
            "[" + event[0] + "][" + kubectl.namespace() + '/' + name + "][" + event[1] + "] " + event[2]);
      }
    }
    for (String container : status.started()) {
      String log;
      try {
        log = kubectl.run("logs", name, "-c", container, "--tail", "20");
      } catch (AbortException e) {
        log = e.getMessage();
      }
      for (String line : log.strip().split("\n")) {
        request.log().accept("[" + name + "/" + container + "] " + line);
      }
    }
  }

  /** Pauses until a process ends, or for a while. */
  private static void pause(Process watch) throws IOException {
    try {
      if (watch.isAlive()) {
        watch.waitFor(POLL_MILLISECONDS, TimeUnit.MILLISECONDS);
      } else {
        Thread.sleep(POLL_MILLISECONDS);
      }
    } catch (InterruptedException e) {
      throw new IOException("interrupted", e);
    }
  }

  /** Waits until the agent has asked the controller, which answers only then. */
  private void waitForAgent(String name) throws IOException {
    if (options.agentUrl != null) {
      URLConnection asked =
          URI.create(options.agentUrl + '/' + name + "/connected").toURL().openConnection();
      asked.setReadTimeout(options.podTimeout * MILLISECONDS);
      asked.getInputStream().close();
    }
  }
}
