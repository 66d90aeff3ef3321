package podwright.runner;

import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** The table of steps. */
final class Steps {
  private final Map<String, Step> table = new TreeMap<>();

  private Steps() {
  }

  /** Returns every step that the runner knows, by name. */
  static Map<String, Step> all() {
    Steps steps = new Steps();
    BasicSteps.define(steps);
    FileSteps.define(steps);
    BlockSteps.define(steps);
    AgentSteps.define(steps);
    return steps.table;
  }

  /** Adds a step that answers at once. */
  void plain(String name, String positional, String parameters, Step.Function function) {
    table.put(name, new Step(name, names(parameters), positional, false,
        call -> call.success(function.run(call))));
  }

  /** Adds a step that answers later. */
  void async(String name, String positional, String parameters, Step.Action action) {
    table.put(name, new Step(name, names(parameters), positional, false, action));
  }

  /** Adds a step with a body. */
  void block(String name, String positional, String parameters, Step.Action action) {
    table.put(name, new Step(name, names(parameters), positional, true, action));
  }

  private static Set<String> names(String parameters) {
    return parameters.isEmpty() ? Set.of()
        : new LinkedHashSet<>(Arrays.asList(parameters.split(" ")));
  }
}
