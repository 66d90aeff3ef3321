import podwright.Bridge

/**
 * Gives its body a pod that can build images; buildImage inside it uses that pod.
 *
 * @param request which pod; the parameters are listed in withBuilderPod.txt
 * @param body runs in the pod's agent container
 * @return what the body returns
 */
Object call(Map request = [:], Closure body = null) {
  return new Bridge(this, 'withBuilderPod').hold(request, body)
}

/** The same without parameters: the default strategy at its defaults. */
Object call(Closure body) {
  return call([:], body)
}
