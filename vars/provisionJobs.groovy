import podwright.Provision

/**
 * Keeps the controller's jobs as a description in the workspace says: plans or applies.
 *
 * @param given what to do, by name: the parameters are listed in provisionJobs.txt
 * @return mode, pending and summary, as a map
 */
Object call(Object... given) {
  return new Provision(this).run(given)
}
