package podwright.runner;

import java.io.IOException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException;

/** Gives agents to {@code node}. */
interface Launcher {

  /**
   * Returns an agent.
   *
   * @param label the label that was asked for, or null
   * @param pod the pod of the podTemplate around, when the label is its label, else null
   * @param request who asks
   * @throws FlowInterruptedException when Jenkins would cancel the item of its queue
   */
  Agent acquire(String label, Pod pod, Request request)
      throws IOException, FlowInterruptedException;

  /**
   * Who asks for an agent.
   *
   * @param log called with lines for the log
   * @param cancelled tells whether the agent is no longer wanted
   * @param lost called with a sentence when the agent is lost while it is held
   */
  record Request(Consumer<String> log, BooleanSupplier cancelled, Consumer<String> lost) {
  }
}
