package podwright.runner;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a step inherits from the blocks around it: agent, directory, container, variables, secrets.
 *
 * @param agent the agent that {@code node} holds, or null
 * @param directory current directory on the agent, or null
 * @param container name given to {@code container}, or null for the agent's own
 * @param overlays variables of blocks, outermost first
 * @param secrets values that must not appear in the log
 * @param pod what podTemplate offers to a node inside it, or null
 * @param branch name of the parallel branch, a prefix of log lines, or null
 */
record Context(
    Agent agent,
    String directory,
    String container,
    List<Map<String, String>> overlays,
    List<String> secrets,
    Pod pod,
    String branch) {

  static Context empty() {
    return new Context(null, null, null, List.of(), List.of(), null, null);
  }

  Context on(Agent newAgent) {
    Map<String, String> variables = newAgent.variables();
    return new Context(
        newAgent, newAgent.workspace(), null, plus(overlays, variables), secrets, pod, branch);
  }

  Context in(String newDirectory) {
    return new Context(agent, newDirectory, container, overlays, secrets, pod, branch);
  }

  Context inContainer(String name) {
    return new Context(agent, directory, name, overlays, secrets, pod, branch);
  }

  Context with(Map<String, String> variables) {
    return new Context(
        agent, directory, container, plus(overlays, variables), secrets, pod, branch);
  }

  Context hiding(List<String> more) {
    List<String> all = new ArrayList<>(secrets);
    all.addAll(more);
    return new Context(agent, directory, container, overlays, List.copyOf(all), pod, branch);
  }

  Context offering(Pod newPod) {
    return new Context(agent, directory, container, overlays, secrets, newPod, branch);
  }

  Context branch(String name) {
    return new Context(agent, directory, container, overlays, secrets, pod, name);
  }

  /**
   * Returns the variables in effect here.
   *
   * @param base variables of the build
   */
  Map<String, String> environment(Map<String, String> base) {
    Map<String, String> all = new LinkedHashMap<>(base);
    for (Map<String, String> overlay : overlays) {
      overlay.forEach((key, value) -> override(all, key, value));
    }
    return all;
  }

  /** Sets a variable as EnvVars does: {@code PATH+X} prepends, an empty value removes. */
  private static void override(Map<String, String> all, String key, String value) {
    int plus = key.indexOf('+');
    if (plus > 0) {
      String name = key.substring(0, plus);
      String old = all.get(name);
      all.put(name, old == null || old.isEmpty() ? value : value + ':' + old);
    } else if (value == null || value.isEmpty()) {
      all.remove(key);
    } else {
      all.put(key, value);
    }
  }

  private static List<Map<String, String>> plus(
      List<Map<String, String>> overlays, Map<String, String> variables) {
    List<Map<String, String>> all = new ArrayList<>(overlays);
    all.add(variables);
    return List.copyOf(all);
  }
}
