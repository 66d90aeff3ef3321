package podwright.runner;

import java.io.IOException;
import java.util.function.Consumer;

/** Gives agents to {@code node}. */
interface Launcher {

  /**
   * Returns an agent.
   *
   * @param label the label that was asked for, or null
   * @param pod the pod of the podTemplate around, when the label is its label, else null
   * @param log called with lines for the log
   */
  Agent acquire(String label, Pod pod, Consumer<String> log) throws IOException;

  /** Gives up waiting in {@link #acquire}, because the build is aborted. */
  default void cancel() {
  }
}
