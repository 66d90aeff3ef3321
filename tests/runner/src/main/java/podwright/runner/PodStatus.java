package podwright.runner;

import groovy.json.JsonSlurper;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What the API server says about a pod. */
final class PodStatus {
  private final Map<String, Object> status;

  private PodStatus(Map<String, Object> status) {
    this.status = status;
  }

  static PodStatus parse(String json) {
    Map<String, Object> pod = Pod.map(new JsonSlurper().parseText(json));
    return new PodStatus(Pod.map(pod.getOrDefault("status", Map.of())));
  }

  boolean ready() {
    return list("conditions").stream().anyMatch(
        one -> "Ready".equals(one.get("type")) && "True".equals(one.get("status")));
  }

  /** Returns what the pod waits for, one line for each container and condition. */
  List<String> waiting() {
    List<String> lines = new ArrayList<>();
    for (Map<String, Object> one : list("conditions")) {
      if ("PodScheduled".equals(one.get("type")) && "False".equals(one.get("status"))) {
        lines.add("not scheduled: " + one.get("message"));
      }
    }
    for (Map<String, Object> container : containers()) {
      Map<String, Object> waiting = state(container, "waiting");
      if (waiting != null && waiting.get("reason") != null) {
        Object message = waiting.get("message");
        lines.add(container.get("name") + ": " + waiting.get("reason")
            + (message == null ? "" : ": " + message));
      }
    }
    return lines;
  }

  /** Returns whether an image cannot be pulled, or a container cannot even be created. */
  boolean backsOff() {
    return waiting().stream().anyMatch(line -> line.contains("ImagePullBackOff")
        || line.contains("InvalidImageName") || line.contains("ErrImageNeverPull")
        || line.contains("CreateContainerConfigError"));
  }

  /** Returns why the pod is lost, in the words of the plugin's Reaper: a regular container has ended, or an init container has failed. */
  String terminated() {
    if ("Failed".equals(status.get("phase")) && status.get("reason") != null) {
      return "Pod just failed. Reason: " + status.get("reason") + ", Message: " + status.get("message");
    }
    for (Map<String, Object> container : list("containerStatuses")) {
      Map<String, Object> end = state(container, "terminated");
      if (end != null) {
        return sentence(container, end);
      }
    }
    for (Map<String, Object> container : list("initContainerStatuses")) {
      Map<String, Object> end = state(container, "terminated");
      if (end != null && !Integer.valueOf(0).equals(end.get("exitCode"))) {
        return sentence(container, end);
      }
    }
    return "Failed".equals(status.get("phase")) ? "Pod just failed." : null;
  }

  /** Returns the containers that have run, so that they may have logs. */
  List<String> started() {
    List<String> names = new ArrayList<>();
    for (Map<String, Object> container : containers()) {
      if (state(container, "waiting") == null || state(container, "lastState") != null) {
        names.add(String.valueOf(container.get("name")));
      }
    }
    return names;
  }

  private static String sentence(Map<String, Object> container, Map<String, Object> end) {
    Object message = end.get("message");
    return "Container " + container.get("name") + " was terminated. Reason: " + end.get("reason")
        + ", Exit code: " + end.get("exitCode") + (message == null ? "" : ", Message: " + message);
  }

  private List<Map<String, Object>> containers() {
    List<Map<String, Object>> all = new ArrayList<>(list("initContainerStatuses"));
    all.addAll(list("containerStatuses"));
    return all;
  }

  private static Map<String, Object> state(Map<String, Object> container, String key) {
    Map<String, Object> state = Pod.map(container.getOrDefault("state", Map.of()));
    return Pod.map(state.get(key));
  }

  private List<Map<String, Object>> list(String key) {
    List<Map<String, Object>> result = new ArrayList<>();
    if (status.get(key) instanceof List<?> list) {
      list.forEach(item -> result.add(Pod.map(item)));
    }
    return result;
  }
}
