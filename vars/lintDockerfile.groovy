import podwright.Bridge

/**
 * Looks for mistakes and bad habits in Dockerfiles, and fails by a threshold.
 *
 * @param given which files and what of them, by name: see lintDockerfile.txt
 * @return findings (how many) and report (its file), as a map
 */
Object call(Object... given) {
  return new Bridge(this, 'lintDockerfile').command('lint', given, 'dockerfile')
}
