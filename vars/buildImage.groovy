import podwright.Bridge

/**
 * Builds container images, and pushes them, in a pod of its own or in the pod of withBuilderPod.
 *
 * @param given what to build, by name: the parameters are listed in buildImage.txt; and a closure,
 *   which runs in the pod before the build: checkout scm, for example
 * @return what was built, as a map; with images: a list of maps
 */
Object call(Object... given) {
  return new Bridge(this, 'buildImage').build(given)
}
