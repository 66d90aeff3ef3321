package podwright

import com.cloudbees.groovy.cps.NonCPS

/** The names of parameters; generated from request.py, `make generate` renews it. */
class Parameters implements Serializable {
  private static final long serialVersionUID = 1L
  private static final Map NAMES = [
@names@
  ]

  /** Returns the names of a step, or with `<step>.images` those of its images, or null. */
  @NonCPS
  static List of(String step) {
    return NAMES.get(step)
  }
}
