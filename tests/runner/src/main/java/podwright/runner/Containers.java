package podwright.runner;

import hudson.AbortException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Which containers of a pod {@code container()} can run commands in. */
final class Containers {
  private Containers() {
  }

  /** Fails where the kubernetes plugin fails: unknown names, and native sidecars. */
  static void check(Pod pod, String name) throws AbortException {
    List<String> known = new ArrayList<>();
    for (Map<String, Object> container : pod.containers()) {
      known.add(String.valueOf(container.get("name")));
    }
    if (!known.contains("jnlp")) {
      known.add("jnlp"); // added by the plugin
    }
    if (known.contains(name)) {
      return;
    }
    for (Map<String, Object> container : pod.initContainers()) {
      if (name.equals(container.get("name"))) {
        throw new AbortException("container [" + name + "] is an init container or a native sidecar:"
            + " the kubernetes plugin cannot run commands in it; containers that it can use are "
            + String.join(", ", known));
      }
    }
    throw new AbortException("container [" + name + "] does not exist in pod; containers are "
        + String.join(", ", known));
  }

  /** Fails where podTemplate fails: a name that Kubernetes would not take. */
  static void checkNames(Pod pod) throws AbortException {
    for (Map<String, Object> container : pod.containers()) {
      String name = String.valueOf(container.get("name"));
      if (!name.matches("[a-z0-9]([-a-z0-9]*[a-z0-9])?")) {
        throw new AbortException("Container name '" + name + "' is not valid: use lower case letters,"
            + " digits and '-'.");
      }
    }
  }
}
