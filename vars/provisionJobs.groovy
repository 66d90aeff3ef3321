import podwright.Provision

/**
 * Keeps the controller's jobs as a description in the workspace says: plans or applies.
 *
 * @param request what to do; the parameters are listed in provisionJobs.txt
 * @return mode, pending and summary, as a map
 */
Object call(Map request = [:]) {
  return new Provision(this).run(request)
}
