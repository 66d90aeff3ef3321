package podwright.runner;

import java.util.Set;

/**
 * A step that the runner knows.
 *
 * @param name the step
 * @param parameters names that it accepts
 * @param positional parameter that a single unnamed argument means, or null
 * @param block whether it needs a body
 * @param action what it does
 */
record Step(
    String name, Set<String> parameters, String positional, boolean block, Action action) {

  /** What a step does; it ends through the call it gets, at once or later. */
  @FunctionalInterface
  interface Action {
    void run(StepRun call) throws Exception;
  }

  /** What a step does when it answers at once. */
  @FunctionalInterface
  interface Function {
    Object run(StepRun call) throws Exception;
  }
}
