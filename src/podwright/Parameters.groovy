package podwright

import com.cloudbees.groovy.cps.NonCPS

/** The names of parameters; generated from request.py, `make generate` renews it. */
class Parameters implements Serializable {
  private static final long serialVersionUID = 1L
  private static final Map NAMES = [
    buildImage: [
      'image', 'tags', 'context', 'dockerfile', 'target', 'buildArgs', 'labels', 'platforms',
      'pull', 'push', 'output', 'cache', 'secrets', 'ssh', 'builder', 'registries', 'pod',
      'credentials', 'retries', 'record', 'timeout', 'images',
    ],
    withBuilderPod: [
      'builder', 'registries', 'pod',
    ],
    images: [
      'image', 'tags', 'context', 'dockerfile', 'target', 'buildArgs', 'labels', 'platforms',
      'pull', 'push', 'output', 'cache', 'secrets', 'ssh',
    ],
  ]

  /** Returns the names that a step knows, or with 'images' those of each image. */
  @NonCPS
  static List of(String step) {
    return NAMES.get(step)
  }
}
