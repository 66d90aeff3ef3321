import podwright.Bridge

/**
 * Gives its body a pod that can build images; buildImage inside it uses that pod.
 *
 * @param given which pod, by name: the parameters are listed in withBuilderPod.txt; and the body,
 *   a closure, which runs in the pod's agent container
 * @return what the body returns
 */
Object call(Object... given) {
  return new Bridge(this, 'withBuilderPod').hold(given)
}
