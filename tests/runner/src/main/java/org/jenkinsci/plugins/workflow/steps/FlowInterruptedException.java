package org.jenkinsci.plugins.workflow.steps;

/** What an aborted or timed-out step ends with; named as in Jenkins, so that pipelines can catch it. */
public class FlowInterruptedException extends InterruptedException {
  private static final long serialVersionUID = 1L;

  private final String result;

  /**
   * @param result result of the build when nobody catches this, ABORTED for example
   * @param cause one line for the log
   */
  public FlowInterruptedException(String result, String cause) {
    super(cause);
    this.result = result;
  }

  public String getResult() {
    return result;
  }
}
