import podwright.Bridge

/**
 * Builds container images, and pushes them, in a pod of its own or in the pod of withBuilderPod.
 *
 * @param request what to build; the parameters are listed in buildImage.txt
 * @param body runs in the pod before the build: checkout scm, for example
 * @return what was built, as a map; with images: a list of maps
 */
Object call(Map request = [:], Closure body = null) {
  return new Bridge(this, 'buildImage').build(request, body)
}

/** The same without parameters: they come from the configuration. */
Object call(Closure body) {
  return call([:], body)
}
