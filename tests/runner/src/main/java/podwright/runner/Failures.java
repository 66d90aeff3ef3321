package podwright.runner;

import hudson.AbortException;
import java.util.ArrayList;
import java.util.List;
import org.jenkinsci.plugins.workflow.steps.FlowInterruptedException;

/** How failures read. */
final class Failures {
  private Failures() {
  }

  /** Returns a failure in one line. */
  static String sentence(Throwable failure) {
    boolean plain = failure instanceof AbortException || failure instanceof PipelineError
        || failure instanceof FlowInterruptedException;
    String message = failure.getMessage();
    return plain && message != null ? message : failure.toString();
  }

  /** Returns what the console log shows at the end of a failed build. */
  static String text(Throwable failure) {
    if (failure instanceof AbortException || failure instanceof FlowInterruptedException) {
      return "ERROR: " + sentence(failure);
    }
    List<String> lines = new ArrayList<>();
    lines.add(failure.toString());
    for (StackTraceElement element : failure.getStackTrace()) {
      if (isPipelineCode(element)) {
        lines.add("\tat " + element);
      }
    }
    return String.join("\n", lines);
  }

  private static boolean isPipelineCode(StackTraceElement element) {
    String file = element.getFileName();
    return file != null && element.getLineNumber() > 0
        && (file.endsWith(".groovy") || file.equals("WorkflowScript"));
  }
}
