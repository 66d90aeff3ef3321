package podwright.runner;

/** What ends the whole build at once: the pipeline breaks a rule of CPS, or the runner cannot do it. */
class PipelineError extends RuntimeException {
  private static final long serialVersionUID = 1L;

  PipelineError(String message) {
    super(message);
  }
}
