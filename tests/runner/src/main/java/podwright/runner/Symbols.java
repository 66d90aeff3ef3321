package podwright.runner;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** The symbols that the runner knows: values that look like steps. */
final class Symbols {
  private static final Map<String, Set<String>> PARAMETERS = new LinkedHashMap<>();

  static {
    PARAMETERS.put("usernamePassword",
        Set.of("credentialsId", "usernameVariable", "passwordVariable"));
    PARAMETERS.put("usernameColonPassword", Set.of("credentialsId", "variable"));
    // credentials binding, and (with name) a parameter of the job
    PARAMETERS.put("string",
        Set.of("credentialsId", "variable", "name", "defaultValue", "description", "trim"));
    PARAMETERS.put("file", Set.of("credentialsId", "variable"));
    PARAMETERS.put("sshUserPrivateKey",
        Set.of("credentialsId", "keyFileVariable", "usernameVariable", "passphraseVariable"));
    PARAMETERS.put("agent", Set.of());
    PARAMETERS.put("kubernetesAgent", Set.of("handleNonKubernetes"));
    PARAMETERS.put("nonresumable", Set.of());
    PARAMETERS.put("merge", Set.of());
    PARAMETERS.put("override", Set.of());
    PARAMETERS.put("parameters", Set.of("*"));
    PARAMETERS.put("booleanParam", Set.of("name", "defaultValue", "description"));
    PARAMETERS.put("choice", Set.of("name", "choices", "description"));
    PARAMETERS.put("disableConcurrentBuilds", Set.of("abortPrevious"));
    PARAMETERS.put("buildDiscarder", Set.of("*"));
    PARAMETERS.put("logRotator",
        Set.of("numToKeepStr", "daysToKeepStr", "artifactNumToKeepStr", "artifactDaysToKeepStr"));
    PARAMETERS.put("durabilityHint", Set.of("*"));
    PARAMETERS.put("modernSCM", Set.of("*"));
    PARAMETERS.put("legacySCM", Set.of("*"));
  }

  private Symbols() {
  }

  static boolean knows(String name) {
    return PARAMETERS.containsKey(name);
  }

  /** Returns whether a name that is a step and a symbol means the symbol here. */
  static boolean prefers(String name, Object[] args) {
    return knows(name);
  }

  static Set<String> names() {
    return new TreeSet<>(PARAMETERS.keySet());
  }

  /** Makes a symbol from the arguments of a call. */
  static Symbol make(String name, Object[] args) {
    Map<String, Object> arguments = new LinkedHashMap<>();
    if (args.length == 1 && args[0] instanceof Map<?, ?> map) {
      map.forEach((key, value) -> arguments.put(key.toString(), Values.flatten(value)));
    } else if (args.length == 1) {
      arguments.put("value", Values.flatten(args[0]));
    }
    Set<String> known = PARAMETERS.get(name);
    for (String key : arguments.keySet()) {
      if (!known.contains(key) && !known.contains("*")) {
        throw new IllegalArgumentException("Unknown parameter " + key + " of " + name
            + "; the runner knows " + new TreeSet<>(known) + '.');
      }
    }
    return new Symbol(name, arguments);
  }

  /** Returns the symbols in a list, or fails with the name of the step that wanted them. */
  static List<Symbol> list(String step, List<?> values) {
    for (Object value : values) {
      if (!(value instanceof Symbol)) {
        throw new IllegalArgumentException(step + ": " + value + " is not what belongs there.");
      }
    }
    return values.stream().map(Symbol.class::cast).toList();
  }
}
