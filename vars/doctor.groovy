import podwright.Bridge

/**
 * Says which strategies can run in a namespace of the cluster, and why the others cannot.
 *
 * @param given what to ask, by name: the parameters are listed in doctor.txt
 * @return what was found, as a map
 */
Object call(Object... given) {
  return new Bridge(this, 'doctor').examine(given)
}
