package podwright.runner;

import java.util.regex.Pattern;
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException;

/** What everything on an agent ends with that is gone: the one failure that conditions of retry are about. */
final class AgentLost extends FlowInterruptedException {
  private static final long serialVersionUID = 1L;
  /** KubernetesAgentErrorCondition: of these a second pod would die as well, or it has ended by itself. */
  private static final Pattern IGNORED =
      Pattern.compile("Reason: (OOMKilled|Completed|DeadlineExceeded)\\b");

  private final String label;

  AgentLost(String why, String label) {
    super("ABORTED", why);
    this.label = label;
  }

  /** Tells whether a condition of retry holds, and says why not in the words of the plugin. */
  boolean meets(Symbol condition, StepRun retry) {
    if (!condition.name().equals("kubernetesAgent")) {
      return condition.name().equals("agent");
    }
    if (IGNORED.matcher(getMessage()).find()) {
      retry.log("Ignored termination reason(s) for purposes of retry: " + getMessage());
      return false;
    }
    boolean others = Boolean.TRUE.equals(condition.arguments().get("handleNonKubernetes"));
    if (!others && retry.context.pod() == null) {
      retry.log("The agent did not look like a Kubernetes agent judging by [" + label
          + "]; make sure retry is inside podTemplate, not outside");
    }
    return others || retry.context.pod() != null;
  }
}
