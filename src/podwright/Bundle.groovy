package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'b571f492228e87eeee151cd8c1d29d0a65c3fe52c14ff68de076f7e170c8fb76'
  static final String JOBS_SUM = '8eb4b4738b665edac89089306061dcf763d0baf04a42be5d284c1a6aa9d5e578'

  private static final long serialVersionUID = 1L
}
