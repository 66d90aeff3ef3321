package podwright

import com.cloudbees.groovy.cps.NonCPS

/** The names of parameters; generated from request.py, `make generate` renews it. */
class Parameters implements Serializable {
  private static final long serialVersionUID = 1L
  private static final Map NAMES = [
    'buildImage': [
      'image', 'tags', 'context', 'dockerfile', 'target', 'buildArgs', 'labels', 'platforms',
      'reproducible', 'pull', 'push', 'output', 'cache', 'annotations', 'compression', 'network',
      'addHosts', 'ulimits', 'shmSize', 'buildContexts', 'builderOptions', 'secrets', 'ssh', 'lint',
      'verify', 'scan', 'pushApart', 'sbom', 'provenance', 'sign', 'builder', 'registries', 'pool',
      'proxy', 'pod', 'credentials', 'retries', 'record', 'report', 'podPerPlatform', 'timeout',
      'images',
    ],
    'withBuilderPod': [
      'builder', 'registries', 'pool', 'proxy', 'pod',
    ],
    'buildImage.images': [
      'image', 'tags', 'context', 'dockerfile', 'target', 'buildArgs', 'labels', 'platforms',
      'reproducible', 'pull', 'push', 'output', 'cache', 'annotations', 'compression', 'network',
      'addHosts', 'ulimits', 'shmSize', 'buildContexts', 'builderOptions', 'secrets', 'ssh', 'lint',
      'verify', 'scan', 'pushApart', 'sbom', 'provenance', 'sign',
    ],
    'promoteImage': [
      'image', 'to', 'tags', 'credentials', 'registries', 'images',
    ],
    'pushImage': [
      'credentials', 'registries', 'image', 'output', 'tags', 'digest', 'discard', 'platforms',
      'pushed', 'reference', 'cachedSteps', 'seconds', 'daemons',
    ],
    'pruneImages': [
      'credentials', 'registries', 'repository', 'keep', 'olderThan', 'protect', 'match', 'remove',
    ],
    'attestImage': [
      'credentials', 'registries', 'image', 'sbom', 'provenance', 'sign', 'build',
    ],
    'scanImage': [
      'failOn', 'onlyFixed', 'ignore', 'ignoreFile', 'report', 'database', 'databaseDir',
      'databaseAge', 'credentials', 'registries', 'image', 'archive',
    ],
    'verifyImage': [
      'key', 'kms', 'identity', 'issuer', 'trustedRoot', 'attestations', 'credentials',
      'registries', 'image', 'dockerfile', 'buildArgs',
    ],
    'lintDockerfile': [
      'failOn', 'ignore', 'report', 'dockerfile',
    ],
    'promoteImage.images': [
      'image', 'to', 'tags',
    ],
    'doctor': [
      'cloud', 'namespace', 'serviceAccount', 'builders', 'deep', 'base', 'push', 'credentials',
    ],
    'features': [
      'platforms', 'reproducible', 'output', 'cache', 'annotations', 'compression', 'network',
      'addHosts', 'ulimits', 'shmSize', 'buildContexts', 'secrets', 'ssh', 'pool', 'images',
    ],
    'around': [
      'lint', 'verify', 'scan', 'pushApart', 'sbom', 'provenance', 'sign',
    ],
    'choosing': [
      'auto', 'default',
    ],
  ]

  /** Returns the names of a step, or with `<step>.images` those of its images, or null. */
  @NonCPS
  static List of(String step) {
    return NAMES.get(step)
  }
}
